//! The key that requests to a provider are signed with: made when signing is switched on, sealed, its public half
//! published for the provider to read.

use muster_domain::Error;
use muster_domain::protocol::IdentityProvider;
use muster_domain::provider::Provider;
use muster_storage::{Reader, Tx, request_keys};
use secrecy::{ExposeSecret as _, SecretString};

use super::find;
use crate::{Call, Services};

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
    let Some(key) = kind.make_request_key(services.entropy()) else {
        return Ok(false);
    };
    let id = services.id();
    let place = request_keys::place(id);
    let sealed = services
        .sealer()
        .seal(key.expose_secret(), place, services.entropy())?;
    request_keys::insert(tx, id, provider.id, &sealed, call.at).await?;
    Ok(true)
}

/// The revealed key of a provider whose requests are signed, for the length of one call of a protocol.
pub(crate) async fn of(
    services: &Services,
    provider: &Provider,
) -> Result<Option<SecretString>, Error> {
    if !signs(provider) {
        return Ok(None);
    }
    newest(services, services.db(), provider).await
}

async fn newest(
    services: &Services,
    reader: &impl Reader,
    provider: &Provider,
) -> Result<Option<SecretString>, Error> {
    let keys = request_keys::of_provider(reader, provider.id).await?;
    keys.first()
        .map(|(id, sealed)| services.sealer().open(sealed, request_keys::place(*id)))
        .transpose()
}

/// The public keys of a provider's requests, as a JWK set (RFC 7517 section 5), for the provider to read. Empty where
/// requests are not signed.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn published(services: &Services, slug: &str) -> Result<serde_json::Value, Error> {
    let provider = find(services, slug).await?;
    let kind = services.kind(&provider.kind)?;
    let keys = match of(services, &provider).await? {
        Some(key) => vec![key],
        None => Vec::new(),
    };
    kind.public_keys(&keys)
}
