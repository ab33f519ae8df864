//! Identity providers: connected, examined, changed, switched off, removed.

use muster_domain::calibration::Calibration;
use muster_domain::id::ProviderId;
use muster_domain::jit::JitRules;
use muster_domain::protocol::{Connection, Finding, IdentityProvider};
use muster_domain::provider::{Provider, slug_of};
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{Tx, providers};
use secrecy::SecretString;
use serde_json::json;

use crate::conferral::{self, Knowingly, Picture};
use crate::{Call, Services, Who, guard, lockout, site};

mod closing;
mod draft;
pub mod request_key;
mod row;

pub(crate) use closing::switch;
pub use closing::{sessions_through, shuts_out};
use draft::checked;
pub use draft::{Draft, domains_of};
use row::{change, confers_no_role, free_slug, insert, place};

/// Every provider, by name.
///
/// # Errors
/// Without permission.
pub async fn list(services: &Services, call: &Call) -> Result<Vec<Provider>, Error> {
    call.may(Permission::ViewProviders)?;
    providers::list(services.db()).await
}

/// One provider by its short name.
///
/// # Errors
/// Without permission, or `WEB-404`.
pub async fn get(services: &Services, call: &Call, slug: &str) -> Result<Provider, Error> {
    call.may(Permission::ViewProviders)?;
    find(services, slug).await
}

pub(crate) async fn find(services: &Services, slug: &str) -> Result<Provider, Error> {
    providers::by_slug(services.db(), slug)
        .await?
        .ok_or_else(|| Error::not_found("identity provider"))
}

/// The provider a receipt tells of, if there still is one. Whoever may read the receipt may know its name.
///
/// # Errors
/// When nobody is signed in.
pub async fn of_receipt(
    services: &Services,
    call: &Call,
    provider: ProviderId,
) -> Result<Option<Provider>, Error> {
    call.signed_in()?;
    providers::get(services.db(), provider).await
}

/// Looks at what a draft's provider publishes. Changes nothing.
///
/// # Errors
/// Without permission, or with messages beside fields.
pub async fn examine(
    services: &Services,
    call: &Call,
    draft: &Draft,
    known: Option<&Provider>,
) -> Result<Vec<Finding>, Error> {
    call.may(Permission::ManageProviders)?;
    let kind = services.kind(&draft.kind)?;
    let values = checked(kind, draft, known)?;
    let stored = match known {
        Some(provider) => secret(services, provider.id).await?,
        None => None,
    };
    let slug = known.map_or_else(|| slug_of(&draft.name), |provider| provider.slug.clone());
    let connection = Connection {
        provider: known.map_or(ProviderId(uuid::Uuid::nil()), |provider| provider.id),
        settings: &values,
        secret: draft.secret.as_ref().or(stored.as_ref()),
        request_key: None,
        redirect: site::callback(services, &slug).await?,
    };
    Ok(kind.examine(&connection).await)
}

/// Connects a new provider, with a directory of its own for the accounts made at sign-in.
///
/// # Errors
/// Without permission, or with messages beside fields.
pub async fn create(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    draft: &Draft,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    insert(
        services,
        call,
        draft,
        JitRules::default(),
        json!({"elevation": elevated.id()}),
    )
    .await
}

/// Connects or changes a provider as a configuration file or the lab declares it. For parts of this program only.
///
/// # Errors
/// When a person calls it, or with messages beside fields.
pub async fn declare(
    services: &Services,
    call: &Call,
    draft: &Draft,
    jit: JitRules,
) -> Result<Provider, Error> {
    let Who::System(_) = call.who else {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only a part of this program may declare providers.",
        ));
    };
    let tx = services.db().begin().await?;
    if let Some(known) = providers::by_slug(&tx, &draft.slug).await? {
        return change(services, call, tx, known, draft, Some(jit), json!({})).await;
    }
    tx.rollback().await?;
    insert(services, call, draft, jit, json!({})).await
}

/// Changes a provider's settings.
///
/// # Errors
/// Without permission, or with messages beside fields.
pub async fn update(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
    draft: &Draft,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let known = within(&tx, slug).await?;
    change(
        services,
        call,
        tx,
        known,
        draft,
        None,
        json!({"elevation": elevated.id()}),
    )
    .await
}

