//! Syncs that come due by themselves. Every node looks; what is due is asked for by one of them, once however much was
//! missed.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::run::Wish;
use muster_domain::schedule::{self, SETTING, ZONE};
use muster_storage::directories::{self, Directory};
use muster_storage::jobs::{self, Job};
use muster_storage::{Quiet, Tx, runs};

use super::wished;
use crate::sync::shadowing;
use crate::{Call, Services};

/// Who asks.
const ASKS: &str = "schedule";
/// What these jobs are called.
const KIND: &str = "directory.sync";

fn key(directory: DirectoryId) -> String {
    format!("{KIND}:{directory}")
}

fn setting<'a>(directory: &'a Directory, name: &str) -> &'a str {
    directory.settings.get(name).map_or("", String::as_str)
}

/// When a directory is synced next by itself; none: it is not.
///
/// # Errors
/// `RUN-005` when its schedule cannot be read.
pub fn next_due(
    directory: &Directory,
    after: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    if !directory.enabled {
        return Ok(None);
    }
    schedule::next_after(setting(directory, SETTING), setting(directory, ZONE), after)
}

/// Asks for a run of every directory whose time has come. Gives how many were asked for here.
///
/// # Errors
/// When the database cannot be used. A schedule that cannot be read keeps no other one waiting.
pub async fn ask_what_is_due(services: &Services) -> Result<u64, Error> {
    let now = services.now();
    let known = jobs::of_kind(services.db(), KIND).await?;
    let mut asked = 0;
    let mut wanted = Vec::new();
    for directory in directories::list(services.db()).await? {
        let next = match next_due(&directory, now) {
            Ok(Some(next)) => next,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, directory = directory.name, "a schedule cannot be read");
                continue;
            }
        };
        let key = key(directory.id);
        let payload = format!(
            "{} {}",
            setting(&directory, SETTING),
            setting(&directory, ZONE)
        );
        wanted.push(key.clone());
        match known.iter().find(|job| job.key == key) {
            Some(job) if job.payload == payload && job.due_at > now => {}
            Some(job) if job.payload == payload => {
                if claimed(services, &directory, job, next).await? {
                    asked += 1;
                }
            }
            _ => {
                let job = Job {
                    key,
                    payload,
                    due_at: next,
                };
                let tx = services.db().begin().await?;
                jobs::set(&tx, services.id(), KIND, &job, now).await?;
                tx.commit_quiet(Quiet::Working).await?;
            }
        }
    }
    for job in known.iter().filter(|job| !wanted.contains(&job.key)) {
        let tx = services.db().begin().await?;
        jobs::forget(&tx, &job.key).await?;
        tx.commit_quiet(Quiet::Working).await?;
    }
    Ok(asked)
}

/// Asks for a run, unless another node did. A run that is under way counts as the one that was to come, unless it is about
/// a single person: then it is asked for once that is over.
async fn claimed(
    services: &Services,
    directory: &Directory,
    job: &Job,
    next: DateTime<Utc>,
) -> Result<bool, Error> {
    let tx = services.db().begin().await?;
    if !jobs::claim(&tx, job, next).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let is_asked = match asked(services, &tx, directory).await {
        Ok(()) => true,
        Err(error) if error.code == "RUN-001" && is_about_one(&tx, directory).await? => {
            tx.rollback().await?;
            return Ok(false);
        }
        // Nothing was written by that but the lock.
        Err(error)
            if matches!(
                error.code,
                "RUN-001" | "RUN-002" | "DIR-004" | shadowing::CHANGES_PLACES
            ) =>
        {
            tracing::info!(%error, directory = directory.name, "a sync that is due was not asked for");
            false
        }
        Err(error) => return Err(error),
    };
    tx.commit_quiet(Quiet::Working).await?;
    Ok(is_asked)
}

async fn is_about_one(tx: &Tx, directory: &Directory) -> Result<bool, Error> {
    let open = runs::open_of(tx, directory.id).await?;
    Ok(open.is_some_and(|run| run.person.is_some()))
}

async fn asked(services: &Services, tx: &Tx, directory: &Directory) -> Result<(), Error> {
    let call = Call::system(ASKS, services.now());
    wished(services, &call, tx, directory.id, Wish::Sync, None)
        .await
        .map(drop)
}
