//! Taking in a source, page by page.

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::plan::{Reason, Refusal, fingerprint, raw};
use muster_domain::record::{ExternalId, UserRecord};
use muster_domain::snapshot::{Entry, Intake, RefusedRecord};

use super::looking::{Looked, Saying};
use super::subjects::{Said, fingerprint as compared};
use super::{Making, PAGE};

/// Takes in what a source says, and decides about people as they come.
pub(super) struct Reading<'m, 'a> {
    making: &'m mut Making<'a>,
    problem: Option<Error>,
}

#[async_trait]
impl Intake for Reading<'_, '_> {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let taken = self.making.take(entries).await;
        self.problem = taken.as_ref().err().cloned();
        taken
    }
}

impl<'m, 'a> Reading<'m, 'a> {
    pub(super) const fn of(making: &'m mut Making<'a>) -> Self {
        Self {
            making,
            problem: None,
        }
    }

    /// That the source was taken in, as far as it went: not that it said everything.
    pub(super) fn ended(self) -> Result<(), Error> {
        self.problem.map_or(Ok(()), Err)
    }
}

impl Making<'_> {
    pub(super) async fn take(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        if self.is_partial {
            self.ask_for(&entries).await?;
        }
        let mut closer = Vec::new();
        for entry in entries {
            match entry {
                Entry::User {
                    record,
                    source,
                    locators,
                } => {
                    self.progress.read += 1;
                    let looked = self.take_person(record, &locators);
                    if let Some(looked) = &looked
                        && let Saying::Record(record) = &looked.saying
                    {
                        let raw = raw::of(&source, record);
                        self.subjects.raw.insert(looked.place, raw);
                    }
                    closer.extend(looked);
                }
                Entry::Filtered {
                    external_id,
                    words,
                    locators,
                } => {
                    self.progress.read += 1;
                    closer.extend(self.take_filtered(external_id, words, &locators));
                }
                Entry::Group {
                    external_id,
                    name,
                    locators,
                } => {
                    self.progress.read += 1;
                    let key = self.subjects.id(&external_id);
                    self.locate(&locators, key);
                    let read = self.subjects.person_of(key);
                    let is_person = read.is_some_and(|(_, person)| person.read.is_some());
                    let known = self.subjects.group(&external_id);
                    let differs = known.name.as_ref().is_some_and(|known| *known != name);
                    known.name = Some(name);
                    if is_person || differs || self.subjects.filtered.contains(&key) {
                        self.subjects.repeated.insert(external_id);
                    }
                }
                Entry::Members { group, members } => {
                    let group = self.subjects.reference(&group);
                    let keys = members.iter().map(|one| self.subjects.reference(one));
                    let keys = keys.collect();
                    self.subjects.members.entry(group).or_default().push(keys);
                }
                Entry::MembersUnread { group, .. } => {
                    let group = self.subjects.reference(&group);
                    self.subjects.unread.insert(group);
                }
                Entry::Refused(record) => self.take_refused(record),
            }
            if closer.len() >= PAGE {
                self.look_at(std::mem::take(&mut closer)).await?;
                self.flush_some().await?;
            }
        }
        self.look_at(closer).await?;
        self.flush_some().await?;
        self.progress.calls += 1;
        self.progress.planned = self.writer.plan.counts.all();
        self.watch.get_mut().went_on(&self.progress).await
    }

    fn locate(&mut self, locators: &[String], key: u128) {
        for locator in locators {
            let locator = self.subjects.locator(locator);
            self.subjects.located.insert(locator, key);
        }
    }

    fn take_refused(&mut self, record: RefusedRecord) {
        let Some(id) = record.external_id else {
            self.subjects.nameless += 1;
            self.writer.refuse(Refusal {
                subject: record.about,
                external_id: None,
                reason: Reason::Unusable { why: record.why },
            });
            return;
        };
        let key = self.subjects.id(&id);
        self.locate(&record.locators, key);
        self.adopts_nobody(key);
        match record.off {
            true => self.subjects.off.insert(key),
            false => self.subjects.on.insert(key),
        };
        self.subjects.refused.insert(id, record.why);
    }

    /// Takes in a person; gives whom to look at closer.
    fn take_person(&mut self, record: UserRecord, locators: &[String]) -> Option<Looked> {
        let id = record.external_id.clone();
        let key = self.subjects.id(&id);
        self.locate(locators, key);
        let read = of(&record);
        let group = self.subjects.group_of(key);
        let is_another = group.is_some_and(|group| group.name.is_some())
            || self.subjects.filtered.contains(&key);
        let place = self.subjects.place(key);
        let person = self.subjects.at_mut(place)?;
        person.is_in |= record.active;
        let before = person.read.replace(read);
        if before.is_none() {
            self.subjects.show();
        }
        if before.is_some_and(|before| before != read) || is_another {
            self.subjects.repeated.insert(id);
            return None;
        }
        // The same once more, because entries moved between pages; or it is known that it cannot be used.
        if before.is_some() || self.subjects.refused.contains_key(&id) {
            return None;
        }
        let person = self.subjects.at_mut(place)?;
        person.said = Said::Present;
        if person.kept == Some(read) {
            return None;
        }
        if let Err(why) = self.adopt(place, &record) {
            self.subjects.refused.insert(id, why);
            return None;
        }
        Some(Looked {
            place,
            external_id: id,
            saying: Saying::Record(record),
        })
    }

    /// Takes in a person or a group that a filter leaves out; gives whom to look at closer. Whoever is not here does not go.
    fn take_filtered(
        &mut self,
        id: ExternalId,
        filter: String,
        locators: &[String],
    ) -> Option<Looked> {
        let key = self.subjects.id(&id);
        self.locate(locators, key);
        let is_first = self.subjects.filtered.insert(key);
        let mut is_read = false;
        if let Some(group) = self.subjects.group_of_mut(key) {
            is_read |= group.name.is_some();
            group.filter.get_or_insert_with(|| filter.clone());
        }
        let (place, is_here) = match self.subjects.person_of(key) {
            None => (None, false),
            Some((place, person)) => {
                is_read |= person.read.is_some();
                (Some(place), person.user.is_some() && !person.is_new)
            }
        };
        if is_read {
            self.subjects.repeated.insert(id);
            return None;
        }
        if !is_first || !is_here || self.subjects.refused.contains_key(&id) {
            return None;
        }
        let place = place?;
        self.subjects.at_mut(place)?.said = Said::FilteredOut;
        Some(Looked {
            place,
            external_id: id,
            saying: Saying::FilteredOut(filter),
        })
    }
}

fn of(record: &UserRecord) -> u128 {
    compared(&fingerprint::of_person(&record.attributes, record.active)).unwrap_or_default()
}
