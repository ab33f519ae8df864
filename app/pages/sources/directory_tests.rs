//! What trying a directory showed: a sentence, the time it took, and when it failed the code and what to do.

use std::time::Duration;

use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::directory::{Finding, Probe};
use muster_domain::name::spelled;
use muster_domain::record::{KNOWN, UserRecord};
use muster_services::directories::OnePerson;

use crate::components::{Callout, Chip, KeyValue, KeyValues, Tone};

/// What a test showed.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// A step of trying.
    Step(Finding),
    /// Looking for one person.
    Person(OnePerson),
}

impl Told {
    /// Beside which test it stands.
    pub(super) fn belongs_to(&self, probe: Probe) -> bool {
        match self {
            Self::Step(finding) => finding.probe == probe,
            Self::Person(_) => probe == Probe::Search,
        }
    }
}

/// As a view.
pub(super) fn told(told: Told) -> AnyView {
    match told {
        Told::Step(finding) => match finding.outcome {
            Ok(words) => held(words, finding.took),
            Err(error) => failed(&error, finding.took),
        },
        Told::Person(one) => match one.outcome {
            Err(error) => failed(&error, one.took),
            Ok(None) => nobody(&one.username, one.took),
            Ok(Some(record)) => person(record, one.unusable, one.took),
        },
    }
}

fn held(words: String, took: Duration) -> AnyView {
    view! { <div role="status"><Callout tone=Tone::Good title=words><p class="muted">{time(took)}</p></Callout></div> }
        .into_any()
}

fn failed(error: &Error, took: Duration) -> AnyView {
    let (words, code) = (error.public.to_string(), error.code);
    let next = error.next.as_ref().map(ToString::to_string);
    view! {
        <div role="alert">
            <Callout tone=Tone::Danger title=words>
                <p>{next} " " <code>{code}</code></p>
                <p class="muted">{time(took)}</p>
            </Callout>
        </div>
    }
    .into_any()
}

fn nobody(username: &str, took: Duration) -> AnyView {
    let words = format!("There is nobody with the username {username}.");
    view! {
        <div role="status">
            <Callout tone=Tone::Caution title=words>
                <p>"Check where people are, their filter, and which attribute is the username."</p>
                <p class="muted">{time(took)}</p>
            </Callout>
        </div>
    }
    .into_any()
}

fn person(record: UserRecord, unusable: Option<String>, took: Duration) -> AnyView {
    let who = record.attributes.get("username");
    let who = who.map_or_else(|| "They".to_owned(), |name| spelled(name).into_owned());
    let (tone, words) = match unusable {
        None => (Tone::Good, format!("{who} would be taken over like this.")),
        Some(why) => (
            Tone::Caution,
            format!("{who} is there, but a sync would refuse the record. {why}"),
        ),
    };
    let mut items: Vec<KeyValue> = record
        .attributes
        .into_iter()
        .map(|(name, value)| {
            let known = KNOWN.iter().find(|(known, _)| *known == name);
            let label = known.map_or(name.clone(), |(_, label)| (*label).to_owned());
            KeyValue::new(label, spelled(&value).into_owned())
        })
        .collect();
    let state = if record.active {
        view! { <Chip tone=Tone::Good>"Active there"</Chip> }
    } else {
        view! { <Chip tone=Tone::Caution>"Switched off there"</Chip> }
    };
    items.push(KeyValue::new("State", state));
    items.push(KeyValue::new(
        "Unchanging id",
        view! { <code>{record.external_id.0}</code> },
    ));
    view! {
        <div role="status">
            <Callout tone title=words>
                <KeyValues items/>
                <p class="muted">{time(took)}</p>
            </Callout>
        </div>
    }
    .into_any()
}

/// How long it took, in words.
fn time(took: Duration) -> String {
    match took.as_millis() {
        0 => "It took less than a millisecond.".to_owned(),
        ms @ 1..=9999 => format!("It took {ms} ms."),
        ms => format!("It took {} s.", ms / 1000),
    }
}
