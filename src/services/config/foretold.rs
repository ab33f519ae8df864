//! Whether applying a file would be refused because of who still gets in: its parts are made one after another in a
//! transaction that never commits, and each is judged as [`super::apply`] has it judged.

use muster_domain::calibration::{ASKING, Calibration};
use muster_domain::role::Role;
use muster_domain::{Error, Kind};
use muster_storage::{Tx, providers, settings, ways_in};

use super::{Config, effective, holders};
use crate::{Call, Services, lockout, policies, site};

/// The refusal, if there would be one. Replaced secrets are not read for it.
///
/// # Errors
/// When something the file names does not hold, or the database cannot be used.
pub async fn foretell(
    services: &Services,
    call: &Call,
    wanted: &Config,
) -> Result<Option<Error>, Error> {
    let tx = services.db().begin().await?;
    let made = make(services, call, &tx, wanted).await;
    tx.rollback().await?;
    match made {
        Ok(()) => Ok(None),
        Err(refused) if matches!(refused.code, "LOCK-001" | "ROLE-001") => Ok(Some(refused)),
        Err(error) => Err(error),
    }
}

async fn make(services: &Services, call: &Call, tx: &Tx, wanted: &Config) -> Result<(), Error> {
    if let Some(url) = &wanted.site.url {
        let before = lockout::before(services, tx).await?;
        site::write(services, call, tx, &site::check(url)?).await?;
        before.holds(tx).await?;
    }
    for (slug, provider) in &wanted.providers {
        let Some(mut row) = providers::by_slug(tx, slug).await? else {
            continue;
        };
        let before = lockout::before(services, tx).await?;
        let settings = effective(services, provider)?.settings;
        if row.settings != settings {
            if ASKING
                .into_iter()
                .any(|key| row.settings.get(key) != settings.get(key))
            {
                let anew = Calibration::anew(call.at);
                providers::set_calibration(tx, row.id, &anew).await?;
            }
            row.settings = settings;
            providers::update(tx, &row).await?;
            ways_in::changed(tx, row.id, call.at).await?;
        }
        providers::set_enabled(tx, row.id, provider.enabled, call.at).await?;
        before.holds(tx).await?;
    }
    holders::write(services, call, tx, wanted).await?;
    let before = lockout::before(services, tx).await?;
    let mut all = policies::stored(tx).await?;
    for (key, policy) in &wanted.policies {
        let role = Role::from_key(key).ok_or_else(|| {
            let words = format!("There is no role “{key}”.");
            Error::new("CFG-012", Kind::Invalid, words)
        })?;
        all.set(role, policy.clone());
    }
    settings::set(tx, settings::ELEVATION_POLICY, &all).await?;
    before.holds(tx).await
}
