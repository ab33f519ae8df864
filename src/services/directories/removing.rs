//! Removing a directory: a plan of everything that comes from it, which a person reads and approves; and, once it was
//! carried out, the directory itself.
//!
//! Nobody is lost on the way: whoever has an account elsewhere loses this one alone, and whoever has none gets one of the
//! internal directory with what was known of them, unless deleting them was chosen. People with a role here and break-glass
//! accounts are never deactivated or deleted by it.

use std::collections::BTreeSet;

use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, GroupId, PlanId, UserId};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::plan::identity::Digest;
use muster_domain::plan::stored::{Line, Row, position};
use muster_domain::plan::{Phase, PlanState, Purpose, Step, StoredPlan};
use muster_domain::record::ExternalId;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{
    Quiet, accounts, directory_states, groups, memberships, plans, providers, runs, users,
};
use serde_json::json;

use super::keeping::{end_sessions, is_read, still};
use super::{find, internal};
use crate::standing::Standing;
use crate::sync::{rules, shadowing};
use crate::{Call, Services, guard, roles};

mod steps;

use steps::{Leaver, group_step, handed_over};

/// Rows that are read at once.
const PAGE: u64 = 200;

/// What becomes of people who have no other account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum People {
    /// They are deactivated, and kept in the internal directory.
    #[default]
    Deactivate,
    /// They stay as they are, kept in the internal directory.
    Keep,
    /// They are deleted.
    Delete,
}

/// What becomes of its groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Groups {
    /// They become local groups, with whom the directory put in them.
    #[default]
    BecomeLocal,
    /// They go, unless something else rests on them: members by other means, a role, another directory.
    Delete,
}

/// What is chosen for a removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// For people.
    pub people: People,
    /// For groups.
    pub groups: Groups,
}

/// Makes the plan of removing a directory, and switches the directory off so that nothing new comes from it. The plan waits
/// for an approval; the directory itself goes when everything in the plan is done.
///
/// # Errors
/// Without permission or presence, for an unknown directory, `DIR-005` for one that is not read from anywhere, `DIR-008`
/// when an identity provider keeps its accounts there, `DIR-009` and `SHD-005` while a run of it or its change of places
/// with another one is under way.
pub async fn remove_plan(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: DirectoryId,
    choice: Choice,
) -> Result<PlanId, Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, Some(elevated))?;
    let (directory, mut plan, internal) = begin(services, call, id).await?;
    match write(services, call, &directory, &mut plan, internal, choice).await {
        Ok(()) => {}
        Err(error) => {
            let tx = services.db().begin().await?;
            plans::delete(&tx, plan.id).await?;
            tx.commit_quiet(Quiet::Working).await?;
            return Err(error);
        }
    }
    let tx = services.db().begin().await?;
    plan.state = PlanState::Held;
    plans::update(&tx, &plan).await?;
    let detail = json!({
        "plan": plan.id, "steps": plan.counts.all(), "people": format!("{:?}", choice.people),
        "groups": format!("{:?}", choice.groups), "elevation": elevated.id(),
    });
    let event = call.event("directory.remove.plan", &directory.name, Some(id.0), detail);
    tx.commit(&[event]).await?;
    Ok(plan.id)
}

