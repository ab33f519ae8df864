//! Groups in groups in groups: who is in what in effect, asked as the console asks it, without the console around it.

use std::time::Instant;

use chrono::DateTime;
use muster_domain::id::{AssignmentId, GroupId, UserId};
use muster_domain::membership::{Member, Membership, Origin, effective};
use muster_domain::role::Role;
use muster_storage::groups::Group;
use muster_storage::roles::Assignment;
use muster_storage::{Db, Quiet, groups, memberships, passages, roles};
use uuid::Uuid;

use crate::{Failure, say};

/// Direct memberships, those of groups in groups among them.
const EDGES: u128 = 1_000_000;
/// Towers of groups, each group in the one above it.
const TOWERS: u128 = 1_000;
/// Groups of a tower.
const DEPTH: u128 = 20;
/// Towers at whose foot a person stands.
const EACH: u128 = 10;
/// Memberships written at once.
const AT_ONCE: usize = 50_000;
/// Times asked per question.
const TIMES: u128 = 2_000;

/// Fills a new database.
pub(crate) async fn fill(database: &str) -> Result<(), Failure> {
    let db = Db::open(database).await?;
    db.migrate().await?;
    let at = DateTime::UNIX_EPOCH;
    let mut made = Vec::new();
    for (tower, height) in towers() {
        made.push(Group {
            id: group(tower, height),
            name: format!("Tower {tower} at {height}"),
            description: String::new(),
            directory: None,
            created_at: at,
            updated_at: at,
        });
    }
    let tx = db.begin().await?;
    groups::insert_many(&tx, &made).await?;
    // Somebody in every tenth tower gains a role, from its very top.
    for tower in (0..TOWERS).step_by(10) {
        let assignment = Assignment {
            id: AssignmentId(Uuid::from_u128(tower + 1)),
            role: Role::Auditor,
            principal: Member::Group(group(tower, DEPTH - 1)),
            scope: None,
            granted_by: "bench".to_owned(),
            granted_at: at,
        };
        roles::grant(&tx, &assignment).await?;
    }
    let edges: Vec<Membership> = nesting().chain(people()).collect();
    for some in edges.chunks(AT_ONCE) {
        memberships::add_many(&tx, some, at).await?;
    }
    tx.commit_quiet(Quiet::Working).await?;
    // As the end of a first sync does.
    db.count_anew().await?;
    say(edges.len())
}

/// Asks each question about people by chance; tells each question's milliseconds, sorted, one JSON array a line: the
/// roles of somebody, their groups with names, their groups with the way into each.
pub(crate) async fn time(database: &str) -> Result<(), Failure> {
    let db = Db::open(database).await?;
    let reached = EACH * DEPTH;
    let mut times = [const { Vec::new() }; 3];
    for nth in 0..TIMES {
        let user = person(nth * 7_919 % PEOPLE);
        let start = Instant::now();
        let held = roles::of_user(&db, user).await?;
        let roles_took = start.elapsed();
        let named = passages::groups_of(&db, user).await?;
        let named_took = start.elapsed() - roles_took;
        let rows = memberships::edges_around(&db, user).await?;
        let ways = effective(&rows, user);
        let ways_took = start.elapsed() - roles_took - named_took;
        if [named.len(), ways.len()].map(|many| many as u128) != [reached; 2] || held.len() != 1 {
            let found = (held.len(), named.len(), ways.len());
            return Err(format!("roles, groups, ways: {found:?} and not {reached}").into());
        }
        for (times, took) in times.iter_mut().zip([roles_took, named_took, ways_took]) {
            times.push(took.as_secs_f64() * 1000.0);
        }
    }
    for mut times in times {
        times.sort_by(f64::total_cmp);
        say(serde_json::to_string(&times)?)?;
    }
    Ok(())
}

/// As many as the edges are enough for.
const PEOPLE: u128 = (EDGES - TOWERS * (DEPTH - 1)) / EACH;

fn towers() -> impl Iterator<Item = (u128, u128)> {
    (0..TOWERS).flat_map(|tower| (0..DEPTH).map(move |height| (tower, height)))
}

fn nesting() -> impl Iterator<Item = Membership> {
    towers()
        .filter(|(_, height)| *height > 0)
        .map(|(tower, height)| Membership {
            group: group(tower, height),
            member: Member::Group(group(tower, height - 1)),
            origin: Origin::Manual,
        })
}

/// Each at the foot of ten towers a hundred apart, so that one of them in ten carries a role.
fn people() -> impl Iterator<Item = Membership> {
    (0..PEOPLE).flat_map(|nth| {
        (0..EACH).map(move |each| Membership {
            group: group((nth + each * 101) % TOWERS, 0),
            member: Member::User(person(nth)),
            origin: Origin::Manual,
        })
    })
}

/// Ids as they are in life: spread, not one behind the other.
fn person(nth: u128) -> UserId {
    UserId(spread(nth))
}

fn group(tower: u128, height: u128) -> GroupId {
    GroupId(spread((1 << 32) + tower * DEPTH + height))
}

fn spread(number: u128) -> Uuid {
    // An odd factor takes no two numbers to one.
    Uuid::from_u128(number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}
