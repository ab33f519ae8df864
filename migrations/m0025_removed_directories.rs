//! Directories that were removed stay in name: their plans and runs tell who did what, and the removal can be taken back.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `removed_at`: since when nothing is of it any more; it goes with the last of its plans and runs.
const UP: &str = "
ALTER TABLE directories ADD COLUMN removed_at MILLIS;
";

const DOWN: &str = "
DELETE FROM directories WHERE removed_at IS NOT NULL;
ALTER TABLE directories DROP COLUMN removed_at;
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
