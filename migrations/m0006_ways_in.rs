//! Who set a password, if it was not the person whose it is: nobody is known for passwords that were set before.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

const UP: &str = "ALTER TABLE credentials ADD COLUMN set_by TEXT;";
const DOWN: &str = "ALTER TABLE credentials DROP COLUMN set_by;";

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
