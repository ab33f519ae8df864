//! Signing in through an identity provider.

use std::collections::BTreeSet;

use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::evidence::AuthEvidence;
use muster_domain::id::{GroupId, SignInId};
use muster_domain::jit::{Decision, Outcome, Refusal};
use muster_domain::opener::Openers;
use muster_domain::protocol::Returned;
use muster_domain::provider::Provider;
use muster_domain::session::{Means, SessionKey};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::challenges::ChallengeKind;
use muster_storage::sign_ins::{self, Outcome as Ended};
use muster_storage::{Tx, groups, providers as rows, subjects, users};
use serde_json::json;
use url::Url;

use crate::attempt::{asked_at, leave, provider_error, record};
use crate::reauth::{self, Seen};
use crate::refusals::{self, Concerns};
use crate::roundtrip::{Back, End, arrive, connection};
use crate::sync::at_sign_in::{self, Brought};
use crate::{Call, Services, arrival, break_glass, lockout, providers, provisioning, site, trial};

/// A way to sign in, as the sign-in page shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Short name in addresses.
    pub slug: String,
    /// The name people read.
    pub name: String,
}

/// The providers people can sign in through, by name.
///
/// # Errors
/// When the database cannot be read.
pub async fn ways(services: &Services) -> Result<Vec<Way>, Error> {
    let all = rows::list(services.db()).await?;
    Ok(all
        .into_iter()
        .filter(|provider| provider.enabled)
        .map(|p| Way {
            slug: p.slug,
            name: p.name,
        })
        .collect())
}

/// The provider that an e-mail address is routed to, by its domain.
///
/// # Errors
/// When the database cannot be read.
pub async fn route(services: &Services, typed: &str) -> Result<Option<Way>, Error> {
    let Some((_, domain)) = typed.trim().rsplit_once('@') else {
        return Ok(None);
    };
    let domain = domain.to_lowercase();
    let all = rows::list(services.db()).await?;
    let found = all
        .into_iter()
        .find(|provider| provider.enabled && provider.domains.contains(&domain));
    Ok(found.map(|provider| Way {
        slug: provider.slug,
        name: provider.name,
    }))
}

/// Begins a sign-in. Tells where to send the browser.
///
/// # Errors
/// `WEB-404`, or when the provider cannot be asked.
pub async fn begin(
    services: &Services,
    call: &Call,
    slug: &str,
    browser: SessionKey,
    return_to: &str,
    login_hint: Option<&str>,
) -> Result<Url, Error> {
    let provider = providers::find(services, slug).await?;
    let hint = login_hint.map(str::trim).filter(|hint| {
        !hint.is_empty() && hint.len() <= 254 && !hint.chars().any(char::is_control)
    });
    leave(
        services,
        call,
        &provider,
        ChallengeKind::SignIn,
        browser,
        return_to,
        hint.map(str::to_owned),
    )
    .await
}

/// What an answer that came back led to.
#[derive(Debug)]
pub enum Arrived {
    /// Somebody signs in.
    SignedIn {
        /// Who.
        user: Box<User>,
        /// By what means.
        means: Means,
        /// Who else could have come in so.
        opened_by: Openers,
        /// Where they wanted to go.
        return_to: String,
        /// The id of the session at the provider, if it stated one: a sign-out there may name it.
        sid: Option<String>,
    },
    /// A test came back.
    Tested {
        /// Its kept report.
        report: SignInId,
        /// Whom the provider named, if the answer held.
        seen: Option<Seen>,
    },
    /// A re-authentication went on.
    Reauth {
        /// What it led to.
        outcome: reauth::Outcome,
        /// The id that the session at the provider has now, for the session here that came by it.
        sid: Option<String>,
    },
}

/// Takes an answer that a browser brought from a provider.
///
/// # Errors
/// With a stable code for everything about it that does not hold; then no session and no row is made.
pub async fn complete(
    services: &Services,
    call: &Call,
    slug: &str,
    browser: Option<&SessionKey>,
    returned: &Returned,
) -> Result<Arrived, Error> {
    let back = match arrive(services, slug, browser, returned).await {
        Ok(back) => back,
        Err(error) => return Err(refused(services, call, slug, error).await),
    };
    match back.challenge.kind {
        ChallengeKind::Reauth => {
            let sid = reauth::learnt_sid(call, &back);
            match reauth::arrived(services, call, back).await {
                Ok(outcome) => Ok(Arrived::Reauth { outcome, sid }),
                Err(error) => Err(refused(services, call, slug, error).await),
            }
        }
        ChallengeKind::Test | ChallengeKind::Link => {
            let trial::Tested { report, seen } = trial::tested(services, call, back).await?;
            Ok(Arrived::Tested { report, seen })
        }
        ChallengeKind::SignIn => match signed_in(services, call, &back).await {
            Ok(arrived) => Ok(arrived),
            Err(error) => Err(refused(services, call, &back.provider.slug, error).await),
        },
    }
}

