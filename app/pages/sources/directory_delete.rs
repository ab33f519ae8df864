//! Deleting a directory: what happens with everything that comes from it is chosen, becomes a plan, and waits for an
//! approval.

use axum::extract::Path;
use leptos::prelude::*;
use muster_domain::id::DirectoryId;
use muster_services::directories::{self, Choice as Chosen, Groups, People};
use muster_web::Fields;

use crate::components::{
    Button, Callout, Card, Choice, Crumb, Form, FormActions, Guard, LinkButton, Look, Page,
    RadioField, Tone, Width, counted,
};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit};

/// `GET /directories/{id}/delete`
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let row = directories::row(&visit.services, &visit.call, id).await?;
    let name = row.directory.name.clone();
    let title = format!("Delete {name}");
    let heading = title.clone();
    visit
        .console(&title, "/directories", move || {
            let crumbs = vec![
                Crumb::new("/directories", "Directories"),
                Crumb::new(format!("/directories/{id}"), name.clone()),
            ];
            let held = counted(row.accounts, "account", "accounts");
            let first = format!("{name} holds {held}. You see a plan with everybody and every group it touches before anything happens to them.");
            view! {
                <Page title=heading purpose="Nothing is deleted yet: this makes the plan." crumbs width=Width::Narrow>
                    <Callout tone=Tone::Neutral title="First the plan">
                        <p>{first}</p>
                        <p>"Making the plan switches the directory off, so that nothing new comes from it. It goes when its plan was carried out; if you discard the plan, switch it on again."</p>
                        <p>"What was carried out can be taken back for a year, from its run: then the directory is here again, switched off, and its password has to be entered anew."</p>
                    </Callout>
                    <Card>{form(id)}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn form(id: DirectoryId) -> AnyView {
    let people = vec![
        Choice::new("deactivate", "They are deactivated")
            .help("They stay in the internal directory with what is known of them, and can be let in again there."),
        Choice::new("keep", "They stay as they are")
            .help("They become accounts of the internal directory."),
        Choice::new("delete", "They are deleted")
            .help("With their memberships and means to sign in, which do not come back if the removal is taken back: memberships do. Whoever holds a role, and break-glass accounts, stay as they are anyway."),
    ];
    let groups = vec![
        Choice::new("local", "They become local groups")
            .help("With everybody whom the directory put into them."),
        Choice::new("delete", "They are deleted")
            .help("Those that have members by other means, give a role or come from another directory too become local instead."),
    ];
    view! {
        <Form action=format!("/directories/{id}/delete") guard=Guard::Off>
            <RadioField name="people" label="People who have no other account" value="deactivate" choices=people/>
            <RadioField name="groups" label="Its groups" value="local" choices=groups/>
            <p class="help">"People who have an account in another directory too keep that one, whatever you choose."</p>
            <FormActions>
                <Button look=Look::Danger>"Make the plan"</Button>
                <LinkButton href=format!("/directories/{id}") look=Look::Quiet>"Keep the directory"</LinkButton>
            </FormActions>
        </Form>
    }
    .into_any()
}

/// `POST /directories/{id}/delete`: makes the plan.
///
/// # Errors
/// Without permission or presence, for an unknown directory or one that cannot be removed.
pub async fn plan(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let elevated = visit.call.elevated()?;
    let choice = Chosen {
        people: match fields.one("people") {
            Some("delete") => People::Delete,
            Some("keep") => People::Keep,
            _ => People::Deactivate,
        },
        groups: match fields.one("groups") {
            Some("delete") => Groups::Delete,
            _ => Groups::BecomeLocal,
        },
    };
    let (services, call) = (&visit.services, &visit.call);
    let plan = directories::remove_plan(services, call, &elevated, id, choice).await?;
    let words =
        "This is what deleting the directory does. Nothing of it is done until you approve it.";
    visit.done(&format!("/plans/{plan}"), words).await
}
