//! Hand-written questions: conditions that grow with a filter, and the plumbing to ask them.

use muster_domain::Error;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::Reader;
use crate::failure::fail;

/// Largest number of values bound at once: SQLite's old limit of 999, with room for others.
pub(crate) const BATCH: usize = 900;

/// Conditions joined by AND, with their values.
#[derive(Debug)]
pub(crate) struct Where {
    backend: DbBackend,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Where {
    pub(crate) fn on(reader: &impl Reader) -> Self {
        Self {
            backend: reader.source().get_database_backend(),
            conditions: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.backend == DbBackend::Sqlite
    }

    /// Takes a value and gives its place-holder; both databases read `$1`.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Takes ids, however many, as one value; gives what stands behind `IN`. SQLite reads a question anew for each number
    /// of place-holders, and seeks each of them among all.
    pub(crate) fn bind_ids(&mut self, ids: impl IntoIterator<Item = Uuid>) -> String {
        let ids = ids.into_iter().map(|id| id.simple().to_string());
        let listed = serde_json::Value::from_iter(ids).to_string();
        let listed = self.bind(listed);
        match self.is_sqlite() {
            true => format!("(SELECT unhex(value) FROM json_each({listed}))"),
            false => format!(
                "(SELECT CAST(id AS uuid) FROM json_array_elements_text(CAST({listed} AS json)) AS listed(id))"
            ),
        }
    }

    pub(crate) fn and(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// ` WHERE …`, or nothing.
    pub(crate) fn clause(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        }
    }

    pub(crate) fn statement(&self, sql: String) -> Statement {
        Statement::from_sql_and_values(self.backend, sql, self.values.clone())
    }
}

/// Every row of a question.
pub(crate) async fn all<T: FromQueryResult>(
    reader: &impl Reader,
    statement: Statement,
) -> Result<Vec<T>, Error> {
    let rows = reader
        .source()
        .query_all_raw(statement)
        .await
        .map_err(fail)?;
    rows.iter()
        .map(|row| T::from_query_result(row, "").map_err(fail))
        .collect()
}

/// At most one row of a question.
pub(crate) async fn one<T: FromQueryResult>(
    reader: &impl Reader,
    statement: Statement,
) -> Result<Option<T>, Error> {
    let row = reader
        .source()
        .query_one_raw(statement)
        .await
        .map_err(fail)?;
    row.map(|row| T::from_query_result(&row, "").map_err(fail))
        .transpose()
}

/// A number.
pub(crate) async fn number(reader: &impl Reader, statement: Statement) -> Result<i64, Error> {
    let row = reader
        .source()
        .query_one_raw(statement)
        .await
        .map_err(fail)?;
    row.map_or(Ok(0), |row| row.try_get_by_index(0).map_err(fail))
}

/// How many of these ids a table holds; each is given once.
pub(crate) async fn count_of(
    reader: &impl Reader,
    table: &str,
    ids: impl ExactSizeIterator<Item = Uuid>,
) -> Result<usize, Error> {
    let mut wanted = Where::on(reader);
    let ids = wanted.bind_ids(ids);
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE id IN {ids}");
    let counted = number(reader, wanted.statement(sql)).await?;
    Ok(usize::try_from(counted).unwrap_or_default())
}

/// Changes rows; gives how many.
pub(crate) async fn change(reader: &impl Reader, statement: Statement) -> Result<u64, Error> {
    let done = reader.source().execute_raw(statement).await.map_err(fail)?;
    Ok(done.rows_affected())
}

/// A question with fixed text.
pub(crate) fn ask<const N: usize>(
    reader: &impl Reader,
    sql: &str,
    values: [Value; N],
) -> Statement {
    Statement::from_sql_and_values(reader.source().get_database_backend(), sql, values)
}
