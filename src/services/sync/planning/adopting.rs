//! A directory that takes the place of another one: whoever is here by that one is found among those who are read, by a
//! key, and handed over. They stay who they are; only whose account they have changes.
//!
//! Nobody is guessed. Where two on one side bear the same key, where somebody bears none, where somebody is protected, they
//! are left alone, with their account and memberships of the former directory, and it is told why. Whoever is here by the
//! former directory alone is a leaver, by the terms of the new one.

mod leaving;
mod members;
mod tying;
mod ways;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use muster_domain::Error;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::guard::{Hold, Tally};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::name;
use muster_domain::plan::person::HerePerson;
use muster_domain::plan::{Adopt, Protection, Reason, Refusal, Step, StoredPlan, Terms, Verdict};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::user::{State, User};
use muster_storage::accounts::{self, Account};
use muster_storage::groups::{self, Sourced};
use muster_storage::{directories, memberships};

use super::looking::{Looked, Saying};
use super::subjects::Key;
use super::{Making, PAGE};

/// How many of those who are protected are told by name.
const NAMED: usize = 10;

/// What becomes of somebody who is here by the former directory.
enum Fate {
    /// Nobody was read who is them.
    Open,
    /// This record is them.
    Taken(ExternalId),
    /// It cannot be told who is them.
    Unclear(String),
}

/// Somebody who is here by the former directory.
struct Former {
    user: UserId,
    fate: Fate,
}

/// Who bears a key.
enum Bears {
    One(usize),
    Several,
}

/// The directory whose place is taken, and who is found in it.
pub(super) struct Adopting {
    adopt: Adopt,
    people: Vec<Former>,
    of_user: HashMap<UserId, usize>,
    by_key: HashMap<Key, Bears>,
    by_name: HashMap<Key, usize>,
    /// Who is handed over, by where they stand among those who are read.
    placed: HashMap<u32, UserId>,
    /// Whoever keeps their account and memberships of the former directory.
    stays: HashSet<Member>,
    /// Groups by their names.
    groups: BTreeMap<String, Sourced>,
    /// Groups that are handed over.
    pub(super) adopted: HashSet<GroupId>,
    unmatched: u64,
    /// Who stays; by name who of them is protected.
    left: BTreeMap<UserId, Option<String>>,
    /// Who is handed over to a directory by which nobody signs in.
    unanswered: BTreeSet<UserId>,
}

impl Adopting {
    /// The directory whose place is taken.
    pub(super) const fn from(&self) -> DirectoryId {
        self.adopt.from
    }

    /// How many records cannot be used, so that nobody can tell whom of the former directory they are.
    pub(super) fn unmatched(&self) -> Option<u64> {
        (self.unmatched > 0).then_some(self.unmatched)
    }

    /// Counts somebody who keeps their account of the former directory.
    fn is_left(&mut self, user: UserId, decided: &Verdict) {
        let mut refusals = decided.refusals.iter();
        let protected = refusals.find(|one| matches!(one.reason, Reason::Protected { .. }));
        let protected = protected.map(|one| one.subject.clone());
        self.left.insert(user, protected);
    }

    /// Whether somebody keeps what they have of the former directory.
    pub(super) fn keeps(&self, member: Member) -> bool {
        self.stays.contains(&member)
    }
}

