//! The audit chain: every change on record, each link hashed over the one before.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::audit::{AuditEvent, ROOT, link};
use muster_domain::listing::{At, Count, Cursor, Page};
use sea_orm::{EntityTrait, FromQueryResult, IntoActiveModel};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::entities::audit::{Entity, Model};
use crate::failure::{fail, unreadable};
use crate::keyset::{Order, Paging, Tie};
use crate::reader::sealed::Source as _;
use crate::row::{count, from_json, instant, json, millis};
use crate::sql::{self, Where};
use crate::user_list::escaped;
use crate::{Reader, Tx};

/// One recorded event with its place in the chain.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditRow {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// What happened.
    pub event: AuditEvent,
    /// The link before.
    pub previous: String,
    /// This link.
    pub hash: String,
}

/// Which events.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// By this person.
    pub actor_id: Option<Uuid>,
    /// Done to this.
    pub target_id: Option<Uuid>,
    /// Actions that begin so: `user.` or `user.create`.
    pub action: Option<String>,
    /// Part of the actor's, the action's or the target's name.
    pub q: Option<String>,
    /// From this instant on.
    pub from: Option<DateTime<Utc>>,
    /// Before this instant.
    pub until: Option<DateTime<Utc>>,
}

/// What a check of the chain found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Chain {
    /// Every link holds, so many there are.
    Intact(u64),
    /// The chain is broken from this number on.
    Broken {
        /// The first event that does not fit.
        seq: i64,
        /// What does not fit, in words.
        why: String,
    },
}

#[derive(FromQueryResult)]
struct Head {
    seq: i64,
    hash: String,
}

/// What was done with these targets from an instant on, by this action: for each time its detail.
///
/// # Errors
/// Why the database cannot answer.
pub async fn done_since(
    reader: &impl Reader,
    action: &str,
    targets: &[Uuid],
    since: DateTime<Utc>,
) -> Result<Vec<(Uuid, Value)>, Error> {
    #[derive(FromQueryResult)]
    struct Done {
        target_id: Uuid,
        detail: String,
    }
    let mut found = Vec::new();
    for some in targets.chunks(sql::BATCH - 2) {
        let mut wanted = Where::on(reader);
        let ids: Vec<String> = some.iter().map(|id| wanted.bind(*id)).collect();
        wanted.and(format!("target_id IN ({})", ids.join(", ")));
        let (action, since) = (wanted.bind(action), wanted.bind(millis(since)));
        wanted.and(format!("action = {action} AND at >= {since}"));
        let sql = format!("SELECT target_id, detail FROM audit{}", wanted.clause());
        for row in sql::all::<Done>(reader, wanted.statement(sql)).await? {
            found.push((row.target_id, from_json("audit", &row.detail)?));
        }
    }
    Ok(found)
}

async fn head(reader: &impl Reader) -> Result<Head, Error> {
    let sql = "SELECT seq, hash FROM audit_head WHERE id = 1";
    let head = sql::one(reader, sql::ask(reader, sql, [])).await?;
    head.ok_or_else(|| unreadable("audit_head", "the head of the audit chain is missing"))
}

/// Appends events. The head row is written first, so that writers on PostgreSQL wait for each other here.
pub(crate) async fn append(tx: &Tx, events: &[AuditEvent]) -> Result<(), Error> {
    let sql = "UPDATE audit_head SET seq = seq + $1 WHERE id = 1";
    let more = i64::try_from(events.len()).unwrap_or_default();
    sql::change(tx, sql::ask(tx, sql, [more.into()])).await?;
    let Head { seq, mut hash } = head(tx).await?;
    let mut rows = Vec::with_capacity(events.len());
    for (event, seq) in events.iter().zip(seq - more + 1..) {
        let event = kept(event)?;
        let next = link(&hash, seq, &event);
        rows.push(to_row(seq, event, hash, next.clone())?.into_active_model());
        hash = next;
    }
    // 12 columns a row.
    for some in rows.chunks(sql::BATCH / 12) {
        Entity::insert_many(some.to_vec())
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
    }
    let sql = "UPDATE audit_head SET hash = $1 WHERE id = 1";
    sql::change(tx, sql::ask(tx, sql, [hash.into()])).await?;
    Ok(())
}

/// The event exactly as it will be read back, so that its link can be computed again: keys in order, numbers as
/// text can carry them, milliseconds.
fn kept(event: &AuditEvent) -> Result<AuditEvent, Error> {
    let detail: Value = from_json("audit", &json(&in_order(&event.detail))?)?;
    Ok(AuditEvent {
        at: instant(millis(event.at)),
        detail,
        ..event.clone()
    })
}

fn in_order(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_unstable_by_key(|(key, _)| *key);
            let ordered: Map<String, Value> = keys
                .into_iter()
                .map(|(key, value)| (key.clone(), in_order(value)))
                .collect();
            Value::Object(ordered)
        }
        Value::Array(items) => Value::Array(items.iter().map(in_order).collect()),
        other => other.clone(),
    }
}

