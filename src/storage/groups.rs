//! Groups: local ones, and those a directory brings.

use chrono::{DateTime, Utc};
use muster_domain::id::{DirectoryId, GroupId};
use muster_domain::listing::{Count, Cursor, Page};
use muster_domain::{Error, name};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter,
};
use uuid::Uuid;

pub use crate::group_sources::{
    Sourced, add_source, by_source, by_sources, directories_of, mark, page_of_directory,
    remember_if, remove_source, undigested,
};

use crate::entities::groups::{ActiveModel, Column, Entity, Model};
use crate::failure::fail;
use crate::keyset::{Order, Paging, Tie, by_number, by_text};
use crate::reader::sealed::Source as _;
use crate::row::{count, instant, millis};
use crate::sql::{self, BATCH, Where};
use crate::user_list::escaped;
use crate::{Reader, Tx, counters};

/// One group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; unique after [`name::key`].
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The directory it comes from; none: a local group.
    pub directory: Option<DirectoryId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its name or description last changed.
    pub updated_at: DateTime<Utc>,
}

/// Which groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GroupFilter {
    /// Part of a name or description.
    pub q: Option<String>,
    /// Those of this directory.
    pub directory: Option<DirectoryId>,
    /// Local groups alone, or all others.
    pub local: Option<bool>,
}

/// Orders of the list of groups.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupSort {
    /// By name.
    #[default]
    Name,
    /// By when the group was made.
    Created,
}

/// A group in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRow {
    /// The group.
    pub group: Group,
    /// How many people are in it directly.
    pub users: u64,
    /// How many groups are in it directly.
    pub groups: u64,
    /// The directory's name, if it comes from one.
    pub directory: Option<String>,
}

/// A new group.
///
/// # Errors
/// `GRP-001` when the name is taken.
pub async fn insert(tx: &Tx, group: &Group) -> Result<(), Error> {
    insert_many(tx, std::slice::from_ref(group)).await
}

/// Many new groups at once.
///
/// # Errors
/// `GRP-001` when a name is taken; none is inserted then.
pub async fn insert_many(tx: &Tx, groups: &[Group]) -> Result<(), Error> {
    for some in groups.chunks(BATCH / 8) {
        let rows: Vec<ActiveModel> = some
            .iter()
            .map(|group| to_row(group).into_active_model())
            .collect();
        let inserted = Entity::insert_many(rows);
        inserted
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
        tx.count("groups", i64::try_from(some.len()).unwrap_or_default());
    }
    Ok(())
}

/// One group.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: GroupId) -> Result<Option<Group>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(to_group))
}

/// How many of these groups there are; each is given once.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_of(reader: &impl Reader, wanted: &[GroupId]) -> Result<usize, Error> {
    sql::count_of(reader, "groups", wanted.iter().map(|id| id.0)).await
}

/// Several groups, in no order; those that are gone are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get_many(reader: &impl Reader, wanted: &[GroupId]) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::Id.is_in(some.iter().map(|id| id.0)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        groups.extend(rows.into_iter().map(to_group));
    }
    Ok(groups)
}

/// The group of this name, compared by [`name::key`].
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_name(reader: &impl Reader, wanted: &str) -> Result<Option<Group>, Error> {
    let row = Entity::find()
        .filter(Column::NameKey.eq(name::key(wanted)))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(to_group))
}

/// Every group, in order of name: at most `cap`. For choices in forms and for rules.
///
/// # Errors
/// Why the database cannot answer.
pub async fn all(reader: &impl Reader, cap: u64) -> Result<Vec<Group>, Error> {
    use sea_orm::{QueryOrder, QuerySelect};
    let rows = Entity::find()
        .order_by_asc(Column::NameKey)
        .limit(cap)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    Ok(rows.into_iter().map(to_group).collect())
}

/// Writes a group's name, description and time of change.
///
/// # Errors
/// `WEB-404` when there is no such group, `GRP-001` when the new name is taken.
pub async fn update(tx: &Tx, group: &Group) -> Result<(), Error> {
    let mut row = to_row(group).into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(group.id.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("group"));
    }
    Ok(())
}

/// Removes a group with its memberships both ways and the roles it held.
///
/// # Errors
/// `WEB-404` when there is no such group.
pub async fn delete(tx: &Tx, id: GroupId) -> Result<(), Error> {
    for sql in [
        "DELETE FROM memberships WHERE member_kind = 'group' AND member_id = $1",
        "DELETE FROM role_assignments WHERE principal_kind = 'group' AND principal_id = $1",
    ] {
        sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await?;
    }
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("group"));
    }
    tx.count("groups", -1);
    Ok(())
}

