//! The key that requests to a provider are signed with: made when signing is switched on, sealed, its public half
//! published for the provider to read, replaced at will.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::protocol::IdentityProvider;
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::request_keys::RequestKey;
use muster_storage::{Tx, request_keys, ways_in};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{find, within};
use crate::{Call, Services, guard, lockout};

/// How long a new key is published before it signs: providers keep what they read for a while, and would take a request
/// that is signed with a key they never saw for forged.
pub const LEAD: TimeDelta = TimeDelta::minutes(5);
/// How long a key is published after another took its place: a request that was signed with it may be on its way.
pub const RETIRED_LASTS: TimeDelta = TimeDelta::hours(24);

/// Whether requests to this provider are signed.
fn signs(provider: &Provider) -> bool {
    provider.setting("request_object") == Some("signed")
}

/// Makes a key where requests are signed and there is none yet. Whether one was made.
pub(super) async fn ensure(
    services: &Services,
    call: &Call,
    tx: &Tx,
    kind: &dyn IdentityProvider,
    provider: &Provider,
) -> Result<bool, Error> {
    if !signs(provider) || !request_keys::of_provider(tx, provider.id).await?.is_empty() {
        return Ok(false);
    }
    Ok(make(services, call, tx, kind, provider).await?.is_some())
}

/// Makes a key. None where the protocol has none.
async fn make(
    services: &Services,
    call: &Call,
    tx: &Tx,
    kind: &dyn IdentityProvider,
    provider: &Provider,
) -> Result<Option<SecretString>, Error> {
    let Some(key) = kind.make_request_key(services.entropy()) else {
        return Ok(None);
    };
    let id = services.id();
    let place = request_keys::place(id);
    let sealed = services
        .sealer()
        .seal(key.expose_secret(), place, services.entropy())?;
    request_keys::insert(tx, id, provider.id, &sealed, call.at).await?;
    Ok(Some(key))
}

/// Replaces the key: a new one is published at once and signs after [`LEAD`]; the old one signs until then, and is
/// published for [`RETIRED_LASTS`] longer. Whether people get in through the provider is to be seen anew, as after another client secret: it may know the key by value.
///
/// # Errors
/// Without permission or presence; `WEB-404`; `IDP-006` where requests are not signed; `LOCK-001` when no superadmin would
/// be known to get in.
pub async fn rotate(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = lockout::before(services, &tx).await?;
    let provider = within(&tx, slug).await?;
    let kind = services.kind(&provider.kind)?;
    let unsigned = || {
        Error::new(
            "IDP-006",
            Kind::Conflict,
            "Requests to this provider are not signed, so there is no key to replace.",
        )
        .next("Switch signed requests on in its settings first: that makes a key.")
    };
    if !signs(&provider) {
        return Err(unsigned());
    }
    let retired = request_keys::retire(&tx, provider.id, call.at + LEAD).await?;
    let made = make(services, call, &tx, kind, &provider).await?;
    let key = made.ok_or_else(unsigned)?;
    ways_in::changed(&tx, provider.id, call.at).await?;
    before.holds(&tx).await?;
    let public = kind.public_keys(&[key])?;
    let detail = json!({
        "key": public.pointer("/keys/0/kid"), "retired": retired,
        "signs_from": call.at + LEAD, "published_until": call.at + LEAD + RETIRED_LASTS, "elevation": elevated.id(),
    });
    tx.commit(&[call.event(
        "provider.request_key",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await?;
    Ok(provider)
}

/// The keys of a provider's requests as a page tells of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    /// When the newest was made.
    pub since: DateTime<Utc>,
    /// From when on it signs, if it does not yet.
    pub signs_from: Option<DateTime<Utc>>,
    /// Until when an older one is published too.
    pub older_until: Option<DateTime<Utc>>,
}

/// What a page tells of the keys; none where requests are not signed.
///
/// # Errors
/// Without permission.
pub async fn told(
    services: &Services,
    call: &Call,
    provider: &Provider,
) -> Result<Option<Keys>, Error> {
    call.may(Permission::ViewProviders)?;
    let keys = counting(services, provider, call.at).await?;
    let older = keys.iter().filter_map(|key| key.retired_at).max();
    Ok(keys.first().map(|key| Keys {
        since: key.created_at,
        signs_from: older.filter(|at| *at > call.at),
        older_until: older.map(|at| at + RETIRED_LASTS),
    }))
}

/// The keys that count: the one that signs, and those that are still published.
async fn counting(
    services: &Services,
    provider: &Provider,
    now: DateTime<Utc>,
) -> Result<Vec<RequestKey>, Error> {
    if !signs(provider) {
        return Ok(Vec::new());
    }
    let mut keys = request_keys::of_provider(services.db(), provider.id).await?;
    keys.retain(|key| key.retired_at.is_none_or(|at| now - at < RETIRED_LASTS));
    Ok(keys)
}

fn open(services: &Services, key: &RequestKey) -> Result<SecretString, Error> {
    services
        .sealer()
        .open(&key.sealed, request_keys::place(key.id))
}

/// The revealed key of a provider whose requests are signed, for the length of one call of a protocol.
pub(crate) async fn of(
    services: &Services,
    provider: &Provider,
) -> Result<Option<SecretString>, Error> {
    if !signs(provider) {
        return Ok(None);
    }
    let keys = request_keys::of_provider(services.db(), provider.id).await?;
    // The one that is to be retired next signs until then.
    let (now, mut waits) = (services.now(), Vec::new());
    waits.extend(
        keys.iter()
            .filter(|key| key.retired_at.is_some_and(|at| at > now)),
    );
    let next = waits.into_iter().min_by_key(|key| key.retired_at);
    let signing = next.or_else(|| keys.iter().find(|key| key.retired_at.is_none()));
    signing.map(|key| open(services, key)).transpose()
}

/// The public keys of a provider's requests, as a JWK set (RFC 7517 section 5), for the provider to read. Empty where
/// requests are not signed.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn published(services: &Services, slug: &str) -> Result<serde_json::Value, Error> {
    let provider = find(services, slug).await?;
    let kind = services.kind(&provider.kind)?;
    let keys = counting(services, &provider, services.now()).await?;
    let keys: Result<Vec<SecretString>, Error> =
        keys.iter().map(|key| open(services, key)).collect();
    kind.public_keys(&keys?)
}
