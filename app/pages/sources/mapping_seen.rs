//! What stands beside the editor: a mapping tried on real people, and what it would change.

use leptos::prelude::*;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Effect, Mapped};
use muster_services::mapping::{Impact, Seen};

use super::mapping::Shown;
use super::mapping_form::Typed;
use crate::components::{
    Button, Callout, Card, Chip, Diff, FieldChange, Glyph, LinkButton, Look, Tone, counted,
};

/// The right column.
pub(super) fn seen(typed: &Typed, shown: &Shown, manages: bool, id: DirectoryId) -> AnyView {
    let impact = shown.impact.as_ref().map(what_changes);
    let people = shown.glimpse.as_ref().map(|glimpse| {
        let rows = glimpse
            .people
            .iter()
            .enumerate()
            .map(|(number, person)| one(number, person, typed, id))
            .collect_view();
        view! {
            <Card title="The first people of the directory" id="preview">
                <p class="muted">"As they would come here. Nothing is written."</p>
                {rows}
            </Card>
        }
    });
    let empty = (shown.glimpse.is_none() && shown.impact.is_none() && manages).then(|| {
        view! {
            <Card title="Preview">
                <p>"Preview tries the mapping on the first people that the directory shows: what each rule makes of them, who is left out, who is refused and why."</p>
                <p>"Show what would change makes the whole plan, as if the mapping were saved. Nobody can carry that plan out."</p>
            </Card>
        }
    });
    view! { <div class="stack">{impact}{people}{empty}{language()}</div> }.into_any()
}

fn what_changes(impact: &Impact) -> AnyView {
    let all = impact.counts.all();
    let title = if all == 0 {
        "Nothing would change".to_owned()
    } else {
        format!("It would make {}", counted(all, "change", "changes"))
    };
    let tone = if impact.holds.is_empty() {
        Tone::Neutral
    } else {
        Tone::Caution
    };
    let holds = impact
        .holds
        .iter()
        .map(|why| view! { <li>{why.clone()}</li> })
        .collect_view();
    let waits =
        (!impact.holds.is_empty()).then(|| view! { <p>"A sync would wait for a person:"</p> });
    let link = format!("/plans/{}", impact.plan);
    view! {
        <Callout tone title>
            {waits}
            <ul>{holds}</ul>
            <p><LinkButton href=link icon=Glyph::Plan>"Look at the plan"</LinkButton></p>
        </Callout>
    }
    .into_any()
}

fn one(number: usize, person: &Seen, typed: &Typed, id: DirectoryId) -> AnyView {
    let chip = match &person.made {
        Mapped::Record(record) if record.active => {
            view! { <Chip tone=Tone::Good icon=Glyph::Check>"Comes"</Chip> }.into_any()
        }
        Mapped::Record(_) => {
            view! { <Chip tone=Tone::Neutral>"Comes, switched off"</Chip> }.into_any()
        }
        Mapped::FilteredOut(_) => {
            view! { <Chip tone=Tone::Caution icon=Glyph::Cross>"Left out"</Chip> }.into_any()
        }
        Mapped::Refused(_) => {
            view! { <Chip tone=Tone::Danger icon=Glyph::Warning>"Refused"</Chip> }.into_any()
        }
    };
    let why = match &person.made {
        Mapped::Refused(why) => Some(view! { <p class="field-error">{why.clone()}</p> }.into_any()),
        Mapped::FilteredOut(words) => {
            Some(view! { <p>"The filter lets in: "<code>{words.clone()}</code></p> }.into_any())
        }
        Mapped::Record(_) => None,
    };
    let changes = changes(person);
    let same = (changes.is_empty() && why.is_none())
        .then(|| view! { <p class="muted">"As the directory's own mapping has it."</p> });
    let effects = person
        .effects
        .iter()
        .enumerate()
        .map(|(nth, effect)| {
            let attribute = typed.rules.get(nth).map(|rule| rule.attribute.clone());
            let words = match effect {
                Effect::Made(value) => format!("“{value}”"),
                Effect::Emptied => "no value".to_owned(),
                Effect::Passed(why) => format!("did not apply: {why}"),
                Effect::Failed(why) => why.clone(),
            };
            view! { <li><code>{attribute}</code>": "{words}</li> }
        })
        .collect_view();
    let said = person
        .source
        .iter()
        .map(|(name, values)| {
            let more = values.len().saturating_sub(3);
            let mut shown = values
                .iter()
                .take(3)
                .map(|value| short(value))
                .collect::<Vec<_>>()
                .join(" · ");
            if more > 0 {
                shown.push_str(&format!(" · and {more} more"));
            }
            view! { <li><code>{name.clone()}</code>": "{shown}</li> }
        })
        .collect_view();
    let keep = format!("/directories/{id}/mapping/preview");
    view! {
        <details class="folded" open=number < 3>
            <summary>{short(&person.about)}" "{chip}</summary>
            <div class="folded-body">
                {why}
                {same}
                <Diff changes/>
                <details><summary>"Rule by rule"</summary><ul class="told">{effects}</ul></details>
                <details><summary>"What the source says"</summary><ul class="told">{said}</ul></details>
                <div class="actions"><Button name="keep" value=number.to_string() formaction=keep look=Look::Quiet icon=Glyph::Check>"Keep as a test"</Button></div>
            </div>
        </details>
    }
    .into_any()
}

fn short(value: &str) -> String {
    if value.chars().nth(120).is_none() {
        return value.to_owned();
    }
    let cut: String = value.chars().take(120).collect();
    format!("{cut}…")
}

/// What differs from the directory's own mapping.
fn changes(person: &Seen) -> Vec<FieldChange> {
    let Mapped::Record(made) = &person.made else {
        return Vec::new();
    };
    let before = &person.default.attributes;
    let names: std::collections::BTreeSet<&String> =
        before.keys().chain(made.attributes.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != made.attributes.get(*name))
        .map(|name| FieldChange {
            field: name.clone(),
            before: before.get(name).map(|value| short(value)),
            after: made.attributes.get(name).map(|value| short(value)),
        })
        .collect()
}

/// The language in a few lines.
fn language() -> AnyView {
    let rows = [
        (
            "source.mail",
            "the first value of an attribute; a person without it is refused",
        ),
        (
            "source.get(\"mail\", \"\")",
            "the same, or the second where there is none",
        ),
        ("source.all(\"memberOf\")", "all values, as a list"),
        ("has(source.mail)", "whether there is one"),
        ("record.username", "what is made so far"),
        ("first(a, b, …)", "the first that is not empty"),
        (
            "lower upper trim replace split join substring domain local matches",
            "functions: x.lower() or lower(x)",
        ),
        (
            "list.exists(x, …) .filter(x, …) .map(x, …)",
            "over the values of a list",
        ),
        ("a ? b : c   && || ! == in + %", "conditions and signs"),
    ];
    let rows = rows
        .into_iter()
        .map(|(code, words)| view! { <li><code>{code}</code>" "<span class="muted">{words}</span></li> })
        .collect_view();
    view! {
        <Card title="The language">
            <ul class="told">{rows}</ul>
            <p class="muted">"Patterns: one a line, attribute: regular expression => result. The first that fits a whole value wins; $1 is what its first group caught."</p>
        </Card>
    }
    .into_any()
}
