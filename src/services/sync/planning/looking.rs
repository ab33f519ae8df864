//! Looking closer at people, some at a time.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::membership::{Member, Membership};
use muster_domain::name;
use muster_domain::plan::person::{self, HerePerson, NameStanding, Person};
use muster_domain::plan::terms::Stated;
use muster_domain::plan::{Leavers, Owner, Protection, Verdict, fingerprint};
use muster_domain::record::{ExternalId, UserRecord};
use muster_domain::user::{State, User};
use muster_storage::accounts::{self, Account};
use muster_storage::{memberships, users};

use super::adopting::Adopting;
use super::subjects::Said;
use super::{Making, PAGE, Wish};

/// Somebody to look at closer.
pub(super) struct Looked {
    /// Where they stand among all.
    pub place: u32,
    pub external_id: ExternalId,
    pub saying: Saying,
}

/// What the source says about them.
pub(super) enum Saying {
    Record(UserRecord),
    FilteredOut(String),
    /// Why, and whether it keeps its person out nevertheless.
    Refused(String, bool),
    Absent,
}

impl Saying {
    fn stated(&self) -> Stated<'_, UserRecord> {
        match self {
            Self::Record(record) => Stated::Present(record),
            Self::FilteredOut(filter) => Stated::FilteredOut(filter.as_str()),
            Self::Refused(why, off) => Stated::Refused { why, off: *off },
            Self::Absent => Stated::Absent,
        }
    }
}

/// What is here of some people.
#[derive(Default)]
struct Around {
    accounts: BTreeMap<ExternalId, (Account, Option<String>)>,
    users: BTreeMap<UserId, User>,
    elsewhere: BTreeMap<UserId, BTreeSet<DirectoryId>>,
    /// Accounts of the directory whose place this one takes, of people who are handed over.
    former: BTreeMap<UserId, Account>,
    memberships: Vec<Membership>,
}