/// One page, by number. `Direction::Desc` is newest first. A cursor's key is the number; its id is not looked at.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    filter: &AuditFilter,
    paging: &Paging<()>,
) -> Result<Page<AuditRow>, Error> {
    let counted = conditions(reader, filter);
    let total = if counted.is_empty() {
        Count::Exact(count(head(reader).await?.seq))
    } else {
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM audit a{} LIMIT 10001) counted",
            counted.clause()
        );
        match count(sql::number(reader, counted.statement(sql)).await?) {
            many if many > 10_000 => Count::AtLeast(10_000),
            few => Count::Exact(few),
        }
    };
    let mut conditions = conditions(reader, filter);
    let order = Order {
        column: "a.seq",
        tie: Tie::None,
        numeric: true,
    };
    let tail = paging.apply(order, &mut conditions);
    let sql = format!("SELECT a.* FROM audit a{}{tail}", conditions.clause());
    let rows: Vec<Model> = sql::all(reader, conditions.statement(sql)).await?;
    let page = paging.page(rows, total, |row| place(row.seq));
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(to_audit)
            .collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

/// The newest events, newest first, at most `rows`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn tail(
    reader: &impl Reader,
    filter: &AuditFilter,
    rows: u64,
) -> Result<Vec<AuditRow>, Error> {
    let conditions = conditions(reader, filter);
    let sql = format!(
        "SELECT a.* FROM audit a{} ORDER BY a.seq DESC LIMIT {rows}",
        conditions.clause()
    );
    let rows: Vec<Model> = sql::all(reader, conditions.statement(sql)).await?;
    rows.into_iter().map(to_audit).collect()
}

/// Events after a number, oldest first, at most `rows`: for export, page by page.
///
/// # Errors
/// Why the database cannot answer.
pub async fn after(reader: &impl Reader, seq: i64, rows: u64) -> Result<Vec<AuditRow>, Error> {
    let paging = Paging {
        rows,
        ..Paging::at(At::After(place(seq)), 0)
    };
    Ok(list(reader, &AuditFilter::default(), &paging).await?.rows)
}

/// Computes the whole chain again, from the first event to the head.
///
/// # Errors
/// Why the database cannot answer.
pub async fn verify(reader: &impl Reader) -> Result<Chain, Error> {
    const AT_ONCE: u64 = 1000;
    let end = head(reader).await?;
    let (mut seq, mut hash) = (0, ROOT.to_owned());
    let broken = |seq: i64, why: &str| {
        Ok(Chain::Broken {
            seq,
            why: why.to_owned(),
        })
    };
    while seq < end.seq {
        let rows = after(reader, seq, AT_ONCE).await?;
        if rows.is_empty() {
            return broken(seq + 1, "The newest events are missing.");
        }
        for row in rows.into_iter().take_while(|row| row.seq <= end.seq) {
            if row.seq != seq + 1 {
                return broken(seq + 1, "Events are missing.");
            }
            if row.previous != hash {
                return broken(row.seq, "The event does not follow the one before it.");
            }
            if link(&hash, row.seq, &row.event) != row.hash {
                return broken(row.seq, "The event was changed after it was recorded.");
            }
            seq = row.seq;
            hash = row.hash;
        }
    }
    if hash != end.hash {
        return broken(seq, "The newest event is not the one the chain ends with.");
    }
    Ok(Chain::Intact(count(seq)))
}

fn conditions(reader: &impl Reader, filter: &AuditFilter) -> Where {
    let mut conditions = Where::on(reader);
    if let Some(actor) = filter.actor_id {
        let id = conditions.bind(actor);
        conditions.and(format!("a.actor_id = {id}"));
    }
    if let Some(target) = filter.target_id {
        let id = conditions.bind(target);
        conditions.and(format!("a.target_id = {id}"));
    }
    if let Some(action) = filter.action.as_deref().filter(|action| !action.is_empty()) {
        let from = conditions.bind(action);
        let to = conditions.bind(format!("{action}{}", char::MAX));
        conditions.and(format!("(a.action >= {from} AND a.action < {to})"));
    }
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        let like = conditions.bind(format!("%{}%", escaped(&q.to_lowercase())));
        conditions.and(format!(
            "(LOWER(a.actor) LIKE {like} ESCAPE '\\' OR LOWER(a.action) LIKE {like} ESCAPE '\\' \
             OR LOWER(a.target) LIKE {like} ESCAPE '\\')"
        ));
    }
    if let Some(from) = filter.from {
        let from = conditions.bind(millis(from));
        conditions.and(format!("a.at >= {from}"));
    }
    if let Some(until) = filter.until {
        let until = conditions.bind(millis(until));
        conditions.and(format!("a.at < {until}"));
    }
    conditions
}

fn place(seq: i64) -> Cursor {
    Cursor {
        key: seq.to_string(),
        id: Uuid::nil(),
    }
}

fn to_row(seq: i64, event: AuditEvent, previous: String, hash: String) -> Result<Model, Error> {
    Ok(Model {
        seq,
        detail: json(&event.detail)?,
        actor: event.actor,
        actor_id: event.actor_id,
        action: event.action,
        target: event.target,
        target_id: event.target_id,
        address: event.address,
        request_id: event.request_id,
        at: millis(event.at),
        previous,
        hash,
    })
}

fn to_audit(row: Model) -> Result<AuditRow, Error> {
    Ok(AuditRow {
        seq: row.seq,
        previous: row.previous,
        hash: row.hash,
        event: AuditEvent {
            actor: row.actor,
            actor_id: row.actor_id,
            action: row.action,
            target: row.target,
            target_id: row.target_id,
            // Text that is no JSON any more was changed by hand: keep it, so that the chain shows it broken.
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::String(row.detail)),
            address: row.address,
            request_id: row.request_id,
            at: instant(row.at),
        },
    })
}
