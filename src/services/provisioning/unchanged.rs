//! What is here of those whom steps of a plan are about, so that each is done only while it is what it was decided upon
//! ([`muster_domain::plan::unchanged`]).

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::change::{Action, Cause, Change};
use muster_domain::factor::Enrolled;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::{Member, Membership};
use muster_domain::plan::unchanged::{Own, Present, PresentPerson, differs};
use muster_domain::plan::{Purpose, Step, StoredPlan};
use muster_domain::record::ExternalId;
use muster_domain::{Error, Kind, name};
use muster_storage::plans::upkeep;
use muster_storage::{Reader, Tx, accounts, groups, memberships, subjects, users, ways_in};

/// Goes on only while every step finds what it was decided upon.
///
/// # Errors
/// `PLAN-006` with what changed.
pub(crate) async fn look(tx: &Tx, plan: &StoredPlan, steps: &[&Step]) -> Result<(), Error> {
    let present = present(tx, plan, steps).await?;
    match steps.iter().find_map(|step| differs(step, &present)) {
        None => Ok(()),
        Some(why) => Err(Error::new(
            "PLAN-006",
            Kind::Conflict,
            "What this step is about changed after the plan was made.",
        )
        .next(why)),
    }
}

/// What is here of those whom these steps of the plan are about. What only adds asks for nothing.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn present(
    reader: &impl Reader,
    plan: &StoredPlan,
    steps: &[&Step],
) -> Result<Present, Error> {
    let mut asked = Asked::default();
    for step in steps {
        asked.about(&step.change);
    }
    let mut present = Present::default();
    asked.people(reader, plan, &mut present).await?;
    for (directory, ids) in &asked.accounts {
        for (account, _) in accounts::close(reader, *directory, ids).await? {
            let key = (account.directory, account.external_id);
            present
                .accounts
                .insert(key, (account.user, account.attributes));
        }
    }
    let ends: Vec<Membership> = asked.ends.into_iter().collect();
    present
        .memberships
        .extend(memberships::among(reader, &ends).await?);
    let known: Vec<GroupId> = asked.groups.into_iter().collect();
    for group in groups::get_many(reader, &known).await? {
        present.groups.insert(group.id, group.name);
    }
    for (directory, ids) in asked.sources {
        for (external_id, group) in groups::by_sources(reader, directory, &ids).await? {
            present.sources.insert((directory, external_id), group);
        }
    }
    let names: Vec<String> = asked.names.into_iter().collect();
    for user in users::by_keys(reader, &names).await? {
        present.names.insert(name::key(&user.username), user.id);
    }
    Ok(present)
}

/// Whom steps are about.
#[derive(Default)]
struct Asked {
    people: BTreeSet<UserId>,
    deleted: BTreeSet<UserId>,
    accounts: BTreeMap<DirectoryId, Vec<ExternalId>>,
    ends: BTreeSet<Membership>,
    groups: BTreeSet<GroupId>,
    sources: BTreeMap<DirectoryId, Vec<ExternalId>>,
    names: BTreeSet<String>,
}

impl Asked {
    fn about(&mut self, change: &Change) {
        match &change.action {
            Action::CreateUser {
                user,
                directory,
                external_id,
                attributes,
            } if change.cause == Cause::Undone => {
                self.people.insert(*user);
                let ids = self.accounts.entry(*directory).or_default();
                ids.push(external_id.clone());
                self.names
                    .extend(attributes.get("username").map(|wanted| name::key(wanted)));
            }
            Action::LinkGroup {
                directory,
                external_id,
                ..
            }
            | Action::UnlinkGroup {
                directory,
                external_id,
                ..
            } => {
                let ids = self.sources.entry(*directory).or_default();
                ids.push(external_id.clone());
            }
            Action::Deactivate { user, .. } | Action::Reactivate { user } => {
                self.people.insert(*user);
            }
            Action::DeleteUser { user } => {
                self.people.insert(*user);
                self.deleted.insert(*user);
            }
            Action::UpdateAccount {
                directory,
                external_id,
                ..
            }
            | Action::RemoveAccount {
                directory,
                external_id,
                ..
            } => {
                let ids = self.accounts.entry(*directory).or_default();
                ids.push(external_id.clone());
            }
            Action::MoveAccount {
                from, former_id, ..
            } => {
                let ids = self.accounts.entry(*from).or_default();
                ids.push(former_id.clone());
            }
            Action::RemoveMember {
                group,
                member,
                origin,
            } => {
                self.ends.insert(Membership {
                    group: *group,
                    member: *member,
                    origin: *origin,
                });
            }
            Action::RenameGroup { group, .. } | Action::DeleteGroup { group } => {
                self.groups.insert(*group);
            }
            _ => {}
        }
    }

    async fn people(
        &self,
        reader: &impl Reader,
        plan: &StoredPlan,
        present: &mut Present,
    ) -> Result<(), Error> {
        let people: Vec<UserId> = self.people.iter().copied().collect();
        for user in users::get_many(reader, &people).await? {
            let person = PresentPerson {
                username: user.username,
                state: user.state,
                accounts: Vec::new(),
                own: match plan.purpose {
                    Purpose::Undo => Own::Nothing,
                    _ => Own::Whatever,
                },
            };
            present.people.insert(user.id, person);
        }
        if self.deleted.is_empty() {
            return Ok(());
        }
        let deleted: Vec<UserId> = self.deleted.iter().copied().collect();
        for account in accounts::of_users(reader, &deleted).await? {
            if let Some(person) = present.people.get_mut(&account.user) {
                person
                    .accounts
                    .push((account.directory, account.external_id));
            }
        }
        let members: Vec<Member> = deleted.iter().copied().map(Member::User).collect();
        let rows = memberships::of_members(reader, &members).await?;
        present.memberships.extend(rows);
        // What the plan itself ended has an inverse of its own.
        let ids: Vec<_> = deleted.iter().map(|user| user.0).collect();
        let ends = upkeep::ends_of(reader, plan, &ids).await?;
        present.memberships.extend(ends.own);
        if plan.purpose == Purpose::Undo {
            own(reader, &deleted, present).await?;
        }
        Ok(())
    }
}

/// What of theirs nobody could bring back.
async fn own(reader: &impl Reader, people: &[UserId], present: &mut Present) -> Result<(), Error> {
    let mut note = |user: UserId, what: &'static str| {
        if let Some(person) = present.people.get_mut(&user) {
            person.own = Own::Something(what);
        }
    };
    for subject in subjects::of_users(reader, people).await? {
        note(subject.user, "an identity at a provider");
    }
    for held in ways_in::held(reader, people).await? {
        let has_factor = held.kit.app || held.kit.codes || held.kit.enrolled == Enrolled::Yes;
        match (held.password, has_factor || !held.kit.passkeys.is_empty()) {
            (true, _) => note(held.user, "a password"),
            (false, true) => note(held.user, "a second factor or passkey"),
            (false, false) => {}
        }
    }
    Ok(())
}
