//! The right to work on a run: a lease of its directory, renewed by everything that is written.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::run::{Run, RunState};
use muster_storage::{Quiet, Tx, directories, directory_states, roles, runs};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{LOST, lost, passes};
use crate::sync::planning::Gained;
use crate::{Call, Services, provisioning};

/// How long after its last sign of life a run is taken over.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often life is shown where nothing else is written.
const BEAT: Duration = Duration::from_secs(8);
/// How often it is looked whether somebody wants to stop, while a source is waited for.
const LISTEN: Duration = Duration::from_millis(500);
/// How often something is tried again that is likely to pass.
const TRIES: u32 = 5;
/// How long is waited before the second try; twice as long before each one after it.
const PAUSE: Duration = Duration::from_millis(100);

/// Somebody who works on a run.
pub(super) struct Worker {
    pub(super) services: Services,
    pub(super) directory: DirectoryId,
    pub(super) run: RunId,
    owner: String,
    /// From where the next sync goes on, if this one ends well.
    gained: Mutex<Option<Gained>>,
}

impl Worker {
    /// Takes the lease of a run's directory; none when somebody holds it or the run is over.
    pub(super) async fn take(services: &Services, run: &Run) -> Result<Option<(Self, Run)>, Error> {
        let worker = Self {
            services: services.clone(),
            directory: run.directory,
            run: run.id,
            owner: services.token(),
            gained: Mutex::new(None),
        };
        let now = services.now();
        if directory_states::is_taken(services.db(), run.directory, now).await? {
            return Ok(None);
        }
        let tx = services.db().begin().await?;
        let is_ours =
            directory_states::take(&tx, run.directory, &worker.owner, now, now + LEASE).await?;
        let fresh = runs::get(&tx, run.id)
            .await?
            .filter(|run| run.ended_at.is_none());
        match fresh {
            Some(run) if is_ours => {
                runs::beat(&tx, run.id, now).await?;
                tx.commit_quiet(Quiet::Working).await?;
                Ok(Some((worker, run)))
            }
            _ => {
                tx.rollback().await?;
                Ok(None)
            }
        }
    }

    /// Keeps in mind from where the next sync goes on, until this one ends well.
    pub(super) fn keep_in_mind(&self, gained: Option<Gained>) {
        *self.gained.lock().unwrap_or_else(PoisonError::into_inner) = gained;
    }

