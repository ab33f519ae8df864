//! From where the next sync of a directory reads on.

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::Mapping;
use muster_domain::reading::{self, Because, Reading, Start, Told};
use muster_domain::run::{Run, Wish};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, mappings, readings};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::planning::Asked;
use super::{Rules, rules};

/// How much is read for a run.
pub(super) async fn asked(
    reader: &impl Reader,
    directory: &Directory,
    rules: &Rules,
    run: &Run,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Asked, Error> {
    let mapping = mappings::get(reader, directory.id).await?.mapping;
    let all = directories::list(reader).await?;
    let order: Vec<DirectoryId> = all.into_iter().map(|known| known.id).collect();
    let terms = terms(directory, &mapping, &order);
    let kept = readings::get(reader, directory.id).await?;
    let start = kept.as_ref().map(|kept| Start {
        at: kept.began_at,
        whole_at: kept.whole_at,
        census_at: kept.census_at,
        is_on_these_terms: kept.terms == terms,
        has_newcomers: kept.newcomers,
    });
    // What a directory in shadow says has no effect here to go on from.
    let in_shadow = rules::in_shadow(&directory.settings);
    // Whom a filter leaves out shows when everything is read alone.
    let census_is_whole = mapping.filter.is_some() || mapping.groups.is_some();
    let told = match (&run.person, run.wish) {
        (Some(_), _) => Told {
            reading: Reading::Person,
            since: None,
            because: None,
        },
        (None, Wish::Sync) if !in_shadow => {
            reading::decide(start.as_ref(), rules.often, census_is_whole, now)
        }
        (None, Wish::Plan | Wish::Sync | Wish::Apply | Wish::WhatIf) => Told::whole(Because::Asked),
    };
    Ok(Asked {
        told,
        terms,
        kept,
        person: run.person.clone(),
    })
}

/// A digest of all that decides what a reading means, this program among it.
fn terms(directory: &Directory, mapping: &Mapping, order: &[DirectoryId]) -> String {
    let all = json!({
        "program": env!("CARGO_PKG_VERSION"),
        // How ids are hashed that the roll holds.
        "hashes": "SipHash-2-4",
        "kind": directory.kind,
        "settings": directory.settings,
        "mapping": mapping.identity(),
        "order": order,
    });
    let digest = Sha256::digest(all.to_string());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
