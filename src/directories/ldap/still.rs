//! Who is in a group after all: the group is read once more, and whoever is asked about is looked up by id, under the names
//! they bear now. See [`muster_domain::directory::Directory::still_in`].

use std::collections::BTreeSet;

use ldap3::Scope;
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Entry, Reference};
use muster_domain::{Error, Kind};

use super::connect::{self, Connection};
use super::entry::Raw;
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::sign_in::is_id;
use super::{dn, groups, references};

/// Ids a question.
const BATCH: usize = 100;

pub(super) async fn still_in(
    settings: &LdapSettings,
    group: &ExternalId,
    who: &[ExternalId],
) -> Result<BTreeSet<ExternalId>, Error> {
    let mut connection = connect::open(settings).await?;
    let listed = listed(settings, &mut connection, group).await?;
    let mut found = BTreeSet::new();
    for some in who.chunks(BATCH) {
        let ids = some.iter().map(|id| is_id(&settings.schema.id, &id.0));
        let ids: String = ids.collect();
        for (base, kind) in [
            (&settings.users_base, &settings.schema.users),
            (&settings.groups_base, &settings.schema.groups),
        ] {
            let attributes = [&settings.schema.id, settings.schema.username(), "objectSid"];
            let question = Question {
                base: base.clone(),
                scope: Scope::Subtree,
                filter: format!("(&{kind}(|{ids}))"),
                attributes: attributes.map(str::to_owned).to_vec(),
                page: settings.limits.page,
            };
            for raw in all(settings, &mut connection, question).await? {
                let names = references::named(&raw, settings);
                if names.iter().any(|name| listed.contains(name)) {
                    found.extend(raw.id(&settings.schema.id).map(ExternalId));
                }
            }
        }
    }
    Ok(found)
}

/// The names that a group lists now.
async fn listed(
    settings: &LdapSettings,
    connection: &mut Connection,
    group: &ExternalId,
) -> Result<BTreeSet<String>, Error> {
    let id = is_id(&settings.schema.id, &group.0);
    let question = groups::question(settings);
    let question = Question {
        filter: format!("(&{}{id})", question.filter),
        ..question
    };
    let found = all(settings, connection, question).await?;
    let [raw] = found.as_slice() else {
        return Err(unsaid("The group vanished while it was read.".to_owned()));
    };
    let base = dn::normalised(&settings.groups_base).unwrap_or_default();
    let (mut entries, rest) = groups::entries(raw, settings, &base);
    for first in rest {
        let mut next = Some(first);
        for parts in 0.. {
            let Some(one) = next else { break };
            let (more, rest) = groups::more(connection, settings, &one, parts).await;
            entries.extend(more);
            next = rest;
        }
    }
    let mut listed = BTreeSet::new();
    for entry in entries {
        match entry {
            Entry::Members { members, .. } => {
                listed.extend(members.into_iter().filter_map(|member| match member {
                    Reference::Locator(name) => Some(name),
                    Reference::Id(_) => None,
                }));
            }
            Entry::MembersUnread { why, .. } => return Err(unsaid(why)),
            Entry::Refused(record) => return Err(unsaid(record.why)),
            Entry::User { .. } | Entry::Group { .. } | Entry::Filtered { .. } => {}
        }
    }
    Ok(listed)
}

/// Every entry that answers a question.
async fn all(
    settings: &LdapSettings,
    connection: &mut Connection,
    question: Question,
) -> Result<Vec<Raw>, Error> {
    let mut search = Search::new(connection, settings, question);
    let mut found = Vec::new();
    loop {
        let page = search.page().await;
        for entry in page.entries {
            found.push(entry.map_err(unsaid)?);
        }
        match page.then {
            Then::More => {}
            Then::Done => return Ok(found),
            Then::Failed(doubt) => return Err(unsaid(doubt.words())),
        }
    }
}

fn unsaid(why: String) -> Error {
    Error::new("LDAP-006", Kind::Upstream, why)
}
