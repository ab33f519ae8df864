//! Which of many memberships there are.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::membership::Membership;

use super::edges;
use crate::Reader;
use crate::sql::{BATCH, Where};

/// Those of these memberships that there are.
///
/// # Errors
/// Why the database cannot answer.
pub async fn among(
    reader: &impl Reader,
    memberships: &[Membership],
) -> Result<BTreeSet<Membership>, Error> {
    let mut found = BTreeSet::new();
    for some in memberships.chunks(BATCH / 4) {
        let wanted = these(reader, some);
        let sql = format!(
            "SELECT group_id, member_kind, member_id, origin FROM memberships{}",
            wanted.clause()
        );
        found.extend(edges(reader, wanted.statement(sql)).await?);
    }
    Ok(found)
}

/// Exactly these rows.
pub(super) fn these(reader: &impl Reader, memberships: &[Membership]) -> Where {
    let mut wanted = Where::on(reader);
    let mut rows = Vec::with_capacity(memberships.len());
    for one in memberships {
        rows.push(format!(
            "({}, {}, {}, {})",
            wanted.bind(one.group.0),
            wanted.bind(one.member.kind()),
            wanted.bind(one.member.id()),
            wanted.bind(one.origin.key())
        ));
    }
    wanted.and(format!(
        "(group_id, member_kind, member_id, origin) IN (VALUES {})",
        rows.join(", ")
    ));
    wanted
}
