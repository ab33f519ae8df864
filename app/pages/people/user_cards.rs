//! The cards of one person: what is known, from where, and the ways in. Shared by the person's page and one's own.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::membership::Origin;
use muster_services::directories::{INTERNAL, JIT};
use muster_services::users::{
    AccountDetail, IdentityDetail, MembershipDetail, Outcome, SignIn, UserDetail,
};

use super::{moment, origin_chips};
use crate::components::{
    Can, Card, Chip, Column, ConfirmDialog, GroupPath, Inset, KeyValue, KeyValues, Look, PathNode,
    PostButton, Row, Rows, Table, TableRow, Tone, When, Written, counted,
};
use crate::pages::security::session_row;
use crate::visit::{Visit, encoded};

/// Every attribute with the directory whose value counts, and the values it overrules.
pub(crate) fn attributes(person: &UserDetail) -> AnyView {
    let columns = vec![
        Column::new("Attribute"),
        Column::new("Value"),
        Column::new("From"),
    ];
    let rows = person
        .attributes
        .iter()
        .map(|attribute| {
            let overruled = attribute
                .overruled
                .iter()
                .map(|(from, value)| {
                    let words = format!("{from} states “{value}”");
                    view! { <span class="overruled">{words}</span> }
                })
                .collect_view();
            let (label, value, from) = (
                attribute.label.clone(),
                attribute.value.clone(),
                attribute.from.clone(),
            );
            TableRow::new(vec![
                view! { <b>{label}</b> }.into_any(),
                view! { <span class="values"><span>{value}</span>{overruled}</span> }.into_any(),
                view! { <Chip>{from}</Chip> }.into_any(),
            ])
        })
        .collect();
    view! {
        <Card title="Attributes" inset=Inset::Flush more=view! { <span>"The first directory that states a value wins"</span> }.into_any()>
            <Table caption="Attributes and where they are from" columns rows/>
        </Card>
    }
    .into_any()
}

/// Groups the person is in directly, each with every origin; a membership by hand can be ended.
pub(crate) fn memberships(person: &UserDetail, _now: DateTime<Utc>) -> AnyView {
    let count = counted(person.memberships.len() as u64, "group", "groups");
    if person.memberships.is_empty() {
        return view! {
            <Card title="Direct memberships"><p class="nothing">"In no group directly."</p></Card>
        }
        .into_any();
    }
    let columns = vec![
        Column::new("Group"),
        Column::new("Put there by"),
        Column::new("Action"),
    ];
    let rows = person
        .memberships
        .iter()
        .map(|membership| membership_row(person, membership))
        .collect();
    view! {
        <Card title="Direct memberships" inset=Inset::Flush more=view! { <span>{count}</span> }.into_any()>
            <Table caption="Direct memberships and their origins" columns rows/>
        </Card>
    }
    .into_any()
}

fn membership_row(person: &UserDetail, membership: &MembershipDetail) -> TableRow {
    let (href, name) = (
        format!("/groups/{}", membership.group),
        membership.name.clone(),
    );
    let by_hand = membership
        .origins
        .iter()
        .any(|(origin, _)| *origin == Origin::Manual);
    let remove = (by_hand && person.may.edit).then(|| {
        let fields = vec![
            ("member".to_owned(), format!("user:{}", person.user.id)),
            ("back".to_owned(), format!("/users/{}", person.user.id)),
        ];
        let action = format!("/groups/{}/members/remove", membership.group);
        let spoken = format!(" from {}", membership.name);
        view! { <PostButton action fields look=Look::Quiet>"Remove"<span class="visually-hidden">{spoken}</span></PostButton> }
    });
    TableRow::new(vec![
        view! { <a href=href>{name}</a> }.into_any(),
        origin_chips(&membership.origins),
        remove.into_any(),
    ])
}

/// Every group the person is in, with the way there.
pub(crate) fn effective(person: &UserDetail) -> AnyView {
    let count = counted(person.effective.len() as u64, "group", "groups");
    if person.effective.is_empty() {
        return view! { <Card title="Effective groups"><p class="nothing">"In no group."</p></Card> }.into_any();
    }
    let columns = vec![Column::new("Group"), Column::new("Because")];
    let rows = person
        .effective
        .iter()
        .map(|group| {
            let (href, name) = (format!("/groups/{}", group.group), group.name.clone());
            let me = PathNode {
                label: person.user.display_name.clone(),
                href: None,
            };
            let nodes = std::iter::once(me)
                .chain(
                    group
                        .path
                        .iter()
                        .map(|(id, name)| PathNode::new(name, format!("/groups/{id}"))),
                )
                .collect();
            let origins: Vec<String> = group
                .origins
                .iter()
                .map(|(_, words)| words.clone())
                .collect();
            TableRow::new(vec![
                view! { <a href=href>{name}</a> }.into_any(),
                view! { <GroupPath nodes origin=super::listed(&origins)/> }.into_any(),
            ])
        })
        .collect();
    view! {
        <Card title="Effective groups" inset=Inset::Flush more=view! { <span>{count}</span> }.into_any()>
            <Table caption="Groups this person is in, with the way there" columns rows/>
        </Card>
    }
    .into_any()
}

