//! The rows of a plan as pages show them: one page at a time, forwards and backwards, at the same cost everywhere in a
//! hundred thousand rows.
//!
//! Rows of a kind and cause are a range of an index. Where something else narrows them (a name, a person, what failed),
//! they are looked through once, which counts them, too: few are remembered by their positions, many are near each other.

use muster_domain::Error;
use muster_domain::id::{PlanId, RunId};
use muster_domain::listing::{At, Count, Cursor, Page};
use muster_domain::plan::stored::Row;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::Reader;
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::packed::unpacked;
use crate::plan_pages::mapped;
use crate::plans::{self, ChangeRow};
use crate::sql::{self, Where};
use crate::user_list::escaped;

/// Which rows of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Kinds, each with a cause; empty: all there are. Each pair is a range of an index, so a page of them costs the same
    /// wherever it stands.
    pub sorts: Vec<Sort>,
    /// Of one person or group alone.
    pub subject: Option<Uuid>,
    /// Whose subject holds this.
    pub q: Option<String>,
    /// Those alone that failed in this run.
    pub failed_in: Option<RunId>,
    /// Those alone whose subject has rows on both sides.
    pub of_both: Option<Both>,
}

/// A kind with a cause.
pub type Sort = (String, String);

/// Two sides, by the sorts of rows that each has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Both {
    /// Those of the side with fewer rows.
    pub few: Vec<Sort>,
    /// Those of the other.
    pub many: Vec<Sort>,
    /// Whether so many rows are of both that a page of them is near, wherever one begins.
    pub is_common: bool,
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
pub async fn page(
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
    let positions = asked.positions(wanted, &tail);
    rows_at(reader, asked.conditions, &positions, paging, total).await
}

/// One page of rows that nobody counted before: they are counted up to `most`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn found(
    reader: &impl Reader,
    plan: PlanId,
    wanted: &Wanted,
    paging: &Paging<()>,
    most: u64,
) -> Result<Page<Row>, Error> {
    let positions = positions(reader, plan, wanted, most).await?;
    let Some(positions) = positions else {
        return page(reader, plan, wanted, paging, Count::AtLeast(most)).await;
    };
    let total = Count::Exact(positions.len() as u64);
    let mut conditions = Where::on(reader);
    conditions.bind(plan.0);
    let shown: Vec<String> = shown(&positions, paging)
        .into_iter()
        .map(|position| conditions.bind(position))
        .collect();
    if shown.is_empty() {
        return Ok(paging.page(Vec::new(), total, |row: &Row| {
            by_number(row.position, Uuid::nil())
        }));
    }
    rows_at(reader, conditions, &shown.join(", "), paging, total).await
}

/// The rows at these positions, which are those of the page and one more; `$1` is the plan.
async fn rows_at(
    reader: &impl Reader,
    conditions: Where,
    positions: &str,
    paging: &Paging<()>,
    total: Count,
) -> Result<Page<Row>, Error> {
    let order = paging.order_by(CARRIED);
    let sql = format!(
        "SELECT c.position, c.subject, c.change, c.refusal FROM plan_changes c \
         WHERE c.plan_id = $1 AND c.position IN ({positions}) ORDER BY {order} LIMIT {}",
        paging.rows + 1
    );
    let rows: Vec<ChangeRow> = sql::all(reader, conditions.statement(sql)).await?;
    let page = paging.page(rows, total, |row| by_number(row.position, Uuid::nil()));
    mapped(page, plans::to_row)
}

/// The positions of a page and one more, out of all of them in order.
fn shown(positions: &[i64], paging: &Paging<()>) -> Vec<i64> {
    let wanted = usize::try_from(paging.rows)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let key = |cursor: &Cursor| cursor.key.parse::<i64>().unwrap_or_default();
    let all = positions.iter().copied();
    match &paging.at {
        At::First => all.take(wanted).collect(),
        At::After(cursor) => {
            let from = key(cursor);
            all.filter(|position| *position > from)
                .take(wanted)
                .collect()
        }
        At::Last => all.rev().take(wanted).collect(),
        At::Before(cursor) => {
            let until = key(cursor);
            all.rev()
                .filter(|position| *position < until)
                .take(wanted)
                .collect()
        }
    }
}

/// The positions of all rows that match, in order. None: there are more than `most`.
async fn positions(
    reader: &impl Reader,
    plan: PlanId,
    wanted: &Wanted,
    most: u64,
) -> Result<Option<Vec<i64>>, Error> {
    #[derive(FromQueryResult)]
    struct Packed {
        positions: String,
    }
    let mut asked = Asked::of(reader, plan);
    asked.narrow(wanted);
    let branches = asked.positions(wanted, &format!(" LIMIT {}", most + 1));
    let sql = format!(
        "SELECT {} AS positions FROM (SELECT position FROM ({branches}) AS found LIMIT {}) inside",
        asked.conditions.packed("position", "position"),
        most + 1
    );
    let packed: Option<Packed> = sql::one(reader, asked.conditions.statement(sql)).await?;
    let rows: Vec<(i64,)> = packed.map_or(Ok(Vec::new()), |packed| {
        unpacked("plan_changes", &packed.positions)
    })?;
    let mut positions: Vec<i64> = rows.into_iter().map(|(position,)| position).collect();
    positions.sort_unstable();
    Ok((positions.len() as u64 <= most).then_some(positions))
}

