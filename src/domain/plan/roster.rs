//! Who is who in a plan that is made in memory, for memberships.

use std::collections::BTreeMap;

use super::Verdict;
use super::group::HereGroup;
use super::making::Making;
use super::member::Standing;
use super::terms::{Protection, Stated, Terms};
use crate::change::Action;
use crate::membership::Member;
use crate::record::ExternalId;

/// Who is who, after newcomers got their ids.
#[derive(Default)]
pub(super) struct Roster {
    pub(super) groups: BTreeMap<ExternalId, HereGroup>,
    pub(super) members: BTreeMap<ExternalId, Member>,
    pub(super) facts: BTreeMap<Member, Facts>,
}

pub(super) struct Facts {
    pub(super) name: String,
    pub(super) protected: Option<Protection>,
    pub(super) standing: Standing,
}

fn standing<R>(stated: Stated<'_, R>, terms: &Terms) -> Standing {
    match (&stated, stated.leaves(terms)) {
        (_, Some(_)) => Standing::Left,
        (Stated::Present(_), None) => Standing::There,
        (_, None) => Standing::Unknown,
    }
}

impl Roster {
    pub(super) fn of(making: &Making<'_>, made: &Verdict) -> Self {
        let mut roster = Self {
            groups: making.here.groups.clone(),
            ..Self::default()
        };
        for step in &made.steps {
            match &step.change.action {
                Action::CreateUser {
                    user, external_id, ..
                } => {
                    roster.note(
                        external_id,
                        Member::User(*user),
                        &step.subject,
                        None,
                        Standing::There,
                    );
                }
                Action::LinkGroup {
                    group, external_id, ..
                } => {
                    let fresh = HereGroup {
                        group: *group,
                        name: step.subject.clone(),
                        description: String::new(),
                        held: false,
                        protected: None,
                    };
                    roster.groups.insert(external_id.clone(), fresh);
                }
                // Exceptions of a policy are about the name a group will have.
                Action::RenameGroup { group, name } => {
                    let renamed = roster
                        .groups
                        .values_mut()
                        .find(|known| known.group == *group);
                    renamed
                        .into_iter()
                        .for_each(|known| known.name.clone_from(name));
                }
                _ => {}
            }
        }
        for (id, person) in &making.here.people {
            let standing = standing(making.user(id), making.terms);
            roster.note(
                id,
                Member::User(person.user),
                &person.username,
                person.protected,
                standing,
            );
        }
        for (id, group) in roster.groups.clone() {
            let standing = standing(making.group(&id), making.terms);
            roster.note(
                &id,
                Member::Group(group.group),
                &group.name,
                group.protected,
                standing,
            );
        }
        roster
    }

    fn note(
        &mut self,
        id: &ExternalId,
        member: Member,
        name: &str,
        protected: Option<Protection>,
        standing: Standing,
    ) {
        self.members.insert(id.clone(), member);
        self.facts.insert(
            member,
            Facts {
                name: name.to_owned(),
                protected,
                standing,
            },
        );
    }
}
