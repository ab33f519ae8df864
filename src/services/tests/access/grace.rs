//! A minute for forms that were on the screen while a secure session ran; and the levels at which policy asks for one.

use muster_domain::Error;
use muster_domain::membership::Member;
use muster_domain::policy::ElevationPolicy;
use muster_domain::role::{Level, Permission, Role};
use muster_services::reauth::{self, Goal};
use muster_services::roles::Declared;
use muster_services::{Call, elevation, guard, policies, roles, sessions, users, visit};
use muster_storage::Paging;
use muster_storage::receipts::ReceiptFilter;
use muster_testing::Persona;

use crate::stage::Stage;

/// The call of a form that carries this mark, now.
async fn posts(stage: &Stage, persona: &Persona, mark: &str) -> Result<Call, &'static str> {
    let Ok(persona) = stage.world.again(persona).await else {
        return Err("signed out");
    };
    let call = persona.call;
    let call = elevation::on_screen(stage.s(), &call, mark).unwrap_or(call);
    match call.elevated() {
        Ok(elevated) => {
            guard::present(&call, Some(&elevated)).unwrap();
            Ok(call)
        }
        Err(error) => Err(error.code),
    }
}

fn mark(stage: &Stage, call: &Call) -> String {
    elevation::mark(stage.s(), call).unwrap().unwrap()
}

/// Somebody in a secure session with 600 seconds left, and a form on their screen.
async fn drawn(stage: &Stage, name: &str) -> (Persona, String) {
    let persona = stage.world.persona(name, &[Role::Admin]).await.unwrap();
    let persona = stage.world.elevate(&persona).await.unwrap();
    let mark = mark(stage, &persona.call);
    (persona, mark)
}

#[tokio::test]
async fn a_form_that_was_on_the_screen_counts_for_a_minute_and_no_longer() {
    let stage = Stage::set().await;
    let (ada, form) = drawn(&stage, "ada").await;
    stage.forward(599);
    assert!(posts(&stage, &ada, &form).await.is_ok());
    stage.forward(1);
    assert!(posts(&stage, &ada, &form).await.is_ok());
    let plain = stage.call(&ada).await;
    assert_eq!(
        plain.elevated().unwrap_err().code,
        "ELV-001",
        "without it nothing is lengthened"
    );
    assert_eq!(
        elevation::mark(stage.s(), &plain).unwrap(),
        None,
        "what is drawn now carries nothing"
    );
    stage.forward(59);
    let late = posts(&stage, &ada, &form).await.unwrap();
    let again = mark(&stage, &late);
    stage.forward(1);
    assert_eq!(
        posts(&stage, &ada, &form).await.unwrap_err(),
        "ELV-001",
        "the minute is over"
    );
    assert_eq!(
        posts(&stage, &ada, &again).await.unwrap_err(),
        "ELV-001",
        "shown again, it gains no time"
    );
}

#[tokio::test]
async fn w22_w44_the_mark_of_another_secure_session_or_of_nobody_is_worth_nothing() {
    let stage = Stage::set().await;
    let (ada, hers) = drawn(&stage, "ada").await;
    let (eve, his) = drawn(&stage, "eve").await;
    let elsewhere = stage.world.sign_in(ada.id, "ada").await.unwrap();
    stage.forward(610);
    assert!(posts(&stage, &ada, &hers).await.is_ok());
    for (persona, form) in [
        (&ada, his.as_str()),
        (&eve, &hers),
        (&elsewhere, &hers),
        (&ada, "made up"),
        (&ada, ""),
    ] {
        assert_eq!(posts(&stage, persona, form).await.unwrap_err(), "ELV-001");
    }
}

