//! One's own page: who one is here, and every way in that is open now.

use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::UserId;
use muster_domain::role::Permission;
use muster_services::factors::{self, permit};
use muster_services::sessions::{self, ReceiptFilter, SessionRow};
use muster_services::users::{self, Paging, UserDetail, UserMay};
use muster_web::{Failure, Form as Posted};
use secrecy::SecretString;
use serde::Deserialize;

use super::group_edit::fields_of;
use super::{factors as factor_cards, user_cards, ways_in};
use crate::components::{Card, Columns, Inset, Page, PostButton, Rows, Width};
use crate::pages::security::session_row;
use crate::pages::security::sessions::{ProviderNames, receipt_table};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the password form sends.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    password: String,
}

/// Own receipts shown.
const RECEIPTS: u64 = 10;

/// `GET /me`
///
/// # Errors
/// When nobody is signed in.
pub async fn show(visit: Visit) -> Answer {
    page(&visit, StatusCode::OK, &[]).await
}

async fn page(visit: &Visit, status: StatusCode, errors: &[FieldError]) -> Answer {
    let user = visit.call.signed_in()?.user.clone();
    if !visit.call.can(Permission::UseConsole) {
        return without_role(visit, user.id, &user.display_name).await;
    }
    let mut person = users::detail(&visit.services, &visit.call, user.id).await?;
    // Here one looks and ends sessions; everything else is done on the person's own page under Users.
    person.may = UserMay {
        end_sessions: true,
        has_internal_account: person.may.has_internal_account,
        may_have_password: person.may.may_have_password,
        ..UserMay::default()
    };
    let own = factors::own(&visit.services, &visit.call).await?;
    let permit = permit::own(&visit.services, &visit.call).await?;
    let here = factors::bound_name(&visit.services).await?;
    let filter = ReceiptFilter {
        user: Some(user.id),
        ..ReceiptFilter::default()
    };
    let paging = Paging {
        rows: RECEIPTS,
        ..Paging::default()
    };
    let receipts = sessions::receipts(&visit.services, &visit.call, &filter, &paging)
        .await?
        .rows;
    let names: ProviderNames = person
        .identities
        .iter()
        .map(|identity| (identity.provider, identity.provider_name.clone()))
        .collect();
    visit
        .console_with(status, "Your account", "/me", || {
            let now = visit.now();
            let left = view! {
                {own_sessions(visit, &person)}
                {receipt_table(&receipts, &names, now)}
                {user_cards::sign_ins(&person, now)}
            }
            .into_any();
            let right = view! {
                {user_cards::facts(&person, now)}
                {user_cards::roles(&person)}
                {user_cards::identities(&person, now)}
                {ways_in::own_password(&person, now, errors)}
                {factor_cards::card(&own, permit.as_ref(), here.as_deref(), now)}
            }
            .into_any();
            view! {
                <Page title="Your account" purpose="Who you are here, where you are signed in, and what you proved." width=Width::Table>
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `POST /me/password`
///
/// # Errors
/// Without presence, for somebody without an internal account.
pub async fn set_password(visit: Visit, Posted(typed): Posted<Typed>) -> Answer {
    let id = visit.call.signed_in()?.user.id;
    let elevated = visit.call.elevated()?;
    match users::set_local_password(
        &visit.services,
        &visit.call,
        Some(&elevated),
        id,
        &SecretString::from(typed.password),
    )
    .await
    {
        Ok(()) => visit.done("/me", "Set your password.").await,
        Err(error) if belongs_to_form(&error) => {
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &fields_of(error, "password"),
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

fn own_sessions(visit: &Visit, person: &UserDetail) -> AnyView {
    let sessions = person.sessions.as_deref().unwrap_or_default();
    session_card(visit, sessions)
}

fn session_card(visit: &Visit, sessions: &[SessionRow]) -> AnyView {
    let rows = sessions
        .iter()
        .map(|session| session_row(session, visit, true, "/me"))
        .collect_view();
    view! { <Card title="Your sessions" inset=Inset::Flush><Rows>{rows}</Rows></Card> }.into_any()
}

/// Who holds no role sees that, and their own sessions.
async fn without_role(visit: &Visit, id: UserId, name: &str) -> Answer {
    let sessions = sessions::of_user(&visit.services, &visit.call, id).await?;
    let own = factors::own(&visit.services, &visit.call).await?;
    let permit = permit::own(&visit.services, &visit.call).await?;
    let here = factors::bound_name(&visit.services).await?;
    let title = format!("You are signed in as {name}");
    visit
        .plain(StatusCode::OK, &title, "Your account here holds no role, so this console has nothing to show you.", || {
            let rows = sessions.iter().map(|session| session_row(session, visit, true, "/me")).collect_view();
            view! {
                <p>"If you need the console, ask a superadmin for a role. To see what your identity provider says about you, use its test sign-in."</p>
                <Rows>{rows}</Rows>
                {factor_cards::card(&own, permit.as_ref(), here.as_deref(), visit.now())}
                <PostButton action="/signout">"Sign out"</PostButton>
            }
            .into_any()
        })
        .await
}
