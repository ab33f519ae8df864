//! Passwords, identity providers, the identities people have there, and roles.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = r#"
CREATE TABLE credentials (
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  kind WORD NOT NULL,
  secret TEXT NOT NULL,
  changed_at MILLIS NOT NULL,
  PRIMARY KEY (user_id, kind)
) CLUSTERED;

CREATE TABLE identity_providers (
  id ID PRIMARY KEY,
  slug WORD NOT NULL,
  name TEXT NOT NULL,
  vendor TEXT NOT NULL,
  kind TEXT NOT NULL,
  enabled FLAG NOT NULL,
  settings TEXT NOT NULL,
  secret_sealed TEXT,
  directory_id ID NOT NULL REFERENCES directories (id),
  domains TEXT NOT NULL,
  jit TEXT NOT NULL,
  calibration TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  updated_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX identity_providers_slug ON identity_providers (slug);

CREATE TABLE idp_subjects (
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  issuer WORD NOT NULL,
  subject WORD NOT NULL,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  linked_at MILLIS NOT NULL,
  linked_by TEXT NOT NULL,
  last_used_at MILLIS,
  PRIMARY KEY (provider_id, issuer, subject)
) CLUSTERED;
CREATE INDEX idp_subjects_user ON idp_subjects (user_id);

CREATE TABLE role_assignments (
  id ID PRIMARY KEY,
  role WORD NOT NULL,
  principal_kind WORD NOT NULL,
  principal_id ID NOT NULL,
  scope WORD NOT NULL,
  granted_by TEXT NOT NULL,
  granted_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX role_assignments_grant ON role_assignments (principal_kind, principal_id, role, scope);
CREATE INDEX role_assignments_role ON role_assignments (role);
"#;

const DOWN: &str = "
DROP TABLE role_assignments;
DROP TABLE idp_subjects;
DROP TABLE identity_providers;
DROP TABLE credentials;
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
