//! Which groups the claims and the rules put the person into, and out of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::known::{Arrival, KnownGroup, KnownMembership};
use super::told::{About, Note, listed};
use super::{CreateGroups, JitRules};
use crate::change::{Action, Cause, Change};
use crate::claims::Claims;
use crate::id::{GroupId, UserId};
use crate::membership::{Member, Origin};
use crate::name;

/// What happens with one group, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupStep {
    /// The group's name.
    pub name: String,
    /// The group here; none: there is none of that name.
    pub group: Option<GroupId>,
    /// What happens.
    pub effect: Effect,
    /// Why, in a sentence.
    pub why: String,
}

/// What happens with one group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The group is created, and the person joins it.
    Created,
    /// The person joins.
    Joins,
    /// The person stays in it.
    Stays,
    /// The membership of this origin ends.
    Leaves,
    /// Nothing: the rules do not touch it, or it does not exist.
    Ignored,
}

/// What the groups claim says.
struct Claimed {
    /// Names by their keys, as stated.
    names: BTreeMap<String, String>,
    /// Whether the list can be taken as everything; only then does it remove.
    complete: bool,
    /// Why it cannot, in a sentence.
    doubt: Option<String>,
}

impl Claimed {
    fn nothing(doubt: Option<String>) -> Self {
        Self {
            names: BTreeMap::new(),
            complete: false,
            doubt,
        }
    }
}

fn claimed(claims: &Claims, claim: &str) -> Claimed {
    let claim = claim.trim();
    if claim.is_empty() {
        return Claimed::nothing(None);
    }
    let overage = is_overage(claims, claim);
    let value = claims.get(claim).filter(|value| !value.is_null());
    let (texts, readable): (Vec<&str>, bool) = match value {
        Some(Value::Array(items)) => (
            items.iter().filter_map(Value::as_str).collect(),
            items.iter().all(Value::is_string),
        ),
        Some(Value::String(one)) => (vec![one], true),
        Some(_) => {
            return Claimed::nothing(Some(format!(
                "The claim “{claim}” is no list of names. Nobody was removed from a group because of it."
            )));
        }
        None if overage => (Vec::new(), true),
        None => {
            return Claimed::nothing(Some(format!(
                "The claim “{claim}” is absent, which says nothing about groups. Nobody was removed from one."
            )));
        }
    };
    let names = texts
        .into_iter()
        .map(str::trim)
        .map(|name| (name::key(name), name.to_owned()))
        .filter(|(key, _)| !key.is_empty())
        .collect();
    let doubt = if overage {
        Some("The person is in more groups than the provider puts into a token (Entra ID: 200), so the list is not complete. Nobody was removed from a group. Have it send only groups assigned to the application.".to_owned())
    } else {
        (!readable).then(|| {
            format!("The claim “{claim}” holds entries that are no names, so the list is not complete. Nobody was removed from a group.")
        })
    };
    Claimed {
        names,
        complete: doubt.is_none(),
        doubt,
    }
}

/// Entra ID leaves the groups out and points elsewhere when there are too many: `_claim_names` in tokens of the code
/// flow, `hasgroups` in those of the implicit flow.
fn is_overage(claims: &Claims, claim: &str) -> bool {
    let elsewhere = claims
        .0
        .get("_claim_names")
        .and_then(Value::as_object)
        .is_some_and(|names| names.contains_key(claim));
    elsewhere || (claim == "groups" && claims.is_true("hasgroups"))
}

/// Keys of the groups that a decision may touch.
pub(super) fn keys(arrival: &Arrival<'_>, rules: &JitRules) -> Vec<String> {
    let claimed = claimed(arrival.claims, &rules.groups_claim);
    let managed = claimed
        .names
        .into_iter()
        .filter(|(_, name)| rules.manages(name));
    let mut keys: BTreeSet<String> = managed.map(|(key, _)| key).collect();
    keys.extend(rules.default_groups.iter().map(|group| name::key(group)));
    keys.remove("");
    keys.into_iter().collect()
}

/// Everything that the group rules work on and write to.
pub(super) struct Work<'a> {
    pub arrival: &'a Arrival<'a>,
    pub rules: &'a JitRules,
    pub user: UserId,
    pub groups: &'a BTreeMap<String, KnownGroup>,
    pub memberships: &'a [KnownMembership],
    pub ids: &'a mut dyn FnMut() -> Uuid,
    pub changes: Vec<Change>,
    pub steps: Vec<GroupStep>,
    pub notes: Vec<Note>,
    /// Groups made by this very decision, by key.
    pub created: BTreeMap<String, GroupId>,
}

