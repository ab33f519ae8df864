//! Where tower-sessions keeps its sessions: our `sessions` table, under the hash of their id.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::credential::Imprint;
use muster_domain::id::UserId;
use muster_domain::{Clock, Error};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{self, ExpiredDeletion, SessionStore};
use uuid::Uuid;

use crate::entities::sessions::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, json, millis};
use crate::sessions::{self, key_of, keys};
use crate::{Db, Quiet, Tx, credentials};

/// A session store over SeaORM.
///
/// Saving changes a session that is there and makes none, so that a request which was under way while its session
/// was ended cannot bring it back. For the same reason a session changes its id by a save with [`keys::NEXT`] in its
/// data, in one statement; deleted and created anew, it would come back too.
///
/// Whoever signs in by a password does so by a save with [`keys::CHECKED`] in its data: if the password was replaced
/// since it was compared, there is no session, and the one before is over.
#[derive(Clone)]
pub struct SeaOrmSessionStore {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for SeaOrmSessionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SeaOrmSessionStore").finish_non_exhaustive()
    }
}

impl SeaOrmSessionStore {
    /// A store in `db` that tells time by `clock`.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    fn to_row(&self, record: &Record) -> Result<Model, Error> {
        let now = millis(self.clock.now());
        let text = |key: &str| {
            record
                .data
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let expires_at = record.expiry_date.unix_timestamp_nanos() / 1_000_000;
        Ok(Model {
            id_hash: key_of(&record.id.to_string()).0,
            user_id: text(keys::USER).and_then(|id| Uuid::parse_str(&id).ok()),
            signed_in_at: record.data.get(keys::SIGNED_IN_AT).and_then(Value::as_i64),
            means: record.data.get(keys::MEANS).map(Value::to_string),
            address: text(keys::ADDRESS),
            user_agent: text(keys::USER_AGENT),
            opened_by: record.data.get(keys::OPENED_BY).map(Value::to_string),
            data: json(&record.data)?,
            created_at: now,
            last_seen_at: now,
            expires_at: i64::try_from(expires_at).unwrap_or(i64::MAX),
        })
    }

    async fn exists(tx: &Tx, id: &Id) -> Result<bool, Error> {
        let row = Entity::find_by_id(key_of(&id.to_string()).0)
            .one(&tx.source())
            .await
            .map_err(fail)?;
        Ok(row.is_some())
    }

    /// Whether nobody signs in by this save, or by what still is their password.
    async fn stands(tx: &Tx, data: &mut HashMap<String, Value>) -> Result<bool, Error> {
        let Some(checked) = data.remove(keys::CHECKED) else {
            return Ok(true);
        };
        let user = data.get(keys::USER).and_then(Value::as_str);
        let user = user.and_then(|id| Uuid::parse_str(id).ok()).map(UserId);
        let compared = serde_json::from_value::<Imprint>(checked.clone()).ok();
        let (Some(user), Some(compared)) = (user, compared) else {
            return Ok(false);
        };
        data.insert(keys::CAME_BY.to_owned(), checked);
        credentials::is_still(tx, user, &compared).await
    }

    async fn try_create(&self, record: &mut Record) -> Result<(), Error> {
        let tx = self.db.begin().await?;
        if !Self::stands(&tx, &mut record.data).await? {
            return tx.rollback().await;
        }
        while Self::exists(&tx, &record.id).await? {
            record.id = Id::default();
        }
        Entity::insert(self.to_row(record)?.into_active_model())
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
        tx.commit_quiet(Quiet::SessionData).await
    }

    async fn try_save(&self, record: &Record) -> Result<(), Error> {
        let mut record = record.clone();
        let next = record.data.remove(keys::NEXT);
        let tx = self.db.begin().await?;
        if !Self::stands(&tx, &mut record.data).await? {
            sessions::revoke(&tx, &key_of(&record.id.to_string())).await?;
            return tx.commit_quiet(Quiet::SessionData).await;
        }
        let row = self.to_row(&record)?;
        let key = row.id_hash.clone();
        let mut changed = row.into_active_model().reset_all();
        changed.id_hash = match next.as_ref().and_then(Value::as_str) {
            Some(next) => ActiveValue::Set(key_of(next).0),
            None => ActiveValue::NotSet,
        };
        changed.created_at = ActiveValue::NotSet;
        Entity::update_many()
            .set(changed)
            .filter(Column::IdHash.eq(key))
            .exec(&tx.source())
            .await
            .map_err(fail)?;
        tx.commit_quiet(Quiet::SessionData).await
    }

    async fn try_load(&self, id: &Id) -> Result<Option<Record>, Error> {
        let row = Entity::find_by_id(key_of(&id.to_string()).0)
            .one(&self.db.source())
            .await
            .map_err(fail)?;
        let Some(row) = row.filter(|row| row.expires_at > millis(self.clock.now())) else {
            return Ok(None);
        };
        let data: HashMap<String, Value> = from_json("sessions", &row.data)?;
        let expires =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.expires_at) * 1_000_000);
        Ok(expires.ok().map(|expiry_date| Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn try_delete(&self, id: &Id) -> Result<(), Error> {
        let tx = self.db.begin().await?;
        sessions::revoke(&tx, &key_of(&id.to_string())).await?;
        tx.commit_quiet(Quiet::SessionData).await
    }

    async fn try_delete_expired(&self) -> Result<(), Error> {
        let tx = self.db.begin().await?;
        sessions::sweep(&tx, self.clock.now()).await?;
        tx.commit_quiet(Quiet::Expired).await
    }
}

/// The words for the log; the page is made of what the request does next.
fn backend(error: Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for SeaOrmSessionStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.try_create(record).await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.try_save(record).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.try_load(id).await.map_err(backend)
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.try_delete(id).await.map_err(backend)
    }
}

#[async_trait]
impl ExpiredDeletion for SeaOrmSessionStore {
    async fn delete_expired(&self) -> session_store::Result<()> {
        self.try_delete_expired().await.map_err(backend)
    }
}
