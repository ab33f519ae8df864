//! Who is in which group, by what origin. Two origins are two rows: one ends without the other.

mod among;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::listing::{Count, Page};
use muster_domain::membership::{Member, Membership, Origin};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;

use crate::bulk::Insert;
use crate::entities::memberships::{Column, Entity, Model};
use crate::failure::{fail, unreadable};
use crate::keyset::{Order, Paging, Tie, by_text};
use crate::nested::{above_sql, below_sql, each_sql};
use crate::packed::unpacked;
use crate::reader::sealed::Source as _;
use crate::row::{count, instant, millis};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

pub use among::among;

/// One membership with names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipRow {
    /// Group, member, origin.
    pub membership: Membership,
    /// The group's name.
    pub group_name: String,
    /// When the member was added by this origin.
    pub added_at: DateTime<Utc>,
}

/// A member of a group with everything that put them there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberRow {
    /// Who.
    pub member: Member,
    /// The name of the person or group that people read.
    pub name: String,
    /// The username, for a person.
    pub username: Option<String>,
    /// Whether the person may come in; groups always may.
    pub is_active: bool,
    /// The origins, oldest first.
    pub origins: Vec<Origin>,
}

/// Adds members. One that is there by the same origin stays as it is.
///
/// # Errors
/// `DB-021` when a group is gone.
pub async fn add_many(
    tx: &Tx,
    memberships: &[Membership],
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let insert = Insert {
        into: "INSERT INTO memberships (added_at, group_id, member_kind, member_id, origin) VALUES",
        tail: " ON CONFLICT DO NOTHING",
        shared: vec![millis(at).into()],
    };
    let values = |one: &Membership| {
        Ok([
            one.group.0.into(),
            one.member.kind().into(),
            one.member.id().into(),
            one.origin.key().into(),
        ])
    };
    insert.rows(tx, memberships, values).await
}

/// Adds one member. Whether that is new for this origin.
///
/// # Errors
/// `DB-021` when the group is gone.
pub async fn add(tx: &Tx, membership: &Membership, at: DateTime<Utc>) -> Result<bool, Error> {
    Ok(add_many(tx, std::slice::from_ref(membership), at).await? > 0)
}

/// Ends a membership of one origin; others stay. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, membership: &Membership) -> Result<bool, Error> {
    let done = Entity::delete_by_id((
        membership.group.0,
        membership.member.kind().to_owned(),
        membership.member.id(),
        membership.origin.key(),
    ))
    .exec(&tx.source())
    .await
    .map_err(fail)?;
    Ok(done.rows_affected > 0)
}

/// Ends memberships, each of one origin; others stay. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn remove_many(tx: &Tx, memberships: &[Membership]) -> Result<u64, Error> {
    let mut removed = 0;
    for some in memberships.chunks(BATCH / 4) {
        let wanted = among::these(tx, some);
        let sql = format!("DELETE FROM memberships{}", wanted.clause());
        removed += sql::change(tx, wanted.statement(sql)).await?;
    }
    Ok(removed)
}

/// Whether nobody is directly in a group, whatever would have put them there.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_empty(reader: &impl Reader, group: GroupId) -> Result<bool, Error> {
    let found = Entity::find()
        .filter(Column::GroupId.eq(group.0))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(found.is_none())
}

/// Ends every membership of one origin, of every member. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn remove_origin(tx: &Tx, origin: Origin) -> Result<u64, Error> {
    let done = Entity::delete_many()
        .filter(Column::Origin.eq(origin.key()))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected)
}

#[derive(FromQueryResult)]
struct Named {
    group_id: Uuid,
    member_kind: String,
    member_id: Uuid,
    origin: String,
    added_at: i64,
    group_name: String,
}

/// The direct memberships of a person or group, by group name.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_member(reader: &impl Reader, member: Member) -> Result<Vec<MembershipRow>, Error> {
    let sql = "SELECT m.group_id, m.member_kind, m.member_id, m.origin, m.added_at, g.name AS group_name \
               FROM memberships m JOIN groups g ON g.id = m.group_id \
               WHERE m.member_kind = $1 AND m.member_id = $2 ORDER BY g.name_key, m.added_at, m.origin";
    let values = [member.kind().into(), member.id().into()];
    let rows: Vec<Named> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    rows.into_iter()
        .map(|row| {
            Ok(MembershipRow {
                group_name: row.group_name,
                added_at: instant(row.added_at),
                membership: read(row.group_id, &row.member_kind, row.member_id, &row.origin)?,
            })
        })
        .collect()
}

#[derive(FromQueryResult)]
struct Edge {
    group_id: Uuid,
    member_kind: String,
    member_id: Uuid,
    origin: String,
}

async fn edges(
    reader: &impl Reader,
    statement: sea_orm::Statement,
) -> Result<Vec<Membership>, Error> {
    let rows: Vec<Edge> = sql::all(reader, statement).await?;
    rows.iter()
        .map(|row| read(row.group_id, &row.member_kind, row.member_id, &row.origin))
        .collect()
}

