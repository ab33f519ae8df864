//! Differences between a source and what is here of it, as its newest comparison found them.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::drift::{self, Class};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::listing::Count;
use muster_domain::plan::{Purpose, StoredPlan};
use muster_domain::role::{Permission, Role};
use muster_domain::user::User;
use muster_domain::{Error, run::Run};
use muster_storage::directories::Directory;
use muster_storage::{accounts, directories, plan_pages, runs, users};

use super::super::both;
use super::{PlanView, around};
use crate::{Call, Services, roles};

/// People with power shown on the page of a directory.
const SHADOWS: usize = 20;

/// Somebody who holds a role here and whom the directory does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shadow {
    /// Who.
    pub user: User,
    /// What they hold.
    pub roles: Vec<Role>,
}

/// One directory and how it differs from what is here.
#[derive(Clone, PartialEq, Debug)]
pub struct Drifting {
    /// The directory.
    pub directory: Directory,
    /// Whether something here can read it.
    pub is_read: bool,
    /// Its newest comparison; none: nobody asked for one.
    pub view: Option<PlanView>,
    /// How many differences of each class.
    pub classes: BTreeMap<Class, u64>,
    /// How many of them are of people and groups that changed on both sides.
    pub both: Count,
    /// People with a role here whom it does not know, at most [`SHADOWS`].
    pub shadows: Vec<Shadow>,
    /// How many of those there are.
    pub shadow_count: usize,
    /// Its newest run, whatever it was asked.
    pub newest_run: Option<Run>,
}

/// One directory and how it differs.
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn drift(services: &Services, call: &Call, id: DirectoryId) -> Result<Drifting, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let directory = directories::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    let view = match plan_pages::newest(db, id, Purpose::Drift).await? {
        Some(plan) => Some(around(services, plan).await?),
        None => None,
    };
    let (classes, both) = match &view {
        Some(view) => (
            drift::count(&view.plan.counts),
            both::of(db, &view.plan).await?,
        ),
        None => (BTreeMap::new(), Count::Exact(0)),
    };
    let (shadows, shadow_count) = shadows(services, id).await?;
    let newest_run = runs::list(db, Some(id), None, 1).await?.into_iter().next();
    Ok(Drifting {
        is_read: services.directory_kind(&directory.kind).is_ok(),
        directory,
        view,
        classes,
        both,
        shadows,
        shadow_count,
        newest_run,
    })
}

/// Whoever holds a role here and has no account of this directory.
async fn shadows(services: &Services, id: DirectoryId) -> Result<(Vec<Shadow>, usize), Error> {
    let db = services.db();
    let standing = roles::standing(db).await?;
    let holders: Vec<UserId> = standing.privileged_people().into_iter().collect();
    let known: BTreeSet<UserId> = accounts::of_users(db, &holders)
        .await?
        .into_iter()
        .filter(|account| account.directory == id)
        .map(|account| account.user)
        .collect();
    let unknown: Vec<UserId> = holders
        .into_iter()
        .filter(|user| !known.contains(user))
        .collect();
    let mut people = users::get_many(db, &unknown).await?;
    people.retain(User::is_active);
    let many = people.len();
    people.truncate(SHADOWS);
    let shadows = people
        .into_iter()
        .map(|user| Shadow {
            roles: standing.roles_of(user.id),
            user,
        })
        .collect();
    Ok((shadows, many))
}

/// A directory in the list of those that can differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    /// The directory.
    pub directory: Directory,
    /// Its newest comparison.
    pub newest: Option<StoredPlan>,
}

/// Every directory that can differ: those that are read, and those that were compared once; each with its newest
/// comparison.
///
/// # Errors
/// Without permission.
pub async fn drifting(services: &Services, call: &Call) -> Result<Vec<Compared>, Error> {
    call.may(Permission::ViewDirectories)?;
    let mut found = Vec::new();
    for directory in directories::list(services.db()).await? {
        let newest = plan_pages::newest(services.db(), directory.id, Purpose::Drift).await?;
        if newest.is_some() || services.directory_kind(&directory.kind).is_ok() {
            found.push(Compared { directory, newest });
        }
    }
    Ok(found)
}
