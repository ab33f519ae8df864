//! What happens if somebody signs in now through a provider, and why: decided by the very functions that decide at a
//! sign-in, from claims that were recorded or pasted, in a transaction that is taken back. Nothing is written.

mod replay;

use chrono::{DateTime, Utc};
use muster_domain::claims::Claims;
use muster_domain::jit::{Arrival, Decision, Outcome};
use muster_domain::listing::Direction;
use muster_domain::provider::Provider;
use muster_domain::role::{Permission, Role};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::sign_ins::{self, SignIn, SignInFilter};
use muster_storage::{Paging, Tx, groups, providers as rows, subjects, users};

use crate::roundtrip::switched_off;
use crate::signin::{Admitted, admit};
use crate::{Call, Services, arrival, providers, roles};

pub use replay::{Replay, Replayed, replay};

/// Longest text of pasted claims, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// Whose sign-in it is.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// That of the person of this username, as their provider described them last.
    Person(&'a str),
    /// That of whoever these claims describe: a JSON object.
    Claims(&'a str),
}

/// A sign-in that nobody made.
#[derive(Clone, PartialEq, Debug)]
pub struct Simulated {
    /// The provider's name.
    pub provider: String,
    /// Its word in addresses.
    pub slug: String,
    /// The issuer that would answer.
    pub issuer: String,
    /// The subject it would name.
    pub subject: String,
    /// What it would say.
    pub claims: Claims,
    /// When the provider said that; none: it was pasted.
    pub recorded_at: Option<DateTime<Utc>>,
    /// Who would be in, if anybody, with the roles they would hold.
    pub admitted: Option<(User, Vec<Role>)>,
    /// What else stands in the way: why, in a sentence, and its code.
    pub obstacle: Option<(String, &'static str)>,
    /// What the rules decide.
    pub decision: Decision,
    /// Groups that the claims would end and that stay, so that somebody is left who gets in; and why.
    pub kept: Option<(Vec<String>, String)>,
}

impl Simulated {
    /// Whether somebody would be in.
    #[must_use]
    pub const fn lets_in(&self) -> bool {
        self.admitted.is_some() && self.obstacle.is_none()
    }
}

/// Names of the providers that can be chosen: word in addresses, name.
///
/// # Errors
/// Without permission.
pub async fn choices(services: &Services, call: &Call) -> Result<Vec<(String, String)>, Error> {
    may(call)?;
    let all = rows::list(services.db()).await?;
    Ok(all
        .into_iter()
        .map(|provider| (provider.slug, provider.name))
        .collect())
}

fn may(call: &Call) -> Result<(), Error> {
    call.may(Permission::ViewProviders)?;
    call.may(Permission::ViewPeople)
}

/// Simulates a sign-in. Changes nothing.
///
/// # Errors
/// Without permission, for an unknown provider, and with messages beside the fields `person` and `claims`.
pub async fn simulate(
    services: &Services,
    call: &Call,
    slug: &str,
    whose: Whose<'_>,
) -> Result<Simulated, Error> {
    may(call)?;
    let provider = providers::find(services, slug).await?;
    let stated = match whose {
        Whose::Person(username) => recorded(services, &provider, username).await?,
        Whose::Claims(text) => pasted(&provider, text)?,
    };
    let arrival = Arrival {
        provider: &provider,
        issuer: &stated.issuer,
        subject: &stated.subject,
        claims: &stated.claims,
    };
    let tx = services.db().begin().await?;
    let decision = arrival::decide_by(services, &tx, &arrival, &provider.jit).await?;
    let obstacle = (!provider.enabled).then(|| switched_off(&provider));
    let mut simulated = Simulated {
        provider: provider.name.clone(),
        slug: provider.slug.clone(),
        issuer: stated.issuer.clone(),
        subject: stated.subject.clone(),
        claims: stated.claims.clone(),
        recorded_at: stated.at,
        admitted: None,
        obstacle: obstacle.map(|error| (error.public.to_string(), error.code)),
        decision,
        kept: None,
    };
    if matches!(simulated.decision.outcome, Outcome::Refused(_)) {
        tx.rollback().await?;
        return Ok(simulated);
    }
    match admit(services, call, tx, simulated.decision.clone()).await {
        Ok(admitted) => take_back(admitted, &mut simulated).await?,
        // What the door refuses a sign-in, it refuses this one.
        Err(error) if error.kind == Kind::Unavailable => return Err(error),
        Err(error) => simulated.obstacle = Some((error.public.to_string(), error.code)),
    }
    Ok(simulated)
}

/// Looks at what came of it, and takes it back.
async fn take_back(admitted: Admitted, simulated: &mut Simulated) -> Result<(), Error> {
    let Admitted {
        tx,
        decision,
        kept,
        user,
        ..
    } = admitted;
    let looked = look(&tx, &user, kept).await;
    tx.rollback().await?;
    let (roles, kept) = looked?;
    simulated.decision = decision;
    simulated.admitted = Some((user, roles));
    simulated.kept = kept;
    Ok(())
}

type Kept = Option<(Vec<String>, String)>;

async fn look(
    tx: &Tx,
    user: &User,
    kept: Option<(
        std::collections::BTreeSet<muster_domain::id::GroupId>,
        Error,
    )>,
) -> Result<(Vec<Role>, Kept), Error> {
    let roles = roles::standing(tx).await?.roles_of(user.id);
    let kept = match kept {
        None => None,
        Some((ids, why)) => {
            let ids: Vec<_> = ids.into_iter().collect();
            let groups = groups::get_many(tx, &ids).await?;
            let names = groups.into_iter().map(|group| group.name).collect();
            Some((names, why.public.to_string()))
        }
    };
    Ok((roles, kept))
}

/// What a provider states.
struct Stated {
    issuer: String,
    subject: String,
    claims: Claims,
    at: Option<DateTime<Utc>>,
}

/// Whom a kept sign-in was about: the issuer and the subject.
fn identity(row: &SignIn) -> Option<(String, String)> {
    let evidence = row.evidence.as_ref()?;
    let text = |name: &str| Some(evidence.get(name)?.as_str()?.to_owned());
    Some((text("issuer")?, text("subject")?))
}

async fn recorded(
    services: &Services,
    provider: &Provider,
    username: &str,
) -> Result<Stated, Error> {
    let beside = |message: String| Error::form(Vec::new()).field("person", message);
    let username = username.trim();
    if username.is_empty() {
        return Err(beside("Enter a username, or paste claims.".to_owned()));
    }
    let user = users::by_username(services.db(), username)
        .await?
        .ok_or_else(|| beside("There is nobody of that username here.".to_owned()))?;
    let linked = subjects::of_user(services.db(), user.id).await?;
    if !linked.iter().any(|subject| subject.provider == provider.id) {
        let message = format!(
            "{} is not linked to {}. Paste the claims that it would state.",
            user.username, provider.name
        );
        return Err(beside(message));
    }
    let filter = SignInFilter {
        provider: Some(provider.id),
        user: Some(user.id),
        outcome: None,
    };
    let paging = Paging {
        direction: Direction::Desc,
        rows: 20,
        ..Paging::default()
    };
    let page = sign_ins::list(services.db(), &filter, &paging).await?;
    let last = page.rows.into_iter().find_map(|row| {
        let (issuer, subject) = identity(&row)?;
        Some(Stated {
            issuer,
            subject,
            at: Some(row.at),
            claims: row.claims?,
        })
    });
    last.ok_or_else(|| {
        beside(format!(
            "No sign-in of {} through {} is recorded. Paste the claims that it would state.",
            user.username, provider.name
        ))
    })
}

fn pasted(provider: &Provider, text: &str) -> Result<Stated, Error> {
    let beside = |message: String| Error::form(Vec::new()).field("claims", message);
    if text.len() > LONGEST {
        return Err(beside(format!("At most {LONGEST} bytes are read.")));
    }
    let claims: Claims = serde_json::from_str(text).map_err(|error| {
        beside(format!(
            "This is no JSON object: line {}, character {}.",
            error.line(),
            error.column()
        ))
    })?;
    let subject = claims
        .text("sub")
        .ok_or_else(|| beside("“sub” is missing: the claim that says who it is.".to_owned()))?;
    let issuer = claims
        .text("iss")
        .or_else(|| provider.settings.get("issuer").map(String::as_str))
        .unwrap_or_default();
    Ok(Stated {
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
        claims: claims.clone(),
        at: None,
    })
}
