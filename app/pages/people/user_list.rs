//! The list of users: search, filters in the address, selection, pages.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::id::{DirectoryId, GroupId};
use muster_domain::listing::{Count, Page as Rows};
use muster_domain::role::{Permission, Role};
use muster_domain::user::State;
use muster_services::users::{GroupReach, UserFilter, UserRow, UserSort};

use super::address::ListAddress;
use super::{break_glass_chip, moment, nothing, state_chip};
use crate::components::{
    ActiveFilter, BulkBar, Button, Card, Column, Empty, FilterSelect, Filters, Glyph, Inset,
    LinkButton, Look, Markup, Page, Pager, Selection, Table, TableRow, Tone, Who, Width,
    count_words, counted, hidden, word_chip,
};
use crate::visit::Visit;

/// Parameters the list understands besides order and page.
pub const KNOWN: [&str; 7] = [
    "q",
    "state",
    "directory",
    "role",
    "group",
    "reach",
    "break_glass",
];

/// What the page shows.
pub struct UserList {
    /// Filters, order and page that were asked for.
    pub address: ListAddress,
    /// The people.
    pub page: Rows<UserRow>,
    /// The directories, for the filter.
    pub directories: Vec<(DirectoryId, String)>,
    /// The name of the group that is filtered by.
    pub group: Option<String>,
    /// Whether the viewer may change people.
    pub may_edit: bool,
    /// Whether the viewer may end their sessions.
    pub may_end_sessions: bool,
}

/// The filter an address asks for; what cannot be read filters nothing.
pub(crate) fn filter_of(address: &ListAddress) -> UserFilter {
    let reach = if address.get("reach") == Some("direct") {
        GroupReach::Direct
    } else {
        GroupReach::Effective
    };
    UserFilter {
        q: address.get("q").map(str::to_owned),
        active: match address.get("state") {
            Some("active") => Some(true),
            Some("deactivated") => Some(false),
            _ => None,
        },
        directory: address.get("directory").and_then(|id| id.parse().ok()),
        group: address
            .get("group")
            .and_then(|id| id.parse::<GroupId>().ok())
            .map(|id| (id, reach)),
        role: address.get("role").and_then(Role::from_key),
        break_glass: match address.get("break_glass") {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
    }
}

/// The order an address asks for.
pub(crate) fn sort_of(address: &ListAddress) -> UserSort {
    match address.get("sort") {
        Some("username") => UserSort::Username,
        Some("email") => UserSort::Email,
        Some("last_sign_in") => UserSort::LastSignIn,
        Some("created") => UserSort::Created,
        _ => UserSort::Name,
    }
}

/// Draws the list as it stands at `now`.
#[must_use]
pub fn view(now: DateTime<Utc>, list: UserList) -> AnyView {
    let add = list.may_edit.then(|| {
        view! { <LinkButton href="/users/new" look=Look::Primary icon=Glyph::Plus>"Add user"</LinkButton> }.into_any()
    });
    let is_empty = list.page.rows.is_empty();
    let body = if is_empty {
        empty(&list)
    } else {
        table(now, &list)
    };
    let tools = (!is_empty || list.address.is_filtered()).then(|| tools(&list));
    view! {
        <Page title="Users" purpose="Everyone who has an account here, and which source says so." width=Width::Table nostrip:actions=add>
            <Card inset=Inset::Flush>{tools}{body}</Card>
        </Page>
    }
    .into_any()
}

fn tools(list: &UserList) -> AnyView {
    let address = &list.address;
    let value = |key: &str| address.get(key).map(str::to_owned);
    let words = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect::<Vec<_>>()
    };
    let directories = list
        .directories
        .iter()
        .map(|(id, name)| (id.to_string(), name.clone()))
        .collect::<Vec<_>>();
    let roles = Role::ALL
        .iter()
        .map(|role| (role.key().to_owned(), role.label().to_owned()))
        .collect::<Vec<_>>();
    let count = format!("{} match", count_words(list.page.total));
    let count = if address.is_filtered() {
        count
    } else {
        users(list.page.total)
    };
    let (state, directory, role, break_glass) = (
        value("state"),
        value("directory"),
        value("role"),
        value("break_glass"),
    );
    let states = words(&[("active", "active"), ("deactivated", "deactivated")]);
    let either = words(&[("yes", "yes"), ("no", "no")]);
    view! {
        <Filters
            action="/users"
            query=value("q")
            placeholder="Search name, username, e-mail"
            active=active_filters(list)
            keep=address.kept(&["sort", "dir", "group", "reach"])
            count
        >
            <FilterSelect name="state" label="State" value=state choices=states/>
            <FilterSelect name="directory" label="Directory" value=directory choices=directories/>
            <FilterSelect name="role" label="Role" value=role choices=roles/>
            <FilterSelect name="break_glass" label="Break-glass" value=break_glass choices=either/>
        </Filters>
    }
    .into_any()
}

fn users(count: Count) -> String {
    match count {
        Count::Exact(n) => counted(n, "user", "users"),
        Count::AtLeast(_) => format!("{} users", count_words(count)),
    }
}