/// Every membership that makes the groups a person is in, directly or through others: what
/// [`muster_domain::membership::effective`] needs.
///
/// # Errors
/// Why the database cannot answer.
pub async fn edges_around(reader: &impl Reader, user: UserId) -> Result<Vec<Membership>, Error> {
    #[derive(FromQueryResult)]
    struct Packed {
        edges: String,
    }
    let on = Where::on(reader);
    let columns = "m.group_id, m.member_kind, m.member_id, m.origin";
    let of_group = "m.member_kind = 'group' AND m.member_id = a.id";
    let nested = each_sql(reader, "above a", "memberships m", columns, of_group);
    let fields = format!(
        "{}, e.member_kind, {}, e.origin",
        on.id_text("e.group_id"),
        on.id_text("e.member_id")
    );
    let sql = format!(
        "{} SELECT {} AS edges FROM (SELECT {columns} FROM memberships m WHERE m.member_kind = 'user' \
         AND m.member_id = $1 UNION ALL SELECT {columns} FROM {nested}) e",
        above_sql(reader, "$1"),
        on.packed(&fields, "e.group_id"),
    );
    let row: Option<Packed> = sql::one(reader, sql::ask(reader, &sql, [user.0.into()])).await?;
    let rows: Vec<(Uuid, String, Uuid, String)> =
        row.map_or(Ok(Vec::new()), |row| unpacked("memberships", &row.edges))?;
    rows.into_iter()
        .map(|(group, kind, member, origin)| self::read(group, &kind, member, &origin))
        .collect()
}

/// Every membership of a group in a group: what [`muster_domain::membership::would_cycle`] needs.
///
/// # Errors
/// Why the database cannot answer.
pub async fn group_edges(reader: &impl Reader) -> Result<Vec<Membership>, Error> {
    let sql = "SELECT group_id, member_kind, member_id, origin FROM memberships WHERE member_kind = 'group'";
    edges(reader, sql::ask(reader, sql, [])).await
}

/// How many people are in a group, directly or through groups in it; each counts once.
///
/// # Errors
/// Why the database cannot answer.
pub async fn effective_members(reader: &impl Reader, group: GroupId) -> Result<u64, Error> {
    let sql = format!(
        "SELECT COUNT(DISTINCT m.member_id) FROM memberships m WHERE m.member_kind = 'user' AND m.group_id IN ({})",
        below_sql("$1")
    );
    let found = sql::number(reader, sql::ask(reader, &sql, [group.0.into()])).await?;
    Ok(count(found))
}

#[derive(FromQueryResult)]
struct Listed {
    member_kind: String,
    member_id: Uuid,
    name: String,
    sort: String,
    username: Option<String>,
    is_active: bool,
    origins: String,
}

/// The direct members of a group, one page: groups first, then people by name.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_group(
    reader: &impl Reader,
    group: GroupId,
    paging: &Paging<()>,
) -> Result<Page<MemberRow>, Error> {
    let order = Order {
        column: "sort",
        tie: Tie::Id("member_id"),
        numeric: false,
    };
    let mut page = Where::on(reader);
    let id = page.bind(group.0);
    let tail = paging.apply(order, &mut page);
    let join = if page.is_sqlite() {
        "group_concat"
    } else {
        "string_agg"
    };
    // Groups sort before people by the first letter of their key, then by name.
    let sql = format!(
        "SELECT * FROM (\
         SELECT m.member_kind, m.member_id, g.name AS name, 'a' || g.name_key AS sort, NULL AS username, \
         1 = 1 AS is_active, {join}(m.origin, ' ' ORDER BY m.added_at, m.origin) AS origins \
         FROM memberships m JOIN groups g ON g.id = m.member_id \
         WHERE m.group_id = {id} AND m.member_kind = 'group' \
         GROUP BY m.member_kind, m.member_id, g.name, g.name_key UNION ALL \
         SELECT m.member_kind, m.member_id, u.display_name AS name, 'b' || u.sort_key AS sort, u.username, \
         u.state = 'active' AS is_active, {join}(m.origin, ' ' ORDER BY m.added_at, m.origin) AS origins \
         FROM memberships m JOIN users u ON u.id = m.member_id \
         WHERE m.group_id = {id} AND m.member_kind = 'user' \
         GROUP BY m.member_kind, m.member_id, u.display_name, u.sort_key, u.username, u.state) members{}{tail}",
        page.clause()
    );
    let rows: Vec<Listed> = sql::all(reader, page.statement(sql)).await?;
    let total = "SELECT COUNT(*) FROM (SELECT DISTINCT member_kind, member_id FROM memberships WHERE group_id = $1) m";
    let total = sql::number(reader, sql::ask(reader, total, [group.0.into()])).await?;
    let page = paging.page(rows, Count::Exact(count(total)), |row| {
        by_text(&row.sort, row.member_id)
    });
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(to_member)
            .collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

fn to_member(row: Listed) -> Result<MemberRow, Error> {
    let origins = row
        .origins
        .split(' ')
        .map(read_origin)
        .collect::<Result<_, _>>()?;
    Ok(MemberRow {
        member: read_member(&row.member_kind, row.member_id)?,
        name: row.name,
        username: row.username,
        is_active: row.is_active,
        origins,
    })
}

fn read(group: Uuid, kind: &str, member: Uuid, origin: &str) -> Result<Membership, Error> {
    Ok(Membership {
        group: GroupId(group),
        member: read_member(kind, member)?,
        origin: read_origin(origin)?,
    })
}

pub(crate) fn read_member(kind: &str, id: Uuid) -> Result<Member, Error> {
    Member::from_columns(kind, id).ok_or_else(|| unreadable("memberships", kind))
}

fn read_origin(key: &str) -> Result<Origin, Error> {
    Origin::from_key(key).ok_or_else(|| unreadable("memberships", key))
}

/// The direct memberships of many people and groups, by whatever origin, in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_members(
    reader: &impl Reader,
    members: &[Member],
) -> Result<Vec<Membership>, Error> {
    let mut found = Vec::new();
    for kind in ["user", "group"] {
        let ids: Vec<Uuid> = members
            .iter()
            .filter(|member| member.kind() == kind)
            .map(|member| member.id())
            .collect();
        for some in ids.chunks(BATCH) {
            let rows = Entity::find()
                .filter(Column::MemberKind.eq(kind))
                .filter(Column::MemberId.is_in(some.iter().copied()))
                .all(&reader.source())
                .await
                .map_err(fail)?;
            for row in rows {
                found.push(read(
                    row.group_id,
                    &row.member_kind,
                    row.member_id,
                    &row.origin,
                )?);
            }
        }
    }
    Ok(found)
}

