//! Just-in-time provisioning: what is known here of somebody who arrives, and what the rules make of it. Sign-in, test
//! sign-in and simulator look through the same eyes.

use muster_domain::evidence::AuthEvidence;
use muster_domain::jit::{
    self, Arrival, Decision, JitRules, Known, KnownGroup, KnownMembership, KnownUser, Taken,
};
use muster_domain::membership::Member;
use muster_domain::provider::Provider;
use muster_domain::{Error, name};
use muster_storage::{Reader, accounts, groups, memberships, subjects, users};

use crate::Services;

/// Decides what would happen if this answer signed somebody in now. Changes nothing.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn decide(
    services: &Services,
    reader: &impl Reader,
    provider: &Provider,
    evidence: &AuthEvidence,
) -> Result<Decision, Error> {
    let arrival = Arrival {
        provider,
        issuer: evidence.issuer(),
        subject: evidence.subject(),
        claims: evidence.claims(),
    };
    decide_by(services, reader, &arrival, &provider.jit).await
}

/// The same by other rules than the provider's, or for an arrival that nobody made.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn decide_by(
    services: &Services,
    reader: &impl Reader,
    arrival: &Arrival<'_>,
    rules: &JitRules,
) -> Result<Decision, Error> {
    let known = known(reader, arrival, rules).await?;
    Ok(jit::decide(arrival, &known, rules, &mut || {
        services.id::<uuid::Uuid>()
    }))
}

async fn known(
    reader: &impl Reader,
    arrival: &Arrival<'_>,
    rules: &JitRules,
) -> Result<Known, Error> {
    let wanted = jit::wanted(arrival, rules);
    let linked =
        match subjects::find(reader, arrival.provider.id, arrival.issuer, arrival.subject).await? {
            Some(subject) => linked(reader, arrival, subject.user).await?,
            None => None,
        };
    let username_taken_by = match &wanted.username {
        Some(username) => users::by_username(reader, username)
            .await?
            .filter(|user| linked.as_ref().is_none_or(|linked| linked.id != user.id))
            .map(|user| Taken {
                user: user.id,
                username: user.username,
            }),
        None => None,
    };
    let same_email = match &wanted.email {
        Some(email) => users::by_email(reader, email)
            .await?
            .into_iter()
            .filter(|user| linked.as_ref().is_none_or(|linked| linked.id != user.id))
            .map(|user| user.username)
            .collect(),
        None => Vec::new(),
    };
    let groups_by_key = groups::by_keys(reader, &wanted.group_keys)
        .await?
        .into_iter()
        .map(|group| {
            (
                name::key(&group.name),
                KnownGroup {
                    id: group.id,
                    name: group.name,
                },
            )
        })
        .collect();
    Ok(Known {
        linked,
        username_taken_by,
        same_email,
        groups_by_key,
    })
}

async fn linked(
    reader: &impl Reader,
    arrival: &Arrival<'_>,
    user: muster_domain::id::UserId,
) -> Result<Option<KnownUser>, Error> {
    let Some(user) = users::get(reader, user).await? else {
        return Ok(None);
    };
    let external_id = jit::external_id(arrival.issuer, arrival.subject);
    let account = accounts::by_external(reader, arrival.provider.directory, &external_id).await?;
    let memberships = memberships::of_member(reader, Member::User(user.id))
        .await?
        .into_iter()
        .map(|row| KnownMembership {
            group: row.membership.group,
            name: row.group_name,
            origin: row.membership.origin,
        })
        .collect();
    Ok(Some(KnownUser {
        id: user.id,
        username: user.username,
        state: user.state,
        attributes: account.map(|account| account.attributes),
        memberships,
    }))
}
