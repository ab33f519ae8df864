//! Test sign-in: what a provider says about a person and what Muster would make of it, without signing anybody in.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::evidence::{AuthEvidence, StatedTime};
use muster_domain::id::SignInId;
use muster_domain::jit::{Decision, Outcome};
use muster_domain::provider::Provider;
use muster_domain::reauth::Sent;
use muster_domain::role::Permission;
use muster_domain::session::{ElevatedSession, SessionKey};
use muster_domain::{Error, Kind};
use muster_storage::challenges::ChallengeKind;
pub use muster_storage::sign_ins::SignIn as Kept;
use muster_storage::sign_ins::{self, Outcome as Ended};
use muster_storage::{Quiet, providers as rows, subjects, test_links};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::attempt::{bare, leave, provider_error, record};
use crate::digest::sha256_hex;
use crate::reauth::Seen;
use crate::roundtrip::{Back, End, WAITS};
use crate::{Call, Services, arrival, guard, providers, provisioning, site};

/// Who may test a sign-in.
#[derive(Clone, Copy, Debug)]
pub enum Ticket<'a> {
    /// Somebody who may manage providers.
    Permission,
    /// Whoever was given an expiring link; its token.
    Link(&'a str),
}

/// Begins a test sign-in: it makes no session and no user.
///
/// # Errors
/// Without permission or with an expired link.
pub async fn begin_test(
    services: &Services,
    call: &Call,
    slug: &str,
    browser: SessionKey,
    ticket: Ticket<'_>,
) -> Result<Url, Error> {
    let provider = may_test(services, call, slug, ticket).await?;
    if let Ticket::Link(token) = ticket {
        let tx = services.db().begin().await?;
        if let Some(link) = test_links::find(&tx, &sha256_hex(token), call.at).await? {
            test_links::use_once(&tx, link.id).await?;
        }
        tx.commit_quiet(Quiet::Counted).await?;
    }
    leave(
        services,
        call,
        &provider,
        ChallengeKind::Test,
        browser,
        "/",
        None,
    )
    .await
}

/// The provider, if the caller may test a sign-in through it.
///
/// # Errors
/// Without permission or with an expired link.
pub async fn may_test(
    services: &Services,
    call: &Call,
    slug: &str,
    ticket: Ticket<'_>,
) -> Result<Provider, Error> {
    let provider = providers::find(services, slug).await?;
    match ticket {
        Ticket::Permission => call.may(Permission::ManageProviders)?,
        Ticket::Link(token) => {
            let link = test_links::find(services.db(), &sha256_hex(token), call.at).await?;
            if link.is_none_or(|link| link.provider != provider.id) {
                return Err(Error::new(
                    "TST-001",
                    Kind::NotFound,
                    "This test link is no longer valid.",
                )
                .next("Ask whoever sent it for a new one."));
            }
        }
    }
    Ok(provider)
}

/// Makes a link with which somebody without an account can test a sign-in for a day. Only its hash is kept. Its reports
/// tell a stranger whom an identity would match, so making one takes a secure session.
///
/// # Errors
/// Without permission or presence.
pub async fn make_test_link(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
) -> Result<Url, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let provider = providers::find(services, slug).await?;
    let token = services.token();
    let link = test_links::TestLink {
        id: services.id(),
        token_hash: sha256_hex(&token),
        provider: provider.id,
        created_by: call.actor().to_owned(),
        created_at: call.at,
        expires_at: call.at + chrono::TimeDelta::hours(24),
        used: 0,
    };
    let tx = services.db().begin().await?;
    test_links::insert(&tx, &link).await?;
    tx.commit(&[call.event(
        "provider.test_link",
        &provider.name,
        Some(provider.id.0),
        json!({"expires_at": link.expires_at, "elevation": elevated.id()}),
    )])
    .await?;
    site::join(
        &site::url(services).await?,
        &format!("signin/{slug}/test?link={token}"),
    )
}

/// A kept test, as its page shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Whether the answer held.
    pub held: bool,
    /// What would happen and why, a sentence each; or why it did not hold.
    pub told: Vec<String>,
    /// Stable code, if it did not hold.
    pub code: Option<String>,
    /// What to do next, if something is to be done.
    pub next: Option<String>,
    /// The groups and what would become of each.
    pub groups: Vec<(String, String)>,
    /// Issuer that answered.
    pub issuer: Option<String>,
    /// Subject it named.
    pub subject: Option<String>,
    /// The stated time of authentication.
    pub stated: StatedTime,
    /// When the answer was made, by the provider's clock, and how far that is ahead of ours in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods.
    pub amr: Vec<String>,
    /// Whom it matches: the username.
    pub matches: Option<String>,
    /// Whom it would create: the username.
    pub creates: Option<String>,
    /// What was sent.
    #[serde(default)]
    pub sent: Sent,
}

/// What a test led to.
pub(crate) struct Tested {
    /// Its kept report.
    pub report: SignInId,
    /// Whom the provider named, if the answer held.
    pub seen: Option<Seen>,
}

