//! A plan while it is made: rows that are looked at again, and what went before it.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::guard::Tally;
use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::plan::stored::Row;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::plans::{ChangeRow, to_row};
use crate::row::{count, from_json, millis};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// Rows of a plan by their positions, in their order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn rows_at(
    reader: &impl Reader,
    plan: PlanId,
    positions: &[i64],
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::with_capacity(positions.len());
    for some in positions.chunks(BATCH - 1) {
        let wanted = at(reader, plan, some);
        let sql = format!(
            "SELECT position, subject, change, refusal FROM plan_changes{}",
            wanted.clause()
        );
        let found: Vec<ChangeRow> = sql::all(reader, wanted.statement(sql)).await?;
        for row in found {
            rows.push(to_row(row)?);
        }
    }
    rows.sort_by_key(|row| row.position);
    Ok(rows)
}

/// Takes rows of a plan back out.
///
/// # Errors
/// Why the database refused.
pub async fn take_out(tx: &Tx, plan: PlanId, positions: &[i64]) -> Result<(), Error> {
    for some in positions.chunks(BATCH - 1) {
        let wanted = at(tx, plan, some);
        let sql = format!("DELETE FROM plan_changes{}", wanted.clause());
        sql::change(tx, wanted.statement(sql)).await?;
    }
    Ok(())
}

fn at(reader: &impl Reader, plan: PlanId, positions: &[i64]) -> Where {
    let mut wanted = Where::on(reader);
    let plan = wanted.bind(plan.0);
    wanted.and(format!("plan_id = {plan}"));
    let positions: Vec<String> = positions.iter().map(|at| wanted.bind(*at)).collect();
    wanted.and(format!("position IN ({})", positions.join(", ")));
    wanted
}

#[derive(FromQueryResult)]
struct Ran {
    id: Uuid,
    plan_id: Uuid,
    progress: String,
}

#[derive(FromQueryResult)]
struct Gone {
    kind: String,
    number: i64,
}

/// What the runs of a directory took away since then without a person having looked: steps that were done, of plans that
/// nobody approved.
///
/// # Errors
/// Why the database cannot answer.
pub async fn taken_since(
    reader: &impl Reader,
    directory: DirectoryId,
    since: DateTime<Utc>,
) -> Result<Tally, Error> {
    let sql = "SELECT r.id, p.id AS plan_id, r.progress FROM runs r JOIN plans p ON p.id = r.plan_id \
               WHERE r.directory_id = $1 AND COALESCE(r.ended_at, r.heartbeat_at, r.created_at) >= $2 \
               AND p.approved_by IS NULL AND p.state IN ('begun', 'done', 'discarded')";
    let values = [directory.0.into(), millis(since).into()];
    let ran: Vec<Ran> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    let mut tally = Tally::default();
    for run in ran {
        let progress: muster_domain::run::Progress = from_json("runs", &run.progress)?;
        let Some(reached) = progress.reached else {
            continue;
        };
        // The sign before the position keeps the database on the index of kinds: what takes away is little, a plan is not.
        let sql = "SELECT c.kind, COUNT(*) AS number FROM plan_changes c WHERE c.plan_id = $1 AND +c.position <= $2 \
                   AND c.kind IN ('deactivate', 'delete_user', 'remove_account', 'remove_member', 'delete_group', \
                   'unlink_group') AND NOT EXISTS (SELECT 1 FROM run_outcomes o WHERE o.run_id = $3 \
                   AND o.position = c.position) GROUP BY c.kind";
        let values = [run.plan_id.into(), reached.into(), run.id.into()];
        let gone: Vec<Gone> = sql::all(reader, sql::ask(reader, sql, values)).await?;
        for gone in gone {
            let of = match gone.kind.as_str() {
                "remove_member" => &mut tally.memberships,
                "delete_group" | "unlink_group" => &mut tally.groups,
                _ => &mut tally.people,
            };
            *of = of.saturating_add(count(gone.number));
        }
    }
    Ok(tally)
}
