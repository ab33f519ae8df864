//! Probes of a calibration with what each showed, keys for signed requests, and how a provider is asked by prompt.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// Settings are kept as compact JSON of texts: what was a yes or no about `prompt=login` is a choice among prompts now.
const UP: &str = r#"
CREATE TABLE probes (
  id ID PRIMARY KEY,
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  at MILLIS NOT NULL,
  probe WORD NOT NULL,
  user_id ID NOT NULL,
  username TEXT NOT NULL,
  receipt_id ID,
  finding WORD NOT NULL,
  seen TEXT NOT NULL,
  sent TEXT NOT NULL,
  times TEXT NOT NULL,
  said WORD,
  said_at MILLIS
) STRICT;
CREATE INDEX probes_provider ON probes (provider_id, at);

CREATE TABLE request_keys (
  id ID PRIMARY KEY,
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  key_sealed TEXT NOT NULL,
  created_at MILLIS NOT NULL
) STRICT;
CREATE INDEX request_keys_provider ON request_keys (provider_id, created_at);

UPDATE identity_providers SET settings =
  REPLACE(REPLACE(settings, '"prompt_login":"yes"', '"prompt":"login"'), '"prompt_login":"no"', '"prompt":"unsent"');
"#;

const DOWN: &str = r#"
UPDATE identity_providers SET settings =
  REPLACE(REPLACE(settings, '"prompt":"login"', '"prompt_login":"yes"'), '"prompt":"unsent"', '"prompt_login":"no"');
DROP TABLE request_keys;
DROP TABLE probes;
"#;

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