/// The provider as it stands inside a transaction.
pub(crate) async fn within(tx: &Tx, slug: &str) -> Result<Provider, Error> {
    providers::by_slug(tx, slug)
        .await?
        .ok_or_else(|| Error::not_found("identity provider"))
}

/// The same by its id.
pub(crate) async fn within_id(tx: &Tx, id: ProviderId) -> Result<Provider, Error> {
    providers::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("identity provider"))
}

/// Changes how users and groups come to be at sign-in.
///
/// # Errors
/// Without permission, or when a managed or default group would confer a role without the right to grant it;
/// `JIT-021` when it would with that right and `knowingly` does not say that it shall.
pub async fn set_jit(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
    jit: JitRules,
    knowingly: Knowingly,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let picture = Picture::of(&tx).await?;
    let mut provider = within(&tx, slug).await?;
    confers_no_role(&tx, call, &provider.jit).await?;
    confers_no_role(&tx, call, &jit).await?;
    let before = json!(provider.jit);
    provider.jit = jit;
    provider.updated_at = call.at;
    providers::update(&tx, &provider).await?;
    let along = conferral::weigh(call, &tx, &picture, knowingly).await?;
    let detail = json!({"before": before, "after": provider.jit, "elevation": elevated.id()});
    let mut event = call.event(
        "provider.rules",
        &provider.name,
        Some(provider.id.0),
        detail,
    );
    conferral::note(std::slice::from_mut(&mut event), &along);
    tx.commit(&[event]).await?;
    Ok(provider)
}

/// Switches a provider on or off. Off, the sessions of people who signed in through it end, their own too.
///
/// # Errors
/// Without permission.
pub async fn set_enabled(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
    enabled: Enabled,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let mut provider = within(&tx, slug).await?;
    let detail = json!({"elevation": elevated.id()});
    switch(services, tx, call, &mut provider, enabled, detail).await?;
    Ok(provider)
}

/// Whether people can sign in through a provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enabled {
    /// They can.
    Yes,
    /// They cannot.
    No,
}

/// Removes a provider and the identities tied to it, and ends the sessions that came by it. Users, their accounts and
/// groups stay.
///
/// # Errors
/// Without permission, or `WEB-404`.
pub async fn remove(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
) -> Result<(), Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = lockout::before(services, &tx).await?;
    let provider = within(&tx, slug).await?;
    let mut detail =
        json!({"slug": provider.slug, "settings": provider.settings, "elevation": elevated.id()});
    closing::end_sessions(&tx, call, provider.id, &mut detail).await?;
    providers::delete(&tx, provider.id).await?;
    before.holds(&tx).await?;
    tx.commit(&[call.event(
        "provider.remove",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await
}

/// Keeps what a control probe showed.
pub(crate) async fn keep_calibration(
    tx: &Tx,
    provider: ProviderId,
    calibration: &Calibration,
) -> Result<(), Error> {
    providers::set_calibration(tx, provider, calibration).await
}

/// The revealed client secret, for the length of one call of a protocol.
pub(crate) async fn secret(
    services: &Services,
    provider: ProviderId,
) -> Result<Option<SecretString>, Error> {
    let Some(sealed) = providers::secret(services.db(), provider).await? else {
        return Ok(None);
    };
    services.sealer().open(&sealed, place(provider)).map(Some)
}

/// A short name that is free: made from `name`, with a number if that is taken.
///
/// # Errors
/// Without permission.
pub async fn suggest_slug(services: &Services, call: &Call, name: &str) -> Result<String, Error> {
    call.may(Permission::ManageProviders)?;
    free_slug(services, name).await
}

/// How many identities are tied to users through a provider.
///
/// # Errors
/// Without permission.
pub async fn identities(
    services: &Services,
    call: &Call,
    provider: ProviderId,
) -> Result<u64, Error> {
    call.may(Permission::ViewProviders)?;
    muster_storage::subjects::count_of_provider(services.db(), provider).await
}

/// The form of a protocol kind.
///
/// # Errors
/// `IDP-002` when this installation does not speak it.
pub fn schema(
    services: &Services,
    kind: &str,
) -> Result<muster_domain::settings::SettingsSchema, Error> {
    services.kind(kind).map(IdentityProvider::schema)
}
