//! A transaction that cannot commit without saying what was done.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use muster_domain::audit::AuditEvent;
use muster_domain::{Error, Kind};
use sea_orm::{DatabaseExecutor, DatabaseTransaction};

use crate::failure::fail;
use crate::reader::sealed::Source;
use crate::recent::Writing;
use crate::{audit, counters};

/// A transaction. Dropped without [`Tx::commit`] it leaves nothing.
#[derive(Debug)]
pub struct Tx {
    inner: DatabaseTransaction,
    counted: Mutex<BTreeMap<&'static str, i64>>,
    // Falls last, when everything is written.
    _writing: Writing,
}

/// The housekeeping that happens without an audit event, because it changes nothing anyone decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quiet {
    /// When a session, identity or account was last seen.
    LastSeen,
    /// What is over was swept away.
    Expired,
    /// A round trip to a provider was begun or answered; its outcome is audited.
    SignInPending,
    /// Data of a browser session: flash messages, what is half-typed.
    SessionData,
    /// Wrong passwords, known networks, uses of a link.
    Counted,
    /// A message left, or is tried again; what caused it is audited. A wish for a new password came in; what it leads
    /// to is audited.
    Mail,
    /// A run showed life, or one that nobody asked for in person begins; what it changes is audited.
    Working,
}

impl Tx {
    pub(crate) fn new(inner: DatabaseTransaction, writing: Writing) -> Self {
        Self {
            inner,
            counted: Mutex::default(),
            _writing: writing,
        }
    }

    /// Commits everything together with the events that tell it, chained to the events before.
    ///
    /// # Errors
    /// `DB-010` without an event; otherwise why the database refused. Either way nothing is written.
    pub async fn commit(self, events: &[AuditEvent]) -> Result<(), Error> {
        if events.is_empty() {
            self.rollback().await?;
            return Err(Error::new(
                "DB-010",
                Kind::Internal,
                "Nothing was saved: this change did not say what goes on record.",
            )
            .next("Report this to whoever maintains Muster, with the request's number."));
        }
        self.apply_counts().await?;
        audit::append(&self, events).await?;
        self.inner.commit().await.map_err(fail)
    }

    /// Commits housekeeping.
    ///
    /// # Errors
    /// Why the database refused; nothing is written then.
    pub async fn commit_quiet(self, _reason: Quiet) -> Result<(), Error> {
        self.apply_counts().await?;
        self.inner.commit().await.map_err(fail)
    }

    /// Leaves everything as it was.
    ///
    /// # Errors
    /// When the database cannot be told; it forgets the transaction all the same.
    pub async fn rollback(self) -> Result<(), Error> {
        self.inner.rollback().await.map_err(fail)
    }

    /// Remembers that a maintained count changes. Applied at commit, in one order, so that transactions never wait
    /// for each other in a circle.
    pub(crate) fn count(&self, counter: &'static str, change: i64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.entry(counter).or_default() += change;
    }

    async fn apply_counts(&self) -> Result<(), Error> {
        let counted =
            std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        for (counter, change) in counted {
            if change != 0 {
                counters::add(self, counter, change).await?;
            }
        }
        Ok(())
    }
}

impl Source for Tx {
    fn source(&self) -> DatabaseExecutor<'_> {
        DatabaseExecutor::Transaction(&self.inner)
    }
}
