//! What people are told by mail about their own account, and administrators about break-glass accounts. Queued in the
//! transaction of what happened; nobody who has no address, and nobody while no server is entered.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::mail::letters::About;
use muster_domain::role::Role;
use muster_domain::user::User;
use muster_storage::{Tx, users};

use crate::{Call, Services, mail, roles, site};

/// How long such a message is tried: news of two days ago still matter, of a week ago hardly.
const LASTS: TimeDelta = TimeDelta::days(2);

/// Tells somebody about their own account.
pub(crate) async fn tell(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
    about: About,
) -> Result<(), Error> {
    let Some(address) = user.email.as_deref().filter(|_| user.is_active()) else {
        return Ok(());
    };
    send(services, call, tx, (user, address), &user.username, &about).await
}

async fn send(
    services: &Services,
    call: &Call,
    tx: &Tx,
    to: (&User, &str),
    account: &str,
    about: &About,
) -> Result<(), Error> {
    if !mail::is_configured(tx).await? {
        return Ok(());
    }
    let base = site::url_in(services, tx).await?;
    let told = mail::circumstances(base.as_str(), account, call);
    mail::post(services, tx, to, about, &told, call.at + LASTS).await
}

/// Tells both addresses that one took the place of the other.
pub(crate) async fn address_changed(
    services: &Services,
    call: &Call,
    tx: &Tx,
    before: &User,
    after: &User,
) -> Result<(), Error> {
    if before.email == after.email || !after.is_active() {
        return Ok(());
    }
    let about = About::AddressChanged {
        before: before.email.clone(),
        after: after.email.clone(),
    };
    for address in before.email.iter().chain(&after.email) {
        send(
            services,
            call,
            tx,
            (after, address),
            &after.username,
            &about,
        )
        .await?;
    }
    Ok(())
}

/// Tells the other administrators that a break-glass account was used.
pub(crate) async fn break_glass_used(
    services: &Services,
    call: &Call,
    tx: &Tx,
    used: &User,
) -> Result<(), Error> {
    if !mail::is_configured(tx).await? {
        return Ok(());
    }
    let standing = roles::standing(tx).await?;
    let others: BTreeSet<UserId> = [Role::Superadmin, Role::Admin]
        .into_iter()
        .flat_map(|role| standing.holders(role).into_keys())
        .filter(|user| *user != used.id)
        .collect();
    let others: Vec<UserId> = others.into_iter().collect();
    let about = About::BreakGlass(used.username.clone());
    for admin in users::get_many(tx, &others).await? {
        if let Some(address) = admin.email.as_deref().filter(|_| admin.is_active()) {
            send(
                services,
                call,
                tx,
                (&admin, address),
                &used.username,
                &about,
            )
            .await?;
        }
    }
    Ok(())
}
