//! The receipt of presence that was proven here: by a password, a second factor, or both.

use leptos::prelude::*;
use muster_domain::role::Permission;
use muster_services::reauth::Receipt;

use crate::components::{
    Card, Crumb, Evidence, Finding, Glyph, Inset, KeyValue, KeyValues, LinkButton, Look, Page,
    Standing, VerdictCard, When, Width, Written,
};
use crate::visit::{Answer, Visit};

/// Where else a receipt is kept: on record, and as a file.
pub(super) fn kept(receipt: &Receipt, sees_activity: bool) -> AnyView {
    let download = format!("/receipts/{}/download", receipt.id);
    let audit = sees_activity.then(|| {
        // What it was exchanged for stands in the log under the secure session.
        let target = match (receipt.provider, receipt.earned) {
            (None, Some(earned)) => earned.elevation.to_string(),
            _ => receipt.id.to_string(),
        };
        let href = format!("/activity?target={target}");
        view! { <LinkButton href look=Look::Quiet icon=Glyph::Activity>"In the activity log"</LinkButton> }
    });
    view! { {audit}<LinkButton href=download icon=Glyph::Download download="receipt.json">"Download receipt"</LinkButton> }
        .into_any()
}

/// Shows it.
///
/// # Errors
/// When the page cannot be made.
pub(super) async fn show(visit: &Visit, receipt: Receipt) -> Answer {
    let sees_activity = visit.call.can(Permission::ViewActivity);
    let sees_all = visit.call.can(Permission::ViewSecurity);
    let now = visit.now();
    visit
        .console("Secure session", "/security", move || {
            let actions = kept(&receipt, sees_activity);
            let crumbs = if sees_all {
                vec![
                    Crumb::new("/security", "Secure sessions"),
                    Crumb::new("/receipts", "Receipts"),
                ]
            } else {
                Vec::new()
            };
            let why = receipt
                .reasons
                .iter()
                .map(|reason| view! { <p>{reason.clone()}</p> })
                .collect_view();
            let sentence = format!("{} proved presence here.", receipt.username);
            let findings = receipt.rows.iter().map(Finding::from).collect();
            let at = receipt.at;
            let action = receipt
                .action
                .clone()
                .unwrap_or_else(|| "No action was waiting".to_owned());
            let items = vec![
                KeyValue::new("Person", receipt.username.clone()),
                KeyValue::new("For", action),
                KeyValue::new(
                    "When",
                    view! { <When at now written=Written::Exact/> }.into_any(),
                ),
            ];
            view! {
                <Page
                    title="Secure session"
                    purpose="What this secure session rests on. No identity provider was asked."
                    crumbs
                    width=Width::Form
                    actions
                >
                    <div class="stack">
                        <VerdictCard standing=Standing::from(receipt.verdict) word=receipt.verdict.label() sentence>
                            {why}
                            <p>"A secure session was started."</p>
                        </VerdictCard>
                        <Card title="Evidence" inset=Inset::Flush><Evidence findings/></Card>
                        <Card title="What it was for"><KeyValues items/></Card>
                    </div>
                </Page>
            }
            .into_any()
        })
        .await
}
