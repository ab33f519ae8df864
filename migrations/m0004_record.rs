//! The audit chain with its head, settings, and maintained counts.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = r#"
CREATE TABLE audit (
  seq NUMBER NOT NULL PRIMARY KEY,
  actor TEXT NOT NULL,
  actor_id ID,
  action WORD NOT NULL,
  target TEXT NOT NULL,
  target_id ID,
  detail TEXT NOT NULL,
  address TEXT,
  request_id TEXT NOT NULL,
  at MILLIS NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_actor ON audit (actor_id, seq);
CREATE INDEX audit_target ON audit (target_id, seq);
CREATE INDEX audit_action ON audit (action, seq);

CREATE TABLE audit_head (
  id NUMBER NOT NULL PRIMARY KEY,
  seq NUMBER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, hash)
  VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE settings (
  name WORD NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) CLUSTERED;

CREATE TABLE counters (
  name WORD NOT NULL PRIMARY KEY,
  value NUMBER NOT NULL
) CLUSTERED;
INSERT INTO counters (name, value) VALUES ('groups', 0), ('users_active', 0), ('users_deactivated', 0);
"#;

const DOWN: &str = "
DROP TABLE counters;
DROP TABLE settings;
DROP TABLE audit_head;
DROP TABLE audit;
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
