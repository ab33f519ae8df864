//! A reading, whole or of what changed: people, then groups, then the members that come in parts. Three pages are in memory
//! at most: one is kept, one waits, one comes.

use std::cell::Cell;

use chrono::{DateTime, Utc};
use muster_domain::directory::Cursor;
use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake, RefusedRecord};

use super::connect::{self, Connection};
use super::entry::{Raw, Unusable};
use super::groups::Rest;
use super::mark::{News, Place};
use super::people::People;
use super::references::{References, Unfound};
use super::search::{Ahead, Question, Search, Then};
use super::settings::LdapSettings;
use super::standing::Moment;
use super::{dn, groups, people, root};

/// Reads everything; what could not be read is in the answer.
pub(super) async fn everything(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    intake: &mut dyn Intake,
) -> Completeness {
    let mut connection = match connect::open(settings).await {
        Ok(connection) => connection,
        Err(error) => return refused(error.public.into_owned()),
    };
    let now = root::time(&mut connection, settings, clock).await;
    let mut reading = Reading::new(settings, now, None);
    reading.all(&mut connection, intake).await
}

/// The same, and from where changes are read on.
pub(super) async fn whole(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    intake: &mut dyn Intake,
) -> (Completeness, Option<Cursor>) {
    let mut connection = match connect::open(settings).await {
        Ok(connection) => connection,
        Err(error) => return (refused(error.public.into_owned()), None),
    };
    let began = match Place::now(&mut connection, settings, clock).await {
        Ok(began) => began,
        Err(doubt) => return (Completeness::Complete.doubting(doubt), None),
    };
    let now = match &began {
        Some(Place::Usn {
            time: Some(time), ..
        }) => Some(*time),
        _ => root::time(&mut connection, settings, clock).await,
    };
    let mut reading = Reading::new(settings, now, None);
    reading.horizon = began.as_ref().and_then(Place::horizon);
    if reading.horizon.is_some() {
        reading.asked = began.as_ref().and_then(Place::asked);
    }
    let completeness = reading.all(&mut connection, intake).await;
    let latest = reading.latest.get();
    let cursor = began.map(|began| Place::next(None, began, latest).write(settings));
    (completeness, cursor)
}

/// Reads what changed since.
pub(super) async fn changes(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    since: &Cursor,
    intake: &mut dyn Intake,
) -> (Completeness, Option<Cursor>) {
    let partial = Completeness::Complete.doubting(Doubt::Partial);
    let again = |doubt| (partial.clone().doubting(doubt), Some(since.clone()));
    let unusable = "changes since then are not known to this server; everything has to be read";
    let anew = || {
        (
            partial
                .clone()
                .doubting(Doubt::Refused(unusable.to_owned())),
            None,
        )
    };
    let Some(place) = Place::read(since, settings) else {
        return anew();
    };
    let mut connection = match connect::open(settings).await {
        Ok(connection) => connection,
        Err(error) => return again(Doubt::Refused(error.public.into_owned())),
    };
    let began = match Place::now(&mut connection, settings, clock).await {
        Ok(Some(began)) => began,
        Ok(None) => return anew(),
        Err(doubt) => return again(doubt),
    };
    let filter = match place.news(&began) {
        None => return anew(),
        Some(News::None) => {
            let next = Place::next(Some(&place), began, None);
            return (partial, Some(next.write(settings)));
        }
        Some(News::Among(filter)) => place.with_expired(filter, &began, settings.schema.until),
    };
    let now = match &began {
        Place::Usn { time, .. } => *time,
        Place::Csn(_) | Place::Time { .. } => clock.and_then(Moment::of),
    };
    let changed = Changed {
        since: place.clone(),
        filter,
        references: References::new(settings),
    };
    let mut reading = Reading::new(settings, now, Some(changed));
    reading.asked = place.asked();
    reading.horizon = began.horizon();
    let completeness = reading.all(&mut connection, intake).await;
    if reading.is_too_much {
        return anew();
    }
    match completeness {
        Completeness::Complete => {
            let next = Place::next(Some(&place), began, reading.latest.get());
            (partial, Some(next.write(settings)))
        }
        Completeness::Incomplete(doubts) => {
            let doubting = doubts.into_iter().fold(partial, Completeness::doubting);
            (doubting, Some(since.clone()))
        }
    }
}

fn refused(why: String) -> Completeness {
    Completeness::Complete.doubting(Doubt::Refused(why))
}

/// A reading under way.
struct Reading<'a> {
    settings: &'a LdapSettings,
    people: People<'a>,
    /// Only what changed.
    changed: Option<Changed<'a>>,
    /// The attribute that dates entries, if they need a date.
    asked: Option<&'static str>,
    /// Dates behind this one are of the future and count for nothing.
    horizon: Option<Moment>,
    /// The latest date seen before it.
    latest: Cell<Option<Moment>>,
    /// More changed than is looked up one by one.
    is_too_much: bool,
}

struct Changed<'a> {
    since: Place,
    filter: String,
    references: References<'a>,
}

/// What one entry says, and what of its members is still to be asked for.
type Told = (Vec<Entry>, Vec<Rest>);

