//! The newest plan and runs of a directory that say something of everybody, however many runs about single people or of
//! what changed came after them.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::guard::Hold;
use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::run::Run;
use muster_domain::snapshot::Doubt;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::runs::{COLUMNS, Row, to_run};
use crate::{Reader, plans, sql};

/// That a run read a part of its source alone. Nothing of what progress holds was written by people.
const IS_PART: &str = "(person IS NOT NULL OR progress LIKE '%\"reading\":\"%' AND progress NOT LIKE '%\"reading\":\"whole\"%')";

#[derive(FromQueryResult)]
struct Id {
    id: Uuid,
}

/// The newest plan that was made of everything a source has, whatever became of it; none: it was never read as a whole.
///
/// # Errors
/// Why the database cannot answer.
pub async fn whole(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Option<StoredPlan>, Error> {
    // The runs of the directory are looked through once.
    // Within a text a quotation mark is escaped: so it is the cause of a hold and nothing that a source said.
    let sql = format!(
        "SELECT id FROM plans WHERE directory_id = $1 AND purpose IN ('sync', 'drift') AND state <> 'making' \
         AND held_causes NOT LIKE '%\"cause\":\"incomplete\"%' \
         AND id NOT IN (SELECT plan_id FROM runs WHERE directory_id = $1 AND plan_id IS NOT NULL AND {IS_PART}) \
         ORDER BY created_at DESC, id DESC LIMIT 1"
    );
    let row: Option<Id> = sql::one(reader, sql::ask(reader, &sql, [directory.0.into()])).await?;
    match row {
        Some(row) => plans::get(reader, PlanId(row.id)).await,
        None => Ok(None),
    }
}

/// When a directory in shadow was last read as a whole to be compared; none: it was not. That nobody can tell who some of
/// those are who were read is told beside: they were read.
///
/// # Errors
/// Why the database cannot answer.
pub async fn compared_at(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>, Error> {
    for plan in plans::upkeep::of_purpose(reader, directory, Purpose::Shadow).await? {
        let lacks = |hold: &Hold| matches!(hold, Hold::Incomplete { doubt } if !matches!(doubt, Doubt::Unmatched(_)));
        if plan.state != PlanState::Making && !plan.holds.iter().any(lacks) {
            return Ok(Some(plan.created_at));
        }
    }
    Ok(None)
}

/// The newest run that is about everybody and changes something or shows what would change.
///
/// # Errors
/// Why the database cannot answer.
pub async fn run(reader: &impl Reader, directory: DirectoryId) -> Result<Option<Run>, Error> {
    let which = "person IS NULL AND wish <> 'what_if' ORDER BY created_at DESC, id DESC";
    one(reader, directory, which).await
}

/// The newest run that read its source and came to its end: one that read everything, where there is one.
///
/// # Errors
/// Why the database cannot answer.
pub async fn reading(reader: &impl Reader, directory: DirectoryId) -> Result<Option<Run>, Error> {
    let which = format!(
        "state = 'done' AND wish IN ('plan', 'sync') AND progress NOT LIKE '%\"calls\":0,%' \
         ORDER BY CASE WHEN {IS_PART} THEN 1 ELSE 0 END, created_at DESC, id DESC"
    );
    one(reader, directory, &which).await
}

async fn one(
    reader: &impl Reader,
    directory: DirectoryId,
    which: &str,
) -> Result<Option<Run>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE directory_id = $1 AND {which} LIMIT 1");
    let row: Option<Row> = sql::one(reader, sql::ask(reader, &sql, [directory.0.into()])).await?;
    row.map(to_run).transpose()
}
