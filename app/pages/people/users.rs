//! Users: the list, and everything about one person.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::UserId;
use muster_domain::listing::PAGE;
use muster_domain::user::State;
use muster_services::factors::{self, permit};
use muster_services::groups::Paging;
use muster_services::users::UserDetail;
use muster_services::{groups, mail, users};
use muster_web::Query;

use super::address::{ListAddress, Pairs};
use super::factors::Theirs;
use super::password_links::Links;
use super::user_list::{self, UserList};
use super::{break_glass_chip, id_of, state_chip};
use super::{factors as factor_cards, user_cards, ways_in};
use crate::components::{
    Callout, Columns, ConfirmDialog, Crumb, Glyph, LinkButton, Look, Need, Page, PostButton,
    TextField, Tone, When, Width,
};
use crate::visit::{Answer, Visit};

/// `GET /users`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new("/users", asked, &user_list::KNOWN);
    let filter = user_list::filter_of(&address);
    let paging = Paging {
        sort: user_list::sort_of(&address),
        direction: address.direction(),
        at: address.at(),
        position: address.position(),
        rows: PAGE,
    };
    let shown = users::show(&visit.services, &visit.call, &filter, &paging).await?;
    let group = match filter.group {
        Some((id, _)) => groups::name(&visit.services, &visit.call, id).await?,
        None => None,
    };
    let (may_edit, may_end_sessions) = user_list::rights(&visit);
    let list = UserList {
        address,
        page: shown.page,
        directories: shown.directories,
        group,
        may_edit,
        may_end_sessions,
    };
    visit
        .console("Users", "/users", || user_list::view(visit.now(), list))
        .await
}

/// `GET /users/{id}`
///
/// # Errors
/// Without permission, for an unknown person.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    page(&visit, id, StatusCode::OK, &[]).await
}

/// The page of one person; `errors` belong to the password form on it.
pub(crate) async fn page(
    visit: &Visit,
    id: UserId,
    status: StatusCode,
    errors: &[FieldError],
) -> Answer {
    let person = users::detail(&visit.services, &visit.call, id).await?;
    let is_self = visit.call.user().is_some_and(|caller| caller.id == id);
    let links = match (is_self, mail::leaves(&visit.services).await?) {
        (true, _) => Links::Own,
        (false, true) => Links::Sent,
        (false, false) => Links::Handed,
    };
    let theirs = Theirs {
        factors: factors::of_user(&visit.services, &visit.call, id).await?,
        permit: permit::of_user(&visit.services, &visit.call, id).await?,
        here: factors::bound_name(&visit.services).await?,
        is_self,
        links,
    };
    let title = person.user.display_name.clone();
    visit
        .console_with(status, &title, "/users", || {
            view(visit, &person, &theirs, errors)
        })
        .await
}

fn view(visit: &Visit, person: &UserDetail, theirs: &Theirs, errors: &[FieldError]) -> AnyView {
    let user = &person.user;
    let badge = view! { <span class="chips">{state_chip(&user.state)}{user.break_glass.then(break_glass_chip)}</span> }.into_any();
    let purpose = match &user.email {
        Some(email) => format!("{} · {email}", user.username),
        None => user.username.clone(),
    };
    let actions = actions(person);
    let left = view! {
        {user_cards::attributes(person)}
        {user_cards::memberships(person, visit.now())}
        {user_cards::effective(person)}
        {user_cards::sign_ins(person, visit.now())}
    }
    .into_any();
    let right = view! {
        {user_cards::facts(person, visit.now())}
        {user_cards::accounts(person, visit.now())}
        {user_cards::roles(person)}
        {user_cards::identities(person, visit.now())}
        {ways_in::password(person, visit.now(), errors, theirs.links)}
        {ways_in::break_glass(person)}
        {factor_cards::card_of(user.id, theirs, person.may.edit, visit.now())}
        {user_cards::sessions(person, visit)}
    }
    .into_any();
    let deactivated = deactivated(visit, person);
    view! {
        <Page title=user.display_name.clone() purpose crumbs=vec![Crumb::new("/users", "Users")] badge actions width=Width::Table>
            {deactivated}
            <Columns left right/>
        </Page>
    }
    .into_any()
}

fn deactivated(visit: &Visit, person: &UserDetail) -> Option<AnyView> {
    let State::Deactivated(by) = &person.user.state else {
        return None;
    };
    let (title, at, now) = (
        format!("{} deactivated this person", by.by),
        by.at,
        visit.now(),
    );
    let reason = by
        .reason
        .clone()
        .filter(|reason| !reason.is_empty())
        .map_or_else(
            || "No reason was given.".to_owned(),
            |reason| format!("“{reason}”"),
        );
    let action = person.may.edit.then(|| {
        let action = format!("/users/{}/reactivate", person.user.id);
        view! { <PostButton action>"Reactivate"</PostButton> }.into_any()
    });
    Some(
        view! {
            <Callout tone=Tone::Danger title nostrip:action=action>
                <p><When at now/> " · " {reason} " No way of signing in revives them."</p>
            </Callout>
        }
        .into_any(),
    )
}

fn actions(person: &UserDetail) -> AnyView {
    if !person.may.edit {
        return ().into_any();
    }
    let base = format!("/users/{}", person.user.id);
    let name = person.user.display_name.clone();
    let shuts_out = person.shuts_out.clone().map(|words| {
        view! { <p><strong>{format!("It would be refused now. {words}")}</strong></p> }
    });
    let dialog = person.user.is_active().then(|| {
        view! {
            <ConfirmDialog
                id="deactivate"
                trigger="Deactivate"
                look=Look::Danger
                title=format!("Deactivate {name}?")
                confirm=format!("Deactivate {name}")
                action=format!("{base}/deactivate")
            >
                {shuts_out}
                <p>"Their sessions end now, and no way of signing in lets them in again until somebody reactivates them. Groups and roles stay as they are."</p>
                <TextField name="reason" label="Reason" need=Need::Optional help="Shown to whoever looks for why this person is out."/>
            </ConfirmDialog>
        }
    });
    view! {
        {dialog}
        <LinkButton href=format!("{base}/edit") look=Look::Primary icon=Glyph::Edit>"Edit user"</LinkButton>
    }
    .into_any()
}
