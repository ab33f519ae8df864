//! The lockout proof over installations and changes made by chance.

use proptest::prelude::*;

use super::*;

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
    NoCodes(u8),
    Address(bool),
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
        Change::NoCodes(n) => person(*n, |keys| keys.kit.codes = false),
        Change::Address(same) => {
            let name = if *same { HERE } else { "other.example" };
            site.name = Some(name.to_owned());
        }
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
    (any::<[bool; 3]>(), 0_u8..3).prop_map(|([confirmed, resistant, beside], password)| {
        ElevationPolicy {
            factors: if resistant {
                FactorRule::Passkey
            } else {
                FactorRule::Any
            },
            passkey: if beside {
                PasskeyRule::Beside
            } else {
                PasskeyRule::Enough
            },
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
        }
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
        n().prop_map(Change::NoCodes),
        any::<bool>().prop_map(Change::Address),
        n().prop_map(Change::Unlink),
        n().prop_map(Change::Ordinary),
    ]
}

fn people() -> impl Strategy<Value = Keys> {
    (
        any::<[bool; 7]>(),
        proptest::collection::vec((0_u8..2, any::<bool>()), 0..3),
    )
        .prop_map(
            |([break_glass, internal, password, enrolled, app, codes, here], identities)| Keys {
                username: "somebody".to_owned(),
                break_glass,
                internal,
                password,
                kit: if enrolled {
                    let name = if here { HERE } else { "other.example" };
                    Kit {
                        app,
                        codes,
                        ..passkey(name)
                    }
                } else {
                    Kit::none()
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
