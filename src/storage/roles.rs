//! Roles, granted to people and to groups; a person holds the union of both.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{AssignmentId, UserId};
use muster_domain::membership::Member;
use muster_domain::role::Role;
use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait, FromQueryResult, IntoActiveModel};
use uuid::Uuid;

use crate::entities::role_assignments::{Entity, Model};
use crate::failure::{fail, unreadable};
use crate::memberships::read_member;
use crate::nested::above_sql;
use crate::reader::sealed::Source as _;
use crate::row::{instant, millis};
use crate::{Reader, Tx, sql};

/// One granted role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// The role.
    pub role: Role,
    /// Who holds it.
    pub principal: Member,
    /// Where it holds; none: everywhere.
    pub scope: Option<String>,
    /// Who granted it, by name.
    pub granted_by: String,
    /// When.
    pub granted_at: DateTime<Utc>,
}

/// A granted role with the holder's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssignmentRow {
    /// The grant.
    pub assignment: Assignment,
    /// The holder's name that people read.
    pub name: String,
    /// Whether the holder may come in; groups always may.
    pub is_active: bool,
}

/// The ids of people who hold a role everywhere, directly or through groups, as a sub-select.
pub(crate) fn holders_sql(role: &str) -> String {
    format!(
        "WITH RECURSIVE holding(id) AS (\
         SELECT principal_id FROM role_assignments WHERE role = {role} AND principal_kind = 'group' AND scope = '' UNION \
         SELECT m.member_id FROM holding h CROSS JOIN memberships m WHERE m.group_id = h.id AND m.member_kind = 'group') \
         SELECT principal_id FROM role_assignments WHERE role = {role} AND principal_kind = 'user' AND scope = '' UNION \
         SELECT m.member_id FROM holding h CROSS JOIN memberships m WHERE m.group_id = h.id AND m.member_kind = 'user'"
    )
}

/// Grants a role.
///
/// # Errors
/// `DB-020` when it is granted already.
pub async fn grant(tx: &Tx, assignment: &Assignment) -> Result<(), Error> {
    let row = Model {
        id: assignment.id.0,
        role: assignment.role.key().to_owned(),
        principal_kind: assignment.principal.kind().to_owned(),
        principal_id: assignment.principal.id(),
        scope: assignment.scope.clone().unwrap_or_default(),
        granted_by: assignment.granted_by.clone(),
        granted_at: millis(assignment.granted_at),
    };
    let inserted = Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Waits until no other transaction that called this is under way; ends with this transaction. SQLite has one writer
/// anyway. Call it before the first change, so that nobody who waits holds what another needs.
///
/// # Errors
/// Why the database cannot serve now.
pub async fn take_turns(tx: &Tx) -> Result<(), Error> {
    /// Any number that no other lock of this database uses: "roles" in ASCII.
    const TURN: i64 = 0x72_6f_6c_65_73;
    if tx.source().get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT pg_advisory_xact_lock($1)";
        sql::change(tx, sql::ask(tx, sql, [TURN.into()])).await?;
    }
    Ok(())
}

/// Withdraws a granted role.
///
/// # Errors
/// `WEB-404` when there is no such grant.
pub async fn withdraw(tx: &Tx, id: AssignmentId) -> Result<(), Error> {
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("role assignment"));
    }
    Ok(())
}

/// One grant.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: AssignmentId) -> Result<Option<Assignment>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_assignment).transpose()
}

#[derive(FromQueryResult)]
struct Held {
    role: String,
}

/// The roles a person holds everywhere, directly and through groups, weakest first. One question.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(reader: &impl Reader, user: UserId) -> Result<Vec<Role>, Error> {
    let sql = format!(
        "{} SELECT DISTINCT role FROM role_assignments WHERE scope = '' AND (\
         (principal_kind = 'user' AND principal_id = $1) OR \
         (principal_kind = 'group' AND principal_id IN (SELECT id FROM above)))",
        above_sql(reader, "$1")
    );
    let rows: Vec<Held> = sql::all(reader, sql::ask(reader, &sql, [user.0.into()])).await?;
    let mut roles: Vec<Role> = rows
        .iter()
        .filter_map(|row| Role::from_key(&row.role))
        .collect();
    roles.sort_unstable();
    Ok(roles)
}

#[derive(FromQueryResult)]
struct Holder {
    id: Uuid,
}

/// The people who hold a role everywhere, directly or through groups, and may come in.
///
/// # Errors
/// Why the database cannot answer.
pub async fn holders(reader: &impl Reader, role: Role) -> Result<Vec<UserId>, Error> {
    let sql = format!(
        "SELECT u.id FROM users u WHERE u.state = 'active' AND u.id IN ({}) ORDER BY u.sort_key, u.id",
        holders_sql("$1")
    );
    let rows: Vec<Holder> = sql::all(reader, sql::ask(reader, &sql, [role.key().into()])).await?;
    Ok(rows.into_iter().map(|row| UserId(row.id)).collect())
}

#[derive(FromQueryResult)]
struct Listed {
    id: Uuid,
    role: String,
    principal_kind: String,
    principal_id: Uuid,
    scope: String,
    granted_by: String,
    granted_at: i64,
    name: Option<String>,
    is_active: bool,
}

/// Every grant, with the holder's name, by name.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(reader: &impl Reader) -> Result<Vec<AssignmentRow>, Error> {
    let sql = "SELECT r.id, r.role, r.principal_kind, r.principal_id, r.scope, r.granted_by, r.granted_at, \
               COALESCE(u.display_name, g.name) AS name, COALESCE(u.state, 'active') = 'active' AS is_active \
               FROM role_assignments r \
               LEFT JOIN users u ON r.principal_kind = 'user' AND u.id = r.principal_id \
               LEFT JOIN groups g ON r.principal_kind = 'group' AND g.id = r.principal_id \
               ORDER BY COALESCE(u.sort_key, g.name_key), r.role, r.id";
    let rows: Vec<Listed> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    rows.into_iter()
        .map(|row| {
            Ok(AssignmentRow {
                name: row.name.unwrap_or_default(),
                is_active: row.is_active,
                assignment: to_assignment(Model {
                    id: row.id,
                    role: row.role,
                    principal_kind: row.principal_kind,
                    principal_id: row.principal_id,
                    scope: row.scope,
                    granted_by: row.granted_by,
                    granted_at: row.granted_at,
                })?,
            })
        })
        .collect()
}

fn to_assignment(row: Model) -> Result<Assignment, Error> {
    Ok(Assignment {
        id: AssignmentId(row.id),
        role: Role::from_key(&row.role).ok_or_else(|| unreadable("role_assignments", &row.role))?,
        principal: read_member(&row.principal_kind, row.principal_id)?,
        scope: Some(row.scope).filter(|scope| !scope.is_empty()),
        granted_by: row.granted_by,
        granted_at: instant(row.granted_at),
    })
}
