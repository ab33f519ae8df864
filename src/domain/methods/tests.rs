//! The comparison is complete and the recommendation follows from the answers.

use proptest::prelude::*;

use super::*;

fn of(answers: &Answers, method: Method) -> Fit {
    let fits = recommend(answers);
    fits.into_iter().find(|fit| fit.method == method).unwrap()
}

#[test]
fn every_method_has_its_facts_and_three_are_here() {
    for method in Method::ALL {
        assert!(
            !method.pros().is_empty() && !method.cons().is_empty() && !method.needs().is_empty()
        );
        assert_eq!(Method::from_key(method.key()), Some(method));
        assert_eq!(serde_json::to_value(method).unwrap(), method.key());
    }
    let here: Vec<_> = Method::ALL
        .into_iter()
        .filter(|method| method.availability() == Availability::Here)
        .collect();
    assert_eq!(here, [Method::Manual, Method::Jit, Method::Ldap]);
}

#[test]
fn a_small_firm_with_a_provider_takes_what_is_here() {
    let answers = Answers {
        size: Size::Dozens,
        cloud_idp: Some(Vendor::Keycloak),
        ..Answers::default()
    };
    let fits = recommend(&answers);
    assert_eq!(fits[0].fits, Fits::Well);
    assert_eq!(fits[0].method.availability(), Availability::Here);
    assert_eq!(of(&answers, Method::Jit).fits, Fits::Well);
    assert_eq!(of(&answers, Method::Scim).fits, Fits::Not);
}

#[test]
fn where_leavers_must_vanish_sign_ins_alone_do_not_fit_and_the_reason_comes_first() {
    let answers = Answers {
        leavers_must_vanish: true,
        cloud_idp: Some(Vendor::Okta),
        inbound_possible: true,
        ..Answers::default()
    };
    let jit = of(&answers, Method::Jit);
    assert_eq!(jit.fits, Fits::Not);
    assert!(jit.because[0].contains("left"), "{:?}", jit.because);
    assert_eq!(of(&answers, Method::Scim).fits, Fits::Well);
}

#[test]
fn a_server_that_cannot_be_reached_is_not_pushed_to_but_by_an_agent_of_entra() {
    let with = |vendor| Answers {
        cloud_idp: Some(vendor),
        ..Answers::default()
    };
    assert_eq!(of(&with(Vendor::Okta), Method::Scim).fits, Fits::Not);
    assert_eq!(of(&with(Vendor::Entra), Method::Scim).fits, Fits::Partly);
    assert_eq!(
        of(&with(Vendor::Okta), Method::ApiConnector).fits,
        Fits::Well
    );
}

#[test]
fn nothing_is_read_from_a_directory_that_is_not_there() {
    for directory in [
        OnPremises::None,
        OnPremises::Ldap,
        OnPremises::ActiveDirectory,
        OnPremises::Crowd,
    ] {
        let answers = Answers {
            directory,
            ..Answers::default()
        };
        let ldap = matches!(directory, OnPremises::Ldap | OnPremises::ActiveDirectory);
        assert_eq!(of(&answers, Method::Ldap).fits != Fits::Not, ldap);
        assert_eq!(
            of(&answers, Method::Crowd).fits != Fits::Not,
            directory == OnPremises::Crowd
        );
    }
}

proptest! {
    #[test]
    fn whatever_the_answers_every_method_is_told_once_best_first_with_a_reason(
        size in prop_oneof![Just(Size::Dozens), Just(Size::Hundreds), Just(Size::Thousands)],
        leavers_must_vanish: bool,
        inbound_possible: bool,
        nested_groups: bool,
        directory in prop_oneof![Just(OnPremises::None), Just(OnPremises::Ldap), Just(OnPremises::ActiveDirectory), Just(OnPremises::Crowd)],
        vendor in proptest::option::of(proptest::sample::select(Vendor::ALL.to_vec())),
    ) {
        let answers = Answers { size, leavers_must_vanish, inbound_possible, directory, cloud_idp: vendor, nested_groups };
        let fits = recommend(&answers);
        let mut methods: Vec<_> = fits.iter().map(|fit| fit.method).collect();
        methods.sort();
        methods.dedup();
        prop_assert_eq!(methods.len(), Method::ALL.len());
        prop_assert!(fits.windows(2).all(|w| w[0].fits <= w[1].fits));
        prop_assert!(fits.iter().all(|fit| !fit.because.is_empty()));
    }
}