/// The direct memberships in one group, by whatever origin.
///
/// # Errors
/// Why the database cannot answer.
pub async fn in_group(reader: &impl Reader, group: GroupId) -> Result<Vec<Membership>, Error> {
    let rows = Entity::find()
        .filter(Column::GroupId.eq(group.0))
        .all(&reader.source())
        .await
        .map_err(fail)?;
    let read = |row: Model| read(row.group_id, &row.member_kind, row.member_id, &row.origin);
    rows.into_iter().map(read).collect()
}

/// The people directly in any of these groups, by whatever origin, in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn people_of(reader: &impl Reader, groups: &[GroupId]) -> Result<Vec<Membership>, Error> {
    let mut found = Vec::new();
    for some in groups.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::GroupId.is_in(some.iter().map(|group| group.0)))
            .filter(Column::MemberKind.eq("user"))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            found.push(read(
                row.group_id,
                &row.member_kind,
                row.member_id,
                &row.origin,
            )?);
        }
    }
    Ok(found)
}

/// The direct members that one origin put into a group.
///
/// # Errors
/// Why the database cannot answer.
pub async fn put_by(
    reader: &impl Reader,
    group: GroupId,
    origin: Origin,
) -> Result<Vec<Member>, Error> {
    #[derive(FromQueryResult)]
    struct Packed {
        rows: String,
    }
    let mut wanted = Where::on(reader);
    let (group, origin) = (wanted.bind(group.0), wanted.bind(origin.key()));
    wanted.and(format!("group_id = {group} AND origin = {origin}"));
    let id = wanted.id_text("member_id");
    let sql = format!(
        "SELECT {} AS rows FROM (SELECT member_kind, member_id FROM memberships{}) inside",
        wanted.packed(&format!("member_kind, {id}"), "member_id"),
        wanted.clause()
    );
    let found: Option<Packed> = sql::one(reader, wanted.statement(sql)).await?;
    let rows: Vec<(String, Uuid)> =
        found.map_or(Ok(Vec::new()), |found| unpacked("memberships", &found.rows))?;
    rows.into_iter()
        .map(|(kind, id)| read_member(&kind, id))
        .collect()
}

/// Whether anything but this origin put somebody into a group.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_put_by_others(
    reader: &impl Reader,
    group: GroupId,
    origin: Origin,
) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM memberships WHERE group_id = $1 AND origin <> $2 LIMIT 1) found";
    let values = [group.0.into(), origin.key().into()];
    Ok(sql::number(reader, sql::ask(reader, sql, values)).await? > 0)
}

/// How many direct memberships a directory put into groups that it knows.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_put_by(reader: &impl Reader, directory: DirectoryId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM memberships WHERE origin = $1 \
               AND group_id IN (SELECT group_id FROM group_sources WHERE directory_id = $2)";
    let origin = Origin::Directory(directory).key();
    let values = [origin.into(), directory.0.into()];
    Ok(count(
        sql::number(reader, sql::ask(reader, sql, values)).await?,
    ))
}