impl Making<'_> {
    /// Decides about some people, and writes what is decided.
    pub(super) async fn look_at(&mut self, some: Vec<Looked>) -> Result<(), Error> {
        if some.is_empty() {
            return Ok(());
        }
        let around = self.around(&some).await?;
        let mut keys: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for looked in some {
            let here = self.here(&looked, &around);
            let raw = self.subjects.raw.remove(&looked.place);
            let decided = person::decide(
                &Person {
                    external_id: &looked.external_id,
                    stated: looked.saying.stated(),
                    record: raw.as_deref(),
                    here: here.as_ref(),
                    name: self.name_of(&looked.saying),
                },
                &self.terms,
                &mut || self.services.id(),
            );
            let takes = decided.steps.iter().any(|step| {
                matches!(
                    step.change.action,
                    Action::CreateUser { .. }
                        | Action::UpdateAccount { .. }
                        | Action::MoveAccount { .. }
                )
            });
            let decided = self.handed_over(&looked, here.as_ref(), decided);
            if let Saying::Record(record) = &looked.saying {
                if takes && let Some(wanted) = person::wants(record, here.as_ref()) {
                    let key = self.subjects.name(&wanted);
                    keys.entry(wanted).or_default().push(self.wishes.len());
                    self.wishes.push(Wish {
                        place: looked.place,
                        here: here.as_ref().map(|here| here.user),
                        key,
                        holder: None,
                    });
                }
                let said = (record, raw.as_deref());
                self.keep_in_mind(&looked.external_id, said, here.as_ref(), &around, &decided);
            }
            self.draft(looked.place, decided);
        }
        let wanted: Vec<String> = keys.keys().cloned().collect();
        for holder in users::by_keys(self.services.db(), &wanted).await? {
            for at in keys.get(&name::key(&holder.username)).into_iter().flatten() {
                if let Some(wish) = self.wishes.get_mut(*at) {
                    wish.holder = Some(holder.id);
                }
            }
        }
        Ok(())
    }

    /// How it stands with a name before it is known who else wants it.
    fn name_of(&self, saying: &Saying) -> NameStanding {
        let name = match saying {
            Saying::Record(record) => record.attributes.get("username"),
            _ => None,
        };
        match name {
            Some(name) if self.rules.protects_user(name) => NameStanding::Protected,
            _ => NameStanding::Free,
        }
    }

    /// Writes what is decided about a person.
    pub(super) fn draft(&mut self, place: u32, decided: Verdict) {
        for step in decided.steps {
            match &step.change.action {
                Action::CreateUser { user, .. } => {
                    let name = step.subject.as_str().into();
                    self.subjects.newcomers.insert(place, name);
                    if let Some(person) = self.subjects.at_mut(place) {
                        person.user = Some(*user);
                        person.is_new = true;
                    }
                }
                Action::DeleteUser { user } => {
                    self.goes.insert(*user);
                }
                _ => {}
            }
            let at = self.writer.step(step);
            self.drafts.push((place, at));
        }
        for refusal in decided.refusals {
            let at = self.writer.refuse(refusal);
            self.drafts.push((place, at));
        }
    }

    /// Where what is here is what the source says, the next plan need not look.
    fn keep_in_mind(
        &mut self,
        id: &ExternalId,
        (record, raw): (&UserRecord, Option<&str>),
        here: Option<&HerePerson>,
        around: &Around,
        decided: &Verdict,
    ) {
        let Some(here) = here else { return };
        let is_so = here.now == record.attributes && (here.state == State::Active) == record.active;
        if is_so && decided.steps.is_empty() && decided.refusals.is_empty() {
            let was = around.accounts.get(id).and_then(|(_, was)| was.clone());
            let digest = fingerprint::of_person(&record.attributes, record.active);
            self.writer.note(id.clone(), was, digest);
            if let Some(raw) = raw.filter(|raw| here.record.as_deref() != Some(*raw)) {
                self.writer.note_raw(id.clone(), raw.to_owned());
            }
        }
    }

    async fn around(&self, some: &[Looked]) -> Result<Around, Error> {
        let db = self.services.db();
        let is_here = |looked: &&Looked| {
            let found = self.subjects.at(looked.place);
            found.is_some_and(|person| person.user.is_some() && !person.is_new)
        };
        let ids: Vec<ExternalId> = some
            .iter()
            .filter(is_here)
            .map(|looked| looked.external_id.clone())
            .collect();
        let mut around = Around::default();
        if ids.is_empty() {
            return Ok(around);
        }
        let ours = self.terms.directory;
        for (account, digest) in accounts::close(db, ours, &ids).await? {
            let id = account.external_id.clone();
            around.accounts.insert(id, (account, digest));
        }
        let former = self.adopting.as_ref().map(Adopting::from);
        let adopted = some.iter().filter_map(|one| self.adopted_as(one.place));
        let adopted: BTreeSet<UserId> = adopted.collect();
        let known = around.accounts.values().map(|(one, _)| one.user);
        let people: Vec<UserId> = known.chain(adopted.iter().copied()).collect();
        for user in users::get_many(db, &people).await? {
            around.users.insert(user.id, user);
        }
        for account in accounts::of_users(db, &people).await? {
            if Some(account.directory) == former && adopted.contains(&account.user) {
                around.former.insert(account.user, account);
            } else if account.directory != ours {
                let theirs = around.elsewhere.entry(account.user).or_default();
                theirs.insert(account.directory);
            }
        }
        let may_go =
            |looked: &Looked| matches!(looked.saying, Saying::FilteredOut(_) | Saying::Absent);
        if self.terms.leavers == Leavers::Delete && some.iter().any(may_go) {
            let members: Vec<Member> = people.iter().copied().map(Member::User).collect();
            around.memberships = memberships::of_members(db, &members).await?;
        }
        Ok(around)
    }

    fn here(&self, looked: &Looked, around: &Around) -> Option<HerePerson> {
        let former = self
            .adopted_as(looked.place)
            .and_then(|user| around.former.get(&user));
        let (account, digest) = match (around.accounts.get(&looked.external_id), former) {
            (Some((account, digest)), _) => (account, digest.as_deref()),
            (None, former) => (former?, None),
        };
        let user = around.users.get(&account.user)?;
        let others = around.elsewhere.get(&user.id);
        let applied = match &looked.saying {
            Saying::Record(record) if was_applied(record, digest) => record.attributes.clone(),
            _ => account.attributes.clone(),
        };
        let member = Member::User(user.id);
        let theirs = around.memberships.iter();
        Some(HerePerson {
            user: user.id,
            username: user.username.clone(),
            state: user.state.clone(),
            applied,
            now: account.attributes.clone(),
            record: account.raw.clone(),
            owner: self.owner(others),
            elsewhere: others.is_some(),
            protected: self.protection(user),
            replaces: former.map(|account| (account.directory, account.external_id.clone())),
            memberships: theirs.filter(|row| row.member == member).copied().collect(),
        })
    }

    /// The first directory of the order that has an account of theirs.
    fn owner(&self, others: Option<&BTreeSet<DirectoryId>>) -> Owner {
        self.owner_of(self.terms.directory, others)
    }

    /// The same for another directory.
    pub(super) fn owner_of(
        &self,
        ours: DirectoryId,
        others: Option<&BTreeSet<DirectoryId>>,
    ) -> Owner {
        let has = |known: &&DirectoryId| {
            **known == ours || others.is_some_and(|others| others.contains(known))
        };
        match self.order.iter().find(has) {
            Some(first) if *first != ours => Owner::Before(*first),
            _ => Owner::Own,
        }
    }

    pub(super) fn protection(&self, user: &User) -> Option<Protection> {
        if user.break_glass {
            Some(Protection::BreakGlass)
        } else if self.people.contains(&user.id) {
            Some(Protection::Administrator)
        } else {
            let is_chosen = self.rules.protects_user(&user.username);
            is_chosen.then_some(Protection::Chosen)
        }
    }

    /// Takes out what was decided about people of whom it showed later that their records cannot be used, and refuses these
    /// and all others.
    pub(super) async fn refuse_unusable(&mut self) -> Result<(), Error> {
        for id in std::mem::take(&mut self.subjects.repeated) {
            let key = self.subjects.id(&id);
            if let Some(group) = self.subjects.group_of_mut(key) {
                group.name = None;
            }
            let found = self.subjects.person_of(key);
            match found.is_some_and(|(_, one)| one.read.is_some() && !one.is_in) {
                true => self.subjects.off.insert(key),
                false => self.subjects.on.insert(key),
            };
            let why = "Two different records bear this id.".to_owned();
            self.subjects.refused.insert(id, why);
        }
        let refused: Vec<(ExternalId, String)> = self
            .subjects
            .refused
            .iter()
            .map(|(id, why)| (id.clone(), why.clone()))
            .collect();
        let mut spoiled = BTreeSet::new();
        let mut all = Vec::new();
        for (id, why) in refused {
            let key = self.subjects.id(&id);
            let group = self.subjects.group_of(key);
            let is_group = group.is_some_and(|one| one.name.is_some() || one.here.is_some());
            let person = self.subjects.person_of(key).map(|(_, person)| person);
            let is_person = person.is_some_and(|one| one.read.is_some() || one.user.is_some());
            if is_group && !is_person {
                continue;
            }
            let off = self.subjects.is_off(key);
            let place = self.subjects.place(key);
            if let Some(person) = self.subjects.at_mut(place) {
                person.said = Said::Refused;
                if std::mem::take(&mut person.is_new) {
                    person.user = None;
                }
            }
            spoiled.insert(place);
            all.push(Looked {
                place,
                external_id: id,
                saying: Saying::Refused(why, off),
            });
        }
        self.undo_drafts(&spoiled).await?;
        let mut all = all.into_iter();
        loop {
            let some: Vec<Looked> = all.by_ref().take(PAGE).collect();
            if some.is_empty() {
                return Ok(());
            }
            self.look_at(some).await?;
            self.flush_some().await?;
        }
    }

    /// Takes out every row about these people, with what they wished for.
    async fn undo_drafts(&mut self, spoiled: &BTreeSet<u32>) -> Result<(), Error> {
        let mut gone = Vec::new();
        self.drafts.retain(|(place, at)| {
            let goes = spoiled.contains(place);
            if goes {
                gone.push(*at);
            }
            !goes
        });
        self.wishes.retain(|wish| !spoiled.contains(&wish.place));
        for place in spoiled {
            self.subjects.newcomers.remove(place);
        }
        for some in gone.chunks(PAGE) {
            for row in self.writer.take_back(self.services, some).await? {
                if let muster_domain::plan::stored::Line::Step(step) = row.line
                    && let Action::DeleteUser { user } = step.change.action
                {
                    self.goes.remove(&user);
                }
            }
        }
        Ok(())
    }
}

/// Whether what is kept tells that the record was applied before as it is: then what differs was changed here.
pub(crate) fn was_applied(record: &UserRecord, kept: Option<&str>) -> bool {
    let last = fingerprint::last(kept.unwrap_or_default());
    [true, false]
        .into_iter()
        .any(|active| last == fingerprint::of_person(&record.attributes, active))
}
