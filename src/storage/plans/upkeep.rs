//! What runs ask of plans: steps the last first, what was taken away lately, what may be forgotten, what does not add up.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, PlanId, UserId};
use muster_domain::membership::Membership;
use muster_domain::plan::stored::{Line, REFUSALS};
use muster_domain::plan::{PlanState, Purpose, Step, StoredPlan};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{COLUMNS, ChangeRow, PlanRow, number, to_plan, to_row};
use crate::row::{count, millis, word};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// Steps of a plan from `before` back, the last first, at most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn steps_back(
    reader: &impl Reader,
    plan: PlanId,
    before: i64,
    limit: u64,
) -> Result<Vec<(i64, Step)>, Error> {
    let sql = "SELECT position, subject, change, refusal FROM plan_changes \
               WHERE plan_id = $1 AND position < $2 AND position < $3 ORDER BY position DESC LIMIT $4";
    let values = [
        plan.0.into(),
        before.into(),
        REFUSALS.into(),
        number(limit).into(),
    ];
    let rows: Vec<ChangeRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        let row = to_row(row)?;
        if let Line::Step(step) = row.line {
            steps.push((row.position, step));
        }
    }
    Ok(steps)
}

/// The step of a plan by which two directories change places, and where it stands; none: the plan holds none.
///
/// # Errors
/// Why the database cannot answer.
pub async fn switch_of(reader: &impl Reader, plan: PlanId) -> Result<Option<(i64, Step)>, Error> {
    let sql = "SELECT position, subject, change, refusal FROM plan_changes \
               WHERE plan_id = $1 AND position < $2 AND kind = 'switch_directory' ORDER BY position LIMIT 1";
    let values = [plan.0.into(), REFUSALS.into()];
    let row: Option<ChangeRow> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    let Some(row) = row else { return Ok(None) };
    let row = to_row(row)?;
    Ok(match row.line {
        Line::Step(step) => Some((row.position, step)),
        Line::Refusal(_) => None,
    })
}

/// Ends of memberships of these members: those that this plan holds, and those that plans held which were begun after it.
///
/// # Errors
/// Why the database cannot answer.
pub async fn ends_of(
    reader: &impl Reader,
    plan: &StoredPlan,
    members: &[Uuid],
) -> Result<Ends, Error> {
    let mut ends = Ends::default();
    for some in members.chunks(BATCH - 4) {
        let mut wanted = Where::on(reader);
        let own = wanted.bind(plan.id.0);
        let directory = wanted.bind(plan.directory.0);
        let base = wanted.bind(number(plan.base_revision));
        let kind = wanted.bind("remove_member");
        let ids: Vec<String> = some.iter().map(|id| wanted.bind(*id)).collect();
        let (begun, done) = (word(PlanState::Begun)?, word(PlanState::Done)?);
        wanted.and(format!(
            "c.subject_id IN ({}) AND c.kind = {kind} AND (c.plan_id = {own} OR p.directory_id = {directory} \
             AND p.base_revision > {base} AND p.state IN ('{begun}', '{done}'))",
            ids.join(", ")
        ));
        let sql = format!(
            "SELECT c.position, c.subject, c.change, c.refusal, c.plan_id FROM plan_changes c JOIN plans p ON p.id = c.plan_id{}",
            wanted.clause()
        );
        for row in sql::all::<EndRow>(reader, wanted.statement(sql)).await? {
            let of = match row.plan_id == plan.id.0 {
                true => &mut ends.own,
                false => &mut ends.later,
            };
            let row = ChangeRow {
                position: row.position,
                subject: row.subject,
                change: row.change,
                refusal: row.refusal,
            };
            if let Line::Step(step) = to_row(row)?.line
                && let Action::RemoveMember {
                    group,
                    member,
                    origin,
                } = step.change.action
            {
                of.insert(Membership {
                    group,
                    member,
                    origin,
                });
            }
        }
    }
    Ok(ends)
}

/// Memberships that plans end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ends {
    /// By the plan itself.
    pub own: BTreeSet<Membership>,
    /// By plans that were begun after it.
    pub later: BTreeSet<Membership>,
}

#[derive(FromQueryResult)]
struct EndRow {
    position: i64,
    subject: String,
    change: String,
    refusal: Option<String>,
    plan_id: Uuid,
}

/// Which of these people a plan makes or changes: their names may be of its making.
///
/// # Errors
/// Why the database cannot answer.
pub async fn names_of(
    reader: &impl Reader,
    plan: PlanId,
    people: &[UserId],
) -> Result<BTreeSet<UserId>, Error> {
    let mut found = BTreeSet::new();
    for some in people.chunks(BATCH - 1) {
        let mut wanted = Where::on(reader);
        let plan = wanted.bind(plan.0);
        let ids: Vec<String> = some.iter().map(|user| wanted.bind(user.0)).collect();
        let sql = format!(
            "SELECT DISTINCT subject_id AS id FROM plan_changes WHERE plan_id = {plan} \
             AND kind IN ('create_user', 'update_account') AND subject_id IN ({})",
            ids.join(", ")
        );
        let rows: Vec<IdRow> = sql::all(reader, wanted.statement(sql)).await?;
        found.extend(rows.into_iter().map(|row| UserId(row.id)));
    }
    Ok(found)
}

