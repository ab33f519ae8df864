//! Who, beside its owner, could use a way in: kept with each way, with each browser session that came in by one, and with
//! each secure session.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::dialect;

/// This step.
#[derive(DeriveMigrationName)]
pub(crate) struct Step;

/// Each is a JSON list of users' ids, null where nobody else could. Names that stand beside passwords, factors and
/// permits from before become ids; of somebody whose name is not known any more the id is zero, so that they are not
/// forgotten. Sessions of people with such a way in end: nobody noted by which way they came.
const UP: &str = "
ALTER TABLE credentials ADD COLUMN opened_by TEXT;
ALTER TABLE factors ADD COLUMN opened_by TEXT;
ALTER TABLE idp_subjects ADD COLUMN opened_by TEXT;
ALTER TABLE recovery_codes ADD COLUMN opened_by TEXT;
ALTER TABLE factor_permits ADD COLUMN opened_by TEXT;
ALTER TABLE elevations ADD COLUMN opened_by TEXT;
ALTER TABLE sessions ADD COLUMN opened_by TEXT;

UPDATE credentials SET opened_by = COALESCE((SELECT OPENER FROM users u WHERE u.username = credentials.set_by),
  CASE WHEN set_by IN ('anonymous', 'setup', 'system', 'cli', 'job', 'lab') THEN NULL ELSE UNKNOWN END)
  WHERE set_by IS NOT NULL;
UPDATE factors SET opened_by = COALESCE((SELECT OPENER FROM users u WHERE u.username = factors.permitted_by), UNKNOWN)
  WHERE permitted_by IS NOT NULL;
UPDATE factor_permits SET opened_by = COALESCE((SELECT OPENER FROM users u WHERE u.username = factor_permits.granted_by), UNKNOWN);
UPDATE idp_subjects SET opened_by =
  (SELECT OPENER FROM users u WHERE u.username = idp_subjects.linked_by AND u.id <> idp_subjects.user_id);
UPDATE recovery_codes SET opened_by = (SELECT MAX(f.opened_by) FROM factors f WHERE f.user_id = recovery_codes.user_id);
DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM credentials WHERE opened_by IS NOT NULL)
  OR user_id IN (SELECT user_id FROM factors WHERE opened_by IS NOT NULL)
  OR user_id IN (SELECT user_id FROM idp_subjects WHERE opened_by IS NOT NULL);
";

const DOWN: &str = "
ALTER TABLE sessions DROP COLUMN opened_by;
ALTER TABLE elevations DROP COLUMN opened_by;
ALTER TABLE factor_permits DROP COLUMN opened_by;
ALTER TABLE recovery_codes DROP COLUMN opened_by;
ALTER TABLE idp_subjects DROP COLUMN opened_by;
ALTER TABLE factors DROP COLUMN opened_by;
ALTER TABLE credentials DROP COLUMN opened_by;
";

/// A list of one, as JSON: ids are bytes in SQLite, and 32 digits without dashes are read as well.
fn written(manager: &SchemaManager<'_>) -> String {
    let opener = if dialect::is_sqlite(manager) {
        "'[\"' || lower(hex(u.id)) || '\"]'"
    } else {
        "'[\"' || u.id::text || '\"]'"
    };
    UP.replace("OPENER", opener)
        .replace("UNKNOWN", "'[\"00000000-0000-0000-0000-000000000000\"]'")
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, &written(manager)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, DOWN).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
