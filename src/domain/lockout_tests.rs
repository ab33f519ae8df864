//! The lockout proof: single cases in words, and a property over installations and changes made by chance.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::id::{AssignmentId, GroupId};
use crate::membership::{Member, Origin};
use crate::policy::{PasswordRule, ProviderRule};
use crate::role::Role;
use crate::sign_in::{Passwords, ProvidedPasswords};
use crate::standing::Grant;

const CORP: ProviderId = ProviderId(Uuid::from_u128(1));

const fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(100 + n as u128))
}
const fn group(n: u8) -> GroupId {
    GroupId(Uuid::from_u128(200 + n as u128))
}
const fn grant(n: u8) -> AssignmentId {
    AssignmentId(Uuid::from_u128(300 + n as u128))
}

fn corp() -> Connected {
    Connected {
        name: "Corp".to_owned(),
        enabled: true,
        issuer: "https://corp.example".to_owned(),
        proven: true,
        worth: Worth::Informative,
        believes_untested: false,
        proves: true,
    }
}

fn keys(name: &str) -> Keys {
    Keys {
        username: name.to_owned(),
        break_glass: false,
        internal: true,
        password: false,
        kit: Kit::none(),
        identities: Vec::new(),
    }
}

fn by_password(name: &str) -> Keys {
    Keys {
        password: true,
        ..keys(name)
    }
}

fn by_corp(name: &str) -> Keys {
    Keys {
        internal: false,
        identities: vec![Identity {
            provider: CORP,
            issuer: corp().issuer,
            used: true,
        }],
        ..keys(name)
    }
}

/// Superadmins with these keys, granted directly.
fn site(people: &[Keys]) -> Installation {
    let mut site = Installation::default();
    site.providers.insert(CORP, corp());
    for (n, keys) in (0_u8..).zip(people) {
        site.people.insert(user(n), keys.clone());
        site.standing.active.insert(user(n));
        site.standing.grants.push(Grant {
            id: grant(n),
            role: Role::Superadmin,
            to: Member::User(user(n)),
        });
    }
    site
}

fn refusal(before: &Installation, change: impl FnOnce(&mut Installation)) -> Option<String> {
    let mut after = before.clone();
    change(&mut after);
    keeps_a_way_in(before, &after)
        .err()
        .map(|error| error.public.to_string())
}

fn set_corp(site: &mut Installation, change: impl FnOnce(&mut Connected)) {
    change(site.providers.entry(CORP).or_insert_with(corp));
}

#[test]
fn each_change_that_shuts_out_the_only_superadmin_is_refused_and_says_what_is_missing() {
    let site = site(&[by_corp("sue")]);
    assert_eq!(site.works(), Works::Yes);
    let refused = |change: fn(&mut Installation)| refusal(&site, change).unwrap();
    for (change, says) in [
        (
            (|site| set_corp(site, |corp| corp.enabled = false)) as fn(&mut Installation),
            "sue cannot sign in: Corp is off",
        ),
        (
            |site| drop(site.providers.remove(&CORP)),
            "sue cannot sign in: the identity provider is gone",
        ),
        (
            |site| set_corp(site, |corp| corp.issuer.push('2')),
            "of another issuer",
        ),
        (
            |site| set_corp(site, |corp| corp.proven = false),
            "nobody has signed in through Corp since it was last changed",
        ),
        (
            |site| set_corp(site, |corp| corp.worth = Worth::Uninformative),
            "sue cannot start a secure session: Corp cannot prove presence",
        ),
        (
            |site| site.standing.active.clear(),
            "there would be no superadmin",
        ),
        (
            |site| {
                site.people
                    .values_mut()
                    .for_each(|keys| keys.identities.clear())
            },
            "has neither a password nor a linked identity",
        ),
    ] {
        let words = refused(change);
        assert!(words.contains(says), "{words}");
    }
}

#[test]
fn whoever_is_left_with_a_working_way_lets_the_change_pass() {
    let site = site(&[by_corp("sue"), by_password("bob")]);
    assert_eq!(
        refusal(&site, |site| set_corp(site, |corp| corp.enabled = false)),
        None
    );
    let off = |site: &mut Installation| site.sign_in.passwords = Passwords::BreakGlassOnly;
    assert_eq!(refusal(&site, off), None);
    let mut without_corp = site.clone();
    set_corp(&mut without_corp, |corp| corp.enabled = false);
    let words = refusal(&without_corp, off).unwrap();
    assert!(
        words.contains("bob cannot sign in: the password does not count"),
        "{words}"
    );
}

#[test]
fn switching_passwords_off_passes_with_a_break_glass_account() {
    let glass = Keys {
        break_glass: true,
        ..by_password("root")
    };
    let site = site(&[glass]);
    let off = |site: &mut Installation| {
        site.sign_in.passwords = Passwords::BreakGlassOnly;
        let never = ElevationPolicy {
            password: PasswordRule::Never,
            ..ElevationPolicy::default()
        };
        site.elevation.set(Role::Superadmin, never);
    };
    assert_eq!(refusal(&site, off), None);
}

