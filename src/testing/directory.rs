//! A directory that says what it is told to say, page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use muster_domain::census::{Census, OfWhole};
use muster_domain::directory::{Cursor, Directory, DirectoryKind, Finding, Preset, Probe, Vouched};
use muster_domain::record::{ExternalId, SourceValues, UserRecord};
use muster_domain::settings::{SettingsSchema, Values};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake, Reference};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

/// What it says.
#[derive(Clone)]
struct Told {
    pages: Vec<Vec<Entry>>,
    completeness: Completeness,
    hangs_after: Option<usize>,
    /// What it said before, if it tells changes: the place in it is a cursor.
    before: Option<Vec<Vec<Entry>>>,
    /// How often it forgot: its cursors of before mean nothing.
    forgot: u64,
    /// What is wrong with its census.
    doubt: Option<Doubt>,
    /// Everybody's password, if it answers for passwords.
    password: Option<String>,
    /// Who is in a group after all.
    lists: BTreeMap<ExternalId, BTreeSet<ExternalId>>,
}

/// All that is said of each id, with members in their order.
type Said = BTreeMap<ExternalId, Vec<Entry>>;

impl Told {
    fn cursor(&self) -> Option<Cursor> {
        let before = self.before.as_ref()?;
        Some(Cursor(format!("{} {}", self.forgot, before.len())))
    }

    /// What differs from what was said at a cursor: records with all that is said of them, members by their ids.
    fn changed(&self, since: &Cursor) -> Option<Vec<Entry>> {
        let before = self.before.as_ref()?;
        let (forgot, at) = since.0.split_once(' ')?;
        let at: usize = at
            .parse()
            .ok()
            .filter(|_| forgot == self.forgot.to_string())?;
        let now: Vec<Entry> = self.pages.iter().flatten().cloned().collect();
        let past = match at == before.len() {
            true => return Some(Vec::new()),
            false => before.get(at)?,
        };
        let (now, past) = (said(&now), said(past));
        let differs = now
            .into_iter()
            .filter(|(id, said)| past.get(id) != Some(said));
        Some(differs.flat_map(|(_, said)| said).collect())
    }
}

fn said(entries: &[Entry]) -> Said {
    let mut located = BTreeMap::new();
    for entry in entries {
        if let Some((id, locators)) = head(entry) {
            located.extend(locators.iter().map(|one| (one.clone(), id.clone())));
        }
    }
    let is_there = |id: &ExternalId| {
        let mut heads = entries.iter().filter_map(head);
        heads.any(|(other, _)| other == id)
    };
    let found = |reference: &Reference| match reference {
        Reference::Id(id) => Some(id.clone()).filter(is_there),
        Reference::Locator(name) => located.get(name).cloned(),
    };
    let mut said = Said::new();
    for entry in entries {
        match entry {
            Entry::Members { group, members } => {
                let Some(group) = found(group) else { continue };
                let all = members.len();
                let members: Vec<Reference> = members
                    .iter()
                    .filter_map(&found)
                    .map(Reference::Id)
                    .collect();
                let is_all = members.len() == all;
                let by_id = Reference::Id(group.clone());
                let theirs = said.entry(group).or_default();
                theirs.push(Entry::Members {
                    group: by_id.clone(),
                    members,
                });
                if !is_all {
                    theirs.push(Entry::MembersUnread {
                        group: by_id,
                        why: "Some of its members are not found.".to_owned(),
                    });
                }
            }
            Entry::MembersUnread { group, why } => {
                if let Some(group) = found(group) {
                    let by_id = Reference::Id(group.clone());
                    said.entry(group).or_default().push(Entry::MembersUnread {
                        group: by_id,
                        why: why.clone(),
                    });
                }
            }
            other => {
                if let Some((id, _)) = head(other) {
                    said.entry(id.clone()).or_default().push(other.clone());
                }
            }
        }
    }
    said
}

fn head(entry: &Entry) -> Option<(&ExternalId, &[String])> {
    match entry {
        Entry::User {
            record, locators, ..
        } => Some((&record.external_id, locators)),
        Entry::Group {
            external_id,
            locators,
            ..
        }
        | Entry::Filtered {
            external_id,
            locators,
            ..
        } => Some((external_id, locators)),
        Entry::Refused(record) => Some((record.external_id.as_ref()?, &record.locators)),
        Entry::Members { .. } | Entry::MembersUnread { .. } => None,
    }
}

