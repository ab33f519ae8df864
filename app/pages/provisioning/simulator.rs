//! What happens if somebody signs in now, and why: from what was recorded, or from claims that are pasted.

use http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::jit::{Effect, GroupStep, Outcome};
use muster_services::simulator::{self, Simulated, Whose};
use muster_web::{Failure, Form, Query};
use serde::Deserialize;

use crate::components::{
    Button, Callout, Card, Chip, Choice, Columns, Diff, Empty, FieldChange, Form as FormView,
    FormActions, Glyph, Guard, KeyValue, KeyValues, LinkButton, Look, Need, Page, SelectField,
    Takes, TextArea, TextField, Tone, When, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// What is asked.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    claims: String,
}

/// `GET /simulator`: asks, or answers for a person of whom a sign-in is recorded.
///
/// # Errors
/// Without permission, for an unknown provider.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let asked = Asked {
        claims: String::new(),
        ..asked
    };
    if asked.person.is_empty() {
        return page(&visit, asked, None, Vec::new()).await;
    }
    answer(&visit, asked).await
}

/// `POST /simulator`: answers, from pasted claims if there are any. Changes nothing.
///
/// # Errors
/// Without permission, for an unknown provider.
pub async fn simulate(visit: Visit, Form(asked): Form<Asked>) -> Answer {
    answer(&visit, asked).await
}

async fn answer(visit: &Visit, asked: Asked) -> Answer {
    let whose = if asked.claims.trim().is_empty() {
        Whose::Person(&asked.person)
    } else {
        Whose::Claims(&asked.claims)
    };
    let (services, call) = (&visit.services, &visit.call);
    match simulator::simulate(services, call, &asked.provider, whose).await {
        Ok(simulated) => page(visit, asked, Some(simulated), Vec::new()).await,
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            page(visit, asked, None, error.fields).await
        }
        Err(error) => Err(Failure(error)),
    }
}

async fn page(
    visit: &Visit,
    asked: Asked,
    simulated: Option<Simulated>,
    errors: Vec<FieldError>,
) -> Answer {
    let providers = simulator::choices(&visit.services, &visit.call).await?;
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let now = visit.now();
    visit
        .console_with(status, "Simulator", "/simulator", move || {
            let body = if providers.is_empty() {
                view! {
                    <Card><Empty icon=Glyph::Simulate title="No identity provider is connected">
                        "People sign in with passwords alone so far. Connect a provider, and see here what becomes of anybody who comes through it."
                    </Empty></Card>
                }
                .into_any()
            } else {
                let left = simulated.as_ref().map_or_else(waits, |simulated| told(simulated, now));
                let right = view! { <Card title="Whose sign-in">{form(&asked, simulated.as_ref(), providers, errors)}</Card> }.into_any();
                view! { <Columns left right/> }.into_any()
            };
            view! {
                <Page title="Simulator" purpose="What happens if somebody signs in now, and why. It is decided by what decides at a sign-in, and nothing is written.">
                    {body}
                </Page>
            }
            .into_any()
        })
        .await
}

fn waits() -> AnyView {
    view! {
        <Card><Empty icon=Glyph::Simulate title="Choose a person">
            "Their last recorded sign-in is decided again by the rules as they are now. Or paste the claims of somebody who was never here."
        </Empty></Card>
    }
    .into_any()
}

fn form(
    asked: &Asked,
    simulated: Option<&Simulated>,
    providers: Vec<(String, String)>,
    errors: Vec<FieldError>,
) -> AnyView {
    let choices = providers
        .into_iter()
        .map(|(slug, name)| Choice::new(slug, name))
        .collect();
    let person = error_of(&errors, "person");
    let wrong = error_of(&errors, "claims");
    // What was recorded can be changed and tried again.
    let claims = match simulated {
        Some(simulated) if asked.claims.trim().is_empty() => {
            serde_json::to_string_pretty(&simulated.claims).unwrap_or_default()
        }
        _ => asked.claims.clone(),
    };
    let again = (!asked.person.is_empty() && !claims.is_empty()).then(|| {
        let href = format!(
            "/simulator?provider={}&person={}",
            encoded(&asked.provider),
            encoded(&asked.person)
        );
        view! { <LinkButton href look=Look::Quiet>"As recorded"</LinkButton> }
    });
    let (provider, username) = (asked.provider.clone(), asked.person.clone());
    view! {
        <FormView action="/simulator" errors guard=Guard::Off>
            <SelectField name="provider" label="Signs in through" value=provider choices/>
            <TextField name="person" label="Person" value=username takes=Takes::Exact need=Need::Optional error=person help="A username here. What the provider said last of them counts, unless claims stand below."/>
            <TextArea name="claims" label="Claims" value=claims takes=Takes::Exact rows=8 need=Need::Optional error=wrong placeholder="{ \"sub\": \"…\", \"groups\": [] }" help="A JSON object, as the provider would state it. Recorded ones leave out what counts once and cut what is long."/>
            <FormActions>
                <Button look=Look::Primary icon=Glyph::Simulate>"Simulate sign-in"</Button>
                {again}
            </FormActions>
        </FormView>
    }
    .into_any()
}