    /// What was kept in mind.
    pub(super) fn gained(&self) -> Option<Gained> {
        let kept = self.gained.lock();
        kept.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it does is done in the name of the run: who asked for it stands there.
    pub(super) fn call(&self) -> Call {
        let mut call = Call::system("sync", self.services.now());
        call.request_id = self.run.to_string();
        call
    }

    /// A transaction that began with renewing the lease: until it ends nobody can take over, and whoever else locks the
    /// directory's state first does not wait for us in a circle.
    ///
    /// # Errors
    /// `RUN-004` when another one took over: nothing may be written.
    pub(super) async fn tx(&self) -> Result<Tx, Error> {
        let tx = self.services.db().begin().await?;
        self.renewed(tx).await
    }

    async fn renewed(&self, tx: Tx) -> Result<Tx, Error> {
        let until = self.services.now() + LEASE;
        match directory_states::renew(&tx, self.directory, &self.owner, until).await? {
            true => Ok(tx),
            false => Err(lost()),
        }
    }

    /// The same, while nobody asked the run to stop: what ended it meanwhile is not written over.
    ///
    /// # Errors
    /// `RUN-003` when somebody did, and as [`Self::tx`].
    pub(super) async fn tx_unless_stopped(&self) -> Result<Tx, Error> {
        let tx = self.tx().await?;
        if runs::is_asked_to_stop(&tx, self.run).await? {
            tx.rollback().await?;
            return Err(super::stopped());
        }
        Ok(tx)
    }

    /// The same, with the states of other directories locked, too: all in one order ([`directory_states::lock_all`]).
    ///
    /// # Errors
    /// As [`Worker::tx`].
    pub(super) async fn tx_beside(&self, others: &BTreeSet<DirectoryId>) -> Result<Tx, Error> {
        let tx = self.services.db().begin().await?;
        let mut all = others.clone();
        all.insert(self.directory);
        directory_states::lock_all(&tx, &all).await?;
        self.renewed(tx).await
    }

    /// The same for one that carries changes out. It takes its turns first, as everybody does who changes by hand what such
    /// a transaction goes by: that of the order of directories, where they change places, and that of who holds which role.
    /// Plans of other directories that these changes make out of date are so from then on; the states of all are locked in
    /// one order.
    ///
    /// # Errors
    /// As [`Worker::tx`].
    pub(super) async fn tx_to_carry(&self, changes: &[Change]) -> Result<Tx, Error> {
        let mut tx = self.services.db().begin().await?;
        let switches = |change: &Change| matches!(change.action, Action::SwitchDirectory { .. });
        if changes.iter().any(switches) {
            directories::take_turns(&tx).await?;
        }
        roles::take_turns(&tx).await?;
        let mut all = provisioning::touched(&tx, changes).await?;
        all.insert(self.directory);
        for directory in all {
            match directory == self.directory {
                true => tx = self.renewed(tx).await?,
                false => directory_states::changed(&tx, &[directory]).await?,
            }
        }
        Ok(tx)
    }

    /// Commits with what goes on record, if anything does.
    pub(super) async fn commit(&self, tx: Tx, events: &[AuditEvent]) -> Result<(), Error> {
        match events {
            [] => tx.commit_quiet(Quiet::Working).await,
            events => tx.commit(events).await,
        }
    }

    /// Commits and gives the lease back in one.
    pub(super) async fn commit_and_leave(
        &self,
        tx: Tx,
        events: &[AuditEvent],
    ) -> Result<(), Error> {
        directory_states::release(&tx, self.directory, &self.owner).await?;
        self.commit(tx, events).await
    }

    /// Gives the lease back; the run stays open for whoever comes next.
    pub(super) async fn leave(&self) -> Result<(), Error> {
        let tx = self.services.db().begin().await?;
        directory_states::release(&tx, self.directory, &self.owner).await?;
        tx.commit_quiet(Quiet::Working).await
    }

    /// Shows life until the lease is lost, or somebody wants to stop what waits for its source: whoever waits for an
    /// answer hears nothing.
    pub(super) async fn beat(&self) -> Error {
        tokio::select! {
            error = self.shows_life() => error,
            error = self.listens() => error,
        }
    }

    async fn listens(&self) -> Error {
        let mut round = interval(LISTEN);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            match runs::get(self.services.db(), self.run).await {
                Ok(Some(run)) if run.state != RunState::Applying && run.cancel_asked => {
                    return super::stopped();
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, run = %self.run, "nobody could be heard"),
            }
        }
    }

    async fn shows_life(&self) -> Error {
        let mut round = interval(BEAT);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        round.tick().await;
        loop {
            round.tick().await;
            match self.beat_once().await {
                Ok(()) => {}
                Err(error) if error.code == LOST => return error,
                // Whoever works finds the database gone by itself.
                Err(error) => tracing::warn!(%error, run = %self.run, "a run could not show life"),
            }
        }
    }

    async fn beat_once(&self) -> Result<(), Error> {
        let tx = self.tx().await?;
        runs::beat(&tx, self.run, self.services.now()).await?;
        self.commit(tx, &[]).await
    }

    /// Goes on only while nobody asked to stop.
    pub(super) async fn goes_on(&self) -> Result<(), Error> {
        match runs::is_asked_to_stop(self.services.db(), self.run).await? {
            true => Err(super::stopped()),
            false => Ok(()),
        }
    }
}

/// Does something again, with longer and longer pauses, while it fails by what is likely to pass.
pub(super) async fn again<T, F>(mut what: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>> + Send,
{
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match what().await {
            Err(error) if passes(&error) => tracing::debug!(%error, "tried again"),
            done => return done,
        }
        sleep(pause).await;
        pause *= 2;
    }
    what().await
}
