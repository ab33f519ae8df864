//! One's own second factors: the card, adding one, recovery codes. And the card on somebody else's page.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::factor::{Factor, FactorKind, Permit};
use muster_domain::id::{FactorId, UserId};
use muster_services::factors::{self, Added, Enrolment, Own, permit};
use muster_web::{Failure, Form as Posted};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::password_links::Links;
use super::{id_of, passkeys};
use crate::components::{
    Button, Callout, Card, ConfirmDialog, CopyText, Crumb, Form, FormActions, Glyph, Guard, Inset,
    LinkButton, Look, Page, Qr, Row, Rows, Takes, TextField, Tone, When, Width, counted, error_of,
    form_mark,
};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// Few enough left that it is worth a word.
const FEW: u64 = 3;

/// What the form of a name sends.
#[derive(Deserialize)]
pub struct Named {
    #[serde(default)]
    name: String,
}

/// What the form of the first code sends.
#[derive(Deserialize)]
pub struct Coded {
    #[serde(default)]
    code: String,
}

/// The card on one's own page. `name` is the name that passkeys answer to now.
pub(crate) fn card(
    own: &Own,
    permit: Option<&Permit>,
    name: Option<&str>,
    now: DateTime<Utc>,
) -> AnyView {
    let more = view! { <a href="/me/factors/new">"Add second factor"</a> }.into_any();
    if own.factors.is_empty() {
        // The way on stands beside the leave, where somebody gave it.
        let more = permit.is_none().then_some(more);
        let permit = permit.map(|permit| super::permits::own(permit, now));
        return view! {
            <Card title="Second factor" id="factors" nostrip:more=more>
                {permit}
                <p>"None yet. With one, a stolen password alone signs nobody in as you and starts no secure session."</p>
            </Card>
        }
        .into_any();
    }
    let rows = own
        .factors
        .iter()
        .map(|factor| own_row(factor, name, now))
        .collect_view();
    let left = counted(own.recovery_left, "recovery code", "recovery codes");
    let tone = if own.recovery_left < FEW {
        Tone::Caution
    } else {
        Tone::Good
    };
    let action = view! {
        <ConfirmDialog
            id="make-codes"
            trigger="Make new codes"
            look=Look::Plain
            title="Make new recovery codes?"
            confirm="Make new codes"
            confirm_look=Look::Primary
            action="/me/factors/recovery"
        >
            <p>"The codes you have now are worth nothing from then on."</p>
        </ConfirmDialog>
    }
    .into_any();
    view! {
        <Card title="Second factor" id="factors" inset=Inset::Flush more>
            <Rows>
                {rows}
                <Row title=format!("{left} left") tone action>"Each stands in once, when your second factor is not at hand."</Row>
            </Rows>
        </Card>
    }
    .into_any()
}

fn own_row(factor: &Factor, here: Option<&str>, now: DateTime<Utc>) -> AnyView {
    let base = format!("/me/factors/{}", factor.id);
    let dialog = format!("remove-{}", factor.id);
    let field = format!("name-{}", factor.id);
    let (name, spoken) = (factor.name.clone(), format!(" {}", factor.name));
    let action = view! {
        <div class="row-tools">
            <details class="rename">
                <summary class="btn quiet">"Rename"<span class="visually-hidden">{spoken.clone()}</span></summary>
                <form class="rename-form" method="post" action=format!("{base}/rename")>
                    {form_mark()}
                    <label for=field.clone()>"Name"</label>
                    <input id=field name="name" type="text" value=name.clone() required=true maxlength="60"/>
                    <Button>"Save name"</Button>
                </form>
            </details>
            <ConfirmDialog
                id=dialog
                trigger="Remove"
                look=Look::Quiet
                title=format!("Remove {name}?")
                confirm=format!("Remove {name}")
                action=format!("{base}/remove")
            >
                <p>"It counts no more. With the last one your recovery codes go too."</p>
            </ConfirmDialog>
        </div>
    }
    .into_any();
    let (tone, facts) = (tone(factor, here), facts(factor, here, now));
    view! { <Row title=name tone action>{facts}</Row> }.into_any()
}

