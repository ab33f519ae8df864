//! Applications behind a proxy: what they are, codes that hand somebody over to them, and who came in where.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// A passage belongs to a browser session without referring to it: the session's name changes when it is elevated, and
/// the passage follows. One whose session is gone counts for nothing and is swept away.
const UP: &str = "
CREATE TABLE applications (
  id ID PRIMARY KEY,
  name TEXT NOT NULL,
  origin WORD NOT NULL,
  prefix WORD NOT NULL,
  entry TEXT NOT NULL,
  elevated TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  updated_at MILLIS NOT NULL,
  UNIQUE (origin, prefix)
) STRICT;

CREATE TABLE application_codes (
  code_hash WORD PRIMARY KEY,
  application_id ID NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
  session_key WORD NOT NULL,
  flow_hash WORD NOT NULL,
  return_to TEXT NOT NULL,
  expires_at MILLIS NOT NULL
) CLUSTERED;
CREATE INDEX application_codes_session ON application_codes (session_key);

CREATE TABLE application_passages (
  token_hash WORD PRIMARY KEY,
  session_key WORD NOT NULL,
  origin WORD NOT NULL,
  created_at MILLIS NOT NULL
) CLUSTERED;
CREATE INDEX application_passages_session ON application_passages (session_key);
";

const DOWN: &str = "
DROP TABLE application_passages;
DROP TABLE application_codes;
DROP TABLE applications;
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
