//! What stands beside the editor: a mapping tried on real people.

use leptos::prelude::*;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Effect, Mapped};
use muster_domain::name::spelled;
use muster_islands::LivePreview;
use muster_services::mapping::{Glimpse, Refused, Seen};

use super::mapping::Shown;
use super::mapping_form::Typed;
use crate::components::{
    Button, Callout, Card, Chip, Diff, FieldChange, Glyph, Look, Need, Takes, TextField, Tone,
    counted,
};

/// The right column. The island fills `live-problem` and `live-result` while somebody types.
pub(super) fn seen(typed: &Typed, shown: &Shown, manages: bool, id: DirectoryId) -> AnyView {
    let preview = manages.then(|| {
        let result = match &shown.glimpse {
            Some(glimpse) => people(glimpse, typed, id),
            None => view! { <p class="muted">"Preview tries the mapping on the first people that the directory shows: what each rule makes of them, who is left out, who is refused and why. Nothing is written."</p> }.into_any(),
        };
        let about = typed.about.clone();
        view! {
            <Card title="Preview" id="preview">
                <div class="live">
                    <TextField name="about" label="Also try it on" value=about takes=Takes::Exact need=Need::Optional placeholder="ada, ben" help="Usernames at the directory, besides the first people it shows. Enter tries them."/>
                    <LivePreview action=format!("/directories/{id}/mapping/live")/>
                    <div id="live-problem"></div>
                    <div id="live-result" class="live-result">{result}</div>
                </div>
            </Card>
        }
    });
    view! { <div class="stack">{preview}{language()}</div> }.into_any()
}

/// What became of everybody it was tried on.
pub(super) fn people(glimpse: &Glimpse, typed: &Typed, id: DirectoryId) -> AnyView {
    let rows = glimpse
        .people
        .iter()
        .enumerate()
        .map(|(number, person)| one(number, person, typed, id))
        .collect_view();
    let missed = glimpse
        .missed
        .iter()
        .map(|missed| view! { <li><code>{missed.username.clone()}</code>": "{missed.why.clone()}</li> })
        .collect_view();
    let missed =
        (!glimpse.missed.is_empty()).then(|| view! { <ul class="told missed">{missed}</ul> });
    let refused = glimpse.refused.iter().map(refused).collect_view();
    let fails = typed
        .tests
        .iter()
        .zip(&glimpse.tests)
        .filter(|(_, tested)| !tested.holds)
        .map(|(test, tested)| view! { <li>{format!("“{}”: {}", test.name, tested.words)}</li> })
        .collect_view();
    let failing = glimpse.tests.iter().filter(|tested| !tested.holds).count();
    let tests = (failing > 0).then(|| {
        let title = format!("{} not hold", counted_tests(failing));
        view! { <Callout tone=Tone::Caution title><ul class="points">{fails}</ul></Callout> }
    });
    view! {
        <p class="live-sums">{sums(glimpse)}</p>
        {missed}
        {tests}
        {rows}
        {refused}
    }
    .into_any()
}

fn counted_tests(many: usize) -> String {
    match many {
        1 => "1 test does".to_owned(),
        many => format!("{many} tests do"),
    }
}

/// How many come, are left out and are refused, in a sentence.
pub(super) fn sums(glimpse: &Glimpse) -> String {
    let count = |is: fn(&Seen) -> bool| glimpse.people.iter().filter(|one| is(one)).count();
    let unread = glimpse.refused.len();
    let all = u64::try_from(glimpse.people.len() + unread).unwrap_or(u64::MAX);
    let mut parts = vec![format!(
        "Of {}, {} would come",
        counted(all, "person", "people"),
        count(|one| matches!(one.made, Mapped::Record(_)) && one.unusable.is_none())
    )];
    for (many, words) in [
        (
            count(|one| matches!(one.made, Mapped::FilteredOut(_))),
            "left out",
        ),
        (
            count(|one| matches!(one.made, Mapped::Refused(_)) || one.unusable.is_some()) + unread,
            "refused",
        ),
    ] {
        if many > 0 {
            parts.push(format!("{many} {words}"));
        }
    }
    format!("{}.", parts.join(", "))
}

fn one(number: usize, person: &Seen, typed: &Typed, id: DirectoryId) -> AnyView {
    let chip = match &person.made {
        Mapped::Record(_) if person.unusable.is_some() => {
            view! { <Chip tone=Tone::Danger icon=Glyph::Warning>"Refused"</Chip> }.into_any()
        }
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
        Mapped::Record(_) => person
            .unusable
            .clone()
            .map(|why| view! { <p class="field-error">{why}</p> }.into_any()),
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
    let whom = person.default.external_id.0.clone();
    view! {
        <details class="folded" open=number < 3>
            <summary>{short(&person.about)}" "{chip}</summary>
            <div class="folded-body">
                {why}
                {same}
                <Diff changes/>
                <details><summary>"Rule by rule"</summary><ul class="told">{effects}</ul></details>
                <details><summary>"What the source says"</summary><ul class="told">{said}</ul></details>
                <div class="actions"><Button name="keep" value=whom formaction=keep look=Look::Quiet icon=Glyph::Check>"Keep as a test"</Button></div>
            </div>
        </details>
    }
    .into_any()
}

/// Somebody whom the source itself cannot tell of.
fn refused(one: &Refused) -> AnyView {
    view! {
        <details class="folded">
            <summary>{short(&one.about)}" "<Chip tone=Tone::Danger icon=Glyph::Warning>"Refused"</Chip></summary>
            <div class="folded-body"><p class="field-error">{one.why.clone()}</p></div>
        </details>
    }
    .into_any()
}

/// Short, and with what nobody sees spelled out.
fn short(value: &str) -> String {
    let value = spelled(value);
    if value.chars().nth(120).is_none() {
        return value.into_owned();
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
