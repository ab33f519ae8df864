//! Whether what a step takes away is still as it was when that was decided.
//!
//! A plan waits for a person, a run is cut and taken up hours later; meanwhile somebody else takes away the same, or gives
//! it back and takes it away once more. A step that was done is taken back by its inverse ([`Step::undo`]), and that gives
//! back what it says, whoever took it away. So a step is done only while what its inverse would restore is what is here:
//! then what is given back is what this very step took.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;
use crate::change::Action;
use crate::id::{DirectoryId, GroupId, UserId};
use crate::membership::{Member, Membership, Origin};
use crate::record::{Attributes, ExternalId};
use crate::user::{Deactivation, State};

/// What is here of those whom steps are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Present {
    /// People who are deactivated, let in again or deleted.
    pub people: BTreeMap<UserId, PresentPerson>,
    /// Accounts that change or go, and whose they are.
    pub accounts: BTreeMap<(DirectoryId, ExternalId), (UserId, Attributes)>,
    /// Memberships that end, of people who are deleted all; and those that the plan itself ended before.
    pub memberships: BTreeSet<Membership>,
    /// The names of groups that are renamed or go.
    pub groups: BTreeMap<GroupId, String>,
}

/// Somebody, as far as it matters to a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresentPerson {
    /// What they are called.
    pub username: String,
    /// Whether they may come in.
    pub state: State,
    /// Their accounts.
    pub accounts: Vec<(DirectoryId, ExternalId)>,
    /// What they have of their own.
    pub own: Own,
}

/// What a person has of their own: it goes with them and comes back with nobody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Own {
    /// It does not matter: the source's word is enough.
    Whatever,
    /// Nothing.
    Nothing,
    /// This, among others.
    Something(&'static str),
}

/// What is not as the step expects it, in a sentence; none: it may be done.
#[must_use]
pub fn differs(step: &Step, present: &Present) -> Option<String> {
    // What restores a part of somebody has no inverse of its own and expects nothing.
    if step.undo.is_empty() {
        return None;
    }
    match &step.change.action {
        Action::Deactivate { user, .. } => state(*user, None, step, present),
        Action::Reactivate { user } => match by(step) {
            Some(by) => state(*user, Some(by), step, present),
            None => Some("Nobody knows any more who deactivated them.".to_owned()),
        },
        Action::DeleteUser { user } => {
            state(*user, by(step), step, present).or_else(|| rests(*user, step, present))
        }
        Action::UpdateAccount {
            user,
            directory,
            external_id,
            ..
        }
        | Action::RemoveAccount {
            user,
            directory,
            external_id,
        } => account(*user, &(*directory, external_id.clone()), step, present),
        Action::RemoveMember {
            group,
            member,
            origin,
        } => {
            let row = Membership {
                group: *group,
                member: *member,
                origin: *origin,
            };
            let is_here = present.memberships.contains(&row);
            (!is_here).then(|| format!("{}: somebody ended that before.", step.subject))
        }
        Action::RenameGroup { group, .. } | Action::DeleteGroup { group } => {
            named(*group, step, present)
        }
        _ => None,
    }
}

/// Who had deactivated whom the step lets in or deletes, as it was decided.
fn by(step: &Step) -> Option<&Deactivation> {
    step.undo.iter().find_map(|change| match &change.action {
        Action::Deactivate { by, .. } => Some(by),
        _ => None,
    })
}

fn state(
    user: UserId,
    expected: Option<&Deactivation>,
    step: &Step,
    present: &Present,
) -> Option<String> {
    let Some(person) = present.people.get(&user) else {
        return Some(format!("{} is not here any more.", step.subject));
    };
    match (&person.state, expected) {
        (State::Active, None) => None,
        (State::Deactivated(is), Some(was)) if is.is(was) => None,
        (State::Active, Some(_)) => Some(format!("{} is active again.", person.username)),
        (State::Deactivated(is), _) => Some(format!(
            "{} was deactivated by {} at {}.",
            person.username,
            is.by,
            is.at.format("%Y-%m-%d %H:%M UTC")
        )),
    }
}

/// What a person who is deleted has that their inverse would not restore, or would restore though it is gone.
fn rests(user: UserId, step: &Step, present: &Present) -> Option<String> {
    let person = present.people.get(&user)?;
    let name = &person.username;
    let (mut accounts, mut rows) = (BTreeSet::new(), BTreeSet::new());
    for change in &step.undo {
        match &change.action {
            Action::CreateUser {
                directory,
                external_id,
                ..
            } => {
                accounts.insert((*directory, external_id.clone()));
            }
            Action::AddMember {
                group,
                member,
                origin,
            } => {
                rows.insert(Membership {
                    group: *group,
                    member: *member,
                    origin: *origin,
                });
            }
            _ => {}
        }
    }
    if person.accounts.iter().any(|one| !accounts.contains(one)) {
        return Some(format!("{name} has another account now."));
    }
    if !rows.is_subset(&present.memberships) {
        return Some(format!("{name} was taken out of a group."));
    }
    let mut others = present.memberships.iter().filter(|row| {
        row.member == Member::User(user)
            && !matches!(row.origin, Origin::Directory(_))
            && !rows.contains(row)
    });
    match person.own {
        Own::Whatever => None,
        Own::Something(own) => Some(format!("{name} has {own} here.")),
        Own::Nothing => others
            .next()
            .map(|_| format!("{name} was put into a group here.")),
    }
}

fn account(
    user: UserId,
    key: &(DirectoryId, ExternalId),
    step: &Step,
    present: &Present,
) -> Option<String> {
    let is = present.accounts.get(key);
    let is_removed = matches!(step.change.action, Action::RemoveAccount { .. });
    let is_so = step.undo.iter().all(|change| match &change.action {
        Action::UpdateAccount { attributes, .. } => {
            is.is_some_and(|(whose, now)| *whose == user && (is_removed || now == attributes))
        }
        Action::RemoveAccount { .. } => is.is_none(),
        _ => true,
    });
    (!is_so).then(|| format!("The account of {} changed.", step.subject))
}

fn named(group: GroupId, step: &Step, present: &Present) -> Option<String> {
    let Some(name) = present.groups.get(&group) else {
        return Some(format!("The group {} is not here any more.", step.subject));
    };
    let renamed = step.undo.iter().any(
        |change| matches!(&change.action, Action::RenameGroup { name: was, .. } if was != name),
    );
    renamed.then(|| format!("The group is called {name} now."))
}