fn tone(factor: &Factor, here: Option<&str>) -> Tone {
    match factor.suspected_at {
        Some(_) => Tone::Danger,
        None if !factor.answers_to(here) => Tone::Caution,
        None => Tone::Good,
    }
}

fn facts(factor: &Factor, here: Option<&str>, now: DateTime<Utc>) -> AnyView {
    let (label, added, used) = (factor.kind.label(), factor.created_at, factor.last_used_at);
    let used = match used {
        Some(used) => view! { " · last used " <When at=used now/> }.into_any(),
        None if factor.kind == FactorKind::Passkey => " · not used yet".into_any(),
        None => ().into_any(),
    };
    let by = factor.permitted_by.as_ref();
    let permitted = by.map(|by| format!(" · let by {by}"));
    let trouble = match factor.suspected_at {
        Some(_) => Some(
            " · There may be a copy of it, so it is not accepted any more. Remove it.".to_owned(),
        ),
        None if !factor.answers_to(here) => {
            let bound = factor.bound_to.as_deref().unwrap_or("another name");
            Some(format!(
                " · It answers to {bound} alone, and this console is reached under another name now."
            ))
        }
        None => None,
    };
    view! { {label} " · added " <When at=added now/> {used}{permitted}{trouble} }.into_any()
}

/// What is shown of somebody else's second factors.
pub(crate) struct Theirs {
    /// Those that count.
    pub factors: Vec<Factor>,
    /// Leave to add their first one.
    pub permit: Option<Permit>,
    /// The name that passkeys answer to now.
    pub here: Option<String>,
    /// Whether the viewer is that person.
    pub is_self: bool,
    /// How links to choose a password reach them.
    pub links: Links,
}

/// The card on somebody else's page: what there is, and removing it when it was lost, or letting them add a first one.
pub(crate) fn card_of(
    user: UserId,
    theirs: &Theirs,
    may_remove: bool,
    now: DateTime<Utc>,
) -> Option<AnyView> {
    let (factors, here) = (&theirs.factors, theirs.here.as_deref());
    if factors.is_empty() {
        return super::permits::card(user, theirs, may_remove, now);
    }
    let rows = factors
        .iter()
        .map(|factor| {
            let name = factor.name.clone();
            let action = may_remove.then(|| {
                let action = format!("/users/{user}/factors/{}/remove", factor.id);
                view! {
                    <ConfirmDialog
                        id=format!("remove-{}", factor.id)
                        trigger="Remove"
                        look=Look::Danger
                        title=format!("Remove {name}?")
                        confirm=format!("Remove {name}")
                        action
                    >
                        <p>"Only when its owner lost it and you know that it is they who ask. Their secure sessions end. It needs a secure session of yours."</p>
                    </ConfirmDialog>
                }
                .into_any()
            });
            let (title, facts) = (factor.name.clone(), facts(factor, here, now));
            view! { <Row title tone=tone(factor, here) nostrip:action=action>{facts}</Row> }
        })
        .collect_view();
    Some(
        view! { <Card title="Second factor" inset=Inset::Flush><Rows>{rows}</Rows></Card> }
            .into_any(),
    )
}

/// `GET /me/factors/new`
///
/// # Errors
/// Without permission.
pub async fn new(visit: Visit) -> Answer {
    name_page(&visit, StatusCode::OK, "Phone", Vec::new()).await
}

