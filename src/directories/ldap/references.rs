//! Who members are, when only changes are read: a group that changed lists people who did not, by names that are not among
//! what was read. Those names are looked up, a batch a question; who is not found is outside of what is read at all.

use std::collections::BTreeMap;

use ldap3::Scope;
use muster_domain::Error;
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Doubt, Entry, Reference};

use super::connect::{self, Connection};
use super::entry::Raw;
use super::schema::Mark;
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::{dn, filter, people};

/// Names a question.
const BATCH: usize = 100;
/// Answers that are remembered.
const REMEMBERED: usize = 100_000;

/// Looks names up, within one reading.
pub(super) struct References<'a> {
    settings: &'a LdapSettings,
    /// One of its own: OpenLDAP keeps one search in pages a connection, and this asks between the pages of another.
    connection: Option<Connection>,
    known: BTreeMap<String, Option<ExternalId>>,
    questions: u32,
}

/// Why a name was not looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unfound {
    /// There were too many before.
    TooMany,
    /// The server did not answer.
    Failed(Doubt),
}

impl<'a> References<'a> {
    pub(super) const fn new(settings: &'a LdapSettings) -> Self {
        Self {
            settings,
            connection: None,
            known: BTreeMap::new(),
            questions: 0,
        }
    }

    /// Remembers what an entry that was read says of itself.
    pub(super) fn learn(&mut self, entry: &Entry) {
        let (locators, id) = match entry {
            Entry::User {
                record, locators, ..
            } => (locators, Some(&record.external_id)),
            Entry::Group {
                external_id,
                locators,
                ..
            }
            | Entry::Filtered {
                external_id,
                locators,
                ..
            } => (locators, Some(external_id)),
            Entry::Refused(record) => (&record.locators, record.external_id.as_ref()),
            Entry::Members { .. } | Entry::MembersUnread { .. } => return,
        };
        if let Some(id) = id {
            for locator in locators {
                self.remember(locator.clone(), Some(id.clone()));
            }
        }
    }

    fn remember(&mut self, locator: String, id: Option<ExternalId>) {
        if self.known.len() < REMEMBERED {
            self.known.insert(locator, id);
        }
    }

    /// The same entries, with ids in place of names. A group that is nobody's here is left out.
    pub(super) async fn resolved(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Unfound> {
        let mut resolved = Vec::with_capacity(entries.len());
        for entry in entries {
            match entry {
                Entry::Members { group, members } => {
                    let group = self.ids(vec![group]).await?;
                    if let Some(group) = group.into_iter().next() {
                        let pointed = members.len();
                        let members = self.ids(members).await?;
                        let is_all = members.len() == pointed;
                        resolved.push(Entry::Members {
                            group: group.clone(),
                            members,
                        });
                        if !is_all {
                            resolved.push(unread(group, "Some of its members are not found."));
                        }
                    }
                }
                Entry::Group { .. } if self.settings.schema.mark == Mark::Usn => {
                    let group = match &entry {
                        Entry::Group { external_id, .. } => Reference::Id(external_id.clone()),
                        _ => continue,
                    };
                    resolved.push(entry);
                    // People name their primary group, which does not list them.
                    resolved.push(unread(group, "Whose primary group it is is not listed."));
                }
                other => resolved.push(other),
            }
        }
        Ok(resolved)
    }

    async fn ids(&mut self, references: Vec<Reference>) -> Result<Vec<Reference>, Unfound> {
        let mut ids = Vec::with_capacity(references.len());
        for batch in references.chunks(BATCH) {
            let unknown: Vec<&str> = batch
                .iter()
                .filter_map(|reference| match reference {
                    Reference::Locator(name) if !self.known.contains_key(name) => Some(name),
                    _ => None,
                })
                .map(String::as_str)
                .collect();
            let found = self.found(&unknown).await?;
            for reference in batch {
                let id = match reference {
                    Reference::Id(id) => Some(id.clone()),
                    Reference::Locator(name) => match found.get(name) {
                        Some(id) => Some(id.clone()),
                        None => self.known.get(name).cloned().flatten(),
                    },
                };
                ids.extend(id.map(Reference::Id));
            }
            for name in unknown {
                self.remember(name.to_owned(), found.get(name).cloned());
            }
        }
        Ok(ids)
    }

    /// Asks for these names among people and among groups.
    async fn found(&mut self, names: &[&str]) -> Result<BTreeMap<String, ExternalId>, Unfound> {
        let mut found = BTreeMap::new();
        let settings = self.settings;
        let wanted = wanted(names, settings);
        if wanted.is_empty() {
            return Ok(found);
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect::open(settings).await.map_err(unreached)?,
        };
        for (base, kind) in [
            (&settings.users_base, &settings.schema.users),
            (&settings.groups_base, &settings.schema.groups),
        ] {
            self.questions += 1;
            if self.questions > settings.limits.lookups {
                return Err(Unfound::TooMany);
            }
            let attributes = [&settings.schema.id, settings.schema.username(), "objectSid"];
            let question = Question {
                base: base.clone(),
                scope: Scope::Subtree,
                filter: format!("(&{kind}(|{wanted}))"),
                attributes: attributes.map(str::to_owned).to_vec(),
                page: settings.limits.page,
            };
            let mut search = Search::new(&mut connection, settings, question);
            loop {
                let page = search.page().await;
                for raw in page.entries.iter().flatten() {
                    if let Ok(id) = raw.id(&settings.schema.id) {
                        let names = named(raw, settings).into_iter();
                        found.extend(names.map(|name| (name, ExternalId(id.clone()))));
                    }
                }
                match page.then {
                    Then::More => {}
                    Then::Done => break,
                    Then::Failed(doubt) => return Err(Unfound::Failed(doubt)),
                }
            }
        }
        self.connection = Some(connection);
        Ok(found)
    }
}

fn unread(group: Reference, why: &str) -> Entry {
    Entry::MembersUnread {
        group,
        why: why.to_owned(),
    }
}

fn unreached(error: Error) -> Unfound {
    Unfound::Failed(Doubt::CutOff(error.public.into_owned()))
}

/// Whom these names name, as alternatives of a filter.
fn wanted(names: &[&str], settings: &LdapSettings) -> String {
    let place = match settings.schema.mark {
        Mark::Usn => "distinguishedName",
        Mark::Csn | Mark::Time => "entryDN",
    };
    let mut wanted = String::new();
    for name in names {
        let (attribute, value) = match name.split_once(':') {
            Some(("dn", value)) => (place, value),
            Some(("uid", value)) => (settings.schema.username(), value),
            Some(("sid", value)) => ("objectSid", value),
            _ => continue,
        };
        wanted.push_str(&format!("({attribute}={})", filter::escaped(value)));
    }
    wanted
}

/// What others call this entry.
pub(super) fn named(raw: &Raw, settings: &LdapSettings) -> Vec<String> {
    let mut names: Vec<String> = dn::normalised(&raw.dn)
        .iter()
        .map(|dn| people::by_dn(dn))
        .collect();
    names.extend(raw.sid().map(|sid| people::by_sid(&sid)));
    if !settings.schema.member_names.is_empty() {
        let username = raw.text(settings.schema.username(), settings.limits.value);
        names.extend(username.ok().flatten().map(people::by_username));
    }
    names
}
