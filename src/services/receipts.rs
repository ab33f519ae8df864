//! Receipts as files: one, or all that match.

use futures::stream::Stream;
use muster_domain::Error;
use muster_domain::role::Permission;
use muster_storage::receipts::{self, Receipt, ReceiptFilter};
use serde_json::{Value, json};

use crate::reauth::told;
use crate::{Call, Services, chunks};

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
        "secure_session": receipt.earned, "signed_out_at": receipt.signed_out_at,
    })
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
    let page = move |paging| {
        let (services, filter) = (services.clone(), filter.clone());
        async move { receipts::list(services.db(), &filter, &paging).await }
    };
    let line = |receipt: &Receipt| format!("{}\n", document(receipt));
    Ok(chunks::of(String::new(), AT_ONCE, page, line))
}
