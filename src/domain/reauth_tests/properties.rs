//! What holds for every answer.

use proptest::prelude::*;

use super::*;

prop_compose! {
    /// Anything at all, near enough to the truth that every verdict is common.
    pub(super) fn trips()(
        auth_time in prop_oneof![
            2 => Just(None),
            12 => (-200_i64..200).prop_map(|s| Some(json!(ASKED + s))),
            2 => (-200_f64..200.0).prop_map(|s| Some(json!(ASKED as f64 + s))),
            1 => Just(Some(json!("x"))),
            1 => Just(Some(json!(ASKED * 1000))),
        ],
        signed_in in proptest::option::of(-200_i64..100),
        arrives in prop_oneof![8 => 0_i64..100, 1 => -5_i64..700],
        issued in prop_oneof![8 => -30_i64..30, 1 => -130_i64..130],
        bends in proptest::collection::vec(prop_oneof![9 => Just(false), 1 => Just(true)], 6),
        worth in proptest::sample::select(vec![Worth::Unknown, Worth::Informative, Worth::Uninformative, Worth::Silent]),
        required in proptest::option::of(Just("mfa")),
        acr in proptest::option::of(proptest::sample::select(vec!["mfa", "0"])),
        skew in 0_u32..200,
        believes_untested in any::<bool>(),
        measured in proptest::option::of((-130_000_i64..130_000, 0_i64..9000, 1_usize..4)),
        refuted in prop_oneof![4 => Just(false), 1 => Just(true)],
        asked_for in proptest::option::of(proptest::sample::select(vec!["mfa", "gold mfa", "gold"])),
        sent in (proptest::option::of("login|none"), proptest::option::of(0_u64..2), any::<bool>()),
    ) -> Trip {
        Trip::with(|trip| {
            trip.claims = json!({"acr": acr});
            if let Some(auth_time) = auth_time {
                trip.claims["auth_time"] = auth_time;
            }
            trip.challenge.signed_in = signed_in.map(at);
            trip.arrival.at = at(arrives);
            trip.issued_at = at(arrives + issued);
            trip.calibration.worth = worth;
            trip.challenge.required_acr = required.map(str::to_owned);
            trip.policy.skew_seconds = skew;
            trip.policy.believes_untested = believes_untested;
            trip.policy.measured = measured.map(|(ahead_ms, spread_ms, people)| Measured { ahead_ms, spread_ms, answers: 9, people });
            if refuted { trip.calibration = trip.calibration.refuted_by("It went on after cancel.", at(-100)); }
            trip.challenge.sent = Sent { prompt: sent.0, max_age: sent.1, pushed: sent.2, acr_values: asked_for.map(str::to_owned), ..Sent::default() };
            for (n, bend) in bends.into_iter().enumerate() {
                if bend { BENDS[n](trip) }
            }
        })
    }
}

/// Each breaks who, or from where.
const BENDS: [fn(&mut Trip); 6] = [
    |trip| trip.arrival.session = SessionKey("s2".to_owned()),
    |trip| trip.arrival.user = UserId(Uuid::from_u128(77)),
    |trip| trip.provider = ProviderId(Uuid::from_u128(99)),
    |trip| trip.issuer = "https://evil.example".to_owned(),
    |trip| trip.subject = "bob".to_owned(),
    |trip| trip.challenge.expected = None,
];

/// What fresh means, written down apart from the judge.
fn all_hold(trip: &Trip) -> bool {
    let (ahead, within, limit) = allowed(trip);
    let Challenge {
        asked_at,
        signed_in,
        required_acr,
        expected,
        ..
    } = &trip.challenge;
    let waited = trip.arrival.at - *asked_at;
    let evidence = trip.evidence();
    let Some(stated) = evidence.stated().instant() else {
        return false;
    };
    trip.arrival.session == trip.challenge.session
        && trip.arrival.user == trip.challenge.user
        && waited >= TimeDelta::zero()
        && waited <= TimeDelta::seconds(600)
        && trip.provider == trip.challenge.provider
        && *expected == Some((trip.issuer.clone(), trip.subject.clone()))
        && stated - ahead >= *asked_at - within
        && stated - ahead <= trip.arrival.at + within
        && signed_in.is_none_or(|before| stated > before)
        && (trip.issued_at - trip.arrival.at).abs() <= limit
        && trip.calibration.refuted.is_none()
        && match trip.calibration.worth {
            Worth::Informative => true,
            Worth::Unknown | Worth::Silent => trip.policy.believes_untested,
            Worth::Uninformative => false,
        }
        && match (required_acr, &trip.challenge.sent.acr_values) {
            (Some(acr), _) => trip.claims["acr"] == acr.as_str(),
            (None, Some(asked)) => asked.split(' ').any(|acr| trip.claims["acr"] == acr),
            (None, None) => true,
        }
}

