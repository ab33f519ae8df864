//! Who is in the groups of a directory whose place another one takes: what both say changes hands, the rest joins or
//! leaves as ever.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{GroupId, UserId};
use muster_domain::membership::Member;
use muster_domain::plan::group::{self, Group, HereGroup};
use muster_domain::plan::member::{self, Pair, Reading, Standing};
use muster_domain::plan::terms::Stated;
use muster_domain::plan::{Step, Terms, Verdict};
use muster_domain::user::User;
use muster_storage::groups::{self, Sourced};
use muster_storage::{memberships, users};

use super::super::again::Again;
use super::super::members::Roster;
use super::super::subjects::{Grouped, Key, Known, Then};
use super::super::{Making, PAGE};

/// Members whose rows change hands in one step.
const AT_ONCE: usize = 5_000;

/// Names for people to read.
struct Named {
    people: BTreeMap<UserId, User>,
    groups: BTreeMap<GroupId, String>,
}

impl Making<'_> {
    /// Decides about the members of a group that is handed over.
    pub(in crate::sync::planning) async fn hand_over_members(
        &mut self,
        group: &Grouped,
        then: &Then,
        parts: &[Vec<Key>],
        roster: &Roster,
        again: &mut Again<'_>,
    ) -> Result<(), Error> {
        let Some(former) = self.former_terms() else {
            return Ok(());
        };
        let mut reading = self.reading(group);
        let keeps = |member: &Member| {
            let adopting = self.adopting.as_ref();
            adopting.is_some_and(|adopting| adopting.keeps(*member))
        };
        let pointers = parts.iter().flatten();
        let mut stated: BTreeSet<Member> = pointers
            .filter_map(|pointer| self.member(*pointer))
            .filter(|member| !keeps(member))
            .collect();
        let origin = Self::former_origin(&former);
        let rows = memberships::put_by(self.services.db(), then.group, origin).await?;
        let inside: BTreeSet<Member> = rows.into_iter().filter(|one| !keeps(one)).collect();
        let mut pointers = parts.iter().flatten();
        if reading == Reading::Whole && pointers.any(|one| self.subjects.is_strange(*one)) {
            match self.still_in(group, &stated, &inside, again).await? {
                Some(found) => stated.extend(found.into_iter().filter(|one| !keeps(one))),
                None => reading = Reading::Partial,
            }
        }
        // Of a group that was not read as a whole nobody leaves: the next reading says who.
        let is_known = |member: &Member| self.standing(*member, roster) == Standing::There;
        let (moved, rest): (Vec<Member>, Vec<Member>) = inside.iter().partition(|member| {
            is_known(member) && (stated.contains(*member) || reading == Reading::Partial)
        });
        for some in moved.chunks(AT_ONCE) {
            let step = moves(then, some, &former, &self.terms);
            self.writer.step(step);
        }
        let joins = stated.iter().filter(|member| !inside.contains(*member));
        let open: Vec<Member> = rest.into_iter().chain(joins.copied()).collect();
        for some in open.chunks(PAGE) {
            let named = self.named(some).await?;
            for member in some {
                let is_here = inside.contains(member);
                let terms = if is_here { &former } else { &self.terms };
                let pair = Pair {
                    group: then.group,
                    group_name: &then.name,
                    group_protected: then.protected,
                    reading,
                    member: *member,
                    member_name: &self.called(*member, &named, roster),
                    member_protected: self.former_protection(*member, &named.people, &named.groups),
                    standing: self.standing(*member, roster),
                    stated: stated.contains(member),
                    here: is_here,
                };
                let decided = member::decide(&pair, terms);
                self.write(decided);
            }
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Groups that the former directory alone has: they go with their members, unless something holds them.
    pub(in crate::sync::planning) async fn let_former_groups_go(&mut self) -> Result<(), Error> {
        let Some(former) = self.former_terms().filter(|terms| terms.may_remove) else {
            return Ok(());
        };
        for known in self.former_groups() {
            let origin = Self::former_origin(&former);
            let db = self.services.db();
            let here = Known {
                group: known.group.clone(),
                elsewhere: known.elsewhere,
                digest: None,
            };
            let protected = self.group_protection(&here);
            let inside = memberships::put_by(db, known.group.id, origin).await?;
            let around = [Member::Group(known.group.id)];
            let around = memberships::of_members(db, &around).await?;
            let is_ours = known.group.directory == Some(former.directory);
            let mut held = known.elsewhere
                || !is_ours
                || around.iter().any(|row| row.origin != origin)
                || around.iter().any(|row| !self.lets_go(row.group))
                || memberships::is_put_by_others(db, known.group.id, origin).await?;
            for some in inside.chunks(PAGE) {
                let named = self.named(some).await?;
                for member in some {
                    let member_protected =
                        self.former_protection(*member, &named.people, &named.groups);
                    held |= member_protected.is_some();
                    let pair = Pair {
                        group: known.group.id,
                        group_name: &known.group.name,
                        group_protected: protected,
                        reading: Reading::GroupLeaves,
                        member: *member,
                        member_name: &named.of(*member),
                        member_protected,
                        standing: Standing::Left,
                        stated: false,
                        here: true,
                    };
                    let decided = member::decide(&pair, &former);
                    self.write(decided);
                }
                self.flush_some().await?;
            }
            let decided = gone(&known, held, protected, &former);
            self.write(decided);
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Whether a group that another one is in lets it go: it is handed over, or goes itself and is not protected.
    fn lets_go(&self, outer: GroupId) -> bool {
        let adopting = self.adopting.as_ref();
        let is_adopted = adopting.is_some_and(|adopting| adopting.adopted.contains(&outer));
        let lets_go = |one: &Sourced| {
            let known = Known {
                group: one.group.clone(),
                elsewhere: one.elsewhere,
                digest: None,
            };
            one.group.id == outer && self.group_protection(&known).is_none()
        };
        is_adopted || self.former_groups().iter().any(lets_go)
    }

    fn write(&mut self, decided: Verdict) {
        decided.steps.into_iter().for_each(|step| {
            self.writer.step(step);
        });
        decided.refusals.into_iter().for_each(|refusal| {
            self.writer.refuse(refusal);
        });
    }

    async fn named(&self, some: &[Member]) -> Result<Named, Error> {
        let db = self.services.db();
        let people: Vec<UserId> = some.iter().filter_map(|one| one.user()).collect();
        let around: Vec<GroupId> = some.iter().filter_map(|one| one.group()).collect();
        let people = users::get_many(db, &people).await?.into_iter();
        let around = groups::get_many(db, &around).await?.into_iter();
        Ok(Named {
            people: people.map(|user| (user.id, user)).collect(),
            groups: around.map(|group| (group.id, group.name)).collect(),
        })
    }

    fn called(&self, member: Member, named: &Named, roster: &Roster) -> String {
        let place = member.user().and_then(|user| roster.place(user));
        let fresh = place.and_then(|place| self.subjects.newcomers.get(&place));
        fresh.map_or_else(|| named.of(member), ToString::to_string)
    }
}

impl Named {
    fn of(&self, member: Member) -> String {
        let found = match member {
            Member::User(user) => self.people.get(&user).map(|user| &user.username),
            Member::Group(group) => self.groups.get(&group),
        };
        found.map_or("somebody", String::as_str).to_owned()
    }
}

fn moves(then: &Then, some: &[Member], former: &Terms, terms: &Terms) -> Step {
    let action = |from, to| Action::MoveMembers {
        group: then.group,
        members: some.to_vec(),
        from,
        to,
    };
    Step {
        change: Change::new(action(former.directory, terms.directory), Cause::HandedOver),
        subject: then.name.clone(),
        undo: vec![Change::new(
            action(terms.directory, former.directory),
            Cause::Undone,
        )],
    }
}

/// What becomes of a group that the former directory alone has.
fn gone(
    known: &Sourced,
    held: bool,
    protected: Option<muster_domain::plan::Protection>,
    former: &Terms,
) -> Verdict {
    let here = HereGroup {
        group: known.group.id,
        name: known.group.name.clone(),
        description: known.group.description.clone(),
        held,
        protected,
    };
    let group = Group {
        external_id: &known.external_id,
        stated: Stated::Absent,
        here: Some(&here),
        name: None,
    };
    group::decide(&group, former, &mut uuid::Uuid::nil)
}
