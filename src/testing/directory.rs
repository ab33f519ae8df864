//! A directory that says what it is told to say, page by page.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use muster_domain::directory::{Directory, DirectoryKind, Finding, Preset, Probe};
use muster_domain::record::UserRecord;
use muster_domain::settings::{SettingsSchema, Values};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake};
use muster_domain::{Error, Kind};
use tokio::sync::watch;

/// What it says.
#[derive(Clone)]
struct Told {
    pages: Vec<Vec<Entry>>,
    completeness: Completeness,
    hangs_after: Option<usize>,
}

/// The source behind directories of the kind [`FakeDirectory::KIND`]. Cloning shares what it says.
#[derive(Clone)]
pub struct FakeDirectory {
    told: Arc<Mutex<Told>>,
    readings: Arc<AtomicU64>,
    hangs: watch::Sender<bool>,
    first: Arc<Mutex<Option<Meanwhile>>>,
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
            })),
            readings: Arc::default(),
            hangs: watch::Sender::new(false),
            first: Arc::default(),
        }
    }
}

impl FakeDirectory {
    /// The word of its kind.
    pub const KIND: &'static str = "told";

    /// From now on it says this, and that it is everything.
    pub fn says(&self, pages: Vec<Vec<Entry>>) {
        self.set(|told| {
            told.pages = pages;
            told.completeness = Completeness::Complete;
            told.hangs_after = None;
        });
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
        let found = self.told().pages.into_iter().flatten().find_map(|entry| {
            let Entry::User { record, .. } = entry else {
                return None;
            };
            (record.attributes.get("username").map(String::as_str) == Some(username))
                .then_some(record)
        });
        Ok(found)
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
        _: Option<&secrecy::SecretString>,
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
            None => Ok(Box::new(self.clone())),
        }
    }
}
