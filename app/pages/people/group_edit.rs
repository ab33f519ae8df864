//! Making, changing and removing groups, and who is in them by hand.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::GroupId;
use muster_domain::membership::Member;
use muster_domain::{Error, Kind};
use muster_services::groups::{DeletePlan, Paging};
use muster_services::{groups, users};
use muster_web::{Failure, Fields, Form as Posted};
use serde::Deserialize;

use super::address::Pairs;
use super::along;
use super::group_cards::Candidates;
use super::{groups as group_pages, id_of, listed};
use crate::components::{
    Button, Callout, Can, Card, Crumb, Form, FormActions, KeyValue, KeyValues, LinkButton, Look,
    Need, Page, PostButton, TextArea, TextField, Tone, Width, counted, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form of a group holds.
#[derive(Clone, Deserialize, Default)]
pub struct Typed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
}

/// `GET /groups/new`
///
/// # Errors
/// When the page cannot be drawn.
pub async fn new(visit: Visit) -> Answer {
    new_form(&visit, StatusCode::OK, Typed::default(), Vec::new()).await
}

/// `POST /groups/new`
///
/// # Errors
/// Without permission.
pub async fn create(visit: Visit, Posted(typed): Posted<Typed>) -> Answer {
    match groups::create(
        &visit.services,
        &visit.call,
        &typed.name,
        &typed.description,
    )
    .await
    {
        Ok(id) => {
            visit
                .done(
                    &format!("/groups/{id}"),
                    &format!("Added the group {}.", typed.name.trim()),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            new_form(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                typed,
                fields_of(error, "name"),
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn new_form(
    visit: &Visit,
    status: StatusCode,
    typed: Typed,
    errors: Vec<FieldError>,
) -> Answer {
    let crumbs = vec![Crumb::new("/groups", "Groups")];
    visit
        .console_with(status, "Add group", "/groups", || {
            view! {
                <Page title="Add group" purpose="A local group. People and groups are added to it afterwards." crumbs width=Width::Narrow>
                    <Card>{form("/groups/new".to_owned(), "/groups".to_owned(), "Add group", typed, errors)}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `GET /groups/{id}/edit`
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: GroupId = id_of(&id, "group")?;
    edit_form(&visit, id, None, Vec::new()).await
}

/// `POST /groups/{id}/edit`
///
/// # Errors
/// Without permission, for an unknown group, without presence where the group carries a role.
pub async fn save(visit: Visit, Path(id): Path<String>, Posted(typed): Posted<Typed>) -> Answer {
    let id: GroupId = id_of(&id, "group")?;
    let elevated = visit.call.elevated().ok();
    match groups::edit(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        id,
        &typed.name,
        &typed.description,
    )
    .await
    {
        Ok(()) => {
            visit
                .done(
                    &format!("/groups/{id}"),
                    &format!("Saved the group {}.", typed.name.trim()),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            edit_form(&visit, id, Some(typed), fields_of(error, "name")).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn edit_form(
    visit: &Visit,
    id: GroupId,
    typed: Option<Typed>,
    errors: Vec<FieldError>,
) -> Answer {
    let group = groups::detail(&visit.services, &visit.call, id, &Paging::default())
        .await?
        .group;
    let title = format!("Edit {}", group.name);
    let crumbs = vec![
        Crumb::new("/groups", "Groups"),
        Crumb::new(format!("/groups/{id}"), group.name.clone()),
    ];
    let typed = typed.unwrap_or(Typed {
        name: group.name,
        description: group.description,
    });
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    visit
        .console_with(status, &title, "/groups", || {
            view! {
                <Page title=title.clone() purpose="Rules of identity providers know a group by its name: a new name leaves them behind." crumbs width=Width::Narrow>
                    <Card>{form(format!("/groups/{id}/edit"), format!("/groups/{id}"), "Save group", typed, errors)}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn form(
    action: String,
    back: String,
    button: &'static str,
    typed: Typed,
    errors: Vec<FieldError>,
) -> AnyView {
    view! {
        <Form action errors=errors.clone()>
            <TextField name="name" label="Name" value=typed.name error=error_of(&errors, "name") help="Unique; upper and lower case are the same."/>
            <TextArea
                name="description"
                label="Description"
                value=typed.description
                rows=3
                need=Need::Optional
                error=error_of(&errors, "description")
                help="What the group is for."
            />
            <FormActions>
                <Button look=Look::Primary>{button}</Button>
                <LinkButton href=back look=Look::Quiet>"Cancel"</LinkButton>
            </FormActions>
        </Form>
    }
    .into_any()
}

/// `GET /groups/{id}/delete`: what would be taken away.
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn confirm_delete(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: GroupId = id_of(&id, "group")?;
    let plan = groups::plan_delete(&visit.services, &visit.call, id).await?;
    let title = format!("Delete {}", plan.group.name);
    visit
        .console(&title, "/groups", || delete_view(&title, &plan))
        .await
}

fn delete_view(title: &str, plan: &DeletePlan) -> AnyView {
    let id = plan.group.id;
    let crumbs = vec![
        Crumb::new("/groups", "Groups"),
        Crumb::new(format!("/groups/{id}"), plan.group.name.clone()),
    ];
    let names = |groups: &[(GroupId, String)]| {
        let names: Vec<String> = groups.iter().map(|(_, name)| name.clone()).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            listed(&names)
        }
    };
    let roles: Vec<String> = plan
        .roles
        .iter()
        .map(|role| role.label().to_owned())
        .collect();
    let items = vec![
        KeyValue::new(
            "People who lose it directly",
            counted(plan.users, "person", "people"),
        ),
        KeyValue::new(
            "People who lose it in effect",
            counted(plan.effective, "person", "people"),
        ),
        KeyValue::new("Groups in it, which stay", names(&plan.inner)),
        KeyValue::new("Groups it is in", names(&plan.outer)),
        KeyValue::new(
            "Roles that end with it",
            if roles.is_empty() {
                "none".to_owned()
            } else {
                listed(&roles)
            },
        ),
    ];
    let refused = plan.refused.as_ref().map(|error| {
        let (what, next) = (
            error.public.to_string(),
            error.next.as_ref().map(ToString::to_string),
        );
        view! { <Callout tone=Tone::Danger title=what><p>{next}</p></Callout> }
    });
    let can = match &plan.refused {
        Some(error) => Can::NotNow(error.public.to_string()),
        None => Can::Now,
    };
    let note = (plan.needs_elevation && plan.refused.is_none()).then(|| view! { <p class="help">"It carries a role, so deleting it needs a secure session."</p> });
    let words = format!("Delete {}", plan.group.name);
    view! {
        <Page title=title.to_owned() purpose="What would be taken away. Nothing has happened yet." crumbs width=Width::Narrow>
            {refused}
            <Card title="What would change">
                <KeyValues items/>
                {note}
                <div class="form-actions">
                    <PostButton action=format!("/groups/{id}/delete") look=Look::Removing can>{words}</PostButton>
                    <LinkButton href=format!("/groups/{id}") look=Look::Quiet>"Keep group"</LinkButton>
                </div>
            </Card>
        </Page>
    }
    .into_any()
}

/// `POST /groups/{id}/delete`
///
/// # Errors
/// As the page before it says.
pub async fn delete(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: GroupId = id_of(&id, "group")?;
    let plan = groups::plan_delete(&visit.services, &visit.call, id).await?;
    let elevated = visit.call.elevated().ok();
    groups::delete(&visit.services, &visit.call, elevated.as_ref(), id).await?;
    visit
        .done(
            "/groups",
            &format!("Deleted the group {}.", plan.group.name),
        )
        .await
}

/// `POST /groups/{id}/members/add`: `member=user:<id>` as offered, or `who` as typed.
///
/// # Errors
/// Without permission, without presence where the group carries a role.
pub async fn add_member(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let group: GroupId = id_of(&id, "group")?;
    let typed = fields.one("who").unwrap_or_default().trim().to_owned();
    let found = match fields.one("member") {
        Some(member) => Found::One(member_of(member)?),
        None => find(&visit, &typed).await?,
    };
    let member = match found {
        Found::One(member) => member,
        Found::Several(candidates, error) => {
            return group_pages::page(&visit, group, Pairs::new(), candidates, Some(error)).await;
        }
    };
    let elevated = visit.call.elevated().ok();
    match groups::add_member(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        group,
        member,
        along::knowingly(&fields),
    )
    .await
    {
        Ok(()) => {
            visit
                .done(&format!("/groups/{group}"), "Added the member by hand.")
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            let candidates = Candidates {
                typed,
                meant: Some(member),
                ..Candidates::default()
            };
            group_pages::page(&visit, group, Pairs::new(), candidates, Some(error)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /groups/{id}/members/remove`: ends a membership by hand.
///
/// # Errors
/// Without permission, without presence where the group carries a role, when a source put the member there.
pub async fn remove_member(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let group: GroupId = id_of(&id, "group")?;
    let member = member_of(fields.one("member").unwrap_or_default())?;
    let elevated = visit.call.elevated().ok();
    let kept = groups::remove_member(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        group,
        member,
    )
    .await?;
    let words = if kept.is_empty() {
        "Removed the member.".to_owned()
    } else {
        format!(
            "Ended the membership by hand. Still in the group because of: {}.",
            listed(&kept)
        )
    };
    let own = member.user().map(|user| format!("/users/{user}"));
    let back = own
        .filter(|own| fields.one("back") == Some(own))
        .unwrap_or_else(|| format!("/groups/{group}"));
    visit.done(&back, &words).await
}

/// People, and groups, offered where no name fits exactly.
const OFFERED: usize = 8;

enum Found {
    One(Member),
    Several(Candidates, Error),
}

fn member_of(key: &str) -> Result<Member, Error> {
    let unknown = || Error::not_found("member");
    let (kind, id) = key.split_once(':').ok_or_else(unknown)?;
    let id = uuid::Uuid::parse_str(id).map_err(|_| unknown())?;
    Member::from_columns(kind, id).ok_or_else(unknown)
}

/// The one person or group of exactly this name; otherwise those who come close.
pub(crate) async fn close_to(
    visit: &Visit,
    typed: &str,
) -> Result<(Vec<Member>, Candidates), Error> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok((Vec::new(), Candidates::default()));
    }
    let user = users::by_username(&visit.services, &visit.call, typed).await?;
    let group = groups::by_name(&visit.services, &visit.call, typed).await?;
    let exact: Vec<Member> = user
        .iter()
        .map(|user| Member::User(user.id))
        .chain(group.iter().map(|group| Member::Group(group.id)))
        .collect();
    let (users, groups) = if exact.is_empty() {
        let mut users = users::search(&visit.services, &visit.call, typed).await?;
        let mut groups = groups::search(&visit.services, &visit.call, typed).await?;
        users.truncate(OFFERED);
        groups.truncate(OFFERED);
        (users, groups)
    } else {
        (user.into_iter().collect(), group.into_iter().collect())
    };
    Ok((
        exact,
        Candidates {
            typed: typed.to_owned(),
            meant: None,
            users,
            groups,
        },
    ))
}

async fn find(visit: &Visit, typed: &str) -> Result<Found, Error> {
    let (exact, candidates) = close_to(visit, typed).await?;
    if let [one] = exact.as_slice() {
        return Ok(Found::One(*one));
    }
    let words = match (typed.is_empty(), exact.is_empty()) {
        (true, _) => "Enter a username or the name of a group.",
        (false, true) => "No username and no group is called exactly that.",
        (false, false) => "A person and a group are called that. Choose one.",
    };
    Ok(Found::Several(
        candidates,
        Error::new("GRP-007", Kind::Invalid, words),
    ))
}

/// The messages of a refusal; one without any stands beside `field`.
pub(crate) fn fields_of(error: Error, field: &str) -> Vec<FieldError> {
    if error.fields.is_empty() {
        let next = error
            .next
            .map(|next| format!(" {next}"))
            .unwrap_or_default();
        vec![FieldError {
            field: field.to_owned(),
            message: format!("{}{next}", error.public),
        }]
    } else {
        error.fields
    }
}
