//! The examination of a provider: everything worth knowing before the first person signs in, in words.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::protocol::{Connection, Finding, Level};
use secrecy::ExposeSecret as _;
use url::Url;

use crate::address;
use crate::codes;
use crate::discovery::{self, Document, WELL_KNOWN};
use crate::http::Http;
use crate::jws::ACCEPTED;
use crate::keys::KeySet;
use crate::profile::{ClientAuth, Profile, Push};
use crate::request_object;
use crate::vendor;
use crate::words::clean;

/// Looks at a provider. Always fetches anew: somebody is waiting to see whether a change helped.
pub(crate) async fn examine(
    http: &Http,
    now: DateTime<Utc>,
    connection: &Connection<'_>,
) -> Vec<Finding> {
    let mut seen = Vec::new();
    let profile = match Profile::of(connection) {
        Ok(profile) => profile,
        Err(error) => return vec![problem(error)],
    };
    if let Some(finding) = issuer_form(profile.issuer) {
        seen.push(finding);
    }
    let document = match discovery::fetch(http, profile.issuer).await {
        Ok(document) => document,
        Err(error) => {
            seen.push(problem(error));
            return seen;
        }
    };
    seen.push(good("The discovery document was read."));
    seen.push(match discovery::same_issuer(&document, profile.issuer) {
        Ok(()) => good("The issuer matches exactly."),
        Err(error) => problem(error),
    });
    seen.extend(
        vendor::product(profile.issuer, &document)
            .map(|name| note(format!("It looks like {name}."))),
    );
    endpoints(http, &document, &mut seen);
    flow(&document, &mut seen);
    seen.extend(client_auth(&document, &profile));
    algorithms(&document, &mut seen);
    keys(http, &document, &mut seen).await;
    forcing(&document, &profile, &mut seen);
    seen.extend(signing(&document, &profile));
    extras(&document, &profile, &mut seen);
    seen.extend(document.date.map(|theirs| clocks(theirs, now)));
    seen
}

/// Slips in the issuer that explain what fails afterwards.
fn issuer_form(issuer: &str) -> Option<Finding> {
    if let Some((base, _)) = issuer.split_once(WELL_KNOWN) {
        return Some(caution(
            "The issuer ends with the path of the discovery document.",
            format!("Enter it without that path: {}", clean(base)),
        ));
    }
    let url = Url::parse(issuer).ok()?;
    let is_here = url.host().is_some_and(|host| address::is_loopback(&host));
    (url.scheme() == "http" && is_here).then(|| {
        caution(
            "The address begins with http:// and leads to this very machine.",
            "Good for trying. Use https:// for everything else.",
        )
    })
}

fn endpoints(http: &Http, document: &Document, seen: &mut Vec<Finding>) {
    for (key, name) in [
        ("authorization_endpoint", "an authorization endpoint"),
        ("token_endpoint", "a token endpoint"),
        ("jwks_uri", "the address of its keys (jwks_uri)"),
    ] {
        match discovery::endpoint(document, key, http.guard()) {
            Ok(Some(_)) => {}
            Ok(None) => seen
                .push(problem(codes::DISCOVERY_INCOMPLETE.saying(format!(
                    "The discovery document does not name {name}."
                )))),
            Err(error) => seen.push(problem(error)),
        }
    }
    for key in [
        "userinfo_endpoint",
        "end_session_endpoint",
        "pushed_authorization_request_endpoint",
    ] {
        if let Err(error) = discovery::endpoint(document, key, http.guard()) {
            seen.push(problem(error));
        }
    }
}

fn flow(document: &Document, seen: &mut Vec<Finding>) {
    if document.names("response_types_supported", "code") {
        seen.push(good("It offers the authorization code flow."));
    } else {
        seen.push(Finding {
            level: Level::Problem,
            text: "It does not offer the authorization code flow.".to_owned(),
            next: Some(
                "Enable the authorization code flow (response type code) at the provider."
                    .to_owned(),
            ),
        });
    }
    seen.push(match document.list("code_challenge_methods_supported") {
        Some(methods) if methods.contains(&"S256") => good("It offers PKCE with S256."),
        Some(_) => caution(
            "It offers PKCE, but not with S256.",
            "PKCE with S256 is sent all the same. If sign-in fails, enable S256 at the provider.",
        ),
        None => {
            note("It does not say whether it supports PKCE. PKCE with S256 is sent all the same.")
        }
    });
}

