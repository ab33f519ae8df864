//! Policies of secure sessions, as the file says them: a table a role, with the words of [`ElevationPolicy`]. What a table
//! leaves out is as by default.

use std::collections::BTreeMap;

use muster_domain::policy::ElevationPolicy;
use muster_domain::role::Role;
use muster_domain::{Error, Kind};

use super::differences::{compare_all, flatten};
use super::{Config, Difference};
use crate::{Call, Services, policies};

/// The policies of this installation, of every role.
pub(super) async fn here(services: &Services) -> Result<BTreeMap<String, ElevationPolicy>, Error> {
    let stored = policies::stored(services.db()).await?;
    Ok(Role::ALL
        .into_iter()
        .map(|role| (role.key().to_owned(), stored.of_role(role)))
        .collect())
}

/// Roles must exist, and numbers lie within their bounds.
pub(super) fn check(wanted: &Config) -> Result<(), Error> {
    for (role, policy) in &wanted.policies {
        if Role::from_key(role).is_none() {
            return Err(Error::new(
                "CFG-012",
                Kind::Invalid,
                format!("There is no role “{role}”."),
            ));
        }
        if let Some(field) = policy.out_of_bounds().first() {
            return Err(Error::new(
                "CFG-017",
                Kind::Invalid,
                format!("policies.{role}.{field} is outside its bounds."),
            )
            .next("A secure session lasts 60 to 3600 seconds, and may end after 120 to 3600 unused ones. Nothing was changed."));
        }
    }
    Ok(())
}

pub(super) fn diff(here: &Config, wanted: &Config, into: &mut Vec<Difference>) {
    for (role, policy) in &wanted.policies {
        let held = here.policies.get(role).map(flatten).unwrap_or_default();
        compare_all(&format!("policies.{role}"), &held, &flatten(policy), into);
    }
}

pub(super) async fn apply(services: &Services, call: &Call, wanted: &Config) -> Result<(), Error> {
    let stored = policies::stored(services.db()).await?;
    for (key, policy) in &wanted.policies {
        if let Some(role) = Role::from_key(key).filter(|role| stored.of_role(*role) != *policy) {
            policies::declare(services, call, role, policy).await?;
        }
    }
    Ok(())
}
