//! The few words in which SQLite and PostgreSQL differ.
//!
//! `ID` a UUID · `NUMBER` 64 bits · `MILLIS` an instant as milliseconds since 1970 (one comparable integer in both,
//! exact, and equal to what the audit chain hashes) · `FLAG` a truth value · `WORD` text compared byte by byte, so that
//! both order alike and prefix ranges use the index · `ROW_AND_ID` the primary key of a searched table (the trigram
//! index of SQLite needs a stable number beside the id) · `STRICT` and `CLUSTERED` SQLite's table kinds.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Runs `sql`, translated.
pub(crate) async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let sql = translate(sql, manager.get_database_backend());
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

fn translate(sql: &str, backend: DbBackend) -> String {
    let mut out = String::with_capacity(sql.len() + 256);
    let mut word = String::new();
    for c in sql.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            out.push_str(meaning(&word, backend));
            word.clear();
            out.push(c);
        }
    }
    out.push_str(meaning(&word, backend));
    out
}

fn meaning(word: &str, backend: DbBackend) -> &str {
    let lite = backend == DbBackend::Sqlite;
    match word {
        "ID" if lite => "BLOB",
        "ID" => "UUID",
        "NUMBER" | "MILLIS" | "FLAG" if lite => "INTEGER",
        "NUMBER" | "MILLIS" => "BIGINT",
        "FLAG" => "BOOLEAN",
        "WORD" if lite => "TEXT",
        "WORD" => "TEXT COLLATE \"C\"",
        "ROW_AND_ID" if lite => "row INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE",
        "ROW_AND_ID" => "id UUID PRIMARY KEY",
        "STRICT" if !lite => "",
        "CLUSTERED" if lite => "STRICT, WITHOUT ROWID",
        "CLUSTERED" => "",
        other => other,
    }
}

/// Whether the step runs on SQLite.
pub(crate) fn is_sqlite(manager: &SchemaManager<'_>) -> bool {
    manager.get_database_backend() == DbBackend::Sqlite
}
