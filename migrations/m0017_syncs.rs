//! Plans by their purpose, runs by their wish; and by what sign a sync knows that a record is as it was.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `source_digest`: the fingerprint of what is here of an account or a group, in the shape in which a source says it; a mark
/// before it, or null, where a sync has to look closer, because something of it changed here by other hands.
const UP: &str = "
ALTER TABLE accounts ADD COLUMN source_digest TEXT;
ALTER TABLE group_sources ADD COLUMN source_digest TEXT;
ALTER TABLE plans ADD COLUMN purpose TEXT NOT NULL DEFAULT 'sync';
ALTER TABLE plans ADD COLUMN identity TEXT;
ALTER TABLE runs ADD COLUMN wish TEXT NOT NULL DEFAULT 'sync';
CREATE INDEX plan_changes_subject ON plan_changes (subject_id);
";

const DOWN: &str = "
DROP INDEX plan_changes_subject;
ALTER TABLE runs DROP COLUMN wish;
ALTER TABLE plans DROP COLUMN identity;
ALTER TABLE plans DROP COLUMN purpose;
ALTER TABLE group_sources DROP COLUMN source_digest;
ALTER TABLE accounts DROP COLUMN source_digest;
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
