//! Receipts of every secure session, whatever proved presence; whom and which session at a provider an answer named, so
//! that a sign-out announced there ends what rests on it; when a secure session was last used; keys that no longer sign.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// A receipt without a provider is of a proof made here. SQLite cannot take a column's NOT NULL away, so the table is
/// made anew.
const UP: &str = "
CREATE TABLE receipts_of_all (
  id ID PRIMARY KEY,
  challenge_id ID,
  provider_id ID,
  user_id ID NOT NULL,
  username TEXT NOT NULL,
  session_key WORD NOT NULL,
  at MILLIS NOT NULL,
  purpose WORD NOT NULL,
  verdict WORD NOT NULL,
  reasons TEXT NOT NULL,
  evidence_rows TEXT NOT NULL,
  sent TEXT NOT NULL,
  asked_at MILLIS NOT NULL,
  left_at MILLIS NOT NULL,
  stated_at MILLIS,
  back_at MILLIS NOT NULL,
  control TEXT,
  action TEXT,
  confirmed TEXT,
  subject TEXT,
  idp_sid TEXT,
  proof WORD,
  elevation_id ID,
  signed_out_at MILLIS
) STRICT;
INSERT INTO receipts_of_all
  (id, challenge_id, provider_id, user_id, username, session_key, at, purpose, verdict, reasons, evidence_rows, sent,
   asked_at, left_at, stated_at, back_at, control, action, confirmed)
  SELECT id, challenge_id, provider_id, user_id, username, session_key, at, purpose, verdict, reasons, evidence_rows, sent,
   asked_at, left_at, stated_at, back_at, control, action, confirmed FROM receipts;
DROP TABLE receipts;
ALTER TABLE receipts_of_all RENAME TO receipts;
CREATE INDEX receipts_at ON receipts (at, id);
CREATE INDEX receipts_provider ON receipts (provider_id, at);
CREATE INDEX receipts_user ON receipts (user_id, at);

ALTER TABLE elevations ADD COLUMN used_at MILLIS;
ALTER TABLE request_keys ADD COLUMN retired_at MILLIS;
";

const DOWN: &str = "
ALTER TABLE request_keys DROP COLUMN retired_at;
ALTER TABLE elevations DROP COLUMN used_at;
CREATE TABLE receipts_of_some (
  id ID PRIMARY KEY,
  challenge_id ID,
  provider_id ID NOT NULL,
  user_id ID NOT NULL,
  username TEXT NOT NULL,
  session_key WORD NOT NULL,
  at MILLIS NOT NULL,
  purpose WORD NOT NULL,
  verdict WORD NOT NULL,
  reasons TEXT NOT NULL,
  evidence_rows TEXT NOT NULL,
  sent TEXT NOT NULL,
  asked_at MILLIS NOT NULL,
  left_at MILLIS NOT NULL,
  stated_at MILLIS,
  back_at MILLIS NOT NULL,
  control TEXT,
  action TEXT,
  confirmed TEXT
) STRICT;
INSERT INTO receipts_of_some
  SELECT id, challenge_id, provider_id, user_id, username, session_key, at, purpose, verdict, reasons, evidence_rows, sent,
   asked_at, left_at, stated_at, back_at, control, action, confirmed FROM receipts WHERE provider_id IS NOT NULL;
DROP TABLE receipts;
ALTER TABLE receipts_of_some RENAME TO receipts;
CREATE INDEX receipts_at ON receipts (at, id);
CREATE INDEX receipts_provider ON receipts (provider_id, at);
CREATE INDEX receipts_user ON receipts (user_id, at);
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
