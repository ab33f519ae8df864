//! The pages of the lab. Plain forms and links: nothing here needs a script.

use axum::http::{HeaderName, header};
use axum::response::{Html, IntoResponse};

use crate::behaviour::Force;
use crate::options::{PASSWORD, RedirectPolicy};
use crate::parameters::Parameters;
use crate::people::Person;
use crate::provider::{Provider, Session};
use crate::request::AuthorizationRequest;
use crate::world::Lab;

/// Forms are posted to the lab, and browsers hold the redirect that follows to the same rule:
/// so every loopback address an application may have is named.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; \
    frame-ancestors 'none'; form-action 'self' http://127.0.0.1:* http://localhost:* \
    https://127.0.0.1:* https://localhost:*";

/// A page with its headers.
pub(crate) type Page = ([(HeaderName, &'static str); 2], Html<String>);

/// The start page: providers, people and how to connect.
pub(crate) fn index(lab: &Lab) -> Page {
    let cards = |essential: bool| -> String {
        let shown = lab.all_providers();
        let shown = shown.filter(|provider| provider.character.is_essential == essential);
        shown.map(provider_card).collect()
    };
    let (essential, special) = (cards(true), cards(false));
    let people: String = lab.people().iter().map(person_row).collect();
    let options = lab.options();
    let body = format!(
        r#"<h1>The lab</h1>
<p class="lead">A small world to try Muster in. Every provider below has the same people and the same client; they differ in what they do when an application demands a fresh sign-in.</p>
<section aria-labelledby="client"><h2 id="client">Client</h2>
<dl class="facts"><div><dt>Client ID</dt><dd><code>{id}</code></dd></div><div><dt>Client secret</dt><dd><code>{secret}</code></dd></div><div><dt>Redirect address</dt><dd>{redirects}</dd></div><div><dt>Scopes</dt><dd><code>openid profile email groups</code></dd></div><div><dt>Password of everyone</dt><dd><code>{PASSWORD}</code></dd></div></dl></section>
<section aria-labelledby="providers"><h2 id="providers">Providers</h2><p>A console started with <code>--lab</code> has these four connected.</p><ul class="cards">{essential}</ul></section>
<section aria-labelledby="special"><h2 id="special">Special troubles</h2><p>Connect one of these yourself, with its issuer and the client above.</p><ul class="cards">{special}</ul></section>
<section aria-labelledby="people"><h2 id="people">People</h2>
<div class="scroll" role="region" aria-label="Table of people" tabindex="0"><table><thead><tr><th scope="col">Username</th><th scope="col">Name</th><th scope="col">E-mail</th><th scope="col">Groups</th></tr></thead><tbody>{people}</tbody></table></div></section>"#,
        id = escape(&options.client_id),
        secret = escape(&options.client_secret),
        redirects = redirects(&options.redirects),
    );
    page("The lab", &body)
}

fn redirects(policy: &RedirectPolicy) -> String {
    match policy {
        RedirectPolicy::AnyLoopback => "any on 127.0.0.1, localhost or [::1]".to_owned(),
        RedirectPolicy::Listed(listed) => {
            let each = listed.iter().map(|address| escape(address.as_str()));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

fn provider_card(provider: &Provider) -> String {
    let character = provider.character;
    format!(
        r#"<li class="card" id="{slug}"><h3>{name}</h3><p>{sentence}</p><dl class="facts"><div><dt>Issuer</dt><dd><code>{issuer}</code></dd></div><div><dt>Expected verdict</dt><dd><strong>{verdict}</strong>. {reason}</dd></div>{acr}</dl><p><a href="/{slug}/.well-known/openid-configuration">Discovery document of {name}</a></p></li>"#,
        slug = character.slug,
        name = character.name,
        sentence = character.sentence,
        issuer = escape(&provider.issuer),
        verdict = character.expected_verdict,
        reason = character.reason,
        acr = character.acr.map_or_else(String::new, |acr| format!(
            "<div><dt>To be demanded</dt><dd>context class <code>{acr}</code></dd></div>"
        )),
    )
}

fn person_row(person: &Person) -> String {
    let email = match (&person.email, person.email_verified) {
        (Some(email), true) => escape(email),
        (Some(email), false) => format!("{} <em>(not verified)</em>", escape(email)),
        (None, _) => "<em>none</em>".to_owned(),
    };
    let groups = if person.groups.is_empty() {
        "<em>none</em>".to_owned()
    } else {
        escape(&person.groups.join(", "))
    };
    format!(
        r#"<tr><th scope="row"><code>{}</code></th><td dir="auto">{}</td><td>{email}</td><td>{groups}</td></tr>"#,
        escape(person.username),
        escape(person.name),
    )
}

/// What was wrong with what was typed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    Username,
    Password,
}

impl Mistake {
    fn text(self) -> &'static str {
        match self {
            Self::Username => {
                "Nobody in the lab has this username. The list below shows all of them."
            }
            Self::Password => "The password is wrong. Everyone in the lab has the same one.",
        }
    }
}

/// What the sign-in page shows.
pub(crate) struct SignInPage<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) provider: &'a Provider,
    pub(crate) request: &'a AuthorizationRequest,
    pub(crate) key: &'a str,
    pub(crate) typed: &'a str,
    pub(crate) error: Option<Mistake>,
    pub(crate) session: Option<Session>,
}

/// The page where a person proves who they are.
pub(crate) fn sign_in(page_data: &SignInPage<'_>) -> Page {
    let SignInPage {
        lab,
        provider,
        typed,
        error,
        ..
    } = page_data;
    let character = provider.character;
    let alert = error.map_or_else(String::new, |mistake| {
        let text = mistake.text();
        format!(r#"<p class="error" id="error" role="alert">{text}</p>"#)
    });
    let blame = |field: Mistake| match *error == Some(field) {
        true => (r#" aria-invalid="true""#, "error "),
        false => ("", ""),
    };
    let (wrong_name, name_error) = blame(Mistake::Username);
    let (wrong_password, password_error) = blame(Mistake::Password);
    let options: String = lab.people().iter().map(person_option).collect();
    let people: String = lab.people().iter().map(person_row).collect();
    let body = format!(
        r#"<div class="narrow"><h1>Sign in at {name}</h1>
<p class="lead">{sentence}</p>{session}{sent}
<form method="post" action="/{slug}/sign-in/{key}" class="card">{alert}
<label for="username">Username</label>
<input id="username" name="username" value="{typed}" list="usernames" autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="{name_error}username-help" required{wrong_name}>
<p class="help" id="username-help">Of anyone in the list below.</p>
<datalist id="usernames">{options}</datalist>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" aria-describedby="{password_error}password-help" required{wrong_password}>
<p class="help" id="password-help">The password of everyone in the lab is <code>{PASSWORD}</code>.</p>
<div class="actions"><button id="sign-in" class="primary" name="action" value="sign-in">Sign in</button><button id="cancel" name="action" value="cancel" formnovalidate>Cancel</button></div>
</form></div>
<section aria-labelledby="people"><h2 id="people">Who can sign in</h2><div class="scroll" role="region" aria-label="Table of people" tabindex="0"><table><thead><tr><th scope="col">Username</th><th scope="col">Name</th><th scope="col">E-mail</th><th scope="col">Groups</th></tr></thead><tbody>{people}</tbody></table></div></section>"#,
        name = character.name,
        sentence = character.sentence,
        session = session_note(page_data),
        sent = sent_note(page_data.request, character.behaviour.force),
        slug = character.slug,
        key = escape(page_data.key),
        typed = escape(typed),
    );
    page(&format!("Sign in at {}", character.name), &body)
}

fn person_option(person: &Person) -> String {
    format!(
        r#"<option value="{}">{}</option>"#,
        escape(person.username),
        escape(person.name)
    )
}

fn session_note(page_data: &SignInPage<'_>) -> String {
    let Some(session) = &page_data.session else {
        return String::new();
    };
    format!(
        r#"<p class="note" id="session">This browser is signed in as <strong>{}</strong> since <time datetime="{}">{}</time>. The application demanded a fresh sign-in, so {} asks again.</p>"#,
        escape(session.person.name),
        session.signed_in.to_rfc3339(),
        session.signed_in.format("%Y-%m-%d %H:%M:%S UTC"),
        page_data.provider.character.name,
    )
}

fn sent_note(request: &AuthorizationRequest, force: Force) -> String {
    if request.sent.is_empty() {
        return String::new();
    }
    let rows: String = request
        .sent
        .iter()
        .map(|(name, value)| {
            format!(
                "<div><dt><code>{name}</code></dt><dd><code>{}</code></dd></div>",
                escape(value)
            )
        })
        .collect();
    let remark = match force {
        Force::Obeyed => "",
        Force::Refused(_) => "<p>This provider refuses whoever demands it.</p>",
        Force::Ignored => "<p>This provider heeds none of it once it has a session.</p>",
    };
    format!(
        r#"<details><summary>What the application sent</summary>{remark}<dl class="facts">{rows}</dl></details>"#
    )
}

/// Asks before signing out a browser that came without proof of being sent by the application.
pub(crate) fn confirm_logout(provider: &Provider, sent: &Parameters) -> Page {
    let character = provider.character;
    let hidden: String = [
        "id_token_hint",
        "client_id",
        "post_logout_redirect_uri",
        "state",
    ]
    .into_iter()
    .filter_map(|name| Some((name, sent.get(name)?)))
    .map(|(name, value)| {
        let value = escape(value);
        format!(r#"<input type="hidden" name="{name}" value="{value}">"#)
    })
    .collect();
    let body = format!(
        r#"<div class="narrow"><h1>Sign out of {name}</h1><p class="lead">An application asks to end your session at {name}.</p>
<form method="post" action="/{slug}/end-session" class="card">{hidden}<div class="actions"><button id="sign-out" class="primary" name="confirm" value="yes">Sign out of {name}</button></div></form></div>"#,
        name = character.name,
        slug = character.slug,
    );
    page(&format!("Sign out of {}", character.name), &body)
}

/// The end of a logout that leads nowhere else.
pub(crate) fn logged_out(provider: &Provider) -> Page {
    let name = provider.character.name;
    let body = format!(
        r#"<div class="narrow"><h1>Signed out</h1><p class="lead">This browser has no session at {name} any more.</p><p><a href="/">Back to the lab</a></p></div>"#
    );
    page("Signed out", &body)
}

/// Something the person at the browser has to know.
pub(crate) fn problem(text: &str) -> Page {
    let body = format!(
        r#"<div class="narrow"><h1>This does not work</h1><p class="lead" id="problem">{}</p><p><a href="/">Back to the lab</a></p></div>"#,
        escape(text)
    );
    page("This does not work", &body)
}

/// `GET /lab.css`
pub(crate) async fn stylesheet() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("lab.css"))
}

fn page(title: &str, body: &str) -> Page {
    let html = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>{title} · Muster lab</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/lab.css"></head>
<body><header class="banner" id="lab-banner"><a href="/">Muster lab</a><span>Not a real identity provider</span></header>
<main>{body}</main></body></html>"#
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(html))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_shown_and_not_obeyed() {
        let (_, Html(html)) = problem(r#"<img src=x onerror="alert('1')">"#);
        assert!(html.contains("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;"));
        assert!(!html.contains("<img"));
    }
}
