//! Kept results of re-authentications.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub challenge_id: Option<Uuid>,
    pub provider_id: Option<Uuid>,
    pub user_id: Uuid,
    pub username: String,
    pub session_key: String,
    pub at: i64,
    pub purpose: String,
    pub verdict: String,
    pub reasons: String,
    pub evidence_rows: String,
    pub sent: String,
    pub asked_at: i64,
    pub left_at: i64,
    pub stated_at: Option<i64>,
    pub back_at: i64,
    pub control: Option<String>,
    pub action: Option<String>,
    pub confirmed: Option<String>,
    pub subject: Option<String>,
    pub idp_sid: Option<String>,
    pub proof: Option<String>,
    pub elevation_id: Option<Uuid>,
    pub signed_out_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
