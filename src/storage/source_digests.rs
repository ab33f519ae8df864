//! By what sign a sync knows that an account is as the source says: the fingerprint kept with it
//! ([`muster_domain::plan::fingerprint`]), set, doubted, and asked for in pages.

use muster_domain::Error;
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::plan::fingerprint::MARK;
use muster_domain::record::ExternalId;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use serde::Deserialize;
use uuid::Uuid;

use crate::accounts::{Account, to_account};
use crate::entities::accounts::{Column, Entity};
use crate::failure::fail;
use crate::packed::unpacked;
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// An account as a sync keeps it in mind.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct KnownAccount {
    /// Its id at the directory.
    pub external_id: ExternalId,
    /// Whose it is.
    pub user: Uuid,
    /// What is kept with it; none, or behind a mark: worthless.
    pub digest: Option<String>,
}

#[derive(FromQueryResult)]
struct Packed {
    rows: String,
}

/// What a sync keeps in mind of a directory's accounts, in the order of their ids there: a page behind `after`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn known_page(
    reader: &impl Reader,
    directory: DirectoryId,
    after: Option<&ExternalId>,
    limit: u64,
) -> Result<Vec<KnownAccount>, Error> {
    let mut wanted = Where::on(reader);
    let directory = wanted.bind(directory.0);
    wanted.and(format!("directory_id = {directory}"));
    if let Some(after) = after {
        let after = wanted.bind(after.0.as_str());
        wanted.and(format!("external_id > {after}"));
    }
    let limit = wanted.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let user = wanted.id_text("user_id");
    let fields = format!("external_id, {user}, source_digest");
    let sql = format!(
        "SELECT {} AS rows FROM (SELECT external_id, user_id, source_digest FROM accounts{} \
         ORDER BY external_id LIMIT {limit}) page",
        wanted.packed(&fields, "external_id"),
        wanted.clause()
    );
    let found: Option<Packed> = sql::one(reader, wanted.statement(sql)).await?;
    found.map_or(Ok(Vec::new()), |found| unpacked("accounts", &found.rows))
}

/// What a sync keeps in mind of these accounts of a directory, in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn known_of(
    reader: &impl Reader,
    directory: DirectoryId,
    ids: &[ExternalId],
) -> Result<Vec<KnownAccount>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(BATCH - 1) {
        let mut wanted = Where::on(reader);
        let directory = wanted.bind(directory.0);
        wanted.and(format!("directory_id = {directory}"));
        let ids: Vec<String> = some.iter().map(|id| wanted.bind(id.0.as_str())).collect();
        wanted.and(format!("external_id IN ({})", ids.join(", ")));
        let user = wanted.id_text("user_id");
        let fields = format!("external_id, {user}, source_digest");
        let sql = format!(
            "SELECT {} AS rows FROM (SELECT external_id, user_id, source_digest FROM accounts{}) page",
            wanted.packed(&fields, "external_id"),
            wanted.clause()
        );
        let page: Option<Packed> = sql::one(reader, wanted.statement(sql)).await?;
        if let Some(page) = page {
            found.extend(unpacked::<KnownAccount>("accounts", &page.rows)?);
        }
    }
    Ok(found)
}

/// These accounts of a directory, as a whole, with what is kept with each; in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn close(
    reader: &impl Reader,
    directory: DirectoryId,
    ids: &[ExternalId],
) -> Result<Vec<(Account, Option<String>)>, Error> {
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(BATCH - 1) {
        let rows = Entity::find()
            .filter(Column::DirectoryId.eq(directory.0))
            .filter(Column::ExternalId.is_in(some.iter().map(|id| id.0.as_str())))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            let digest = row.source_digest.clone();
            found.push((to_account(row)?, digest));
        }
    }
    Ok(found)
}

