//! Plans, runs and jobs: what a source would change, how it was carried out, and what waits to be done.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = r#"
CREATE TABLE directory_states (
  directory_id ID NOT NULL PRIMARY KEY REFERENCES directories (id) ON DELETE CASCADE,
  revision NUMBER NOT NULL,
  cursor TEXT,
  snapshot_at MILLIS,
  census_at MILLIS,
  lease_owner TEXT,
  lease_until MILLIS
) CLUSTERED;

CREATE TABLE plans (
  id ID PRIMARY KEY,
  directory_id ID NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
  base_revision NUMBER NOT NULL,
  state WORD NOT NULL,
  held_causes TEXT NOT NULL,
  counts TEXT NOT NULL,
  inverse_of ID,
  created_by TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  approved_by TEXT,
  approved_at MILLIS
) STRICT;
CREATE INDEX plans_directory ON plans (directory_id, created_at);
CREATE INDEX plans_state ON plans (state, created_at);

CREATE TABLE plan_changes (
  plan_id ID NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  position NUMBER NOT NULL,
  kind WORD NOT NULL,
  cause WORD NOT NULL,
  subject TEXT NOT NULL,
  subject_id ID,
  change TEXT NOT NULL,
  refusal TEXT,
  PRIMARY KEY (plan_id, position)
) CLUSTERED;
CREATE INDEX plan_changes_kind ON plan_changes (plan_id, kind, position);

CREATE TABLE runs (
  id ID PRIMARY KEY,
  directory_id ID NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
  plan_id ID REFERENCES plans (id),
  started_by TEXT NOT NULL,
  state WORD NOT NULL,
  progress TEXT NOT NULL,
  problem TEXT,
  cancel_asked FLAG NOT NULL,
  lease_owner TEXT,
  lease_until MILLIS,
  created_at MILLIS NOT NULL,
  started_at MILLIS,
  heartbeat_at MILLIS,
  ended_at MILLIS
) STRICT;
CREATE INDEX runs_directory ON runs (directory_id, created_at);
CREATE INDEX runs_state ON runs (state, created_at);

CREATE TABLE run_outcomes (
  run_id ID NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  position NUMBER NOT NULL,
  outcome WORD NOT NULL,
  detail TEXT NOT NULL,
  undo TEXT,
  at MILLIS NOT NULL,
  PRIMARY KEY (run_id, position)
) CLUSTERED;

CREATE TABLE jobs (
  id ID PRIMARY KEY,
  kind WORD NOT NULL,
  unique_key WORD,
  payload TEXT NOT NULL,
  state WORD NOT NULL,
  due_at MILLIS NOT NULL,
  attempts NUMBER NOT NULL,
  lease_owner TEXT,
  lease_until MILLIS,
  problem TEXT,
  created_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX jobs_unique ON jobs (unique_key);
CREATE INDEX jobs_due ON jobs (state, due_at);
"#;

const DOWN: &str = "
DROP TABLE jobs;
DROP TABLE run_outcomes;
DROP TABLE runs;
DROP TABLE plan_changes;
DROP TABLE plans;
DROP TABLE directory_states;
";

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
