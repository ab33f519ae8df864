//! From where a directory's source is read on, and runs about one person.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `terms`: a digest of all that decides what a reading means. `roll`: who was at the source, by keyed hashes, whose key is
/// `salt`. It stands apart from the lease, which is written often. The columns that go were never written.
const UP: &str = "
CREATE TABLE directory_readings (
  directory_id ID PRIMARY KEY REFERENCES directories (id) ON DELETE CASCADE,
  cursor TEXT NOT NULL,
  began_at MILLIS NOT NULL,
  whole_at MILLIS NOT NULL,
  census_at MILLIS NOT NULL,
  terms TEXT NOT NULL,
  unsettled FLAG NOT NULL,
  newcomers FLAG NOT NULL,
  salt TEXT NOT NULL,
  roll TEXT NOT NULL
) STRICT;
ALTER TABLE directory_states DROP COLUMN cursor;
ALTER TABLE directory_states DROP COLUMN snapshot_at;
ALTER TABLE directory_states DROP COLUMN census_at;
ALTER TABLE runs ADD COLUMN person TEXT;
";

const DOWN: &str = "
ALTER TABLE runs DROP COLUMN person;
ALTER TABLE directory_states ADD COLUMN cursor TEXT;
ALTER TABLE directory_states ADD COLUMN snapshot_at MILLIS;
ALTER TABLE directory_states ADD COLUMN census_at MILLIS;
DROP TABLE directory_readings;
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
