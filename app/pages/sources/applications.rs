//! Applications behind a proxy: the list.

use leptos::prelude::*;
use muster_domain::application::{Application, Entry};
use muster_domain::role::Permission;
use muster_services::applications;

use crate::components::{
    Card, Chip, Column, Empty, Glyph, Inset, LinkButton, Look, Page, Table, TableRow, Tone, Who,
    counted,
};
use crate::visit::{Answer, Visit};

/// `GET /applications`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit) -> Answer {
    let all = applications::list(&visit.services, &visit.call).await?;
    let manages = visit.call.can(Permission::ManageSettings);
    visit
        .console("Applications", "/applications", move || {
            let add = move || manages.then(|| view! { <LinkButton href="/applications/new" look=Look::Primary icon=Glyph::Plus>"Add application"</LinkButton> }.into_any());
            let content = if all.is_empty() {
                let action = add().unwrap_or_else(|| ().into_any());
                view! {
                    <Card><Empty icon=Glyph::Unlock title="No application yet" action>
                        "Applications behind your reverse proxy can ask this console who may open them, and whether it takes a secure session: nginx, Traefik and Caddy can do it."
                    </Empty></Card>
                }
                .into_any()
            } else {
                table(all, manages)
            };
            let actions = add().unwrap_or_else(|| ().into_any());
            view! {
                <Page title="Applications" purpose="What your reverse proxy protects, and who may open it." actions>{content}</Page>
            }
            .into_any()
        })
        .await
}

fn table(all: Vec<Application>, manages: bool) -> AnyView {
    let columns = ["Application", "Who may open it", "Secure session"]
        .map(Column::new)
        .into();
    let rows = all
        .into_iter()
        .map(|application| {
            let row = TableRow::new(vec![
                view! { <Who name=application.name.clone() note=application.address()/> }
                    .into_any(),
                view! { <span>{who(&application.entry)}</span> }.into_any(),
                demand(&application),
            ]);
            if manages {
                row.to(format!("/applications/{}", application.id))
            } else {
                row
            }
        })
        .collect();
    view! { <Card inset=Inset::Flush><Table caption="Applications" columns rows/></Card> }
        .into_any()
}

fn who(entry: &Entry) -> String {
    match entry {
        Entry::Everybody => "Everybody who is signed in".to_owned(),
        Entry::Listed { roles, groups } => {
            let mut parts: Vec<String> = roles.iter().map(|role| role.label().to_owned()).collect();
            if !groups.is_empty() {
                let many = u64::try_from(groups.len()).unwrap_or(u64::MAX);
                parts.push(counted(many, "group", "groups"));
            }
            parts.join(", ")
        }
    }
}

fn demand(application: &Application) -> AnyView {
    if application.elevated.is_empty() {
        return view! { <span class="muted">"Where the proxy asks for it"</span> }.into_any();
    }
    let paths = application
        .elevated
        .iter()
        .map(|prefix| prefix.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    view! { <Chip tone=Tone::Accent icon=Glyph::Shield>{paths}</Chip> }.into_any()
}
