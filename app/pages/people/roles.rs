//! Roles: what each lets people do, who holds it and because of what.

use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::membership::Member;
use muster_domain::role::{Permission, Role};
use muster_domain::{Error, Kind};
use muster_services::Knowingly;
use muster_services::roles::{self, RoleOverview};
use muster_web::{Failure, Fields, Query};
use serde::Deserialize;

use super::along;
use super::group_edit::{close_to, fields_of};
use super::{id_of, listed};
use crate::components::{
    Button, Card, Chip, Choice, Column, ConfirmDialog, Form, FormActions, Glyph, Guard, Icon,
    Inset, Look, Page, SelectField, Table, TableRow, TextField, Tone, When, Who, counted, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the grant form holds.
#[derive(Clone, Deserialize, Default)]
pub struct Typed {
    #[serde(default)]
    role: String,
    #[serde(default)]
    to: String,
}

/// `GET /roles`
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit, Query(typed): Query<Typed>) -> Answer {
    page(&visit, StatusCode::OK, typed, None).await
}

/// `refused` belongs to the form that grants.
async fn page(visit: &Visit, status: StatusCode, typed: Typed, refused: Option<Error>) -> Answer {
    let overview = roles::overview(&visit.services, &visit.call).await?;
    visit
        .console_with(status, "Roles", "/roles", || {
            let may_manage = visit.call.can(Permission::ManageRoles);
            let grant = may_manage.then(|| grant_form(typed, refused));
            let cards = overview.iter().map(|role| card(visit, role, may_manage)).collect_view();
            view! {
                <Page title="Roles" purpose="Who may do what in this console. A role is granted to a person, or to a group and so to everybody in it.">
                    {grant}
                    {cards}
                </Page>
            }
            .into_any()
        })
        .await
}

fn grant_form(typed: Typed, refused: Option<Error>) -> AnyView {
    let question = refused
        .as_ref()
        .filter(|error| along::asks(error))
        .map(|error| {
            let fields = vec![
                ("role".to_owned(), typed.role.clone()),
                ("to".to_owned(), typed.to.clone()),
            ];
            along::question(
                error,
                "/roles/grant".to_owned(),
                fields,
                "Grant it all the same",
            )
        });
    let refused = refused.filter(|error| !along::asks(error));
    let errors: Vec<FieldError> = refused.map_or_else(Vec::new, |error| fields_of(error, "to"));
    let choices = Role::ALL
        .iter()
        .rev()
        .map(|role| Choice::new(role.key(), role.label()))
        .collect();
    view! {
        <Card title="Grant role" id="grant">
            {question}
            <Form action="/roles/grant" errors=errors.clone() guard=Guard::Off>
                <SelectField name="role" label="Role" value=typed.role choices error=error_of(&errors, "role")/>
                <TextField
                    name="to"
                    label="Username or name of a group"
                    value=typed.to
                    error=error_of(&errors, "to")
                    help="A group passes the role on to everybody in it, through nested groups too. Granting needs a secure session. Rules of a provider that fill the group, and ways in that others opened to the person, are shown before it is granted."
                />
                <FormActions><Button look=Look::Primary>"Grant role"</Button></FormActions>
            </Form>
        </Card>
    }
    .into_any()
}

fn card(visit: &Visit, overview: &RoleOverview, may_manage: bool) -> AnyView {
    let role = overview.role;
    let href = format!("/users?role={}&state=active", role.key());
    let holders = format!(
        "{} can sign in",
        counted(overview.holders, "holder", "holders")
    );
    let may: Vec<String> = overview
        .permissions
        .iter()
        .map(|permission| permission.verb().to_owned())
        .collect();
    let more = view! { <a href=href>{holders}</a> }.into_any();
    let is_empty = overview.people.is_empty() && overview.groups.is_empty();
    let body = if is_empty {
        view! { <p class="card-note nothing">"Granted to nobody."</p> }.into_any()
    } else {
        table(visit, overview, may_manage)
    };
    view! {
        <Card title=role.label() id=format!("role-{}", role.key()) inset=Inset::Flush more>
            <div class="card-note">
                <p>{role.purpose()}</p>
                <details class="numbers"><summary>"What it lets people do"</summary><p>{listed(&may)}</p></details>
            </div>
            {body}
        </Card>
    }
    .into_any()
}