#[test]
fn a_policy_that_no_superadmin_meets_is_refused() {
    let site = site(&[by_password("bob")]);
    let words = refusal(&site, |site| {
        let strict = ElevationPolicy {
            password: PasswordRule::WithFactor,
            ..ElevationPolicy::default()
        };
        site.elevation.set(Role::Superadmin, strict);
    });
    assert!(words.unwrap().contains("bob cannot start a secure session"),);
}

#[test]
fn a_lost_factor_is_missed_where_an_unprovable_answer_needs_it() {
    let mut site = site(&[Keys {
        kit: app(),
        ..by_corp("sue")
    }]);
    set_corp(&mut site, |corp| corp.worth = Worth::Silent);
    let confirmed = ElevationPolicy {
        provider: ProviderRule::FreshOrConfirmed,
        ..ElevationPolicy::default()
    };
    site.elevation.set(Role::Superadmin, confirmed);
    assert_eq!(site.works(), Works::Yes);
    let lost = |site: &mut Installation| {
        site.people
            .values_mut()
            .for_each(|keys| keys.kit = Kit::none());
    };
    assert!(refusal(&site, lost).is_some());
}

#[test]
fn where_nobody_gets_in_everything_may_be_repaired() {
    let site = site(&[keys("sue")]);
    assert_eq!(site.works(), Works::No);
    assert_eq!(refusal(&site, |site| site.providers.clear()), None);
}

/// One change, by chance.
#[derive(Clone, Debug)]
enum Change {
    Disable(u8),
    Remove(u8),
    Reconnect(u8),
    Reissue(u8),
    Worth(u8, Worth),
    SignIn(SignInPolicy),
    Policy(Role, ElevationPolicy),
    Withdraw(u8),
    DeleteGroup(u8),
    Leave(u8, u8),
    Deactivate(u8),
    NoPassword(u8),
    NoFactor(u8),
    Unlink(u8),
    Ordinary(u8),
}

fn provider(n: u8) -> ProviderId {
    ProviderId(Uuid::from_u128(u128::from(n % 2) + 1))
}

fn make(site: &mut Installation, change: &Change) {
    let mut person = |n: u8, change: fn(&mut Keys)| {
        if let Some(keys) = site.people.get_mut(&user(n)) {
            change(keys);
        }
    };
    match change {
        Change::NoPassword(n) => person(*n, |keys| keys.password = false),
        Change::NoFactor(n) => person(*n, |keys| keys.kit = Kit::none()),
        Change::Unlink(n) => person(*n, |keys| keys.identities.truncate(0)),
        Change::Ordinary(n) => person(*n, |keys| keys.break_glass = false),
        Change::SignIn(policy) => site.sign_in = *policy,
        Change::Policy(role, policy) => site.elevation.set(*role, policy.clone()),
        Change::Remove(n) => drop(site.providers.remove(&provider(*n))),
        Change::Deactivate(n) => {
            site.standing.active.remove(&user(*n));
        }
        Change::Withdraw(n) => {
            site.standing = site.standing.clone().without_grant(grant(*n));
        }
        Change::DeleteGroup(n) => {
            site.standing = site.standing.clone().without_group(group(*n));
        }
        Change::Leave(of, n) => {
            let member = Member::User(user(*n));
            let standing = site.standing.clone();
            site.standing = standing.without_member(group(*of), member, Origin::Manual);
        }
        Change::Disable(n) | Change::Reconnect(n) | Change::Reissue(n) | Change::Worth(n, _) => {
            if let Some(provider) = site.providers.get_mut(&provider(*n)) {
                match change {
                    Change::Disable(_) => provider.enabled = false,
                    Change::Reconnect(_) => (provider.proven, provider.proves) = (false, false),
                    Change::Worth(_, worth) => provider.worth = *worth,
                    _ => provider.issuer.push('2'),
                }
            }
        }
    }
}

fn sign_ins() -> impl Strategy<Value = SignInPolicy> {
    (any::<bool>(), 0_u8..3).prop_map(|(off, provided)| SignInPolicy {
        passwords: if off {
            Passwords::BreakGlassOnly
        } else {
            Passwords::Everybody
        },
        provided: match provided {
            0 => ProvidedPasswords::Forbidden,
            1 => ProvidedPasswords::Allowed,
            _ => ProvidedPasswords::WithFactor,
        },
    })
}

fn elevation_policies() -> impl Strategy<Value = ElevationPolicy> {
    (any::<bool>(), 0_u8..3).prop_map(|(confirmed, password)| ElevationPolicy {
        provider: if confirmed {
            ProviderRule::FreshOrConfirmed
        } else {
            ProviderRule::Fresh
        },
        password: match password {
            0 => PasswordRule::Enough,
            1 => PasswordRule::WithFactor,
            _ => PasswordRule::Never,
        },
        ..ElevationPolicy::default()
    })
}