fn active_filters(list: &UserList) -> Vec<ActiveFilter> {
    let address = &list.address;
    let named = |key: &str, value: &str| match key {
        "q" => Some(("Search", format!("“{value}”"))),
        "state" => Some(("State", value.to_owned())),
        "directory" => {
            let found = list
                .directories
                .iter()
                .find(|(id, _)| id.to_string() == value);
            Some((
                "Directory",
                found.map_or_else(|| "unknown".to_owned(), |(_, name)| name.clone()),
            ))
        }
        "role" => Some((
            "Role",
            Role::from_key(value)
                .map_or("unknown", Role::label)
                .to_owned(),
        )),
        "group" => {
            let label = if address.get("reach") == Some("direct") {
                "Directly in group"
            } else {
                "In group"
            };
            Some((
                label,
                list.group.clone().unwrap_or_else(|| "unknown".to_owned()),
            ))
        }
        "break_glass" => Some(("Break-glass", value.to_owned())),
        _ => None,
    };
    address
        .filters()
        .iter()
        .filter_map(|(key, value)| {
            let (label, value) = named(key, value)?;
            Some(ActiveFilter {
                label: label.to_owned(),
                value,
                remove: address.without(key),
            })
        })
        .collect()
}

fn table(now: DateTime<Utc>, list: &UserList) -> AnyView {
    let address = &list.address;
    let columns = vec![
        address.column("User", "name", "name"),
        Column::new("Source"),
        Column::new("State"),
        Column::number("Groups"),
        address.column("Last sign-in", "last_sign_in", "name"),
    ];
    let rows = list
        .page
        .rows
        .iter()
        .map(|row| user_row(row, now))
        .collect();
    let near = address.neighbours(&list.page);
    let has_bulk = list.may_edit || list.may_end_sessions;
    let selection = has_bulk.then(|| Selection {
        form: "bulk".to_owned(),
        field: "user".to_owned(),
    });
    view! {
        <Table caption="Users" columns rows nostrip:selection=selection/>
        {has_bulk.then(|| bulk_bar(list))}
        <Pager from=near.from to=near.to total=list.page.total first=near.first previous=near.previous next=near.next last=near.last/>
    }
    .into_any()
}

fn user_row(row: &UserRow, now: DateTime<Utc>) -> TableRow {
    let user = &row.user;
    let name = user.display_name.clone();
    let note = user.email.clone().unwrap_or_else(|| user.username.clone());
    TableRow::new(vec![
        view! { <Who name=name.clone() note=note/> }.into_any(),
        sources(&row.directories),
        standing(&user.state, user.break_glass),
        counted(row.groups, "group", "groups").into_any(),
        moment(user.last_sign_in_at, now, "never"),
    ])
    .to(format!("/users/{}", user.id))
    .pick(user.id.to_string(), name)
}

fn standing(state: &State, break_glass: bool) -> AnyView {
    let mut markup = Markup::with_room(160);
    markup.tag("<span class=\"chips\">").view(state_chip(state));
    if break_glass {
        markup.view(break_glass_chip());
    }
    markup.tag("</span>");
    markup.into_view()
}

fn sources(directories: &[String]) -> AnyView {
    match directories {
        [] => nothing("no account"),
        [one] => word_chip(Tone::Neutral, one, None),
        [first, rest @ ..] => {
            let (more, title) = (format!("+{}", rest.len()), super::listed(rest));
            let mut markup = Markup::with_room(192);
            markup
                .view(word_chip(Tone::Neutral, first, None))
                .tag(" ")
                .view(word_chip(Tone::Neutral, &more, Some(&title)));
            markup.into_view()
        }
    }
}

fn bulk_bar(list: &UserList) -> AnyView {
    let (may_edit, may_end) = (list.may_edit, list.may_end_sessions);
    let all = format!("All {} that match", count_words(list.page.total));
    let filters = hidden(list.address.filters());
    view! {
        <BulkBar form="bulk" action="/users/bulk" all>
            {filters}
            {may_edit.then(|| view! {
                <Button name="do" value="add">"Add to group"</Button>
                <Button name="do" value="remove">"Remove from group"</Button>
                <Button name="do" value="reactivate">"Reactivate"</Button>
                <Button name="do" value="deactivate" look=Look::Danger>"Deactivate"</Button>
            })}
            {may_end.then(|| view! { <Button name="do" value="end">"End sessions"</Button> })}
        </BulkBar>
    }
    .into_any()
}

fn empty(list: &UserList) -> AnyView {
    if list.address.is_filtered() {
        let action = view! { <LinkButton href="/users">"Show all users"</LinkButton> }.into_any();
        return view! {
            <Empty icon=Glyph::Search title="Nobody matches" action>
                <p>"Names, usernames and e-mail addresses were searched. With fewer than three letters, only their beginnings."</p>
            </Empty>
        }
        .into_any();
    }
    let action = list.may_edit.then(|| {
        view! {
            <LinkButton href="/users/new" look=Look::Primary icon=Glyph::Plus>"Add user"</LinkButton>
            " "
            <LinkButton href="/compare">"Compare methods"</LinkButton>
        }
        .into_any()
    });
    view! {
        <Empty icon=Glyph::Users title="Nobody has an account here yet" nostrip:action=action>
            <p>"People arrive when they sign in through an identity provider, or when you add them here. Each stays marked with the source that brought them."</p>
        </Empty>
    }
    .into_any()
}

/// Whether the viewer may select people and do something with them.
pub(crate) fn rights(visit: &Visit) -> (bool, bool) {
    (
        visit.call.can(Permission::EditPeople),
        visit.call.can(Permission::EndSessions),
    )
}
