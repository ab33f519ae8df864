//! The cards of a calibration: the three probes, what counts now, how the provider is asked, what its maker says.

use chrono::{DateTime, TimeDelta, Utc};
use leptos::prelude::*;
use muster_domain::calibration::meter::{FEWEST, words};
use muster_domain::calibration::probe::Speaks;
use muster_domain::calibration::{Allowance, Probe, STALE_DAYS, Worth};
use muster_domain::id::UserId;
use muster_domain::provider::Provider;
use muster_domain::vendor::Vendor;
use muster_services::calibration::{Desk, Probed};
use muster_services::providers::request_key::Keys;

use super::asked;
use super::providers::worth;
use crate::components::{
    Callout, Card, Chip, Column, CopyText, Glyph, Inset, KeyValue, KeyValues, LinkButton, Look,
    PostButton, Row, Rows, Table, TableRow, Tone, When,
};

/// What stands above the probes: the one thing to do, if there is one.
pub(super) fn standing(desk: &Desk, manages: bool, now: DateTime<Utc>) -> AnyView {
    let (provider, slug) = (&desk.provider, &desk.provider.slug);
    let name = &provider.name;
    let anew = manages.then(|| {
        view! { <PostButton action=format!("/providers/{slug}/calibration/anew") icon=Glyph::Refresh>"Forget it and begin anew"</PostButton> }.into_any()
    });
    if let Some(refuted) = &provider.calibration.refuted {
        let (why, at) = (refuted.why.clone(), refuted.at);
        return view! {
            <Callout tone=Tone::Danger title=format!("Nothing {name} states is believed")>
                <p>{why}" Seen "<When at now/>"."</p>
                <p>"Its answers count as unprovable. Change what is wrong at the provider, then begin anew."</p>
                {anew.map(|anew| view! { <div class="actions">{anew}</div> })}
            </Callout>
        }
        .into_any();
    }
    if let Some(why) = desk.watched.contradiction.clone() {
        return view! {
            <Callout tone=Tone::Danger title="Its own answers contradict the last control">
                <p>{why}</p>
                <p>"Until the control is made again, its answers count as unprovable."</p>
            </Callout>
        }
        .into_any();
    }
    if provider.calibration.is_stale(now) {
        return view! {
            <Callout tone=Tone::Caution title="The last control was long ago">
                <p>{format!("It was more than {STALE_DAYS} days ago. Providers change: make the control again.")}</p>
            </Callout>
        }
        .into_any();
    }
    ().into_any()
}

struct Step {
    title: &'static str,
    body: String,
    button: &'static str,
    question: &'static str,
    yes: &'static str,
    no: &'static str,
}

fn step(probe: Probe, name: &str) -> Step {
    match probe {
        Probe::Control => Step {
            title: "1 · Control: nobody may be asked",
            body: format!(
                "You are signed in at {name} in this browser. Muster asks who you are and forbids it to ask you anything. It should come back at once and repeat when you signed in there. If it says “just now” instead, its times are made up."
            ),
            button: "Make the control",
            question: "",
            yes: "",
            no: "",
        },
        Probe::Forced => Step {
            title: "2 · Forced: you sign in again",
            body: format!(
                "Muster asks {name} to make you sign in again. Do what it asks: type the password, touch the key, confirm on the phone. Afterwards you are asked here whether it wanted anything from you."
            ),
            button: "Make the forced probe",
            question: "Did the provider ask you to type, touch or confirm anything?",
            yes: "Yes, it asked me",
            no: "No, it sent me straight back",
        },
        Probe::Cancelled => Step {
            title: "3 · Cancelled: you say no",
            body: format!(
                "Muster asks the same once more. This time press cancel at {name} and type nothing. It should come back and say that nobody signed in. A provider that reports a sign-in all the same is worth nothing. If it has no such button, leave this probe out."
            ),
            button: "Make the cancelled probe",
            question: "A sign-in came back. Did you press cancel at the provider?",
            yes: "Yes, I pressed cancel",
            no: "No, I signed in",
        },
    }
}

/// The three probes. `me` is who may make them, if anybody.
pub(super) fn probes(desk: &Desk, me: Option<UserId>, now: DateTime<Utc>) -> AnyView {
    let next = Probe::ALL
        .into_iter()
        .find(|probe| desk.newest(*probe).is_none());
    Probe::ALL
        .into_iter()
        .map(|probe| one(desk, probe, me, next == Some(probe), now))
        .collect_view()
        .into_any()
}

