//! Directories in shadow: beside which one each is set, and memberships that go from one directory to another.

use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId};
use muster_domain::membership::{Member, Origin};
use muster_domain::shadow::MatchKey;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{from_word, word};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// What somebody chose for a directory in shadow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The directory whose place it shall take.
    pub beside: DirectoryId,
    /// By what people of both are matched.
    pub by: MatchKey,
}

#[derive(FromQueryResult)]
struct Row {
    beside_id: Uuid,
    matched_by: String,
}

/// Beside which directory this one is set; none: nobody chose.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, directory: DirectoryId) -> Result<Option<Choice>, Error> {
    let sql = "SELECT beside_id, matched_by FROM shadows WHERE directory_id = $1";
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    row.map(|row| {
        Ok(Choice {
            beside: DirectoryId(row.beside_id),
            by: from_word("shadows", &row.matched_by)?,
        })
    })
    .transpose()
}

/// Sets a directory beside another one.
///
/// # Errors
/// `DB-021` when one of them is gone.
pub async fn put(tx: &Tx, directory: DirectoryId, choice: Choice) -> Result<(), Error> {
    let sql = "INSERT INTO shadows (directory_id, beside_id, matched_by) VALUES ($1, $2, $3) \
               ON CONFLICT (directory_id) DO UPDATE SET beside_id = $2, matched_by = $3";
    let values = [
        directory.0.into(),
        choice.beside.0.into(),
        word(choice.by)?.into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Forgets what was chosen for a directory.
///
/// # Errors
/// Why the database refused.
pub async fn forget(tx: &Tx, directory: DirectoryId) -> Result<(), Error> {
    let sql = "DELETE FROM shadows WHERE directory_id = $1";
    sql::change(tx, sql::ask(tx, sql, [directory.0.into()])).await?;
    Ok(())
}

/// Makes memberships in a group those of another directory, of people who have an account of it and of groups that are its.
/// One that the other holds already stays as it is. Gives how many changed.
///
/// # Errors
/// Why the database refused.
pub async fn move_members(
    tx: &Tx,
    group: GroupId,
    members: &[Member],
    from: DirectoryId,
    to: DirectoryId,
) -> Result<u64, Error> {
    let mut moved = 0;
    let directory = to.0;
    for is_group in [false, true] {
        let ids: Vec<Uuid> = members
            .iter()
            .filter(|member| member.group().is_some() == is_group)
            .map(|member| member.id())
            .collect();
        let (kind, table, whose) = match is_group {
            true => ("group", "group_sources", "group_id"),
            false => ("user", "accounts", "user_id"),
        };
        for some in ids.chunks(BATCH - 5) {
            let mut wanted = Where::on(tx);
            let to = wanted.bind(Origin::Directory(to).key());
            let (group, kind) = (wanted.bind(group.0), wanted.bind(kind));
            let from = wanted.bind(Origin::Directory(from).key());
            let ids: Vec<String> = some.iter().map(|id| wanted.bind(*id)).collect();
            wanted.and(format!(
                "group_id = {group} AND member_kind = {kind} AND origin = {from} AND member_id IN ({})",
                ids.join(", ")
            ));
            wanted.and(format!(
                "NOT EXISTS (SELECT 1 FROM memberships o WHERE o.group_id = memberships.group_id \
                 AND o.member_kind = memberships.member_kind AND o.member_id = memberships.member_id AND o.origin = {to})"
            ));
            let of = wanted.bind(directory);
            wanted.and(format!(
                "EXISTS (SELECT 1 FROM {table} a WHERE a.{whose} = memberships.member_id AND a.directory_id = {of})"
            ));
            let sql = format!("UPDATE memberships SET origin = {to}{}", wanted.clause());
            moved += sql::change(tx, wanted.statement(sql)).await?;
        }
    }
    Ok(moved)
}
