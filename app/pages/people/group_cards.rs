//! The cards of one group: its members with what put them there, what it is in, what it carries.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::listing::Page as Rows;
use muster_domain::membership::Member;
use muster_domain::user::User;
use muster_services::groups::{EffectiveMember, Group, GroupDetail, MemberDetail};

use super::address::ListAddress;
use super::along;
use super::{listed, origin_chips, state_chip};
use crate::components::{
    Button, Callout, Card, Chip, Column, Empty, Form, FormActions, Glyph, GroupPath, Guard, Icon,
    Inset, KeyValue, KeyValues, Look, Pager, PathNode, PostButton, Row, Rows as List, Table,
    TableRow, TextField, Tone, When, Who, Written, counted,
};

/// Which members are shown.
pub(crate) enum Shown {
    /// Direct ones; they are part of the detail.
    Direct,
    /// Everybody in effect.
    Effective(Rows<EffectiveMember>),
}

/// Who could be meant by what was typed.
#[derive(Default)]
pub(crate) struct Candidates {
    pub typed: String,
    /// The one who was meant, if the addition was refused.
    pub meant: Option<Member>,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
}

/// The address part of a member: `user:<id>` or `group:<id>`.
pub(crate) fn member_key(member: Member) -> String {
    format!("{}:{}", member.kind(), member.id())
}

/// Local, or the directory it comes from.
pub(crate) fn kind_chip(group: &GroupDetail) -> AnyView {
    match group.directory.clone() {
        Some(directory) => view! { <Chip>{directory}</Chip> }.into_any(),
        None => view! { <Chip tone=Tone::Accent>"Local"</Chip> }.into_any(),
    }
}

/// The line under the name.
pub(crate) fn purpose(group: &GroupDetail) -> String {
    if !group.group.description.is_empty() {
        return group.group.description.clone();
    }
    match &group.directory {
        Some(directory) => {
            format!("{directory} manages this group. Members can be added by hand beside its own.")
        }
        None => "A local group.".to_owned(),
    }
}