pub(crate) async fn tested(services: &Services, call: &Call, back: Back) -> Result<Tested, Error> {
    let provider = &back.provider;
    let (report, evidence, decision) = match &back.end {
        Ok(End::Answered(evidence)) => {
            let decision = arrival::decide(services, services.db(), provider, evidence).await?;
            (
                report_of(evidence, &decision),
                Some(evidence),
                Some(decision),
            )
        }
        Ok(End::Refused { error, description }) => (
            report_of_failure(&provider_error(provider, error, description.as_deref())),
            None,
            None,
        ),
        Err(error) if error.kind == Kind::Unavailable => return Err(error.clone()),
        Err(error) => (report_of_failure(error), None, None),
    };
    let report = Report {
        sent: back.challenge.sent.clone(),
        ..report
    };
    let mut row = match (evidence, &decision) {
        (Some(evidence), Some(decision)) => record(
            services,
            call,
            provider,
            evidence,
            decision,
            Ended::Tested,
            None,
        ),
        _ => bare(services, call, provider, Ended::Tested),
    };
    row.notes.clone_from(&report.told);
    row.evidence = Some(json!(report));
    row.user = back.challenge.user;
    let tx = services.db().begin().await?;
    sign_ins::insert(&tx, &row).await?;
    let detail = json!({"held": report.held, "code": report.code, "report": row.id});
    tx.commit(&[call.event("signin.test", &provider.name, Some(provider.id.0), detail)])
        .await?;
    let seen = evidence.map(|evidence| Seen {
        provider: provider.id,
        issuer: evidence.issuer().to_owned(),
        subject: evidence.subject().to_owned(),
        stated: evidence.stated().instant(),
    });
    Ok(Tested {
        report: row.id,
        seen,
    })
}

fn report_of(evidence: &AuthEvidence, decision: &Decision) -> Report {
    Report {
        held: !matches!(decision.outcome, Outcome::Refused(_)),
        told: decision.explain(),
        code: match &decision.outcome {
            Outcome::Refused(refusal) => Some(refusal.code().to_owned()),
            _ => None,
        },
        next: None,
        groups: decision
            .groups
            .iter()
            .map(|step| (step.name.clone(), step.words()))
            .collect(),
        issuer: Some(evidence.issuer().to_owned()),
        subject: Some(evidence.subject().to_owned()),
        stated: evidence.stated().clone(),
        clock_ahead_ms: Some(evidence.clock_ahead().num_milliseconds()),
        acr: evidence.acr().map(str::to_owned),
        amr: evidence.amr().to_vec(),
        matches: matches!(decision.outcome, Outcome::SignIn(_))
            .then(|| decision.username.clone())
            .flatten(),
        creates: matches!(decision.outcome, Outcome::Create(_))
            .then(|| decision.username.clone())
            .flatten(),
        sent: Sent::default(),
    }
}

fn report_of_failure(error: &Error) -> Report {
    Report {
        held: false,
        told: vec![error.public.to_string()],
        code: Some(error.code.to_owned()),
        next: error.next.as_ref().map(ToString::to_string),
        groups: Vec::new(),
        issuer: None,
        subject: None,
        stated: StatedTime::Absent,
        clock_ahead_ms: None,
        acr: None,
        amr: Vec::new(),
        matches: None,
        creates: None,
        sent: Sent::default(),
    }
}

/// A kept test report with the claims it rests on. `own` are the reports this browser made.
///
/// # Errors
/// `WEB-404` when there is none, or it is neither the browser's own nor the caller may manage providers; `ELV-001` where
/// policy asks for a secure session to look at those of others.
pub async fn report(
    services: &Services,
    call: &Call,
    id: SignInId,
    own: &[SignInId],
) -> Result<(Provider, Kept, Report), Error> {
    let missing = || Error::not_found("test result");
    if !own.contains(&id) {
        if !call.can(Permission::ManageProviders) {
            return Err(missing());
        }
        call.may(Permission::ManageProviders)?;
    }
    let row = sign_ins::get(services.db(), id)
        .await?
        .filter(|row| row.outcome == Ended::Tested)
        .ok_or_else(missing)?;
    let provider = match row.provider {
        Some(provider) => rows::get(services.db(), provider)
            .await?
            .ok_or_else(missing)?,
        None => return Err(missing()),
    };
    let report = serde_json::from_value(row.evidence.clone().unwrap_or_default())
        .map_err(|error| missing().internal(error))?;
    Ok((provider, row, report))
}

/// Links the identity that this browser's own test sign-in showed to the signed-in person: explicit, elevated, on record.
///
/// # Errors
/// `LNK-001` when the test is not this browser's own or did not hold; a conflict when the identity is linked already.
pub async fn link_tested(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: SignInId,
    own: &[SignInId],
) -> Result<Provider, Error> {
    guard::present(call, Some(elevated))?;
    let person = call.signed_in()?;
    let refuse = || {
        Error::new(
            "LNK-001",
            Kind::Forbidden,
            "Only an identity that you just signed in with yourself can be linked to you.",
        )
        .next("Make the test sign-in again in this browser, then link it.")
    };
    if !own.contains(&id) {
        return Err(refuse());
    }
    let (provider, row, report) = report(services, call, id, own).await?;
    if call.at - row.at > WAITS || row.user.is_some_and(|tester| tester != person.user.id) {
        return Err(refuse());
    }
    let (Some(issuer), Some(subject)) = (report.issuer, report.subject) else {
        return Err(refuse());
    };
    if let Some(linked) = subjects::find(services.db(), provider.id, &issuer, &subject).await? {
        if linked.user == person.user.id {
            return Ok(provider);
        }
        return Err(Error::new(
            "LNK-002",
            Kind::Conflict,
            "This identity belongs to another user here.",
        )
        .next("An administrator can unlink it there first."));
    }
    let change = Change::new(
        Action::LinkIdentity {
            user: person.user.id,
            provider: provider.id,
            issuer: issuer.clone(),
            subject: subject.clone(),
        },
        Cause::ByHand,
    );
    let tx = services.db().begin().await?;
    let mut events = provisioning::apply(services, call, &tx, &[change]).await?;
    // They came in by it a moment ago, in this browser.
    subjects::touch(&tx, provider.id, &issuer, &subject, row.at).await?;
    events.push(call.event("identity.link", &person.user.username, Some(person.user.id.0), json!({"provider": provider.name, "issuer": issuer, "subject": subject, "elevation": elevated.id()})));
    tx.commit(&events).await?;
    Ok(provider)
}