/// How many rows match, counted up to `most`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count(
    reader: &impl Reader,
    plan: PlanId,
    wanted: &Wanted,
    most: u64,
) -> Result<Count, Error> {
    let positions = positions(reader, plan, wanted, most).await?;
    Ok(positions.map_or(Count::AtLeast(most), |positions| {
        Count::Exact(positions.len() as u64)
    }))
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
            // Written so that the plan does not lead: it has all the rows, a person has few.
            conditions.and(format!(
                "c.position IN (SELECT s.position FROM plan_changes s WHERE s.subject_id = {subject} \
                 AND NOT (s.plan_id <> $1))"
            ));
        }
        if let Some(q) = &wanted.q {
            called(conditions, q);
        }
        if let Some(run) = wanted.failed_in {
            let run = conditions.bind(run.0);
            conditions.and(format!(
                "c.position IN (SELECT f.position FROM run_outcomes f WHERE f.run_id = {run})"
            ));
        }
        match &wanted.of_both {
            Some(both) if both.is_common => near(conditions, both),
            Some(both) => led_by_few(conditions, both, &wanted.sorts),
            None => {}
        }
    }

    /// The positions that match, a branch for each sort.
    fn positions(&mut self, wanted: &Wanted, tail: &str) -> String {
        let clause = self.conditions.clause();
        // Whoever is on both sides is asked for once: the condition says of which sorts.
        let is_led = wanted.of_both.as_ref().is_some_and(|both| !both.is_common);
        if wanted.sorts.is_empty() || is_led {
            return format!(
                "SELECT position FROM (SELECT c.position FROM plan_changes c{clause}{tail}) AS b"
            );
        }
        let mut branches = Vec::with_capacity(wanted.sorts.len());
        for (at, (kind, cause)) in wanted.sorts.iter().enumerate() {
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

/// Whose subject holds this, upper and lower case being the same. SQLite's LIKE knows small and capital letters of English
/// alone (sqlite.org/lang_expr.html, section 5): of others, what was typed is looked for, and the same in small letters.
fn called(conditions: &mut Where, q: &str) {
    let pattern = |q: &str| format!("%{}%", escaped(q));
    let low = conditions.bind(pattern(&q.to_lowercase()));
    if !conditions.is_sqlite() {
        conditions.and(format!("LOWER(c.subject) LIKE {low} ESCAPE '\\'"));
    } else if q.is_ascii() {
        conditions.and(format!("c.subject LIKE {low} ESCAPE '\\'"));
    } else {
        let typed = conditions.bind(pattern(q));
        conditions.and(format!(
            "(c.subject LIKE {low} ESCAPE '\\' OR c.subject LIKE {typed} ESCAPE '\\')"
        ));
    }
}

/// Rows are gone through one by one, each asking for the other side.
fn near(conditions: &mut Where, both: &Both) {
    let (few, many) = (
        causes(conditions, &both.few),
        causes(conditions, &both.many),
    );
    let also = |causes: &str| {
        format!(
            "EXISTS (SELECT 1 FROM plan_changes o WHERE o.subject_id = c.subject_id \
             AND NOT (o.plan_id <> c.plan_id) AND o.cause IN ({causes}))"
        )
    };
    conditions.and(format!(
        "((c.cause IN ({few}) AND {}) OR (c.cause IN ({many}) AND {}))",
        also(&many),
        also(&few)
    ));
}

/// The smaller side leads to the subjects, these to their rows: those of these sorts, or of any of both sides.
fn led_by_few(conditions: &mut Where, both: &Both, sorts: &[Sort]) {
    let many = causes(conditions, &both.many);
    let mut sides = Vec::with_capacity(both.few.len());
    for (kind, cause) in &both.few {
        let (kind, cause) = (
            conditions.bind(kind.as_str()),
            conditions.bind(cause.as_str()),
        );
        sides.push(format!(
            "SELECT s.subject_id FROM plan_changes s WHERE s.plan_id = $1 AND s.kind = {kind} AND s.cause = {cause} \
             AND EXISTS (SELECT 1 FROM plan_changes o WHERE o.subject_id = s.subject_id AND NOT (o.plan_id <> $1) \
             AND o.cause IN ({many}))"
        ));
    }
    if sides.is_empty() {
        sides.push("SELECT s.subject_id FROM plan_changes s WHERE 1 = 0".to_owned());
    }
    let all = both.few.iter().chain(&both.many);
    let sorts: Vec<&Sort> = if sorts.is_empty() {
        all.collect()
    } else {
        sorts.iter().collect()
    };
    // Written so that positions lead and not sorts.
    let is_of: Vec<String> = sorts
        .into_iter()
        .map(|(kind, cause)| {
            let (kind, cause) = (
                conditions.bind(kind.as_str()),
                conditions.bind(cause.as_str()),
            );
            format!("NOT (c.kind <> {kind} OR c.cause <> {cause})")
        })
        .collect();
    conditions.and(format!(
        "({}) AND c.position IN (SELECT t.position FROM plan_changes t \
         WHERE NOT (t.plan_id <> $1) AND t.subject_id IN ({}))",
        is_of.join(" OR "),
        sides.join(" UNION ALL ")
    ));
}

fn causes(conditions: &mut Where, sorts: &[Sort]) -> String {
    let mut words: Vec<&str> = sorts.iter().map(|(_, cause)| cause.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let holders: Vec<String> = words
        .into_iter()
        .map(|word| conditions.bind(word))
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
