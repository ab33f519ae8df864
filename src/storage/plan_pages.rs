//! Plans and runs as pages list them, one page at a time. The rows of a plan are in [`crate::plan_rows`].

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::listing::{Count, Page};
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::run::Run;

use crate::Reader;
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::plans::{self, PlanRow};
use crate::row::{count, word};
use crate::runs;
use crate::sql::{self, Where};

/// Which plans.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlanFilter {
    /// Of this directory alone.
    pub directory: Option<DirectoryId>,
    /// In this state alone.
    pub state: Option<PlanState>,
    /// Made for this alone.
    pub purpose: Option<Purpose>,
}

const NEWEST: Order = Order {
    column: "created_at",
    tie: Tie::Id("id"),
    numeric: true,
};

/// One page of plans; pass `Direction::Desc` for the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn plans(
    reader: &impl Reader,
    filter: PlanFilter,
    paging: &Paging<()>,
) -> Result<Page<StoredPlan>, Error> {
    let conditions = |reader| -> Result<Where, Error> {
        let mut wanted = Where::on(reader);
        if let Some(directory) = filter.directory {
            let directory = wanted.bind(directory.0);
            wanted.and(format!("directory_id = {directory}"));
        }
        if let Some(state) = filter.state {
            let state = wanted.bind(word(state)?);
            wanted.and(format!("state = {state}"));
        }
        if let Some(purpose) = filter.purpose {
            let purpose = wanted.bind(word(purpose)?);
            wanted.and(format!("purpose = {purpose}"));
        }
        Ok(wanted)
    };
    let total = total(reader, "plans", &conditions(reader)?).await?;
    let mut wanted = conditions(reader)?;
    let tail = paging.apply(NEWEST, &mut wanted);
    let sql = format!(
        "SELECT {} FROM plans{}{tail}",
        plans::COLUMNS,
        wanted.clause()
    );
    let rows: Vec<PlanRow> = sql::all(reader, wanted.statement(sql)).await?;
    let page = paging.page(rows, total, |row| by_number(row.created_at, row.id));
    mapped(page, plans::to_plan)
}

/// One page of runs; pass `Direction::Desc` for the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn runs(
    reader: &impl Reader,
    directory: Option<DirectoryId>,
    paging: &Paging<()>,
) -> Result<Page<Run>, Error> {
    let conditions = |reader| {
        let mut wanted = Where::on(reader);
        if let Some(directory) = directory {
            let directory = wanted.bind(directory.0);
            wanted.and(format!("directory_id = {directory}"));
        }
        wanted
    };
    let total = total(reader, "runs", &conditions(reader)).await?;
    let mut wanted = conditions(reader);
    let tail = paging.apply(NEWEST, &mut wanted);
    let sql = format!(
        "SELECT {} FROM runs{}{tail}",
        runs::COLUMNS,
        wanted.clause()
    );
    let rows: Vec<runs::Row> = sql::all(reader, wanted.statement(sql)).await?;
    let page = paging.page(rows, total, |row| by_number(row.created_at, row.id));
    mapped(page, runs::to_run)
}

async fn total(reader: &impl Reader, table: &str, wanted: &Where) -> Result<Count, Error> {
    let sql = format!("SELECT COUNT(*) FROM {table}{}", wanted.clause());
    let found = sql::number(reader, wanted.statement(sql)).await?;
    Ok(Count::Exact(count(found)))
}

pub(crate) fn mapped<A, B>(
    page: Page<A>,
    to: impl Fn(A) -> Result<B, Error>,
) -> Result<Page<B>, Error> {
    Ok(Page {
        rows: page.rows.into_iter().map(to).collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

/// The newest plan of a directory that is made, of this purpose.
///
/// # Errors
/// Why the database cannot answer.
pub async fn newest(
    reader: &impl Reader,
    directory: DirectoryId,
    purpose: Purpose,
) -> Result<Option<StoredPlan>, Error> {
    let sql = format!(
        "SELECT {} FROM plans WHERE directory_id = $1 AND purpose = $2 AND state <> $3 \
         ORDER BY created_at DESC, id DESC LIMIT 1",
        plans::COLUMNS
    );
    let values = [
        directory.0.into(),
        word(purpose)?.into(),
        word(PlanState::Making)?.into(),
    ];
    let row: Option<PlanRow> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    row.map(plans::to_plan).transpose()
}
