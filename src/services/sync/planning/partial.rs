//! A plan from a part of the source: what changed, or one person.
//!
//! Who is among it is decided as in a whole reading. Of the others nothing is loaded but whom it points to, and nothing is
//! said of them. What a part cannot decide as the whole would, it does not decide: then everything is read
//! ([`Ended::AllIsNeeded`]). A census decides that too, and never more.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use muster_domain::directory::{Cursor, Directory as Source};
use muster_domain::id::UserId;
use muster_domain::membership::{Member, Membership};
use muster_domain::plan::member::{self, Pair, Reading as Part, Standing};
use muster_domain::plan::{Leavers, Protection, Terms, fingerprint};
use muster_domain::reading::{Because, Reading as Extent};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Completeness, Doubt, Entry, Reference};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::readings::{self, Kept};
use muster_storage::{accounts, memberships, users};

use super::reading::Reading;
use super::roll::{Counted, Roll};
use super::subjects::{Grouped, Key, Said, Then, fingerprint as compared};
use super::{Asked, Ended, Gained, Made, Making, PAGE};
use crate::sync::mapped::left_out;

/// Where people stand among all.
type Places = HashMap<UserId, u32>;

impl Making<'_> {
    /// Reads what changed; looks who is there where that is asked for.
    pub(super) async fn changes(
        &mut self,
        source: &dyn Source,
        asked: &Asked,
    ) -> Result<Ended, Error> {
        let Some(kept) = &asked.kept else {
            return Ok(Ended::AllIsNeeded(Because::NoStart));
        };
        self.is_partial = true;
        let mut reading = Reading::of(self);
        let (said, cursor) = source.read_changes(&kept.cursor, &mut reading).await;
        reading.ended()?;
        let Some(cursor) = cursor else {
            return Ok(Ended::AllIsNeeded(Because::CannotTell));
        };
        let completeness = of_its_part(said);
        self.is_whole_part = completeness.may_remove();
        self.refuse_unusable().await?;
        self.settle_names().await?;
        self.decide_groups().await?;
        let mut known = Known::default();
        if let Some(because) = self.weigh(kept, &mut known).await? {
            return Ok(Ended::AllIsNeeded(because));
        }
        if let Some(because) = self.decide_members_of_changes().await? {
            return Ok(Ended::AllIsNeeded(because));
        }
        self.flush().await?;
        let is_census = asked.told.reading == Extent::Census;
        if is_census {
            known.load(self).await?;
            let mut counted = Counted::with(&self.subjects);
            let said = source.read_ids(&mut counted).await;
            if !said.may_remove() || !known.roll.is(&counted) {
                return Ok(Ended::AllIsNeeded(Because::OthersAreThere));
            }
        }
        let gained = completeness.may_remove().then(|| Gained {
            kept: Kept {
                cursor,
                began_at: self.terms.at,
                census_at: if is_census {
                    self.terms.at
                } else {
                    kept.census_at
                },
                unsettled: kept.unsettled || self.is_unsettled(),
                newcomers: kept.newcomers || known.newcomers,
                ..kept.clone()
            },
            roll: known.changed.then(|| known.roll.write()).flatten(),
        });
        let plan = self.finish(&completeness).await?;
        Ok(Ended::Made(Box::new(Made {
            plan,
            told: asked.told,
            gained,
        })))
    }

    /// Reads one person. That there is nobody says nothing of who is here.
    pub(super) async fn one(&mut self, source: &dyn Source, asked: &Asked) -> Result<Ended, Error> {
        let name = asked.person.as_deref().unwrap_or_default();
        self.is_partial = true;
        // Whoever's record cannot be used is kept out all the same, if they are over there.
        let entry = match source.person_entry(name).await? {
            Some(entry @ (Entry::User { .. } | Entry::Refused(_))) => entry,
            Some(Entry::Filtered { words, .. }) => return Err(left_out(&words)),
            _ => return Err(nobody(name)),
        };
        self.take(vec![entry]).await?;
        self.refuse_unusable().await?;
        self.settle_names().await?;
        self.flush().await?;
        let plan = self.finish(&Completeness::Complete).await?;
        Ok(Ended::Made(Box::new(Made {
            plan,
            told: asked.told,
            gained: None,
        })))
    }

    /// Loads what is here of those whom entries are about, and of those whom they point to.
    pub(super) async fn ask_for(&mut self, entries: &[Entry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let (db, directory) = (self.services.db(), self.terms.directory);
        if !std::mem::replace(&mut self.is_loaded, true) {
            self.subjects.load_groups(db, directory).await?;
        }
        let mut ids: BTreeSet<&ExternalId> = BTreeSet::new();
        for entry in entries {
            match entry {
                Entry::User { record, .. } => {
                    ids.insert(&record.external_id);
                }
                Entry::Filtered { external_id, .. } => {
                    ids.insert(external_id);
                }
                Entry::Refused(record) => ids.extend(&record.external_id),
                Entry::Members { group, members } => {
                    for member in members {
                        match member {
                            Reference::Id(id) => {
                                ids.insert(id);
                            }
                            // It may be somebody who is not among what was read.
                            Reference::Locator(_) => {
                                let group = self.subjects.reference(group);
                                self.subjects.unread.insert(group);
                            }
                        }
                    }
                }
                Entry::Group { .. } | Entry::MembersUnread { .. } => {}
            }
        }
        let mut fresh = Vec::new();
        for id in ids {
            if self.looked_up.insert(self.subjects.id(id)) {
                fresh.push(id.clone());
            }
        }
        for some in fresh.chunks(PAGE) {
            for account in accounts::known_of(db, directory, some).await? {
                self.subjects.know(&account);
            }
        }
        Ok(())
    }

    /// Whether somebody among the changes can only be decided about among all, and who was there is brought up to date.
    async fn weigh(&self, kept: &Kept, known: &mut Known) -> Result<Option<Because>, Error> {
        let is_said = |said: Said| said != Said::Nothing;
        let people: Vec<Key> = self.subjects.people_said(is_said);
        let groups: Vec<Key> = self.subjects.groups_said();
        if people.is_empty() && groups.is_empty() {
            return Ok(None);
        }
        // Whoever changed may have been in another one's way, here or over there.
        if kept.unsettled {
            return Ok(Some(Because::Unsettled));
        }
        known.load(self).await?;
        for key in people {
            let Some((_, person)) = self.subjects.person_of(key) else {
                continue;
            };
            let is_here = person.user.is_some();
            match person.said {
                Said::Present if person.is_new && known.roll.has(key) => {
                    return Ok(Some(Because::CameBack));
                }
                Said::Present if is_here && !person.is_new && !known.roll.is_in(key) => {
                    return Ok(Some(Because::CameBack));
                }
                Said::FilteredOut if is_here && known.roll.is_in(key) => {
                    return Ok(Some(Because::LeftOut));
                }
                Said::Present | Said::FilteredOut | Said::Refused | Said::Nothing => {}
            }
            known.newcomers |= person.is_new;
            known.note(key, person.said == Said::Present && is_here);
        }
        for key in groups {
            let Some(group) = self.subjects.group_of(key) else {
                continue;
            };
            let (is_here, is_there) = (group.here.is_some(), group.then.is_some());
            let is_read = group.name.is_some() && group.filter.is_none();
            if is_here && !is_read && group.filter.is_some() && known.roll.is_in(key) {
                return Ok(Some(Because::LeftOut));
            }
            let came = is_read && is_there && !known.roll.is_in(key);
            if came && (is_here || known.roll.has(key)) {
                return Ok(Some(Because::CameBack));
            }
            known.newcomers |= came;
            known.note(key, is_read && is_there);
        }
        Ok(None)
    }

    /// Decides about the members of groups that changed, and about those who say that they are in a group.
    async fn decide_members_of_changes(&mut self) -> Result<Option<Because>, Error> {
        let places = self.subjects.places();
        for at in 0..self.subjects.groups.len() {
            let Some(group) = self.subjects.groups.get_mut(at) else {
                break;
            };
            let parts = std::mem::take(&mut group.members);
            let group = group.clone();
            if let Some(then) = &group.then
                && let Some(because) = self.decide_part(&group, then, &parts, &places).await?
            {
                return Ok(Some(because));
            }
        }
        Ok(None)
    }

    async fn decide_part(
        &mut self,
        group: &Grouped,
        then: &Then,
        parts: &[Vec<Key>],
        places: &Places,
    ) -> Result<Option<Because>, Error> {
        let is_refused = self.subjects.refused.contains_key(&group.external_id);
        let is_listed = group.name.is_some() && group.filter.is_none() && !is_refused;
        let pointers = parts.iter().flatten();
        let stated: BTreeSet<Member> = pointers
            .filter_map(|pointer| self.member(*pointer))
            .filter(|member| self.standing_of_part(*member, places) != Standing::Left)
            .collect();
        if is_refused || !is_listed && stated.is_empty() {
            return Ok(None);
        }
        let is_whole = is_listed && !group.is_unread && self.is_whole_part;
        let inside = self.inside(group, then, &stated, is_listed).await?;
        let Some(inside) = inside else {
            return Ok(None);
        };
        let mut gone = inside.difference(&stated);
        if is_listed && self.is_whole_part && gone.next().is_some() {
            let stays = matches!(
                self.terms.leavers,
                Leavers::Keep | Leavers::LeaveGroups { .. }
            );
            // Not all of them were listed; or it matters whether somebody left the group or the source.
            if group.is_unread || stays {
                return Ok(Some(Because::LeftAGroup));
            }
        }
        let open: Vec<Member> = stated.symmetric_difference(&inside).copied().collect();
        let terms = Terms {
            may_remove: is_whole,
            ..self.terms.clone()
        };
        for some in open.chunks(PAGE) {
            let people: Vec<_> = some.iter().filter_map(|member| member.user()).collect();
            let found = users::get_many(self.services.db(), &people).await?;
            let known: BTreeMap<_, User> = found.into_iter().map(|user| (user.id, user)).collect();
            for member in some {
                let (name, protected) = self.facts_of_part(*member, &known, places);
                let pair = Pair {
                    group: then.group,
                    group_name: &then.name,
                    group_protected: then.protected,
                    reading: if is_whole { Part::Whole } else { Part::Partial },
                    member: *member,
                    member_name: &name,
                    member_protected: protected,
                    standing: self.standing_of_part(*member, places),
                    stated: stated.contains(member),
                    here: inside.contains(member),
                };
                let decided = member::decide(&pair, &terms);
                decided.steps.into_iter().for_each(|step| {
                    self.writer.step(step);
                });
                decided.refusals.into_iter().for_each(|refusal| {
                    self.writer.refuse(refusal);
                });
            }
            self.flush_some().await?;
        }
        Ok(None)
    }

    /// Who is in a group here by this directory: all of them of one that is listed, otherwise of those who are stated. None:
    /// exactly those who are stated.
    async fn inside(
        &self,
        group: &Grouped,
        then: &Then,
        stated: &BTreeSet<Member>,
        is_listed: bool,
    ) -> Result<Option<BTreeSet<Member>>, Error> {
        let db = self.services.db();
        let Some(here) = &group.here else {
            return Ok(Some(BTreeSet::new()));
        };
        if !is_listed {
            let stated: Vec<Member> = stated.iter().copied().collect();
            let rows = memberships::of_members(db, &stated).await?;
            let ours = |row: &Membership| row.group == then.group && row.origin == self.origin();
            let rows = rows.into_iter().filter(ours).map(|row| row.member);
            return Ok(Some(rows.collect()));
        }
        let digest = group.name.as_deref();
        let digest = digest.and_then(|name| compared(&fingerprint::of_group(name, stated)));
        if digest.is_some() && here.digest.as_deref().and_then(compared) == digest {
            return Ok(None);
        }
        let rows = memberships::put_by(db, then.group, self.origin()).await?;
        Ok(Some(rows.into_iter().collect()))
    }

    /// Whoever is here and is not said to have changed is there.
    fn standing_of_part(&self, member: Member, places: &Places) -> Standing {
        let Member::User(user) = member else {
            return Standing::There;
        };
        let place = places.get(&user);
        match place.and_then(|place| self.subjects.at(*place)) {
            Some(person) if person.said == Said::FilteredOut => Standing::Left,
            Some(person) if person.said == Said::Refused => Standing::Unknown,
            _ => Standing::There,
        }
    }

    fn facts_of_part(
        &self,
        member: Member,
        known: &BTreeMap<UserId, User>,
        places: &Places,
    ) -> (String, Option<Protection>) {
        let found = match member {
            Member::Group(group) => {
                let mut all = self.subjects.groups.iter();
                let then = all.find_map(|one| one.then.as_ref().filter(|one| one.group == group));
                then.map(|then| (then.name.clone(), then.protected))
            }
            Member::User(user) => match known.get(&user) {
                Some(user) => Some((user.username.clone(), self.protection(user))),
                None => {
                    let place = places.get(&user);
                    let name = place.and_then(|place| self.subjects.newcomers.get(place));
                    name.map(|name| (name.to_string(), None))
                }
            },
        };
        found.unwrap_or_else(|| ("somebody".to_owned(), None))
    }

    /// Whether something was refused because of what others may change without changing it.
    pub(super) fn is_unsettled(&self) -> bool {
        let words = &self.writer.plan.counts.refusals;
        let names = ["name_taken", "name_contended", "names_in_a_circle"];
        names.iter().any(|word| words.contains_key(*word))
            || self.subjects.somebody_here_is_refused()
    }

    /// Who is there, after everything was read and decided.
    pub(super) fn roll(&self) -> Roll {
        let mut roll = Roll::default();
        for key in self.subjects.people_said(|said| said != Said::Nothing) {
            if let Some((_, person)) = self.subjects.person_of(key) {
                roll.note(key, person.said == Said::Present && person.user.is_some());
            }
        }
        for key in self.subjects.groups_said() {
            if let Some(group) = self.subjects.group_of(key) {
                let is_read = group.name.is_some() && group.filter.is_none();
                roll.note(key, is_read && group.then.is_some());
            }
        }
        roll
    }

    /// From where to go on behind a reading of everything.
    pub(super) async fn gained(
        &self,
        cursor: Option<Cursor>,
        asked: &Asked,
    ) -> Result<Option<Gained>, Error> {
        let (Some(cursor), Some(roll)) = (cursor, self.roll().write()) else {
            return Ok(None);
        };
        let known = match &asked.kept {
            Some(_) => readings::roll(self.services.db(), self.terms.directory).await?,
            None => String::new(),
        };
        Ok(Some(Gained {
            kept: Kept {
                cursor,
                began_at: self.terms.at,
                whole_at: self.terms.at,
                census_at: self.terms.at,
                terms: asked.terms.clone(),
                unsettled: self.is_unsettled(),
                newcomers: false,
                salt: self.subjects.salt(),
            },
            roll: (known != roll).then_some(roll),
        }))
    }
}

