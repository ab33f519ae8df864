//! The order of directories: the first that states an attribute of a person wins.
//!
//! Whoever changes it says which order they saw, so that of two who do at once neither undoes the other; and is told first
//! for how many people another value wins.

use std::collections::BTreeSet;

use muster_domain::id::DirectoryId;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{accounts, directory_states};
use serde_json::json;

use crate::digest::sha256_hex;
use crate::{Call, Knowingly, Services, guard};

/// Where a directory moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// One place towards the first: its values win over more of the others.
    Up,
    /// One place towards the last.
    Down,
    /// To this place, counted from one; behind the last is the last.
    To(usize),
}

/// What a move presumes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Against<'a> {
    /// The order that was seen, by its [`order_mark`]; and whether it was said for how many people another value wins.
    Seen(&'a str, Knowingly),
    /// Nothing: what a file says counts.
    Nothing,
}

/// A mark of an order: another order has another.
#[must_use]
pub fn order_mark(order: impl IntoIterator<Item = DirectoryId>) -> String {
    let ids: Vec<String> = order.into_iter().map(|id| id.to_string()).collect();
    sha256_hex(&ids.join(" ")).chars().take(32).collect()
}

/// Moves a directory. The people in it follow: their attributes are merged anew. Gives for how many of them another value
/// won by it.
///
/// # Errors
/// Without permission or presence, for an unknown directory, `DIR-003` when it stands at that end already, `DIR-011` when the order is
/// not the one that was seen, `DIR-012` when another value would win for somebody and nobody said so before. Nothing is
/// changed then.
pub async fn shift(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: DirectoryId,
    step: Step,
    against: Against<'_>,
) -> Result<u64, Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, elevated)?;
    let tx = services.db().begin().await?;
    directories::take_turns(&tx).await?;
    let mut order = directories::list(&tx).await?;
    if let Against::Seen(mark, _) = against
        && mark != order_mark(order.iter().map(|directory| directory.id))
    {
        return Err(other_order());
    }
    let from = order
        .iter()
        .position(|directory| directory.id == id)
        .ok_or_else(|| Error::not_found("directory"))?;
    let to = place(step, from, order.len()).ok_or_else(|| {
        Error::new(
            "DIR-003",
            Kind::Conflict,
            "The directory stands at that end already.",
        )
    })?;
    if from == to {
        tx.rollback().await?;
        return Ok(0);
    }
    let moved = order.remove(from);
    let named = moved.name.clone();
    order.insert(to, moved);
    let others = passed(&order, from, to);
    // States before rows, as whoever saves a directory takes them; of everybody whose people are merged anew at once.
    let mut all: BTreeSet<DirectoryId> = others.iter().copied().chain([id]).collect();
    all.extend(accounts::neighbours(&tx, id).await?);
    directory_states::lock_all(&tx, &all).await?;
    for (position, directory) in order.iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        if directory.position != position {
            directories::set_position(&tx, directory.id, position, call.at).await?;
        }
    }
    let mut changed = 0;
    for other in others {
        changed += crate::provisioning::remerge(services, call, &tx, (id, other)).await?;
    }
    if changed > 0 && matches!(against, Against::Seen(_, Knowingly::No)) {
        tx.rollback().await?;
        return Err(asks(&named, changed));
    }
    let after: Vec<_> = order
        .iter()
        .map(|directory| directory.name.clone())
        .collect();
    let detail = json!({ "order": after, "people_changed": changed });
    tx.commit(&[call.event("directory.order", &named, Some(id.0), detail)])
        .await?;
    Ok(changed)
}

/// The place a step leads to, from zero.
fn place(step: Step, from: usize, many: usize) -> Option<usize> {
    match step {
        Step::Up => from.checked_sub(1),
        Step::Down => Some(from + 1).filter(|to| *to < many),
        Step::To(place) => Some(place.saturating_sub(1).min(many.saturating_sub(1))),
    }
}

/// Those that the one which moved passed by.
fn passed(order: &[Directory], from: usize, to: usize) -> Vec<DirectoryId> {
    let (first, last) = (from.min(to), from.max(to));
    order
        .iter()
        .enumerate()
        .filter(|(place, _)| (first..=last).contains(place) && *place != to)
        .map(|(_, directory)| directory.id)
        .collect()
}

fn other_order() -> Error {
    Error::new(
        "DIR-011",
        Kind::Conflict,
        "Somebody else changed the order of directories meanwhile.",
    )
    .next("Nothing was changed now. This is the order as it stands; move the directory again if you still want to.")
}

fn asks(named: &str, changed: u64) -> Error {
    let many = match changed {
        1 => "1 person would have other attributes.".to_owned(),
        many => format!("{many} people would have other attributes."),
    };
    Error::new("DIR-012", Kind::Conflict, many).next(format!(
        "Another directory wins for them when {named} moves there. Nothing was changed yet."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_leads_to_a_place_of_the_order() {
        assert_eq!(place(Step::Up, 0, 3), None);
        assert_eq!(place(Step::Up, 2, 3), Some(1));
        assert_eq!(place(Step::Down, 2, 3), None);
        assert_eq!(place(Step::Down, 0, 3), Some(1));
        assert_eq!(place(Step::To(1), 2, 3), Some(0));
        assert_eq!(place(Step::To(0), 2, 3), Some(0));
        assert_eq!(place(Step::To(99), 0, 3), Some(2));
    }

    #[test]
    fn another_order_has_another_mark() {
        let ids = [1_u128, 2, 3].map(|id| DirectoryId(uuid::Uuid::from_u128(id)));
        let [a, b, c] = ids;
        assert_eq!(order_mark(ids), order_mark([a, b, c]));
        assert_ne!(order_mark(ids), order_mark([b, a, c]));
        assert_ne!(order_mark(ids), order_mark([a, b]));
    }
}
