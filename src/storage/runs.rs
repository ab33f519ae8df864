//! Runs, and what became of single steps. At most one run of a directory is at work at a time, on any number of nodes:
//! whoever works holds its lease and renews it with everything that is written.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::run::{Progress, Run, RunState, Wish};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{from_json, from_word, instant, json, millis, word};
use crate::sql::{self, Where};
use crate::{Reader, Tx};

/// Keeps a run that is asked for.
///
/// # Errors
/// `DB-021` when there is no such directory or plan.
pub async fn insert(tx: &Tx, run: &Run) -> Result<(), Error> {
    let sql = "INSERT INTO runs (id, directory_id, plan_id, started_by, state, progress, problem, cancel_asked, created_at, \
               started_at, heartbeat_at, ended_at, wish, person) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let values = [
        run.id.0.into(),
        run.directory.0.into(),
        run.plan.map(|plan| plan.0).into(),
        run.started_by.as_str().into(),
        word(run.state)?.into(),
        json(&run.progress)?.into(),
        run.problem.clone().into(),
        run.cancel_asked.into(),
        millis(run.created_at).into(),
        run.started_at.map(millis).into(),
        run.heartbeat_at.map(millis).into(),
        run.ended_at.map(millis).into(),
        word(run.wish)?.into(),
        run.person.clone().into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Writes where a run stands and how far it is. Whether somebody asked it to stop is not written: see [`ask_to_stop`].
///
/// # Errors
/// `WEB-404` when there is no such run.
pub async fn update(tx: &Tx, run: &Run) -> Result<(), Error> {
    let sql = "UPDATE runs SET plan_id = $2, state = $3, progress = $4, problem = $5, started_at = $6, heartbeat_at = $7, \
               ended_at = $8 WHERE id = $1";
    let values = [
        run.id.0.into(),
        run.plan.map(|plan| plan.0).into(),
        word(run.state)?.into(),
        json(&run.progress)?.into(),
        run.problem.clone().into(),
        run.started_at.map(millis).into(),
        run.heartbeat_at.map(millis).into(),
        run.ended_at.map(millis).into(),
    ];
    if sql::change(tx, sql::ask(tx, sql, values)).await? == 0 {
        return Err(Error::not_found("run"));
    }
    Ok(())
}

/// Asks a run to stop. False: it is over already.
///
/// # Errors
/// Why the database refused.
pub async fn ask_to_stop(tx: &Tx, id: RunId) -> Result<bool, Error> {
    let sql = "UPDATE runs SET cancel_asked = $2 WHERE id = $1 AND ended_at IS NULL";
    Ok(sql::change(tx, sql::ask(tx, sql, [id.0.into(), true.into()])).await? > 0)
}

#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    directory_id: Uuid,
    plan_id: Option<Uuid>,
    started_by: String,
    state: String,
    progress: String,
    problem: Option<String>,
    cancel_asked: bool,
    pub(crate) created_at: i64,
    started_at: Option<i64>,
    heartbeat_at: Option<i64>,
    ended_at: Option<i64>,
    wish: String,
    person: Option<String>,
}

pub(crate) const COLUMNS: &str = "id, directory_id, plan_id, started_by, state, progress, problem, cancel_asked, created_at, started_at, \
                       heartbeat_at, ended_at, wish, person";

/// One run.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: RunId) -> Result<Option<Run>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = $1");
    let row: Option<Row> = sql::one(reader, sql::ask(reader, &sql, [id.0.into()])).await?;
    row.map(to_run).transpose()
}

/// Runs, the newest first: of one directory or of all, older than `before`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    directory: Option<DirectoryId>,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<Run>, Error> {
    let mut wanted = Where::on(reader);
    if let Some(directory) = directory {
        let directory = wanted.bind(directory.0);
        wanted.and(format!("directory_id = {directory}"));
    }
    if let Some(before) = before {
        let before = wanted.bind(millis(before));
        wanted.and(format!("created_at < {before}"));
    }
    let limit = wanted.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let sql = format!(
        "SELECT {COLUMNS} FROM runs{} ORDER BY created_at DESC, id DESC LIMIT {limit}",
        wanted.clause()
    );
    let rows: Vec<Row> = sql::all(reader, wanted.statement(sql)).await?;
    rows.into_iter().map(to_run).collect()
}

/// The runs of a plan, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_plan(reader: &impl Reader, plan: PlanId) -> Result<Vec<Run>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM runs WHERE plan_id = $1 ORDER BY created_at DESC, id DESC");
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, &sql, [plan.0.into()])).await?;
    rows.into_iter().map(to_run).collect()
}

/// Runs that are not over, the oldest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn open(reader: &impl Reader) -> Result<Vec<Run>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM runs WHERE ended_at IS NULL ORDER BY created_at, id");
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, &sql, [])).await?;
    rows.into_iter().map(to_run).collect()
}

