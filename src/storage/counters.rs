//! Counts that are kept up with every change, so that no page counts rows.

use muster_domain::Error;
use sea_orm::FromQueryResult;

use crate::row::count;
use crate::{Reader, Tx, sql};

/// How many users there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Users {
    /// Those who may come in.
    pub active: u64,
    /// Those who may not.
    pub deactivated: u64,
}

impl Users {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.active + self.deactivated
    }
}

#[derive(FromQueryResult)]
struct Counter {
    name: String,
    value: i64,
}

/// How many users there are.
///
/// # Errors
/// Why the database cannot answer.
pub async fn users(reader: &impl Reader) -> Result<Users, Error> {
    let sql =
        "SELECT name, value FROM counters WHERE name IN ('users_active', 'users_deactivated')";
    let rows: Vec<Counter> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    let of = |name: &str| {
        let row = rows.iter().find(|row| row.name == name);
        row.map_or(0, |row| count(row.value))
    };
    Ok(Users {
        active: of("users_active"),
        deactivated: of("users_deactivated"),
    })
}

/// How many groups there are.
///
/// # Errors
/// Why the database cannot answer.
pub async fn groups(reader: &impl Reader) -> Result<u64, Error> {
    let sql = "SELECT value FROM counters WHERE name = 'groups'";
    Ok(count(sql::number(reader, sql::ask(reader, sql, [])).await?))
}

/// Compares what is kept with what is there; the counters that do not fit, in words.
///
/// # Errors
/// Why the database cannot answer.
pub async fn verify(reader: &impl Reader) -> Result<Vec<String>, Error> {
    let sql = "SELECT 'groups' AS name, COUNT(*) AS value FROM groups \
               UNION ALL SELECT 'users_' || states.state, \
               (SELECT COUNT(*) FROM users u WHERE u.state = states.state) \
               FROM (SELECT 'active' AS state UNION ALL SELECT 'deactivated') states";
    let real: Vec<Counter> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    let kept: Vec<Counter> = sql::all(
        reader,
        sql::ask(reader, "SELECT name, value FROM counters", []),
    )
    .await?;
    Ok(real
        .iter()
        .filter_map(|real| {
            let kept = kept.iter().find(|kept| kept.name == real.name)?;
            (kept.value != real.value).then(|| {
                format!(
                    "{}: {} are kept, {} are there",
                    real.name, kept.value, real.value
                )
            })
        })
        .collect())
}

pub(crate) async fn add(tx: &Tx, name: &'static str, change: i64) -> Result<(), Error> {
    let sql = "UPDATE counters SET value = value + $1 WHERE name = $2";
    sql::change(tx, sql::ask(tx, sql, [change.into(), name.into()])).await?;
    Ok(())
}