async fn name_page(
    visit: &Visit,
    status: StatusCode,
    name: &str,
    errors: Vec<FieldError>,
) -> Answer {
    let name = name.to_owned();
    let ground = ground_words(visit).await?;
    let passkey = passkeys::offer(visit).await?;
    visit
        .console_with(status, "Add second factor", "", move || {
            let error = error_of(&errors, "name");
            view! {
                <Page
                    title="Add second factor"
                    purpose="Something you have, beside what you know. You can add several."
                    crumbs=vec![Crumb::new("/me", "Your account")]
                    width=Width::Narrow
                >
                    {ground}
                    {passkey}
                    <Card title="Authenticator app">
                        <p>"An app on your phone shows a new code every 30 seconds. Any that knows TOTP will do."</p>
                        <Form action="/me/factors/new" errors guard=Guard::Off>
                            <TextField name="name" label="Name" value=name error help="By which you will know it again."/>
                            <FormActions>
                                <Button icon=Glyph::Arrow>"Show the QR code"</Button>
                                <LinkButton href="/me">"Cancel"</LinkButton>
                            </FormActions>
                        </Form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// What adding takes, or by whose leave it goes without.
pub(super) async fn ground_words(visit: &Visit) -> Result<AnyView, Failure> {
    let now = visit.now();
    let permit = match visit.is_elevated() {
        true => None,
        false => permit::own(&visit.services, &visit.call).await?,
    };
    Ok(match permit {
        Some(permit) => super::permits::words(&permit, now),
        None => view! { <p class="help">"Adding one needs a secure session."</p> }.into_any(),
    })
}

/// `POST /me/factors/new`
///
/// # Errors
/// Without presence.
pub async fn begin(visit: Visit, Posted(typed): Posted<Named>) -> Answer {
    let ground = permit::ground(&visit.services, &visit.call).await?;
    match factors::begin(&visit.services, &visit.call, ground, &typed.name).await {
        Ok(begun) => code_page(&visit, StatusCode::OK, begun, Vec::new()).await,
        Err(error) if belongs_to_form(&error) => {
            let errors = super::group_edit::fields_of(error, "name");
            name_page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &typed.name,
                errors,
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn code_page(
    visit: &Visit,
    status: StatusCode,
    begun: Enrolment,
    errors: Vec<FieldError>,
) -> Answer {
    visit
        .console_with(status, "Scan and confirm", "", move || {
            let error = error_of(&errors, "code");
            let action = format!("/me/factors/{}/confirm", begun.id);
            let title = format!("Add {}", begun.name);
            let (address, secret) = (
                begun.address.expose_secret().to_owned(),
                begun.secret.expose_secret().to_owned(),
            );
            view! {
                <Page
                    title
                    purpose="Scan the code with the app, then type what the app shows. It counts from then on."
                    crumbs=vec![Crumb::new("/me", "Your account")]
                    width=Width::Narrow
                >
                    <Card title="1. Scan it">
                        <Qr text=address label="QR code for your authenticator app. The secret below says the same."/>
                        <p class="help">"No camera? Type this secret into the app instead: time-based, six digits."</p>
                        <CopyText value=secret label="secret"/>
                        <p class="help">"It is shown now and never again."</p>
                    </Card>
                    <Card title="2. Confirm it">
                        <Form action errors guard=Guard::Off>
                            <TextField name="code" label="Code the app shows" takes=Takes::Code error placeholder="123456"/>
                            <FormActions>
                                <Button look=Look::Primary icon=Glyph::Check>"Confirm"</Button>
                                <LinkButton href="/me">"Cancel"</LinkButton>
                            </FormActions>
                        </Form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `POST /me/factors/{id}/confirm`
///
/// # Errors
/// Without presence, when it waits no more.
pub async fn confirm(visit: Visit, Path(id): Path<String>, Posted(typed): Posted<Coded>) -> Answer {
    let id: FactorId = id_of(&id, "second factor")?;
    let ground = permit::ground(&visit.services, &visit.call).await?;
    match factors::confirm(&visit.services, &visit.call, ground, id, &typed.code).await {
        Ok(added) => done_adding(&visit, added).await,
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            let begun = factors::pending(&visit.services, &visit.call, ground, id).await?;
            code_page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                begun,
                error.fields,
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// With a first factor come recovery codes, shown once.
pub(super) async fn done_adding(visit: &Visit, added: Added) -> Answer {
    if added.codes.is_empty() {
        return visit.done("/me", &format!("Added {}.", added.name)).await;
    }
    let done = format!("{} is added. ", added.name);
    codes_page(visit, &done, &added.codes).await
}

async fn codes_page(visit: &Visit, done: &str, codes: &[SecretString]) -> Answer {
    let text = codes.iter().fold(String::new(), |text, code| {
        format!("{text}{}\n", code.expose_secret())
    });
    let purpose = format!(
        "{done}For the day your second factor is not at hand: each of these codes stands in for it once."
    );
    visit
        .console("Recovery codes", "", move || {
            let file = format!("data:text/plain;charset=utf-8,{}", encoded(&text));
            view! {
                <Page title="Recovery codes" purpose crumbs=vec![Crumb::new("/me", "Your account")] width=Width::Narrow>
                    <Card>
                        <Callout tone=Tone::Caution title="They are shown now and never again">
                            <p>"Print this page or save the file, and keep it away from your password. Codes from before count no more."</p>
                        </Callout>
                        <pre class="json" id="recovery-codes">{text}</pre>
                        <div class="actions">
                            <LinkButton href="/me" look=Look::Primary icon=Glyph::Check>"I have kept them"</LinkButton>
                            <LinkButton href=file icon=Glyph::Download download="muster-recovery-codes.txt">"Save as a file"</LinkButton>
                        </div>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `POST /me/factors/recovery`
///
/// # Errors
/// Without presence, without a second factor.
pub async fn make_codes(visit: Visit) -> Answer {
    let elevated = visit.call.elevated()?;
    let codes = factors::make_codes(&visit.services, &visit.call, &elevated).await?;
    codes_page(&visit, "", &codes).await
}

/// `POST /me/factors/{id}/rename`
///
/// # Errors
/// Without presence, for a name that cannot be taken.
pub async fn rename(visit: Visit, Path(id): Path<String>, Posted(typed): Posted<Named>) -> Answer {
    let id: FactorId = id_of(&id, "second factor")?;
    let elevated = visit.call.elevated()?;
    let renamed = factors::rename(&visit.services, &visit.call, &elevated, id, &typed.name).await;
    match renamed {
        Ok(()) => {
            visit
                .done("/me", &format!("Renamed it to {}.", typed.name.trim()))
                .await
        }
        Err(error) if !error.fields.is_empty() => {
            // The field lies in a fold of the page: what is wrong is said on top of it instead.
            let words = error
                .fields
                .into_iter()
                .map(|field| field.message)
                .collect::<Vec<_>>();
            visit
                .browser
                .flash(words.join(" "), muster_web::Tone::Danger)
                .await?;
            Ok(axum::response::Redirect::to("/me").into_response())
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /me/factors/{id}/remove`
///
/// # Errors
/// Without presence.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: FactorId = id_of(&id, "second factor")?;
    let elevated = visit.call.elevated()?;
    let gone = factors::remove(&visit.services, &visit.call, &elevated, id).await?;
    visit.done("/me", &format!("Removed {}.", gone.name)).await
}

/// `POST /users/{id}/factors/{factor}/remove`
///
/// # Errors
/// Without permission or presence, from below.
pub async fn remove_of(visit: Visit, Path((user, id)): Path<(String, String)>) -> Answer {
    let (user, id): (UserId, FactorId) = (id_of(&user, "user")?, id_of(&id, "second factor")?);
    let elevated = visit.call.elevated()?;
    let gone = factors::remove_of(&visit.services, &visit.call, &elevated, user, id).await?;
    visit
        .done(
            &format!("/users/{user}"),
            &format!("Removed {}.", gone.name),
        )
        .await
}