#[tokio::test]
async fn w24_w25_w5_no_grace_for_what_was_dropped_revoked_or_ended_by_a_change() {
    for moment in [300, 610] {
        let stage = Stage::set().await;
        let system = stage.world.system();
        let withdrawn = drawn(&stage, "withdrawn").await;
        let dropped = drawn(&stage, "dropped").await;
        let ended = drawn(&stage, "ended").await;
        let deactivated = drawn(&stage, "deactivated").await;
        let granted = drawn(&stage, "granted").await;
        let kept = drawn(&stage, "kept").await;
        stage.forward(moment);
        let all = muster_storage::roles::list(stage.s().db()).await.unwrap();
        let own = all
            .iter()
            .find(|row| row.assignment.principal == Member::User(withdrawn.0.id));
        let changes = [
            Declared::Withdraw(own.unwrap().assignment.id),
            Declared::Grant(Role::Auditor, Member::User(granted.0.id)),
        ];
        for change in changes {
            let tx = stage.s().db().begin().await.unwrap();
            let event = roles::declare(stage.s(), &system, &tx, change)
                .await
                .unwrap();
            tx.commit(&[event]).await.unwrap();
        }
        elevation::drop_now(stage.s(), &stage.call(&dropped.0).await)
            .await
            .unwrap();
        sessions::end_all(stage.s(), &system, ended.0.id)
            .await
            .unwrap();
        users::deactivate(stage.s(), &system, deactivated.0.id, "left")
            .await
            .unwrap();
        stage.forward(620 - moment);
        for ((persona, form), expected) in [
            (&withdrawn, "ELV-001"),
            (&dropped, "ELV-001"),
            (&ended, "signed out"),
            (&deactivated, "signed out"),
        ] {
            assert_eq!(
                posts(&stage, persona, form).await.unwrap_err(),
                expected,
                "{} at {moment}",
                persona.username
            );
        }
        assert!(posts(&stage, &kept.0, &kept.1).await.is_ok(), "at {moment}");
        let _ = granted;
    }
}

#[tokio::test]
async fn w6_no_grace_beyond_the_idle_end() {
    let stage = Stage::set().await;
    set(
        &stage,
        ElevationPolicy {
            idle_seconds: Some(120),
            ..ElevationPolicy::default()
        },
    )
    .await;
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let form = mark(&stage, &ada.call);
    stage.forward(610);
    assert_eq!(posts(&stage, &ada, &form).await.unwrap_err(), "ELV-001");
    visits(&stage, &ada).await;
    stage.forward(1);
    assert_eq!(
        posts(&stage, &ada, &form).await.unwrap_err(),
        "ELV-001",
        "the visit before does not count as use"
    );
}

/// Opens a page, and writes down at once that the session was seen: a visit does so in the background.
async fn visits(stage: &Stage, persona: &Persona) {
    let key = persona.call.signed_in().unwrap().session.key.clone();
    let now = stage.s().now();
    let found = visit::look_up(stage.s(), &key, now, false).await.unwrap();
    assert!(matches!(found, visit::Found::Person(_)));
    let tx = stage.s().db().begin().await.unwrap();
    muster_storage::sessions::touch(&tx, &key, now)
        .await
        .unwrap();
    if let visit::Found::Person(person) = found
        && let Some(elevation) = person.session.elevation
    {
        muster_storage::elevations::used(&tx, elevation.to_row().id, now)
            .await
            .unwrap();
    }
    tx.commit_quiet(muster_storage::Quiet::LastSeen)
        .await
        .unwrap();
}

/// Sets the policy of admins.
async fn set(stage: &Stage, policy: ElevationPolicy) {
    let name = format!("root-{}", policy.from.key());
    let root = stage
        .world
        .persona(&name, &[Role::Superadmin])
        .await
        .unwrap();
    let root = stage.world.elevate(&root).await.unwrap();
    let proven = root.call.elevated().unwrap();
    policies::set(stage.s(), &root.call, &proven, Role::Admin, &policy)
        .await
        .unwrap();
}

