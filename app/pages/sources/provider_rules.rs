//! How users and groups come to be at sign-in through one provider.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::jit::{Create, CreateGroups, JitRules, Update};
use muster_services::simulator::{self, Replay};
use muster_services::{Knowingly, providers};
use muster_web::Form;
use serde::Deserialize;

use crate::components::{
    Button, Callout, Card, CheckField, Choice, Crumb, FieldGroup, Form as FormView, FormActions,
    Glyph, LinkButton, Look, Need, Page, RadioField, TextArea, TextField, Tone, counted,
};
use crate::pages::people::along;
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    create: Create,
    #[serde(default)]
    update: String,
    username_claim: String,
    groups_claim: String,
    #[serde(default)]
    managed_groups: String,
    #[serde(default)]
    default_groups: String,
    #[serde(default)]
    create_groups: String,
    #[serde(default)]
    knowingly: String,
}

impl Sent {
    fn rules(&self) -> JitRules {
        let lines = |text: &str| {
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let claim = |text: &str, or: &str| {
            if text.trim().is_empty() {
                or.to_owned()
            } else {
                text.trim().to_owned()
            }
        };
        JitRules {
            create: self.create,
            update: if self.update == "on" {
                Update::Always
            } else {
                Update::OnCreate
            },
            username_claim: claim(&self.username_claim, "preferred_username"),
            groups_claim: claim(&self.groups_claim, "groups"),
            managed_groups: lines(&self.managed_groups),
            default_groups: lines(&self.default_groups),
            create_groups: if self.create_groups == "on" {
                CreateGroups::Yes
            } else {
                CreateGroups::No
            },
        }
    }
}

/// Shows the rules.
///
/// # Errors
/// When there is no such provider.
pub async fn show(visit: Visit, Path(slug): Path<String>) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    page(
        &visit,
        StatusCode::OK,
        &slug,
        &provider.name,
        &provider.jit.clone(),
        provider.vendor.groups_notes(),
        Said::Nothing,
    )
    .await
}

/// What the page says beside the form.
enum Said {
    Nothing,
    Wrong(Error),
    Replayed(Replay),
}

/// `GET /providers/{slug}/rules/replay`: whoever reloads what was shown there, or follows a link to it, finds the rules.
///
/// # Errors
/// Without permission, when there is no such provider.
pub async fn replay_again(visit: Visit, Path(slug): Path<String>) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    Ok(Redirect::to(&format!("/providers/{}/rules", provider.slug)).into_response())
}

/// `POST /providers/{slug}/rules/replay`: what these rules would change, weighed on recorded sign-ins. Saves nothing.
///
/// # Errors
/// Without permission, when there is no such provider.
pub async fn replay(visit: Visit, Path(slug): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let rules = sent.rules();
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let replay = simulator::replay(&visit.services, &visit.call, &slug, &rules).await?;
    page(
        &visit,
        StatusCode::OK,
        &slug,
        &provider.name,
        &rules,
        provider.vendor.groups_notes(),
        Said::Replayed(replay),
    )
    .await
}