/// Switches the directory off and begins the plan; the ones made before are put away.
async fn begin(
    services: &Services,
    call: &Call,
    id: DirectoryId,
) -> Result<(Directory, StoredPlan, DirectoryId), Error> {
    let tx = services.db().begin().await?;
    is_read(services, &find(&tx, id).await?)?;
    directory_states::lock(&tx, id).await?;
    let mut directory = find(&tx, id).await?;
    shadowing::keeps_its_place(&tx, &directory).await?;
    if runs::open_of(&tx, id).await?.is_some() {
        return Err(Error::new(
            "DIR-009",
            Kind::Conflict,
            "A run of this directory is under way.",
        )
        .next("Wait for its end, or stop it. The plan is made of what is here then."));
    }
    let keeps = providers::list(&tx).await?;
    if let Some(provider) = keeps.iter().find(|provider| provider.directory == id) {
        return Err(Error::new(
            "DIR-008",
            Kind::Conflict,
            format!("{} keeps the accounts of its people there.", provider.name),
        )
        .next("Remove the identity provider first."));
    }
    let internal = internal(services, call, &tx).await?.id;
    for state in [PlanState::Held, PlanState::Making, PlanState::Clear] {
        for mut old in plans::list(&tx, Some(id), Some(state), None, 100).await? {
            if old.purpose == Purpose::Removal {
                old.state = PlanState::Discarded;
                plans::update(&tx, &old).await?;
            }
        }
    }
    let mut events = Vec::new();
    if directory.enabled {
        directory.enabled = false;
        directory.updated_at = call.at;
        directories::update(&tx, &directory).await?;
        events.extend(still(call, &tx, &directory).await?);
        let ended = end_sessions(&tx, call, id).await?;
        let detail = json!({ "by": "removal", "sessions_ended": ended });
        events.push(call.event("directory.disable", &directory.name, Some(id.0), detail));
    }
    let plan = StoredPlan {
        base_revision: directory_states::revision(&tx, id).await?,
        ..StoredPlan::begun(services.id(), id, Purpose::Removal, call.actor(), call.at)
    };
    plans::insert(&tx, &plan).await?;
    match events.as_slice() {
        [] => tx.commit_quiet(Quiet::Working).await?,
        events => tx.commit(events).await?,
    }
    Ok((directory, plan, internal))
}

/// Writes every step, in the order in which they are carried out.
async fn write(
    services: &Services,
    call: &Call,
    directory: &Directory,
    plan: &mut StoredPlan,
    internal: DirectoryId,
    choice: Choice,
) -> Result<(), Error> {
    let standing = roles::standing(services.db()).await?;
    let mut writing = Writing {
        services,
        plan,
        digest: Digest::new(directory.id, 0),
        nth: 0,
    };
    writing.digest = Digest::new(directory.id, writing.plan.base_revision);
    let leaving = members(&mut writing, directory, &standing, choice.groups).await?;
    people(
        &mut writing,
        call,
        directory,
        &standing,
        internal,
        choice.people,
    )
    .await?;
    its_groups(&mut writing, directory, &leaving).await?;
    let identity = writing.digest.finish();
    plan.identity = Some(identity);
    Ok(())
}

/// The plan as it is written.
struct Writing<'a> {
    services: &'a Services,
    plan: &'a mut StoredPlan,
    digest: Digest,
    nth: u64,
}

impl Writing<'_> {
    /// Writes steps of one phase behind those before.
    async fn put(&mut self, phase: Phase, steps: Vec<Step>) -> Result<(), Error> {
        if steps.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(steps.len());
        for step in steps {
            self.digest.add(&step);
            self.plan.counts.add(&step.change);
            rows.push(Row {
                position: position(phase, self.nth),
                line: Line::Step(step),
            });
            self.nth += 1;
        }
        let tx = self.services.db().begin().await?;
        plans::insert_rows(&tx, self.plan.id, &rows).await?;
        tx.commit_quiet(Quiet::Working).await
    }
}

