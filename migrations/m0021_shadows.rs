//! Directories in shadow: beside which one each is set. And what a source said of an account before any mapping.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// `shadows`: the directory whose place one in shadow shall take, and by what people of both are matched.
/// `raw_digest`: of the source's record before mapping, when it was last applied; null where that was never seen.
const UP: &str = "
CREATE TABLE shadows (
  directory_id ID PRIMARY KEY REFERENCES directories (id) ON DELETE CASCADE,
  beside_id ID NOT NULL REFERENCES directories (id) ON DELETE CASCADE,
  matched_by WORD NOT NULL
) STRICT;
ALTER TABLE accounts ADD COLUMN raw_digest TEXT;
";

const DOWN: &str = "
ALTER TABLE accounts DROP COLUMN raw_digest;
DROP TABLE shadows;
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
