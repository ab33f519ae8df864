//! Records of people in directories.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub directory_id: Uuid,
    pub external_id: String,
    pub attributes: String,
    pub active: bool,
    pub first_seen_at: i64,
    pub last_confirmed_at: i64,
    pub source_digest: Option<String>,
    pub raw_digest: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