/// The source behind directories of the kind [`FakeDirectory::KIND`]. Cloning shares what it says.
#[derive(Clone)]
pub struct FakeDirectory {
    told: Arc<Mutex<Told>>,
    readings: Arc<AtomicU64>,
    censuses: Arc<AtomicU64>,
    questions: Arc<AtomicU64>,
    hangs: watch::Sender<bool>,
    first: Arc<Mutex<Option<Meanwhile>>>,
    voices: Arc<Mutex<BTreeMap<String, Self>>>,
}

/// What happens meanwhile.
type Meanwhile = Box<dyn FnOnce() + Send>;

impl Default for FakeDirectory {
    fn default() -> Self {
        Self {
            told: Arc::new(Mutex::new(Told {
                pages: Vec::new(),
                completeness: Completeness::Complete,
                hangs_after: None,
                before: None,
                forgot: 0,
                doubt: None,
                password: None,
                lists: BTreeMap::new(),
            })),
            readings: Arc::default(),
            censuses: Arc::default(),
            questions: Arc::default(),
            hangs: watch::Sender::new(false),
            first: Arc::default(),
            voices: Arc::default(),
        }
    }
}

impl FakeDirectory {
    /// The word of its kind.
    pub const KIND: &'static str = "told";

    /// Another source: what directories with the setting `voice` of this name are read from.
    #[must_use]
    pub fn voice(&self, name: &str) -> Self {
        let mut voices = self.voices.lock().unwrap_or_else(PoisonError::into_inner);
        voices.entry(name.to_owned()).or_default().clone()
    }

    /// From now on it says this, and that it is everything.
    pub fn says(&self, pages: Vec<Vec<Entry>>) {
        self.set(|told| {
            let past = std::mem::replace(&mut told.pages, pages);
            if let Some(before) = &mut told.before {
                before.push(past.into_iter().flatten().collect());
            }
            told.completeness = Completeness::Complete;
            told.hangs_after = None;
        });
    }

    /// From now on it tells what changed.
    pub fn tells_changes(&self) {
        self.set(|told| told.before = Some(Vec::new()));
    }

    /// It was restored, or is another server: cursors that it gave mean nothing any more.
    pub fn forgets(&self) {
        self.set(|told| {
            told.forgot += 1;
            if told.before.is_some() {
                told.before = Some(Vec::new());
            }
        });
    }

    /// From now on its census is not all, for this reason; none: it is.
    pub fn doubts_its_census(&self, doubt: Option<Doubt>) {
        self.set(|told| told.doubt = doubt);
    }

    /// From now on it answers for passwords, and this is everybody's.
    pub fn vouches_for(&self, password: &str) {
        self.set(|told| told.password = Some(password.to_owned()));
    }

    /// Asked once more who is in a group, it says these, whatever it said before.
    pub fn lists(&self, group: &str, who: &[&str]) {
        let who = who.iter().map(|id| ExternalId((*id).to_owned())).collect();
        self.set(|told| {
            told.lists.insert(ExternalId(group.to_owned()), who);
        });
    }

    /// How often it was asked for one person.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    /// How often it was asked who is there.
    #[must_use]
    pub fn censuses(&self) -> u64 {
        self.censuses.load(Ordering::Relaxed)
    }

    /// From now on it says that this is missing.
    pub fn doubts(&self, doubt: Doubt) {
        self.set(|told| told.completeness = Completeness::Incomplete(vec![doubt]));
    }

    /// From now on a reading hangs behind so many pages, until [`FakeDirectory::goes_on`].
    pub fn hangs_after(&self, pages: usize) {
        self.hangs.send_replace(true);
        self.set(|told| told.hangs_after = Some(pages));
    }

    /// Readings that hang go on, and new ones do not hang.
    pub fn goes_on(&self) {
        self.set(|told| told.hangs_after = None);
        self.hangs.send_replace(false);
    }

    /// Whether a reading hangs now: what it said before was taken in.
    #[must_use]
    pub fn is_hanging(&self) -> bool {
        self.hangs.receiver_count() > 0
    }

    /// The next time somebody opens it, this happens first.
    pub fn when_it_opens(&self, what: impl FnOnce() + Send + 'static) {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        *first = Some(Box::new(what));
    }

    /// New readings do not hang; those that do, hang on.
    pub fn hangs_no_more(&self) {
        self.set(|told| told.hangs_after = None);
    }

