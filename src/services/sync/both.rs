//! How many rows of a comparison are about people and groups that changed on both sides. Found by looking at every row of
//! the side that has fewer, so it is counted once, when the comparison was made.

use muster_domain::Error;
use muster_domain::drift::{self, Class};
use muster_domain::listing::Count;
use muster_domain::plan::{Counts, StoredPlan};
use muster_storage::Reader;
use muster_storage::plan_rows::{self, Both, Wanted};

/// Matching rows are counted up to so many; a filter by kind and cause is always counted exactly.
pub(super) const COUNTED: u64 = 1_000;

/// How many there are, as it was counted when the plan was made. None: nobody counted them.
pub(super) fn known(counts: &Counts) -> Option<Count> {
    counts.both.map(|known| {
        if known >= COUNTED {
            Count::AtLeast(known)
        } else {
            Count::Exact(known)
        }
    })
}

/// How many there are; of plans that nobody counted, by counting now.
pub(super) async fn of(reader: &impl Reader, plan: &StoredPlan) -> Result<Count, Error> {
    match known(&plan.counts) {
        Some(known) => Ok(known),
        None => count(reader, plan).await,
    }
}

/// Counts them.
pub(crate) async fn count(reader: &impl Reader, plan: &StoredPlan) -> Result<Count, Error> {
    let both = sides(&plan.counts);
    // An empty side has nobody on both.
    if both.few.is_empty() || both.many.is_empty() {
        return Ok(Count::Exact(0));
    }
    let wanted = Wanted {
        of_both: Some(both),
        ..Wanted::default()
    };
    plan_rows::count(reader, plan.id, &wanted, COUNTED).await
}

/// The two sides, the one with fewer rows first.
pub(super) fn sides(counts: &Counts) -> Both {
    let classes = drift::count(counts);
    let many_there = classes.get(&Class::There) > classes.get(&Class::Here);
    let (there, here) = (Class::There.sorts(counts), Class::Here.sorts(counts));
    let (few, many) = if many_there {
        (here, there)
    } else {
        (there, here)
    };
    Both {
        few,
        many,
        is_common: matches!(known(counts), Some(Count::AtLeast(_))),
    }
}
