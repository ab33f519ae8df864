//! Groups: the list, and who is in one, because of what.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::GroupId;
use muster_domain::listing::{PAGE, Page as Rows};
use muster_domain::role::Permission;
use muster_services::groups::{GroupFilter, GroupRow, GroupSort, Paging};
use muster_services::users::UserSort;
use muster_services::{directories, groups};
use muster_web::Query;

use super::address::{ListAddress, Pairs};
use super::group_cards::{self, Candidates, Shown};
use super::id_of;
use crate::components::{
    ActiveFilter, Card, Chip, Column, Columns, Crumb, Empty, FilterSelect, Filters, Glyph, Inset,
    LinkButton, Look, Page, Pager, Tab, Table, TableRow, Tabs, Tone, When, Width, count_words,
    counted, grouped,
};
use crate::visit::{Answer, Visit};

const KNOWN: [&str; 3] = ["q", "kind", "directory"];

/// `GET /groups`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new("/groups", asked, &KNOWN);
    let filter = GroupFilter {
        q: address.get("q").map(str::to_owned),
        directory: address.get("directory").and_then(|id| id.parse().ok()),
        local: match address.get("kind") {
            Some("local") => Some(true),
            Some("directory") => Some(false),
            _ => None,
        },
    };
    let sort = if address.get("sort") == Some("created") {
        GroupSort::Created
    } else {
        GroupSort::Name
    };
    let paging = Paging {
        sort,
        direction: address.direction(),
        at: address.at(),
        position: address.position(),
        rows: PAGE,
    };
    let page = groups::list(&visit.services, &visit.call, &filter, &paging).await?;
    let directories: Pairs = directories::names(&visit.services, &visit.call)
        .await?
        .into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect();
    visit
        .console("Groups", "/groups", || {
            list_view(&visit, &address, &page, &directories)
        })
        .await
}

fn list_view(
    visit: &Visit,
    address: &ListAddress,
    page: &Rows<GroupRow>,
    directories: &Pairs,
) -> AnyView {
    let add = visit.call.can(Permission::EditPeople).then(|| {
        view! { <LinkButton href="/groups/new" look=Look::Primary icon=Glyph::Plus>"Add group"</LinkButton> }.into_any()
    });
    let is_empty = page.rows.is_empty();
    let tools = (!is_empty || address.is_filtered()).then(|| tools(address, page, directories));
    let body = if is_empty {
        empty(visit, address)
    } else {
        table(visit, address, page)
    };
    view! {
        <Page
            title="Groups"
            purpose="Local groups, and those that directories bring. Members can come from several sources at once."
            width=Width::Table
            nostrip:actions=add
        >
            <Card inset=Inset::Flush>{tools}{body}</Card>
        </Page>
    }
    .into_any()
}

fn tools(address: &ListAddress, page: &Rows<GroupRow>, directories: &Pairs) -> AnyView {
    let value = |key: &str| address.get(key).map(str::to_owned);
    let kinds = vec![
        ("local".to_owned(), "local".to_owned()),
        ("directory".to_owned(), "from a directory".to_owned()),
    ];
    let words = if address.is_filtered() {
        format!("{} match", count_words(page.total))
    } else {
        counted(page.total.value(), "group", "groups")
    };
    let active = address
        .filters()
        .into_iter()
        .map(|(key, value)| {
            let (label, words) = match key.as_str() {
                "q" => ("Search", format!("“{value}”")),
                "kind" => (
                    "Kind",
                    if value == "local" {
                        "local".to_owned()
                    } else {
                        "from a directory".to_owned()
                    },
                ),
                _ => {
                    let name = directories
                        .iter()
                        .find(|(id, _)| *id == value)
                        .map(|(_, name)| name.clone());
                    ("Directory", name.unwrap_or_else(|| "unknown".to_owned()))
                }
            };
            ActiveFilter {
                label: label.to_owned(),
                value: words,
                remove: address.without(&key),
            }
        })
        .collect();
    let (kind, directory, directories) = (value("kind"), value("directory"), directories.clone());
    view! {
        <Filters action="/groups" query=value("q") placeholder="Search name, description" active keep=address.kept(&["sort", "dir"]) count=words>
            <FilterSelect name="kind" label="Kind" value=kind choices=kinds/>
            <FilterSelect name="directory" label="Directory" value=directory choices=directories/>
        </Filters>
    }
    .into_any()
}

