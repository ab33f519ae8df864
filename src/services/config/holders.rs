//! Who holds which role, as the file says it.

use std::collections::BTreeSet;

use muster_domain::audit::AuditEvent;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, Tx, groups, roles, users};

use super::{Config, Holders};
use crate::roles::Declared;
use crate::{Call, Services};

/// Everybody the file names must exist, and a superadmin must be left.
pub(super) async fn check(services: &Services, wanted: &Config) -> Result<(), Error> {
    for (role, holders) in &wanted.roles {
        if Role::from_key(role).is_none() {
            return Err(Error::new(
                "CFG-012",
                Kind::Invalid,
                format!("There is no role “{role}”."),
            ));
        }
        for username in &holders.users {
            if users::by_username(services.db(), username).await?.is_none() {
                return Err(Error::new(
                    "CFG-013",
                    Kind::Invalid,
                    format!("There is no user “{username}” to hold {role}."),
                ));
            }
        }
        for group in &holders.groups {
            if groups::by_name(services.db(), group).await?.is_none() {
                return Err(Error::new(
                    "CFG-014",
                    Kind::Invalid,
                    format!("There is no group “{group}” to hold {role}."),
                ));
            }
        }
    }
    if wanted
        .roles
        .get("superadmin")
        .is_some_and(|holders| holders.users.is_empty())
    {
        return Err(Error::new(
            "CFG-015",
            Kind::Invalid,
            "The file would leave no user as superadmin.",
        )
        .next("Name at least one."));
    }
    Ok(())
}

/// Grants first, then withdraws, through the same guard as the console: a superadmin who can sign in is always left.
pub(super) async fn apply(services: &Services, call: &Call, wanted: &Config) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    let events = write(services, call, &tx, wanted).await?;
    if events.is_empty() {
        return tx.rollback().await;
    }
    tx.commit(&events).await
}

/// The same without committing. Gives what goes on record.
pub(super) async fn write(
    services: &Services,
    call: &Call,
    tx: &Tx,
    wanted: &Config,
) -> Result<Vec<AuditEvent>, Error> {
    let held = roles::list(tx).await?;
    let mut events = Vec::new();
    let mut withdrawn = Vec::new();
    for (key, holders) in &wanted.roles {
        let Some(role) = Role::from_key(key) else {
            continue;
        };
        let of_role = || {
            held.iter()
                .map(|row| &row.assignment)
                .filter(|assignment| assignment.role == role)
        };
        let wanted = principals(tx, holders).await?;
        for principal in wanted
            .iter()
            .filter(|principal| !of_role().any(|held| held.principal == **principal))
        {
            events.push(
                crate::roles::declare(services, call, tx, Declared::Grant(role, *principal))
                    .await?,
            );
        }
        withdrawn.extend(
            of_role()
                .filter(|held| !wanted.contains(&held.principal))
                .map(|held| held.id),
        );
    }
    for id in withdrawn {
        events.push(crate::roles::declare(services, call, tx, Declared::Withdraw(id)).await?);
    }
    Ok(events)
}

async fn principals(reader: &impl Reader, holders: &Holders) -> Result<Vec<Member>, Error> {
    let mut found = Vec::new();
    for username in &holders.users {
        found.extend(
            users::by_username(reader, username)
                .await?
                .map(|user| Member::User(user.id)),
        );
    }
    for group in &holders.groups {
        found.extend(
            groups::by_name(reader, group)
                .await?
                .map(|group| Member::Group(group.id)),
        );
    }
    // Two spellings of one name are one holder.
    let mut seen = BTreeSet::new();
    found.retain(|member| seen.insert((member.kind(), member.id())));
    Ok(found)
}
