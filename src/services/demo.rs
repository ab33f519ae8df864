//! A company to try everything on: people with names from many scripts, nested groups, memberships of several origins.
//! The same every time; written in batches, so that ten thousand people take seconds.

mod people;
mod plan;
mod story;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::membership::{Member, Origin};
use muster_domain::{Error, Kind};
use muster_storage::{counters, providers};
use serde_json::json;

use crate::call::Who;
use crate::directories::Place;
use crate::{Call, Services, directories, provisioning};
pub use plan::leave_plans;
use story::Sources;

/// Most people the demo makes.
pub const MOST: u32 = 1_000_000;

/// Changes that go through the door at once: enough to batch, few enough to hold in memory.
const AT_ONCE: usize = 5_000;

/// The seed of the demo: the same people on every machine.
const SEED: u64 = 0x4D55_5354_4552;

/// The kind of the demo's own directory.
const KIND: &str = "demo";

/// What was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Filled {
    /// People.
    pub users: u64,
    /// Groups.
    pub groups: u64,
    /// Memberships, each origin counted.
    pub memberships: u64,
    /// The refusal of the circle that was tried on purpose.
    pub circle_refused: bool,
}

/// Fills the installation with `users` demo people. For the command line alone, and once.
///
/// # Errors
/// For anybody but a part of this program; when the demo is there already; when more than [`MOST`] are asked for.
pub async fn fill(services: &Services, call: &Call, users: u32) -> Result<Filled, Error> {
    if !matches!(call.who, Who::System(_)) {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only the command line fills the demo.",
        ));
    }
    if users > MOST {
        return Err(Error::new(
            "DEMO-002",
            Kind::TooLarge,
            format!("Ask for at most {MOST} people."),
        ));
    }
    let before = counters::users(services.db()).await?.total();
    let tx = services.db().begin().await?;
    let all = muster_storage::directories::list(&tx).await?;
    if all.iter().any(|directory| directory.kind == KIND) {
        return Err(Error::new(
            "DEMO-001",
            Kind::Conflict,
            "The demo is here already.",
        ));
    }
    let internal = directories::internal(services, call, &tx).await?;
    let corporate =
        directories::ensure(services, call, &tx, KIND, "Corporate", Place::Last).await?;
    let sources = Sources {
        internal: internal.id,
        corporate: corporate.id,
        provider: providers::list(&tx)
            .await?
            .first()
            .map(|provider| provider.id),
    };
    let count = usize::try_from(users).unwrap_or_default();
    let story = story::tell(count, sources, || services.id(), || services.id());
    let mut memberships = 0;
    for some in story.changes.chunks(AT_ONCE) {
        let events = provisioning::apply(services, call, &tx, some).await?;
        memberships += events
            .iter()
            .filter(|event| event.action == "group.member.add")
            .count();
    }
    // One event tells it all: fifty thousand of them would tell less.
    let many = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let detail = json!({ "users": users, "groups": story.groups, "memberships": memberships });
    tx.commit(&[call.event("demo.fill", "demo", Some(corporate.id.0), detail)])
        .await?;
    let circle_refused = try_circle(services, call, &story).await?;
    Ok(Filled {
        users: counters::users(services.db()).await?.total() - before,
        groups: many(story.groups),
        memberships: many(memberships),
        circle_refused,
    })
}

/// Tries to put a group into one that is inside it; nothing is kept of that.
async fn try_circle(services: &Services, call: &Call, story: &story::Story) -> Result<bool, Error> {
    let Some((inner, outer)) = story.cycle else {
        return Ok(false);
    };
    let tx = services.db().begin().await?;
    let member = Member::Group(outer);
    let action = Action::AddMember {
        group: inner,
        member,
        origin: Origin::Manual,
    };
    let change = Change::new(action, Cause::Rule("demo".to_owned()));
    let refused = provisioning::apply(services, call, &tx, &[change])
        .await
        .is_err();
    tx.rollback().await?;
    Ok(refused)
}
