//! Round trips to providers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenges")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub state_hash: String,
    pub kind: String,
    pub stage: String,
    pub provider_id: Uuid,
    pub session_key: String,
    pub user_id: Option<Uuid>,
    pub nonce_sealed: String,
    pub verifier_sealed: String,
    pub sent: String,
    pub context: String,
    pub return_to: String,
    pub action: Option<String>,
    pub test_link_id: Option<Uuid>,
    pub created_at: i64,
    pub asked_at: i64,
    pub expires_at: i64,
    pub consumed_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