fn worths() -> impl Strategy<Value = Worth> {
    proptest::sample::select(vec![
        Worth::Informative,
        Worth::Unknown,
        Worth::Silent,
        Worth::Uninformative,
    ])
}

fn changes() -> impl Strategy<Value = Change> {
    let n = || 0_u8..5;
    prop_oneof![
        n().prop_map(Change::Disable),
        n().prop_map(Change::Remove),
        n().prop_map(Change::Reconnect),
        n().prop_map(Change::Reissue),
        (n(), worths()).prop_map(|(n, worth)| Change::Worth(n, worth)),
        sign_ins().prop_map(Change::SignIn),
        (
            proptest::sample::select(Role::ALL.to_vec()),
            elevation_policies()
        )
            .prop_map(|(role, policy)| Change::Policy(role, policy)),
        n().prop_map(Change::Withdraw),
        n().prop_map(Change::DeleteGroup),
        (n(), n()).prop_map(|(group, n)| Change::Leave(group, n)),
        n().prop_map(Change::Deactivate),
        n().prop_map(Change::NoPassword),
        n().prop_map(Change::NoFactor),
        n().prop_map(Change::Unlink),
        n().prop_map(Change::Ordinary),
    ]
}

fn people() -> impl Strategy<Value = Keys> {
    (
        any::<[bool; 5]>(),
        proptest::collection::vec((0_u8..2, any::<bool>()), 0..3),
    )
        .prop_map(
            |([break_glass, internal, password, enrolled, _], identities)| Keys {
                username: "somebody".to_owned(),
                break_glass,
                internal,
                password,
                enrolled: if enrolled {
                    Enrolled::Yes
                } else {
                    Enrolled::No
                },
                identities: identities
                    .into_iter()
                    .map(|(n, used)| Identity {
                        provider: provider(n),
                        issuer: "https://corp.example".to_owned(),
                        used,
                    })
                    .collect(),
            },
        )
}

fn connected() -> impl Strategy<Value = Connected> {
    (any::<[bool; 4]>(), worths()).prop_map(|([enabled, proven, believes, proves], worth)| {
        Connected {
            enabled,
            proven,
            proves,
            worth,
            believes_untested: believes,
            ..corp()
        }
    })
}

prop_compose! {
    fn installations()(
        keys in proptest::collection::vec(people(), 1..5),
        providers in proptest::collection::vec(connected(), 2),
        sign_in in sign_ins(),
        policy in elevation_policies(),
        nested in any::<bool>(),
    ) -> Installation {
        let mut site = site(&keys);
        site.sign_in = sign_in;
        site.elevation.set(Role::Superadmin, policy);
        for (n, connected) in (0_u8..).zip(providers) {
            site.providers.insert(provider(n), connected);
        }
        // Everybody but the first holds the role through a group, or a group in a group.
        for grant in site.standing.grants.iter_mut().skip(1) {
            grant.to = Member::Group(group(u8::from(nested)));
        }
        for n in 1..u8::try_from(keys.len()).unwrap_or(1) {
            site.standing.people.insert((group(0), user(n), Origin::Manual));
        }
        if nested {
            site.standing.nesting.insert((group(1), group(0), Origin::Manual));
        }
        site
    }
}

proptest! {
    #[test]
    fn after_an_accepted_change_somebody_still_gets_in_if_somebody_did(
        mut site in installations(),
        changes in proptest::collection::vec(changes(), 1..12),
    ) {
        let at_first = site.works();
        for change in &changes {
            let mut after = site.clone();
            make(&mut after, change);
            let accepted = keeps_a_way_in(&site, &after);
            prop_assert_eq!(accepted.is_ok(), after.works() >= site.works(), "{:?}", change);
            if accepted.is_ok() {
                site = after;
            }
            prop_assert!(site.works() >= at_first);
        }
        // Whoever passes is an active superadmin with both ways, and nobody else is asked.
        let superadmins: BTreeSet<UserId> = site.standing.superadmins();
        for simulated in site.simulate() {
            prop_assert!(superadmins.contains(&simulated.user));
            if simulated.works() == Works::Yes {
                prop_assert!(simulated.missing().is_none());
                prop_assert!(!simulated.sign_in.is_empty() && !simulated.elevate.is_empty());
            } else {
                prop_assert!(simulated.missing().is_some());
            }
        }
    }

    #[test]
    fn a_refusal_names_whoever_is_left_or_says_that_nobody_is(
        site in installations(),
        change in changes(),
    ) {
        let mut after = site.clone();
        make(&mut after, &change);
        if let Err(refused) = keeps_a_way_in(&site, &after) {
            prop_assert_eq!(refused.code, "LOCK-001");
            let names_somebody = refused.public.contains("somebody cannot");
            let nobody = refused.public.contains("there would be no superadmin");
            prop_assert_eq!(names_somebody, !after.simulate().is_empty());
            prop_assert_eq!(nobody, after.simulate().is_empty());
            prop_assert!(refused.next.is_some());
        }
    }
}
