//! What the claims say about the person.

use serde_json::Value;

use super::known::Arrival;
use super::told::{About, Note, shown};
use super::{JitRules, Refusal};
use crate::claims::Claims;
use crate::name;
use crate::record::Attributes;

/// What to look up before [`super::decide`]: whose username it is, who has the e-mail address, which groups exist.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// The username that the claims state, if an acceptable one. Look up by [`name::key`].
    pub username: Option<String>,
    /// The e-mail address, if an acceptable one.
    pub email: Option<String>,
    /// [`name::key`]s of the groups that the decision may touch, each once.
    pub group_keys: Vec<String>,
}

/// What to look up for this arrival.
#[must_use]
pub fn wanted(arrival: &Arrival<'_>, rules: &JitRules) -> Wanted {
    Wanted {
        username: username(arrival, rules).ok(),
        email: email(arrival.claims),
        group_keys: super::groups::keys(arrival, rules),
    }
}

/// What one claim says.
enum Said<'a> {
    /// Nothing: the claim is absent, or of another type.
    Nothing,
    /// That there is none: null or an empty text.
    None,
    /// This.
    Text(&'a str),
}

fn said<'a>(claims: &'a Claims, claim: &str) -> Said<'a> {
    match claims.get(claim) {
        Some(Value::Null) => Said::None,
        Some(Value::String(text)) if text.trim().is_empty() => Said::None,
        Some(Value::String(text)) => Said::Text(text.trim()),
        _ => Said::Nothing,
    }
}

/// The acceptable e-mail address, if one is stated.
pub(super) fn email(claims: &Claims) -> Option<String> {
    name::check_email(claims.text("email")?).ok()
}

/// The username: the configured claim; else the e-mail address; else the subject, if a person could have chosen it.
/// A claim that is stated but cannot be accepted is refused rather than quietly replaced by another.
pub(super) fn username(arrival: &Arrival<'_>, rules: &JitRules) -> Result<String, Refusal> {
    let claim = rules.username_claim.trim();
    if let Some(stated) = arrival.claims.text(claim).filter(|_| !claim.is_empty()) {
        return accept(stated);
    }
    if let Some(email) = email(arrival.claims) {
        return accept(&email);
    }
    if is_tidy(arrival.subject) {
        return accept(arrival.subject);
    }
    Err(Refusal::UsernameMissing {
        provider: arrival.provider.name.clone(),
        claim: claim.to_owned(),
    })
}

fn accept(stated: &str) -> Result<String, Refusal> {
    if name::is_reserved(stated) {
        return Err(Refusal::UsernameReserved {
            username: shown(stated),
        });
    }
    name::check_username(stated).map_err(|refused| Refusal::UsernameInvalid {
        username: shown(stated),
        why: refused.message,
    })
}

/// Whether a subject looks chosen by a person rather than made by a machine: short, begins with a letter, plain
/// characters, and neither an id (UUID) nor a number in hexadecimal.
fn is_tidy(subject: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let hexadecimal =
        subject.len() >= 12 && subject.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let machine_made = hexadecimal || uuid::Uuid::parse_str(subject).is_ok();
    subject.len() <= 32
        && subject.starts_with(|c: char| c.is_ascii_alphabetic())
        && subject.chars().all(plain)
        && !machine_made
}

/// All attributes as they are now: what is stated, and what was applied last where nothing is said.
pub(super) fn attributes(
    claims: &Claims,
    username: Option<&str>,
    last: Option<&Attributes>,
    notes: &mut Vec<Note>,
) -> Attributes {
    let mut now = Attributes::new();
    let before = |attribute: &str| last.and_then(|last| last.get(attribute));
    if let Some(username) = username.or_else(|| before("username").map(String::as_str)) {
        now.insert("username".to_owned(), username.to_owned());
    }
    for (attribute, check) in CHECKS {
        let value = match said(claims, attribute) {
            Said::None => None,
            Said::Nothing => before(attribute).cloned(),
            Said::Text(text) => check(text).or_else(|| {
                notes.push(Note::new(
                    About::Attributes,
                    format!("The claim “{attribute}” holds “{}”, which cannot be accepted. It was left out.", shown(text)),
                ));
                before(attribute).cloned()
            }),
        };
        if let Some(value) = value {
            now.insert(attribute.to_owned(), value);
        }
    }
    let display_name = display_name(claims, &now, last);
    now.extend(display_name.map(|name| ("display_name".to_owned(), name)));
    // The set of keys is kept small on purpose: any other claim stays with the sign-in record, redacted.
    now
}

type Check = fn(&str) -> Option<String>;

/// Attributes that are taken from the claim of the same name (OIDC Core section 5.1).
const CHECKS: [(&str, Check); 4] = [
    ("given_name", |text| name::check_display_name(text).ok()),
    ("family_name", |text| name::check_display_name(text).ok()),
    ("email", |text| name::check_email(text).ok()),
    ("locale", locale),
];

/// A language tag (BCP 47; some providers write `de_DE`).
fn locale(text: &str) -> Option<String> {
    let fits = text.len() <= 35
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    fits.then(|| text.to_owned())
}

/// The claim `name`; else given and family name; else the username. Where none of the three claims is stated, the
/// name applied last stays, unless it was the username for want of a better one.
fn display_name(claims: &Claims, now: &Attributes, last: Option<&Attributes>) -> Option<String> {
    if let Said::Text(text) = said(claims, "name")
        && let Ok(accepted) = name::check_display_name(text)
    {
        return Some(accepted);
    }
    let silent = ["name", "given_name", "family_name"]
        .into_iter()
        .all(|claim| matches!(said(claims, claim), Said::Nothing));
    if silent && let Some(last) = last {
        let kept = last.get("display_name");
        if kept.is_some() && kept != last.get("username") {
            return kept.cloned();
        }
    }
    let parts = [now.get("given_name"), now.get("family_name")];
    let joined = parts
        .into_iter()
        .flatten()
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    name::check_display_name(&joined)
        .ok()
        .or_else(|| now.get("username").cloned())
}
