//! Identities people have at providers: (provider, issuer, subject) leads to one user, and nothing else does.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ProviderId, UserId};
use muster_domain::opener::Openers;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use crate::entities::idp_subjects::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_openers, instant, millis, openers};
use crate::{Reader, Tx, sql};

/// One linked identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The provider.
    pub provider: ProviderId,
    /// Its issuer, exactly as stated.
    pub issuer: String,
    /// The subject within the issuer.
    pub subject: String,
    /// The user.
    pub user: UserId,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// By whom or what, in words.
    pub linked_by: String,
    /// Who, beside the user, may be the one it belongs to.
    pub opened_by: Openers,
    /// When somebody last came in by it.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Links an identity to a user.
///
/// # Errors
/// `IDP-002` when it is linked already.
pub async fn link(tx: &Tx, subject: &Subject) -> Result<(), Error> {
    let row = Model {
        provider_id: subject.provider.0,
        issuer: subject.issuer.clone(),
        subject: subject.subject.clone(),
        user_id: subject.user.0,
        linked_at: millis(subject.linked_at),
        linked_by: subject.linked_by.clone(),
        opened_by: openers(&subject.opened_by)?,
        last_used_at: subject.last_used_at.map(millis),
    };
    let inserted = Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Unlinks an identity.
///
/// # Errors
/// `WEB-404` when it is not linked.
pub async fn unlink(
    tx: &Tx,
    provider: ProviderId,
    issuer: &str,
    subject: &str,
) -> Result<(), Error> {
    let done = Entity::delete_by_id((provider.0, issuer.to_owned(), subject.to_owned()))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("linked identity"));
    }
    Ok(())
}

/// Whom an identity leads to.
///
/// # Errors
/// Why the database cannot answer.
pub async fn find(
    reader: &impl Reader,
    provider: ProviderId,
    issuer: &str,
    subject: &str,
) -> Result<Option<Subject>, Error> {
    let row = Entity::find_by_id((provider.0, issuer.to_owned(), subject.to_owned()))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_subject).transpose()
}

/// A person's identities, oldest link first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(reader: &impl Reader, user: UserId) -> Result<Vec<Subject>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.0))
        .order_by_asc(Column::LinkedAt)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_subject).collect()
}

/// The identities of these people.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_users(reader: &impl Reader, users: &[UserId]) -> Result<Vec<Subject>, Error> {
    let mut found = Vec::new();
    for some in users.chunks(sql::BATCH) {
        let rows = Entity::find()
            .filter(Column::UserId.is_in(some.iter().map(|id| id.0)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            found.push(to_subject(row)?);
        }
    }
    Ok(found)
}

/// How many people have an identity at a provider.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_of_provider(reader: &impl Reader, provider: ProviderId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(DISTINCT user_id) FROM idp_subjects WHERE provider_id = $1";
    let found = sql::number(reader, sql::ask(reader, sql, [provider.0.into()])).await?;
    Ok(crate::row::count(found))
}

/// Notes that somebody came in by this identity.
///
/// # Errors
/// Why the database refused.
pub async fn touch(
    tx: &Tx,
    provider: ProviderId,
    issuer: &str,
    subject: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "UPDATE idp_subjects SET last_used_at = $1 WHERE provider_id = $2 AND issuer = $3 AND subject = $4";
    let values = [
        millis(at).into(),
        provider.0.into(),
        issuer.into(),
        subject.into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

fn to_subject(row: Model) -> Result<Subject, Error> {
    Ok(Subject {
        opened_by: from_openers("idp_subjects", row.opened_by.as_deref())?,
        provider: ProviderId(row.provider_id),
        issuer: row.issuer,
        subject: row.subject,
        user: UserId(row.user_id),
        linked_at: instant(row.linked_at),
        linked_by: row.linked_by,
        last_used_at: row.last_used_at.map(instant),
    })
}
