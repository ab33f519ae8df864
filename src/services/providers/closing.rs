//! What ends when people can sign in through a provider no more: the sessions that came by it, and every secure session
//! that was proven at it (O81).

use muster_domain::Error;
use muster_domain::id::ProviderId;
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_storage::{Tx, elevations, providers, sessions};
use serde_json::{Value, json};

use super::Enabled;
use crate::{Call, Services, lockout};

/// How many sessions would end if this provider were switched off or removed.
///
/// # Errors
/// Without permission.
pub async fn sessions_through(
    services: &Services,
    call: &Call,
    provider: ProviderId,
) -> Result<u64, Error> {
    call.may(Permission::ViewProviders)?;
    // Only looked at, by those who could act on it.
    if !call.can(Permission::ManageProviders) {
        call.may(Permission::ManageProviders)?;
    }
    let sessions = sessions::of_provider(services.db(), provider).await?;
    Ok(u64::try_from(sessions.len()).unwrap_or(u64::MAX))
}

/// Why switching this provider off, or removing it, would be refused now.
///
/// # Errors
/// Without permission.
pub async fn shuts_out(
    services: &Services,
    call: &Call,
    provider: ProviderId,
) -> Result<Option<Error>, Error> {
    call.may(Permission::ViewProviders)?;
    lockout::foretell(services, |is| drop(is.providers.remove(&provider))).await
}

/// Ends them; what ended is added to what goes on record.
pub(super) async fn end_sessions(
    tx: &Tx,
    call: &Call,
    provider: ProviderId,
    detail: &mut Value,
) -> Result<(), Error> {
    let mut secure = elevations::drop_of_provider(tx, provider, call.at).await?;
    let (mut ended, through) = (0_u64, sessions::of_provider(tx, provider).await?);
    for session in through {
        secure += elevations::drop_of_session(tx, &session, call.at).await?;
        ended += u64::from(sessions::revoke(tx, &session).await?);
    }
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("sessions_ended".to_owned(), json!(ended));
        detail.insert("secure_sessions_ended".to_owned(), json!(secure));
    }
    Ok(())
}

/// Switches a provider on or off and commits. Whether the caller may is asked before.
pub(crate) async fn switch(
    services: &Services,
    tx: Tx,
    call: &Call,
    provider: &mut Provider,
    enabled: Enabled,
    mut detail: Value,
) -> Result<(), Error> {
    let before = lockout::before(services, &tx).await?;
    provider.enabled = enabled == Enabled::Yes;
    provider.updated_at = call.at;
    providers::set_enabled(&tx, provider.id, provider.enabled, call.at).await?;
    let action = match enabled {
        Enabled::Yes => "provider.enable",
        Enabled::No => {
            before.holds(&tx).await?;
            end_sessions(&tx, call, provider.id, &mut detail).await?;
            "provider.disable"
        }
    };
    tx.commit(&[call.event(action, &provider.name, Some(provider.id.0), detail)])
        .await
}
