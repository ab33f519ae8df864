//! Sign-ins, round trips to providers, sessions, secure sessions, kept results, and wrong passwords.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = r#"
CREATE TABLE sign_ins (
  id ID PRIMARY KEY,
  provider_id ID,
  user_id ID,
  name TEXT NOT NULL,
  at MILLIS NOT NULL,
  outcome WORD NOT NULL,
  means WORD NOT NULL,
  address TEXT,
  claims TEXT,
  evidence TEXT,
  notes TEXT NOT NULL
) STRICT;
CREATE INDEX sign_ins_at ON sign_ins (at, id);
CREATE INDEX sign_ins_provider ON sign_ins (provider_id, at);
CREATE INDEX sign_ins_user ON sign_ins (user_id, at);

CREATE TABLE challenges (
  id ID PRIMARY KEY,
  state_hash WORD NOT NULL,
  kind WORD NOT NULL,
  stage WORD NOT NULL,
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  session_key WORD NOT NULL,
  user_id ID,
  nonce_sealed TEXT NOT NULL,
  verifier_sealed TEXT NOT NULL,
  sent TEXT NOT NULL,
  context TEXT NOT NULL,
  return_to TEXT NOT NULL,
  action TEXT,
  test_link_id ID,
  created_at MILLIS NOT NULL,
  asked_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL,
  consumed_at MILLIS
) STRICT;
CREATE UNIQUE INDEX challenges_state ON challenges (state_hash);
CREATE INDEX challenges_expires ON challenges (expires_at);
CREATE INDEX challenges_provider ON challenges (provider_id);

CREATE TABLE elevations (
  id ID PRIMARY KEY,
  session_key WORD NOT NULL,
  user_id ID NOT NULL,
  kind WORD NOT NULL,
  provider_id ID,
  granted_at MILLIS NOT NULL,
  ends_at MILLIS NOT NULL,
  dropped_at MILLIS
) STRICT;
CREATE INDEX elevations_session ON elevations (session_key, ends_at);
CREATE INDEX elevations_user ON elevations (user_id, ends_at);
CREATE INDEX elevations_ends ON elevations (ends_at);

CREATE TABLE receipts (
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
  action TEXT
) STRICT;
CREATE INDEX receipts_at ON receipts (at, id);
CREATE INDEX receipts_provider ON receipts (provider_id, at);
CREATE INDEX receipts_user ON receipts (user_id, at);

CREATE TABLE test_links (
  id ID PRIMARY KEY,
  token_hash WORD NOT NULL,
  provider_id ID NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
  created_by TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL,
  used_count NUMBER NOT NULL
) STRICT;
CREATE UNIQUE INDEX test_links_token ON test_links (token_hash);
CREATE INDEX test_links_provider ON test_links (provider_id);

CREATE TABLE sessions (
  id_hash WORD NOT NULL PRIMARY KEY,
  data TEXT NOT NULL,
  user_id ID,
  signed_in_at MILLIS,
  means TEXT,
  address TEXT,
  user_agent TEXT,
  created_at MILLIS NOT NULL,
  last_seen_at MILLIS NOT NULL,
  expires_at MILLIS NOT NULL
) CLUSTERED;
CREATE INDEX sessions_user ON sessions (user_id, last_seen_at);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE password_failures (
  network WORD NOT NULL,
  account_key WORD NOT NULL,
  bucket_at MILLIS NOT NULL,
  failures NUMBER NOT NULL,
  PRIMARY KEY (network, account_key, bucket_at)
) CLUSTERED;
CREATE INDEX password_failures_account ON password_failures (account_key, bucket_at);
CREATE INDEX password_failures_at ON password_failures (bucket_at);

CREATE TABLE known_networks (
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  network WORD NOT NULL,
  last_at MILLIS NOT NULL,
  PRIMARY KEY (user_id, network)
) CLUSTERED;
"#;

const DOWN: &str = "
DROP TABLE known_networks;
DROP TABLE password_failures;
DROP TABLE sessions;
DROP TABLE test_links;
DROP TABLE receipts;
DROP TABLE elevations;
DROP TABLE challenges;
DROP TABLE sign_ins;
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
