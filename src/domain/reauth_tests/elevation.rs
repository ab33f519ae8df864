//! Secure admin sessions: whose they are, and when they end.

use super::*;

fn session(key: &str, user: u128) -> Session {
    Session {
        key: SessionKey(key.to_owned()),
        user: UserId(Uuid::from_u128(user)),
        signed_in_at: at(-3600),
        means: Means::Password,
        opened_by: Openers::nobody(),
        elevation: None,
    }
}

fn earned() -> Elevation {
    let proof = Trip::fresh().judge().proof().unwrap();
    assert_eq!(proof.session(), &SessionKey("s1".to_owned()));
    assert_eq!(proof.user(), UserId(Uuid::from_u128(1)));
    Elevation::earn(
        ElevationId(Uuid::from_u128(5)),
        proof,
        SessionKey(ROTATED.to_owned()),
        terms(&ElevationPolicy::default(), Enrolled::No),
    )
    .unwrap()
}

fn terms(policy: &ElevationPolicy, enrolled: Enrolled) -> Terms<'_> {
    Terms {
        policy,
        enrolled,
        network: "192.0.2.1",
    }
}

/// The name of the session once it is elevated.
const ROTATED: &str = "s1-rotated";

#[test]
fn w3_the_name_that_the_session_had_before_is_not_elevated() {
    let mut old = session("s1", 1);
    old.elevation = Some(earned());
    assert!(old.elevated(at(10)).is_none());
}

#[test]
fn w17_without_an_elevation_there_is_no_elevated_session() {
    assert!(session("s1", 1).elevated(at(10)).is_none());
}

#[test]
fn w23_an_elevation_runs_from_its_proof_for_ten_minutes_and_not_a_moment_longer() {
    let mut session = session(ROTATED, 1);
    session.elevation = Some(earned());
    for (now, runs) in [
        (9_999, false),
        (10_000, true),
        (609_999, true),
        (610_000, false),
        (900_000, false),
    ] {
        assert_eq!(session.elevated(millis(now)).is_some(), runs, "{now}");
    }
    let elevated = session.elevated(at(10)).unwrap();
    assert_eq!(elevated.ends_at(), at(610));
    assert_eq!(elevated.kind(), ProofKind::Fresh);
}

#[test]
fn w22_an_elevation_of_another_session_is_not_accepted() {
    let mut other = session("s2", 1);
    other.elevation = Some(earned());
    assert!(other.elevated(at(10)).is_none());
}

#[test]
fn w18_an_elevation_of_another_person_is_not_accepted() {
    let mut other = session(ROTATED, 2);
    other.elevation = Some(earned());
    assert!(other.elevated(at(10)).is_none());
}

#[test]
fn w24_a_dropped_elevation_is_over() {
    let mut session = session(ROTATED, 1);
    session.elevation = Some(earned());
    assert!(session.elevated(at(10)).is_some());
    session.elevation = None;
    assert!(session.elevated(at(10)).is_none());
}

#[test]
fn a_password_proves_the_presence_of_its_owner_alone() {
    let session = session("s1", 1);
    let checked = |user| {
        PasswordChecked::witness(
            UserId(Uuid::from_u128(user)),
            Openers::nobody(),
            Imprint::of("phc"),
        )
    };
    assert!(Proof::password(&session, checked(2), at(0)).is_none());
    let proof = Proof::password(&session, checked(1), at(0)).unwrap();
    let rotated = SessionKey(ROTATED.to_owned());
    let elevation = Elevation::earn(
        ElevationId(Uuid::from_u128(5)),
        proof,
        rotated,
        terms(&ElevationPolicy::default(), Enrolled::No),
    )
    .unwrap();
    let row = elevation.to_row();
    assert_eq!((row.kind, row.provider), (ProofKind::Password, None));
    assert_eq!(Elevation::recall(row), elevation);
}

