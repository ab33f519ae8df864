//! How a directory's records become accounts here: one mapping a directory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::mapping::Mapping;
use muster_domain::record::{Attributes, ExternalId};
use sea_orm::FromQueryResult;

use crate::row::{from_json, json, millis};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// A mapping as it is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// The mapping.
    pub mapping: Mapping,
    /// How often it was saved; 0: never, and it does nothing.
    pub revision: u64,
}

#[derive(FromQueryResult)]
struct Row {
    mapping: String,
    revision: i64,
}

/// The mapping of a directory; one that does nothing, where none was saved.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, directory: DirectoryId) -> Result<Kept, Error> {
    let sql = "SELECT mapping, revision FROM directory_mappings WHERE directory_id = $1";
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    let Some(row) = row else {
        return Ok(Kept::default());
    };
    Ok(Kept {
        mapping: from_json("directory_mappings", &row.mapping)?,
        revision: u64::try_from(row.revision).unwrap_or_default(),
    })
}

/// Saves a mapping in the place of the one with this revision. Says whether it was still there: of two who save at once,
/// one is told no.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn put(
    tx: &Tx,
    directory: DirectoryId,
    mapping: &Mapping,
    from: u64,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let mapping = json(mapping)?;
    let changed = if from == 0 {
        let sql = "INSERT INTO directory_mappings (directory_id, mapping, updated_at, revision) VALUES ($1, $2, $3, 1) \
                   ON CONFLICT (directory_id) DO NOTHING";
        let values = [directory.0.into(), mapping.into(), millis(at).into()];
        sql::change(tx, sql::ask(tx, sql, values)).await?
    } else {
        let sql = "UPDATE directory_mappings SET mapping = $2, updated_at = $3, revision = revision + 1 \
                   WHERE directory_id = $1 AND revision = $4";
        let from = i64::try_from(from).unwrap_or(i64::MAX);
        let values = [
            directory.0.into(),
            mapping.into(),
            millis(at).into(),
            from.into(),
        ];
        sql::change(tx, sql::ask(tx, sql, values)).await?
    };
    Ok(changed == 1)
}

/// Keeps the mapping that a run is to try; `revision` is that of the saved one which it began with. What other runs of the
/// directory tried is forgotten: a test in it may hold somebody's data.
///
/// # Errors
/// `DB-021` when there is no such run.
pub async fn put_tried(
    tx: &Tx,
    directory: DirectoryId,
    run: RunId,
    tried: &Kept,
) -> Result<(), Error> {
    let others =
        "DELETE FROM tried_mappings WHERE run_id IN (SELECT id FROM runs WHERE directory_id = $1)";
    sql::change(tx, sql::ask(tx, others, [directory.0.into()])).await?;
    let sql = "INSERT INTO tried_mappings (run_id, mapping, revision) VALUES ($1, $2, $3)";
    let values = [
        run.0.into(),
        json(&tried.mapping)?.into(),
        i64::try_from(tried.revision).unwrap_or(i64::MAX).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// The mapping that a run of a directory tries or tried; none: it tries none, or another one was tried since.
///
/// # Errors
/// Why the database cannot answer.
pub async fn tried(
    reader: &impl Reader,
    directory: DirectoryId,
    run: RunId,
) -> Result<Option<Kept>, Error> {
    let sql = "SELECT t.mapping, t.revision FROM tried_mappings t JOIN runs r ON r.id = t.run_id \
               WHERE t.run_id = $1 AND r.directory_id = $2";
    let values = [run.0.into(), directory.0.into()];
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    row.map(|row| {
        Ok(Kept {
            mapping: from_json("tried_mappings", &row.mapping)?,
            revision: u64::try_from(row.revision).unwrap_or_default(),
        })
    })
    .transpose()
}

/// What the accounts of these ids hold here, for rules that leave an account as it is.
///
/// # Errors
/// Why the database cannot answer.
pub async fn known(
    reader: &impl Reader,
    directory: DirectoryId,
    ids: &[&ExternalId],
) -> Result<BTreeMap<ExternalId, Attributes>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        external_id: String,
        attributes: String,
    }
    let mut known = BTreeMap::new();
    for some in ids.chunks(BATCH) {
        let mut wanted = Where::on(reader);
        let of = wanted.bind(directory.0);
        let places: Vec<String> = some.iter().map(|id| wanted.bind(id.0.as_str())).collect();
        let sql = format!(
            "SELECT external_id, attributes FROM accounts WHERE directory_id = {of} AND external_id IN ({})",
            places.join(", ")
        );
        for row in sql::all::<Found>(reader, wanted.statement(sql)).await? {
            let attributes = from_json("accounts", &row.attributes)?;
            known.insert(ExternalId(row.external_id), attributes);
        }
    }
    Ok(known)
}
