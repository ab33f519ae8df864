//! Who, beside its owner, could read what is mailed to an address; and which passwords were set by a link that was mailed.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// A JSON list of users' ids, null where nobody else could. Of addresses from before nobody knows who entered them.
const UP: &str = "
ALTER TABLE users ADD COLUMN email_opened_by TEXT;
ALTER TABLE credentials ADD COLUMN mailed FLAG;
";

const DOWN: &str = "
ALTER TABLE credentials DROP COLUMN mailed;
ALTER TABLE users DROP COLUMN email_opened_by;
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
