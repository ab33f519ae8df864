//! Plans and their rows. A plan is written while it is decided and read in the order in which it is carried out, so it is
//! never in memory as a whole.

pub mod upkeep;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::membership::Member;
use muster_domain::plan::stored::{Line, REFUSALS, Row, kind_of};
use muster_domain::plan::{Identity, PlanState, Purpose, Refusal, Step, StoredPlan, text};
use sea_orm::{FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::bulk::Insert;
use crate::failure::unreadable;
use crate::packed::unpacked;
use crate::row::{count, from_json, from_word, instant, json, millis, word};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// The kind of rows that are not done.
pub const REFUSED: &str = "refusal";

/// Keeps a plan that is begun to be made.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn insert(tx: &Tx, plan: &StoredPlan) -> Result<(), Error> {
    let sql = "INSERT INTO plans (id, directory_id, base_revision, state, held_causes, counts, inverse_of, created_by, \
               created_at, approved_by, approved_at, purpose, identity) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let values = [
        plan.id.0.into(),
        plan.directory.0.into(),
        number(plan.base_revision).into(),
        word(plan.state)?.into(),
        json(&plan.holds)?.into(),
        json(&plan.counts)?.into(),
        plan.inverse_of.map(|plan| plan.0).into(),
        plan.created_by.as_str().into(),
        millis(plan.created_at).into(),
        plan.approved_by.clone().into(),
        plan.approved_at.map(millis).into(),
        word(plan.purpose)?.into(),
        plan.identity
            .as_ref()
            .map(|identity| identity.0.clone())
            .into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Writes what is known now: where it stands, what holds it, how much it holds, its identity, who approved it.
///
/// # Errors
/// `WEB-404` when there is no such plan.
pub async fn update(tx: &Tx, plan: &StoredPlan) -> Result<(), Error> {
    let sql = "UPDATE plans SET state = $2, held_causes = $3, counts = $4, identity = $5, approved_by = $6, \
               approved_at = $7, base_revision = $8 WHERE id = $1";
    let values = [
        plan.id.0.into(),
        word(plan.state)?.into(),
        json(&plan.holds)?.into(),
        json(&plan.counts)?.into(),
        plan.identity
            .as_ref()
            .map(|identity| identity.0.clone())
            .into(),
        plan.approved_by.clone().into(),
        plan.approved_at.map(millis).into(),
        number(plan.base_revision).into(),
    ];
    if sql::change(tx, sql::ask(tx, sql, values)).await? == 0 {
        return Err(Error::not_found("plan"));
    }
    Ok(())
}

/// Keeps rows of a plan.
///
/// # Errors
/// When a position is taken, or there is no such plan.
pub async fn insert_rows(tx: &Tx, plan: PlanId, rows: &[Row]) -> Result<(), Error> {
    let insert = Insert {
        into: "INSERT INTO plan_changes (plan_id, position, kind, cause, subject, subject_id, change, refusal) VALUES",
        tail: "",
        shared: vec![plan.0.into()],
    };
    insert.rows(tx, rows, columns).await?;
    Ok(())
}

fn columns(row: &Row) -> Result<[Value; 7], Error> {
    Ok(match &row.line {
        Line::Step(step) => [
            row.position.into(),
            kind_of(&step.change.action).into(),
            step.change.cause.word().into(),
            step.subject.as_str().into(),
            subject_of(&step.change.action).into(),
            to_text(step)?.into(),
            None::<String>.into(),
        ],
        Line::Refusal(refusal) => [
            row.position.into(),
            REFUSED.into(),
            refusal.reason.word().into(),
            refusal.subject.as_str().into(),
            None::<Uuid>.into(),
            "".into(),
            Some(json(refusal)?).into(),
        ],
    })
}

fn to_text(step: &Step) -> Result<String, Error> {
    text::of(step).map_err(|why| unreadable("plan_changes", why))
}

fn from_text(text: &str, subject: String) -> Result<Step, Error> {
    text::read(text, subject).map_err(|why| unreadable("plan_changes", why))
}

/// Whom a step is about: the person or group, of a membership the member.
fn subject_of(action: &Action) -> Option<Uuid> {
    Some(match action {
        Action::CreateUser { user, .. }
        | Action::UpdateAccount { user, .. }
        | Action::LinkIdentity { user, .. }
        | Action::Deactivate { user, .. }
        | Action::Reactivate { user }
        | Action::RemoveAccount { user, .. }
        | Action::MoveAccount { user, .. }
        | Action::DeleteUser { user } => user.0,
        Action::CreateGroup { group, .. }
        | Action::LinkGroup { group, .. }
        | Action::UnlinkGroup { group, .. }
        | Action::RenameGroup { group, .. }
        | Action::MoveMembers { group, .. }
        | Action::DeleteGroup { group } => group.0,
        Action::SwitchDirectory { to, .. } => to.0,
        Action::AddMember { member, .. } | Action::RemoveMember { member, .. } => match member {
            Member::User(user) => user.0,
            Member::Group(group) => group.0,
        },
    })
}

/// Which rows of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowFilter {
    /// Of this kind alone: a word of [`muster_domain::plan::stored::KINDS`], or [`REFUSED`].
    pub kind: Option<String>,
    /// Of this cause alone: [`muster_domain::change::Cause::word`], of refusals [`muster_domain::plan::Reason::word`].
    pub cause: Option<String>,
    /// Whose subject holds this, upper and lower case being the same.
    pub q: Option<String>,
}

