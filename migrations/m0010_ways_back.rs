//! What getting in depends on, and ways back: when a connection was last changed, links that set a password, uses of
//! break-glass accounts, and announcements of sign-outs that were taken.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = "
CREATE TABLE changed_connections (
  provider_id ID NOT NULL PRIMARY KEY REFERENCES identity_providers (id) ON DELETE CASCADE,
  changed_at MILLIS NOT NULL
) CLUSTERED;

CREATE TABLE password_links (
  token_hash WORD NOT NULL PRIMARY KEY,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  purpose WORD NOT NULL,
  detail TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL,
  used_at MILLIS
) CLUSTERED;
CREATE INDEX password_links_user ON password_links (user_id);

CREATE TABLE break_glass_uses (
  id ID NOT NULL PRIMARY KEY,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  at MILLIS NOT NULL,
  address TEXT,
  reason TEXT,
  is_drill FLAG NOT NULL,
  acknowledged_by TEXT,
  acknowledged_at MILLIS
) CLUSTERED;
CREATE INDEX break_glass_uses_user ON break_glass_uses (user_id, at);

CREATE TABLE logout_tokens (
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  jti_hash WORD NOT NULL,
  expires_at MILLIS NOT NULL,
  PRIMARY KEY (provider_id, jti_hash)
) CLUSTERED;
";

const DOWN: &str = "
DROP TABLE logout_tokens;
DROP TABLE break_glass_uses;
DROP TABLE password_links;
DROP TABLE changed_connections;
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
