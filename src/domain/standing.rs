//! Who holds which role, and who would after a change: the whole picture in memory, so that every guard
//! (last superadmin, role-bearing groups) is one pure question asked before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AssignmentId, GroupId, UserId};
use crate::membership::{Member, Origin};
use crate::role::Role;

/// One granted role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Its id.
    pub id: AssignmentId,
    /// Which role.
    pub role: Role,
    /// To whom.
    pub to: Member,
}

/// Every grant, how groups nest, and the people of every group that carries a role.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Every granted role.
    pub grants: Vec<Grant>,
    /// Group in group: (outer, inner, origin).
    pub nesting: BTreeSet<(GroupId, GroupId, Origin)>,
    /// Person in group, for groups that carry a role: (group, person, origin).
    pub people: BTreeSet<(GroupId, UserId, Origin)>,
    /// People among them, and direct holders, who may sign in.
    pub active: BTreeSet<UserId>,
}

/// How a person comes to hold a role.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Through {
    /// Granted to the person.
    Direct(AssignmentId),
    /// Granted to a group; the path leads from the group the person is in to the one that carries the role.
    Group {
        /// The grant.
        grant: AssignmentId,
        /// Groups from the person's own to the role's.
        path: Vec<GroupId>,
    },
}

impl Standing {
    /// Groups whose members hold `role`: those it is granted to and every group nested in them, each with the way
    /// up to the group that carries the grant.
    #[must_use]
    pub fn carriers(&self, role: Role) -> BTreeMap<GroupId, Through> {
        let mut found: BTreeMap<GroupId, Through> = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| grant.role == role) {
            let Member::Group(top) = grant.to else {
                continue;
            };
            let mut waiting = vec![(top, vec![top])];
            while let Some((group, path)) = waiting.pop() {
                if found.contains_key(&group) {
                    continue;
                }
                for inner in self.inner_of(group) {
                    let mut longer = vec![inner];
                    longer.extend(&path);
                    waiting.push((inner, longer));
                }
                let grant = grant.id;
                found.insert(group, Through::Group { grant, path });
            }
        }
        found
    }

    fn inner_of(&self, group: GroupId) -> impl Iterator<Item = GroupId> + '_ {
        let inner: BTreeSet<_> = self
            .nesting
            .iter()
            .filter(move |(outer, _, _)| *outer == group)
            .map(|(_, inner, _)| *inner)
            .collect();
        inner.into_iter()
    }

    /// The roles that membership of `group` gives, the strongest first.
    #[must_use]
    pub fn carried_by(&self, group: GroupId) -> Vec<Role> {
        Role::ALL
            .into_iter()
            .filter(|role| self.carriers(*role).contains_key(&group))
            .collect()
    }

    /// Everybody who holds `role`, active or not, with every way they come to it.
    #[must_use]
    pub fn holders(&self, role: Role) -> BTreeMap<UserId, BTreeSet<Through>> {
        let mut holders: BTreeMap<UserId, BTreeSet<Through>> = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| grant.role == role) {
            if let Member::User(user) = grant.to {
                holders
                    .entry(user)
                    .or_default()
                    .insert(Through::Direct(grant.id));
            }
        }
        let carriers = self.carriers(role);
        for (group, user, _) in &self.people {
            if let Some(through) = carriers.get(group) {
                holders.entry(*user).or_default().insert(through.clone());
            }
        }
        holders
    }

    /// The roles of one person, the strongest first.
    #[must_use]
    pub fn roles_of(&self, user: UserId) -> Vec<Role> {
        Role::ALL
            .into_iter()
            .filter(|role| self.holders(*role).contains_key(&user))
            .collect()
    }

    /// Superadmins who may sign in.
    #[must_use]
    pub fn superadmins(&self) -> BTreeSet<UserId> {
        self.holders(Role::Superadmin)
            .into_keys()
            .filter(|user| self.active.contains(user))
            .collect()
    }

    /// Every group that carries a role, itself or by nesting.
    #[must_use]
    pub fn privileged_groups(&self) -> BTreeSet<GroupId> {
        Role::ALL
            .into_iter()
            .flat_map(|role| self.carriers(role).into_keys())
            .collect()
    }

    /// Everybody who holds any role.
    #[must_use]
    pub fn privileged_people(&self) -> BTreeSet<UserId> {
        Role::ALL
            .into_iter()
            .flat_map(|role| self.holders(role).into_keys())
            .collect()
    }

    /// The picture without one grant.
    #[must_use]
    pub fn without_grant(mut self, id: AssignmentId) -> Self {
        self.grants.retain(|grant| grant.id != id);
        self
    }

    /// The picture with these people deactivated.
    #[must_use]
    pub fn without_people(mut self, gone: &BTreeSet<UserId>) -> Self {
        self.active.retain(|user| !gone.contains(user));
        self
    }

    /// The picture without one group: its grants, its members and its place in others.
    #[must_use]
    pub fn without_group(mut self, gone: GroupId) -> Self {
        self.grants.retain(|grant| grant.to != Member::Group(gone));
        self.nesting
            .retain(|(outer, inner, _)| *outer != gone && *inner != gone);
        self.people.retain(|(group, _, _)| *group != gone);
        self
    }

    /// The picture without one membership of one origin.
    #[must_use]
    pub fn without_member(mut self, group: GroupId, member: Member, origin: Origin) -> Self {
        match member {
            Member::User(user) => self.people.remove(&(group, user, origin)),
            Member::Group(inner) => self.nesting.remove(&(group, inner, origin)),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }
    const fn group(n: u128) -> GroupId {
        GroupId(Uuid::from_u128(n))
    }
    fn grant(n: u128, role: Role, to: Member) -> Grant {
        Grant {
            id: AssignmentId(Uuid::from_u128(n)),
            role,
            to,
        }
    }

    /// Person 1 holds superadmin directly; person 2 through group 10 in group 11 in group 12.
    fn picture() -> Standing {
        Standing {
            grants: vec![
                grant(100, Role::Superadmin, Member::User(user(1))),
                grant(101, Role::Superadmin, Member::Group(group(12))),
            ],
            nesting: BTreeSet::from([
                (group(12), group(11), Origin::Manual),
                (group(11), group(10), Origin::Manual),
                (group(10), group(12), Origin::Manual),
            ]),
            people: BTreeSet::from([(group(10), user(2), Origin::Manual)]),
            active: BTreeSet::from([user(1), user(2)]),
        }
    }

    #[test]
    fn a_role_reaches_through_nested_groups_and_cycles_end() {
        let picture = picture();
        assert_eq!(picture.superadmins(), BTreeSet::from([user(1), user(2)]));
        let ways = picture.holders(Role::Superadmin).remove(&user(2)).unwrap();
        assert_eq!(
            ways.into_iter().next().unwrap(),
            Through::Group {
                grant: AssignmentId(Uuid::from_u128(101)),
                path: vec![group(10), group(11), group(12)]
            }
        );
    }

    #[test]
    fn each_way_to_lose_a_superadmin_is_seen() {
        let only_two = picture().without_grant(AssignmentId(Uuid::from_u128(100)));
        assert_eq!(only_two.superadmins(), BTreeSet::from([user(2)]));
        for nobody in [
            only_two.clone().without_group(group(11)),
            only_two
                .clone()
                .without_member(group(10), Member::User(user(2)), Origin::Manual),
            only_two
                .clone()
                .without_member(group(12), Member::Group(group(11)), Origin::Manual),
            only_two.clone().without_people(&BTreeSet::from([user(2)])),
            only_two.without_grant(AssignmentId(Uuid::from_u128(101))),
        ] {
            assert_eq!(nobody.superadmins(), BTreeSet::new());
        }
    }

    #[test]
    fn a_membership_of_another_origin_keeps_the_role() {
        let mut picture = picture();
        let claimed = Origin::Default(crate::id::ProviderId(Uuid::from_u128(9)));
        picture.people.insert((group(10), user(2), claimed));
        let after = picture.without_member(group(10), Member::User(user(2)), Origin::Manual);
        assert!(after.superadmins().contains(&user(2)));
    }
}