#[derive(FromQueryResult)]
pub(crate) struct ChangeRow {
    pub(crate) position: i64,
    subject: String,
    change: String,
    refusal: Option<String>,
}

/// Rows of a plan in the order in which they are carried out, behind a position: at most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn rows(
    reader: &impl Reader,
    plan: PlanId,
    filter: &RowFilter,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<Row>, Error> {
    let question = rows_question(reader, plan, filter, after, limit);
    let rows: Vec<ChangeRow> = sql::all(reader, question).await?;
    rows.into_iter().map(to_row).collect()
}

fn rows_question(
    reader: &impl Reader,
    plan: PlanId,
    filter: &RowFilter,
    after: Option<i64>,
    limit: u64,
) -> Statement {
    let mut wanted = Where::on(reader);
    let plan = wanted.bind(plan.0);
    wanted.and(format!("plan_id = {plan}"));
    if let Some(kind) = &filter.kind {
        let kind = wanted.bind(kind.as_str());
        wanted.and(format!("kind = {kind}"));
    }
    if let Some(cause) = &filter.cause {
        let cause = wanted.bind(cause.as_str());
        wanted.and(format!("cause = {cause}"));
    }
    if let Some(q) = &filter.q {
        let like: String = q
            .to_lowercase()
            .chars()
            .flat_map(|c| match c {
                '%' | '_' | '\\' => vec!['\\', c],
                c => vec![c],
            })
            .collect();
        let like = wanted.bind(format!("%{like}%"));
        wanted.and(format!("LOWER(subject) LIKE {like} ESCAPE '\\'"));
    }
    if let Some(after) = after {
        let after = wanted.bind(after);
        wanted.and(format!("position > {after}"));
    }
    let limit = wanted.bind(number(limit));
    let sql = format!(
        "SELECT position, subject, change, refusal FROM plan_changes{} ORDER BY position LIMIT {limit}",
        wanted.clause()
    );
    wanted.statement(sql)
}

