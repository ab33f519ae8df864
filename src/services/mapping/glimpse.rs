//! A mapping tried on real people: those who were chosen and the first that the source shows, kept in memory for some
//! minutes so that it can be tried while somebody types. Nothing of it is written anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::directory::Directory as Source;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Effect, Mapped, Mapping, Tested};
use muster_domain::plan::person::usable;
use muster_domain::record::{SourceValues, UserRecord};
use muster_domain::role::Permission;
use muster_domain::snapshot::{Completeness, Entry, Intake};
use muster_domain::{Error, Kind};
use muster_storage::mappings;

use super::{find, misread};
use crate::{Call, Services, directories};

/// People that are shown besides those who were chosen.
const SHOWN: usize = 20;
/// Most people that can be chosen.
pub const CHOSEN: usize = 5;
/// Most chosen people who are kept for a directory.
const NAMED: usize = 20;
/// How long they are kept.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// Directories whose people are kept at the same time.
const DIRECTORIES: usize = 8;
/// Attributes that mappings often look at, asked for besides those that this one looks at.
const OFTEN: [&str; 22] = [
    "c",
    "cn",
    "company",
    "department",
    "departmentnumber",
    "description",
    "displayname",
    "employeenumber",
    "employeetype",
    "givenname",
    "l",
    "mail",
    "manager",
    "memberof",
    "mobile",
    "o",
    "ou",
    "samaccountname",
    "sn",
    "telephonenumber",
    "title",
    "uid",
];

/// What sources showed lately, by directory.
#[derive(Debug, Default)]
pub(crate) struct Glimpses(Mutex<BTreeMap<DirectoryId, Kept>>);

/// Somebody as the source says, before any mapping.
type Person = (UserRecord, SourceValues);

#[derive(Clone, Debug)]
struct Kept {
    at: DateTime<Utc>,
    /// When the directory was last changed: other settings show other people.
    of: DateTime<Utc>,
    asked: BTreeSet<String>,
    people: Arc<Vec<Person>>,
    refused: Arc<Vec<Refused>>,
    /// Who was chosen by a username; none: there is nobody of it.
    named: BTreeMap<String, Option<Person>>,
}

impl Glimpses {
    fn get(
        &self,
        id: DirectoryId,
        of: DateTime<Utc>,
        asked: &BTreeSet<String>,
        now: DateTime<Utc>,
    ) -> Option<Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, one| now - one.at < LASTS);
        let known = kept.get(&id)?;
        (known.of == of && asked.is_subset(&known.asked)).then(|| known.clone())
    }

    fn keep(&self, id: DirectoryId, fresh: Kept) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= DIRECTORIES && !kept.contains_key(&id) {
            let oldest = kept.iter().min_by_key(|(_, one)| one.at).map(|(id, _)| *id);
            oldest.and_then(|id| kept.remove(&id));
        }
        kept.insert(id, fresh);
    }
}

/// A mapping tried on real people.
#[derive(Clone, PartialEq, Debug)]
pub struct Glimpse {
    /// What became of each.
    pub people: Vec<Seen>,
    /// What the tests of the mapping showed, in their order.
    pub tests: Vec<Tested>,
    /// Who was chosen and cannot be shown.
    pub missed: Vec<Missed>,
    /// The first whom the source itself cannot tell of, whatever the mapping says.
    pub refused: Vec<Refused>,
}

/// A record that cannot be used before any mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// What it is about, for people.
    pub about: String,
    /// Why, in a sentence.
    pub why: String,
}

/// Somebody who was chosen and cannot be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missed {
    /// The username that was typed.
    pub username: String,
    /// Why, in a sentence.
    pub why: String,
}

/// One of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Whom it is about, for people.
    pub about: String,
    /// What the source said.
    pub source: SourceValues,
    /// The record by the source's own mapping.
    pub default: UserRecord,
    /// What each rule did, as far as it came to that.
    pub effects: Vec<Effect>,
    /// What becomes of it.
    pub made: Mapped,
    /// Why a sync would refuse what was made, in a sentence.
    pub unusable: Option<String>,
}

/// Tries a mapping on people whose usernames were chosen and on the first that the source shows, as if it were saved. The
/// chosen stand first; of more than [`CHOSEN`] the others are left out. Changes nothing.
///
/// # Errors
/// Without permission, for an unknown directory, `MAP-001` with messages beside the parts that are wrong, `MAP-007` when
/// the source shows nobody, with its reason, `MAP-009` when the session asks too often.
pub async fn preview(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    mapping: &Mapping,
    chosen: &[String],
) -> Result<Glimpse, Error> {
    call.may(Permission::ManageDirectories)?;
    services.pace().take(call)?;
    let compiled = mapping.check().map_err(|wrong| misread(&wrong))?;
    let tests = mapping
        .tests
        .iter()
        .map(|test| test.run(&compiled))
        .collect();
    let (people, missed, refused) = shown(services, call, id, compiled.asked(), chosen).await?;
    let ids: Vec<_> = people
        .iter()
        .map(|(record, _)| &record.external_id)
        .collect();
    let known = mappings::known(services.db(), id, &ids).await?;
    let mut seen = Vec::with_capacity(people.len());
    for (default, source) in &people {
        tokio::task::yield_now().await;
        let mut effects = Vec::new();
        let made = compiled.apply_to(
            &default.external_id,
            source,
            default.clone(),
            known.get(&default.external_id),
            &mut |_, effect| effects.push(effect.clone()),
        );
        seen.push(Seen {
            about: about(default),
            source: source.clone(),
            default: default.clone(),
            effects,
            unusable: match &made {
                Mapped::Record(record) => usable(record).err(),
                Mapped::FilteredOut(_) | Mapped::Refused(_) => None,
            },
            made,
        });
    }
    Ok(Glimpse {
        people: seen,
        tests,
        missed,
        refused: refused.as_ref().clone(),
    })
}