/// Keeps a fingerprint with an account.
///
/// # Errors
/// Why the database refused.
pub async fn remember(
    tx: &Tx,
    directory: DirectoryId,
    external_id: &ExternalId,
    digest: &str,
) -> Result<(), Error> {
    let sql = "UPDATE accounts SET source_digest = $3 WHERE directory_id = $1 AND external_id = $2";
    let values = [
        directory.0.into(),
        external_id.0.as_str().into(),
        digest.into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Keeps a fingerprint with an account, unless what was kept with it is no longer what it was when somebody looked.
///
/// # Errors
/// Why the database refused.
pub async fn remember_if(
    tx: &Tx,
    directory: DirectoryId,
    external_id: &ExternalId,
    was: Option<&str>,
    digest: &str,
) -> Result<(), Error> {
    ACCOUNTS
        .remember_if(tx, directory, external_id, was, digest)
        .await
}

/// Keeps the digest of what a source said of an account before any mapping.
///
/// # Errors
/// Why the database refused.
pub async fn remember_raw(
    tx: &Tx,
    directory: DirectoryId,
    external_id: &ExternalId,
    raw: &str,
) -> Result<(), Error> {
    let sql = "UPDATE accounts SET raw_digest = $3 WHERE directory_id = $1 AND external_id = $2";
    let values = [
        directory.0.into(),
        external_id.0.as_str().into(),
        raw.into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Doubts what is kept with every account of these people, but not with that in the directory `spared`: it was looked at.
///
/// # Errors
/// Why the database refused.
pub async fn mark(
    tx: &Tx,
    people: &[UserId],
    spared: Option<DirectoryId>,
    mark: &str,
) -> Result<(), Error> {
    let people: Vec<Uuid> = people.iter().map(|user| user.0).collect();
    ACCOUNTS.mark(tx, &people, spared, mark).await
}

/// A table of what a sync keeps in mind of a directory, each row under its id there.
pub(crate) struct Kept {
    pub(crate) table: &'static str,
    /// Whom a row is about.
    pub(crate) subject: &'static str,
    /// Which rows of the spared directory are doubted for all that; none are without it.
    pub(crate) but: Option<&'static str>,
}

const ACCOUNTS: Kept = Kept {
    table: "accounts",
    subject: "user_id",
    but: None,
};

impl Kept {
    /// Keeps a fingerprint, unless what was kept is no longer what it was.
    pub(crate) async fn remember_if(
        &self,
        tx: &Tx,
        directory: DirectoryId,
        external_id: &ExternalId,
        was: Option<&str>,
        digest: &str,
    ) -> Result<(), Error> {
        let sql = format!(
            "UPDATE {} SET source_digest = $3 WHERE directory_id = $1 AND external_id = $2 \
             AND COALESCE(source_digest, '') = $4",
            self.table
        );
        let values = [
            directory.0.into(),
            external_id.0.as_str().into(),
            digest.into(),
            was.unwrap_or_default().into(),
        ];
        sql::change(tx, sql::ask(tx, &sql, values)).await?;
        Ok(())
    }

    /// Doubts what is kept about these subjects, except by the spared directory.
    pub(crate) async fn mark(
        &self,
        tx: &Tx,
        subjects: &[Uuid],
        spared: Option<DirectoryId>,
        mark: &str,
    ) -> Result<(), Error> {
        for some in subjects.chunks(BATCH - 2) {
            let mut wanted = Where::on(tx);
            let mark = wanted.bind(mark);
            let subjects: Vec<String> = some.iter().map(|id| wanted.bind(*id)).collect();
            wanted.and(format!("{} IN ({})", self.subject, subjects.join(", ")));
            if let Some(spared) = spared {
                let spared = wanted.bind(spared.0);
                let but = self.but.map(|but| format!(" OR {but}")).unwrap_or_default();
                wanted.and(format!("(directory_id <> {spared}{but})"));
            }
            let sql = format!(
                "UPDATE {} SET source_digest = {}{}",
                self.table,
                marked(&mark),
                wanted.clause()
            );
            sql::change(tx, wanted.statement(sql)).await?;
        }
        Ok(())
    }
}

/// What is kept, behind a new mark in place of an old one.
fn marked(mark: &str) -> String {
    let behind = MARK + 1;
    format!(
        "CAST({mark} AS text) || CASE WHEN source_digest IS NULL THEN '' \
         WHEN substr(source_digest, 1, 1) = '~' THEN substr(source_digest, {behind}) ELSE source_digest END"
    )
}

#[derive(FromQueryResult)]
struct Found {
    directory_id: Uuid,
}

/// The directories in which any of these people has an account.
///
/// # Errors
/// Why the database cannot answer.
pub async fn directories_of(
    reader: &impl Reader,
    people: &[UserId],
) -> Result<Vec<DirectoryId>, Error> {
    let mut found = Vec::new();
    for some in people.chunks(BATCH) {
        let mut wanted = Where::on(reader);
        let people: Vec<String> = some.iter().map(|user| wanted.bind(user.0)).collect();
        let sql = format!(
            "SELECT DISTINCT directory_id FROM accounts WHERE user_id IN ({})",
            people.join(", ")
        );
        let rows: Vec<Found> = sql::all(reader, wanted.statement(sql)).await?;
        found.extend(rows.into_iter().map(|row| DirectoryId(row.directory_id)));
    }
    Ok(found)
}