impl Work<'_> {
    /// Applies both rules: the claim to the managed groups, and the default groups.
    pub fn run(&mut self) {
        let claimed = claimed(self.arrival.claims, &self.rules.groups_claim);
        self.follow_claim(&claimed);
        self.follow_defaults();
    }

    fn follow_claim(&mut self, claimed: &Claimed) {
        let origin = Origin::Claims(self.arrival.provider.id);
        let claim = self.rules.groups_claim.trim();
        let (managed, others): (Vec<_>, Vec<_>) = claimed
            .names
            .iter()
            .partition(|(_, name)| self.rules.manages(name));
        let mut kept = BTreeSet::new();
        for (key, name) in managed {
            let why = format!("The claim “{claim}” names it.");
            kept.extend(self.join(key, name, origin, &why, Cause::NewAtSource));
        }
        self.tell_unmanaged(&others);
        if !self.rules.managed_groups.is_empty() {
            let doubt = claimed.doubt.iter();
            let doubts = doubt.map(|doubt| Note::new(About::Groups, doubt.clone()));
            self.notes.extend(doubts);
        }
        for held in self.held(origin) {
            if kept.contains(&held.group) {
                continue;
            }
            let (effect, why) = if !self.rules.manages(&held.name) {
                (Effect::Stays, "It came by the claim once; the rules no longer manage it, so it stays until somebody removes it.".to_owned())
            } else if !claimed.complete {
                (
                    Effect::Stays,
                    format!("The claim “{claim}” does not say that it ended."),
                )
            } else {
                (
                    Effect::Leaves,
                    format!("The claim “{claim}” no longer names it."),
                )
            };
            self.part(&held, effect, why, origin, Cause::GoneFromSource);
        }
    }

    fn tell_unmanaged(&mut self, others: &[(&String, &String)]) {
        if others.is_empty() {
            return;
        }
        let names = listed(others.iter().map(|(_, name)| name.as_str()));
        let mut text =
            format!("The provider also names {names}, which the rules do not manage: ignored.");
        if others.iter().any(|(_, name)| Uuid::parse_str(name).is_ok()) {
            text.push_str(" Some are object ids instead of names: Entra ID sends names only for groups assigned to the application, if its token configuration says so.");
        }
        self.notes.push(Note::new(About::Groups, text));
        // A token can name thousands; the page needs no row for each of those that do not matter.
        self.steps
            .extend(others.iter().take(200).map(|(key, name)| GroupStep {
                name: (*name).clone(),
                group: self.groups.get(*key).map(|group| group.id),
                effect: Effect::Ignored,
                why: "The rules do not manage it.".to_owned(),
            }));
    }

    fn follow_defaults(&mut self) {
        let provider = &self.arrival.provider;
        let origin = Origin::Default(provider.id);
        let mut kept = BTreeSet::new();
        let defaults: BTreeMap<String, &String> = self
            .rules
            .default_groups
            .iter()
            .map(|group| (name::key(group), group))
            .filter(|(key, _)| !key.is_empty())
            .collect();
        for (key, group) in defaults {
            let why = format!("Everybody who signs in through {} is in it.", provider.name);
            let cause = Cause::Rule(format!("default group of {}", provider.name));
            kept.extend(self.join(&key, group, origin, &why, cause));
        }
        for held in self.held(origin) {
            if !kept.contains(&held.group) {
                let why = format!("It is no longer a default group of {}.", provider.name);
                let cause = Cause::Rule(format!("no longer a default group of {}", provider.name));
                self.part(&held, Effect::Leaves, why, origin, cause);
            }
        }
    }

    /// Memberships of one origin, each group once.
    fn held(&self, origin: Origin) -> Vec<KnownMembership> {
        let mut seen = BTreeSet::new();
        self.memberships
            .iter()
            .filter(|held| held.origin == origin && seen.insert(held.group))
            .cloned()
            .collect()
    }

    /// Puts the person into the group of this key, which is created where the rules say so. Gives back the group.
    fn join(
        &mut self,
        key: &str,
        stated: &str,
        origin: Origin,
        why: &str,
        cause: Cause,
    ) -> Option<GroupId> {
        let known = self.groups.get(key);
        let name = known.map_or(stated.trim(), |group| &group.name).to_owned();
        let existing = known
            .map(|group| group.id)
            .or_else(|| self.created.get(key).copied());
        let (group, effect) = match existing {
            Some(group) if self.is_in(group, origin) => (group, Effect::Stays),
            Some(group) => (group, Effect::Joins),
            None => (self.create(key, &name)?, Effect::Created),
        };
        if effect != Effect::Stays {
            let member = Member::User(self.user);
            let action = Action::AddMember {
                group,
                member,
                origin,
            };
            self.changes.push(Change::new(action, cause));
        }
        self.steps.push(GroupStep {
            name,
            group: Some(group),
            effect,
            why: why.to_owned(),
        });
        Some(group)
    }

    fn create(&mut self, key: &str, name: &str) -> Option<GroupId> {
        let refused = match (self.rules.create_groups, name::check_group_name(name)) {
            (CreateGroups::No, _) => {
                "There is no such group here, and the rules create none.".to_owned()
            }
            (CreateGroups::Yes, Err(refused)) => {
                format!(
                    "There is no such group here, and this cannot be a group's name. {}",
                    refused.message
                )
            }
            (CreateGroups::Yes, Ok(name)) => {
                let group = GroupId((self.ids)());
                let provider = &self.arrival.provider.name;
                let action = Action::CreateGroup {
                    group,
                    name,
                    description: format!("Created at a sign-in through {provider}."),
                    directory: None,
                };
                let cause = Cause::Rule(format!("missing groups are created by {provider}"));
                self.changes.push(Change::new(action, cause));
                self.created.insert(key.to_owned(), group);
                return Some(group);
            }
        };
        let text = format!("{}: {refused}", listed([name]));
        self.notes.push(Note::new(About::Groups, text));
        self.steps.push(GroupStep {
            name: name.to_owned(),
            group: None,
            effect: Effect::Ignored,
            why: refused,
        });
        None
    }

    fn is_in(&self, group: GroupId, origin: Origin) -> bool {
        self.memberships
            .iter()
            .any(|held| held.group == group && held.origin == origin)
    }

    fn part(
        &mut self,
        held: &KnownMembership,
        effect: Effect,
        why: String,
        origin: Origin,
        cause: Cause,
    ) {
        if effect == Effect::Leaves {
            let action = Action::RemoveMember {
                group: held.group,
                member: Member::User(self.user),
                origin,
            };
            self.changes.push(Change::new(action, cause));
        }
        self.steps.push(GroupStep {
            name: held.name.clone(),
            group: Some(held.group),
            effect,
            why,
        });
    }
}
