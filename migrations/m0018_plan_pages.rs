//! Rows of a plan by kind and cause together: a page of one cause costs the same wherever in a hundred thousand rows it
//! stands.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = "
DROP INDEX plan_changes_kind;
CREATE INDEX plan_changes_kind ON plan_changes (plan_id, kind, cause, position);
";

const DOWN: &str = "
DROP INDEX plan_changes_kind;
CREATE INDEX plan_changes_kind ON plan_changes (plan_id, kind, position);
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