/// Plans that take this one back, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn inverses(reader: &impl Reader, of: PlanId) -> Result<Vec<StoredPlan>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM plans WHERE inverse_of = $1 ORDER BY created_at DESC, id DESC"
    );
    let rows: Vec<PlanRow> = sql::all(reader, sql::ask(reader, &sql, [of.0.into()])).await?;
    rows.into_iter().map(to_plan).collect()
}

/// The newest plan of a directory with this identity.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_identity(
    reader: &impl Reader,
    directory: DirectoryId,
    identity: &str,
) -> Result<Option<StoredPlan>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM plans WHERE directory_id = $1 AND identity = $2 ORDER BY created_at DESC, id DESC LIMIT 1"
    );
    let values = [directory.0.into(), identity.into()];
    let row: Option<PlanRow> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    row.map(to_plan).transpose()
}

#[derive(FromQueryResult)]
struct KindRow {
    kind: String,
    many: i64,
}

/// How many rows of each kind a plan has.
///
/// # Errors
/// Why the database cannot answer.
pub async fn rows_by_kind(
    reader: &impl Reader,
    plan: PlanId,
) -> Result<BTreeMap<String, u64>, Error> {
    let sql = "SELECT kind, COUNT(*) AS many FROM plan_changes WHERE plan_id = $1 GROUP BY kind";
    let rows: Vec<KindRow> = sql::all(reader, sql::ask(reader, sql, [plan.0.into()])).await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.kind, count(row.many)))
        .collect())
}

/// How many steps of a plan stand up to a position, that one included.
///
/// # Errors
/// Why the database cannot answer.
pub async fn steps_up_to(reader: &impl Reader, plan: PlanId, reached: i64) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM plan_changes WHERE plan_id = $1 AND position <= $2";
    let values = [plan.0.into(), reached.into()];
    Ok(count(
        sql::number(reader, sql::ask(reader, sql, values)).await?,
    ))
}

/// Every plan of a directory that was made for a purpose, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_purpose(
    reader: &impl Reader,
    directory: DirectoryId,
    purpose: Purpose,
) -> Result<Vec<StoredPlan>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM plans WHERE directory_id = $1 AND purpose = $2 ORDER BY created_at DESC, id DESC"
    );
    let values = [directory.0.into(), word(purpose)?.into()];
    let rows: Vec<PlanRow> = sql::all(reader, sql::ask(reader, &sql, values)).await?;
    rows.into_iter().map(to_plan).collect()
}

/// Plans in a state, of one directory or of all; made before `before`, if that is given.
///
/// # Errors
/// Why the database cannot answer.
pub async fn in_state(
    reader: &impl Reader,
    directory: Option<DirectoryId>,
    state: PlanState,
    before: Option<DateTime<Utc>>,
) -> Result<Vec<StoredPlan>, Error> {
    super::list(reader, directory, Some(state), before, 1000).await
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Plans made before `before` that nobody needs: discarded ones, those that only showed something, and those that were to
/// bring or compare and found nothing to do. At most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn idle(
    reader: &impl Reader,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<PlanId>, Error> {
    let sql = "SELECT id FROM plans WHERE created_at < $1 AND (state = $2 AND NOT EXISTS (SELECT 1 FROM runs WHERE plan_id = plans.id) \
               OR state <> $3 AND purpose = 'what_if' \
               OR state <> $3 AND purpose IN ('sync', 'drift') AND NOT EXISTS \
               (SELECT 1 FROM plan_changes WHERE plan_id = plans.id AND position < $4)) \
               AND NOT EXISTS (SELECT 1 FROM runs WHERE plan_id = plans.id AND ended_at IS NULL) \
               ORDER BY created_at, id LIMIT $5";
    let values = [
        millis(before).into(),
        word(PlanState::Discarded)?.into(),
        word(PlanState::Making)?.into(),
        REFUSALS.into(),
        number(limit).into(),
    ];
    let rows: Vec<IdRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows.into_iter().map(|row| PlanId(row.id)).collect())
}

/// Plans made before `before` to which no run refers, whatever they hold. At most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn orphans(
    reader: &impl Reader,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<PlanId>, Error> {
    let sql = "SELECT id FROM plans WHERE created_at < $1 AND NOT EXISTS (SELECT 1 FROM runs WHERE plan_id = plans.id) \
               ORDER BY created_at, id LIMIT $2";
    let values = [millis(before).into(), number(limit).into()];
    let rows: Vec<IdRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows.into_iter().map(|row| PlanId(row.id)).collect())
}

/// Forgets a plan with its rows. Runs of it stay, without it.
///
/// # Errors
/// Why the database refused.
pub async fn forget(tx: &Tx, plan: PlanId) -> Result<(), Error> {
    let sql = "UPDATE runs SET plan_id = NULL WHERE plan_id = $1";
    sql::change(tx, sql::ask(tx, sql, [plan.0.into()])).await?;
    super::delete(tx, plan).await
}
