//! Many rows by few statements, all of the same text but for the last, so that the database reads it once.

use muster_domain::Error;
use sea_orm::{DbBackend, Statement, Value};

use crate::Tx;
use crate::sql;

/// Values that are bound at once. SQLite takes 32 766 and PostgreSQL 65 535; beyond this nothing is won.
const VALUES: usize = 1_800;

/// Where rows go, and what to do when one is there.
pub(crate) struct Insert<'a> {
    /// `INSERT INTO table (columns) VALUES`: first those that all rows share.
    pub(crate) into: &'a str,
    /// What stands behind the rows.
    pub(crate) tail: &'a str,
    /// What all rows share.
    pub(crate) shared: Vec<Value>,
}

impl Insert<'_> {
    /// Writes rows of so many values each; gives how many were new.
    pub(crate) async fn rows<const N: usize, T>(
        &self,
        tx: &Tx,
        rows: &[T],
        values_of: impl Fn(&T) -> Result<[Value; N], Error>,
    ) -> Result<u64, Error> {
        let width = self.shared.len() + N;
        let make = |some: &[T]| {
            let mut values = Vec::with_capacity(some.len() * width);
            for row in some {
                values.extend(self.shared.iter().cloned());
                values.extend(values_of(row)?);
            }
            let backend = sql::ask(tx, "", []).db_backend;
            let text = self.text(backend, some.len(), width);
            Ok(Statement::from_sql_and_values(backend, text, values))
        };
        let mut parts = rows.chunks(VALUES / width).map(make);
        let mut next = parts.next().transpose()?;
        let mut written = 0;
        while let Some(statement) = next {
            // The next one is put together while the database writes this one.
            let following = async { parts.next().transpose() };
            let (now, made) = tokio::join!(sql::change(tx, statement), following);
            written += now?;
            next = made?;
        }
        Ok(written)
    }

    /// SQLite seeks each place-holder that bears a number among all of them, once for every value.
    fn text(&self, backend: DbBackend, rows: usize, width: usize) -> String {
        let mut text = String::with_capacity(self.into.len() + rows * width * 6);
        text.push_str(self.into);
        for at in 0..rows * width {
            text.push_str(match at {
                0 => " (",
                _ if at % width == 0 => "), (",
                _ => ", ",
            });
            match backend {
                DbBackend::Sqlite => text.push('?'),
                _ => text.push_str(&format!("${}", at + 1)),
            }
        }
        text.push(')');
        text.push_str(self.tail);
        text
    }
}
