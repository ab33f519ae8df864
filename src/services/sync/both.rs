//! How many rows of a comparison are about people and groups that changed on both sides. Found by looking at every row, so
//! it is counted once, when the comparison was made.

use muster_domain::Error;
use muster_domain::drift::Class;
use muster_domain::listing::Count;
use muster_domain::plan::StoredPlan;
use muster_storage::Reader;
use muster_storage::plan_pages::{self, Wanted};

/// Matching rows are counted up to so many; a filter by kind and cause is always counted exactly.
pub(super) const COUNTED: u64 = 1_000;

/// How many there are, as it was counted when the plan was made; of plans that nobody counted, by counting now.
pub(super) async fn of(reader: &impl Reader, plan: &StoredPlan) -> Result<Count, Error> {
    match plan.counts.both {
        Some(known) if known >= COUNTED => Ok(Count::AtLeast(known)),
        Some(known) => Ok(Count::Exact(known)),
        None => count(reader, plan).await,
    }
}

/// Counts them.
pub(super) async fn count(reader: &impl Reader, plan: &StoredPlan) -> Result<Count, Error> {
    let causes = |class: Class| class.causes(&plan.counts);
    if causes(Class::Here).is_empty() || causes(Class::There).is_empty() {
        return Ok(Count::Exact(0));
    }
    let wanted = Wanted {
        sorts: Class::Both.sorts(&plan.counts),
        of_both: Some((causes(Class::There), causes(Class::Here))),
        ..Wanted::default()
    };
    plan_pages::count_rows(reader, plan.id, &wanted, COUNTED).await
}
