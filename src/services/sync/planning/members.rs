//! Who is in which group: one group at a time, and of it only what changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_domain::Error;
use muster_domain::directory::Directory as Source;
use muster_domain::id::{GroupId, UserId};
use muster_domain::membership::Member;
use muster_domain::plan::member::{self, Pair, Reading, Standing};
use muster_domain::plan::{Protection, fingerprint};
use muster_domain::user::User;
use muster_storage::{memberships, users};

use super::again::Again;
use super::keyed::KeyMap;
use super::subjects::{Grouped, Key, Said, Then, fingerprint as compared};
use super::{Making, PAGE};

/// Who is who among members.
pub(super) struct Roster {
    people: HashMap<UserId, u32>,
    groups: BTreeMap<GroupId, usize>,
    /// Whom a pointer points to, and how they stand. Nearly everybody is in many groups.
    met: KeyMap<Option<(Member, Standing)>>,
}

impl Roster {
    /// Where somebody stands among all.
    pub(super) fn place(&self, user: UserId) -> Option<u32> {
        self.people.get(&user).copied()
    }
}

/// One member, as far as a decision needs it.
struct Facts {
    name: String,
    protected: Option<Protection>,
    standing: Standing,
}

impl Making<'_> {
    /// Decides about every membership.
    pub(super) async fn decide_members(&mut self, source: &dyn Source) -> Result<(), Error> {
        let mut again = Again::of(source);
        let places = 0_u32..;
        let people = places.zip(&self.subjects.people);
        let groups = self.subjects.groups.iter().enumerate();
        let mut roster = Roster {
            met: KeyMap::default(),
            people: people
                .filter_map(|(place, person)| Some((person.user?, place)))
                .collect(),
            groups: groups
                .filter_map(|(at, group)| Some((group.then.as_ref()?.group, at)))
                .collect(),
        };
        let mut order: Vec<usize> = (0..self.subjects.groups.len()).collect();
        order.sort_by_key(|at| {
            self.subjects
                .groups
                .get(*at)
                .map(|one| one.external_id.clone())
        });
        for at in order {
            let Some(group) = self.subjects.groups.get_mut(at) else {
                continue;
            };
            let parts = std::mem::take(&mut group.members);
            let group = group.clone();
            if let Some(then) = group.then.as_ref().filter(|then| self.is_adopted(then)) {
                self.hand_over_members(&group, then, &parts, &roster, &mut again)
                    .await?;
            } else if let Some(then) = &group.then {
                self.decide_members_of(&group, then, &parts, &mut roster, &mut again)
                    .await?;
            }
        }
        Ok(())
    }

    async fn decide_members_of(
        &mut self,
        group: &Grouped,
        then: &Then,
        parts: &[Vec<Key>],
        roster: &mut Roster,
        again: &mut Again<'_>,
    ) -> Result<(), Error> {
        let mut reading = self.reading(group);
        let is_present = then.standing == Standing::There;
        if !is_present && reading == Reading::Partial {
            // Nothing joins and nothing leaves.
            return Ok(());
        }
        let parts = if is_present { parts } else { &[] };
        let met = self.met(parts, roster);
        // A source may point to somebody it no longer has.
        let is_left = |(_, standing): &&(Member, Standing)| *standing == Standing::Left;
        let there = met.iter().filter(|one| !is_left(one));
        let mut wanted: Vec<Member> = there.map(|(member, _)| *member).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut is_whole = is_present && reading == Reading::Whole;
        let name = group.name.as_deref().filter(|_| is_whole);
        let mut digest = name.map(|name| fingerprint::of_group(name, &wanted));
        let known = group.here.as_ref();
        let kept = known.and_then(|known| compared(known.digest.as_deref()?));
        if kept.is_some() && kept == digest.as_deref().and_then(compared) {
            return Ok(());
        }
        let mut wanted: BTreeSet<Member> = wanted.into_iter().collect();
        let mut stated: BTreeSet<Member> = met.iter().map(|(member, _)| *member).collect();
        let mut inside = BTreeSet::new();
        if let Some(known) = known {
            let rows = memberships::put_by(self.services.db(), then.group, self.origin()).await?;
            inside.extend(rows.into_iter().filter(|one| !self.keeps(*one)));
            if is_whole
                && parts
                    .iter()
                    .flatten()
                    .any(|one| self.subjects.is_strange(*one))
            {
                match self.still_in(group, &stated, &inside, again).await? {
                    Some(found) => {
                        stated.extend(found.into_iter().filter(|one| !self.keeps(*one)));
                    }
                    None => (reading, is_whole) = (Reading::Partial, false),
                }
                wanted = self.wanted(&stated, roster);
                let name = name.filter(|_| is_whole);
                digest = name.map(|name| fingerprint::of_group(name, &wanted));
            }
            if let Some(digest) = digest
                && inside == wanted
                && group.name.as_ref() == Some(&known.group.name)
            {
                let id = group.external_id.clone();
                self.writer.note_group(id, known.digest.clone(), digest);
                return self.flush_some().await;
            }
        }
        let differs = |member: &&Member| {
            stated.contains(member) != inside.contains(member)
                || wanted.contains(member) != stated.contains(member)
        };
        let open: Vec<Member> = stated.union(&inside).filter(differs).copied().collect();
        for some in open.chunks(PAGE) {
            let known = self.known(some, roster).await?;
            for member in some {
                let facts = self.facts(*member, roster, &known);
                let pair = Pair {
                    group: then.group,
                    group_name: &then.name,
                    group_protected: then.protected,
                    reading,
                    member: *member,
                    member_name: &facts.name,
                    member_protected: facts.protected,
                    standing: facts.standing,
                    stated: stated.contains(member),
                    here: inside.contains(member),
                };
                let decided = member::decide(&pair, &self.terms);
                decided.steps.into_iter().for_each(|step| {
                    self.writer.step(step);
                });
                decided.refusals.into_iter().for_each(|refusal| {
                    self.writer.refuse(refusal);
                });
            }
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Whether somebody stays in the former directory, and gets nothing of this one.
    fn keeps(&self, member: Member) -> bool {
        let adopting = self.adopting.as_ref();
        adopting.is_some_and(|adopting| adopting.keeps(member))
    }

    /// Whom the pointers of a group point to, and how they stand.
    fn met(&self, parts: &[Vec<Key>], roster: &mut Roster) -> Vec<(Member, Standing)> {
        let mut met = Vec::with_capacity(parts.iter().map(Vec::len).sum());
        for pointer in parts.iter().flatten() {
            let known = roster.met.get(pointer).copied();
            let one = known.unwrap_or_else(|| {
                let member = self.member(*pointer).filter(|one| !self.keeps(*one));
                let one = member.map(|member| (member, self.standing(member, roster)));
                roster.met.insert(*pointer, one);
                one
            });
            met.extend(one);
        }
        met
    }

    fn wanted(&self, stated: &BTreeSet<Member>, roster: &Roster) -> BTreeSet<Member> {
        let is_left = |member: &Member| self.standing(*member, roster) == Standing::Left;
        stated.iter().filter(|one| !is_left(one)).copied().collect()
    }

    /// Whom a pointer points to: somebody here, or somebody whom this plan makes.
    pub(super) fn member(&self, pointer: Key) -> Option<Member> {
        let key = self.subjects.follow(pointer);
        let group = self
            .subjects
            .group_of(key)
            .and_then(|one| one.then.as_ref());
        if let Some(then) = group {
            return Some(Member::Group(then.group));
        }
        let (_, person) = self.subjects.person_of(key)?;
        person.user.map(Member::User)
    }

    pub(super) fn standing(&self, member: Member, roster: &Roster) -> Standing {
        match member {
            Member::Group(group) => roster
                .groups
                .get(&group)
                .and_then(|at| self.subjects.groups.get(*at)?.then.as_ref())
                .map_or(Standing::Left, |then| then.standing),
            Member::User(user) => {
                let place = roster.people.get(&user);
                match place.and_then(|place| self.subjects.at(*place)) {
                    None => Standing::Left,
                    Some(person) if person.is_new => Standing::There,
                    Some(person) => match person.said {
                        Said::Present => Standing::There,
                        Said::FilteredOut => Standing::Left,
                        Said::Refused => Standing::Unknown,
                        Said::Nothing if self.terms.may_remove => Standing::Left,
                        Said::Nothing => Standing::Unknown,
                    },
                }
            }
        }
    }

    /// The people among these who are here of this directory.
    async fn known(
        &self,
        some: &[Member],
        roster: &Roster,
    ) -> Result<BTreeMap<UserId, User>, Error> {
        let is_known = |user: &UserId| {
            let place = roster.people.get(user);
            place
                .and_then(|place| self.subjects.at(*place))
                .is_some_and(|person| !person.is_new)
        };
        let people: Vec<UserId> = some
            .iter()
            .filter_map(|member| member.user())
            .filter(is_known)
            .collect();
        let found = users::get_many(self.services.db(), &people).await?;
        Ok(found.into_iter().map(|user| (user.id, user)).collect())
    }

    fn facts(&self, member: Member, roster: &Roster, known: &BTreeMap<UserId, User>) -> Facts {
        let (name, protected) = match member {
            Member::Group(group) => {
                let found = roster.groups.get(&group);
                let then = found.and_then(|at| self.subjects.groups.get(*at)?.then.as_ref());
                then.map(|then| (then.name.clone(), then.protected))
            }
            Member::User(user) => match known.get(&user) {
                Some(user) => Some((user.username.clone(), self.protection(user))),
                None => roster
                    .people
                    .get(&user)
                    .and_then(|place| self.subjects.newcomers.get(place))
                    .map(|name| (name.to_string(), None)),
            },
        }
        .unwrap_or_else(|| ("somebody".to_owned(), None));
        Facts {
            name,
            protected,
            standing: self.standing(member, roster),
        }
    }
}
