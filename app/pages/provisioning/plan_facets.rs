//! The chips above a plan's rows: how many of each kind and cause, each an address of its own.

use std::collections::BTreeMap;

use muster_domain::plan::stored::KINDS;

use super::plan::{KNOWN, REFUSED, Seen};
use super::plan_words::cause;
use crate::components::{Facet, Tone};
use crate::pages::people::address::{ListAddress, Pairs};

/// The same list with one parameter more, the page and `drop` forgotten.
pub(super) fn with(address: &ListAddress, drop: &[&str], key: &str, value: Option<&str>) -> String {
    let kept: Pairs = address
        .filters()
        .into_iter()
        .filter(|(known, _)| !drop.contains(&known.as_str()))
        .collect();
    let base = ListAddress::new(address.without_all(), kept, &KNOWN);
    match value {
        Some(value) => base.with(key, value),
        None => base.without(key),
    }
}

/// Kinds of rows, in the order in which they are carried out.
pub(super) fn kinds(seen: &Seen) -> Vec<Facet> {
    let (counts, address) = (&seen.view.plan.counts, &seen.address);
    let now = address.get("kind");
    let mut facets = vec![Facet {
        label: "All".to_owned(),
        count: Some(counts.all() + counts.refused()),
        href: with(address, &["cause", "outcome"], "kind", None),
        tone: Tone::Neutral,
        is_current: now.is_none() && address.get("outcome").is_none(),
    }];
    let mut add = |key: &str, label: &str, count: u64, tone: Tone| {
        if count > 0 {
            facets.push(Facet {
                label: label.to_owned(),
                count: Some(count),
                href: with(address, &["cause", "outcome"], "kind", Some(key)),
                tone,
                is_current: now == Some(key),
            });
        }
    };
    for (kind, label) in KINDS {
        let takes = matches!(
            kind,
            "remove_member"
                | "deactivate"
                | "remove_account"
                | "delete_user"
                | "unlink_group"
                | "delete_group"
        );
        let tone = if takes { Tone::Danger } else { Tone::Neutral };
        add(kind, label, counts.of(kind), tone);
    }
    add(
        "link_identity",
        "Identities",
        counts.of("link_identity"),
        Tone::Neutral,
    );
    add(REFUSED, "Not done", counts.refused(), Tone::Caution);
    if let Some(run) = seen.view.carried_by().filter(|run| run.progress.failed > 0) {
        facets.push(Facet {
            label: "Failed".to_owned(),
            count: Some(run.progress.failed),
            href: with(address, &["kind", "cause"], "outcome", Some("failed")),
            tone: Tone::Danger,
            is_current: address.get("outcome") == Some("failed"),
        });
    }
    facets
}

/// The causes there are among the rows of the chosen kind.
pub(super) fn causes(seen: &Seen) -> Vec<Facet> {
    let (counts, address) = (&seen.view.plan.counts, &seen.address);
    let kind = address.get("kind");
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for (known, causes) in &counts.steps {
        if kind.is_none_or(|kind| kind == known) {
            for (word, count) in causes {
                *found.entry(word).or_default() += count;
            }
        }
    }
    if kind.is_none_or(|kind| kind == REFUSED) {
        for (word, count) in &counts.refusals {
            *found.entry(word).or_default() += count;
        }
    }
    let now = address.get("cause");
    if found.len() < 2 && now.is_none() {
        return Vec::new();
    }
    found
        .into_iter()
        .map(|(word, count)| {
            let (label, tone) = cause(word);
            let is_current = now == Some(word);
            Facet {
                label: label.to_owned(),
                count: Some(count),
                href: with(
                    address,
                    &["outcome"],
                    "cause",
                    (!is_current).then_some(word),
                ),
                tone,
                is_current,
            }
        })
        .collect()
}
