//! Making and changing people, and their ways in.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::id::UserId;
use muster_services::users::{BreakGlass, Identity};
use muster_services::{sessions, users};
use muster_web::{Failure, Fields, Form as Posted};
use secrecy::SecretString;
use serde::Deserialize;

use super::group_edit::fields_of;
use super::{id_of, users as user_pages};
use crate::components::{
    Button, Callout, Card, Crumb, Form, FormActions, LinkButton, Look, Need, Page, Takes,
    TextField, Tone, Width, counted, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form of a person holds. The password is never sent back.
#[derive(Clone, Deserialize, Default)]
pub struct Typed {
    #[serde(default)]
    username: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretText,
}

/// A secret as it arrives in a form: no `Debug`.
#[derive(Clone, Deserialize, Default)]
#[serde(transparent)]
struct SecretText(String);

impl SecretText {
    fn given(&self) -> Option<SecretString> {
        (!self.0.is_empty()).then(|| SecretString::from(self.0.clone()))
    }
}

/// `GET /users/new`
///
/// # Errors
/// When the page cannot be drawn.
pub async fn new(visit: Visit) -> Answer {
    new_form(&visit, StatusCode::OK, &Typed::default(), &[]).await
}

/// `POST /users/new`
///
/// # Errors
/// Without permission.
pub async fn create(visit: Visit, Posted(typed): Posted<Typed>) -> Answer {
    match created(&visit, &typed).await {
        Ok(id) => {
            visit
                .done(
                    &format!("/users/{id}"),
                    &format!("Added {}.", typed.display_name.trim()),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            new_form(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &typed,
                &fields_of(error, "username"),
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn created(visit: &Visit, typed: &Typed) -> Result<UserId, Error> {
    let fields = users::checked_fields(&typed.username, &typed.display_name, &typed.email)?;
    users::create(
        &visit.services,
        &visit.call,
        &fields,
        typed.password.given().as_ref(),
    )
    .await
}

async fn new_form(
    visit: &Visit,
    status: StatusCode,
    typed: &Typed,
    errors: &[FieldError],
) -> Answer {
    visit
        .console_with(status, "Add user", "/users", || {
            let (fields, errors, error) = (person_fields(typed, errors), errors.to_vec(), error_of(errors, "password"));
            view! {
                <Page
                    title="Add user"
                    purpose="An account in the internal directory. People who sign in through an identity provider arrive by themselves."
                    crumbs=vec![Crumb::new("/users", "Users")]
                    width=Width::Narrow
                >
                    <Card>
                        <Form action="/users/new" errors>
                            {fields}
                            <TextField
                                name="password"
                                label="Password"
                                takes=Takes::NewPassword
                                need=Need::Optional
                                error
                                help="Only for people who have no identity provider. They choose another one at their first sign-in; better still, leave it empty and give them a link on the next page."
                            />
                            <FormActions>
                                <Button look=Look::Primary>"Add user"</Button>
                                <LinkButton href="/users" look=Look::Quiet>"Cancel"</LinkButton>
                            </FormActions>
                        </Form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn person_fields(typed: &Typed, errors: &[FieldError]) -> AnyView {
    view! {
        <TextField
            name="username"
            label="Username"
            value=typed.username.clone()
            error=error_of(errors, "username")
            help="Unique; upper and lower case are the same."
        />
        <TextField name="display_name" label="Name" value=typed.display_name.clone() error=error_of(errors, "display_name") help="As people read it."/>
        <TextField
            name="email"
            label="E-mail"
            takes=Takes::Email
            need=Need::Optional
            value=typed.email.clone()
            error=error_of(errors, "email")
            help="For finding and reaching the person. It never opens an account."
        />
    }
    .into_any()
}

/// `GET /users/{id}/edit`
///
/// # Errors
/// Without permission, for an unknown person.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    edit_form(&visit, id_of(&id, "user")?, None, &[]).await
}

/// `POST /users/{id}/edit`
///
/// # Errors
/// Without permission, for an unknown person, for somebody without an internal account.
pub async fn save(visit: Visit, Path(id): Path<String>, Posted(typed): Posted<Typed>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    match saved(&visit, id, &typed).await {
        Ok(()) => {
            visit
                .done(
                    &format!("/users/{id}"),
                    &format!("Saved {}.", typed.display_name.trim()),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            edit_form(&visit, id, Some(typed), &fields_of(error, "username")).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn saved(visit: &Visit, id: UserId, typed: &Typed) -> Result<(), Error> {
    let fields = users::checked_fields(&typed.username, &typed.display_name, &typed.email)?;
    users::edit(&visit.services, &visit.call, id, &fields).await
}

async fn edit_form(
    visit: &Visit,
    id: UserId,
    typed: Option<Typed>,
    errors: &[FieldError],
) -> Answer {
    let person = users::detail(&visit.services, &visit.call, id).await?;
    let user = &person.user;
    let internal = person
        .accounts
        .iter()
        .find(|account| account.kind == muster_services::directories::INTERNAL);
    let stated = |name: &str| {
        internal
            .and_then(|account| account.attributes.get(name))
            .cloned()
    };
    let typed = typed.unwrap_or_else(|| Typed {
        username: stated("username").unwrap_or_else(|| user.username.clone()),
        display_name: stated("display_name").unwrap_or_else(|| user.display_name.clone()),
        email: stated("email").unwrap_or_default(),
        ..Typed::default()
    });
    let (title, base) = (
        format!("Edit {}", user.display_name),
        format!("/users/{id}"),
    );
    let crumbs = vec![
        Crumb::new("/users", "Users"),
        Crumb::new(base.clone(), user.display_name.clone()),
    ];
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let others: Vec<String> = person
        .accounts
        .iter()
        .filter(|a| a.kind != muster_services::directories::INTERNAL)
        .map(|a| a.directory_name.clone())
        .collect();
    let is_editable = internal.is_some();
    visit
        .console_with(status, &title, "/users", || {
            let form = is_editable.then(|| {
                let (fields, errors, action, back) = (person_fields(&typed, errors), errors.to_vec(), format!("{base}/edit"), base.clone());
                view! {
                    <Card>
                        <Form action errors>
                            {fields}
                            <FormActions>
                                <Button look=Look::Primary>"Save user"</Button>
                                <LinkButton href=back look=Look::Quiet>"Cancel"</LinkButton>
                            </FormActions>
                        </Form>
                    </Card>
                }
            });
            let elsewhere = elsewhere(&others, is_editable);
            view! {
                <Page title=title.clone() purpose="What the internal directory says about this person." crumbs width=Width::Narrow>
                    {elsewhere}
                    {form}
                </Page>
            }
            .into_any()
        })
        .await
}

fn elsewhere(others: &[String], is_editable: bool) -> Option<AnyView> {
    let names = super::listed(others);
    match (others.is_empty(), is_editable) {
        (true, true) => None,
        (_, false) => Some(
            view! {
                <Callout tone=Tone::Neutral title="There is nothing to edit here">
                    <p>"This person has no internal account. What is known of them comes from " {names} ", and is changed there."</p>
                </Callout>
            }
            .into_any(),
        ),
        (false, true) => Some(
            view! {
                <Callout tone=Tone::Neutral title="Other directories say something too">
                    <p>{names} " may state other values. The first directory in the order that states a value wins."</p>
                </Callout>
            }
            .into_any(),
        ),
    }
}

/// `POST /users/{id}/deactivate`
///
/// # Errors
/// Without permission; for yourself, the last superadmin, a break-glass account.
pub async fn deactivate(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    users::deactivate(
        &visit.services,
        &visit.call,
        id,
        fields.one("reason").unwrap_or_default(),
    )
    .await?;
    visit
        .done(
            &format!("/users/{id}"),
            "Deactivated. Their sessions have ended.",
        )
        .await
}

/// `POST /users/{id}/reactivate`
///
/// # Errors
/// Without permission, for an active person.
pub async fn reactivate(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    users::reactivate(&visit.services, &visit.call, id).await?;
    visit
        .done(
            &format!("/users/{id}"),
            "Reactivated. They can sign in again.",
        )
        .await
}

/// `POST /users/{id}/password`
///
/// # Errors
/// Without permission; without presence for somebody who holds a role.
pub async fn set_password(
    visit: Visit,
    Path(id): Path<String>,
    Posted(typed): Posted<Typed>,
) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let password = typed.password.given().unwrap_or_default();
    let elevated = visit.call.elevated().ok();
    match users::set_local_password(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        id,
        &password,
    )
    .await
    {
        Ok(()) => {
            visit
                .done(&format!("/users/{id}"), "Set the password.")
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            user_pages::page(
                &visit,
                id,
                StatusCode::UNPROCESSABLE_ENTITY,
                &fields_of(error, "password"),
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /users/{id}/password/remove`
///
/// # Errors
/// Without permission; for a break-glass account; when it is the only way in of the only superadmin.
pub async fn remove_password(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let elevated = visit.call.elevated().ok();
    users::remove_local_password(&visit.services, &visit.call, elevated.as_ref(), id).await?;
    visit
        .done(&format!("/users/{id}"), "Removed the password.")
        .await
}

/// `POST /users/{id}/break-glass`: makes an account break-glass (`wanted=yes`) or an ordinary one.
///
/// # Errors
/// Without permission or presence; when the account is not fit for it; for the last one.
pub async fn break_glass(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let (wanted, words) = match fields.one("wanted") {
        Some("yes") => (BreakGlass::Yes, "This is a break-glass account now."),
        _ => (BreakGlass::No, "This is an ordinary account now."),
    };
    let elevated = visit.call.elevated()?;
    users::set_break_glass(&visit.services, &visit.call, &elevated, id, wanted).await?;
    visit.done(&format!("/users/{id}"), words).await
}

/// `POST /users/{id}/identities/unlink`
///
/// # Errors
/// Without permission or presence; when it is the only way in of the only superadmin.
pub async fn unlink(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let identity = Identity {
        provider: id_of(
            fields.one("provider").unwrap_or_default(),
            "identity provider",
        )?,
        issuer: fields.one("issuer").unwrap_or_default().to_owned(),
        subject: fields.one("subject").unwrap_or_default().to_owned(),
    };
    let elevated = visit.call.elevated().ok();
    users::unlink_identity(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        id,
        &identity,
    )
    .await?;
    visit
        .done(&format!("/users/{id}"), "Unlinked the identity.")
        .await
}

/// `POST /users/{id}/sessions/end`
///
/// # Errors
/// Without permission.
pub async fn end_sessions(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: UserId = id_of(&id, "user")?;
    let ended = sessions::end_all(&visit.services, &visit.call, id).await?;
    let words = format!("Ended {}.", counted(ended, "session", "sessions"));
    visit.done(&format!("/users/{id}"), &words).await
}
