//! No change locks the last superadmin out: the installation is looked at before and after it, in the transaction that
//! makes it, and [`muster_domain::lockout`] simulates who gets in.
//!
//! A change begins with [`before`], which takes turns with every other such change, writes, and asks [`Before::holds`]
//! before it commits. Nothing has to be foretold: what is judged is what was written.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::change::{Action, Change};
use muster_domain::id::{GroupId, ProviderId, UserId};
use muster_domain::lockout::{
    Connected, Identity, Installation, Keys, Simulated, Works, keeps_a_way_in,
};
use muster_domain::provider::Provider;
use muster_domain::role::{Permission, Role};
use muster_domain::{Error, standing::Standing};
use muster_storage::{Reader, Tx, providers, subjects, ways_in};

use crate::{Call, Services, factors, guard, policies, roles, sign_in_policy};

/// The installation as it was before a change.
pub(crate) struct Before<'s> {
    services: &'s Services,
    was: Installation,
}

/// Looks at the installation. Transactions that ask take turns, so that what each of them sees stays true until it
/// commits: of two that each shut out one of the last two superadmins, the second sees what the first did.
pub(crate) async fn before<'s>(services: &'s Services, tx: &Tx) -> Result<Before<'s>, Error> {
    let standing = roles::standing_in(tx).await?;
    let was = of_superadmins(services, tx, standing).await?;
    Ok(Before { services, was })
}

impl Before<'_> {
    /// Who held which role.
    pub(crate) const fn standing(&self) -> &Standing {
        &self.was.standing
    }

    /// Looks again, after the change.
    ///
    /// # Errors
    /// `ROLE-001` when no superadmin is left, `LOCK-001` when none is known to get in; nothing may be committed then.
    pub(crate) async fn holds(&self, tx: &Tx) -> Result<(), Error> {
        let standing = roles::standing(tx).await?;
        let is = of_superadmins(self.services, tx, standing).await?;
        judged(&self.was, &is)
    }
}

fn judged(was: &Installation, is: &Installation) -> Result<(), Error> {
    guard::keeps_a_superadmin(&was.standing, &is.standing)?;
    keeps_a_way_in(was, is)
}

/// What [`Before::holds`] would say to a change, for the page that asks whether it shall be made. `change` makes it in the
/// picture alone; what is judged in the end is what was written.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn foretell(
    services: &Services,
    change: impl FnOnce(&mut Installation),
) -> Result<Option<Error>, Error> {
    let db = services.db();
    let was = of_superadmins(services, db, roles::standing(db).await?).await?;
    Ok(foretold(&was, change))
}

/// The same for a change to a picture that was taken already.
pub(crate) fn foretold(
    was: &Installation,
    change: impl FnOnce(&mut Installation),
) -> Option<Error> {
    let mut is = was.clone();
    change(&mut is);
    judged(was, &is).err()
}

/// The simulated sign-in of every superadmin, as things are.
///
/// # Errors
/// Without permission.
pub async fn simulate(services: &Services, call: &Call) -> Result<Vec<Simulated>, Error> {
    call.may(Permission::ViewSettings)?;
    let db = services.db();
    let standing = roles::standing(db).await?;
    Ok(of_superadmins(services, db, standing).await?.simulate())
}

/// Who of these people has nothing with which they could start a secure session, by username.
pub(crate) async fn stranded(
    services: &Services,
    standing: Standing,
    people: &[UserId],
) -> Result<Vec<String>, Error> {
    let picture = installation(services, services.db(), standing, people).await?;
    let all = people.iter().filter_map(|user| picture.simulate_one(*user));
    Ok(all
        .filter(|one| one.elevate.iter().all(|way| way.works == Works::No))
        .map(|one| one.username)
        .collect())
}

/// Who of these people has nothing here with which they could sign in: no password that counts, and no identity at a
/// provider that is on. What a directory answers for is not asked. A passkey stands beside a password or an identity: alone it
/// opens no session.
pub(crate) async fn shut_out(
    services: &Services,
    people: &[UserId],
) -> Result<BTreeSet<UserId>, Error> {
    let db = services.db();
    let picture = installation(services, db, Standing::default(), people).await?;
    let all = people.iter().filter_map(|user| picture.simulate_one(*user));
    Ok(all
        .filter(|one| one.sign_in.iter().all(|way| way.works == Works::No))
        .map(|one| one.user)
        .collect())
}

/// The picture of everything that decides whether a superadmin gets in.
pub(crate) async fn of_superadmins(
    services: &Services,
    reader: &impl Reader,
    standing: Standing,
) -> Result<Installation, Error> {
    let superadmins: Vec<UserId> = standing.superadmins().into_iter().collect();
    installation(services, reader, standing, &superadmins).await
}

async fn installation(
    services: &Services,
    reader: &impl Reader,
    standing: Standing,
    people: &[UserId],
) -> Result<Installation, Error> {
    let mut identities: BTreeMap<UserId, Vec<Identity>> = BTreeMap::new();
    for subject in subjects::of_users(reader, people).await? {
        identities.entry(subject.user).or_default().push(Identity {
            provider: subject.provider,
            issuer: subject.issuer,
            used: subject.last_used_at.is_some(),
        });
    }
    let held = ways_in::held(reader, people).await?;
    let people = held.into_iter().map(|held| {
        let keys = Keys {
            username: held.username,
            break_glass: held.break_glass,
            internal: held.internal,
            password: held.password,
            kit: held.kit,
            identities: identities.remove(&held.user).unwrap_or_default(),
        };
        (held.user, keys)
    });
    let people = people.collect();
    let seen = ways_in::seen(reader).await?;
    let known = |id: ProviderId| seen.get(&id).copied().unwrap_or_default();
    let providers = providers::list(reader).await?;
    let providers = providers
        .into_iter()
        .map(|provider| (provider.id, connected(&provider, known(provider.id))));
    Ok(Installation {
        name: factors::bound_name_in(services, reader).await?,
        providers: providers.collect(),
        people,
        sign_in: sign_in_policy::stored(reader).await?,
        elevation: policies::stored(reader).await?,
        standing,
    })
}

fn connected(provider: &Provider, seen: ways_in::Seen) -> Connected {
    Connected {
        name: provider.name.clone(),
        enabled: provider.enabled,
        issuer: provider.setting("issuer").unwrap_or_default().to_owned(),
        proven: seen.signed_in,
        worth: provider.calibration.standing(),
        believes_untested: provider.setting("control_probe") == Some("no"),
        proves: seen.proved,
    }
}

/// The changes without the ends of memberships that carry the role of a superadmin, and which groups those are.
pub(crate) fn without_ends(
    changes: &[Change],
    standing: &Standing,
) -> (Vec<Change>, BTreeSet<GroupId>) {
    let carriers = standing.carriers(Role::Superadmin);
    let mut kept = BTreeSet::new();
    let rest = changes.iter().filter(|change| match change.action {
        Action::RemoveMember { group, .. } if carriers.contains_key(&group) => {
            kept.insert(group);
            false
        }
        _ => true,
    });
    (rest.cloned().collect(), kept)
}