/// Puts a refused sign-in on record and hands the error on.
async fn refused(services: &Services, call: &Call, slug: &str, error: Error) -> Error {
    if error.kind == Kind::Unavailable {
        return error;
    }
    let target: String = slug.chars().filter(|c| !c.is_control()).take(60).collect();
    let event = call.event(
        "signin.refused",
        &target,
        None,
        json!({"code": error.code, "why": error.public}),
    );
    let kept = refusals::put(services, call, Concerns::of(call), event).await;
    kept.err().unwrap_or(error)
}

async fn signed_in(services: &Services, call: &Call, back: &Back) -> Result<Arrived, Error> {
    let provider = &back.provider;
    let evidence = match &back.end {
        Ok(End::Answered(evidence)) => evidence,
        Ok(End::Refused { error, description }) => {
            return Err(provider_error(provider, error, description.as_deref()));
        }
        Err(error) => return Err(error.clone()),
    };
    let brought = brought(services, call, provider, evidence).await?;
    let tx = services.db().begin().await?;
    let mut decision = arrival::decide(services, &tx, provider, evidence).await?;
    if let (Some(by), Some(user)) = (brought.off, decision.outcome.user()) {
        decision.outcome = Outcome::Refused(Refusal::Deactivated {
            user,
            username: decision.username.clone().unwrap_or_default(),
            by,
        });
    }
    if let Outcome::Refused(refusal) = &decision.outcome {
        tx.rollback().await?;
        keep_refused(services, call, provider, evidence, &decision).await?;
        return Err(refusal.to_error());
    }
    let admitted = admit(services, call, tx, decision).await?;
    let Admitted {
        tx,
        decision,
        mut events,
        kept,
        user,
    } = admitted;
    if let Some((groups, refused)) = &kept {
        events.push(kept_event(call, provider, &tx, groups, refused).await?);
    }
    let (issuer, subject) = (evidence.issuer(), evidence.subject());
    let identity = subjects::find(&tx, provider.id, issuer, subject).await?;
    let opened_by = identity.map(|known| known.opened_by).unwrap_or_default();
    users::touch_sign_in(&tx, user.id, call.at).await?;
    subjects::touch(&tx, provider.id, issuer, subject, call.at).await?;
    let mut row = record(
        services,
        call,
        provider,
        evidence,
        &decision,
        Ended::SignedIn,
        Some(&user),
    );
    row.notes.extend(brought.notes);
    sign_ins::insert(&tx, &asked_at(row, back.challenge.asked_at, evidence)).await?;
    let detail = json!({"provider": provider.name, "changes": decision.changes.len(), "auth_time": evidence.stated().instant()});
    let mut event = call.event("signin.provider", &user.username, Some(user.id.0), detail);
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    events.push(event);
    if user.break_glass {
        events.push(break_glass::used(services, call, &tx, &user).await?);
    }
    tx.commit(&events).await?;
    let means = Means::Provider {
        provider: provider.id,
        issuer: evidence.issuer().to_owned(),
        subject: evidence.subject().to_owned(),
        stated: evidence.stated().instant(),
    };
    Ok(Arrived::SignedIn {
        user: Box::new(user),
        means,
        opened_by,
        return_to: back.challenge.return_to.clone(),
        sid: reauth::sid_of(evidence),
    })
}

/// Brings whoever arrives up to date, where a directory of theirs wants that.
async fn brought(
    services: &Services,
    call: &Call,
    provider: &Provider,
    evidence: &AuthEvidence,
) -> Result<Brought, Error> {
    if !at_sign_in::is_wanted(services).await? {
        return Ok(Brought::default());
    }
    let decision = arrival::decide(services, services.db(), provider, evidence).await?;
    match decision.outcome.user() {
        Some(user) => at_sign_in::bring(services, call, user).await,
        None => Ok(Brought::default()),
    }
}

