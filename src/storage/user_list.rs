//! The list of users: filters, orders, search, pages.

use std::fmt::Write as _;

use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::listing::{Count, Cursor, Page};
use muster_domain::name;
use muster_domain::role::Role;
use muster_domain::user::User;
use sea_orm::{FromQueryResult, Statement};
use serde::Deserialize;
use uuid::Uuid;

use crate::entities::users::Model;
use crate::failure::unreadable;
use crate::keyset::{Order, Paging, Tie, by_number, by_text};
use crate::packed::unpacked;
use crate::sql::{self, Where};
use crate::users::{ACTIVE, DEACTIVATED, to_user};
use crate::{Reader, counters};

/// Counting stops here.
const COUNTED: i64 = 100_000;

/// Which users.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UserFilter {
    /// Part of a username, name or e-mail, from three characters on; the beginning of one with fewer.
    pub q: Option<String>,
    /// Whether they may come in.
    pub active: Option<bool>,
    /// Those with an account in this directory.
    pub directory: Option<DirectoryId>,
    /// Those in this group.
    pub group: Option<(GroupId, GroupReach)>,
    /// Those who hold this role, directly or through groups.
    pub role: Option<Role>,
    /// Break-glass accounts, or all others.
    pub break_glass: Option<bool>,
}

/// How far a group reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupReach {
    /// Its own members.
    Direct,
    /// Also the members of the groups in it, to any depth.
    #[default]
    Effective,
}

/// Orders of the list of users.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UserSort {
    /// By the name people read.
    #[default]
    Name,
    /// By username.
    Username,
    /// By e-mail address; those without stand first.
    Email,
    /// By last sign-in; those who never did stand first.
    LastSignIn,
    /// By when the user was created here.
    Created,
}

impl UserSort {
    const fn order(self) -> Order {
        let (column, numeric) = match self {
            Self::Name => ("u.sort_key", false),
            Self::Username => ("u.username_key", false),
            Self::Email => ("u.email_key", false),
            Self::LastSignIn => ("u.last_sign_in_at", true),
            Self::Created => ("u.created_at", true),
        };
        Order {
            column,
            tie: Tie::Id("u.id"),
            numeric,
        }
    }
}

/// A user in the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserRow {
    /// The user.
    pub user: User,
    /// The names of the directories they have an account in, first in order first.
    pub directories: Vec<String>,
    /// How many groups they are in directly.
    pub groups: u64,
}

/// A page of the list with what stands around it.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// The users.
    pub page: Page<UserRow>,
    /// Every directory in order, to filter by.
    pub directories: Vec<(DirectoryId, String)>,
}

#[derive(FromQueryResult)]
struct Answer {
    listed: String,
    everybody: i64,
    directories: String,
}

/// In the order of [`FIELDS`].
#[derive(Deserialize)]
struct Listed {
    id: Uuid,
    username: String,
    username_key: String,
    display_name: String,
    sort_key: String,
    email: Option<String>,
    email_key: String,
    state: String,
    deactivation: Option<String>,
    break_glass: i64,
    created_at: i64,
    updated_at: i64,
    last_sign_in_at: i64,
    directories: Option<String>,
    group_count: i64,
}

/// What of a row is packed, behind its id.
const FIELDS: &str = "q.username, q.username_key, q.display_name, q.sort_key, q.email, q.email_key, q.state, \
     q.deactivation, CASE WHEN q.break_glass THEN 1 ELSE 0 END, q.created_at, q.updated_at, q.last_sign_in_at, \
     q.directories, q.group_count";

/// One page of the list.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    filter: &UserFilter,
    paging: &Paging<UserSort>,
) -> Result<Page<UserRow>, Error> {
    Ok(show(reader, filter, paging).await?.page)
}

/// One page of the list and the directories, in one question; a filter takes one more, to count.
///
/// # Errors
/// Why the database cannot answer.
pub async fn show(
    reader: &impl Reader,
    filter: &UserFilter,
    paging: &Paging<UserSort>,
) -> Result<Shown, Error> {
    let counted = if *filter == UserFilter::default() {
        None
    } else {
        Some(count(reader, filter).await?)
    };
    let way = match counted {
        Some(total) => way(reader, filter, total, paging.rows).await?,
        None => Way::Index,
    };
    let mut conditions = conditions(reader, filter, way);
    let order = paging.sort.order();
    let tail = paging.apply(order, &mut conditions);
    let packed_order = paging.order_by(order).replace("u.", "q.");
    let sql = question(&conditions, &tail, &packed_order);
    let answer: Option<Answer> = sql::one(reader, conditions.statement(sql)).await?;
    let answer = answer.ok_or_else(|| unreadable("users", "no row of a page"))?;
    let total = counted.unwrap_or_else(|| Count::Exact(crate::row::count(answer.everybody)));
    let rows: Vec<Listed> = unpacked("users", &answer.listed)?;
    let directories: Vec<(DirectoryId, String)> = unpacked("directories", &answer.directories)?;
    let sort = paging.sort;
    let page = paging.page(rows, total, |row| place(row, sort));
    Ok(Shown {
        page: Page {
            rows: page
                .rows
                .into_iter()
                .map(|row| to_listed(row, &directories))
                .collect::<Result<_, _>>()?,
            before: page.before,
            total: page.total,
            previous: page.previous,
            next: page.next,
        },
        directories,
    })
}