#[tokio::test]
async fn policy_says_from_which_level_on_a_secure_session_is_asked_for() {
    let stage = Stage::set().await;
    let adam = stage
        .world
        .persona("adam", &[Role::Admin, Role::Auditor])
        .await
        .unwrap();
    let audrey = stage
        .world
        .persona("audrey", &[Role::Auditor])
        .await
        .unwrap();
    let (view, change) = (Permission::ViewPeople, Permission::EditPeople);
    for (from, views, changes) in [
        (Level::Dangerous, true, true),
        (Level::Change, true, false),
        (Level::View, false, false),
    ] {
        set(
            &stage,
            ElevationPolicy {
                from,
                ..ElevationPolicy::default()
            },
        )
        .await;
        let plain = stage.call(&adam).await;
        for (permission, goes) in [
            (view, views),
            (change, changes),
            (Permission::UseConsole, views),
        ] {
            let told = plain.may(permission).map_err(|error| error.code);
            assert_eq!(
                told,
                if goes { Ok(()) } else { Err("ELV-001") },
                "{from:?} {permission:?}"
            );
            assert!(plain.can(permission), "the role carries it all the same");
        }
        assert_eq!(
            plain.may(Permission::ManageRoles).unwrap_err().code,
            "WEB-403"
        );
        assert_eq!(
            plain.elevated().unwrap_err().code,
            "ELV-001",
            "what is dangerous takes one at every level"
        );
        let proven = stage
            .world
            .elevate(&stage.world.again(&adam).await.unwrap())
            .await
            .unwrap();
        for permission in [view, change] {
            proven.call.may(permission).unwrap();
        }
        elevation::drop_now(stage.s(), &proven.call).await.unwrap();
        stage.call(&audrey).await.may(view).unwrap();
        stage.world.system().may(change).unwrap();
        // The way to a secure session stays open.
        elevation::door(stage.s(), &plain).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_somebody_elses_takes_the_secure_session_that_policy_asks_for() {
    let stage = Stage::set().await;
    let (s, ada) = (stage.s(), stage.person("ada", &[]).await);
    let receipt = stage.proves(&ada, Goal::Elevate).await.receipt.id;
    let ada = stage.world.elevate(&ada).await.unwrap();
    let theirs = ada.call.elevated().unwrap().id();
    let norma = stage.person("norma", &[Role::Helpdesk]).await;
    let sue = stage.person("sue", &[Role::Superadmin, Role::Admin]).await;
    let (everybody, page) = (ReceiptFilter::default(), Paging::default());
    let own = ReceiptFilter {
        user: Some(sue.id),
        ..ReceiptFilter::default()
    };
    let strict = ElevationPolicy {
        from: Level::View,
        ..ElevationPolicy::default()
    };
    let plain = stage.call(&sue).await;
    assert!(sessions::receipt(s, &plain, receipt).await.is_ok());
    assert_eq!(sessions::running(s, &plain).await.unwrap().len(), 1);
    set(&stage, strict).await;
    let plain = stage.call(&sue).await;
    let asked = |done: Result<(), Error>| assert_eq!(done.unwrap_err().code, "ELV-001");
    asked(sessions::running(s, &plain).await.map(drop));
    asked(
        sessions::receipts(s, &plain, &everybody, &page)
            .await
            .map(drop),
    );
    asked(sessions::receipt(s, &plain, receipt).await.map(drop));
    asked(reauth::receipt(s, &plain, receipt).await.map(drop));
    asked(sessions::end_elevation(s, &plain, theirs).await);
    asked(sessions::of_user(s, &plain, ada.id).await.map(drop));
    sessions::receipts(s, &plain, &own, &page).await.unwrap();
    // One's own stays open, and whoever lacks the permission learns nothing of the policy.
    reauth::receipt(s, &ada.call, receipt).await.unwrap();
    let error = reauth::receipt(s, &norma.call, receipt).await.unwrap_err();
    assert_eq!(error.code, "WEB-404");
    // In a secure session all of it goes.
    let sue = stage.world.elevate(&sue).await.unwrap();
    sessions::receipt(s, &sue.call, receipt).await.unwrap();
    sessions::end_elevation(s, &sue.call, theirs).await.unwrap();
}