/// A decision whose changes were made, in a transaction that is not committed yet.
pub(crate) struct Admitted {
    /// The transaction.
    pub tx: Tx,
    /// The decision, with the changes that were made.
    pub decision: Decision,
    /// What goes on record of them.
    pub events: Vec<AuditEvent>,
    /// Groups that somebody stays in although the claims say otherwise, and why.
    pub kept: Option<(BTreeSet<GroupId>, Error)>,
    /// Who is in.
    pub user: User,
}

/// Makes the changes of a decision that lets somebody in. A sign-in commits them, the simulator does not.
pub(crate) async fn admit(
    services: &Services,
    call: &Call,
    mut tx: Tx,
    mut decision: Decision,
) -> Result<Admitted, Error> {
    let ends = |change: &Change| matches!(change.action, Action::RemoveMember { .. });
    let before = match decision.changes.iter().any(ends) {
        true => Some(lockout::before(services, &tx).await?),
        false => None,
    };
    let mut events = provisioning::apply(services, call, &tx, &decision.changes).await?;
    let mut stays = None;
    if let Some(before) = before
        && let Err(refused) = before.holds(&tx).await
    {
        // Claims end no membership that the last way in rests on: everything else of the sign-in happens.
        tx.rollback().await?;
        tx = services.db().begin().await?;
        let again = lockout::before(services, &tx).await?;
        let (rest, kept) = lockout::without_ends(&decision.changes, again.standing());
        decision.changes = rest;
        events = provisioning::apply(services, call, &tx, &decision.changes).await?;
        again.holds(&tx).await?;
        stays = Some((kept, refused));
    }
    let user = user_of(&tx, &decision).await?;
    Ok(Admitted {
        tx,
        decision,
        events,
        kept: stays,
        user,
    })
}

/// What goes on record about memberships that the claims would have ended.
async fn kept_event(
    call: &Call,
    provider: &Provider,
    tx: &Tx,
    kept: &BTreeSet<GroupId>,
    refused: &Error,
) -> Result<AuditEvent, Error> {
    let ids: Vec<GroupId> = kept.iter().copied().collect();
    let groups = groups::get_many(tx, &ids).await?;
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let detail = json!({
        "provider": provider.name, "groups": names, "code": refused.code, "why": refused.public,
    });
    Ok(call.event("group.member.kept", &names.join(", "), None, detail))
}

async fn user_of(tx: &Tx, decision: &Decision) -> Result<User, Error> {
    let id = decision
        .outcome
        .user()
        .ok_or_else(|| Error::not_found("user"))?;
    users::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

async fn keep_refused(
    services: &Services,
    call: &Call,
    provider: &Provider,
    evidence: &AuthEvidence,
    decision: &Decision,
) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    sign_ins::insert(
        &tx,
        &record(
            services,
            call,
            provider,
            evidence,
            decision,
            Ended::Refused,
            None,
        ),
    )
    .await?;
    tx.commit_quiet(muster_storage::Quiet::SignInPending).await
}

/// Where to send the browser after signing out, so that the provider's session ends too, if it offers that.
///
/// # Errors
/// When the database cannot be read.
pub async fn sign_out_at_provider(
    services: &Services,
    call: &Call,
) -> Result<Option<(Url, String)>, Error> {
    let Some(Means::Provider { provider, .. }) = call.session().map(|session| &session.means)
    else {
        return Ok(None);
    };
    let Some(provider) = rows::get(services.db(), *provider).await? else {
        return Ok(None);
    };
    let kind = services.kind(&provider.kind)?;
    let secret = providers::secret(services, provider.id).await?;
    let connection = connection(services, &provider, secret.as_ref()).await?;
    let back = site::join(&site::url(services).await?, "signedout")?;
    Ok(kind
        .sign_out(&connection, &back)
        .await
        .map(|url| (url, provider.name.clone())))
}

/// Puts on record that the caller signs out.
///
/// # Errors
/// When the database cannot be written.
pub async fn signed_out(services: &Services, call: &Call) -> Result<(), Error> {
    let person = call.signed_in()?;
    services
        .db()
        .begin()
        .await?
        .commit(&[call.event(
            "signout",
            &person.user.username,
            Some(person.user.id.0),
            json!({}),
        )])
        .await
}