fn table(visit: &Visit, overview: &RoleOverview, may_manage: bool) -> AnyView {
    let now = visit.now();
    let role = overview.role;
    let groups = overview
        .groups
        .iter()
        .map(|(row, people)| (row, Some(*people)));
    let people = overview.people.iter().map(|row| (row, None));
    let rows = groups
        .chain(people)
        .map(|(row, people)| {
            let grant = &row.assignment;
            let (name, by, at) = (row.name.clone(), grant.granted_by.clone(), grant.granted_at);
            let (who, href) = match grant.principal {
                Member::User(id) => (view! { <Who name=name.clone()/> }.into_any(), format!("/users/{id}")),
                Member::Group(id) => {
                    let note = counted(people.unwrap_or_default(), "person in effect", "people in effect");
                    let who = view! {
                        <span class="who">
                            <span class="avatar group"><Icon glyph=Glyph::Group/></span>
                            <span class="who-words"><span class="who-name">{name.clone()}</span><span class="who-note">{note}</span></span>
                        </span>
                    };
                    (who.into_any(), format!("/groups/{id}"))
                }
            };
            let state = (!row.is_active).then(|| view! { <Chip tone=Tone::Danger>"Deactivated"</Chip> });
            let shuts_out = overview.shut_out.get(&grant.id).map(|words| {
                view! { <p><strong>{format!("It would be refused now. {words}")}</strong></p> }
            });
            let withdraw = may_manage.then(|| {
                view! {
                    <ConfirmDialog
                        id=format!("withdraw-{}", grant.id)
                        trigger="Withdraw"
                        look=Look::Quiet
                        title=format!("Withdraw {} from {}?", role.label(), row.name)
                        confirm="Withdraw role"
                        action="/roles/withdraw"
                        fields=vec![("grant".to_owned(), grant.id.to_string())]
                    >
                        {shuts_out}
                        <p>"Whoever holds it by this grant alone loses it now, and their secure sessions end."</p>
                    </ConfirmDialog>
                }
            });
            TableRow::new(vec![
                view! { {who} {state} }.into_any(),
                view! { <span>"by " {by} ", " <When at now/></span> }.into_any(),
                withdraw.into_any(),
            ])
            .to(href)
        })
        .collect();
    let columns = vec![
        Column::new("Holder"),
        Column::new("Granted"),
        Column::new("Action"),
    ];
    view! { <Table caption=format!("Grants of {}", role.label()) columns rows/> }.into_any()
}

/// `POST /roles/grant`
///
/// # Errors
/// Without permission or presence.
pub async fn grant(visit: Visit, fields: Fields) -> Answer {
    let one = |name: &str| fields.one(name).unwrap_or_default().trim().to_owned();
    let typed = Typed {
        role: one("role"),
        to: one("to"),
    };
    match granted(&visit, &typed, along::knowingly(&fields)).await {
        Ok(role) => {
            visit
                .done(
                    "/roles",
                    &format!("Granted {} to {}.", role.label(), typed.to),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, typed, Some(error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn granted(visit: &Visit, typed: &Typed, knowingly: Knowingly) -> Result<Role, Error> {
    let elevated = visit.call.elevated()?;
    let role = Role::from_key(&typed.role)
        .ok_or_else(|| Error::form(Vec::new()).field("role", "Choose a role."))?;
    let (exact, close) = close_to(visit, &typed.to).await?;
    let [to] = exact.as_slice() else {
        let names: Vec<String> = close
            .users
            .iter()
            .map(|user| user.username.clone())
            .chain(close.groups.iter().map(|group| group.name.clone()))
            .take(5)
            .collect();
        let words = match (exact.is_empty(), names.is_empty()) {
            (false, _) => {
                "A person and a group are called that. Rename one of them first.".to_owned()
            }
            (true, true) => "Enter a username or the name of a group that exists.".to_owned(),
            (true, false) => format!(
                "Nobody is called exactly that. Close to it: {}.",
                listed(&names)
            ),
        };
        return Err(
            Error::new("FORM-001", Kind::Invalid, "Some fields need another look.")
                .field("to", words),
        );
    };
    roles::grant(
        &visit.services,
        &visit.call,
        &elevated,
        role,
        *to,
        knowingly,
    )
    .await?;
    Ok(role)
}

/// `POST /roles/withdraw`
///
/// # Errors
/// Without permission or presence; when no superadmin would be left.
pub async fn withdraw(visit: Visit, fields: Fields) -> Answer {
    let grant = id_of(fields.one("grant").unwrap_or_default(), "granted role")?;
    let elevated = visit.call.elevated()?;
    roles::withdraw(&visit.services, &visit.call, &elevated, grant).await?;
    visit.done("/roles", "Withdrew the role.").await
}
