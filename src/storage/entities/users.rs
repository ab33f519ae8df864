//! People. `search` and the keys are derived from the other columns.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub username: String,
    pub username_key: String,
    pub display_name: String,
    pub sort_key: String,
    pub email: Option<String>,
    pub email_key: String,
    pub state: String,
    pub deactivation: Option<String>,
    pub break_glass: bool,
    pub search: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub last_sign_in_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