/// How far the clock is taken to be ahead, what is allowed for then, and how far off it may be at all.
fn allowed(trip: &Trip) -> (TimeDelta, TimeDelta, TimeDelta) {
    let usual = TimeDelta::seconds(i64::from(trip.policy.skew_seconds).min(120));
    let own = trip.issued_at - trip.arrival.at;
    let Some(measured) = trip.policy.measured else {
        return (TimeDelta::zero(), usual, usual);
    };
    let ahead = TimeDelta::milliseconds(measured.ahead_ms);
    let within = TimeDelta::milliseconds((measured.spread_ms * 3 + 2000).max(5000));
    let reach = ahead.abs() + within;
    let widens = measured.people > 1 && reach <= TimeDelta::seconds(120);
    if within < usual && (own - ahead).abs() <= within && (reach <= usual || widens) {
        (ahead, within, reach.max(usual))
    } else {
        (TimeDelta::zero(), usual, usual)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn fresh_means_all_of_it_and_all_of_it_means_fresh(trip in trips()) {
        prop_assert_eq!(trip.verdict() == Verdict::Fresh, all_hold(&trip), "{:?}", trip.judge());
    }

    #[test]
    fn only_fresh_holds_a_proof_and_every_verdict_has_its_reason(trip in trips()) {
        let judgement = trip.judge();
        prop_assert_eq!(judgement.proof().is_some(), judgement.verdict() == Verdict::Fresh);
        prop_assert!(!judgement.reasons().is_empty());
        for reason in judgement.reasons() {
            prop_assert!(reason.len() > 20 && reason.ends_with('.'), "{}", reason);
        }
    }

    #[test]
    fn stripping_what_forces_changes_no_verdict(mut trip in trips()) {
        let before = trip.verdict();
        // The classes asked for are the one thing whose answer is looked for.
        trip.challenge.sent = Sent { acr_values: trip.challenge.sent.acr_values.clone(), ..Sent::default() };
        prop_assert_eq!(trip.verdict(), before);
    }

    #[test]
    fn breaking_any_one_condition_of_a_fresh_answer_makes_it_not_fresh(later in 1_i64..60, n in 0_usize..14) {
        let fresh = Trip::with(|trip| {
            trip.claims = json!({"auth_time": ASKED + later, "acr": "mfa"});
            trip.arrival.at = at(later + 1);
            trip.issued_at = at(later + 1);
            trip.challenge.required_acr = Some("mfa".to_owned());
        });
        prop_assert_eq!(fresh.verdict(), Verdict::Fresh);
        let mut broken = fresh.clone();
        match n {
            0..=5 => BENDS[n](&mut broken),
            6 => broken.claims["auth_time"] = json!(ASKED - SKEW - later),
            7 => broken.claims["auth_time"] = json!(ASKED + later + 1 + SKEW + later),
            8 => broken.challenge.signed_in = Some(at(later)),
            9 => broken.calibration.worth = Worth::Uninformative,
            10 => broken.claims["acr"] = json!("pwd"),
            11 => broken.claims["auth_time"] = Value::Null,
            12 => broken.arrival.at = at(601 + later),
            _ => broken.issued_at = at(later + 1 - SKEW - later),
        }
        prop_assert_ne!(broken.verdict(), Verdict::Fresh, "{}", n);
    }

    #[test]
    fn an_elevation_runs_only_in_its_own_session_for_its_own_person_in_its_own_time(
        key in "s[12]", user in 1_u128..3, now in -100_i64..1000, lifetime in 60_u32..900,
    ) {
        let proof = Trip::fresh().judge().proof().unwrap();
        let policy = ElevationPolicy { lifetime_seconds: lifetime, ..ElevationPolicy::default() };
        let terms = Terms { policy: &policy, enrolled: Enrolled::No, network: "" };
        let session = Session {
            key: SessionKey(key.clone()),
            user: UserId(Uuid::from_u128(user)),
            signed_in_at: at(-3600),
            means: Means::Password,
            opened_by: Openers::nobody(),
            elevation: Elevation::earn(ElevationId(Uuid::from_u128(5)), proof, SessionKey("s2".to_owned()), terms),
        };
        let runs = key == "s2" && user == 1 && now >= 10 && now < 10 + i64::from(lifetime);
        prop_assert_eq!(session.elevated(at(now)).is_some(), runs);
    }

    #[test]
    fn w19_whatever_comes_back_and_whatever_policy_says_a_refuted_answer_elevates_nobody(
        trip in trips(), confirms in any::<bool>(), password in 0_usize..3, enrolled in any::<bool>(), owner in 1_u128..3,
    ) {
        let policy = ElevationPolicy {
            provider: if confirms { ProviderRule::FreshOrConfirmed } else { ProviderRule::Fresh },
            password: [PasswordRule::Enough, PasswordRule::WithFactor, PasswordRule::Never][password],
            ..ElevationPolicy::default()
        };
        let terms = Terms { policy: &policy, enrolled: if enrolled { Enrolled::Yes } else { Enrolled::No }, network: "" };
        let judgement = trip.judge();
        let verdict = judgement.verdict();
        let checked = || FactorChecked::witness(UserId(Uuid::from_u128(owner)), Answered::Totp, Openers::nobody());
        // Everything an answer can be turned into: its proof, its proof with a code, and what a code makes of the rest.
        let proofs = [
            judgement.proof(),
            judgement.proof().and_then(|proof| proof.with_factor(checked())),
            judgement.unproven().and_then(|unproven| unproven.with_factor(checked(), trip.arrival.at)),
        ];
        let earned: Vec<_> = proofs.into_iter().flatten().filter_map(|proof| {
            Elevation::earn(ElevationId(Uuid::from_u128(5)), proof, SessionKey("s2".to_owned()), terms)
        }).collect();
        let may = verdict == Verdict::Fresh || (verdict == Verdict::Unprovable && confirms && owner == 1);
        prop_assert_eq!(!earned.is_empty(), may, "{:?}", judgement);
        for elevation in earned {
            let kind = elevation.to_row().kind;
            prop_assert_eq!(kind == ProofKind::Fresh, verdict == Verdict::Fresh);
            prop_assert_eq!(elevation.to_row().user, trip.challenge.user);
        }
    }
}

#[test]
fn w19_a_kept_verdict_other_than_unprovable_is_recalled_as_nothing() {
    let trip = Trip::fresh();
    let Challenge {
        session,
        user,
        provider,
        ..
    } = &trip.challenge;
    for verdict in Verdict::ALL {
        let recalled = Unproven::recall(verdict, session, *user, *provider);
        assert_eq!(
            recalled.is_some(),
            verdict == Verdict::Unprovable,
            "{verdict:?}"
        );
    }
}
