//! Directories, users, their accounts, groups and memberships; the search index.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = r#"
CREATE TABLE directories (
  id ID PRIMARY KEY,
  name TEXT NOT NULL,
  name_key WORD NOT NULL,
  kind TEXT NOT NULL,
  position NUMBER NOT NULL,
  enabled FLAG NOT NULL,
  settings TEXT NOT NULL,
  secret_sealed TEXT,
  created_at MILLIS NOT NULL,
  updated_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX directories_name ON directories (name_key);
CREATE INDEX directories_position ON directories (position);

CREATE TABLE users (
  ROW_AND_ID,
  username TEXT NOT NULL,
  username_key WORD NOT NULL,
  display_name TEXT NOT NULL,
  sort_key WORD NOT NULL,
  email TEXT,
  email_key WORD NOT NULL,
  state TEXT NOT NULL,
  deactivation TEXT,
  break_glass FLAG NOT NULL,
  search TEXT NOT NULL,
  created_at MILLIS NOT NULL,
  updated_at MILLIS NOT NULL,
  last_sign_in_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_username ON users (username_key);
CREATE INDEX users_name ON users (sort_key, id);
CREATE INDEX users_email ON users (email_key, id);
CREATE INDEX users_created ON users (created_at, id);
CREATE INDEX users_last_sign_in ON users (last_sign_in_at, id);
CREATE INDEX users_state ON users (state, sort_key, id);

CREATE TABLE accounts (
  id ID PRIMARY KEY,
  user_id ID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  directory_id ID NOT NULL REFERENCES directories (id),
  external_id WORD NOT NULL,
  attributes TEXT NOT NULL,
  active FLAG NOT NULL,
  first_seen_at MILLIS NOT NULL,
  last_confirmed_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_external ON accounts (directory_id, external_id);
CREATE INDEX accounts_user ON accounts (user_id, directory_id);
CREATE INDEX accounts_directory_user ON accounts (directory_id, user_id);

CREATE TABLE groups (
  id ID PRIMARY KEY,
  name TEXT NOT NULL,
  name_key WORD NOT NULL,
  description TEXT NOT NULL,
  search TEXT NOT NULL,
  directory_id ID REFERENCES directories (id),
  created_at MILLIS NOT NULL,
  updated_at MILLIS NOT NULL
) STRICT;
CREATE UNIQUE INDEX groups_name ON groups (name_key);
CREATE INDEX groups_created ON groups (created_at, id);

CREATE TABLE group_sources (
  directory_id ID NOT NULL REFERENCES directories (id),
  external_id WORD NOT NULL,
  group_id ID NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  PRIMARY KEY (directory_id, external_id)
) CLUSTERED;
CREATE INDEX group_sources_group ON group_sources (group_id);

CREATE TABLE memberships (
  group_id ID NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  member_kind WORD NOT NULL,
  member_id ID NOT NULL,
  origin WORD NOT NULL,
  added_at MILLIS NOT NULL,
  PRIMARY KEY (group_id, member_kind, member_id, origin)
) CLUSTERED;
CREATE INDEX memberships_member ON memberships (member_kind, member_id, group_id);
"#;

/// Trigrams over `users.search`, kept up by triggers; the text itself stays in `users` alone.
const SEARCH_SQLITE: &str = "
CREATE VIRTUAL TABLE users_search USING fts5(search, content='users', content_rowid='row', tokenize='trigram');
CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
  INSERT INTO users_search (rowid, search) VALUES (new.row, new.search);
END;
CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
  INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', old.row, old.search);
END;
CREATE TRIGGER users_search_update AFTER UPDATE OF search ON users WHEN old.search <> new.search BEGIN
  INSERT INTO users_search (users_search, rowid, search) VALUES ('delete', old.row, old.search);
  INSERT INTO users_search (rowid, search) VALUES (new.row, new.search);
END;
";

/// The same by `pg_trgm`, where the database lets us create it; without it search scans, and is slower but right.
const SEARCH_POSTGRES: &str = "
DO $$ BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
DO $$ BEGIN
  CREATE INDEX users_search ON users USING gin (search gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
";

const DOWN: &str = "
DROP TABLE memberships;
DROP TABLE group_sources;
DROP TABLE groups;
DROP TABLE accounts;
DROP TABLE users;
DROP TABLE directories;
";

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, UP).await?;
        let search = if dialect::is_sqlite(manager) {
            SEARCH_SQLITE
        } else {
            SEARCH_POSTGRES
        };
        dialect::run(manager, search).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if dialect::is_sqlite(manager) {
            dialect::run(manager, "DROP TABLE users_search;").await?;
        }
        dialect::run(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
