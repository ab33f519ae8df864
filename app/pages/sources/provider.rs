//! One identity provider: what it is, what it can prove, and its tests.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::ProviderId;
use muster_domain::protocol::{Finding, Level};
use muster_domain::provider::Provider;
use muster_domain::reauth::Verdict;
use muster_domain::role::Permission;
use muster_domain::session::Means;
use muster_services::providers::{self, Enabled};
use muster_services::reauth::{self, Receipt};
use muster_services::{Call, site, trial};

use super::providers::{state, worth};
use crate::components::{
    Callout, Card, Chip, Column, Columns, CopyText, Crumb, Empty, Glyph, Inset, KeyValue,
    KeyValues, LinkButton, Look, Page, PostButton, Row, Rows, Table, TableRow, Tone, When, counted,
};
use crate::visit::{Answer, Visit};

/// Shows a provider.
///
/// # Errors
/// When there is none.
pub async fn show(visit: Visit, Path(slug): Path<String>) -> Answer {
    page(&visit, &slug, None, None).await
}

/// Looks at what the provider publishes and shows every finding.
///
/// # Errors
/// Without permission.
pub async fn check(visit: Visit, Path(slug): Path<String>) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let draft = providers::Draft::of(&provider);
    let findings =
        providers::examine(&visit.services, &visit.call, &draft, Some(&provider)).await?;
    page(&visit, &slug, Some(findings), None).await
}

/// Makes a link with which somebody without an account can test a sign-in.
///
/// # Errors
/// Without permission or presence.
pub async fn test_link(visit: Visit, Path(slug): Path<String>) -> Answer {
    let elevated = visit.call.elevated()?;
    let link = trial::make_test_link(&visit.services, &visit.call, &elevated, &slug).await?;
    page(&visit, &slug, None, Some(link.to_string())).await
}

async fn page(
    visit: &Visit,
    slug: &str,
    findings: Option<Vec<Finding>>,
    link: Option<String>,
) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, slug).await?;
    let receipts = reauth::of_provider(&visit.services, &visit.call, provider.id, 8).await?;
    let callback = site::callback(&visit.services, slug).await?.to_string();
    let manages = visit.call.can(Permission::ManageProviders);
    let through = if manages {
        providers::sessions_through(&visit.services, &visit.call, provider.id).await?
    } else {
        0
    };
    let shuts_out = if manages && provider.enabled {
        providers::shuts_out(&visit.services, &visit.call, provider.id).await?
    } else {
        None
    };
    let now = visit.now();
    visit
        .console_with(StatusCode::OK, &provider.name.clone(), "/providers", move || {
            let left = view! {
                <div class="stack">
                    {findings.map(found)}
                    {link.map(link_card)}
                    {proof(&provider, manages)}
                    {history(&receipts, now)}
                </div>
            }
            .into_any();
            let right = view! { <div class="stack">{settings(&provider, &callback)}{rules(&provider, manages)}{manages.then(|| danger(&provider, through, shuts_out.as_ref()))}</div> }.into_any();
            let actions = if manages { actions(&provider) } else { ().into_any() };
            let crumbs = vec![Crumb::new("/providers", "Identity providers")];
            let badge = state(&provider);
            view! {
                <Page title=provider.name.clone() purpose=provider.setting("issuer").unwrap_or_default().to_owned() crumbs badge actions>
                    <Columns left right/>
                </Page>
            }
            .into_any()
        })
        .await
}

fn actions(provider: &Provider) -> AnyView {
    let slug = &provider.slug;
    view! {
        <PostButton action=format!("/providers/{slug}/check") icon=Glyph::Search>"Check configuration"</PostButton>
        <LinkButton href=format!("/providers/{slug}/edit") icon=Glyph::Edit>"Edit settings"</LinkButton>
        <LinkButton href=format!("/signin/{slug}/test/start") look=Look::Primary icon=Glyph::Simulate>"Test sign-in"</LinkButton>
    }
    .into_any()
}

fn found(findings: Vec<Finding>) -> AnyView {
    view! { <Card title="What it publishes" inset=Inset::Flush>{finding_rows(findings)}</Card> }
        .into_any()
}

/// Findings as rows, the worst first.
pub(crate) fn finding_rows(mut findings: Vec<Finding>) -> AnyView {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let rows = findings
        .into_iter()
        .map(|finding| {
            let tone = match finding.level {
                Level::Good => Tone::Good,
                Level::Note => Tone::Neutral,
                Level::Caution => Tone::Caution,
                Level::Problem => Tone::Danger,
            };
            view! { <Row title=finding.text tone>{finding.next}</Row> }
        })
        .collect_view();
    view! { <Rows>{rows}</Rows> }.into_any()
}

fn link_card(link: String) -> AnyView {
    view! {
        <Callout tone=Tone::Accent title="Send this link to whoever shall test the sign-in">
            <p>"It is valid for a day, signs nobody in and makes no account. It is shown only now."</p>
            <CopyText value=link label="link"/>
        </Callout>
    }
    .into_any()
}