fn told(simulated: &Simulated, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    view! {
        <div class="stack">
            {verdict(simulated)}
            {attributes(simulated)}
            {groups(simulated)}
            {facts(simulated, now)}
        </div>
    }
    .into_any()
}

fn verdict(simulated: &Simulated) -> AnyView {
    let name = simulated.decision.username.clone().unwrap_or_default();
    let (tone, title) = match (&simulated.decision.outcome, simulated.lets_in()) {
        (Outcome::Refused(_), _) => (Tone::Danger, "They would stay out".to_owned()),
        (_, false) => (Tone::Danger, format!("“{name}” would stay out")),
        (Outcome::Create(_), true) => (Tone::Good, format!("“{name}” would be made and come in")),
        (Outcome::SignIn(_), true) => (Tone::Good, format!("“{name}” would come in")),
    };
    let steps = simulated
        .decision
        .explain()
        .into_iter()
        .map(|words| view! { <li>{words}</li> })
        .collect_view();
    let obstacle = simulated
        .obstacle
        .clone()
        .map(|(words, code)| view! { <p>{words}" "<code>{code}</code></p> });
    let kept = simulated.kept.clone().map(|(groups, why)| {
        let words = format!(
            "Stays in {} although the claims say otherwise: {why}",
            groups.join(", ")
        );
        view! { <p>{words}</p> }
    });
    let roles = simulated.admitted.as_ref().map(|(user, roles)| {
        let names: Vec<&str> = roles.iter().map(|role| role.label()).collect();
        let held = if names.is_empty() {
            "They would hold no role: they see their own page and the applications they may open."
                .to_owned()
        } else {
            format!("They would hold: {}.", names.join(", "))
        };
        let glass = user.break_glass.then_some(
            " It is a break-glass account: they say what for, and the other admins are told.",
        );
        view! { <p>{held}{glass}</p> }
    });
    view! { <Callout tone title>{obstacle}<ul class="told">{steps}</ul>{kept}{roles}</Callout> }
        .into_any()
}

fn attributes(simulated: &Simulated) -> AnyView {
    let updates = &simulated.decision.updates;
    let changes: Vec<FieldChange> = match simulated.decision.outcome {
        Outcome::Create(_) => simulated
            .decision
            .attributes
            .iter()
            .map(|(name, value)| FieldChange::added(name.clone(), value.clone()))
            .collect(),
        _ => updates
            .iter()
            .map(|update| FieldChange {
                field: update.name.clone(),
                before: update.before.clone(),
                after: update.after.clone(),
            })
            .collect(),
    };
    if changes.is_empty() {
        return ().into_any();
    }
    view! { <Card title="Attributes"><Diff changes/></Card> }.into_any()
}

fn groups(simulated: &Simulated) -> AnyView {
    let steps = &simulated.decision.groups;
    if steps.is_empty() {
        return ().into_any();
    }
    let rows = steps
        .iter()
        .map(|step| {
            let (tone, word) = word(step);
            view! { <li><Chip tone>{word}</Chip>" "<b>{step.name.clone()}</b>" "<span class="muted">{step.why.clone()}</span></li> }
        })
        .collect_view();
    view! { <Card title="Groups, and the rule behind each"><ul class="told">{rows}</ul></Card> }
        .into_any()
}

const fn word(step: &GroupStep) -> (Tone, &'static str) {
    match step.effect {
        Effect::Created => (Tone::Good, "is made and joined"),
        Effect::Joins => (Tone::Good, "joins"),
        Effect::Stays => (Tone::Neutral, "stays"),
        Effect::Leaves => (Tone::Caution, "leaves"),
        Effect::Ignored => (Tone::Neutral, "ignored"),
    }
}

fn facts(simulated: &Simulated, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let from = match simulated.recorded_at {
        Some(at) => view! { <span>"The sign-in of "<When at now/></span> }.into_any(),
        None => "The claims that were pasted".into_any(),
    };
    let rules = format!("/providers/{}/rules", simulated.slug);
    let items = vec![
        KeyValue::new("Decided from", from),
        KeyValue::new("Through", simulated.provider.clone()),
        KeyValue::new("Issuer", simulated.issuer.clone()),
        KeyValue::new("Subject", simulated.subject.clone()),
        KeyValue::new("Rules", view! { <a href=rules>"Accounts at sign-in"</a> }),
    ];
    view! { <Card title="What it rests on"><KeyValues items/></Card> }.into_any()
}