/// Saves the rules.
///
/// # Errors
/// Without permission.
pub async fn save(visit: Visit, Path(slug): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let rules = sent.rules();
    let elevated = visit.call.elevated()?;
    match providers::set_jit(
        &visit.services,
        &visit.call,
        &elevated,
        &slug,
        rules.clone(),
        if sent.knowingly == "on" {
            Knowingly::Yes
        } else {
            Knowingly::No
        },
    )
    .await
    {
        Ok(provider) => {
            visit
                .done(
                    &format!("/providers/{slug}"),
                    &format!(
                        "Saved the rules of {}. They count from the next sign-in.",
                        provider.name
                    ),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) || error.code == "JIT-020" => {
            let provider = providers::get(&visit.services, &visit.call, &slug).await?;
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                &slug,
                &provider.name,
                &rules,
                provider.vendor.groups_notes(),
                Said::Wrong(error),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    slug: &str,
    name: &str,
    rules: &JitRules,
    notes: &'static [&'static str],
    said: Said,
) -> Answer {
    let (slug, name, rules) = (slug.to_owned(), name.to_owned(), rules.clone());
    visit
        .console_with(status, "Accounts at sign-in", "/providers", move || {
            let crumbs = vec![Crumb::new("/providers", "Identity providers"), Crumb::new(format!("/providers/{slug}"), name.clone())];
            let (error, replay) = match said {
                Said::Nothing => (None, None),
                Said::Wrong(error) => (Some(error), None),
                Said::Replayed(replay) => (None, Some(replayed(replay))),
            };
            let asks = error.as_ref().is_some_and(along::asks);
            let trouble = error.map(|error| view! { <Callout tone=Tone::Danger title=error.public.to_string()><p>{error.next.map(|next| next.to_string())}</p></Callout> });
            view! {
                <Page title="Accounts at sign-in" purpose=format!("What happens when somebody signs in through {name}. People are matched by issuer and subject alone, never by e-mail.") crumbs>
                    {trouble}
                    {replay}
                    <Card>{form(&slug, rules, notes, asks)}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn form(slug: &str, rules: JitRules, notes: &'static [&'static str], asks: bool) -> AnyView {
    let confirm = asks.then(|| {
        view! { <CheckField name="knowingly" label="This provider shall decide who gets the role" help="It goes on record with your name."/> }
    });
    let create = match rules.create {
        Create::Everybody => "everybody",
        Create::OnlyDomains => "only_domains",
        Create::Nobody => "nobody",
    };
    let choices = vec![
        Choice::new("everybody", "Everybody the provider lets in"),
        Choice::new(
            "only_domains",
            "Only people with a verified e-mail in this provider's domains",
        ),
        Choice::new("nobody", "Nobody: users must exist and be linked"),
    ];
    let notes = notes
        .iter()
        .map(|note| view! { <li>{*note}</li> })
        .collect_view();
    let lines = |names: &[String]| names.join("\n");
    let back = format!("/providers/{slug}");
    let replay = format!("/providers/{slug}/rules/replay");
    view! {
        <FormView action=format!("/providers/{slug}/rules")>
            <RadioField name="create" label="Who is created at sign-in" value=create choices/>
            <CheckField name="update" label="Follow the claims at each sign-in" checked=rules.update == Update::Always help="Off: attributes are taken over when the user is created, and stay."/>
            <TextField name="username_claim" label="Claim that names the user" value=rules.username_claim/>
            <FieldGroup title="Groups" help="Only the groups listed here are touched; what was done by hand or by another source stays.">
                <TextField name="groups_claim" label="Claim that lists groups" value=rules.groups_claim/>
                <TextArea name="managed_groups" label="Managed groups" value=lines(&rules.managed_groups) need=Need::Optional help="One a line. People join and leave them as the claim says. A star at the end stands for any ending: team-*."/>
                <TextArea name="default_groups" label="Default groups" value=lines(&rules.default_groups) need=Need::Optional help="One a line. Everybody who signs in through this provider is in them."/>
                <CheckField name="create_groups" label="Create groups that do not exist yet" checked=rules.create_groups == CreateGroups::Yes/>
            </FieldGroup>
            <ul class="hints">{notes}</ul>
            {confirm}
            <FormActions>
                <Button look=Look::Primary>"Save rules"</Button>
                <Button formaction=replay icon=Glyph::Simulate>"Show what would change"</Button>
                <LinkButton href=back look=Look::Quiet>"Back"</LinkButton>
            </FormActions>
        </FormView>
    }
    .into_any()
}

/// What other rules would change for those whose sign-ins are recorded.
fn replayed(replay: Replay) -> AnyView {
    let people = u64::try_from(replay.people).unwrap_or(u64::MAX);
    let different = u64::try_from(replay.different).unwrap_or(u64::MAX);
    let title = match (people, different) {
        (0, _) => "No sign-in through this provider is recorded yet".to_owned(),
        (_, 0) => "Nothing would be different".to_owned(),
        _ => format!(
            "It would be different for {}",
            counted(different, "person", "people")
        ),
    };
    let basis = format!(
        "The last recorded sign-ins of {} were decided again by these rules.{} Nothing was saved.",
        counted(people, "person", "people"),
        match replay.is_cut {
            true => " Older ones were not looked at.",
            false => "",
        }
    );
    let list = |words: Vec<String>, sign: &'static str| {
        words
            .into_iter()
            .map(|words| view! { <li>{sign}" "{words}</li> })
            .collect_view()
    };
    let rows = replay
        .shown
        .into_iter()
        .map(|one| {
            view! {
                <details class="folded">
                    <summary>{one.username}</summary>
                    <div class="folded-body"><ul class="told">{list(one.before, "−")}{list(one.after, "+")}</ul></div>
                </details>
            }
        })
        .collect_view();
    let more = replay.different > 50;
    let more = more.then(|| view! { <p class="muted">"The first 50 are shown."</p> });
    view! { <Callout tone=Tone::Neutral title><p>{basis}</p>{rows}{more}</Callout> }.into_any()
}
