//! The audit chain.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub actor: String,
    pub actor_id: Option<Uuid>,
    pub action: String,
    pub target: String,
    pub target_id: Option<Uuid>,
    pub detail: String,
    pub address: Option<String>,
    pub request_id: String,
    pub at: i64,
    pub previous: String,
    pub hash: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