    /// How often it was read.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    fn set(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn told(&self) -> Told {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn probe(&self, probe: Probe) -> Finding {
        Finding {
            probe,
            outcome: Ok("It answers.".to_owned()),
            took: std::time::Duration::ZERO,
        }
    }

    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error> {
        let found = self.person_said(username).await?;
        Ok(found.map(|(record, _)| record))
    }

    async fn person_said(
        &self,
        username: &str,
    ) -> Result<Option<(UserRecord, SourceValues)>, Error> {
        match self.person_entry(username).await? {
            Some(Entry::User { record, source, .. }) => Ok(Some((record, source))),
            Some(Entry::Refused(record)) => Err(Error::new("TEST-004", Kind::Upstream, record.why)),
            _ => Ok(None),
        }
    }

    async fn person_entry(&self, username: &str) -> Result<Option<Entry>, Error> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        if self.told().hangs_after == Some(0) {
            let mut hangs = self.hangs.subscribe();
            let _ = hangs.wait_for(|hangs| !hangs).await;
        }
        let is_theirs = |entry: &Entry| match entry {
            Entry::User { record, .. } => {
                record.attributes.get("username").map(String::as_str) == Some(username)
            }
            Entry::Refused(record) => record.about == username,
            _ => false,
        };
        let mut all = self.told().pages.into_iter().flatten();
        Ok(all.find(is_theirs))
    }

    async fn authenticate(
        &self,
        _: &ExternalId,
        password: &SecretString,
    ) -> Result<Vouched, Error> {
        match self.told().password {
            Some(right) if right == password.expose_secret() => Ok(Vouched::Yes),
            Some(_) => Ok(Vouched::No),
            None => Err(Error::new(
                "TEST-005",
                Kind::Conflict,
                "It answers for no passwords.",
            )),
        }
    }

    async fn still_in(
        &self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Result<BTreeSet<ExternalId>, Error> {
        let lists = self.told().lists;
        let listed = lists.get(group).into_iter().flatten();
        Ok(listed.filter(|one| who.contains(one)).cloned().collect())
    }

    async fn read_whole(&self, intake: &mut dyn Intake) -> (Completeness, Option<Cursor>) {
        let cursor = self.told().cursor();
        (self.read(intake).await, cursor)
    }

    async fn read_changes(
        &self,
        since: &Cursor,
        intake: &mut dyn Intake,
    ) -> (Completeness, Option<Cursor>) {
        let partial = Completeness::Complete.doubting(Doubt::Partial);
        let told = self.told();
        let Some(changed) = told.changed(since) else {
            return (partial, None);
        };
        if let Completeness::Incomplete(doubts) = told.completeness {
            // It was cut: what is said is true, and not all.
            let some = changed.into_iter().take(1).collect();
            let _ = intake.page(some).await;
            let doubting = doubts.into_iter().fold(partial, Completeness::doubting);
            return (doubting, Some(since.clone()));
        }
        if !changed.is_empty()
            && let Err(error) = intake.page(changed).await
        {
            let cut = Doubt::CutOff(error.public.into_owned());
            return (partial.doubting(cut), Some(since.clone()));
        }
        (partial, told.cursor())
    }

    async fn read_ids(&self, census: &mut dyn Census) -> Completeness {
        self.censuses.fetch_add(1, Ordering::Relaxed);
        let told = self.told();
        let mut whole = OfWhole::new(census);
        for page in told.pages {
            let _ = whole.page(page).await;
        }
        let completeness = match told.doubt {
            Some(doubt) => told.completeness.doubting(doubt),
            None => told.completeness,
        };
        whole.judged(completeness)
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        self.readings.fetch_add(1, Ordering::Relaxed);
        let told = self.told();
        for (number, page) in told.pages.into_iter().enumerate() {
            if told.hangs_after == Some(number) {
                let mut hangs = self.hangs.subscribe();
                let _ = hangs.wait_for(|hangs| !hangs).await;
            }
            if let Err(error) = intake.page(page).await {
                return told
                    .completeness
                    .doubting(Doubt::CutOff(error.public.into_owned()));
            }
        }
        told.completeness
    }
}

impl DirectoryKind for FakeDirectory {
    fn key(&self) -> &'static str {
        Self::KIND
    }

    fn name(&self) -> &'static str {
        "A directory for tests"
    }

    fn presets(&self) -> Vec<Preset> {
        Vec::new()
    }

    fn schema(&self) -> SettingsSchema {
        SettingsSchema {
            sections: Vec::new(),
        }
    }

    fn open(
        &self,
        settings: &Values,
        _: Option<&SecretString>,
    ) -> Result<Box<dyn Directory>, Error> {
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(first) = first {
            first();
        }
        match settings.get("broken") {
            Some(why) => Err(Error::new("TEST-003", Kind::Invalid, why.clone())),
            None => Ok(Box::new(match settings.get("voice") {
                Some(voice) => self.voice(voice),
                None => self.clone(),
            })),
        }
    }
}
