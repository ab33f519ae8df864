//! A plan's rows on their way into the database, in batches.

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::plan::stored::{Line, REFUSALS, Row, position};
use muster_domain::plan::{Phase, Purpose, Refusal, Step, StoredPlan};
use muster_domain::record::ExternalId;
use muster_storage::{Quiet, accounts, drafts, groups, plans};

use crate::Services;

/// Rows that are written together.
const BATCH: usize = 2_000;

/// What is kept with an account or a group that was looked at and is as the source says.
struct Noted {
    external_id: ExternalId,
    was: Option<String>,
    digest: String,
}

/// Writes a plan.
pub(super) struct Writer {
    pub plan: StoredPlan,
    rows: Vec<Row>,
    steps: [u64; 7],
    refusals: i64,
    accounts: Vec<Noted>,
    groups: Vec<Noted>,
}

impl Writer {
    pub(super) const fn new(plan: StoredPlan) -> Self {
        Self {
            plan,
            rows: Vec::new(),
            steps: [0; 7],
            refusals: 0,
            accounts: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Writes a step behind all others of its phase. Gives its position.
    pub(super) fn step(&mut self, step: Step) -> i64 {
        let phase = Phase::of(&step.change);
        self.plan.counts.add(&step.change);
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
        let tx = services.db().begin().await?;
        let rows = drafts::rows_at(&tx, self.plan.id, positions).await?;
        drafts::take_out(&tx, self.plan.id, positions).await?;
        tx.commit_quiet(Quiet::Working).await?;
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

    /// Keeps the fingerprint of an account that is as the source says; `was` is what was kept when it was looked at.
    pub(super) fn note(&mut self, external_id: ExternalId, was: Option<String>, digest: String) {
        self.accounts.push(Noted {
            external_id,
            was,
            digest,
        });
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

    pub(super) async fn flush(&mut self, services: &Services) -> Result<(), Error> {
        // What other terms would do changes nothing, not even what is known.
        if self.plan.purpose == Purpose::WhatIf {
            self.accounts.clear();
            self.groups.clear();
        }
        let (rows, accounts, groups) = (
            std::mem::take(&mut self.rows),
            std::mem::take(&mut self.accounts),
            std::mem::take(&mut self.groups),
        );
        if rows.is_empty() && accounts.is_empty() && groups.is_empty() {
            return Ok(());
        }
        let tx = services.db().begin().await?;
        plans::insert_rows(&tx, self.plan.id, &rows).await?;
        let directory: DirectoryId = self.plan.directory;
        for noted in accounts {
            let was = noted.was.as_deref();
            accounts::remember_if(&tx, directory, &noted.external_id, was, &noted.digest).await?;
        }
        for noted in groups {
            let was = noted.was.as_deref();
            groups::remember_if(&tx, directory, &noted.external_id, was, &noted.digest).await?;
        }
        tx.commit_quiet(Quiet::Working).await
    }
}