/// Who was there, loaded when somebody asks.
#[derive(Default)]
struct Known {
    is_loaded: bool,
    roll: Roll,
    changed: bool,
    newcomers: bool,
}

impl Known {
    async fn load(&mut self, making: &Making<'_>) -> Result<(), Error> {
        if !std::mem::replace(&mut self.is_loaded, true) {
            let directory = making.terms.directory;
            self.roll = Roll::read(&readings::roll(making.services.db(), directory).await?);
        }
        Ok(())
    }

    fn note(&mut self, key: Key, is_in: bool) {
        if !self.roll.has(key) || self.roll.is_in(key) != is_in {
            self.changed = true;
            self.roll.note(key, is_in);
        }
    }
}

/// What a reading of a part says of itself as a part: that it is one is no doubt.
fn of_its_part(said: Completeness) -> Completeness {
    match said {
        Completeness::Complete => Completeness::Complete,
        Completeness::Incomplete(doubts) => doubts
            .into_iter()
            .filter(|doubt| *doubt != Doubt::Partial)
            .fold(Completeness::Complete, Completeness::doubting),
    }
}

fn nobody(name: &str) -> Error {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    Error::new(
        "RUN-011",
        Kind::Conflict,
        format!("There is nobody of the name “{shown}” in the directory."),
    )
    .next("Nothing was changed. If somebody left, a sync of everybody finds it, and the guard counts them.")
}
