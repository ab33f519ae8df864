//! Passwords of other people: a link to choose one, and a change that is wanted. No administrator needs to know any.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::id::UserId;
use muster_services::reset::{self, Made};
use muster_services::users::UserDetail;
use muster_services::{forced, users};
use secrecy::ExposeSecret as _;

use super::id_of;
use crate::components::{
    Callout, Card, ConfirmDialog, CopyText, Crumb, LinkButton, Look, Page, PostButton, Tone, When,
    Width, Written,
};
use crate::visit::{Answer, Visit};

/// `POST /users/{id}/password/link`
///
/// # Errors
/// Without permission; without presence for somebody who holds a role; where no link is to be had.
pub async fn make(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let elevated = visit.call.elevated().ok();
    match reset::make_for(&visit.services, &visit.call, elevated.as_ref(), id).await? {
        Made::Sent(address) => {
            let words = format!("A link to choose a password is on its way to {address}.");
            visit.done(&format!("/users/{id}"), &words).await
        }
        Made::Handed { link, until } => {
            let person = users::detail(&visit.services, &visit.call, id).await?;
            let (name, now) = (person.user.display_name, visit.now());
            let (link, back) = (link.expose_secret().to_owned(), format!("/users/{id}"));
            let title = format!("A link for {name}");
            visit
                .console_with(StatusCode::OK, &title.clone(), "/users", move || {
                    view! {
                        <Page title purpose="Whoever opens it chooses the password of this account." crumbs=vec![Crumb::new("/users", "Users"), Crumb::new(back.clone(), name)] width=Width::Narrow>
                            <Card>
                                <Callout tone=Tone::Caution title="It is shown this once">
                                    <p>"Hand it to the person themselves, on a way nobody else reads. It counts once, until " <When at=until now written=Written::Exact/> "."</p>
                                </Callout>
                                <CopyText value=link label="link"/>
                                <p class="help">"Until they change their password again, it counts as opened by you: whoever grants them a role is told."</p>
                                <LinkButton href=back>"Back to the person"</LinkButton>
                            </Card>
                        </Page>
                    }
                    .into_any()
                })
                .await
        }
    }
}

/// `POST /users/{id}/password/expire`
///
/// # Errors
/// Without permission; without presence for somebody who holds a role; for somebody without a password.
pub async fn expire(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let elevated = visit.call.elevated().ok();
    forced::want(&visit.services, &visit.call, elevated.as_ref(), id).await?;
    let words = "They choose another password at their next sign-in. Their sessions have ended.";
    visit.done(&format!("/users/{id}"), words).await
}

/// How a link to choose a password reaches the person of a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Links {
    /// None is needed: the viewer is that person.
    Own,
    /// By e-mail.
    Sent,
    /// By hand: no messages are sent.
    Handed,
}

/// Sends a link, or shows one to hand over.
pub(super) fn link(person: &UserDetail, links: Links) -> Option<AnyView> {
    if links == Links::Own || !person.user.is_active() || person.user.break_glass {
        return None;
    }
    let action = format!("/users/{}/password/link", person.user.id);
    let (words, help) = match (&person.user.email, links) {
        (Some(address), Links::Sent) => (
            "Send a link",
            format!("To {address}: it lets them choose a password, once, within a day."),
        ),
        _ => (
            "Make a link to hand over",
            "It lets them choose a password, once, within a day. It is shown to you once."
                .to_owned(),
        ),
    };
    Some(view! { <PostButton action look=Look::Primary>{words}</PostButton><p class="help">{help}</p> }.into_any())
}

/// Wants another password.
pub(super) fn change(person: &UserDetail, links: Links) -> Option<AnyView> {
    if links == Links::Own || person.password_set_at.is_none() {
        return None;
    }
    if person.must_change_password {
        return Some(
            view! { <p class="help">"They choose another one at their next sign-in."</p> }
                .into_any(),
        );
    }
    let action = format!("/users/{}/password/expire", person.user.id);
    Some(
        view! {
            <ConfirmDialog
                id="expire-password"
                trigger="Have it changed"
                title="Have the password changed?"
                confirm="Have it changed"
                action
            >
                <p>"Their sessions end. At the next sign-in they choose another password before anything else."</p>
            </ConfirmDialog>
        }
        .into_any(),
    )
}
