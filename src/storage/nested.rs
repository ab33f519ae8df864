//! Groups in groups, followed by the database: pieces of questions about who is in what in effect.

use crate::Reader;
use crate::sql::Where;

/// The groups below a group, itself included, as a sub-select; `UNION` ends circles.
pub(crate) fn below_sql(group: &str) -> String {
    format!(
        "WITH RECURSIVE below(id) AS (SELECT g.id FROM groups g WHERE g.id = {group} UNION \
         SELECT m.member_id FROM below b CROSS JOIN memberships m WHERE m.group_id = b.id AND m.member_kind = 'group') \
         SELECT id FROM below"
    )
}

/// The groups above a person, as the beginning of a question. `user` may be any expression.
pub(crate) fn above_sql(reader: &impl Reader, user: &str) -> String {
    let wider = each_sql(
        reader,
        "above a",
        "memberships m",
        "m.group_id",
        "m.member_kind = 'group' AND m.member_id = a.id",
    );
    format!(
        "WITH RECURSIVE above(id) AS (\
         SELECT group_id FROM memberships WHERE member_kind = 'user' AND member_id = {user} UNION \
         SELECT m.group_id FROM {wider})"
    )
}

/// Rows of `table` for each of `few`, by an index of `table`. Both databases are told so: where nobody told them yet how
/// many rows a table has, as after a first sync, they would read the whole table for each level of groups. SQLite takes
/// the tables of a `CROSS JOIN` in the order in which they are written (sqlite.org/optoverview.html, "Manual Control Of
/// Query Plans Using CROSS JOIN"); on PostgreSQL `OFFSET 0` keeps what is inside from being turned around.
pub(crate) fn each_sql(
    reader: &impl Reader,
    few: &str,
    table: &str,
    columns: &str,
    matching: &str,
) -> String {
    if Where::on(reader).is_sqlite() {
        return format!("{few} CROSS JOIN {table} ON {matching}");
    }
    let name = table.rsplit(' ').next().unwrap_or(table);
    format!(
        "{few} CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE {matching} OFFSET 0) {name}"
    )
}
