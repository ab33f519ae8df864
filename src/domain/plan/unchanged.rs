//! Whether what a step takes away is still as it was when that was decided.
//!
//! A plan waits for a person, a run is cut and taken up hours later; meanwhile somebody else takes away the same, or gives
//! it back and takes it away once more. A step that was done is taken back by its inverse ([`Step::undo`]), and that gives
//! back what it says, whoever took it away. So a step is done only while what its inverse would restore is what is here:
//! then what is given back is what this very step took.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;
use crate::change::{Action, Cause};
use crate::id::{DirectoryId, GroupId, UserId};
use crate::membership::{Member, Membership, Origin};
use crate::name;
use crate::record::{Attributes, ExternalId};
use crate::user::{Deactivation, State};

/// What is here of those whom steps are about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Present {
    /// People who are deactivated, let in again or deleted.
    pub people: BTreeMap<UserId, PresentPerson>,
    /// Accounts that change, go or come back, and whose they are.
    pub accounts: BTreeMap<(DirectoryId, ExternalId), (UserId, Attributes)>,
    /// Memberships that end, of people who are deleted all; and those that the plan itself ended before.
    pub memberships: BTreeSet<Membership>,
    /// The names of groups that are renamed or go.
    pub groups: BTreeMap<GroupId, String>,
    /// Which groups are tied to sources that are tied or untied.
    pub sources: BTreeMap<(DirectoryId, ExternalId), GroupId>,
    /// Who bears the usernames, as their keys ([`name::key`]), of people who come back.
    pub names: BTreeMap<String, UserId>,
}

/// What changes put here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Put {
    /// People.
    pub people: BTreeSet<UserId>,
    /// Their accounts.
    pub accounts: BTreeSet<(DirectoryId, ExternalId)>,
    /// Memberships.
    pub memberships: BTreeSet<Membership>,
}

impl Put {
    /// What these put here.
    pub fn by<'a>(actions: impl IntoIterator<Item = &'a Action>) -> Self {
        let mut put = Self::default();
        for action in actions {
            match action {
                Action::CreateUser {
                    user,
                    directory,
                    external_id,
                    ..
                } => {
                    put.people.insert(*user);
                    put.accounts.insert((*directory, external_id.clone()));
                }
                Action::AddMember {
                    group,
                    member,
                    origin,
                } => {
                    put.memberships.insert(Membership {
                        group: *group,
                        member: *member,
                        origin: *origin,
                    });
                }
                _ => {}
            }
        }
        put
    }
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
        Action::CreateUser {
            user,
            directory,
            external_id,
            attributes,
        } if step.change.cause == Cause::Undone => {
            let account = (*directory, external_id.clone());
            comes_back(*user, &account, attributes, step, present)
        }
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
        Action::MoveAccount {
            user,
            from,
            former_id,
            ..
        } => moved(*user, &(*from, former_id.clone()), step, present),
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
        Action::LinkGroup {
            directory,
            external_id,
            ..
        } => {
            let tied = present.sources.get(&(*directory, external_id.clone()));
            let why = "A group is tied to the source of";
            tied.map(|_| format!("{why} {} already.", step.subject))
        }
        Action::UnlinkGroup {
            group,
            directory,
            external_id,
        } => {
            let tied = present.sources.get(&(*directory, external_id.clone()));
            (tied != Some(group)).then(|| {
                let name = &step.subject;
                format!("The group {name} is not tied to its source any more.")
            })
        }
        _ => None,
    }
}