fn table(visit: &Visit, address: &ListAddress, page: &Rows<GroupRow>) -> AnyView {
    let columns = vec![
        address.column("Group", "name", "name"),
        Column::new("Kind"),
        Column::number("People directly"),
        Column::number("Groups in it"),
        address.column("Made", "created", "name"),
    ];
    let now = visit.now();
    let rows = page
        .rows
        .iter()
        .map(|row| {
            let (name, description, created) = (
                row.group.name.clone(),
                row.group.description.clone(),
                row.group.created_at,
            );
            let kind = match row.directory.clone() {
                Some(directory) => view! { <Chip>{directory}</Chip> }.into_any(),
                None => view! { <Chip tone=Tone::Accent>"Local"</Chip> }.into_any(),
            };
            let note = (!description.is_empty())
                .then(|| view! { <span class="note">{description}</span> });
            TableRow::new(vec![
                view! { <span class="named"><b>{name}</b>{note}</span> }.into_any(),
                kind,
                grouped(row.users).into_any(),
                grouped(row.groups).into_any(),
                view! { <When at=created now/> }.into_any(),
            ])
            .to(format!("/groups/{}", row.group.id))
        })
        .collect();
    let near = address.neighbours(page);
    view! {
        <Table caption="Groups" columns rows/>
        <Pager from=near.from to=near.to total=page.total first=near.first previous=near.previous next=near.next last=near.last/>
    }
    .into_any()
}

fn empty(visit: &Visit, address: &ListAddress) -> AnyView {
    if address.is_filtered() {
        let action = view! { <LinkButton href="/groups">"Show all groups"</LinkButton> }.into_any();
        return view! {
            <Empty icon=Glyph::Search title="No group matches" action><p>"Names and descriptions were searched."</p></Empty>
        }
        .into_any();
    }
    let action = visit.call.can(Permission::EditPeople).then(|| {
        view! { <LinkButton href="/groups/new" look=Look::Primary icon=Glyph::Plus>"Add group"</LinkButton> }.into_any()
    });
    view! {
        <Empty icon=Glyph::Group title="There is no group yet" nostrip:action=action>
            <p>"A group collects people and other groups. Rules of an identity provider can keep its members in step with a claim, and a role can be granted to it."</p>
        </Empty>
    }
    .into_any()
}

/// `GET /groups/{id}`: direct members, or those in effect with `?view=effective`.
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    let id: GroupId = id_of(&id, "group")?;
    page(&visit, id, asked, Candidates::default(), None).await
}

/// The page of one group. `refused` belongs to the form that adds a member.
pub(crate) async fn page(
    visit: &Visit,
    id: GroupId,
    asked: Pairs,
    candidates: Candidates,
    refused: Option<Error>,
) -> Answer {
    let address = ListAddress::new(format!("/groups/{id}"), asked, &["view"]);
    let is_effective = address.get("view") == Some("effective");
    let at = if is_effective {
        Paging::default()
    } else {
        Paging {
            direction: address.direction(),
            ..Paging::at(address.at(), address.position())
        }
    };
    let group = groups::detail(&visit.services, &visit.call, id, &at).await?;
    let shown = if is_effective {
        let paging = Paging {
            sort: UserSort::Name,
            direction: address.direction(),
            at: address.at(),
            position: address.position(),
            rows: PAGE,
        };
        Shown::Effective(
            groups::effective_members(&visit.services, &visit.call, id, &paging).await?,
        )
    } else {
        Shown::Direct
    };
    let status = if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let title = group.group.name.clone();
    visit
        .console_with(status, &title, "/groups", || {
            let tabs = vec![
                Tab {
                    label: "Direct members".to_owned(),
                    href: format!("/groups/{id}"),
                    count: Some(group.members.total.value()),
                    is_current: !is_effective,
                },
                Tab {
                    label: "People in effect".to_owned(),
                    href: format!("/groups/{id}?view=effective"),
                    count: Some(group.effective),
                    is_current: is_effective,
                },
            ];
            let members = match &shown {
                Shown::Direct => group_cards::direct(&group, &address),
                Shown::Effective(page) => group_cards::effective(page, &address, visit.now()),
            };
            let add = (group.may.change_members && !is_effective).then(|| group_cards::add(&group, &candidates, refused.as_ref()));
            let left = view! { <Tabs label="Members" tabs/>{members} }.into_any();
            let right = view! { {add}{group_cards::facts(&group, visit.now())} }.into_any();
            let actions = actions(&group);
            let badge = group_cards::kind_chip(&group);
            view! {
                <Page title=group.group.name.clone() purpose=group_cards::purpose(&group) crumbs=vec![Crumb::new("/groups", "Groups")] badge actions width=Width::Table>
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

fn actions(group: &groups::GroupDetail) -> AnyView {
    if !group.may.edit {
        return ().into_any();
    }
    let base = format!("/groups/{}", group.group.id);
    view! {
        <LinkButton href=format!("{base}/delete") look=Look::Danger icon=Glyph::Bin>"Delete group"</LinkButton>
        <LinkButton href=format!("{base}/edit") look=Look::Primary icon=Glyph::Edit>"Edit group"</LinkButton>
    }
    .into_any()
}
