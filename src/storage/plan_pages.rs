//! Plans, their rows and runs as pages show them: one page at a time, forwards and backwards, at the same cost
//! everywhere in a hundred thousand rows.

use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::listing::{Count, Page};
use muster_domain::plan::stored::Row;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::run::Run;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::Reader;
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::plans::{self, ChangeRow, PlanRow};
use crate::row::{count, word};
use crate::runs;
use crate::sql::{self, Where};
use crate::user_list::escaped;

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

fn mapped<A, B>(page: Page<A>, to: impl Fn(A) -> Result<B, Error>) -> Result<Page<B>, Error> {
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

/// Which rows of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Kinds, each with a cause; empty: all there are. Each pair is a range of an index, so a page of them costs the same
    /// wherever it stands.
    pub sorts: Vec<(String, String)>,
    /// Of one person or group alone.
    pub subject: Option<Uuid>,
    /// Whose subject holds this.
    pub q: Option<String>,
    /// Those alone that failed in this run.
    pub failed_in: Option<RunId>,
    /// Those alone whose subject also has a row of one of the second causes, if theirs is one of the first, or the other
    /// way around.
    pub of_both: Option<(Vec<String>, Vec<String>)>,
}

/// Rows of a plan are in the order in which they are carried out.
const CARRIED: Order = Order {
    column: "c.position",
    tie: Tie::None,
    numeric: true,
};

/// One page of a plan's rows. `total` is how many there are, where that is known from its counts.
///
/// # Errors
/// Why the database cannot answer.
pub async fn rows(
    reader: &impl Reader,
    plan: PlanId,
    wanted: &Wanted,
    paging: &Paging<()>,
    total: Count,
) -> Result<Page<Row>, Error> {
    let mut asked = Asked::of(reader, plan);
    asked.narrow(wanted);
    // The order of each branch is that of the whole, so that none reads further than a page.
    let tail = paging.apply(CARRIED, &mut asked.conditions);
    let positions = asked.positions(&wanted.sorts, &tail);
    let order = paging.order_by(CARRIED);
    let sql = format!(
        "SELECT c.position, c.subject, c.change, c.refusal FROM plan_changes c \
         WHERE c.plan_id = $1 AND c.position IN ({positions}) ORDER BY {order} LIMIT {}",
        paging.rows + 1
    );
    let rows: Vec<ChangeRow> = sql::all(reader, asked.conditions.statement(sql)).await?;
    let page = paging.page(rows, total, |row| by_number(row.position, Uuid::nil()));
    mapped(page, plans::to_row)
}

/// How many rows match, counted up to `most`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_rows(
    reader: &impl Reader,
    plan: PlanId,
    wanted: &Wanted,
    most: u64,
) -> Result<Count, Error> {
    let mut asked = Asked::of(reader, plan);
    asked.narrow(wanted);
    let positions = asked.positions(&wanted.sorts, &format!(" LIMIT {}", most + 1));
    let sql = format!("SELECT COUNT(*) FROM ({positions}) AS found");
    let found = count(sql::number(reader, asked.conditions.statement(sql)).await?);
    Ok(if found > most {
        Count::AtLeast(most)
    } else {
        Count::Exact(found)
    })
}

/// A question under way; `$1` is the plan.
struct Asked {
    conditions: Where,
}

impl Asked {
    fn of(reader: &impl Reader, plan: PlanId) -> Self {
        let mut conditions = Where::on(reader);
        let plan = conditions.bind(plan.0);
        conditions.and(format!("c.plan_id = {plan}"));
        Self { conditions }
    }

    fn narrow(&mut self, wanted: &Wanted) {
        let conditions = &mut self.conditions;
        if let Some(subject) = wanted.subject {
            let subject = conditions.bind(subject);
            conditions.and(format!("c.subject_id = {subject}"));
        }
        if let Some(q) = &wanted.q {
            // SQLite knows small and capital letters of English alone: what was typed is looked for as well.
            let low = conditions.bind(format!("%{}%", escaped(&q.to_lowercase())));
            let typed = conditions.bind(format!("%{}%", escaped(q)));
            conditions.and(format!(
                "(LOWER(c.subject) LIKE {low} ESCAPE '\\' OR c.subject LIKE {typed} ESCAPE '\\')"
            ));
        }
        if let Some(run) = wanted.failed_in {
            let run = conditions.bind(run.0);
            conditions.and(format!(
                "c.position IN (SELECT f.position FROM run_outcomes f WHERE f.run_id = {run})"
            ));
        }
        if let Some((one, other)) = &wanted.of_both {
            let one = listed(conditions, one);
            let other = listed(conditions, other);
            let also = |causes: &str| {
                format!(
                    "EXISTS (SELECT 1 FROM plan_changes o WHERE o.subject_id = c.subject_id \
                     AND o.plan_id = c.plan_id AND o.cause IN ({causes}))"
                )
            };
            conditions.and(format!(
                "((c.cause IN ({one}) AND {}) OR (c.cause IN ({other}) AND {}))",
                also(&other),
                also(&one)
            ));
        }
    }

    /// The positions that match, a branch for each sort.
    fn positions(&mut self, sorts: &[(String, String)], tail: &str) -> String {
        let clause = self.conditions.clause();
        if sorts.is_empty() {
            return format!(
                "SELECT position FROM (SELECT c.position FROM plan_changes c{clause}{tail}) AS b"
            );
        }
        let mut branches = Vec::with_capacity(sorts.len());
        for (at, (kind, cause)) in sorts.iter().enumerate() {
            let (kind, cause) = (
                self.conditions.bind(kind.as_str()),
                self.conditions.bind(cause.as_str()),
            );
            branches.push(format!(
                "SELECT position FROM (SELECT c.position FROM plan_changes c{clause} AND c.kind = {kind} \
                 AND c.cause = {cause}{tail}) AS b{at}"
            ));
        }
        branches.join(" UNION ALL ")
    }
}

fn listed(conditions: &mut Where, words: &[String]) -> String {
    let holders: Vec<String> = words
        .iter()
        .map(|word| conditions.bind(word.as_str()))
        .collect();
    if holders.is_empty() {
        "NULL".to_owned()
    } else {
        holders.join(", ")
    }
}

/// The names of groups that a plan makes.
///
/// # Errors
/// Why the database cannot answer.
pub async fn new_groups(
    reader: &impl Reader,
    plan: PlanId,
    groups: &[Uuid],
) -> Result<Vec<(Uuid, String)>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        subject_id: Uuid,
        subject: String,
    }
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let mut wanted = Where::on(reader);
    let plan = wanted.bind(plan.0);
    wanted.and(format!("plan_id = {plan}"));
    wanted.and("kind = 'create_group'".to_owned());
    let holders: Vec<String> = groups.iter().map(|group| wanted.bind(*group)).collect();
    wanted.and(format!("subject_id IN ({})", holders.join(", ")));
    let sql = format!(
        "SELECT subject_id, subject FROM plan_changes{}",
        wanted.clause()
    );
    let rows: Vec<Found> = sql::all(reader, wanted.statement(sql)).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.subject_id, row.subject))
        .collect())
}
