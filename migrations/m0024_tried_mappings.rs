//! Mappings that runs try before anybody saves them.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `mapping`: filters, rules and tests as JSON. `revision`: that of the saved mapping which it began with.
const UP: &str = "
CREATE TABLE tried_mappings (
  run_id ID PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  mapping TEXT NOT NULL,
  revision NUMBER NOT NULL
) STRICT;
";

const DOWN: &str = "
DROP TABLE tried_mappings;
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
