//! Messages that wait to leave, wishes for a new password, passwords that must be changed, and who was told of what.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// Letters and what people typed are sealed: they hold links, names and addresses.
const UP: &str = "
CREATE TABLE outbox (
  id ID NOT NULL PRIMARY KEY,
  kind WORD NOT NULL,
  user_id ID REFERENCES users (id) ON DELETE CASCADE,
  letter TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  next_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL,
  attempts NUMBER NOT NULL,
  lease WORD,
  leased_until MILLIS,
  last_error TEXT,
  dropped_at MILLIS
) CLUSTERED;
CREATE INDEX outbox_next ON outbox (next_at);
CREATE INDEX outbox_user ON outbox (user_id);

CREATE TABLE reset_wishes (
  id ID NOT NULL PRIMARY KEY,
  typed TEXT NOT NULL,
  address TEXT,
  created_at MILLIS NOT NULL
) CLUSTERED;

CREATE TABLE forced_changes (
  user_id ID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  since MILLIS NOT NULL,
  wanted_by TEXT NOT NULL
) CLUSTERED;

CREATE TABLE told_of_attempts (
  user_id ID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  told_at MILLIS NOT NULL
) CLUSTERED;
";

const DOWN: &str = "
DROP TABLE told_of_attempts;
DROP TABLE forced_changes;
DROP TABLE reset_wishes;
DROP TABLE outbox;
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
