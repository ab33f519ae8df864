//! Adding, changing and removing an application behind a proxy.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::ApplicationId;
use muster_domain::role::Role;
use muster_services::applications::{self, Draft};
use muster_web::Fields;

use crate::components::{
    Button, Callout, Card, CheckList, Choice, ConfirmDialog, Crumb, Form, FormActions, LinkButton,
    Look, Need, Page, RadioField, Takes, TextArea, TextField, Tone, Width, error_of,
};
use crate::pages::people::group_edit::fields_of;
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// `GET /applications/new`
///
/// # Errors
/// Without permission.
pub async fn new(visit: Visit) -> Answer {
    let draft = Draft {
        everybody: true,
        ..Draft::default()
    };
    page(&visit, StatusCode::OK, None, draft, Vec::new()).await
}

/// `POST /applications/new`
///
/// # Errors
/// Without permission or presence.
pub async fn create(visit: Visit, fields: Fields) -> Answer {
    let draft = sent(&fields);
    let elevated = visit.call.elevated()?;
    match applications::add(&visit.services, &visit.call, &elevated, &draft).await {
        Ok(added) => {
            let words = format!("Added {}. Now let the proxy ask for it.", added.name);
            visit
                .done(&format!("/applications/{}", added.id), &words)
                .await
        }
        Err(error) if belongs_to_form(&error) => again(&visit, None, draft, error).await,
        Err(error) => Err(error.into()),
    }
}

/// `GET /applications/{id}`
///
/// # Errors
/// Without permission, for an unknown application.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: ApplicationId = id_of(&id, "application")?;
    let application = applications::get(&visit.services, &visit.call, id).await?;
    let draft = applications::draft(&visit.services, &visit.call, &application).await?;
    page(&visit, StatusCode::OK, Some(id), draft, Vec::new()).await
}

/// `POST /applications/{id}`
///
/// # Errors
/// Without permission or presence, for an unknown application.
pub async fn save(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: ApplicationId = id_of(&id, "application")?;
    let draft = sent(&fields);
    let elevated = visit.call.elevated()?;
    match applications::change(&visit.services, &visit.call, &elevated, id, &draft).await {
        Ok(saved) => {
            let words = format!("Saved {}. It counts from now on.", saved.name);
            visit.done("/applications", &words).await
        }
        Err(error) if belongs_to_form(&error) => again(&visit, Some(id), draft, error).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /applications/{id}/remove`
///
/// # Errors
/// Without permission or presence, for an unknown application.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: ApplicationId = id_of(&id, "application")?;
    let elevated = visit.call.elevated()?;
    let gone = applications::remove(&visit.services, &visit.call, &elevated, id).await?;
    let words = format!("Removed {}.", gone.name);
    visit.done("/applications", &words).await
}

fn sent(fields: &Fields) -> Draft {
    let lines = |name: &str| {
        fields
            .one(name)
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    Draft {
        name: fields.one("name").unwrap_or_default().to_owned(),
        address: fields.one("address").unwrap_or_default().to_owned(),
        everybody: fields.one("who") == Some("everybody"),
        roles: fields.all("roles").map(str::to_owned).collect(),
        groups: lines("groups"),
        elevated: lines("elevated"),
    }
}

async fn again(
    visit: &Visit,
    id: Option<ApplicationId>,
    draft: Draft,
    error: muster_domain::Error,
) -> Answer {
    let errors = fields_of(error, "address");
    page(visit, StatusCode::UNPROCESSABLE_ENTITY, id, draft, errors).await
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    id: Option<ApplicationId>,
    draft: Draft,
    errors: Vec<FieldError>,
) -> Answer {
    let title = if id.is_some() {
        format!("Edit {}", draft.name)
    } else {
        "Add application".to_owned()
    };
    let heading = title.clone();
    visit
        .console_with(status, &title, "/applications", move || {
            let action = id.map_or_else(
                || "/applications/new".to_owned(),
                |id| format!("/applications/{id}"),
            );
            let removal = id.map(|id| removal(id, &draft.name));
            view! {
                <Page
                    title=heading
                    purpose="The proxy asks this console before it shows a page of the application."
                    crumbs=vec![Crumb::new("/applications", "Applications")]
                    width=Width::Narrow
                >
                    <Card>{form(action, draft, errors)}</Card>
                    <Callout tone=Tone::Neutral title="Muster has to know the proxy">
                        <p>"Only a proxy that is named when Muster starts may ask: " <code>"MUSTER_TRUSTED_PROXIES"</code> " holds the address it connects from. Everybody else is refused."</p>
                    </Callout>
                    {removal}
                </Page>
            }
            .into_any()
        })
        .await
}

fn form(action: String, draft: Draft, errors: Vec<FieldError>) -> AnyView {
    let [
        name_error,
        address_error,
        roles_error,
        groups_error,
        elevated_error,
    ] = ["name", "address", "roles", "groups", "elevated"].map(|field| error_of(&errors, field));
    let who = if draft.everybody {
        "everybody"
    } else {
        "listed"
    };
    let whos = vec![
        Choice::new("everybody", "Everybody who is signed in"),
        Choice::new("listed", "These groups and roles")
            .help("Whoever is in one of the groups, directly or through others, or holds one of the roles."),
    ];
    let roles = Role::ALL
        .into_iter()
        .map(|role| Choice::new(role.key(), role.label()))
        .collect();
    view! {
        <Form action errors>
            <TextField name="name" label="Name" value=draft.name error=name_error help="People read it before they prove that it is them."/>
            <TextField
                name="address"
                label="Address"
                takes=Takes::Url
                value=draft.address
                error=address_error
                placeholder="https://grafana.example.org"
                help="As people open it. With a path, such as /grafana, only what is below belongs to it."
            />
            <RadioField name="who" label="Who may open it" value=who choices=whos/>
            <TextArea
                name="groups"
                label="Groups"
                value=draft.groups.join("\n")
                rows=3
                need=Need::Optional
                error=groups_error
                help="One name a line."
            />
            <CheckList name="roles" label="Roles" values=draft.roles choices=roles error=roles_error/>
            <TextArea
                name="elevated"
                label="Pages that take a secure session"
                value=draft.elevated.join("\n")
                takes=Takes::Exact
                rows=3
                need=Need::Optional
                error=elevated_error
                placeholder="/admin"
                help="One path a line; it counts for everything below. / means every page."
            />
            <p class="help">"Saving needs a secure session."</p>
            <FormActions>
                <Button look=Look::Primary>"Save application"</Button>
                <LinkButton href="/applications">"Cancel"</LinkButton>
            </FormActions>
        </Form>
    }
    .into_any()
}

fn removal(id: ApplicationId, name: &str) -> AnyView {
    let question = format!("Remove {name}?");
    view! {
        <Card title="Remove">
            <p>"The proxy is told no from then on, so nobody gets in until it stops asking."</p>
            <div class="actions"><ConfirmDialog
                id="remove-application"
                trigger="Remove application"
                look=Look::Danger
                title=question
                confirm="Remove application"
                action=format!("/applications/{id}/remove")
            >
                <p>"Nobody comes in there any more. It takes a secure session, and goes on record."</p>
            </ConfirmDialog></div>
        </Card>
    }
    .into_any()
}