fn proof(provider: &Provider, manages: bool) -> AnyView {
    let fields = vec![
        ("provider".to_owned(), provider.slug.clone()),
        ("goal".to_owned(), "test".to_owned()),
    ];
    let refuted = provider.calibration.refuted.as_ref();
    let told = refuted.map_or(&provider.calibration.seen, |refuted| &refuted.why);
    let seen = match told.as_str() {
        "" => "No control without force has told anything yet. The test makes one.".to_owned(),
        seen => seen.to_owned(),
    };
    let slug = provider.slug.clone();
    let buttons = manages.then(|| {
        view! {
            <div class="actions">
                <PostButton action="/reauth" fields look=Look::Primary icon=Glyph::Shield>"Re-authenticate with SSO"</PostButton>
                {super::calibration::link(&slug, Look::Plain)}
                <PostButton action=format!("/providers/{slug}/test-link") icon=Glyph::External>"Make a test link"</PostButton>
            </div>
        }
    });
    view! {
        <Card title="Can it prove that somebody signed in again?" badge=worth(provider.calibration.standing())>
            <p>"Many providers send the browser straight back although they were asked to make the person sign in again. The test asks, looks at what comes back, and says what is proven."</p>
            <p class="muted">{seen}</p>
            {buttons}
        </Card>
    }
    .into_any()
}

fn history(receipts: &[Receipt], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    if receipts.is_empty() {
        return view! {
            <Card title="Results"><Empty icon=Glyph::Clock title="No test yet">"Every re-authentication is kept here with its evidence."</Empty></Card>
        }
        .into_any();
    }
    let columns = ["Verdict", "Who", "When"].map(Column::new).into();
    let rows = receipts
        .iter()
        .map(|receipt| {
            let at = receipt.at;
            TableRow::new(vec![
                verdict_chip(receipt.verdict),
                receipt.username.clone().into_any(),
                view! { <When at now/> }.into_any(),
            ])
            .to(format!("/receipts/{}", receipt.id))
        })
        .collect();
    view! { <Card title="Results" inset=Inset::Flush><Table caption="Results of re-authentications" columns rows/></Card> }.into_any()
}

/// A verdict as a chip.
pub(crate) fn verdict_chip(verdict: Verdict) -> AnyView {
    let (tone, icon) = match verdict {
        Verdict::Fresh => (Tone::Good, Glyph::Check),
        Verdict::Stale | Verdict::WrongUser | Verdict::Malformed => (Tone::Danger, Glyph::Cross),
        Verdict::Unprovable | Verdict::WeakContext => (Tone::Caution, Glyph::Question),
        Verdict::Cancelled => (Tone::Neutral, Glyph::Info),
    };
    view! { <Chip tone icon>{verdict.label()}</Chip> }.into_any()
}

fn settings(provider: &Provider, callback: &str) -> AnyView {
    let secret = if provider.secret_is_set {
        "Set, stored sealed"
    } else {
        "Not set"
    };
    let domains = (!provider.domains.is_empty()).then(|| provider.domains.join(", "));
    let items = vec![
        KeyValue::new("Kind", "OpenID Connect"),
        KeyValue::new("System", provider.vendor.label()),
        KeyValue::maybe(
            "Client ID",
            provider.setting("client_id").map(str::to_owned),
        ),
        KeyValue::new("Client secret", secret),
        KeyValue::maybe("Scopes", provider.setting("scopes").map(str::to_owned)),
        KeyValue::maybe("E-mail domains", domains),
    ];
    let callback = callback.to_owned();
    let announced = callback.replace("/callback", "/backchannel");
    view! { <Card title="Settings"><KeyValues items/><p class="muted">"Redirect address"</p><CopyText value=callback label="redirect address"/><p class="muted">"Back-channel logout address: a sign-out there ends the sessions here"</p><CopyText value=announced label="back-channel logout address"/></Card> }.into_any()
}

fn rules(provider: &Provider, manages: bool) -> AnyView {
    use muster_domain::jit::Create;
    let create = match provider.jit.create {
        Create::Everybody => "Everybody it lets in",
        Create::OnlyDomains => "Only verified addresses of its domains",
        Create::Nobody => "Nobody: users must exist and be linked",
    };
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let items = vec![
        KeyValue::new("Created at sign-in", create),
        KeyValue::new("Username from", provider.jit.username_claim.clone()),
        KeyValue::maybe("Managed groups", list(&provider.jit.managed_groups)),
        KeyValue::maybe("Default groups", list(&provider.jit.default_groups)),
    ];
    let edit = manages.then(|| {
        let href = format!("/providers/{}/rules", provider.slug);
        view! { <div class="actions"><LinkButton href icon=Glyph::Edit>"Edit rules"</LinkButton></div> }
    });
    view! { <Card title="Accounts at sign-in"><KeyValues items/>{edit}</Card> }.into_any()
}

