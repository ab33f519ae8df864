//! A plan's rows on their way into the database, in batches.

use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::plan::identity::{Digest, Identity};
use muster_domain::plan::stored::{Line, REFUSALS, Row, position};
use muster_domain::plan::{PHASES, Phase, Purpose, Refusal, Step, StoredPlan};
use muster_domain::record::ExternalId;
use muster_domain::{Error, Kind};
use muster_storage::{Quiet, accounts, drafts, groups, plans};
use tokio::task::{JoinError, JoinSet};

use crate::Services;

/// Rows that are written together, which takes some tenths of a second. By whom they are about they lie all over an index, and
/// every commit writes each page of it that it touched.
const BATCH: usize = 24_000;

/// What is kept with an account or a group that was looked at and is as the source says.
struct Noted {
    external_id: ExternalId,
    was: Option<String>,
    digest: String,
}

/// Writes a plan.
pub(super) struct Writer {
    pub plan: StoredPlan,
    /// Of the steps so far; none once one was taken back out.
    identity: Option<Digest>,
    rows: Vec<Row>,
    steps: [u64; PHASES],
    refusals: i64,
    accounts: Vec<Noted>,
    raw: Vec<(ExternalId, String)>,
    groups: Vec<Noted>,
    /// At most one batch. It ends with this value.
    under_way: JoinSet<Result<(), Error>>,
}

impl Writer {
    pub(super) fn new(plan: StoredPlan) -> Self {
        let identity = Digest::new(plan.directory, plan.base_revision);
        Self {
            identity: Some(identity),
            plan,
            rows: Vec::new(),
            steps: [0; PHASES],
            refusals: 0,
            accounts: Vec::new(),
            raw: Vec::new(),
            groups: Vec::new(),
            under_way: JoinSet::new(),
        }
    }

    /// Writes a step behind all others of its phase. Gives its position.
    pub(super) fn step(&mut self, step: Step) -> i64 {
        let phase = Phase::of(&step.change);
        self.plan.counts.add(&step.change);
        if let Some(identity) = &mut self.identity {
            identity.add(&step);
        }
        let mut at = 0;
        if let Some(nth) = self.steps.get_mut(phase as usize) {
            at = position(phase, *nth);
            *nth += 1;
        }
        self.rows.push(Row {
            position: at,
            line: Line::Step(step),
        });
        at
    }

    /// Writes what is not done. Gives its position.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> i64 {
        let words = &mut self.plan.counts.refusals;
        *words.entry(refusal.reason.word().to_owned()).or_default() += 1;
        let at = REFUSALS + self.refusals;
        self.refusals += 1;
        self.rows.push(Row {
            position: at,
            line: Line::Refusal(refusal),
        });
        at
    }

    /// Takes rows back out that were written, and gives them.
    pub(super) async fn take_back(
        &mut self,
        services: &Services,
        positions: &[i64],
    ) -> Result<Vec<Row>, Error> {
        self.flush(services).await?;
        self.settle().await?;
        let tx = services.db().begin().await?;
        let rows = drafts::rows_at(&tx, self.plan.id, positions).await?;
        drafts::take_out(&tx, self.plan.id, positions).await?;
        tx.commit_quiet(Quiet::Working).await?;
        if rows.iter().any(|row| matches!(row.line, Line::Step(_))) {
            self.identity = None;
        }
        for row in &rows {
            match &row.line {
                Line::Step(step) => self.plan.counts.take(&step.change),
                Line::Refusal(refusal) => {
                    let words = &mut self.plan.counts.refusals;
                    let word = refusal.reason.word();
                    if let Some(count) = words.get_mut(word) {
                        *count = count.saturating_sub(1);
                    }
                    words.retain(|_, count| *count > 0);
                }
            }
        }
        Ok(rows)
    }

    /// The identity of what was written, unless rows have to be read again to tell it.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity.clone().map(Digest::finish)
    }

    /// Keeps the fingerprint of an account that is as the source says; `was` is what was kept when it was looked at.
    pub(super) fn note(&mut self, external_id: ExternalId, was: Option<String>, digest: String) {
        self.accounts.push(Noted {
            external_id,
            was,
            digest,
        });
    }

    /// Keeps the digest of what a source said before any mapping with an account that is looked at closer anyway.
    pub(super) fn note_raw(&mut self, external_id: ExternalId, raw: String) {
        self.raw.push((external_id, raw));
    }

    /// The same of a group.
    pub(super) fn note_group(
        &mut self,
        external_id: ExternalId,
        was: Option<String>,
        digest: String,
    ) {
        self.groups.push(Noted {
            external_id,
            was,
            digest,
        });
    }

    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() + self.accounts.len() + self.groups.len() >= BATCH
    }

    /// Writes what is decided so far, while more is decided: it is there once it [is settled](Self::settle).
    pub(super) async fn flush(&mut self, services: &Services) -> Result<(), Error> {
        self.settle().await?;
        // What other terms would do changes nothing, not even what is known.
        if matches!(self.plan.purpose, Purpose::WhatIf | Purpose::Shadow) {
            self.accounts.clear();
            self.raw.clear();
            self.groups.clear();
        }
        let batch = Batch {
            plan: self.plan.id,
            directory: self.plan.directory,
            rows: std::mem::take(&mut self.rows),
            accounts: std::mem::take(&mut self.accounts),
            raw: std::mem::take(&mut self.raw),
            groups: std::mem::take(&mut self.groups),
        };
        if !batch.is_empty() {
            self.under_way.spawn(batch.write(services.clone()));
        }
        Ok(())
    }

    /// Waits until everything that was flushed is written.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        while let Some(done) = self.under_way.join_next().await {
            done.map_err(unwritten)??;
        }
        Ok(())
    }
}

fn unwritten(why: JoinError) -> Error {
    Error::new(
        "PLAN-009",
        Kind::Internal,
        "The plan could not be written down.",
    )
    .next(
        "Nothing was changed. Report this to whoever maintains Muster, with the lines of the log.",
    )
    .internal(why)
}

/// What is written together.
struct Batch {
    plan: PlanId,
    directory: DirectoryId,
    rows: Vec<Row>,
    accounts: Vec<Noted>,
    raw: Vec<(ExternalId, String)>,
    groups: Vec<Noted>,
}

impl Batch {
    const fn is_empty(&self) -> bool {
        // Digests of records go with those of accounts.
        self.rows.is_empty() && self.accounts.is_empty() && self.groups.is_empty()
    }

    async fn write(self, services: Services) -> Result<(), Error> {
        let tx = services.db().begin().await?;
        plans::insert_rows(&tx, self.plan, &self.rows).await?;
        let directory = self.directory;
        for noted in self.accounts {
            let was = noted.was.as_deref();
            accounts::remember_if(&tx, directory, &noted.external_id, was, &noted.digest).await?;
        }
        for (external_id, raw) in self.raw {
            accounts::remember_raw(&tx, directory, &external_id, &raw).await?;
        }
        for noted in self.groups {
            let was = noted.was.as_deref();
            groups::remember_if(&tx, directory, &noted.external_id, was, &noted.digest).await?;
        }
        tx.commit_quiet(Quiet::Working).await
    }
}
