//! A small world in which plans are applied strictly: whatever contradicts it is a failure.

mod cases;
mod properties;
mod unusual;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::group::HereGroup;
use super::making::{Limits, Now};
use super::person::HerePerson;
use super::*;
use crate::change::Cause;
use crate::guard::{Guard, Tally};
use crate::id::{GroupId, UserId};
use crate::membership::{Member, Membership, Origin};
use crate::name::key;
use crate::record::{Attributes, GroupRecord, UserRecord};
use crate::snapshot::{Completeness, Snapshot};
use crate::user::{Deactivation, State};

const OURS: DirectoryId = DirectoryId(Uuid::from_u128(0xD1));
const OTHER: DirectoryId = DirectoryId(Uuid::from_u128(0xD2));

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_285_795, 0).unwrap()
}

fn id(n: impl std::fmt::Display) -> ExternalId {
    ExternalId(n.to_string())
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct ModelUser {
    username: String,
    state: State,
    accounts: BTreeMap<DirectoryId, (ExternalId, Attributes)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct ModelGroup {
    name: String,
    directory: Option<DirectoryId>,
    links: BTreeSet<(DirectoryId, ExternalId)>,
}

/// What is here, of all directories.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct World {
    users: BTreeMap<UserId, ModelUser>,
    groups: BTreeMap<GroupId, ModelGroup>,
    members: BTreeSet<Membership>,
    /// As last applied from our directory, by account.
    applied: BTreeMap<ExternalId, Attributes>,
    protected: BTreeMap<Member, Protection>,
    /// Names that our directory gives to nobody, as it states them.
    kept_names: BTreeSet<String>,
    made: u128,
}

impl World {
    fn user(&mut self, user: UserId) -> &mut ModelUser {
        self.users
            .get_mut(&user)
            .expect("a change names a person who is not there")
    }

    fn take_name(&self, user: UserId, name: &str) {
        let taken = self
            .users
            .iter()
            .any(|(other, known)| *other != user && key(&known.username) == key(name));
        assert!(!taken, "the username {name} is taken");
    }

    fn apply(&mut self, change: &Change) {
        match change.action.clone() {
            Action::CreateUser {
                user,
                directory,
                external_id,
                attributes,
            } => {
                let username = attributes["username"].clone();
                self.take_name(user, &username);
                self.applied.insert(external_id.clone(), attributes.clone());
                let accounts = BTreeMap::from([(directory, (external_id, attributes))]);
                let fresh = ModelUser {
                    username,
                    state: State::Active,
                    accounts,
                };
                assert!(self.users.insert(user, fresh).is_none(), "made twice");
            }
            Action::UpdateAccount {
                user,
                directory,
                external_id,
                attributes,
            } => {
                self.applied.insert(external_id.clone(), attributes.clone());
                self.user(user)
                    .accounts
                    .insert(directory, (external_id, attributes));
                // The other directory stands first where both have an account.
                let known = &self.users[&user];
                let first = known
                    .accounts
                    .get(&OTHER)
                    .or_else(|| known.accounts.get(&OURS))
                    .unwrap();
                let username = first.1["username"].clone();
                self.take_name(user, &username);
                self.user(user).username = username;
            }
            Action::LinkIdentity { .. } => unreachable!("no sync links an identity"),
            Action::MoveAccount { .. }
            | Action::MoveMembers { .. }
            | Action::SwitchDirectory { .. } => unreachable!("no sync takes another's place"),
            Action::Deactivate { user, by } => {
                let user = self.user(user);
                assert_eq!(user.state, State::Active, "deactivated twice");
                user.state = State::Deactivated(by);
            }
            Action::Reactivate { user } => self.user(user).state = State::Active,
            Action::RemoveAccount {
                user,
                directory,
                external_id,
            } => {
                self.applied.remove(&external_id);
                assert!(self.user(user).accounts.remove(&directory).is_some());
                assert!(!self.user(user).accounts.is_empty(), "nobody has them now");
            }
            Action::DeleteUser { user } => {
                let gone = self.users.remove(&user).expect("deletes somebody");
                for (id, _) in gone.accounts.values() {
                    self.applied.remove(id);
                }
                self.members.retain(|row| row.member != Member::User(user));
            }
            Action::CreateGroup {
                group,
                name,
                directory,
                ..
            } => {
                let taken = self
                    .groups
                    .values()
                    .any(|known| key(&known.name) == key(&name));
                assert!(!taken, "the group {name} is taken");
                let fresh = ModelGroup {
                    name,
                    directory,
                    links: BTreeSet::new(),
                };
                assert!(self.groups.insert(group, fresh).is_none());
            }
            Action::LinkGroup {
                group,
                directory,
                external_id,
            } => {
                let known = self.groups.get_mut(&group).unwrap();
                known.directory = known.directory.or(Some(directory));
                assert!(known.links.insert((directory, external_id)));
            }
            Action::UnlinkGroup {
                group,
                directory,
                external_id,
            } => {
                let known = self.groups.get_mut(&group).unwrap();
                known.directory = known.directory.filter(|manager| *manager != directory);
                assert!(known.links.remove(&(directory, external_id)));
            }
            Action::RenameGroup { group, name } => {
                let taken = self
                    .groups
                    .iter()
                    .any(|(id, known)| *id != group && key(&known.name) == key(&name));
                assert!(!taken, "the group {name} is taken");
                self.groups.get_mut(&group).unwrap().name = name;
            }
            Action::DeleteGroup { group } => {
                assert!(
                    !self.members.iter().any(|row| row.group == group),
                    "somebody is in it"
                );
                self.groups.remove(&group).expect("deletes a group");
                self.members
                    .retain(|row| row.member != Member::Group(group));
            }
            Action::AddMember {
                group,
                member,
                origin,
            } => {
                assert!(self.groups.contains_key(&group));
                match member {
                    Member::User(user) => assert!(self.users.contains_key(&user)),
                    Member::Group(inner) => assert!(self.groups.contains_key(&inner)),
                }
                self.members.insert(Membership {
                    group,
                    member,
                    origin,
                });
            }
            Action::RemoveMember {
                group,
                member,
                origin,
            } => {
                self.members.remove(&Membership {
                    group,
                    member,
                    origin,
                });
            }
        }
    }

    fn carry_out(&mut self, steps: &[Step]) {
        for step in steps {
            self.apply(&step.change);
        }
    }

    /// Somebody of another directory.
    fn stranger(&mut self, username: &str) -> UserId {
        self.made += 1;
        let user = UserId(Uuid::from_u128(0xA000 + self.made));
        let attributes = Attributes::from([("username".to_owned(), username.to_owned())]);
        let accounts = BTreeMap::from([(OTHER, (id(format!("other-{username}")), attributes))]);
        let known = ModelUser {
            username: username.to_owned(),
            state: State::Active,
            accounts,
        };
        self.users.insert(user, known);
        user
    }

    /// What is here, seen from our directory.
    fn here(&self) -> Here {
        let ours = Origin::Directory(OURS);
        let mut here = Here {
            revision: 7,
            protected_usernames: self.kept_names.clone(),
            protected_group_names: self.kept_names.clone(),
            ..Here::default()
        };
        for (user, known) in &self.users {
            here.usernames
                .insert(key(&known.username), (*user, known.username.clone()));
            let Some((external, now)) = known.accounts.get(&OURS) else {
                continue;
            };
            let elsewhere = known.accounts.len() > 1;
            let person = HerePerson {
                user: *user,
                username: known.username.clone(),
                state: known.state.clone(),
                applied: self.applied[external].clone(),
                now: now.clone(),
                record: None,
                owner: if elsewhere {
                    Owner::Before(OTHER)
                } else {
                    Owner::Own
                },
                elsewhere,
                protected: self.protected.get(&Member::User(*user)).copied(),
                replaces: None,
                memberships: self
                    .members
                    .iter()
                    .filter(|row| row.member == Member::User(*user))
                    .copied()
                    .collect(),
            };
            here.people.insert(external.clone(), person);
        }
        for (group, known) in &self.groups {
            here.group_names
                .insert(key(&known.name), (*group, known.name.clone()));
            let Some((_, external)) = known.links.iter().find(|(directory, _)| *directory == OURS)
            else {
                continue;
            };
            let foreign = |row: &Membership| {
                (row.group == *group || row.member == Member::Group(*group)) && row.origin != ours
            };
            let fresh = HereGroup {
                group: *group,
                name: known.name.clone(),
                description: String::new(),
                held: known.links.len() > 1
                    || known.directory != Some(OURS)
                    || self.members.iter().any(foreign),
                protected: self.protected.get(&Member::Group(*group)).copied(),
            };
            here.groups.insert(external.clone(), fresh);
        }
        let put = self.members.iter().filter(|row| row.origin == ours);
        here.members = put.map(|row| (row.group, row.member)).collect();
        here
    }

    fn plan(&mut self, source: &Source, terms: &Terms) -> Plan {
        self.plan_within(source, terms, &Guard::default())
    }

    fn plan_within(&mut self, source: &Source, terms: &Terms, guard: &Guard) -> Plan {
        let mut made = self.made;
        let now = Now {
            snapshot: &source.snapshot,
            filtered: &source.filtered,
            records: &source.records,
        };
        let limits = Limits {
            guard,
            lately: Tally::default(),
        };
        let plan = make(now, &self.here(), terms, limits, &mut || {
            made += 1;
            Uuid::from_u128(made)
        });
        self.made = made;
        plan
    }
}

/// What the source says.
#[derive(Clone, Debug)]
struct Source {
    snapshot: Snapshot,
    filtered: BTreeMap<ExternalId, String>,
    records: BTreeMap<ExternalId, String>,
}

impl Default for Source {
    fn default() -> Self {
        let snapshot = Snapshot {
            completeness: Completeness::Complete,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            unread: BTreeSet::new(),
            strangers: BTreeSet::new(),
            refused: Vec::new(),
        };
        Self {
            snapshot,
            filtered: BTreeMap::new(),
            records: BTreeMap::new(),
        }
    }
}

impl Source {
    fn of(people: &[(&str, &str)]) -> Self {
        people
            .iter()
            .fold(Self::default(), |source, (external, name)| {
                source.with(external, name)
            })
    }

    fn with(mut self, external: &str, username: &str) -> Self {
        let attributes = Attributes::from([("username".to_owned(), username.to_owned())]);
        let record = UserRecord {
            external_id: id(external),
            attributes,
            active: true,
        };
        self.snapshot.users.insert(id(external), record);
        self
    }

    fn without(mut self, external: &str) -> Self {
        self.snapshot.users.remove(&id(external));
        self
    }

    fn set(mut self, external: &str, attribute: &str, value: &str) -> Self {
        let record = self.snapshot.users.get_mut(&id(external)).unwrap();
        record
            .attributes
            .insert(attribute.to_owned(), value.to_owned());
        self
    }

    fn off(mut self, external: &str) -> Self {
        self.snapshot.users.get_mut(&id(external)).unwrap().active = false;
        self
    }

    fn group(mut self, external: &str, name: &str, members: &[&str]) -> Self {
        let members = members.iter().map(id).collect();
        let record = GroupRecord {
            external_id: id(external),
            name: name.to_owned(),
            members,
        };
        self.snapshot.groups.insert(id(external), record);
        self
    }
}

fn terms() -> Terms {
    Terms {
        directory: OURS,
        name: "Office".to_owned(),
        leavers: Leavers::Deactivate,
        revival: Revival::OwnOnly,
        may_remove: true,
        at: at(),
        adopt: None,
    }
}

fn causes(plan: &Plan) -> Vec<(&str, Cause)> {
    plan.steps
        .iter()
        .map(|step| (step.subject.as_str(), step.change.cause.clone()))
        .collect()
}

/// Where this source was applied to an empty world.
fn settled(source: &Source) -> World {
    let mut world = World::default();
    let plan = world.plan(source, &terms());
    world.carry_out(&plan.steps);
    world
}
