//! Secure admin sessions.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "elevations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub session_key: String,
    pub user_id: Uuid,
    pub kind: String,
    pub provider_id: Option<Uuid>,
    pub granted_at: i64,
    pub ends_at: i64,
    pub dropped_at: Option<i64>,
    pub idle_seconds: Option<i64>,
    pub network: Option<String>,
    pub opened_by: Option<String>,
    pub used_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