/// The innermost question finds the page; accounts and counts are looked up for its rows alone, in the order of their
/// index, so that SQLite builds no table for the time being at each row.
fn question(conditions: &Where, tail: &str, order: &str) -> String {
    let ids = if conditions.is_sqlite() {
        "group_concat(hex(a.directory_id))"
    } else {
        "string_agg(CAST(a.directory_id AS text), ',')"
    };
    let listed = conditions.packed(&format!("{}, {FIELDS}", conditions.id_text("q.id")), order);
    let directories = conditions.packed(
        &format!("{}, d.name", conditions.id_text("d.id")),
        "d.position",
    );
    format!(
        "SELECT {listed} AS listed, \
         (SELECT CAST(coalesce(SUM(c.value), 0) AS BIGINT) FROM counters c \
         WHERE c.name IN ('users_active', 'users_deactivated')) AS everybody, \
         (SELECT {directories} FROM (SELECT d.id, d.name, d.position FROM directories d WHERE d.removed_at IS NULL ORDER BY d.position) d) AS directories \
         FROM (SELECT p.*, \
         (SELECT {ids} FROM accounts a WHERE a.user_id = p.id) AS directories, \
         (SELECT COUNT(*) FROM (SELECT 1 FROM memberships m WHERE m.member_kind = 'user' AND m.member_id = p.id \
         GROUP BY m.group_id) g) AS group_count \
         FROM (SELECT u.id, u.username, u.username_key, u.display_name, u.sort_key, u.email, u.email_key, u.state, \
         u.deactivation, u.break_glass, u.created_at, u.updated_at, u.last_sign_in_at \
         FROM users u{}{tail}) p) q",
        conditions.clause()
    )
}

/// How many users match. Without filters the maintained count answers.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count(reader: &impl Reader, filter: &UserFilter) -> Result<Count, Error> {
    let conditions = conditions(reader, filter, Way::Index);
    if conditions.is_empty() {
        return Ok(Count::Exact(counters::users(reader).await?.total()));
    }
    let found = match only_phrase(reader, filter) {
        Some(search) => sql::number(reader, search).await?,
        None => {
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM users u{} LIMIT {}) counted",
                conditions.clause(),
                COUNTED + 1
            );
            sql::number(reader, conditions.statement(sql)).await?
        }
    };
    Ok(if found > COUNTED {
        Count::AtLeast(crate::row::count(COUNTED))
    } else {
        Count::Exact(crate::row::count(found))
    })
}

/// The ids of those who match, in order of name, at most `cap`: for a change to many at once.
///
/// # Errors
/// Why the database cannot answer.
pub async fn ids(
    reader: &impl Reader,
    filter: &UserFilter,
    cap: u64,
) -> Result<Vec<UserId>, Error> {
    let conditions = conditions(reader, filter, Way::Index);
    let sql = format!(
        "SELECT u.id FROM users u{} ORDER BY u.sort_key, u.id LIMIT {cap}",
        conditions.clause()
    );
    #[derive(FromQueryResult)]
    struct Found {
        id: Uuid,
    }
    let rows: Vec<Found> = sql::all(reader, conditions.statement(sql)).await?;
    Ok(rows.into_iter().map(|row| UserId(row.id)).collect())
}

/// How SQLite finds what was searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// The trigram index lists every match, and they are sorted: best for few.
    Index,
    /// The order is walked until the page is full, each row looked at: best for many.
    Walk,
}

/// Walking costs about `rows × users ÷ matches` looks, the index `matches`: whichever is less.
async fn way(
    reader: &impl Reader,
    filter: &UserFilter,
    matches: Count,
    rows: u64,
) -> Result<Way, Error> {
    if long_q(filter).is_none() || !Where::on(reader).is_sqlite() {
        return Ok(Way::Index);
    }
    let users = counters::users(reader).await?.total();
    let matches = matches.value();
    Ok(
        if matches.saturating_mul(matches) > rows.saturating_mul(users) {
            Way::Walk
        } else {
            Way::Index
        },
    )
}

/// What is searched for, folded, if it is long enough for trigrams.
fn long_q(filter: &UserFilter) -> Option<String> {
    let q = filter.q.as_deref().map(name::key)?;
    (q.chars().count() >= 3).then_some(q)
}

/// A phrase in quotes is taken as it stands (sqlite.org/fts5.html, section 3.1).
fn phrase(q: &str) -> String {
    format!("\"{}\"", q.replace('"', "\"\""))
}

