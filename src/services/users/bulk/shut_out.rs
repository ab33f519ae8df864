//! Foretelling that a whole plan would be refused, although nobody's line in it is: no superadmin would be known to get in.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::membership::{Member, Origin};
use muster_domain::standing::Standing;

use super::{BulkAction, BulkPlan};
use crate::{Services, lockout};

/// Why it would be refused, if it would.
pub(super) async fn foretold(
    services: &Services,
    standing: &Standing,
    plan: &BulkPlan,
) -> Result<Option<String>, Error> {
    let people: BTreeSet<UserId> = plan.changes.iter().map(|line| line.user).collect();
    let after = match plan.action {
        BulkAction::Deactivate { .. } => standing.clone().without_people(&people),
        BulkAction::RemoveFromGroup(group) => {
            let leaves = |standing: Standing, user: &UserId| {
                standing.without_member(group, Member::User(*user), Origin::Manual)
            };
            people.iter().fold(standing.clone(), leaves)
        }
        _ => return Ok(None),
    };
    if after.superadmins() == standing.superadmins() {
        return Ok(None);
    }
    let refused = lockout::foretell(services, |is| is.standing = after).await?;
    Ok(refused.map(|refused| refused.public.into_owned()))
}
