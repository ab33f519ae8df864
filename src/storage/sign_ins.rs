//! Kept sign-ins, with redacted claims: for the simulator, calibration, and the question "why was I refused".

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::claims::Claims;
use muster_domain::id::{ProviderId, SignInId, UserId};
use muster_domain::listing::{Count, Page};
use sea_orm::{EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::entities::sign_ins::{Entity, Model};
use crate::failure::fail;
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::reader::sealed::Source as _;
use crate::row::{count, from_json, from_json_option, from_word, instant, json, millis, word};
use crate::sql::{self, Where};
use crate::{Reader, Tx};

/// How a sign-in ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The person is in.
    SignedIn,
    /// The person proved who they are, and may not come in.
    Refused,
    /// Nothing was proven.
    Failed,
    /// A test: nobody came in.
    Tested,
}

/// One kept sign-in.
#[derive(Clone, PartialEq, Debug)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// The provider; none: a password.
    pub provider: Option<ProviderId>,
    /// The user, if one was found or made.
    pub user: Option<UserId>,
    /// The name that was stated or typed.
    pub name: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// By what means: `password`, `oidc`.
    pub means: String,
    /// From which address.
    pub address: Option<String>,
    /// What the provider stated, already redacted ([`Claims::redacted`]).
    pub claims: Option<Claims>,
    /// Times and context of the answer, as the service keeps them.
    pub evidence: Option<serde_json::Value>,
    /// Why it ended so, a sentence each.
    pub notes: Vec<String>,
}

/// Which sign-ins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SignInFilter {
    /// At this provider.
    pub provider: Option<ProviderId>,
    /// Of this person.
    pub user: Option<UserId>,
    /// That ended so.
    pub outcome: Option<Outcome>,
}

/// Keeps one.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, sign_in: &SignIn) -> Result<(), Error> {
    let inserted = Entity::insert(to_row(sign_in)?.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// One sign-in.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: SignInId) -> Result<Option<SignIn>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_sign_in).transpose()
}

/// One page, by time. Pass `Direction::Desc` for newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    filter: &SignInFilter,
    paging: &Paging<()>,
) -> Result<Page<SignIn>, Error> {
    let counted = conditions(reader, filter)?;
    let total = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM sign_ins s{} LIMIT 10001) counted",
        counted.clause()
    );
    let total = count(sql::number(reader, counted.statement(total)).await?);
    let total = if total > 10_000 {
        Count::AtLeast(10_000)
    } else {
        Count::Exact(total)
    };
    let mut conditions = conditions(reader, filter)?;
    let order = Order {
        column: "s.at",
        tie: Tie::Id("s.id"),
        numeric: true,
    };
    let tail = paging.apply(order, &mut conditions);
    let sql = format!("SELECT s.* FROM sign_ins s{}{tail}", conditions.clause());
    let rows: Vec<Model> = sql::all(reader, conditions.statement(sql)).await?;
    let page = paging.page(rows, total, |row| by_number(row.at, row.id));
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(to_sign_in)
            .collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

/// The newest sign-ins through a provider that ended so, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn newest(
    reader: &impl Reader,
    provider: ProviderId,
    outcome: Outcome,
    most: u32,
) -> Result<Vec<SignIn>, Error> {
    let sql = "SELECT s.* FROM sign_ins s WHERE s.provider_id = $1 AND s.outcome = $2 \
               ORDER BY s.at DESC, s.id DESC LIMIT $3";
    let values = [
        provider.0.into(),
        word(outcome)?.into(),
        i64::from(most).into(),
    ];
    let rows: Vec<Model> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    rows.into_iter().map(to_sign_in).collect()
}

/// Sweeps away what is older than `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM sign_ins WHERE at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}

fn conditions(reader: &impl Reader, filter: &SignInFilter) -> Result<Where, Error> {
    let mut conditions = Where::on(reader);
    if let Some(provider) = filter.provider {
        let id = conditions.bind(provider.0);
        conditions.and(format!("s.provider_id = {id}"));
    }
    if let Some(user) = filter.user {
        let id = conditions.bind(user.0);
        conditions.and(format!("s.user_id = {id}"));
    }
    if let Some(outcome) = filter.outcome {
        let outcome = conditions.bind(word(outcome)?);
        conditions.and(format!("s.outcome = {outcome}"));
    }
    Ok(conditions)
}

fn to_row(sign_in: &SignIn) -> Result<Model, Error> {
    Ok(Model {
        id: sign_in.id.0,
        provider_id: sign_in.provider.map(|id| id.0),
        user_id: sign_in.user.map(|id| id.0),
        name: sign_in.name.clone(),
        at: millis(sign_in.at),
        outcome: word(sign_in.outcome)?,
        means: sign_in.means.clone(),
        address: sign_in.address.clone(),
        claims: sign_in.claims.as_ref().map(json).transpose()?,
        evidence: sign_in.evidence.as_ref().map(json).transpose()?,
        notes: json(&sign_in.notes)?,
    })
}

fn to_sign_in(row: Model) -> Result<SignIn, Error> {
    const TABLE: &str = "sign_ins";
    Ok(SignIn {
        id: SignInId(row.id),
        provider: row.provider_id.map(ProviderId),
        user: row.user_id.map(UserId),
        name: row.name,
        at: instant(row.at),
        outcome: from_word(TABLE, &row.outcome)?,
        means: row.means,
        address: row.address,
        claims: from_json_option(TABLE, row.claims.as_deref())?,
        evidence: from_json_option(TABLE, row.evidence.as_deref())?,
        notes: from_json(TABLE, &row.notes)?,
    })
}

/// Sign-ins that ended in one way on one day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayCount {
    /// The day, at its beginning (UTC).
    pub day: DateTime<Utc>,
    /// How they ended.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
}

/// Sign-ins since an instant, counted by day and outcome; days without any are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_day(reader: &impl Reader, since: DateTime<Utc>) -> Result<Vec<DayCount>, Error> {
    const DAY: i64 = 86_400_000;
    #[derive(sea_orm::FromQueryResult)]
    struct Counted {
        day: i64,
        outcome: String,
        many: i64,
    }
    let sql = "SELECT s.at / 86400000 AS day, s.outcome, COUNT(*) AS many FROM sign_ins s \
               WHERE s.at >= $1 GROUP BY s.at / 86400000, s.outcome ORDER BY 1, 2";
    let rows: Vec<Counted> =
        sql::all(reader, sql::ask(reader, sql, [millis(since).into()])).await?;
    rows.into_iter()
        .map(|row| {
            Ok(DayCount {
                day: instant(row.day * DAY),
                outcome: from_word("sign_ins", &row.outcome)?,
                count: count(row.many),
            })
        })
        .collect()
}