/// Whoever was deleted comes back as they were, unless somebody has their place by now.
fn comes_back(
    user: UserId,
    account: &(DirectoryId, ExternalId),
    attributes: &Attributes,
    step: &Step,
    present: &Present,
) -> Option<String> {
    let subject = &step.subject;
    if present.people.contains_key(&user) {
        return Some(format!("{subject} is here again."));
    }
    if present.accounts.contains_key(account) {
        return Some(format!("Somebody else has the account of {subject} now."));
    }
    let wanted = attributes.get("username")?;
    let holder = present.names.get(&name::key(wanted))?;
    (*holder != user).then(|| format!("Somebody else is called {wanted} now."))
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
    let put = Put::by(step.undo.iter().map(|change| &change.action));
    let (accounts, rows) = (put.accounts, put.memberships);
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

/// Whoever is handed over has the account that goes.
fn moved(
    user: UserId,
    key: &(DirectoryId, ExternalId),
    step: &Step,
    present: &Present,
) -> Option<String> {
    let is = present.accounts.get(key);
    let is_theirs = is.is_some_and(|(whose, _)| *whose == user);
    (!is_theirs).then(|| format!("The account of {} changed.", step.subject))
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::change::Change;

    const OFFICE: DirectoryId = DirectoryId(Uuid::from_u128(1));
    const ANNA: UserId = UserId(Uuid::from_u128(2));
    const STAFF: GroupId = GroupId(Uuid::from_u128(3));

    fn step(action: Action, undo: Action, cause: Cause) -> Step {
        Step {
            change: Change::new(action, cause),
            subject: "anna".to_owned(),
            undo: vec![Change::new(undo, Cause::Undone)],
        }
    }

    fn source() -> (DirectoryId, ExternalId) {
        (OFFICE, ExternalId("7".to_owned()))
    }

    fn creation(cause: Cause) -> Step {
        let (directory, external_id) = source();
        let create = Action::CreateUser {
            user: ANNA,
            directory,
            external_id,
            attributes: Attributes::from([("username".to_owned(), "Anna".to_owned())]),
        };
        step(create, Action::DeleteUser { user: ANNA }, cause)
    }

    #[test]
    fn whoever_comes_back_takes_nobodys_place() {
        let back = creation(Cause::Undone);
        assert_eq!(differs(&back, &Present::default()), None);
        let other = UserId(Uuid::from_u128(9));
        let named = Present {
            names: [("anna".to_owned(), other)].into(),
            ..Present::default()
        };
        let why = differs(&back, &named).unwrap();
        assert!(why.contains("called Anna now"), "{why}");
        let account = Present {
            accounts: [(source(), (other, Attributes::new()))].into(),
            ..Present::default()
        };
        assert!(differs(&back, &account).unwrap().contains("the account"));
        // What a source says is new is new: a name that is taken since is told by another door.
        assert_eq!(differs(&creation(Cause::NewAtSource), &named), None);
    }

    #[test]
    fn groups_are_tied_and_untied_only_where_they_are_as_it_was_decided() {
        let (directory, external_id) = source();
        let link = Action::LinkGroup {
            group: STAFF,
            directory,
            external_id: external_id.clone(),
        };
        let unlink = Action::UnlinkGroup {
            group: STAFF,
            directory,
            external_id,
        };
        let ties = step(link.clone(), unlink.clone(), Cause::NewAtSource);
        let unties = step(unlink, link, Cause::GoneFromSource);
        let tied_to = |group: GroupId| Present {
            sources: [(source(), group)].into(),
            ..Present::default()
        };
        let (nothing, other) = (Present::default(), GroupId(Uuid::from_u128(9)));
        let refused = |step: &Step, present: &Present| differs(step, present).is_some();
        assert!(!refused(&ties, &nothing) && refused(&unties, &nothing));
        assert!(refused(&ties, &tied_to(STAFF)) && !refused(&unties, &tied_to(STAFF)));
        assert!(refused(&ties, &tied_to(other)) && refused(&unties, &tied_to(other)));
    }

    #[test]
    fn what_changes_put_here_is_gathered_once_each() {
        let row = Membership {
            group: STAFF,
            member: Member::User(ANNA),
            origin: Origin::Manual,
        };
        let add = Action::AddMember {
            group: row.group,
            member: row.member,
            origin: row.origin,
        };
        let create = creation(Cause::NewAtSource).change.action;
        let put = Put::by([&create, &add, &add, &Action::Reactivate { user: ANNA }]);
        assert_eq!(
            (put.people, put.accounts),
            ([ANNA].into(), [source()].into())
        );
        assert_eq!(put.memberships, [row].into());
    }
}
