//! Passkeys beside authenticator apps, permits for a first second factor, and what confirmed an unproven answer.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `credential` is the id of a passkey, `bound_to` the name of this console as the passkey knows it, `suspected_at` when
/// an answer showed that there may be a copy. `permitted_by` names who let the person add it without a secure session.
const UP: &str = "
ALTER TABLE factors ADD COLUMN credential WORD;
ALTER TABLE factors ADD COLUMN bound_to WORD;
ALTER TABLE factors ADD COLUMN suspected_at MILLIS;
ALTER TABLE factors ADD COLUMN permitted_by TEXT;
CREATE UNIQUE INDEX factors_credential ON factors (credential);

CREATE TABLE ceremonies (
  id ID PRIMARY KEY,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  session_key WORD NOT NULL,
  purpose WORD NOT NULL,
  name TEXT NOT NULL,
  state_sealed TEXT NOT NULL,
  begun_at MILLIS NOT NULL
) STRICT;
CREATE INDEX ceremonies_session ON ceremonies (session_key, purpose);

CREATE TABLE factor_permits (
  user_id ID PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  granted_by TEXT NOT NULL,
  granted_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL
) CLUSTERED;

ALTER TABLE receipts ADD COLUMN confirmed TEXT;
";

const DOWN: &str = "
ALTER TABLE receipts DROP COLUMN confirmed;
DROP TABLE factor_permits;
DROP TABLE ceremonies;
DROP INDEX factors_credential;
ALTER TABLE factors DROP COLUMN permitted_by;
ALTER TABLE factors DROP COLUMN suspected_at;
ALTER TABLE factors DROP COLUMN bound_to;
ALTER TABLE factors DROP COLUMN credential;
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
