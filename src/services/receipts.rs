//! Receipts of re-authentications as files: one, or all that match.

use futures::stream::{self, Stream, StreamExt as _};
use muster_domain::Error;
use muster_domain::listing::{At, Cursor, Direction};
use muster_domain::role::Permission;
use muster_storage::Paging;
use muster_storage::receipts::{self, Receipt, ReceiptFilter};
use serde_json::{Value, json};

use crate::reauth::told;
use crate::{Call, Services};

/// Receipts fetched at once for an export.
const AT_ONCE: u64 = 200;

/// One receipt as a document: the evidence, what was sent, the verdict, by whom and for what.
#[must_use]
pub fn document(receipt: &Receipt) -> Value {
    json!({
        "id": receipt.id, "user": receipt.username, "user_id": receipt.user, "purpose": receipt.purpose,
        "verdict": receipt.verdict, "reasons": receipt.reasons, "evidence": receipt.rows, "sent": receipt.sent,
        "asked_at": receipt.asked_at, "stated_at": receipt.stated_at, "came_back_at": receipt.back_at,
        "provider": told(receipt), "provider_id": receipt.provider, "action": receipt.action, "confirmed": receipt.confirmed,
    })
}

/// Where an export stands.
enum Stage {
    After(Option<Cursor>),
    Done,
}

/// The receipts that match, oldest first, one JSON document a line. That somebody exported goes on record first.
///
/// # Errors
/// Without permission. The stream ends with an error when the database fails on the way.
pub async fn export(
    services: &Services,
    call: &Call,
    filter: ReceiptFilter,
) -> Result<impl Stream<Item = Result<String, Error>> + Send + 'static + use<>, Error> {
    call.may(Permission::ViewSecurity)?;
    call.may(Permission::ExportActivity)?;
    let tx = services.db().begin().await?;
    tx.commit(&[call.event("receipt.export", "receipts", None, json!({}))])
        .await?;
    let services = services.clone();
    let chunks = stream::try_unfold(Stage::After(None), move |stage| {
        let (services, filter) = (services.clone(), filter.clone());
        async move {
            let Stage::After(cursor) = stage else {
                return Ok(None);
            };
            let paging = Paging {
                sort: (),
                direction: Direction::Asc,
                at: cursor.map_or(At::First, At::After),
                position: 0,
                rows: AT_ONCE,
            };
            let page = receipts::list(services.db(), &filter, &paging).await?;
            let chunk: String = page
                .rows
                .iter()
                .map(|receipt| format!("{}\n", document(receipt)))
                .collect();
            let next = page
                .next
                .map_or(Stage::Done, |cursor| Stage::After(Some(cursor)));
            Ok::<_, Error>(Some((chunk, next)))
        }
    });
    Ok(chunks.filter(|chunk| {
        let kept = chunk.as_ref().map_or(true, |chunk| !chunk.is_empty());
        futures::future::ready(kept)
    }))
}
