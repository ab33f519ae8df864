//! What was sent to a provider, parameter by parameter: on receipts, test reports and in the history of a calibration.

use leptos::prelude::*;
use muster_domain::reauth::Sent;

use crate::components::{Card, KeyValue, KeyValues};

/// As a card of its own; nothing where it was not kept.
pub(crate) fn card(sent: &Sent) -> AnyView {
    if sent.carried.is_empty() {
        return ().into_any();
    }
    let (parts, told) = (parts(sent), told(sent));
    view! { <Card title="What was sent"><details class="sent"><summary>{told}</summary>{parts}</details></Card> }.into_any()
}

/// Folded under a word, for a row of a table.
pub(crate) fn folded(sent: &Sent) -> AnyView {
    if sent.carried.is_empty() {
        return view! { <span class="nothing">"–"</span> }.into_any();
    }
    view! { <details class="sent"><summary>"Show"</summary>{parts(sent)}</details> }.into_any()
}

/// How many parameters there were, and how they travelled.
fn told(sent: &Sent) -> String {
    let (many, way) = match (sent.ahead.is_empty(), sent.signed.is_empty()) {
        (true, true) => (sent.carried.len(), "carried by the browser"),
        (true, false) => (sent.signed.len(), "signed and carried by the browser"),
        (false, true) => (sent.ahead.len(), "pushed ahead of the browser"),
        (false, false) => (sent.signed.len(), "signed and pushed ahead of the browser"),
    };
    format!("{many} parameters, {way}")
}

fn parts(sent: &Sent) -> AnyView {
    let some = |title: &'static str, pairs: &[(String, String)]| {
        (!pairs.is_empty()).then(|| {
            let items = pairs
                .iter()
                .map(|(name, value)| {
                    KeyValue::new(
                        name.clone(),
                        view! { <code class="claim">{value.clone()}</code> },
                    )
                })
                .collect::<Vec<_>>();
            view! { <p class="sent-title">{title}</p><KeyValues items/> }
        })
    };
    view! {
        {some("Pushed ahead of the browser", &sent.ahead)}
        {some("Carried by the browser", &sent.carried)}
        {some("Signed, as claims of the request", &sent.signed)}
        <p class="muted">"What ties the answer to this question is shown by its beginning alone."</p>
    }
    .into_any()
}
