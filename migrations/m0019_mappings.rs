//! How a directory's records become accounts here.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `mapping`: filters, rules and tests as JSON. `revision` counts how often it was saved: whoever saves says which one
/// they saw.
const UP: &str = "
CREATE TABLE directory_mappings (
  directory_id ID PRIMARY KEY REFERENCES directories (id) ON DELETE CASCADE,
  mapping TEXT NOT NULL,
  revision NUMBER NOT NULL,
  updated_at MILLIS NOT NULL
) STRICT;
";

const DOWN: &str = "
DROP TABLE directory_mappings;
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
