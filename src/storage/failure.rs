//! What a database says when it cannot, in the words of an admin.

use muster_domain::{Error, Kind};
use sea_orm::sqlx::{self, error::DatabaseError};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

/// Every failure of the database, in words. SQL and values go to the log alone.
pub(crate) fn fail(error: DbErr) -> Error {
    let told = match &error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => busy(),
        DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => gone(),
        DbErr::Conn(RuntimeErr::SqlxError(sqlx))
        | DbErr::Exec(RuntimeErr::SqlxError(sqlx))
        | DbErr::Query(RuntimeErr::SqlxError(sqlx)) => of_sqlx(sqlx),
        DbErr::Conn(_) => gone(),
        _ => unexpected(),
    };
    told.internal(error)
}

/// A failure while the tables were brought to shape.
pub(crate) fn migration(error: DbErr) -> Error {
    let told = fail(error);
    if told.code != "DB-008" {
        return told;
    }
    Error {
        public: "The tables could not be brought to this version's shape. Nothing was changed.".into(),
        next: Some("Look into the log for the reason. A database of a newer Muster cannot be opened by an older one.".into()),
        ..told
    }
}

/// A stored value that cannot be read.
pub(crate) fn unreadable(table: &str, what: impl std::fmt::Display) -> Error {
    Error::new(
        "DB-011",
        Kind::Internal,
        "A stored row cannot be read. It was written by another version or changed by hand.",
    )
    .next("Look into the log for the row, and restore it from a backup.")
    .internal(format!("{table}: {what}"))
}

fn of_sqlx(error: &sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(told) => of_database(told.as_ref()),
        sqlx::Error::PoolTimedOut => busy(),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => gone(),
        sqlx::Error::Configuration(_) => Error::new(
            "DB-009",
            Kind::Invalid,
            "The database address cannot be read.",
        )
        .next("Use sqlite://path/to/muster.db or postgres://user:password@host/database."),
        _ => unexpected(),
    }
}

fn of_database(told: &dyn DatabaseError) -> Error {
    if told.is_unique_violation() {
        return taken(told);
    }
    if told.is_foreign_key_violation() {
        return Error::new(
            "DB-021",
            Kind::Conflict,
            "Something this refers to was removed meanwhile, or is still in use.",
        )
        .next("Reload the page and try again.");
    }
    let code = told.code().unwrap_or_default();
    match code.parse::<u32>() {
        // SQLite: primary result code in the low byte (sqlite.org/rescode.html). SQLSTATEs have five characters.
        Ok(number) if code.len() < 5 => of_sqlite(number & 0xff),
        _ => of_postgres(&code),
    }
}

fn of_sqlite(code: u32) -> Error {
    match code {
        5 | 6 => locked(),
        8 | 3 => read_only(),
        10 | 14 => gone(),
        13 => full(),
        11 | 26 => damaged(),
        _ => unexpected(),
    }
}

/// SQLSTATE (PostgreSQL manual, appendix A).
fn of_postgres(code: &str) -> Error {
    match code {
        "53100" => full(),
        "53300" | "53400" | "57014" => busy(),
        "25006" => read_only(),
        "55P03" => locked(),
        "40001" | "40P01" => Error::new(
            "DB-022",
            Kind::Conflict,
            "Somebody else changed the same thing at the same moment. Nothing was saved.",
        )
        .next("Try again."),
        "XX001" | "XX002" => damaged(),
        "28000" | "28P01" => Error::new(
            "DB-007",
            Kind::Unavailable,
            "The database does not accept the user or password it was given.",
        )
        .next("Check the database address in the settings of this server."),
        "3D000" => Error::new(
            "DB-007",
            Kind::Unavailable,
            "The database server has no database of that name.",
        )
        .next("Create it, or correct the database address in the settings of this server."),
        _ if code.starts_with("08") || code.starts_with("57P") => gone(),
        _ => unexpected(),
    }
}

/// Which name is taken already, by the unique index: `users_username` or, as SQLite says it, `users.username_key`.
fn taken(told: &dyn DatabaseError) -> Error {
    let at = told.constraint().unwrap_or_else(|| told.message());
    let told_of = |words: &[&str]| words.iter().any(|word| at.contains(word));
    if told_of(&["users_username", "users.username_key"]) {
        return Error::new("USR-001", Kind::Conflict, "This username is taken.")
            .field("username", "This username is taken. Choose another one.");
    }
    if told_of(&["groups_name", "groups.name_key"]) {
        return Error::new("GRP-001", Kind::Conflict, "A group of this name exists.")
            .field("name", "Choose another name.");
    }
    if told_of(&["identity_providers_slug", "identity_providers.slug"]) {
        return Error::new(
            "IDP-001",
            Kind::Conflict,
            "An identity provider with this short name exists.",
        )
        .field("slug", "Choose another short name.");
    }
    if told_of(&["directories_name", "directories.name_key"]) {
        return Error::new(
            "DIR-001",
            Kind::Conflict,
            "A directory of this name exists.",
        )
        .field("name", "Choose another name.");
    }
    if told_of(&["idp_subjects"]) {
        return Error::new(
            "IDP-002",
            Kind::Conflict,
            "This identity at the provider is linked to a user already.",
        )
        .next("Unlink it there first.");
    }
    if told_of(&["accounts_external", "accounts.directory_id"]) {
        return Error::new(
            "DIR-002",
            Kind::Conflict,
            "This account of the directory belongs to a user already.",
        );
    }
    Error::new(
        "DB-020",
        Kind::Conflict,
        "This exists already. Nothing was saved.",
    )
    .next("Reload the page to see what is there.")
}

fn unavailable(code: &'static str, public: &'static str, next: &'static str) -> Error {
    Error::new(code, Kind::Unavailable, public).next(next)
}

fn locked() -> Error {
    unavailable(
        "DB-001",
        "The database is locked by another program. Nothing was saved.",
        "Wait for a backup or another tool to finish, then try again.",
    )
}

fn full() -> Error {
    unavailable(
        "DB-002",
        "The disk of the database is full. Nothing was saved.",
        "Free some space on the server, then try again. No restart is needed.",
    )
}

fn read_only() -> Error {
    unavailable(
        "DB-003",
        "The database can be read but not written. Nothing was saved.",
        "Check the permissions of the database file and its folder, or whether the server is a standby.",
    )
}

fn gone() -> Error {
    unavailable(
        "DB-004",
        "The database cannot be reached.",
        "Check that it runs and that this server may reach it. No restart is needed.",
    )
}

fn busy() -> Error {
    unavailable(
        "DB-005",
        "The database is busy and did not answer in time.",
        "Try again in a moment.",
    )
}

fn damaged() -> Error {
    unavailable(
        "DB-006",
        "The database file is damaged or is no database.",
        "Restore it from a backup.",
    )
}

fn unexpected() -> Error {
    Error::new(
        "DB-008",
        Kind::Internal,
        "The database did not accept the question.",
    )
    .next("Report this to whoever maintains Muster, with the request's number.")
}
