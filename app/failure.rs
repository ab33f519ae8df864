//! The page for what could not be done: what happened, what to do next, a stable code.

use leptos::prelude::*;
use muster_domain::Kind;
use muster_web::FailureView;

use crate::components::{Frame, LinkButton, Look, Plain, Problem};
use crate::shell::{Head, document};
use crate::visit::{account, encoded, navigation, running};

/// Draws the page: inside the console for people who are signed in, plain for everybody else.
#[must_use]
pub fn page(failure: &FailureView<'_>) -> String {
    let head = Head {
        title: title(failure.error.kind).to_owned(),
        nonce: failure.nonce.to_owned(),
        refresh: None,
        mark: None,
    };
    document(&head, failure.assets, || {
        match failure.call.filter(|call| call.person().is_some()) {
            Some(call) => {
                let nav = navigation(call, "");
                let (account, elevation, now) = (account(call), running(call, "/"), call.at);
                let content = problem(failure);
                view! { <Frame nav account elevation now>{content}</Frame> }.into_any()
            }
            None => {
                let content = problem(failure);
                view! { <Plain>{content}</Plain> }.into_any()
            }
        }
    })
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "Not here",
        Kind::SignInNeeded => "Sign in",
        Kind::Forbidden | Kind::ElevationNeeded => "Not allowed",
        Kind::Unavailable => "Not available",
        _ => "This did not work",
    }
}

fn problem(failure: &FailureView<'_>) -> AnyView {
    let error = failure.error;
    let actions = match error.kind {
        Kind::SignInNeeded => {
            let href = format!("/signin?return_to={}", encoded(failure.asked));
            view! { <LinkButton href look=Look::Primary>"Sign in"</LinkButton> }.into_any()
        }
        Kind::ElevationNeeded => {
            let href = format!("/elevate?return_to={}", encoded(failure.asked));
            view! { <LinkButton href look=Look::Primary>"Start secure session"</LinkButton> }
                .into_any()
        }
        // Whoever opens an application may have no console.
        _ if error.code.starts_with("FWD") => {
            view! { <LinkButton href="/me">"Your own page"</LinkButton> }.into_any()
        }
        _ if error.code.starts_with("AUTH")
            || error.code.starts_with("OIDC")
            || error.code.starts_with("JIT") =>
        {
            view! { <LinkButton href="/signin">"Back to sign-in"</LinkButton> }.into_any()
        }
        _ => view! { <LinkButton href="/">"Go to the overview"</LinkButton> }.into_any(),
    };
    let fields = error
        .fields
        .iter()
        .map(|field| field.message.clone())
        .collect::<Vec<_>>()
        .join(" ");
    let why = (!fields.is_empty()).then_some(fields);
    view! {
        <Problem what=error.public.to_string() why=why next=error.next.as_ref().map(ToString::to_string) code=error.code request_id=failure.request_id.to_owned() actions/>
    }
    .into_any()
}