fn client_auth(document: &Document, profile: &Profile<'_>) -> Option<Finding> {
    let has_secret = profile
        .secret
        .is_some_and(|secret| !secret.expose_secret().is_empty());
    let offered = document.list("token_endpoint_auth_methods_supported")?;
    let needed: &[&str] = match (has_secret, profile.client_auth) {
        (false, _) => &["none"],
        (true, ClientAuth::Auto) => &["client_secret_basic", "client_secret_post"],
        (true, ClientAuth::Basic) => &["client_secret_basic"],
        (true, ClientAuth::Post) => &["client_secret_post"],
    };
    if needed.iter().any(|method| offered.contains(method)) {
        return None;
    }
    let shown = clean(&offered.join(", "));
    Some(if has_secret {
        caution(
            format!(
                "It does not offer {}. It offers: {shown}.",
                needed.join(" or ")
            ),
            "Choose a client authentication method that the provider offers.",
        )
    } else {
        caution(
            "No client secret is set, and it does not offer public clients.",
            "Enter the client secret from the provider.",
        )
    })
}

fn algorithms(document: &Document, seen: &mut Vec<Finding>) {
    let Some(offered) = document.list("id_token_signing_alg_values_supported") else {
        seen.push(note(
            "It does not say how it signs ID tokens. RS256 is assumed.",
        ));
        return;
    };
    let usable: Vec<&str> = offered
        .iter()
        .copied()
        .filter(|name| ACCEPTED.iter().any(|(accepted, _)| accepted == name))
        .collect();
    seen.push(if usable.is_empty() {
        Finding {
            level: Level::Problem,
            text: format!(
                "It signs ID tokens with {}, none of which is accepted.",
                clean(&offered.join(", "))
            ),
            next: Some("Let the provider sign with RS256, PS256, ES256 or EdDSA.".to_owned()),
        }
    } else {
        good(format!("It signs ID tokens with {}.", usable.join(", ")))
    });
    if offered.iter().any(|name| name.eq_ignore_ascii_case("none")) {
        seen.push(note(
            "It also offers unsigned ID tokens (none). They are never accepted.",
        ));
    }
}

async fn keys(http: &Http, document: &Document, seen: &mut Vec<Finding>) {
    let Ok(Some(url)) = discovery::endpoint(document, "jwks_uri", http.guard()) else {
        return;
    };
    let set = match KeySet::fetch(http, &url).await {
        Ok(set) => set,
        Err(error) => return seen.push(problem(error)),
    };
    let census = set.census();
    seen.push(match census.usable {
        0 => problem(codes::KEYS_UNUSABLE.error()),
        1 => good("It publishes one usable signing key."),
        count => good(format!("It publishes {count} usable signing keys.")),
    });
    if census.weak > 0 {
        seen.push(caution(
            format!(
                "RSA keys below 2048 bits among its keys: {}. Tokens signed with them are refused.",
                census.weak
            ),
            "Give the provider stronger signing keys.",
        ));
    }
}

fn forcing(document: &Document, profile: &Profile<'_>, seen: &mut Vec<Finding>) {
    match document.list("prompt_values_supported") {
        Some(values) if values.contains(&"login") => {
            seen.push(good("It says that it understands prompt=login."));
        }
        Some(values) if profile.prompt == Some("login") => seen.push(caution(
            format!("It does not name login among the prompts it understands ({}).", clean(&values.join(", "))),
            "Test re-authentication. If it does not ask again, try a context class or another maximum age.",
        )),
        _ => seen.push(note("It does not say which prompts it understands. The test of re-authentication shows it.")),
    }
    if document.names("claims_supported", "auth_time") {
        seen.push(good(
            "It says that it can state the time of sign-in (auth_time).",
        ));
    } else {
        seen.push(note(
            "It does not say that it can state the time of sign-in (auth_time). Many do so all the same; the test shows it.",
        ));
    }
    match document.flag("claims_parameter_supported") {
        Some(true) => seen.push(good("It takes requests for single claims, such as the time of sign-in.")),
        _ => seen.push(note("It does not promise to take requests for single claims. They are sent only to force a new sign-in.")),
    }
    if let (Some(required), Some(offered)) =
        (profile.required_acr, document.list("acr_values_supported"))
        && !offered.contains(&required)
    {
        seen.push(caution(
            format!(
                "The required context class {required} is not among those it names: {}.",
                clean(&offered.join(", "))
            ),
            "Choose one of the context classes that the provider names.",
        ));
    }
    let pushes = document
        .text("pushed_authorization_request_endpoint")
        .is_some();
    let demands = document
        .flag("require_pushed_authorization_requests")
        .unwrap_or(false);
    seen.push(match (pushes, profile.push != Push::Never) {
        (true, true) => good("It takes pushed requests, so that the browser cannot strip what forces a new sign-in."),
        (true, false) if demands => caution(
            "It demands pushed requests, but they are set to never.",
            "Set pushed requests to “When the provider offers them”.",
        ),
        (true, false) => note("It takes pushed requests, but they are set to never."),
        (false, _) if profile.push == Push::Always => problem(codes::PUSH_MISSING.error()),
        (false, _) => note("It takes no pushed requests. The stated time of sign-in decides, as the browser could change the request."),
    });
}