impl<'a> Reading<'a> {
    fn new(settings: &'a LdapSettings, now: Option<Moment>, changed: Option<Changed<'a>>) -> Self {
        Self {
            settings,
            people: People::new(settings, now),
            changed,
            asked: None,
            horizon: None,
            latest: Cell::new(None),
            is_too_much: false,
        }
    }

    async fn all(&mut self, connection: &mut Connection, intake: &mut dyn Intake) -> Completeness {
        let take = |reading: &Self, raw: &Raw| (reading.people.entries(raw), Vec::new());
        let question = people::question(self.settings);
        let (of_people, _) = self.pages(connection, question, take, intake).await;
        let mut completeness = of_people;
        if is_over(&completeness) {
            return completeness;
        }
        let base = dn::normalised(&self.settings.groups_base).unwrap_or_default();
        let take = |reading: &Self, raw: &Raw| groups::entries(raw, reading.settings, &base);
        let question = groups::question(self.settings);
        let (of_groups, rest) = self.pages(connection, question, take, intake).await;
        if let Completeness::Incomplete(doubts) = of_groups {
            completeness = doubts
                .into_iter()
                .fold(completeness, Completeness::doubting);
        }
        if is_over(&completeness) {
            return completeness;
        }
        for one in rest {
            if let Err(doubt) = self.parts(connection, one, intake).await {
                return completeness.doubting(doubt);
            }
        }
        completeness
    }

    /// The parts of one group's members that are not read yet.
    async fn parts(
        &mut self,
        connection: &mut Connection,
        first: Rest,
        intake: &mut dyn Intake,
    ) -> Result<(), Doubt> {
        let mut next = Some(first);
        for parts in 0.. {
            let Some(one) = next else { break };
            let (entries, rest) = groups::more(connection, self.settings, &one, parts).await;
            self.hand_on(entries, intake).await?;
            next = rest;
        }
        Ok(())
    }

    /// Reads one search to its end.
    async fn pages(
        &mut self,
        connection: &mut Connection,
        question: Question,
        take: impl Fn(&Self, &Raw) -> Told,
        intake: &mut dyn Intake,
    ) -> (Completeness, Vec<Rest>) {
        let mut rest = Vec::new();
        let question = self.narrowed(question);
        let mut search = Ahead::of(Search::new(connection, self.settings, question));
        loop {
            let page = search.page().await;
            let mut entries = Vec::new();
            for found in page.entries {
                match found {
                    Ok(raw) if self.is_read(&raw) => {}
                    Ok(raw) => {
                        let (told, more) = take(self, &raw);
                        entries.extend(told);
                        rest.extend(more);
                    }
                    Err(why) => entries.push(unreadable(why)),
                }
            }
            if let Err(doubt) = self.hand_on(entries, intake).await {
                return (Completeness::Complete.doubting(doubt), rest);
            }
            match page.then {
                Then::More => {}
                Then::Done => return (Completeness::Complete, rest),
                Then::Failed(doubt) => return (Completeness::Complete.doubting(doubt), rest),
            }
        }
    }

    /// The same question, for what changed alone, with the date of each entry.
    fn narrowed(&self, question: Question) -> Question {
        let mut question = question;
        if let Some(changed) = &self.changed {
            question.filter = format!("(&{}{})", question.filter, changed.filter);
        }
        question.attributes.extend(self.asked.map(str::to_owned));
        question
    }

    /// Whether an entry was read before; its date is kept.
    fn is_read(&self, raw: &Raw) -> bool {
        if let Some(horizon) = self.horizon {
            let date = raw.text("modifyTimestamp", 40).ok().flatten();
            let date = date.and_then(Moment::read);
            let believed = date.filter(|date| *date <= horizon);
            self.latest.set(self.latest.get().max(believed));
        }
        let changed = self.changed.as_ref();
        changed.is_some_and(|changed| changed.since.is_read(raw))
    }

    async fn hand_on(&mut self, entries: Vec<Entry>, intake: &mut dyn Intake) -> Result<(), Doubt> {
        let mut entries = entries;
        if let Some(changed) = &mut self.changed {
            for entry in &entries {
                changed.references.learn(entry);
            }
            let resolved = changed.references.resolved(entries).await;
            entries = match resolved {
                Ok(entries) => entries,
                Err(Unfound::Failed(doubt)) => return Err(doubt),
                Err(Unfound::TooMany) => {
                    self.is_too_much = true;
                    return Err(Doubt::CutOff("too much changed".to_owned()));
                }
            };
        }
        let kept = intake.page(entries).await;
        kept.map_err(|error| Doubt::CutOff(error.public.into_owned()))
    }
}

/// Whether nothing more can be asked.
fn is_over(completeness: &Completeness) -> bool {
    match completeness {
        Completeness::Complete => false,
        Completeness::Incomplete(doubts) => doubts.iter().any(groups::is_cut),
    }
}

fn unreadable(why: Unusable) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id: None,
        about: "an entry without a readable name".to_owned(),
        why,
        locators: Vec::new(),
        off: false,
    })
}