/// Direct members, each with every origin.
pub(crate) fn direct(group: &GroupDetail, address: &ListAddress) -> AnyView {
    if group.members.rows.is_empty() {
        return view! {
            <Card inset=Inset::Flush>
                <Empty icon=Glyph::Group title="Nobody is in this group directly">
                    <p>"Add a person or another group below, or name this group in the rules of an identity provider."</p>
                </Empty>
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::new("Member"),
        Column::new("State"),
        Column::new("Put there by"),
        Column::new("Action"),
    ];
    let rows = group
        .members
        .rows
        .iter()
        .map(|member| member_row(group, member))
        .collect();
    let (near, total) = (address.neighbours(&group.members), group.members.total);
    view! {
        <Card inset=Inset::Flush>
            <Table caption="Direct members" columns rows/>
            <Pager from=near.from to=near.to total first=near.first previous=near.previous next=near.next last=near.last/>
        </Card>
    }
    .into_any()
}

fn member_row(group: &GroupDetail, member: &MemberDetail) -> TableRow {
    let name = member.name.clone();
    let who = match member.member {
        Member::User(_) => view! { <Who name=name note=member.username.clone()/> }.into_any(),
        Member::Group(_) => view! { <span class="who"><span class="avatar group"><Icon glyph=Glyph::Group/></span><span class="who-words"><span class="who-name">{name}</span><span class="who-note">"group"</span></span></span> }.into_any(),
    };
    let state = match (member.member, member.is_active) {
        (Member::Group(_), _) => ().into_any(),
        (_, true) => view! { <Chip tone=Tone::Good>"Active"</Chip> }.into_any(),
        (_, false) => view! { <Chip tone=Tone::Danger>"Deactivated"</Chip> }.into_any(),
    };
    let remove = (member.is_manual && group.may.change_members).then(|| {
        let action = format!("/groups/{}/members/remove", group.group.id);
        let fields = vec![("member".to_owned(), member_key(member.member))];
        let spoken = format!(" {}", member.name);
        view! { <PostButton action fields look=Look::Quiet>"Remove"<span class="visually-hidden">{spoken}</span></PostButton> }
    });
    let href = match member.member {
        Member::User(id) => format!("/users/{id}"),
        Member::Group(id) => format!("/groups/{id}"),
    };
    TableRow::new(vec![
        who,
        state,
        origin_chips(&member.origins),
        remove.into_any(),
    ])
    .to(href)
}

/// Everybody in the group in effect, with the way.
pub(crate) fn effective(
    page: &Rows<EffectiveMember>,
    address: &ListAddress,
    now: DateTime<Utc>,
) -> AnyView {
    let _ = now;
    if page.rows.is_empty() {
        return view! {
            <Card inset=Inset::Flush>
                <Empty icon=Glyph::Users title="Nobody is in this group in effect"><p>"Neither directly nor through a group in it."</p></Empty>
            </Card>
        }
        .into_any();
    }
    let columns = vec![
        address.column("Person", "name", "name"),
        Column::new("State"),
        Column::new("Because"),
    ];
    let rows = page
        .rows
        .iter()
        .map(|member| {
            let user = &member.row.user;
            let nodes = member
                .path
                .iter()
                .map(|(id, name)| PathNode::new(name, format!("/groups/{id}")))
                .collect();
            let origins: Vec<String> = member
                .origins
                .iter()
                .map(|(_, words)| words.clone())
                .collect();
            TableRow::new(vec![
                view! { <Who name=user.display_name.clone() note=user.username.clone()/> }
                    .into_any(),
                state_chip(&user.state),
                view! { <GroupPath nodes origin=listed(&origins)/> }.into_any(),
            ])
            .to(format!("/users/{}", user.id))
        })
        .collect();
    let (near, total) = (address.neighbours(page), page.total);
    view! {
        <Card inset=Inset::Flush>
            <Table caption="People in effect" columns rows/>
            <Pager from=near.from to=near.to total first=near.first previous=near.previous next=near.next last=near.last/>
        </Card>
    }
    .into_any()
}

/// Adds a member by username or group name; offers who could be meant when no name fits exactly.
pub(crate) fn add(
    group: &GroupDetail,
    candidates: &Candidates,
    refused: Option<&Error>,
) -> AnyView {
    let action = format!("/groups/{}/members/add", group.group.id);
    let question = refused
        .filter(|error| along::asks(error))
        .zip(candidates.meant)
        .map(|(error, member)| {
            let fields = vec![("member".to_owned(), member_key(member))];
            along::question(error, action.clone(), fields, "Add them all the same")
        });
    let error = refused
        .filter(|error| !along::asks(error))
        .map(|error| error.public.to_string());
    let note = group.may.needs_elevation.then(|| {
        view! { <p class="help">"This group carries a role, so changing who is in it needs a secure session."</p> }
    });
    let (offers, typed) = (offers(&action, candidates), candidates.typed.clone());
    view! {
        <Card title="Add member" id="add">
            {question}
            <Form action=action guard=Guard::Off>
                <TextField
                    name="who"
                    label="Username or name of a group"
                    value=typed
                    error
                    help="Members of a group are members of every group it is in. Circles are refused."
                />
                {note}
                <FormActions><Button>"Add member"</Button></FormActions>
            </Form>
            {offers}
        </Card>
    }
    .into_any()
}

fn offers(action: &str, candidates: &Candidates) -> Option<AnyView> {
    if candidates.users.is_empty() && candidates.groups.is_empty() {
        return None;
    }
    let button = |member: Member, name: &str| {
        let fields = vec![("member".to_owned(), member_key(member))];
        let words = format!("Add {name}");
        view! { <PostButton action=action.to_owned() fields>{words}</PostButton> }.into_any()
    };
    let users = candidates.users.iter().map(|user| {
        let (title, note) = (user.display_name.clone(), user.username.clone());
        view! { <Row title action=button(Member::User(user.id), &user.display_name)>{note}</Row> }
    });
    let groups = candidates.groups.iter().map(|group| {
        let title = group.name.clone();
        view! { <Row title action=button(Member::Group(group.id), &group.name)>"group"</Row> }
    });
    let (users, groups) = (users.collect_view(), groups.collect_view());
    Some(view! { <h3>"Did you mean"</h3><List>{users}{groups}</List> }.into_any())
}

/// What the group is in, what is in it, what it carries.
pub(crate) fn facts(group: &GroupDetail, now: DateTime<Utc>) -> AnyView {
    let (created, updated, id) = (
        group.group.created_at,
        group.group.updated_at,
        group.group.id.to_string(),
    );
    let in_effect = counted(group.effective, "person", "people");
    let href = format!("/users?group={}", group.group.id);
    let items = vec![
        KeyValue::new(
            "People in effect",
            view! { <a href=href>{in_effect}</a> }.into_any(),
        ),
        KeyValue::new(
            "Made",
            view! { <When at=created now written=Written::Exact/> }.into_any(),
        ),
        KeyValue::new("Last changed", view! { <When at=updated now/> }.into_any()),
        KeyValue::new("Id", view! { <code>{id}</code> }.into_any()),
    ];
    let roles = group
        .roles
        .iter()
        .map(|(role, top, name)| {
            let way = if *top == group.group.id {
                view! { "Granted to this group" }.into_any()
            } else {
                let (href, name) = (format!("/groups/{top}"), name.clone());
                view! { "Granted to " <a href=href>{name}</a> ", which this group is in" }
                    .into_any()
            };
            view! { <Row title=role.label()>{way}</Row> }
        })
        .collect_view();
    let roles = (!group.roles.is_empty()).then(|| {
        view! {
            <Card title="Carries a role" inset=Inset::Flush>
                <List>{roles}</List>
            </Card>
            <Callout tone=Tone::Caution title="Changing members changes who holds the role">
                <p>"It needs the permission to manage roles and a secure session. Rules of a provider fill this group only where somebody with both confirmed it."</p>
            </Callout>
        }
    });
    view! {
        <Card title="Group"><KeyValues items/></Card>
        {roles}
        {linked("Is in", &group.outer)}
        {linked("Groups in it", &group.inner)}
    }
    .into_any()
}

fn linked(title: &'static str, groups: &[(muster_domain::id::GroupId, String)]) -> Option<AnyView> {
    if groups.is_empty() {
        return None;
    }
    let rows = groups
        .iter()
        .map(|(id, name)| {
            let (title, href) = (name.clone(), format!("/groups/{id}"));
            view! { <Row title href/> }
        })
        .collect_view();
    Some(view! { <Card title inset=Inset::Flush><List>{rows}</List></Card> }.into_any())
}
