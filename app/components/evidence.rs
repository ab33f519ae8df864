//! The evidence under a verdict: what we sent, what came back, what that proves.

use super::table::{Column, Table, TableRow};
use super::tone::{Dot, Tone};
use leptos::prelude::*;
use muster_domain::reauth::{Holds, Row};

/// One piece of evidence.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// What it is about, in plain words.
    pub claim: String,
    /// What we sent; missing if we sent nothing.
    pub sent: Option<String>,
    /// What came back; missing if nothing did.
    pub received: Option<String>,
    /// What it proves.
    pub proves: String,
    /// Whether it speaks for (good), against (danger), or only hints (caution, neutral).
    pub tone: Tone,
}

impl From<&Row> for Finding {
    fn from(row: &Row) -> Self {
        let filled = |text: &str| (!text.is_empty() && text != "–").then(|| text.to_owned());
        Self {
            claim: row.claim.clone(),
            sent: filled(&row.sent),
            received: filled(&row.received),
            proves: row.proves.clone(),
            tone: match row.holds {
                Holds::Yes => Tone::Good,
                Holds::No => Tone::Danger,
                Holds::Open => Tone::Neutral,
            },
        }
    }
}

/// All the evidence, one row a piece.
#[component]
pub fn Evidence(
    /// The pieces.
    findings: Vec<Finding>,
) -> impl IntoView {
    let columns = ["Claim", "We sent", "We received", "What it proves"]
        .map(Column::new)
        .into();
    let rows = findings.into_iter().map(row).collect();
    view! { <Table caption="Evidence" columns rows class="evidence"/> }
}

fn row(finding: Finding) -> TableRow {
    TableRow::new(vec![
        view! { <b>{finding.claim}</b> }.into_any(),
        value(finding.sent),
        value(finding.received),
        view! { <span class="proves"><Dot tone=finding.tone/><span>{finding.proves}</span></span> }
            .into_any(),
    ])
}

fn value(value: Option<String>) -> AnyView {
    match value {
        Some(value) => view! { <code>{value}</code> }.into_any(),
        None => view! { <span class="nothing" aria-label="nothing">"–"</span> }.into_any(),
    }
}