/// Whether it takes signed requests (RFC 9101 section 9; OIDC Discovery section 3: left out means no).
fn signing(document: &Document, profile: &Profile<'_>) -> Option<Finding> {
    let takes = document.flag("request_parameter_supported") == Some(true);
    let algorithm = document
        .list("request_object_signing_alg_values_supported")
        .is_none_or(|offered| offered.contains(&request_object::ALGORITHM));
    let demands = document.flag("require_signed_request_object") == Some(true);
    match (profile.signs, takes, demands) {
        (true, true, _) if algorithm => Some(good(
            "It takes signed requests, so that the browser cannot change them.",
        )),
        (true, true, _) => Some(caution(
            "It takes signed requests, but does not name ES256 among the algorithms for them.",
            "Have it accept ES256, or set signed requests to “Not signed”.",
        )),
        (true, false, _) => Some(caution(
            "It does not say that it takes signed requests.",
            "Test a sign-in. If it fails, set signed requests to “Not signed”.",
        )),
        (false, _, true) => Some(caution(
            "It demands signed requests, but they are set to “Not signed”.",
            "Set signed requests to “Signed” and enter the address of the keys there.",
        )),
        (false, _, false) => None,
    }
}

fn extras(document: &Document, profile: &Profile<'_>, seen: &mut Vec<Finding>) {
    seen.push(if document.flag("authorization_response_iss_parameter_supported") == Some(true) {
        good("Its answers say which provider they come from (RFC 9207).")
    } else {
        note("Its answers do not say which provider they come from. The redirect address, one for each provider, tells them apart.")
    });
    seen.push(if document.text("end_session_endpoint").is_some() {
        good("It offers sign-out at the provider as well.")
    } else {
        note(
            "It offers no sign-out at the provider: signing out here leaves its own session alone.",
        )
    });
    if let Some(offered) = document.list("scopes_supported") {
        let missing: Vec<&str> = profile
            .scopes
            .iter()
            .copied()
            .filter(|scope| !offered.contains(scope))
            .collect();
        if !missing.is_empty() {
            seen.push(caution(
                format!(
                    "It does not name these scopes: {}.",
                    clean(&missing.join(", "))
                ),
                "Remove them, or check their spelling. Some providers do not list all scopes.",
            ));
        }
    }
}

/// HTTP dates have whole seconds, and the answer took a moment: less than two seconds is no difference.
fn clocks(theirs: DateTime<Utc>, now: DateTime<Utc>) -> Finding {
    let ahead = theirs - now;
    let seconds = ahead.num_seconds().abs();
    let side = if ahead < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    match seconds {
        0..=2 => good("Its clock agrees with this server's."),
        3..=30 => note(format!("Its clock is {seconds} s {side} this server's.")),
        31..=120 => caution(
            format!(
                "Its clock is {seconds} s {side} this server's. More than 60 s are followed only once they are measured, more than 120 s never."
            ),
            "Synchronise both clocks (NTP).",
        ),
        _ => Finding {
            level: Level::Problem,
            text: format!(
                "Its clock is {seconds} s {side} this server's. More than 120 s make sign-in or re-authentication fail."
            ),
            next: Some("Synchronise both clocks (NTP).".to_owned()),
        },
    }
}

fn good(text: impl Into<String>) -> Finding {
    Finding {
        level: Level::Good,
        text: text.into(),
        next: None,
    }
}

fn note(text: impl Into<String>) -> Finding {
    Finding {
        level: Level::Note,
        text: text.into(),
        next: None,
    }
}

fn caution(text: impl Into<String>, next: impl Into<String>) -> Finding {
    Finding {
        level: Level::Caution,
        text: text.into(),
        next: Some(next.into()),
    }
}

fn problem(error: Error) -> Finding {
    Finding {
        level: Level::Problem,
        text: format!("{} ({})", error.public, error.code),
        next: error.next.map(std::borrow::Cow::into_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_is_told_with_its_side() {
        let now = DateTime::from_timestamp(1_795_262_400, 0).unwrap();
        for (ahead, level, words) in [
            (0, Level::Good, "agrees"),
            (-2, Level::Good, "agrees"),
            (10, Level::Note, "10 s ahead of"),
            (-40, Level::Caution, "40 s behind"),
            (61, Level::Caution, "61 s ahead of"),
            (121, Level::Problem, "121 s ahead of"),
        ] {
            let finding = clocks(now + TimeDelta::seconds(ahead), now);
            assert_eq!(finding.level, level, "{ahead}");
            assert!(finding.text.contains(words), "{finding:?}");
        }
    }
}
