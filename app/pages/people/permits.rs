//! Leave to add a first second factor without a secure session: given and taken back on a person's page, shown to both.

use axum::extract::Path;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::factor::Permit;
use muster_domain::id::UserId;
use muster_services::factors::permit;

use super::factors::Theirs;
use super::id_of;
use crate::components::{
    Callout, Card, ConfirmDialog, LinkButton, Look, PostButton, Tone, When, exact,
};
use crate::visit::{Answer, Visit};

/// What the person is told on their own page.
pub(super) fn own(permit: &Permit, now: DateTime<Utc>) -> AnyView {
    let title = format!("{} lets you add your first one", permit.granted_by);
    let until = permit.expires_at;
    let action = view! { <LinkButton href="/me/factors/new" look=Look::Primary>"Add second factor"</LinkButton> };
    view! {
        <Callout tone=Tone::Accent title action=action.into_any()>
            <p>"Without a secure session, once, until " <When at=until now/> "."</p>
        </Callout>
    }
    .into_any()
}

/// The same where it is used.
pub(super) fn words(permit: &Permit, now: DateTime<Utc>) -> AnyView {
    let (by, until) = (permit.granted_by.clone(), permit.expires_at);
    view! {
        <p class="help">{by} " lets you add your first second factor without a secure session, until " <When at=until now/> "."</p>
    }
    .into_any()
}

/// The card on somebody's page who has no second factor.
pub(super) fn card(
    user: UserId,
    theirs: &Theirs,
    may_edit: bool,
    now: DateTime<Utc>,
) -> Option<AnyView> {
    let action = format!("/users/{user}/permit");
    let body = match &theirs.permit {
        Some(permit) => {
            let (by, until) = (permit.granted_by.clone(), permit.expires_at);
            let revoke = may_edit.then(|| {
                let action = format!("{action}/revoke");
                view! { <div class="actions"><PostButton action look=Look::Danger>"Take it back"</PostButton></div> }
            });
            view! {
                <p title=exact(until)>{by} " let them add their first one without a secure session. It counts once, until " <When at=until now/> "."</p>
                {revoke}
            }
            .into_any()
        }
        None if may_edit && !theirs.is_self => view! {
            <p>"None. Adding one takes a secure session; whoever cannot start one needs leave for the first."</p>
            <ConfirmDialog
                id="permit"
                trigger="Let them add a first one"
                look=Look::Plain
                title="Let this person add a first second factor?"
                confirm="Let them add one"
                confirm_look=Look::Primary
                action
            >
                <p>"For 24 hours, once, and without a secure session: whoever sits at their open browser could add their own. Do it while you speak with them. It needs a secure session of yours and goes on record."</p>
            </ConfirmDialog>
        }
        .into_any(),
        None => return None,
    };
    Some(view! { <Card title="Second factor" id="factors">{body}</Card> }.into_any())
}

/// `POST /users/{id}/permit`
///
/// # Errors
/// Without permission or presence, for oneself, from below.
pub async fn grant(visit: Visit, Path(user): Path<String>) -> Answer {
    let user: UserId = id_of(&user, "user")?;
    let elevated = visit.call.elevated()?;
    permit::grant(&visit.services, &visit.call, &elevated, user).await?;
    visit
        .done(
            &format!("/users/{user}"),
            "They can add their first second factor now, until this time tomorrow.",
        )
        .await
}

/// `POST /users/{id}/permit/revoke`
///
/// # Errors
/// Without permission or presence, from below, when none counts.
pub async fn revoke(visit: Visit, Path(user): Path<String>) -> Answer {
    let user: UserId = id_of(&user, "user")?;
    let elevated = visit.call.elevated()?;
    permit::revoke(&visit.services, &visit.call, &elevated, user).await?;
    visit
        .done(&format!("/users/{user}"), "Took the leave back.")
        .await
}
