//! One round trip to an identity provider: out with a fresh question, back with an answer to exactly that question.
//!
//! Sign-ins, tests, links and re-authentications all come back to one address; what the trip was for is told by the
//! stored question alone, never by anything the browser brings. A question is used once, in the browser session that
//! asked, at the provider that was asked, within ten minutes.

use chrono::TimeDelta;
use muster_domain::evidence::AuthEvidence;
use muster_domain::id::{ChallengeId, UserId};
use muster_domain::protocol::{Ask, Completed, Connection, Pending, Purpose, Returned};
use muster_domain::provider::Provider;
use muster_domain::reauth::Sent;
use muster_domain::session::SessionKey;
use muster_domain::{Error, Kind};
use muster_storage::challenges::{self, ChallengeKind, PendingChallenge, Stage, Taken};
use muster_storage::{Place, Quiet, providers as rows};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::digest::sha256_hex;
use crate::{Call, Services, providers, site};

/// How long a question waits for its answer.
pub(crate) const WAITS: TimeDelta = TimeDelta::seconds(600);

/// What a trip is to carry besides the question itself.
pub(crate) struct Luggage {
    /// What it is for.
    pub trip: ChallengeKind,
    /// What is asked of the provider.
    pub purpose: Purpose,
    /// The browser session that asks.
    pub browser: SessionKey,
    /// The signed-in person, if there is one.
    pub user: Option<UserId>,
    /// Where to go afterwards; a path of this console.
    pub return_to: String,
    /// What the person was about to do, in words.
    pub action: Option<String>,
    /// Anything else to remember.
    pub context: serde_json::Value,
    /// Who is expected.
    pub login_hint: Option<String>,
}

/// Asks: keeps the question and tells where to send the browser.
pub(crate) async fn depart(
    services: &Services,
    call: &Call,
    provider: &Provider,
    luggage: Luggage,
) -> Result<(Url, Sent), Error> {
    if !provider.enabled && luggage.trip == ChallengeKind::SignIn {
        return Err(switched_off(provider));
    }
    let kind = services.kind(&provider.kind)?;
    let (state, nonce, verifier) = (services.token(), services.token(), services.token());
    let secret = providers::secret(services, provider.id).await?;
    let key = providers::request_key::of(services, provider).await?;
    let connection = Connection {
        request_key: key.as_ref(),
        ..connection(services, provider, secret.as_ref()).await?
    };
    let ask = Ask {
        purpose: luggage.purpose,
        state: state.clone(),
        nonce: nonce.clone(),
        verifier: verifier.clone(),
        login_hint: luggage.login_hint,
    };
    let departure = kind.begin(&connection, &ask).await?;
    let id = services.id::<ChallengeId>();
    let asked_at = services.now();
    let seal = |text: &str, column| {
        services
            .sealer()
            .seal(text, place(column, id), services.entropy())
    };
    let challenge = PendingChallenge {
        id,
        state_hash: sha256_hex(&state),
        kind: luggage.trip,
        stage: match luggage.purpose {
            Purpose::SignIn => Stage::Plain,
            Purpose::Control => Stage::Control,
            Purpose::Force => Stage::Force,
        },
        provider: provider.id,
        session: luggage.browser,
        user: luggage.user,
        nonce_sealed: seal(&nonce, "nonce_sealed")?,
        verifier_sealed: seal(&verifier, "verifier_sealed")?,
        sent: departure.sent.clone(),
        context: luggage.context,
        return_to: luggage.return_to,
        action: luggage.action,
        test_link: None,
        created_at: call.at,
        asked_at,
        expires_at: asked_at + WAITS,
        consumed_at: None,
    };
    let tx = services.db().begin().await?;
    challenges::insert(&tx, &challenge).await?;
    tx.commit_quiet(Quiet::SignInPending).await?;
    tracing::debug!(request_id = %call.request_id, provider = %provider.slug, challenge = %id, "browser leaves");
    Ok((departure.to, departure.sent))
}

/// An answer that came back, with the question it belongs to.
pub(crate) struct Back {
    /// The question.
    pub challenge: PendingChallenge,
    /// The provider that was asked.
    pub provider: Provider,
    /// How it ended.
    pub end: Result<End, Error>,
}

