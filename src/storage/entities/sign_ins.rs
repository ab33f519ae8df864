//! Kept sign-ins, redacted.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_ins")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub name: String,
    pub at: i64,
    pub outcome: String,
    pub means: String,
    pub address: Option<String>,
    pub claims: Option<String>,
    pub evidence: Option<String>,
    pub notes: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
