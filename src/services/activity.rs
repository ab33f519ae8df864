//! The audit log: read, verified, exported.

pub mod export;

use chrono::{DateTime, Utc};
use futures::stream::Stream;
use muster_domain::listing::Page;
use muster_domain::role::Permission;
use muster_domain::{Error, Kind};
use muster_storage::audit::{self, Chain};
use muster_storage::{Paging, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Call, Services, chunks};

pub use crate::chunks::Format;
pub use muster_storage::audit::{AuditFilter, AuditRow};

/// The setting that keeps when the chain was last verified.
const VERIFIED: &str = "activity.verified";

/// Events fetched at once for an export.
const AT_ONCE: u64 = 500;

/// When the chain was last verified, and what that found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Whether every link held.
    pub holds: bool,
    /// In words: how many events, or where it breaks.
    pub words: String,
}

/// One page of events; pass `Direction::Desc` for the newest first.
///
/// # Errors
/// Without permission.
pub async fn list(
    services: &Services,
    call: &Call,
    filter: &AuditFilter,
    paging: &Paging<()>,
) -> Result<Page<AuditRow>, Error> {
    call.may(Permission::ViewActivity)?;
    audit::list(services.db(), filter, paging).await
}

/// The newest events, newest first.
///
/// # Errors
/// Without permission.
pub async fn newest(
    services: &Services,
    call: &Call,
    filter: &AuditFilter,
    most: u64,
) -> Result<Vec<AuditRow>, Error> {
    call.may(Permission::ViewActivity)?;
    audit::tail(services.db(), filter, most).await
}

/// One event by its number.
///
/// # Errors
/// Without permission, for an unknown number.
pub async fn detail(services: &Services, call: &Call, seq: i64) -> Result<AuditRow, Error> {
    call.may(Permission::ViewActivity)?;
    let rows = audit::after(services.db(), seq.saturating_sub(1), 1).await?;
    rows.into_iter()
        .find(|row| row.seq == seq)
        .ok_or_else(|| Error::not_found("event"))
}

/// Computes the whole chain again and keeps what was found.
///
/// # Errors
/// Without permission.
pub async fn verify(services: &Services, call: &Call) -> Result<Verified, Error> {
    call.may(Permission::ViewActivity)?;
    let (holds, words) = match audit::verify(services.db()).await? {
        Chain::Intact(1) => (true, "The one event is as it was written.".to_owned()),
        Chain::Intact(events) => (
            true,
            format!("All {events} events are as they were written."),
        ),
        Chain::Broken { seq, why } => (
            false,
            format!("The log is broken from event {seq} on. {why}"),
        ),
    };
    let verified = Verified {
        at: call.at,
        by: call.actor().to_owned(),
        holds,
        words,
    };
    let tx = services.db().begin().await?;
    settings::set(&tx, VERIFIED, &verified).await?;
    let detail = json!({ "holds": verified.holds, "words": verified.words });
    tx.commit(&[call.event("activity.verify", "activity log", None, detail)])
        .await?;
    Ok(verified)
}

/// When the chain was last verified.
///
/// # Errors
/// Without permission.
pub async fn last_verified(services: &Services, call: &Call) -> Result<Option<Verified>, Error> {
    call.may(Permission::ViewActivity)?;
    verified(services).await
}

pub(crate) async fn verified(services: &Services) -> Result<Option<Verified>, Error> {
    settings::get(services.db(), VERIFIED).await
}

/// The events that match, oldest first, as the chunks of a file. That somebody exported goes on record first.
///
/// # Errors
/// Without permission. The stream ends with an error when the database fails on the way.
pub async fn export(
    services: &Services,
    call: &Call,
    filter: AuditFilter,
    format: Format,
) -> Result<impl Stream<Item = Result<String, Error>> + Send + 'static + use<>, Error> {
    call.may(Permission::ExportActivity)?;
    if filter
        .from
        .zip(filter.until)
        .is_some_and(|(from, until)| from >= until)
    {
        return Err(Error::new(
            "ACT-001",
            Kind::Invalid,
            "The end of the time span is before its beginning.",
        ));
    }
    let tx = services.db().begin().await?;
    let detail = json!({ "format": format.extension() });
    tx.commit(&[call.event("activity.export", "activity log", None, detail)])
        .await?;
    let services = services.clone();
    let page = move |paging| {
        let (services, filter) = (services.clone(), filter.clone());
        async move { audit::list(services.db(), &filter, &paging).await }
    };
    let line = move |row: &AuditRow| export::line(format, row.seq, &row.hash, &row.event);
    Ok(chunks::of(
        export::head(format).to_owned(),
        AT_ONCE,
        page,
        line,
    ))
}