/// How a trip ended.
pub(crate) enum End {
    /// With a verified answer.
    Answered(Box<AuthEvidence>),
    /// With the provider's error response.
    Refused {
        /// Its code.
        error: String,
        /// The provider's own words.
        description: Option<String>,
    },
}

/// Takes the question this answer belongs to (once) and verifies the answer.
pub(crate) async fn arrive(
    services: &Services,
    slug: &str,
    browser: Option<&SessionKey>,
    returned: &Returned,
) -> Result<Back, Error> {
    let state = returned
        .state
        .as_deref()
        .filter(|state| !state.is_empty())
        .ok_or_else(no_question)?;
    let state = sha256_hex(state);
    let taken = challenges::take(services.db(), &state, browser, services.now()).await?;
    let challenge = match taken {
        Taken::Yes(challenge) => *challenge,
        Taken::Elsewhere(_) => return Err(another_browser()),
        Taken::Before(_) => return Err(used_before()),
        Taken::Expired(_) => return Err(too_late()),
        Taken::Unknown => return Err(no_question()),
    };
    let provider = rows::get(services.db(), challenge.provider)
        .await?
        .ok_or_else(no_question)?;
    if provider.slug != slug {
        return Err(Error::new("AUTH-012", Kind::Forbidden, "Another provider answered than was asked.")
            .next("Begin again. If it happens twice, tell an administrator: somebody may be mixing providers up."));
    }
    if !provider.enabled && challenge.kind == ChallengeKind::SignIn {
        return Err(switched_off(&provider));
    }
    let end = verify(services, &provider, &challenge, returned).await;
    Ok(Back {
        challenge,
        provider,
        end,
    })
}

async fn verify(
    services: &Services,
    provider: &Provider,
    challenge: &PendingChallenge,
    returned: &Returned,
) -> Result<End, Error> {
    let kind = services.kind(&provider.kind)?;
    let secret = providers::secret(services, provider.id).await?;
    let connection = connection(services, provider, secret.as_ref()).await?;
    let open = |sealed: &str, column| {
        services
            .sealer()
            .open(sealed, place(column, challenge.id))
            .map(|text| text.expose_secret().to_owned())
    };
    let pending = Pending {
        nonce: open(&challenge.nonce_sealed, "nonce_sealed")?,
        verifier: open(&challenge.verifier_sealed, "verifier_sealed")?,
        purpose: match challenge.stage {
            Stage::Plain => Purpose::SignIn,
            Stage::Control => Purpose::Control,
            Stage::Force => Purpose::Force,
        },
    };
    Ok(
        match kind.complete(&connection, &pending, returned).await? {
            Completed::Answered(evidence) => End::Answered(evidence),
            Completed::Refused { error, description } => End::Refused { error, description },
        },
    )
}

pub(crate) async fn connection<'a>(
    services: &Services,
    provider: &'a Provider,
    secret: Option<&'a SecretString>,
) -> Result<Connection<'a>, Error> {
    let redirect = site::callback(services, &provider.slug).await?;
    Ok(Connection {
        provider: provider.id,
        settings: &provider.settings,
        secret,
        request_key: None,
        redirect,
    })
}

fn place(column: &'static str, id: ChallengeId) -> Place<'static> {
    Place {
        table: "challenges",
        column,
        id: id.0,
    }
}

/// The question stays open for the browser that asked it.
fn another_browser() -> Error {
    Error::new(
        "AUTH-011",
        Kind::Forbidden,
        "This answer belongs to a sign-in that began in another browser.",
    )
    .next("Begin again here. If you did not begin a sign-in at all, somebody tried to sign you in as somebody else.")
}

fn used_before() -> Error {
    Error::new("AUTH-016", Kind::Invalid, "This answer was used before.")
        .next("An answer counts once. Begin again.")
}

fn too_late() -> Error {
    Error::new(
        "AUTH-017",
        Kind::Invalid,
        "This answer took longer than ten minutes.",
    )
    .next("Begin again.")
}

fn no_question() -> Error {
    Error::new(
        "AUTH-010",
        Kind::Invalid,
        "This answer belongs to no open question.",
    )
    .next("Begin again. If you did not begin a sign-in at all, close this page.")
}

pub(crate) fn switched_off(provider: &Provider) -> Error {
    Error::new(
        "AUTH-013",
        Kind::Forbidden,
        format!("Signing in through {} is switched off.", provider.name),
    )
    .next("Choose another way to sign in.")
}