fn one(
    desk: &Desk,
    probe: Probe,
    me: Option<UserId>,
    is_next: bool,
    now: DateTime<Utc>,
) -> AnyView {
    let (slug, words) = (&desk.provider.slug, step(probe, &desk.provider.name));
    let newest = desk.newest(probe);
    let badge = match newest {
        Some(probed) => chip(probed),
        None => {
            view! { <Chip tone=Tone::Neutral icon=Glyph::Question>"Not made yet"</Chip> }.into_any()
        }
    };
    let seen = newest.map(|probed| seen(probed, now));
    let asks = newest
        .filter(|probed| probed.finding.asks() && probed.said.is_none() && me == Some(probed.user))
        .map(|probed| question(slug, probed, &words));
    let look = if is_next { Look::Primary } else { Look::Plain };
    let button = me.map(|_| {
        let fields = vec![("probe".to_owned(), probe.key().to_owned())];
        view! { <div class="actions"><PostButton action=format!("/providers/{slug}/calibration") fields look icon=Glyph::Shield>{words.button}</PostButton></div> }
    });
    view! {
        <Card title=words.title id=format!("probe-{}", probe.key()) badge>
            <p>{words.body}</p>
            {seen}
            {asks}
            {button}
        </Card>
    }
    .into_any()
}

fn seen(probed: &Probed, now: DateTime<Utc>) -> AnyView {
    let by = format!("{}, ", probed.username);
    view! { <p class="seen"><b>{probed.seen.clone()}</b>" "<span class="muted">{by}<When at=probed.at now/></span></p> }.into_any()
}

fn question(slug: &str, probed: &Probed, words: &Step) -> AnyView {
    let action = format!("/providers/{slug}/calibration/{}/said", probed.id);
    let said = |word: &str| vec![("said".to_owned(), word.to_owned())];
    let (yes, no) = (words.yes, words.no);
    view! {
        <Callout tone=Tone::Accent title=words.question>
            <div class="actions">
                <PostButton action=action.clone() fields=said("yes")>{yes}</PostButton>
                <PostButton action fields=said("no")>{no}</PostButton>
            </div>
        </Callout>
    }
    .into_any()
}

fn chip(probed: &Probed) -> AnyView {
    let (tone, icon, word) = match probed.finding.speaks() {
        Speaks::For => (Tone::Good, Glyph::Check, "As it should be"),
        Speaks::Against => (Tone::Danger, Glyph::Cross, "Cannot be relied on"),
        Speaks::Neither => (Tone::Caution, Glyph::Question, "Shows nothing yet"),
    };
    view! { <Chip tone icon>{word}</Chip> }.into_any()
}

/// What counts now, and the meter of its clock.
pub(super) fn counts(desk: &Desk, usual: TimeDelta, now: DateTime<Utc>) -> AnyView {
    let calibration = &desk.counts;
    let tested = match calibration.tested_at {
        Some(at) => KeyValue::new("Last control", view! { <When at now/> }),
        None => KeyValue::maybe("Last control", None),
    };
    let (clock, allowed) = match desk.watched.measured {
        Some(measured) => {
            let own = TimeDelta::milliseconds(measured.ahead_ms);
            let allowance = Allowance::of(usual, Some(measured), own);
            let clock = format!(
                "{}, over its last {} answers",
                words(measured.ahead_ms),
                measured.answers
            );
            let allowed = if allowance.measured.is_some() {
                format!(
                    "{} s, as its clock is well known",
                    allowance.within.num_seconds()
                )
            } else if own.abs() > usual {
                "It is too far off: set its clock right (NTP)".to_owned()
            } else {
                format!("{} s", allowance.within.num_seconds())
            };
            (clock, allowed)
        }
        None => (
            format!("Not measured yet: that takes {FEWEST} sign-ins"),
            format!("{} s", usual.num_seconds()),
        ),
    };
    let counts = match calibration.standing() {
        Worth::Informative => "A forced sign-in that states a new time counts as proof.",
        Worth::Uninformative => {
            "Its answers count as unprovable: a second factor has to confirm them."
        }
        Worth::Silent | Worth::Unknown => {
            "Its answers count as unprovable until a control shows that its times can be believed."
        }
    };
    let items = vec![
        KeyValue::new("Its times", worth(calibration.standing())),
        tested,
        KeyValue::new("Its clock", clock),
        KeyValue::new("Clocks may differ by", allowed),
    ];
    view! { <Card title="What counts now"><p>{counts}</p><KeyValues items/></Card> }.into_any()
}