/// Steps of a plan to carry out, behind a position: at most `limit`, without what is not done.
///
/// # Errors
/// Why the database cannot answer.
pub async fn steps(
    reader: &impl Reader,
    plan: PlanId,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<(i64, Step)>, Error> {
    #[derive(FromQueryResult)]
    struct Packed {
        rows: String,
    }
    let mut wanted = Where::on(reader);
    let plan = wanted.bind(plan.0);
    let after = wanted.bind(after.unwrap_or(-1));
    let end = wanted.bind(REFUSALS);
    wanted.and(format!(
        "plan_id = {plan} AND position > {after} AND position < {end}"
    ));
    let limit = wanted.bind(number(limit));
    let sql = format!(
        "SELECT {} AS rows FROM (SELECT position, subject, change FROM plan_changes{} ORDER BY position LIMIT {limit}) page",
        wanted.packed("position, subject, change", "position"),
        wanted.clause()
    );
    let found: Option<Packed> = sql::one(reader, wanted.statement(sql)).await?;
    let rows: Vec<(i64, String, String)> = found.map_or(Ok(Vec::new()), |found| {
        unpacked("plan_changes", &found.rows)
    })?;
    rows.into_iter()
        .map(|(position, subject, change)| Ok((position, from_text(&change, subject)?)))
        .collect()
}

pub(crate) fn to_row(row: ChangeRow) -> Result<Row, Error> {
    let line = match row.refusal {
        Some(refusal) => Line::Refusal(from_json::<Refusal>("plan_changes", &refusal)?),
        None => Line::Step(from_text(&row.change, row.subject)?),
    };
    Ok(Row {
        position: row.position,
        line,
    })
}

#[derive(FromQueryResult)]
pub(crate) struct PlanRow {
    pub(crate) id: Uuid,
    directory_id: Uuid,
    base_revision: i64,
    state: String,
    held_causes: String,
    counts: String,
    inverse_of: Option<Uuid>,
    created_by: String,
    pub(crate) created_at: i64,
    approved_by: Option<String>,
    approved_at: Option<i64>,
    purpose: String,
    identity: Option<String>,
}

pub(crate) const COLUMNS: &str = "id, directory_id, base_revision, state, held_causes, counts, inverse_of, created_by, created_at, \
                       approved_by, approved_at, purpose, identity";

/// One plan.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: PlanId) -> Result<Option<StoredPlan>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM plans WHERE id = $1");
    let row: Option<PlanRow> = sql::one(reader, sql::ask(reader, &sql, [id.0.into()])).await?;
    row.map(to_plan).transpose()
}

/// Those of these plans that there are, in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get_many(reader: &impl Reader, ids: &[PlanId]) -> Result<Vec<StoredPlan>, Error> {
    let mut found = Vec::new();
    for some in ids.chunks(BATCH) {
        let mut wanted = Where::on(reader);
        let some: Vec<String> = some.iter().map(|id| wanted.bind(id.0)).collect();
        wanted.and(format!("id IN ({})", some.join(", ")));
        let sql = format!("SELECT {COLUMNS} FROM plans{}", wanted.clause());
        let rows: Vec<PlanRow> = sql::all(reader, wanted.statement(sql)).await?;
        for row in rows {
            found.push(to_plan(row)?);
        }
    }
    Ok(found)
}

/// Plans, the newest first: of one directory or of all, in one state or in all, older than `before`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    directory: Option<DirectoryId>,
    state: Option<PlanState>,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<StoredPlan>, Error> {
    let mut wanted = Where::on(reader);
    if let Some(directory) = directory {
        let directory = wanted.bind(directory.0);
        wanted.and(format!("directory_id = {directory}"));
    }
    if let Some(state) = state {
        let state = wanted.bind(word(state)?);
        wanted.and(format!("state = {state}"));
    }
    if let Some(before) = before {
        let before = wanted.bind(millis(before));
        wanted.and(format!("created_at < {before}"));
    }
    let limit = wanted.bind(number(limit));
    let sql = format!(
        "SELECT {COLUMNS} FROM plans{} ORDER BY created_at DESC, id DESC LIMIT {limit}",
        wanted.clause()
    );
    let rows: Vec<PlanRow> = sql::all(reader, wanted.statement(sql)).await?;
    rows.into_iter().map(to_plan).collect()
}

/// Forgets a plan with its rows, unless a run refers to it.
///
/// # Errors
/// `DB-021` when a run refers to it.
pub async fn delete(tx: &Tx, id: PlanId) -> Result<(), Error> {
    let sql = "DELETE FROM plans WHERE id = $1";
    sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await?;
    Ok(())
}

pub(crate) fn to_plan(row: PlanRow) -> Result<StoredPlan, Error> {
    Ok(StoredPlan {
        id: PlanId(row.id),
        directory: DirectoryId(row.directory_id),
        purpose: from_word::<Purpose>("plans", &row.purpose)?,
        base_revision: count(row.base_revision),
        state: from_word::<PlanState>("plans", &row.state)?,
        holds: from_json("plans", &row.held_causes)?,
        counts: from_json("plans", &row.counts)?,
        identity: row.identity.map(Identity),
        inverse_of: row.inverse_of.map(PlanId),
        created_by: row.created_by,
        created_at: instant(row.created_at),
        approved_by: row.approved_by,
        approved_at: row.approved_at.map(instant),
    })
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