fn about(record: &UserRecord) -> String {
    record
        .attributes
        .get("username")
        .unwrap_or(&record.external_id.0)
        .clone()
}

/// The chosen and then the first, nobody twice; and who was chosen and cannot be shown.
async fn shown(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    asked: BTreeSet<String>,
    chosen: &[String],
) -> Result<(Vec<Person>, Vec<Missed>, Arc<Vec<Refused>>), Error> {
    let directory = find(services, services.db(), id).await?;
    let glimpses = services.glimpses();
    let of = directory.updated_at;
    let known = glimpses.get(id, of, &asked, call.at);
    let chosen: Vec<&String> = chosen.iter().take(CHOSEN).collect();
    let is_known = |kept: &Kept| chosen.iter().all(|name| kept.named.contains_key(*name));
    let mut missed = Vec::new();
    let kept = match known {
        Some(kept) if is_known(&kept) => kept,
        known => {
            let mut asked = known.as_ref().map_or(asked, |kept| kept.asked.clone());
            asked.extend(OFTEN.map(str::to_owned));
            let source =
                directories::open_asking(services, services.db(), &directory, &asked).await?;
            let mut kept = match known {
                Some(kept) => kept,
                None => {
                    let (people, refused) = first(source.as_ref()).await?;
                    Kept {
                        at: call.at,
                        of,
                        asked,
                        people: Arc::new(people),
                        refused: Arc::new(refused),
                        named: BTreeMap::new(),
                    }
                }
            };
            for name in &chosen {
                if kept.named.contains_key(*name) {
                    continue;
                }
                match source.person_said(name).await {
                    Ok(found) => {
                        if kept.named.len() >= NAMED {
                            kept.named.clear();
                        }
                        let found = found.map(|(record, source)| (record, without_secrets(source)));
                        kept.named.insert((*name).clone(), found);
                    }
                    Err(error) => missed.push(Missed {
                        username: (*name).clone(),
                        why: error.public.into_owned(),
                    }),
                }
            }
            glimpses.keep(id, kept.clone());
            kept
        }
    };
    let mut people: Vec<Person> = Vec::new();
    for name in chosen {
        match kept.named.get(name) {
            Some(Some(person)) => people.push(person.clone()),
            Some(None) => missed.push(Missed {
                username: name.clone(),
                why: format!("There is nobody with the username {name}."),
            }),
            None => {}
        }
    }
    let taken: BTreeSet<_> = people
        .iter()
        .map(|(record, _)| record.external_id.clone())
        .collect();
    let others = kept.people.iter();
    people.extend(
        others
            .filter(|(record, _)| !taken.contains(&record.external_id))
            .cloned(),
    );
    Ok((people, missed, kept.refused))
}

/// The first people that a source shows, and who among them cannot be used.
async fn first(source: &dyn Source) -> Result<(Vec<Person>, Vec<Refused>), Error> {
    let mut first = First::default();
    let completeness = source.read(&mut first).await;
    match first.people.is_empty() {
        true => Err(nobody(first.refused.first(), &completeness)),
        false => Ok((first.people, first.refused)),
    }
}

fn nobody(refused: Option<&Refused>, completeness: &Completeness) -> Error {
    let doubts: Vec<String> = match completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(doubts) => doubts
            .iter()
            .map(muster_domain::snapshot::Doubt::words)
            .collect(),
    };
    let why = match (doubts.as_slice(), refused) {
        ([], Some(first)) => format!("Of the first record: {}", first.why),
        ([], None) => "It holds nobody.".to_owned(),
        (doubts, _) => doubts.join(" "),
    };
    Error::new(
        "MAP-007",
        Kind::Upstream,
        "The source shows nobody to try the mapping on.",
    )
    .next(why)
}

/// Takes the first people and no more.
#[derive(Default)]
struct First {
    people: Vec<Person>,
    refused: Vec<Refused>,
}

#[async_trait]
impl Intake for First {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        for entry in entries {
            match entry {
                Entry::User { record, source, .. } if self.people.len() < SHOWN => {
                    self.people.push((record, without_secrets(source)));
                }
                Entry::Refused(record) if self.refused.len() < SHOWN => {
                    self.refused.push(Refused {
                        about: record.about,
                        why: record.why,
                    });
                }
                _ => {}
            }
        }
        if self.people.len() < SHOWN {
            return Ok(());
        }
        // The reading ends here; nobody sees this.
        Err(Error::new("MAP-008", Kind::Conflict, "These are enough."))
    }
}

fn without_secrets(mut source: SourceValues) -> SourceValues {
    source.retain(|name, _| !is_secret(name));
    source
}

/// Whether an attribute sounds like a secret. Sources leave theirs out before; this is for those that do not.
fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["password", "pwd", "secret", "hash", "token", "private"]
        .iter()
        .any(|part| name.contains(part))
        && name != "pwdaccountlockedtime"
}