fn danger(provider: &Provider, through: u64, refused: Option<&Error>) -> AnyView {
    let slug = &provider.slug;
    let switch = if provider.enabled {
        view! { <PostButton action=format!("/providers/{slug}/disable") icon=Glyph::Lock>"Switch off"</PostButton> }.into_any()
    } else {
        view! { <PostButton action=format!("/providers/{slug}/enable") icon=Glyph::Unlock>"Switch on"</PostButton> }.into_any()
    };
    let remove = format!("/providers/{slug}/remove");
    let refused = refused.map(shut_out);
    view! {
        <Card title="Switch off or remove">
            <p class="muted">"Switched off, nobody can sign in through it. Removing it also removes which identities belong to whom."</p>
            <p class="muted">{ends(through)}</p>
            {refused}
            <div class="actions">{switch}<LinkButton href=remove look=Look::Danger icon=Glyph::Bin>"Remove provider"</LinkButton></div>
        </Card>
    }
    .into_any()
}

/// What would be refused, said before it is asked for.
fn shut_out(refused: &Error) -> AnyView {
    let title = format!("Neither would be accepted now. {}", refused.public);
    let (code, next) = (refused.code, refused.next.as_ref().map(ToString::to_string));
    view! { <Callout tone=Tone::Caution title><p>{next} " " <code>{code}</code></p></Callout> }
        .into_any()
}

/// What switching off and removing end.
fn ends(through: u64) -> String {
    let sessions = counted(through, "session", "sessions");
    format!(
        "Either ends whatever signed in through it, now {sessions}, and every secure session that was proven at it."
    )
}

/// Switches it on.
///
/// # Errors
/// Without permission.
pub async fn enable(visit: Visit, Path(slug): Path<String>) -> Answer {
    switch(&visit, &slug, Enabled::Yes).await
}

/// Switches it off.
///
/// # Errors
/// Without permission.
pub async fn disable(visit: Visit, Path(slug): Path<String>) -> Answer {
    switch(&visit, &slug, Enabled::No).await
}

async fn switch(visit: &Visit, slug: &str, enabled: Enabled) -> Answer {
    let elevated = visit.call.elevated()?;
    let provider =
        providers::set_enabled(&visit.services, &visit.call, &elevated, slug, enabled).await?;
    if enabled == Enabled::No && came_through(&visit.call, provider.id) {
        return Ok(Redirect::to("/signin").into_response());
    }
    let words = match enabled {
        Enabled::Yes => format!("People can sign in through {} again.", provider.name),
        Enabled::No => format!(
            "Signing in through {} is switched off. Sessions that came by it are over.",
            provider.name
        ),
    };
    visit.done(&format!("/providers/{slug}"), &words).await
}

/// Says what removing it means.
///
/// # Errors
/// Without permission.
pub async fn confirm_remove(visit: Visit, Path(slug): Path<String>) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let through = providers::sessions_through(&visit.services, &visit.call, provider.id).await?;
    let own = came_through(&visit.call, provider.id)
        .then_some("You signed in through it yourself: you are signed out too. ");
    let linked = providers::identities(&visit.services, &visit.call, provider.id).await?;
    let refused = providers::shuts_out(&visit.services, &visit.call, provider.id).await?;
    visit
        .console("Remove provider", "/providers", move || {
            let crumbs = vec![Crumb::new("/providers", "Identity providers"), Crumb::new(format!("/providers/{slug}"), provider.name.clone())];
            let sentence = format!("{linked} identities are tied to users through {}. They are untied; users, groups and accounts stay.", provider.name);
            view! {
                <Page title=format!("Remove {}", provider.name) crumbs>
                    {refused.as_ref().map(shut_out)}
                    <Card>
                        <p>{sentence}</p>
                        <p>{own} {ends(through)}</p>
                        <p>"Who has no other way to sign in cannot sign in any more. The activity log keeps the settings, not the secret."</p>
                        <div class="actions">
                            <PostButton action=format!("/providers/{slug}/remove") look=Look::Removing icon=Glyph::Bin>{format!("Remove {}", provider.name)}</PostButton>
                            <LinkButton href=format!("/providers/{slug}")>"Keep it"</LinkButton>
                        </div>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// Removes it.
///
/// # Errors
/// Without permission.
pub async fn remove(visit: Visit, Path(slug): Path<String>) -> Answer {
    let elevated = visit.call.elevated()?;
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    providers::remove(&visit.services, &visit.call, &elevated, &slug).await?;
    if came_through(&visit.call, provider.id) {
        return Ok(Redirect::to("/signin").into_response());
    }
    visit.done("/providers", "The provider is removed.").await
}

/// Whether the caller's own session ends with the provider.
fn came_through(call: &Call, provider: ProviderId) -> bool {
    call.session().is_some_and(
        |session| matches!(session.means, Means::Provider { provider: through, .. } if through == provider),
    )
}