/// Dates and ids.
pub(crate) fn facts(person: &UserDetail, now: DateTime<Utc>) -> AnyView {
    let user = &person.user;
    let (created, id) = (user.created_at, user.id.to_string());
    let items = vec![
        KeyValue::new("Username", user.username.clone()),
        KeyValue::maybe("E-mail", user.email.clone()),
        KeyValue::new("Last sign-in", moment(user.last_sign_in_at, now, "never")),
        KeyValue::new(
            "Known since",
            view! { <When at=created now written=Written::Exact/> }.into_any(),
        ),
        KeyValue::new("Id", view! { <code>{id}</code> }.into_any()),
    ];
    view! { <Card title="Person"><KeyValues items/></Card> }.into_any()
}

/// What its directory last said of an account, and when. A sync writes only what changed: that it found somebody as they were
/// is told by when the directory was read.
fn stated(account: &AccountDetail, now: DateTime<Utc>) -> AnyView {
    let at = account.last_confirmed_at;
    let when = view! { <When at now/> };
    match (account.kind.as_str(), account.read_at) {
        (INTERNAL, _) => view! { " · changed " {when} }.into_any(),
        (JIT | "scim", _) => view! { " · confirmed " {when} }.into_any(),
        (_, None) => view! { " · taken over " {when} }.into_any(),
        (_, Some(at)) => {
            view! { " · taken over " {when} ", directory last read " <When at now/> }.into_any()
        }
    }
}

/// Accounts in directories, in directory order.
pub(crate) fn accounts(person: &UserDetail, now: DateTime<Utc>) -> AnyView {
    let rows = person
        .accounts
        .iter()
        .map(|account| {
            let tone = if account.active {
                Tone::Good
            } else {
                Tone::Neutral
            };
            let state = match (account.active, account.in_shadow) {
                (true, false) => "",
                (true, true) => " · in shadow",
                (false, false) => " · inactive there",
                (false, true) => " · in shadow · inactive there",
            };
            let (title, method, id) = (
                account.directory_name.clone(),
                account.method,
                account.external_id.0.clone(),
            );
            let stated = stated(account, now);
            view! {
                <Row title tone>
                    {method} {state} {stated}
                    <br/>
                    <code class="long">{id}</code>
                </Row>
            }
        })
        .collect_view();
    let body = if person.accounts.is_empty() {
        view! { <p class="nothing">"No directory holds an account of this person."</p> }.into_any()
    } else {
        view! { <Rows>{rows}</Rows> }.into_any()
    };
    let inset = if person.accounts.is_empty() {
        Inset::Padded
    } else {
        Inset::Flush
    };
    view! { <Card title="Accounts" inset>{body}</Card> }.into_any()
}

/// Roles with the way the person comes by each.
pub(crate) fn roles(person: &UserDetail) -> AnyView {
    let more = person.may.manage_roles.then(|| {
        let href = format!("/roles?to={}", encoded(&person.user.username));
        view! { <a href=href>"Grant role"</a> }.into_any()
    });
    let rows = person
        .roles
        .iter()
        .map(|role| {
            let nodes: Vec<PathNode> = role
                .path
                .iter()
                .map(|(id, name)| PathNode::new(name, format!("/groups/{id}")))
                .collect();
            let way = if nodes.is_empty() {
                view! { "Granted to the person" }.into_any()
            } else {
                view! { "Through " <GroupPath nodes/> }.into_any()
            };
            view! { <Row title=role.role.label()>{way}</Row> }
        })
        .collect_view();
    if person.roles.is_empty() {
        return view! { <Card title="Roles" nostrip:more=more><p class="nothing">"No role: this person cannot open the console."</p></Card> }.into_any();
    }
    view! { <Card title="Roles" inset=Inset::Flush nostrip:more=more><Rows>{rows}</Rows></Card> }
        .into_any()
}

/// Identities at providers; each can be unlinked.
pub(crate) fn identities(person: &UserDetail, now: DateTime<Utc>) -> AnyView {
    if person.identities.is_empty() {
        return view! {
            <Card title="Identities"><p class="nothing">"No identity at a provider leads to this person."</p></Card>
        }
        .into_any();
    }
    let rows = person
        .identities
        .iter()
        .enumerate()
        .map(|(at, identity)| identity_row(person, identity, at, now))
        .collect_view();
    view! { <Card title="Identities" inset=Inset::Flush><Rows>{rows}</Rows></Card> }.into_any()
}

