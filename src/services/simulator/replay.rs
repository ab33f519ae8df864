//! What other rules for accounts at sign-in would have changed: the recorded sign-ins, decided again.

use std::collections::BTreeSet;

use muster_domain::jit::{Arrival, Decision, JitRules};
use muster_domain::listing::Direction;
use muster_domain::role::Permission;
use muster_domain::{Error, name};
use muster_storage::Paging;
use muster_storage::sign_ins::{self, SignInFilter};

use super::identity;
use crate::{Call, Services, arrival, providers};

/// Recorded sign-ins that are decided again, while somebody waits.
const LATEST: u64 = 200;
/// People that are shown.
const SHOWN: usize = 50;

/// What other rules would change, if everybody signed in again as they did last.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// People whose last sign-in was decided again.
    pub people: usize,
    /// Those for whom something would be different.
    pub different: usize,
    /// The first of them.
    pub shown: Vec<Replayed>,
    /// Whether there are older sign-ins, which were not looked at.
    pub is_cut: bool,
}

/// One of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Replayed {
    /// Who.
    pub username: String,
    /// What would happen now and not by the other rules.
    pub before: Vec<String>,
    /// What would happen by the other rules and not now.
    pub after: Vec<String>,
}

/// Decides the last recorded sign-in of everybody again, by the rules as they are and by others. Changes nothing.
///
/// # Errors
/// Without permission, or for an unknown provider.
pub async fn replay(
    services: &Services,
    call: &Call,
    slug: &str,
    rules: &JitRules,
) -> Result<Replay, Error> {
    call.may(Permission::ManageProviders)?;
    let provider = providers::find(services, slug).await?;
    let filter = SignInFilter {
        provider: Some(provider.id),
        ..SignInFilter::default()
    };
    let paging = Paging {
        direction: Direction::Desc,
        rows: LATEST + 1,
        ..Paging::default()
    };
    let db = services.db();
    let latest = sign_ins::list(db, &filter, &paging).await?;
    let most = usize::try_from(LATEST).unwrap_or(usize::MAX);
    let mut replay = Replay {
        people: 0,
        different: 0,
        shown: Vec::new(),
        is_cut: latest.rows.len() > most,
    };
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for row in latest.rows.into_iter().take(most) {
        let (Some((issuer, subject)), Some(claims)) = (identity(&row), &row.claims) else {
            continue;
        };
        if !seen.insert((issuer.clone(), subject.clone())) {
            continue;
        }
        let arrival = Arrival {
            provider: &provider,
            issuer: &issuer,
            subject: &subject,
            claims,
        };
        let now = arrival::decide_by(services, db, &arrival, &provider.jit).await?;
        let then = arrival::decide_by(services, db, &arrival, rules).await?;
        replay.people += 1;
        let (before, after) = apart(&now, &then);
        if before.is_empty() && after.is_empty() {
            continue;
        }
        replay.different += 1;
        if replay.shown.len() < SHOWN {
            let username = then.username.or(now.username);
            replay.shown.push(Replayed {
                username: username
                    .filter(|name| name::check_username(name).is_ok())
                    .unwrap_or(subject),
                before,
                after,
            });
        }
    }
    Ok(replay)
}

/// The sentences that only one of two decisions says.
fn apart(now: &Decision, then: &Decision) -> (Vec<String>, Vec<String>) {
    let (now, then) = (now.explain(), then.explain());
    let before = now
        .iter()
        .filter(|words| !then.contains(words))
        .cloned()
        .collect();
    let after = then
        .iter()
        .filter(|words| !now.contains(words))
        .cloned()
        .collect();
    (before, after)
}
