//! Under which ids directories know groups, and by what sign a sync knows that nothing of one is to be done.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId};
use muster_domain::record::ExternalId;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::entities::group_sources;
use crate::failure::fail;
use crate::groups::{Group, get_many};
use crate::reader::sealed::Source as _;
use crate::source_digests::Kept;
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

const GROUPS: Kept = Kept {
    table: "group_sources",
    subject: "group_id",
    but: Some("substr(source_digest, 1, 1) <> '~'"),
};

/// Notes under which id a directory knows a group.
///
/// # Errors
/// `DB-020` when the directory's id is taken by another group.
pub async fn add_source(
    tx: &Tx,
    group: GroupId,
    directory: DirectoryId,
    external_id: &ExternalId,
) -> Result<(), Error> {
    let row = group_sources::Model {
        directory_id: directory.0,
        external_id: external_id.0.clone(),
        group_id: group.0,
        source_digest: None,
    };
    let inserted = group_sources::Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Forgets under which id a directory knows a group. Says whether it did know.
///
/// # Errors
/// Why the database cannot answer.
pub async fn remove_source(
    tx: &Tx,
    group: GroupId,
    directory: DirectoryId,
    external_id: &ExternalId,
) -> Result<bool, Error> {
    let done = group_sources::Entity::delete_by_id((directory.0, external_id.0.clone()))
        .filter(group_sources::Column::GroupId.eq(group.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected > 0)
}

/// Groups of a directory with every directory that knows them, in the order of their ids: a page of at most `limit` of
/// the directory's own, after one of them.
///
/// # Errors
/// Why the database cannot answer.
pub async fn page_of_directory(
    reader: &impl Reader,
    directory: DirectoryId,
    after: Option<&ExternalId>,
    limit: u64,
) -> Result<Vec<Sourced>, Error> {
    let mut question =
        group_sources::Entity::find().filter(group_sources::Column::DirectoryId.eq(directory.0));
    if let Some(after) = after {
        question = question.filter(group_sources::Column::ExternalId.gt(after.0.as_str()));
    }
    let rows = question
        .order_by_asc(group_sources::Column::ExternalId)
        .limit(limit)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    let ids: Vec<GroupId> = rows.iter().map(|row| GroupId(row.group_id)).collect();
    let known = get_many(reader, &ids).await?;
    let mut elsewhere = BTreeSet::new();
    for some in ids.chunks(sql::BATCH) {
        let others = group_sources::Entity::find()
            .filter(group_sources::Column::GroupId.is_in(some.iter().map(|id| id.0)))
            .filter(group_sources::Column::DirectoryId.ne(directory.0))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        elsewhere.extend(others.into_iter().map(|row| row.group_id));
    }
    let known: BTreeMap<Uuid, Group> = known.into_iter().map(|group| (group.id.0, group)).collect();
    let page = rows.into_iter().filter_map(|row| {
        let group = known.get(&row.group_id)?.clone();
        Some(Sourced {
            elsewhere: elsewhere.contains(&row.group_id),
            digest: row.source_digest,
            external_id: ExternalId(row.external_id),
            group,
        })
    });
    Ok(page.collect())
}

/// A group as one directory knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sourced {
    /// Its id there.
    pub external_id: ExternalId,
    /// The group here.
    pub group: Group,
    /// Whether another directory knows it, too.
    pub elsewhere: bool,
    /// What is kept with it: the fingerprint of what was here when a sync last looked; none, or behind a mark: worthless.
    pub digest: Option<String>,
}

/// The group that a directory knows under this id.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_source(
    reader: &impl Reader,
    directory: DirectoryId,
    external_id: &ExternalId,
) -> Result<Option<GroupId>, Error> {
    let row = group_sources::Entity::find_by_id((directory.0, external_id.0.clone()))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(|row| GroupId(row.group_id)))
}

/// Which groups a directory knows under these ids.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_sources(
    reader: &impl Reader,
    directory: DirectoryId,
    ids: &[ExternalId],
) -> Result<Vec<(ExternalId, GroupId)>, Error> {
    let mut found = Vec::new();
    for some in ids.chunks(BATCH - 1) {
        let ids = some.iter().map(|id| id.0.as_str());
        let rows = group_sources::Entity::find()
            .filter(group_sources::Column::DirectoryId.eq(directory.0))
            .filter(group_sources::Column::ExternalId.is_in(ids))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        let rows = rows.into_iter();
        found.extend(rows.map(|row| (ExternalId(row.external_id), GroupId(row.group_id))));
    }
    Ok(found)
}

/// Keeps a fingerprint with a group of a directory, unless what was kept with it is no longer what it was when somebody
/// looked.
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
    GROUPS
        .remember_if(tx, directory, external_id, was, digest)
        .await
}

/// Doubts what is kept with these groups, in every directory that knows them. What is doubted by `worker`, the directory
/// whose sync works on them, it doubted before: nobody else looks meanwhile.
///
/// # Errors
/// Why the database refused.
pub async fn mark(
    tx: &Tx,
    groups: &[GroupId],
    worker: Option<DirectoryId>,
    mark: &str,
) -> Result<(), Error> {
    let groups: Vec<Uuid> = groups.iter().map(|group| group.0).collect();
    GROUPS.mark(tx, &groups, worker, mark).await
}

#[derive(FromQueryResult)]
struct Found {
    directory_id: Uuid,
}

/// The directories that know any of these groups.
///
/// # Errors
/// Why the database cannot answer.
pub async fn directories_of(
    reader: &impl Reader,
    groups: &[GroupId],
) -> Result<Vec<DirectoryId>, Error> {
    let mut found = Vec::new();
    for some in groups.chunks(BATCH) {
        let mut wanted = Where::on(reader);
        let groups: Vec<String> = some.iter().map(|group| wanted.bind(group.0)).collect();
        let sql = format!(
            "SELECT DISTINCT directory_id FROM group_sources WHERE group_id IN ({})",
            groups.join(", ")
        );
        let rows: Vec<Found> = sql::all(reader, wanted.statement(sql)).await?;
        found.extend(rows.into_iter().map(|row| DirectoryId(row.directory_id)));
    }
    Ok(found)
}

/// A group whose fingerprint is worthless.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undigested {
    /// Its id at the directory.
    pub external_id: ExternalId,
    /// The group here.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// What is kept with it.
    pub digest: Option<String>,
}

#[derive(FromQueryResult)]
struct UndigestedRow {
    external_id: String,
    group_id: Uuid,
    name: String,
    source_digest: Option<String>,
}

/// Groups of a directory whose fingerprints are worthless, in the order of their ids there: a page behind `after`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn undigested(
    reader: &impl Reader,
    directory: DirectoryId,
    after: &str,
    limit: i64,
) -> Result<Vec<Undigested>, Error> {
    let sql = "SELECT s.external_id, s.group_id, g.name, s.source_digest FROM group_sources s \
               JOIN groups g ON g.id = s.group_id WHERE s.directory_id = $1 AND s.external_id > $2 \
               AND (s.source_digest IS NULL OR substr(s.source_digest, 1, 1) = '~') ORDER BY s.external_id LIMIT $3";
    let values = [directory.0.into(), after.into(), limit.into()];
    let rows: Vec<UndigestedRow> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    let page = rows.into_iter().map(|row| Undigested {
        external_id: ExternalId(row.external_id),
        group: GroupId(row.group_id),
        name: row.name,
        digest: row.source_digest,
    });
    Ok(page.collect())
}
