//! The lockout proof: single cases in words.

#[path = "lockout_tests/properties.rs"]
mod properties;

use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::id::{AssignmentId, GroupId};
use crate::membership::{Member, Origin};
use crate::policy::{FactorRule, PasskeyRule, PasswordRule, ProviderRule};
use crate::role::Role;
use crate::sign_in::{Passwords, ProvidedPasswords};
use crate::standing::Grant;

/// The name by which passkeys know the console.
const HERE: &str = "muster.example";
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

/// The second factor of somebody with an app and nothing else.
fn app() -> Kit {
    Kit {
        enrolled: Enrolled::Yes,
        app: true,
        ..Kit::none()
    }
}

/// A passkey made for this name, and nothing else.
fn passkey(name: &str) -> Kit {
    Kit {
        enrolled: Enrolled::Yes,
        passkeys: BTreeSet::from([name.to_owned()]),
        ..Kit::none()
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
    let mut site = Installation {
        name: Some(HERE.to_owned()),
        ..Installation::default()
    };
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
fn a_passkey_counts_at_the_name_it_was_made_for_and_nowhere_else() {
    let bob = |kit| Keys {
        kit,
        ..by_password("bob")
    };
    let site_of = |kit| site(&[bob(kit)]);
    let moved = |site: &mut Installation| site.name = Some("other.example".to_owned());
    let nameless = |site: &mut Installation| site.name = None;
    let only = site_of(passkey(HERE));
    assert_eq!(only.works(), Works::Yes);
    let words = refusal(&only, moved).unwrap();
    let says = "bob cannot sign in: no passkey of theirs answers to other.example";
    assert!(words.contains(says), "{words}");
    assert!(
        refusal(&only, nameless)
            .unwrap()
            .contains("at this address")
    );
    // Recovery codes, an app, or a passkey of the new name let them in all the same.
    for stands_in in [
        Kit {
            codes: true,
            ..passkey(HERE)
        },
        Kit {
            app: true,
            ..passkey(HERE)
        },
    ] {
        let site = site_of(stands_in);
        assert_eq!(refusal(&site, moved), None);
        assert_eq!(refusal(&site, nameless), None);
    }
    let mut both = passkey(HERE);
    both.passkeys.insert("other.example".to_owned());
    assert_eq!(refusal(&site_of(both), moved), None);
    // With a passkey that answers nowhere the password is not enough, although without any it was.
    assert_eq!(site_of(passkey("other.example")).works(), Works::No);
}

#[test]
fn every_proof_that_policy_may_ask_for_is_tried() {
    let silent = |site: &mut Installation| set_corp(site, |corp| corp.worth = Worth::Silent);
    let confirmed = ElevationPolicy {
        provider: ProviderRule::FreshOrConfirmed,
        ..ElevationPolicy::default()
    };
    let passkeys_alone = |policy: &ElevationPolicy| ElevationPolicy {
        factors: FactorRule::Passkey,
        ..policy.clone()
    };
    let with_factor = ElevationPolicy {
        password: PasswordRule::WithFactor,
        passkey: PasskeyRule::Beside,
        ..ElevationPolicy::default()
    };
    let never = ElevationPolicy {
        password: PasswordRule::Never,
        ..ElevationPolicy::default()
    };
    let codes = Kit {
        app: false,
        codes: true,
        ..app()
    };
    for (policy, at_corp, kit, works) in [
        // A password and what is beside it.
        (&with_factor, false, Kit::none(), Works::No),
        (&with_factor, false, app(), Works::Yes),
        (&with_factor, false, codes.clone(), Works::Yes),
        (&with_factor, false, passkey(HERE), Works::Yes),
        (&with_factor, false, passkey("other.example"), Works::No),
        (&passkeys_alone(&with_factor), false, app(), Works::No),
        (
            &passkeys_alone(&with_factor),
            false,
            passkey(HERE),
            Works::Yes,
        ),
        // A passkey alone, which counts where the password does.
        (
            &ElevationPolicy::default(),
            false,
            passkey(HERE),
            Works::Yes,
        ),
        (&never, false, passkey(HERE), Works::No),
        // A provider that proves nothing, and what confirms it.
        (&ElevationPolicy::default(), true, passkey(HERE), Works::No),
        (&confirmed, true, Kit::none(), Works::No),
        (&confirmed, true, app(), Works::Yes),
        (&confirmed, true, codes, Works::Yes),
        (&confirmed, true, passkey("other.example"), Works::No),
        (&passkeys_alone(&confirmed), true, app(), Works::No),
        (&passkeys_alone(&confirmed), true, passkey(HERE), Works::Yes),
    ] {
        let keys = if at_corp {
            by_corp("sue")
        } else {
            by_password("sue")
        };
        let told = kit.clone();
        let mut site = site(&[Keys { kit, ..keys }]);
        silent(&mut site);
        site.elevation.set(Role::Superadmin, policy.clone());
        assert_eq!(site.works(), works, "{policy:?} {at_corp} {told:?}");
    }
}

#[test]
fn where_nobody_gets_in_everything_may_be_repaired() {
    let site = site(&[keys("sue")]);
    assert_eq!(site.works(), Works::No);
    assert_eq!(refusal(&site, |site| site.providers.clear()), None);
}