/// How it is asked; the address of the keys where requests are signed.
pub(super) fn how(
    desk: &Desk,
    signing: Option<(String, Keys)>,
    manages: bool,
    now: DateTime<Utc>,
) -> AnyView {
    let provider = &desk.provider;
    let set = |key: &str, usual: &str| provider.setting(key).unwrap_or(usual).to_owned();
    let unsent = |value: String| match value.as_str() {
        "unsent" | "none" | "" => "not sent".to_owned(),
        _ => value,
    };
    let items = vec![
        KeyValue::new("Prompt", unsent(set("prompt", "login"))),
        KeyValue::new("Maximum age", unsent(set("max_age", "0"))),
        KeyValue::new("Context classes", unsent(set("acr_values", ""))),
        KeyValue::new("Claims", claims(provider)),
        KeyValue::new(
            "Pushed",
            match set("use_par", "auto").as_str() {
                "always" => "always",
                "never" => "never",
                _ => "where it is offered",
            },
        ),
        KeyValue::new("Signed", if signing.is_some() { "ES256" } else { "no" }),
    ];
    let key = signing.map(|(keys, told)| {
        let since = told.since;
        let older = told.older_until.map(|until| {
            view! { " The one before stays published, until " <When at=until now/> "." }
        });
        let signs = told.signs_from.map(|from| view! { " and signs from " <When at=from now/> });
        let action = format!("/providers/{}/request-key", provider.slug);
        let replace = manages.then(|| {
            view! { <div class="actions"><PostButton action icon=Glyph::Refresh>"Replace signing key"</PostButton></div> }
        });
        view! {
            <p class="muted">"Address of the public keys, to be entered at the provider"</p>
            <CopyText value=keys label="address of the keys"/>
            <p class="muted">"The newest key was made " <When at=since now/> {signs} "." {older}</p>
            {replace}
        }
    });
    let href = format!("/providers/{}/edit", provider.slug);
    let edit = manages.then(|| view! { <div class="actions"><LinkButton href icon=Glyph::Edit>"Change how it is asked"</LinkButton></div> });
    view! {
        <Card title="How it is asked">
            <KeyValues items/>
            {key}
            <p class="muted">"Changing how it is asked makes what was learnt void."</p>
            {edit}
        </Card>
    }
    .into_any()
}

fn claims(provider: &Provider) -> String {
    let wants = |key: &str| provider.setting(key) != Some("no");
    let has_class = provider.setting("required_acr").is_some();
    let asked: Vec<&str> = [
        ("auth_time", wants("claims_auth_time")),
        ("acr", wants("claims_acr") && has_class),
    ]
    .into_iter()
    .filter(|(_, asked)| *asked)
    .map(|(name, _)| name)
    .collect();
    if asked.is_empty() {
        "none".to_owned()
    } else {
        asked.join(", ")
    }
}

/// What its maker's documentation says, matched with what was seen.
pub(super) fn vendor(desk: &Desk) -> AnyView {
    let vendor = desk.provider.vendor;
    let (symptoms, advice) = (desk.symptoms(), vendor.reauth_advice());
    let title = match vendor {
        Vendor::Generic => "What is known of providers".to_owned(),
        known => format!("What is known of {}", known.label()),
    };
    let rows = symptoms
        .iter()
        .map(|symptom| {
            let remedy = vendor.remedy(*symptom);
            view! { <Row title=symptom.label() tone=Tone::Caution>{remedy}</Row> }
        })
        .collect_view();
    view! {
        <Card title=title inset=Inset::Flush>
            <Rows>
                {rows}
                <Row title="What makes it ask again">{advice.by}</Row>
                <Row title="Whether it says when">{advice.states}</Row>
            </Rows>
        </Card>
    }
    .into_any()
}

/// Every probe so far.
pub(super) fn history(desk: &Desk, now: DateTime<Utc>) -> AnyView {
    if desk.probes.is_empty() {
        return ().into_any();
    }
    let columns = [
        "When",
        "Probe",
        "What was seen",
        "By",
        "Told",
        "What was sent",
    ]
    .map(Column::new)
    .into();
    let rows = desk.probes.iter().map(|probed| past(probed, now)).collect();
    view! { <Card title="Every probe" inset=Inset::Flush><Table caption="Every probe" columns rows/></Card> }.into_any()
}

fn past(probed: &Probed, now: DateTime<Utc>) -> TableRow {
    let seen = match probed.receipt {
        Some(receipt) => {
            let href = format!("/receipts/{receipt}");
            view! { <a href=href>{probed.seen.clone()}</a> }.into_any()
        }
        None => probed.seen.clone().into_any(),
    };
    let said = match (probed.probe, probed.said) {
        (_, None) => "–",
        (Probe::Cancelled, Some((muster_domain::calibration::Said::Yes, _))) => {
            "cancel was pressed"
        }
        (Probe::Cancelled, Some(_)) => "cancel was not pressed",
        (_, Some((muster_domain::calibration::Said::Yes, _))) => "it asked",
        (_, Some(_)) => "it asked nothing",
    };
    TableRow::new(vec![
        view! { <When at=probed.at now/> }.into_any(),
        probed.probe.label().into_any(),
        seen,
        probed.username.clone().into_any(),
        said.into_any(),
        asked::folded(&probed.sent),
    ])
}
