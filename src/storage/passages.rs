//! How somebody who is signed in here comes into an application behind a proxy: a code that hands them over once, and
//! the passage it is exchanged for, which lasts as long as the browser session it belongs to.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::application::Origin;
use muster_domain::id::{ApplicationId, GroupId, UserId};
use muster_domain::session::SessionKey;
use sea_orm::{FromQueryResult, QueryResult};
use uuid::Uuid;

use crate::failure::unreadable;
use crate::nested::{above_sql, each_sql};
use crate::packed::unpacked;
use crate::row::{instant, millis};
use crate::sessions::{Hot, hot, signed_in_sql};
use crate::sql::Where;
use crate::{Reader, SignedIn, Tx, sql};

/// A code that waits to be exchanged, by its hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// Its hash.
    pub hash: String,
    /// For which application.
    pub application: ApplicationId,
    /// Out of which browser session.
    pub session: SessionKey,
    /// The hash of what the browser keeps at the application's host.
    pub flow: String,
    /// Path and query to go on to there.
    pub return_to: String,
    /// Until when it counts.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a code.
///
/// # Errors
/// `DB-021` when the application is gone.
pub async fn keep_code(tx: &Tx, code: &Code) -> Result<(), Error> {
    let sql = "INSERT INTO application_codes (code_hash, application_id, session_key, flow_hash, return_to, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        code.hash.as_str().into(),
        code.application.0.into(),
        code.session.0.as_str().into(),
        code.flow.as_str().into(),
        code.return_to.as_str().into(),
        millis(code.expires_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct CodeRow {
    application_id: Uuid,
    session_key: String,
    flow_hash: String,
    return_to: String,
    expires_at: i64,
}

/// Whether there is such a code.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_kept(reader: &impl Reader, hash: &str) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM application_codes WHERE code_hash = $1";
    Ok(sql::number(reader, sql::ask(reader, sql, [hash.into()])).await? > 0)
}

/// Takes a code, whether it still counts or not: of two that ask for it, one gets it.
///
/// # Errors
/// Why the database refused.
pub async fn take_code(tx: &Tx, hash: &str) -> Result<Option<Code>, Error> {
    let sql = "SELECT application_id, session_key, flow_hash, return_to, expires_at \
               FROM application_codes WHERE code_hash = $1";
    let row: Option<CodeRow> = sql::one(tx, sql::ask(tx, sql, [hash.into()])).await?;
    let sql = "DELETE FROM application_codes WHERE code_hash = $1";
    let taken = sql::change(tx, sql::ask(tx, sql, [hash.into()])).await? > 0;
    Ok(row.filter(|_| taken).map(|row| Code {
        hash: hash.to_owned(),
        application: ApplicationId(row.application_id),
        session: SessionKey(row.session_key),
        flow: row.flow_hash,
        return_to: row.return_to,
        expires_at: instant(row.expires_at),
    }))
}

/// Lets a browser session in at an origin, under the hash of a token that the browser keeps there.
///
/// # Errors
/// Why the database refused.
pub async fn open(
    tx: &Tx,
    token_hash: &str,
    session: &SessionKey,
    origin: &Origin,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "INSERT INTO application_passages (token_hash, session_key, origin, created_at) \
               VALUES ($1, $2, $3, $4)";
    let values = [
        token_hash.into(),
        session.0.as_str().into(),
        origin.as_str().into(),
        millis(at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Passages and codes follow their browser session to its new name.
///
/// # Errors
/// Why the database refused.
pub async fn follow(tx: &Tx, before: &SessionKey, after: &SessionKey) -> Result<(), Error> {
    for table in ["application_passages", "application_codes"] {
        let sql = format!("UPDATE {table} SET session_key = $1 WHERE session_key = $2");
        let values = [after.0.as_str().into(), before.0.as_str().into()];
        sql::change(tx, sql::ask(tx, &sql, values)).await?;
    }
    Ok(())
}

/// Somebody who came in at an origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Entered {
    /// Who, and the browser session here.
    pub person: SignedIn,
    /// The groups they are in, directly and through others.
    pub groups: Vec<(GroupId, String)>,
    /// Where they came in.
    pub origin: Origin,
}

struct EnteredRow {
    hot: Hot,
    key: String,
    origin: String,
    groups: String,
}

impl FromQueryResult for EnteredRow {
    fn from_query_result(row: &QueryResult, pre: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            hot: Hot::from_query_result(row, pre)?,
            key: row.try_get(pre, "id_hash")?,
            origin: row.try_get(pre, "passage_origin")?,
            groups: row.try_get(pre, "member_of")?,
        })
    }
}

/// Who came in with this token, with everything about them that decides; in one question. None: nobody, or the session
/// is over.
///
/// # Errors
/// Why the database cannot answer.
pub async fn entered(
    reader: &impl Reader,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Entered>, Error> {
    let passage = |column: &str| {
        format!("(SELECT p.{column} FROM application_passages p WHERE p.token_hash = $1)")
    };
    let more = format!(
        ", s.id_hash, {} AS passage_origin, {} AS member_of",
        passage("origin"),
        groups_sql(reader, "s.user_id")
    );
    let sql = signed_in_sql(reader, &more, &passage("session_key"));
    let values = [token_hash.into(), millis(now).into()];
    let row: Option<EnteredRow> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let Some(person) = hot(row.hot, &SessionKey(row.key))? else {
        return Ok(None);
    };
    Ok(Some(Entered {
        person,
        groups: to_groups(&row.groups)?,
        origin: Origin::recall(row.origin),
    }))
}

/// The groups a person is in, directly and through others, by name.
///
/// # Errors
/// Why the database cannot answer.
pub async fn groups_of(
    reader: &impl Reader,
    user: UserId,
) -> Result<Vec<(GroupId, String)>, Error> {
    #[derive(FromQueryResult)]
    struct Packed {
        member_of: String,
    }
    let sql = format!("SELECT {} AS member_of", groups_sql(reader, "$1"));
    let row: Option<Packed> = sql::one(reader, sql::ask(reader, &sql, [user.0.into()])).await?;
    row.map_or_else(|| Ok(Vec::new()), |row| to_groups(&row.member_of))
}

fn groups_sql(reader: &impl Reader, user: &str) -> String {
    let on = Where::on(reader);
    let id = on.id_text("n.id");
    let packed = on.packed(&format!("{id}, n.name"), "n.name");
    let named = each_sql(reader, "above a", "groups g", "g.id, g.name", "g.id = a.id");
    format!(
        "({} SELECT {packed} FROM (SELECT g.id, g.name FROM {named} ORDER BY g.name) n)",
        above_sql(reader, user)
    )
}

fn to_groups(packed: &str) -> Result<Vec<(GroupId, String)>, Error> {
    let rows: Vec<(String, String)> = unpacked("groups", packed)?;
    rows.into_iter()
        .map(|(id, name)| {
            let id = Uuid::parse_str(&id).map_err(|error| unreadable("groups", error))?;
            Ok((GroupId(id), name))
        })
        .collect()
}

/// Sweeps away codes that are over, and passages whose browser session is gone. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, now: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM application_codes WHERE expires_at <= $1";
    let codes = sql::change(tx, sql::ask(tx, sql, [millis(now).into()])).await?;
    let sql = "DELETE FROM application_passages WHERE NOT EXISTS \
               (SELECT 1 FROM sessions s WHERE s.id_hash = application_passages.session_key)";
    Ok(codes + sql::change(tx, sql::ask(tx, sql, [])).await?)
}
