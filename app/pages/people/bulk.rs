//! One action for many people: a preview that says exactly what would change, then that and nothing else.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use leptos::prelude::*;
use muster_domain::id::UserId;
use muster_domain::{Error, Kind};
use muster_services::users::{BulkAction, BulkLine, BulkPlan, Selection};
use muster_services::{groups, users};
use muster_web::{Failure, Fields};

use super::address::ListAddress;
use super::group_edit::fields_of;
use super::{listed, user_list};
use crate::components::{
    Button, Callout, Card, Column, Crumb, Empty, Form, FormActions, Glyph, Guard, Inset,
    LinkButton, Look, Need, Page, Table, TableRow, TextField, Tone, Who, Width, counted, grouped,
    hidden,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form of the list asks for.
enum Asked {
    /// Everything is said.
    Ready(BulkAction),
    /// A group, or a reason, is to be given first; with what is wrong with the one given.
    Group(Option<String>),
    Reason(Option<String>),
}

/// `POST /users/bulk`: what would change.
///
/// # Errors
/// Without permission.
pub async fn plan(visit: Visit, fields: Fields) -> Answer {
    let selection = selection(&fields);
    if matches!(&selection, Selection::Ids(ids) if ids.is_empty()) {
        visit
            .browser
            .flash(
                "Select people first: check the boxes before their names.",
                muster_web::Tone::Caution,
            )
            .await?;
        return Ok(Redirect::to("/users").into_response());
    }
    let action = match asked(&visit, &fields).await? {
        Asked::Ready(action) => action,
        question => return ask(&visit, &fields, question).await,
    };
    match users::plan_bulk(&visit.services, &visit.call, &selection, &action).await {
        Ok(plan) => {
            visit
                .console("Preview", "/users", || plan_view(&plan, &fields))
                .await
        }
        Err(error)
            if belongs_to_form(&error) && matches!(action, BulkAction::Deactivate { .. }) =>
        {
            let why = fields_of(error, "reason")
                .into_iter()
                .next()
                .map(|field| field.message);
            ask(&visit, &fields, Asked::Reason(why)).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /users/bulk/apply`: carries out the plan that was shown, and no other.
///
/// # Errors
/// Without permission or, where the plan needs it, presence; when the plan is not what it was any more.
pub async fn apply(visit: Visit, fields: Fields) -> Answer {
    let selection = selection(&fields);
    let Asked::Ready(action) = asked(&visit, &fields).await? else {
        return Err(Failure(
            Error::new(
                "USR-019",
                Kind::Invalid,
                "The form does not say what to do.",
            )
            .next("Begin again at the list of users."),
        ));
    };
    let fingerprint = fields.one("fingerprint").unwrap_or_default();
    let elevated = visit.call.elevated().ok();
    let done = users::apply_bulk(
        &visit.services,
        &visit.call,
        elevated.as_ref(),
        &selection,
        &action,
        fingerprint,
    )
    .await;
    match done {
        Ok(done) => {
            visit
                .done("/users", &done_words(&action, done.changed))
                .await
        }
        Err(error) if error.kind == Kind::Conflict => {
            let plan = users::plan_bulk(&visit.services, &visit.call, &selection, &action).await?;
            let what = error.public.to_string();
            visit
                .console_with(StatusCode::UNPROCESSABLE_ENTITY, "Preview", "/users", || {
                    let note = view! { <Callout tone=Tone::Caution title=what><p>"This is what would change now. Nothing has happened yet."</p></Callout> };
                    view! { {note} {plan_view(&plan, &fields)} }.into_any()
                })
                .await
        }
        Err(error) => Err(Failure(error)),
    }
}

fn done_words(action: &BulkAction, changed: u64) -> String {
    let people = counted(changed, "person", "people");
    match action {
        BulkAction::Deactivate { .. } => format!("Deactivated {people}."),
        BulkAction::Reactivate => format!("Reactivated {people}."),
        BulkAction::AddToGroup(_) => format!("Added {people} to the group."),
        BulkAction::RemoveFromGroup(_) => format!("Removed {people} from the group."),
        BulkAction::EndSessions => format!("Ended the sessions of {people}."),
    }
}

fn selection(fields: &Fields) -> Selection {
    if fields.one("all") == Some("true") {
        let pairs = fields
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        return Selection::Filter(user_list::filter_of(&ListAddress::new(
            "/users",
            pairs,
            &user_list::KNOWN,
        )));
    }
    Selection::Ids(
        fields
            .all("user")
            .filter_map(|id| id.parse::<UserId>().ok())
            .collect(),
    )
}

async fn asked(visit: &Visit, fields: &Fields) -> Result<Asked, Error> {
    let verb = fields.one("do").unwrap_or_default();
    match verb {
        "reactivate" => Ok(Asked::Ready(BulkAction::Reactivate)),
        "end" => Ok(Asked::Ready(BulkAction::EndSessions)),
        "deactivate" => Ok(match fields.one("reason") {
            Some(reason) => Asked::Ready(BulkAction::Deactivate {
                reason: reason.to_owned(),
            }),
            None => Asked::Reason(None),
        }),
        "add" | "remove" => {
            let Some(typed) = fields.one("to_group") else {
                return Ok(Asked::Group(None));
            };
            match groups::by_name(&visit.services, &visit.call, typed).await? {
                Some(group) if verb == "add" => Ok(Asked::Ready(BulkAction::AddToGroup(group.id))),
                Some(group) => Ok(Asked::Ready(BulkAction::RemoveFromGroup(group.id))),
                None => {
                    let close = groups::search(&visit.services, &visit.call, typed.trim()).await?;
                    let names: Vec<String> = close.into_iter().map(|group| group.name).collect();
                    Ok(Asked::Group(Some(no_such_group(&names))))
                }
            }
        }
        _ => Err(Error::new(
            "USR-019",
            Kind::Invalid,
            "The form does not say what to do.",
        )
        .next("Begin again at the list of users.")),
    }
}

fn no_such_group(close: &[String]) -> String {
    match close.get(..close.len().min(5)) {
        Some([]) | None => "No group is called that.".to_owned(),
        Some(close) => format!(
            "No group is called exactly that. Close to it: {}.",
            listed(close)
        ),
    }
}

/// Everything the form of the list sent, without what a later step says anew.
fn carried(fields: &Fields, without: &[&str]) -> AnyView {
    hidden(
        fields
            .iter()
            .filter(|(key, _)| !without.contains(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    )
}

async fn ask(visit: &Visit, fields: &Fields, question: Asked) -> Answer {
    let groups = match &question {
        Asked::Group(_) => groups::search(&visit.services, &visit.call, "")
            .await?
            .into_iter()
            .map(|group| group.name)
            .collect(),
        _ => Vec::new(),
    };
    let (title, error) = match &question {
        Asked::Group(error) if fields.one("do") == Some("add") => {
            ("Add to which group?", error.clone())
        }
        Asked::Group(error) => ("Remove from which group?", error.clone()),
        Asked::Reason(error) => ("Why deactivate them?", error.clone()),
        Asked::Ready(_) => ("Preview", None),
    };
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    visit
        .console_with(status, title, "/users", || {
            let field = match &question {
                Asked::Group(_) => group_field(fields.one("to_group").unwrap_or_default().to_owned(), error, groups),
                _ => view! {
                    <TextField name="reason" label="Reason" need=Need::Optional value=fields.one("reason").map(str::to_owned) error
                        help="Shown to whoever looks for why these people are out."/>
                }
                .into_any(),
            };
            let carried = carried(fields, &["to_group", "reason"]);
            view! {
                <Page title purpose="The next page shows exactly what would change. Nothing happens before that." crumbs=vec![Crumb::new("/users", "Users")] width=Width::Narrow>
                    <Card>
                        <Form action="/users/bulk" guard=Guard::Off>
                            {carried}
                            {field}
                            <FormActions>
                                <Button look=Look::Primary>"Preview changes"</Button>
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

fn group_field(typed: String, error: Option<String>, names: Vec<String>) -> AnyView {
    let class = if error.is_some() {
        "field wrong"
    } else {
        "field"
    };
    let described = if error.is_some() {
        "to_group-error to_group-help"
    } else {
        "to_group-help"
    };
    let invalid = error.is_some().then_some("true");
    let error = error
        .map(|error| view! { {crate::components::error_text("to_group-error".to_owned(), error)} });
    let options = names
        .into_iter()
        .map(|name| view! { <option value=name></option> })
        .collect_view();
    view! {
        <div class=class>
            <label for="to_group">"Name of the group"</label>
            <input id="to_group" name="to_group" type="text" list="groups" value=typed autocomplete="off" required=true aria-describedby=described aria-invalid=invalid/>
            <datalist id="groups">{options}</datalist>
            {error}
            <p class="help" id="to_group-help">"A membership by hand stands beside those that sources state."</p>
        </div>
    }
    .into_any()
}

fn plan_view(plan: &BulkPlan, fields: &Fields) -> AnyView {
    let changes = plan.changes.len() as u64;
    let purpose = format!(
        "{} would change. Nothing has happened yet.",
        counted(changes, "person", "people")
    );
    let shuts_out = plan
        .shuts_out
        .clone()
        .map(|title| view! { <Callout tone=Tone::Danger title><p>"Take somebody out of the selection, or give another superadmin a way in that works."</p></Callout> });
    let apply = if changes == 0 || plan.shuts_out.is_some() {
        view! { <LinkButton href="/users" look=Look::Primary>"Back to users"</LinkButton> }
            .into_any()
    } else {
        let look = if matches!(plan.action, BulkAction::Deactivate { .. }) {
            Look::Removing
        } else {
            Look::Primary
        };
        let note = plan.needs_elevation.then(|| view! { <p class="help">"This needs a secure session: it changes who holds a role."</p> });
        let carried = carried(fields, &["fingerprint"]);
        let (fingerprint, button) = (
            hidden(vec![("fingerprint".to_owned(), plan.fingerprint.clone())]),
            plan.button.clone(),
        );
        view! {
            <Form action="/users/bulk/apply" guard=Guard::Off>
                {carried}
                {fingerprint}
                {note}
                <FormActions>
                    <Button look>{button}</Button>
                    <LinkButton href="/users" look=Look::Quiet>"Cancel"</LinkButton>
                </FormActions>
            </Form>
        }
        .into_any()
    };
    let reason = match &plan.action {
        BulkAction::Deactivate { reason } if !reason.trim().is_empty() => {
            Some(format!("Reason on record: “{}”", reason.trim()))
        }
        _ => None,
    };
    let reason = reason.map(|reason| view! { <p>{reason}</p> });
    let changed = lines("Would change", "What would happen", &plan.changes);
    let refused = lines("Refused", "Why not", &plan.refused);
    let unchanged = lines("Already so", "What is so", &plan.unchanged);
    view! {
        <Page title="Preview" purpose crumbs=vec![Crumb::new("/users", "Users")]>
            {shuts_out}
            <Card title="Confirm">{reason}{apply}</Card>
            {changed}
            {refused}
            {unchanged}
        </Page>
    }
    .into_any()
}

fn lines(title: &'static str, column: &'static str, lines: &[BulkLine]) -> Option<AnyView> {
    if lines.is_empty() {
        let is_main = title == "Would change";
        return is_main.then(|| {
            view! {
                <Card title inset=Inset::Flush>
                    <Empty icon=Glyph::Check title="Nothing would change"><p>"Below is why."</p></Empty>
                </Card>
            }
            .into_any()
        });
    }
    let rows = lines
        .iter()
        .map(|line| {
            let words = line.words.clone();
            TableRow::new(vec![
                view! { <Who name=line.display_name.clone() note=line.username.clone()/> }
                    .into_any(),
                words.into_any(),
            ])
            .to(format!("/users/{}", line.user))
        })
        .collect();
    let columns = vec![Column::new("Person"), Column::new(column)];
    let count = grouped(lines.len() as u64);
    Some(
        view! {
            <Card title inset=Inset::Flush more=view! { <span>{count}</span> }.into_any()>
                <Table caption=title columns rows/>
            </Card>
        }
        .into_any(),
    )
}