pub(crate) fn to_run(row: Row) -> Result<Run, Error> {
    Ok(Run {
        id: RunId(row.id),
        directory: DirectoryId(row.directory_id),
        wish: from_word::<Wish>("runs", &row.wish)?,
        person: row.person,
        plan: row.plan_id.map(PlanId),
        started_by: row.started_by,
        state: from_word::<RunState>("runs", &row.state)?,
        progress: from_json::<Progress>("runs", &row.progress)?,
        problem: row.problem,
        cancel_asked: row.cancel_asked,
        created_at: instant(row.created_at),
        started_at: row.started_at.map(instant),
        heartbeat_at: row.heartbeat_at.map(instant),
        ended_at: row.ended_at.map(instant),
    })
}

/// The run of a directory that is not over, if there is one.
///
/// # Errors
/// Why the database cannot answer.
pub async fn open_of(reader: &impl Reader, directory: DirectoryId) -> Result<Option<Run>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM runs WHERE directory_id = $1 AND ended_at IS NULL ORDER BY created_at, id LIMIT 1"
    );
    let row: Option<Row> = sql::one(reader, sql::ask(reader, &sql, [directory.0.into()])).await?;
    row.map(to_run).transpose()
}

/// Whether somebody asked a run to stop.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_asked_to_stop(reader: &impl Reader, id: RunId) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM runs WHERE id = $1 AND cancel_asked = $2";
    let values = [id.0.into(), true.into()];
    Ok(sql::number(reader, sql::ask(reader, sql, values)).await? > 0)
}

/// Writes when a run last showed life.
///
/// # Errors
/// Why the database refused.
pub async fn beat(tx: &Tx, id: RunId, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE runs SET heartbeat_at = $2 WHERE id = $1 AND ended_at IS NULL";
    sql::change(tx, sql::ask(tx, sql, [id.0.into(), millis(at).into()])).await?;
    Ok(())
}

/// Forgets runs that ended before `before`, with what became of their steps; at most `limit`. Gives how many.
///
/// # Errors
/// Why the database refused.
pub async fn forget_before(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    let sql = "DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql::change(tx, sql::ask(tx, sql, [millis(before).into(), limit.into()])).await
}

/// What became of a step that is not simply done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exception {
    /// Which step.
    pub position: i64,
    /// The error's code.
    pub code: String,
    /// What happened and what to do, as people read it.
    pub words: String,
}

#[derive(FromQueryResult)]
struct ExceptionRow {
    position: i64,
    outcome: String,
    detail: String,
}

/// Keeps what became of steps that failed. Once for each: a second time changes nothing.
///
/// # Errors
/// Why the database refused.
pub async fn insert_exceptions(
    tx: &Tx,
    run: RunId,
    exceptions: &[Exception],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    for one in exceptions {
        let sql = "INSERT INTO run_outcomes (run_id, position, outcome, detail, undo, at) VALUES ($1, $2, $3, $4, NULL, $5) \
                   ON CONFLICT (run_id, position) DO NOTHING";
        let values = [
            run.0.into(),
            one.position.into(),
            one.code.as_str().into(),
            one.words.as_str().into(),
            millis(at).into(),
        ];
        sql::change(tx, sql::ask(tx, sql, values)).await?;
    }
    Ok(())
}

/// Which of these steps failed: those between two positions, both included.
///
/// # Errors
/// Why the database cannot answer.
pub async fn failed_between(
    reader: &impl Reader,
    run: RunId,
    from: i64,
    to: i64,
) -> Result<Vec<Exception>, Error> {
    let sql = "SELECT position, outcome, detail FROM run_outcomes WHERE run_id = $1 AND position >= $2 AND position <= $3 \
               ORDER BY position";
    let values = [run.0.into(), from.into(), to.into()];
    let rows: Vec<ExceptionRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows.into_iter().map(to_exception).collect())
}

/// How many steps of a run failed.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_exceptions(reader: &impl Reader, run: RunId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM run_outcomes WHERE run_id = $1";
    let found = sql::number(reader, sql::ask(reader, sql, [run.0.into()])).await?;
    Ok(u64::try_from(found).unwrap_or_default())
}

fn to_exception(row: ExceptionRow) -> Exception {
    Exception {
        position: row.position,
        code: row.outcome,
        words: row.detail,
    }
}

/// Steps of a run that failed, in their order behind a position, at most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn exceptions(
    reader: &impl Reader,
    run: RunId,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<Exception>, Error> {
    let sql = "SELECT position, outcome, detail FROM run_outcomes WHERE run_id = $1 AND position > $2 \
               ORDER BY position LIMIT $3";
    let values = [
        run.0.into(),
        after.unwrap_or(-1).into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let rows: Vec<ExceptionRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows.into_iter().map(to_exception).collect())
}