impl Making<'_> {
    /// Takes in whoever is here by the former directory, and writes the first step: the two change places.
    pub(super) async fn begin_adopting(&mut self) -> Result<(), Error> {
        let Some(adopt) = self.terms.adopt.clone() else {
            return Ok(());
        };
        let db = self.services.db();
        let revision = super::revision(self.services, adopt.from).await?;
        let all = directories::list(db).await?;
        let stood = all.iter().position(|one| one.id == self.terms.directory);
        self.stand_before(adopt.from);
        let mut adopting = Adopting {
            adopt: adopt.clone(),
            people: Vec::new(),
            of_user: HashMap::new(),
            by_key: HashMap::new(),
            by_name: HashMap::new(),
            placed: HashMap::new(),
            stays: HashSet::new(),
            groups: BTreeMap::new(),
            adopted: HashSet::new(),
            unmatched: 0,
            left: BTreeMap::new(),
            unanswered: BTreeSet::new(),
        };
        let mut after: Option<ExternalId> = None;
        loop {
            let page =
                accounts::page_of_directory(db, adopt.from, after.as_ref(), PAGE as u64).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.external_id.clone());
            for account in &page {
                self.note_former(&mut adopting, account);
            }
        }
        let mut after: Option<ExternalId> = None;
        loop {
            let page =
                groups::page_of_directory(db, adopt.from, after.as_ref(), PAGE as u64).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.external_id.clone());
            for known in page {
                adopting.groups.insert(name::key(&known.group.name), known);
            }
        }
        let switch = |from, to, revision, place| Action::SwitchDirectory {
            from,
            to,
            by: adopt.by,
            revision,
            place,
        };
        let (from, to) = (adopt.from, self.terms.directory);
        let cause = Cause::Rule(format!("{} in place of {}", self.terms.name, adopt.name));
        self.writer.step(Step {
            change: Change::new(switch(from, to, revision, None), cause),
            subject: self.terms.name.clone(),
            undo: vec![Change::new(switch(to, from, 0, stood), Cause::Undone)],
        });
        self.adopting = Some(adopting);
        Ok(())
    }

    /// Whoever has accounts elsewhere, too, is asked after in the order that there will be.
    fn stand_before(&mut self, from: DirectoryId) {
        let ours = self.terms.directory;
        let place = |order: &[DirectoryId], id| order.iter().position(|known| *known == id);
        if let (Some(coming), Some(going)) = (place(&self.order, ours), place(&self.order, from))
            && coming > going
        {
            self.order.remove(coming);
            self.order.insert(going, ours);
        }
    }

    fn note_former(&self, adopting: &mut Adopting, account: &Account) {
        let at = adopting.people.len();
        let by = adopting.adopt.by;
        let mut fate = Fate::Open;
        match by.compared(&account.attributes) {
            None => {
                fate = Fate::Unclear(format!(
                    "They have no {}, by which people are matched.",
                    by.label()
                ))
            }
            Some(key) => {
                let key = self.subjects.name(&key);
                let before = adopting.by_key.remove(&key);
                let bears = match before {
                    None => Bears::One(at),
                    Some(before) => {
                        let why = format!("Several people here have their {}.", by.label());
                        if let Bears::One(other) = before
                            && let Some(other) = adopting.people.get_mut(other)
                        {
                            other.fate = Fate::Unclear(why.clone());
                        }
                        fate = Fate::Unclear(why);
                        Bears::Several
                    }
                };
                adopting.by_key.insert(key, bears);
            }
        }
        if let Some(username) = account.attributes.get("username") {
            let key = self.subjects.name(&name::key(username));
            adopting.by_name.insert(key, at);
        }
        adopting.of_user.insert(account.user, at);
        adopting.people.push(Former {
            user: account.user,
            fate,
        });
    }

    /// Finds out who of the former directory somebody is who was read; newcomers are nobody.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(super) fn adopt(&mut self, place: u32, record: &UserRecord) -> Result<(), String> {
        let Some(adopting) = &mut self.adopting else {
            return Ok(());
        };
        let person = self.subjects.at(place);
        if person.is_some_and(|person| person.user.is_some()) {
            return Ok(());
        }
        let by = adopting.adopt.by;
        let former = &adopting.adopt.name;
        let Some(value) = by.value(&record.attributes) else {
            let why = format!("It has no {}, by which people are matched.", by.label());
            // Whoever bears its name over there may be them, and does not leave for it.
            let at = named(&record.attributes)
                .and_then(|key| adopting.by_name.get(&self.subjects.name(&key)));
            match at.and_then(|at| adopting.people.get_mut(*at)) {
                Some(former) if matches!(former.fate, Fate::Open) => {
                    former.fate = Fate::Unclear(format!(
                        "Somebody of this name was read who has no {}, by which people are matched.",
                        by.label()
                    ));
                }
                Some(_) => {}
                // They may be anybody: nobody leaves.
                None => adopting.unmatched += 1,
            }
            return Err(why);
        };
        let key = self.subjects.name(&name::key(value));
        let at = match adopting.by_key.get(&key) {
            None => return Ok(()),
            Some(Bears::Several) => {
                return Err(format!(
                    "Several people of {former} have the {} “{value}”: whom it is, nobody can tell.",
                    by.label()
                ));
            }
            Some(Bears::One(at)) => *at,
        };
        let Some(found) = adopting.people.get_mut(at) else {
            return Ok(());
        };
        if let Fate::Unclear(why) = &found.fate {
            return Err(why.clone());
        }
        if let Fate::Taken(other) = &found.fate {
            let why = format!(
                "Several records have the {} “{value}”: which of them is the one of {former}, nobody can tell.",
                by.label()
            );
            self.subjects.refused.insert(other.clone(), why.clone());
            return Err(why);
        }
        found.fate = Fate::Taken(record.external_id.clone());
        let user = found.user;
        adopting.placed.insert(place, user);
        if let Some(person) = self.subjects.at_mut(place) {
            person.user = Some(user);
        }
        Ok(())
    }

    /// Notes that a record cannot be used, so that nobody can tell who it is over there.
    pub(super) fn adopts_nobody(&mut self, key: Key) {
        let found = self.subjects.person_of(key);
        let is_known = found.is_some_and(|(_, person)| person.user.is_some());
        if let Some(adopting) = self.adopting.as_mut().filter(|_| !is_known) {
            adopting.unmatched += 1;
        }
    }

    /// Who somebody is who is handed over.
    pub(super) fn adopted_as(&self, place: u32) -> Option<UserId> {
        self.adopting.as_ref()?.placed.get(&place).copied()
    }

    /// The id at the source of somebody of the former directory.
    pub(super) fn adopted_by(&self, user: UserId) -> Option<ExternalId> {
        let adopting = self.adopting.as_ref()?;
        let former = adopting.people.get(*adopting.of_user.get(&user)?)?;
        match &former.fate {
            Fate::Taken(id) => Some(id.clone()),
            Fate::Open | Fate::Unclear(_) => None,
        }
    }

    /// What was decided about somebody who is to be handed over, with what is to be told besides.
    pub(super) fn handed_over(
        &mut self,
        looked: &Looked,
        here: Option<&HerePerson>,
        mut decided: Verdict,
    ) -> Verdict {
        let Some(here) = here.filter(|here| here.replaces.is_some()) else {
            return decided;
        };
        self.is_handed_over(looked.place, &decided);
        let comes_back = |step: &Step| matches!(step.change.action, Action::Reactivate { .. });
        if let (State::Deactivated(by), Saying::Record(record)) = (&here.state, &looked.saying)
            && record.active
            && decided.refusals.is_empty()
            && !decided.steps.iter().any(comes_back)
        {
            decided.refusals.push(Refusal {
                subject: here.username.clone(),
                external_id: Some(looked.external_id.clone()),
                reason: Reason::StaysOut { by: by.by.clone() },
            });
        }
        decided
    }

    /// Notes whether somebody is handed over after all.
    pub(super) fn is_handed_over(&mut self, place: u32, decided: &Verdict) {
        let Some(user) = self.adopted_as(place) else {
            return;
        };
        let Some(adopting) = &mut self.adopting else {
            return;
        };
        let moves = |step: &Step| matches!(step.change.action, Action::MoveAccount { .. });
        let goes = |step: &Step| matches!(step.change.action, Action::Deactivate { .. });
        if !decided.steps.iter().any(moves) {
            if adopting.stays.insert(Member::User(user)) {
                adopting.is_left(user, decided);
            }
        } else if !adopting.adopt.answered_for && !decided.steps.iter().any(goes) {
            adopting.unanswered.insert(user);
        }
    }

    /// The terms on which people and groups of the former directory leave.
    pub(super) fn former_terms(&self) -> Option<Terms> {
        let adopt = self.terms.adopt.as_ref()?;
        Some(Terms {
            directory: adopt.from,
            name: format!("{}, in place of {}", self.terms.name, adopt.name),
            adopt: None,
            ..self.terms.clone()
        })
    }

    /// Counts what is here by the former directory, and does not count what only changes hands as gone.
    pub(super) async fn adopted(
        &self,
        plan: &StoredPlan,
        mut taken: Tally,
        there: &mut Tally,
    ) -> Result<Tally, Error> {
        let Some(adopting) = &self.adopting else {
            return Ok(taken);
        };
        let (db, from) = (self.services.db(), adopting.adopt.from);
        there.people += accounts::count_active(db, from).await?;
        there.groups += u64::try_from(adopting.groups.len()).unwrap_or(u64::MAX);
        there.memberships += memberships::count_put_by(db, from).await?;
        let unlinked = plan.counts.steps.get("unlink_group");
        let handed = unlinked.and_then(|causes| causes.get(Cause::HandedOver.word()));
        taken.groups = taken
            .groups
            .saturating_sub(handed.copied().unwrap_or_default());
        Ok(taken)
    }

    /// Who signs in by the former directory and has no other way in: whoever stays in it, and whoever is handed over to one
    /// by which nobody signs in.
    pub(super) async fn loses_sign_in(&self) -> Result<Option<Hold>, Error> {
        let Some(adopting) = self.adopting.as_ref().filter(|one| one.adopt.signs_in) else {
            return Ok(None);
        };
        let comes = Some(self.terms.directory).filter(|_| adopting.adopt.answered_for);
        let mut losing: BTreeSet<UserId> = adopting.left.keys().copied().collect();
        losing.extend(&adopting.unanswered);
        let losing: Vec<UserId> = losing.into_iter().collect();
        let mut shut_out = BTreeSet::new();
        for some in losing.chunks(PAGE) {
            shut_out.extend(ways::without(self.services, some, adopting.adopt.from, comes).await?);
        }
        if shut_out.is_empty() {
            return Ok(None);
        }
        let protected = shut_out.iter().filter_map(|user| adopting.left.get(user));
        let protected: BTreeSet<&String> = protected.flatten().collect();
        Ok(Some(Hold::LoseSignIn {
            directory: adopting.adopt.name.clone(),
            people: u64::try_from(shut_out.len()).unwrap_or(u64::MAX),
            protected: protected.into_iter().take(NAMED).cloned().collect(),
        }))
    }

    /// Why nobody may take somebody out of a group, if nobody may.
    pub(super) fn former_protection(
        &self,
        member: Member,
        people: &BTreeMap<UserId, User>,
        groups: &BTreeMap<GroupId, String>,
    ) -> Option<Protection> {
        match member {
            Member::User(user) => self.protection(people.get(&user)?),
            Member::Group(group) if self.groups.contains(&group) => Some(Protection::Administrator),
            Member::Group(group) => {
                let is_chosen = self.rules.protects_group(groups.get(&group)?);
                is_chosen.then_some(Protection::Chosen)
            }
        }
    }

    pub(super) const fn former_origin(terms: &Terms) -> Origin {
        Origin::Directory(terms.directory)
    }
}

fn named(attributes: &Attributes) -> Option<String> {
    attributes
        .get("username")
        .map(|username| name::key(username))
}