#[test]
fn a_second_factor_makes_a_password_good_for_its_owner_alone() {
    let session = session("s1", 1);
    let password = || {
        let checked = PasswordChecked::witness(
            UserId(Uuid::from_u128(1)),
            Openers::nobody(),
            Imprint::of("phc"),
        );
        Proof::password(&session, checked, at(0)).unwrap()
    };
    let factor = |user| {
        let user = UserId(Uuid::from_u128(user));
        FactorChecked::witness(user, Answered::Totp, Openers::nobody())
    };
    assert!(password().with_factor(factor(2)).is_none());
    let proof = password().with_factor(factor(1)).unwrap();
    assert_eq!(proof.kind(), ProofKind::PasswordAndFactor);
    let policy = ElevationPolicy::default();
    let earn = |proof| {
        let rotated = SessionKey(ROTATED.to_owned());
        let terms = terms(&policy, Enrolled::Yes);
        Elevation::earn(ElevationId(Uuid::from_u128(5)), proof, rotated, terms)
    };
    assert!(earn(password()).is_none(), "whoever has one uses it");
    assert_eq!(
        earn(proof).unwrap().to_row().kind,
        ProofKind::PasswordAndFactor
    );
}

#[test]
fn a_secure_session_bound_to_a_network_and_an_idle_end_says_where_and_how_long_it_runs() {
    let policy = ElevationPolicy {
        idle_seconds: Some(120),
        address: Address::Stays,
        lifetime_seconds: 300,
        ..ElevationPolicy::default()
    };
    let proof = Trip::fresh().judge().proof().unwrap();
    let bound = Elevation::earn(
        ElevationId(Uuid::from_u128(5)),
        proof,
        SessionKey(ROTATED.to_owned()),
        terms(&policy, Enrolled::No),
    )
    .unwrap();
    assert_eq!(bound.to_row().ends_at, at(310));
    assert!(bound.runs_from("192.0.2.1") && !bound.runs_from("192.0.2.2"));
    for (seen, now, idle) in [
        (-500, 20, false),
        (-500, 130, false),
        (-500, 131, true),
        (60, 180, false),
        (60, 181, true),
    ] {
        let used = Elevation::recall(crate::session::StoredElevation {
            used_at: Some(at(seen)),
            ..bound.to_row()
        });
        assert_eq!(used.is_idle(at(now)), idle, "{seen} {now}");
    }
    assert!(bound.is_idle(at(131)) && !bound.is_idle(at(130)));
    assert!(!earned().is_idle(at(609)));
    assert!(earned().runs_from("203.0.113.9"));
}

#[test]
fn a_form_lengthens_the_secure_session_it_was_drawn_in_by_a_minute_and_no_other() {
    let (own, other) = (
        ElevationId(Uuid::from_u128(5)),
        ElevationId(Uuid::from_u128(6)),
    );
    for (during, last) in [(None, 600), (Some(other), 600), (Some(own), 660)] {
        let proof = Trip::fresh().judge().proof().unwrap();
        let policy = ElevationPolicy::default();
        let earned = Elevation::earn(
            own,
            proof,
            SessionKey(ROTATED.to_owned()),
            terms(&policy, Enrolled::No),
        );
        let ends_at = earned.as_ref().unwrap().to_row().ends_at;
        let mut session = Session {
            key: SessionKey(ROTATED.to_owned()),
            user: earned.as_ref().unwrap().to_row().user,
            signed_in_at: ends_at - TimeDelta::hours(1),
            means: Means::Password,
            opened_by: Openers::nobody(),
            elevation: earned,
        };
        if let Some(during) = during {
            session.form_was_on_screen(during);
        }
        let at = |seconds: i64| ends_at + TimeDelta::seconds(seconds - 600);
        assert!(session.elevated(at(last - 1)).is_some(), "{during:?}");
        assert!(session.elevated(at(last)).is_none(), "{during:?}");
        if let Some(elevated) = session.elevated(at(599)) {
            assert_eq!(
                (elevated.ends_at(), elevated.counts_at(at(last))),
                (ends_at, false)
            );
        }
    }
}