#[derive(FromQueryResult)]
struct Listed {
    id: Uuid,
    name: String,
    name_key: String,
    description: String,
    directory_id: Option<Uuid>,
    created_at: i64,
    updated_at: i64,
    directory: Option<String>,
    user_count: i64,
    group_count: i64,
}

/// One page of the list.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    filter: &GroupFilter,
    paging: &Paging<GroupSort>,
) -> Result<Page<GroupRow>, Error> {
    let mut conditions = conditions(reader, filter);
    let tail = paging.apply(order(paging.sort), &mut conditions);
    let outer_tail = tail.replace("g.", "p.");
    let members = |kind: &str| {
        format!(
            "(SELECT COUNT(DISTINCT m.member_id) FROM memberships m WHERE m.group_id = p.id AND m.member_kind = '{kind}')"
        )
    };
    let sql = format!(
        "SELECT p.*, (SELECT d.name FROM directories d WHERE d.id = p.directory_id) AS directory, \
         {} AS user_count, {} AS group_count \
         FROM (SELECT g.id, g.name, g.name_key, g.description, g.directory_id, g.created_at, g.updated_at \
         FROM groups g{}{tail}) p{outer_tail}",
        members("user"),
        members("group"),
        conditions.clause()
    );
    let rows: Vec<Listed> = sql::all(reader, conditions.statement(sql)).await?;
    let total = count_matching(reader, filter).await?;
    let page = paging.page(rows, total, |row| place(row, paging.sort));
    Ok(Page {
        rows: page.rows.into_iter().map(to_listed).collect(),
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

/// How many groups match. Without filters the maintained count answers.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_matching(reader: &impl Reader, filter: &GroupFilter) -> Result<Count, Error> {
    let conditions = conditions(reader, filter);
    if conditions.is_empty() {
        return Ok(Count::Exact(counters::groups(reader).await?));
    }
    let sql = format!("SELECT COUNT(*) FROM groups g{}", conditions.clause());
    let found = sql::number(reader, conditions.statement(sql)).await?;
    Ok(Count::Exact(count(found)))
}

fn conditions(reader: &impl Reader, filter: &GroupFilter) -> Where {
    let mut conditions = Where::on(reader);
    if let Some(q) = filter.q.as_deref().map(name::key).filter(|q| !q.is_empty()) {
        let pattern = conditions.bind(format!("%{}%", escaped(&q)));
        conditions.and(format!("g.search LIKE {pattern} ESCAPE '\\'"));
    }
    if let Some(directory) = filter.directory {
        let id = conditions.bind(directory.0);
        conditions.and(format!("g.directory_id = {id}"));
    }
    match filter.local {
        Some(true) => conditions.and("g.directory_id IS NULL".to_owned()),
        Some(false) => conditions.and("g.directory_id IS NOT NULL".to_owned()),
        None => {}
    }
    conditions
}

const fn order(sort: GroupSort) -> Order {
    let (column, numeric) = match sort {
        GroupSort::Name => ("g.name_key", false),
        GroupSort::Created => ("g.created_at", true),
    };
    Order {
        column,
        tie: Tie::Id("g.id"),
        numeric,
    }
}

fn place(row: &Listed, sort: GroupSort) -> Cursor {
    match sort {
        GroupSort::Name => by_text(&row.name_key, row.id),
        GroupSort::Created => by_number(row.created_at, row.id),
    }
}

fn to_listed(row: Listed) -> GroupRow {
    GroupRow {
        group: Group {
            id: GroupId(row.id),
            name: row.name,
            description: row.description,
            directory: row.directory_id.map(DirectoryId),
            created_at: instant(row.created_at),
            updated_at: instant(row.updated_at),
        },
        users: count(row.user_count),
        groups: count(row.group_count),
        directory: row.directory,
    }
}

fn to_row(group: &Group) -> Model {
    Model {
        id: group.id.0,
        name: group.name.clone(),
        name_key: name::key(&group.name),
        description: group.description.clone(),
        search: format!(
            "{}\n{}",
            name::key(&group.name),
            name::key(&group.description)
        ),
        directory_id: group.directory.map(|id| id.0),
        created_at: millis(group.created_at),
        updated_at: millis(group.updated_at),
    }
}

fn to_group(row: Model) -> Group {
    Group {
        id: GroupId(row.id),
        name: row.name,
        description: row.description,
        directory: row.directory_id.map(DirectoryId),
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
    }
}

/// The groups of these names, given as [`name::key`]s, in no order; names without a group are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_keys(reader: &impl Reader, keys: &[String]) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::with_capacity(keys.len());
    for some in keys.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::NameKey.is_in(some.iter().map(String::as_str)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        groups.extend(rows.into_iter().map(to_group));
    }
    Ok(groups)
}