/// Memberships that the directory made: they end, or are of this console from then on. Gives the groups that go.
async fn members(
    writing: &mut Writing<'_>,
    directory: &Directory,
    standing: &Standing,
    choice: Groups,
) -> Result<BTreeSet<GroupId>, Error> {
    let db = writing.services.db().clone();
    let ours = Origin::Directory(directory.id);
    let (privileged, rules) = (standing.privileged_groups(), rules::of(directory));
    let (mut leaving, mut after) = (BTreeSet::new(), None::<ExternalId>);
    loop {
        let page = groups::page_of_directory(&db, directory.id, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(leaving);
        };
        after = Some(last.external_id.clone());
        for known in page {
            let group = &known.group;
            let inside = memberships::in_group(&db, group.id).await?;
            let around = memberships::of_members(&db, &[Member::Group(group.id)]).await?;
            let foreign = inside.iter().chain(&around).any(|row| row.origin != ours);
            let is_protected = privileged.contains(&group.id) || rules.protects_group(&group.name);
            let rests =
                known.elsewhere || foreign || is_protected || group.directory != Some(directory.id);
            let goes = choice == Groups::Delete && !rests;
            if goes {
                leaving.insert(group.id);
            }
            // A protected group keeps whom it has: nobody loses or gains a role by this.
            let stays = choice == Groups::BecomeLocal || is_protected;
            let of_it: Vec<&Membership> = inside.iter().filter(|row| row.origin == ours).collect();
            for some in of_it.chunks(usize::try_from(PAGE).unwrap_or(200)) {
                let (here, ends) = handed_over(&known, some, stays);
                writing.put(Phase::MembersLeave, here).await?;
                writing.put(Phase::MembersLeave, ends).await?;
            }
        }
    }
}

async fn people(
    writing: &mut Writing<'_>,
    call: &Call,
    directory: &Directory,
    standing: &Standing,
    internal: DirectoryId,
    choice: People,
) -> Result<(), Error> {
    let db = writing.services.db().clone();
    let (privileged, rules) = (standing.privileged_people(), rules::of(directory));
    let mut after = None::<ExternalId>;
    loop {
        let page = accounts::page_of_directory(&db, directory.id, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.external_id.clone());
        let ids: Vec<UserId> = page.iter().map(|account| account.user).collect();
        let known = users::get_many(&db, &ids).await?;
        let all = accounts::of_users(&db, &ids).await?;
        let members: Vec<Member> = ids.iter().copied().map(Member::User).collect();
        let rows = memberships::of_members(&db, &members).await?;
        let mut steps = Vec::new();
        for account in &page {
            let Some(user) = known.iter().find(|user| user.id == account.user) else {
                continue;
            };
            let elsewhere = all
                .iter()
                .any(|other| other.user == user.id && other.directory != directory.id);
            let is_protected = user.break_glass
                || privileged.contains(&user.id)
                || rules.protects_user(&user.username);
            let choice = if is_protected { People::Keep } else { choice };
            let leaver = Leaver {
                user,
                account,
                internal,
            };
            match choice {
                _ if elsewhere => steps.push(leaver.without_account()),
                People::Delete => {
                    let of_them: Vec<Membership> = rows
                        .iter()
                        .filter(|row| row.member == Member::User(user.id))
                        .copied()
                        .collect();
                    steps.push(leaver.deleted(&of_them));
                }
                People::Keep | People::Deactivate => {
                    if choice == People::Deactivate && user.is_active() {
                        steps.push(leaver.deactivated(call, &directory.name));
                    }
                    steps.push(leaver.kept_here());
                    steps.push(leaver.without_account());
                }
            }
        }
        // Steps of one kind beside each other are carried out together; a person's own order is kept by it.
        steps.sort_by_key(|step| match step.change.action {
            Action::Deactivate { .. } => 0,
            Action::UpdateAccount { .. } => 1,
            Action::RemoveAccount { .. } => 2,
            _ => 3,
        });
        writing.put(Phase::PeopleLeave, steps).await?;
    }
}

/// Groups become local, or go.
async fn its_groups(
    writing: &mut Writing<'_>,
    directory: &Directory,
    leaving: &BTreeSet<GroupId>,
) -> Result<(), Error> {
    let db = writing.services.db().clone();
    let mut after = None::<ExternalId>;
    loop {
        let page = groups::page_of_directory(&db, directory.id, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.external_id.clone());
        let steps = page
            .iter()
            .map(|known| group_step(known, directory.id, leaving));
        let steps: Vec<Step> = steps.collect();
        writing.put(Phase::GroupsLeave, steps).await?;
    }
}