fn identity_row(
    person: &UserDetail,
    identity: &IdentityDetail,
    at: usize,
    now: DateTime<Utc>,
) -> AnyView {
    let (subject, issuer, linked_by, linked_at) = (
        identity.subject.clone(),
        identity.issuer.clone(),
        identity.linked_by.clone(),
        identity.linked_at,
    );
    let action = person.may.edit.then(|| {
        let fields = vec![
            ("provider".to_owned(), identity.provider.to_string()),
            ("issuer".to_owned(), identity.issuer.clone()),
            ("subject".to_owned(), identity.subject.clone()),
        ];
        let provider = identity.provider_name.clone();
        view! {
            <ConfirmDialog
                id=format!("unlink-{at}")
                trigger="Unlink"
                look=Look::Quiet
                title=format!("Unlink the identity at {provider}?")
                confirm="Unlink identity"
                action=format!("/users/{}/identities/unlink", person.user.id)
                fields
            >
                <p>"Signing in with it leads to this person no more. It can be linked again by a test sign-in."</p>
            </ConfirmDialog>
        }
        .into_any()
    });
    let used = moment(identity.last_used_at, now, "never");
    view! {
        <Row title=identity.provider_name.clone() nostrip:action=action>
            <code class="long">{subject}</code> " at " <span class="long">{issuer}</span>
            <br/>
            "Linked " <When at=linked_at now/> " by " {linked_by} " · used " {used}
        </Row>
    }
    .into_any()
}

/// The person's sessions, if the viewer may see them.
pub(crate) fn sessions(person: &UserDetail, visit: &Visit) -> Option<AnyView> {
    let sessions = person.sessions.as_ref()?;
    if sessions.is_empty() {
        return Some(
            view! { <Card title="Sessions"><p class="nothing">"Signed in nowhere."</p></Card> }
                .into_any(),
        );
    }
    let may_end = person.may.end_sessions;
    let back = format!("/users/{}", person.user.id);
    let rows = sessions
        .iter()
        .map(|session| session_row(session, visit, may_end, &back))
        .collect_view();
    let more = may_end.then(|| {
        let can = if sessions.is_empty() { Can::NotNow("There is none".to_owned()) } else { Can::Now };
        view! { <PostButton action=format!("/users/{}/sessions/end", person.user.id) look=Look::Quiet can>"End all sessions"</PostButton> }.into_any()
    });
    Some(view! { <Card title="Sessions" inset=Inset::Flush nostrip:more=more><Rows>{rows}</Rows></Card> }.into_any())
}

/// The newest sign-ins, with how each ended and why.
pub(crate) fn sign_ins(person: &UserDetail, now: DateTime<Utc>) -> AnyView {
    if person.sign_ins.is_empty() {
        return view! { <Card title="Recent sign-ins"><p class="nothing">"No sign-in is on record."</p></Card> }.into_any();
    }
    let columns = vec![
        Column::new("When"),
        Column::new("How it ended"),
        Column::new("By"),
        Column::new("From"),
    ];
    let rows = person
        .sign_ins
        .iter()
        .map(|sign_in| sign_in_row(person, sign_in, now))
        .collect();
    view! { <Card title="Recent sign-ins" inset=Inset::Flush><Table caption="Recent sign-ins" columns rows/></Card> }.into_any()
}

fn sign_in_row(person: &UserDetail, sign_in: &SignIn, now: DateTime<Utc>) -> TableRow {
    let (tone, word) = match sign_in.outcome {
        Outcome::SignedIn => (Tone::Good, "Signed in"),
        Outcome::Refused => (Tone::Danger, "Refused"),
        Outcome::Failed => (Tone::Danger, "Failed"),
        Outcome::Tested => (Tone::Neutral, "Tested"),
    };
    let provider = sign_in.provider.and_then(|id| {
        person
            .identities
            .iter()
            .find(|identity| identity.provider == id)
    });
    let by = provider.map_or_else(
        || sign_in.means.clone(),
        |identity| identity.provider_name.clone(),
    );
    let (at, notes) = (sign_in.at, sign_in.notes.join(" "));
    TableRow::new(vec![
        view! { <When at now/> }.into_any(),
        view! { <Chip tone>{word}</Chip> " " <span class="note">{notes}</span> }.into_any(),
        by.into_any(),
        sign_in
            .address
            .clone()
            .unwrap_or_else(|| "–".to_owned())
            .into_any(),
    ])
}