/// SQLite, a search and no other filter: the trigram index counts alone.
fn only_phrase(reader: &impl Reader, filter: &UserFilter) -> Option<Statement> {
    let q = long_q(filter)?;
    let only = UserFilter {
        q: filter.q.clone(),
        ..UserFilter::default()
    };
    let mut conditions = Where::on(reader);
    if *filter != only || !conditions.is_sqlite() {
        return None;
    }
    let phrase = conditions.bind(phrase(&q));
    let limit = COUNTED + 1;
    Some(conditions.statement(format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM users_search s WHERE s.search MATCH {phrase} LIMIT {limit}) counted"
    )))
}

fn conditions(reader: &impl Reader, filter: &UserFilter, way: Way) -> Where {
    let mut conditions = Where::on(reader);
    if let Some(q) = filter.q.as_deref().map(name::key).filter(|q| !q.is_empty()) {
        matching(&mut conditions, &q, way);
    }
    if let Some(active) = filter.active {
        let state = conditions.bind(if active { ACTIVE } else { DEACTIVATED });
        conditions.and(format!("u.state = {state}"));
    }
    if let Some(break_glass) = filter.break_glass {
        let flag = conditions.bind(break_glass);
        conditions.and(format!("u.break_glass = {flag}"));
    }
    if let Some(directory) = filter.directory {
        let id = conditions.bind(directory.0);
        conditions.and(format!(
            "u.id IN (SELECT a.user_id FROM accounts a WHERE a.directory_id = {id})"
        ));
    }
    if let Some((group, reach)) = filter.group {
        in_group(&mut conditions, group, reach);
    }
    if let Some(role) = filter.role {
        let role = conditions.bind(role.key());
        conditions.and(format!("u.id IN ({})", crate::roles::holders_sql(&role)));
    }
    conditions
}

/// Three characters and more: the trigram index finds them anywhere. Fewer: the beginning of a key, by its index.
fn matching(conditions: &mut Where, q: &str, way: Way) {
    if q.chars().count() < 3 {
        let from = conditions.bind(q);
        let to = conditions.bind(format!("{q}{}", char::MAX));
        let mut any = String::new();
        for column in ["u.sort_key", "u.username_key", "u.email_key"] {
            let or = if any.is_empty() { "" } else { " OR " };
            let _ = write!(any, "{or}({column} >= {from} AND {column} < {to})");
        }
        conditions.and(format!("({any})"));
    } else if conditions.is_sqlite() && way == Way::Walk {
        let part = conditions.bind(q);
        conditions.and(format!("instr(u.search, {part}) > 0"));
    } else if conditions.is_sqlite() {
        let phrase = conditions.bind(phrase(q));
        conditions.and(format!(
            "u.row IN (SELECT s.rowid FROM users_search s WHERE s.search MATCH {phrase})"
        ));
    } else {
        let pattern = conditions.bind(format!("%{}%", escaped(q)));
        conditions.and(format!("u.search LIKE {pattern} ESCAPE '\\'"));
    }
}

/// `%`, `_` and `\` as themselves in a LIKE pattern.
pub(crate) fn escaped(q: &str) -> String {
    q.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

fn in_group(conditions: &mut Where, group: GroupId, reach: GroupReach) {
    let id = conditions.bind(group.0);
    let groups = match reach {
        GroupReach::Direct => format!("= {id}"),
        GroupReach::Effective => format!("IN ({})", crate::nested::below_sql(&id)),
    };
    conditions.and(format!(
        "u.id IN (SELECT m.member_id FROM memberships m WHERE m.member_kind = 'user' AND m.group_id {groups})"
    ));
}

fn place(row: &Listed, sort: UserSort) -> Cursor {
    match sort {
        UserSort::Name => by_text(&row.sort_key, row.id),
        UserSort::Username => by_text(&row.username_key, row.id),
        UserSort::Email => by_text(&row.email_key, row.id),
        UserSort::LastSignIn => by_number(row.last_sign_in_at, row.id),
        UserSort::Created => by_number(row.created_at, row.id),
    }
}

fn to_listed(row: Listed, all: &[(DirectoryId, String)]) -> Result<UserRow, Error> {
    let theirs: Vec<Uuid> = row
        .directories
        .iter()
        .flat_map(|ids| ids.split(','))
        .filter_map(|id| Uuid::parse_str(id).ok())
        .collect();
    let directories = all
        .iter()
        .filter(|(id, _)| theirs.contains(&id.0))
        .map(|(_, name)| name.clone())
        .collect();
    Ok(UserRow {
        user: to_user(Model {
            id: row.id,
            username: row.username,
            username_key: row.username_key,
            display_name: row.display_name,
            sort_key: row.sort_key,
            email: row.email,
            email_key: row.email_key,
            state: row.state,
            deactivation: row.deactivation,
            break_glass: row.break_glass != 0,
            search: String::new(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_sign_in_at: row.last_sign_in_at,
        })?,
        directories,
        groups: crate::row::count(row.group_count),
    })
}
