//! The first page: numbers, what needs attention, and how many people signed in lately.

pub mod attention;
mod syncs;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::role::Permission;
use muster_storage::sign_ins::{self, Outcome};
use muster_storage::users::{self, UserFilter};
use muster_storage::{accounts, counters, elevations, factors, providers};

use crate::watching::watched;
use crate::{Call, Services, activity, break_glass, directories, roles, setup, site};

pub use attention::{Attention, Facts};

/// Days the sign-in chart reaches back, today included.
pub const DAYS: i64 = 30;

/// The numbers at the top.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// People who may come in.
    pub active: u64,
    /// People who may not.
    pub deactivated: u64,
    /// Groups.
    pub groups: u64,
    /// Identity providers people can sign in through.
    pub providers_enabled: u64,
    /// All identity providers.
    pub providers: u64,
    /// Secure admin sessions that run now.
    pub elevations: u64,
    /// Sign-ins in the last 24 hours by day boundary: today's.
    pub sign_ins_today: u64,
}

/// One day of the chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Day {
    /// Its beginning (UTC).
    pub day: DateTime<Utc>,
    /// People who came in.
    pub signed_in: u64,
    /// Attempts that did not end inside.
    pub refused: u64,
}

/// The first page.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// The numbers.
    pub numbers: Numbers,
    /// What needs attention, the most serious first.
    pub attention: Vec<Attention>,
    /// The last [`DAYS`] days, the oldest first, none left out.
    pub days: Vec<Day>,
}

/// Everything the first page shows.
///
/// # Errors
/// Without permission to use the console.
pub async fn overview(services: &Services, call: &Call) -> Result<Overview, Error> {
    call.may(Permission::UseConsole)?;
    let db = services.db();
    let facts = facts(services, call).await?;
    let days = days(services, call.at).await?;
    let people = counters::users(db).await?;
    let many = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let numbers = Numbers {
        active: people.active,
        deactivated: people.deactivated,
        groups: counters::groups(db).await?,
        providers_enabled: many(
            facts
                .providers
                .iter()
                .filter(|provider| provider.enabled)
                .count(),
        ),
        providers: many(facts.providers.len()),
        elevations: many(elevations::list_running(db, call.at).await?.len()),
        sign_ins_today: days.last().map_or(0, |day| day.signed_in),
    };
    // What needs attention speaks of providers and security: for those who may see them.
    let sees = call.can(Permission::ViewProviders) && call.can(Permission::ViewSecurity);
    let attention = if sees {
        attention::attention(&facts)
    } else {
        Vec::new()
    };
    Ok(Overview {
        numbers,
        attention,
        days,
    })
}

async fn facts(services: &Services, call: &Call) -> Result<Facts, Error> {
    let db = services.db();
    let unseen_since = call.at - TimeDelta::days(attention::UNSEEN_DAYS);
    let filter = UserFilter {
        active: Some(true),
        break_glass: Some(true),
        ..UserFilter::default()
    };
    let providers = providers::list(db).await?;
    let mut watched_by = BTreeMap::new();
    for provider in providers.iter().filter(|provider| provider.enabled) {
        watched_by.insert(provider.id, watched(db, provider).await?);
    }
    Ok(Facts {
        now: call.at,
        providers,
        watched: watched_by,
        superadmins: roles::standing(db).await?.superadmins().len(),
        break_glass: users::ids(db, &filter, 100).await?.len(),
        unseen: accounts::count_unseen(db, directories::JIT, unseen_since).await?,
        break_glass_uses: break_glass::alerts(services).await?,
        untried: break_glass::untried(services, call.at).await?,
        verified: activity::verified(services)
            .await?
            .map(|verified| (verified.at, verified.holds)),
        copied_passkeys: factors::suspected(db).await?,
        public_url: Some(site::url(services).await?),
        setup_left: setup_left(&setup::progress(services).await?),
        syncs: syncs::facts(services).await?,
    })
}

/// The setup steps that are left: the first by title and address, and how many.
fn setup_left(progress: &setup::Progress) -> Option<(String, String, usize)> {
    let steps = [
        (
            progress.address,
            "confirm the public address",
            "/setup/address",
        ),
        (
            progress.provider.is_some(),
            "connect an identity provider",
            "/setup/provider",
        ),
        (progress.signin, "test a sign-in", "/setup/trial"),
        (
            progress.arrival.is_some(),
            "choose how accounts arrive",
            "/setup/arrival",
        ),
        (progress.reauth, "test re-authentication", "/setup/proof"),
    ];
    if progress.finished {
        return None;
    }
    let left: Vec<_> = steps.iter().filter(|(done, _, _)| !done).collect();
    let (_, title, href) = left.first()?;
    Some(((*title).to_owned(), (*href).to_owned(), left.len()))
}

async fn days(services: &Services, now: DateTime<Utc>) -> Result<Vec<Day>, Error> {
    const DAY: i64 = 86_400_000;
    let today = now.timestamp_millis().div_euclid(DAY);
    let beginning = |day: i64| DateTime::from_timestamp_millis(day * DAY).unwrap_or_default();
    let first = beginning(today - DAYS + 1);
    let counted = sign_ins::by_day(services.db(), first).await?;
    Ok((today - DAYS + 1..=today)
        .map(|day| {
            let mut row = Day {
                day: beginning(day),
                signed_in: 0,
                refused: 0,
            };
            for count in counted.iter().filter(|count| count.day == row.day) {
                match count.outcome {
                    Outcome::SignedIn => row.signed_in += count.count,
                    Outcome::Refused | Outcome::Failed => row.refused += count.count,
                    Outcome::Tested => {}
                }
            }
            row
        })
        .collect())
}
