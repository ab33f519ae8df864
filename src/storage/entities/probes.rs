//! Probes of a provider's calibration.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "probes")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub provider_id: Uuid,
    pub at: i64,
    pub probe: String,
    pub user_id: Uuid,
    pub username: String,
    pub receipt_id: Option<Uuid>,
    pub finding: String,
    pub seen: String,
    pub sent: String,
    pub times: String,
    pub said: Option<String>,
    pub said_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
