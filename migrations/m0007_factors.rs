//! Second factors, recovery codes, and what policy says of a running secure session.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `counter` only grows: the last accepted step of an app's codes, and room for the signature counter of other kinds.
const UP: &str = "
CREATE TABLE factors (
  id ID PRIMARY KEY,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind WORD NOT NULL,
  name TEXT NOT NULL,
  secret_sealed TEXT NOT NULL,
  counter NUMBER,
  created_at MILLIS NOT NULL,
  confirmed_at MILLIS,
  last_used_at MILLIS
) STRICT;
CREATE INDEX factors_user ON factors (user_id, created_at);

CREATE TABLE recovery_codes (
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  code_hash WORD NOT NULL,
  created_at MILLIS NOT NULL,
  used_at MILLIS,
  PRIMARY KEY (user_id, code_hash)
) CLUSTERED;

ALTER TABLE elevations ADD COLUMN idle_seconds NUMBER;
ALTER TABLE elevations ADD COLUMN network TEXT;
";

const DOWN: &str = "
ALTER TABLE elevations DROP COLUMN network;
ALTER TABLE elevations DROP COLUMN idle_seconds;
DROP TABLE recovery_codes;
DROP TABLE factors;
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
