//! What the simulation of a sign-in says is what a sign-in does.

use muster_domain::id::UserId;
use muster_domain::jit::JitRules;
use muster_domain::lockout::{Door, Simulated, Way, Works};
use muster_domain::opener::Openers;
use muster_domain::policy::{ElevationPolicy, PasswordRule, Policies};
use muster_domain::role::Role;
use muster_domain::sign_in::{Passwords, ProvidedPasswords, SignInPolicy};
use muster_services::elevation::{self, Aim};
use muster_services::password::{self, Entered};
use muster_services::providers::Draft;
use muster_services::reauth::Goal;
use muster_services::{factors, lockout, second_step};
use muster_storage::credentials;
use muster_testing::{Persona, Says};
use secrecy::SecretString;
use serde_json::json;

use crate::factor::{PASSWORD, add, internal};
use crate::stage::Stage;

use crate::lockout::{code, put};
async fn simulated(stage: &Stage, user: UserId) -> Simulated {
    let all = lockout::simulate(stage.s(), &stage.world.system()).await;
    let found = all.unwrap().into_iter().find(|one| one.user == user);
    found.unwrap()
}

fn by_password(ways: &[Way]) -> Works {
    let way = ways.iter().find(|way| way.door == Door::Password);
    way.map_or(Works::No, |way| way.works)
}

/// Whether a sign-in with the password, and the second factor where there is one, leads inside.
async fn really_signs_in(stage: &Stage, name: &str, app: Option<&crate::factor::App>) -> bool {
    let call = stage.world.anonymous();
    match password::sign_in(stage.s(), &call, name, PASSWORD).await {
        Ok(Entered::In(..)) => app.is_none(),
        Ok(Entered::Half(half)) => {
            let shown = app.unwrap().shows(stage);
            second_step::sign_in(stage.s(), &call, &half, &shown)
                .await
                .is_ok()
        }
        Err(error) => {
            assert_eq!(error.code, "AUTH-001");
            false
        }
    }
}

/// Whether the password, with the second factor where there is one, starts a secure session.
async fn really_elevates(
    stage: &Stage,
    persona: &Persona,
    app: Option<&crate::factor::App>,
) -> bool {
    // The code of a moment ago is used up.
    stage.forward(30);
    let persona = stage.world.again(persona).await.unwrap();
    let call = &persona.call;
    let Ok(proof) = password::prove(stage.s(), call, PASSWORD).await else {
        return false;
    };
    let proof = match app {
        Some(app) => {
            let user = &call.signed_in().unwrap().user;
            let checked = factors::check(stage.s(), call, user, &app.shows(stage)).await;
            proof.with_factor(checked.unwrap()).unwrap()
        }
        None => proof,
    };
    elevation::may_grant(stage.s(), call, &proof, Aim::default())
        .await
        .is_ok()
}

#[tokio::test]
async fn the_simulation_says_of_a_password_what_really_happens_with_it() {
    let stage = Stage::set().await;
    // Whether it is break-glass, internal, with a second factor.
    let kinds = [
        (true, true, false),
        (false, true, false),
        (false, true, true),
        (false, false, false),
        (false, false, true),
    ];
    let mut people = Vec::new();
    for (n, (break_glass, is_internal, has_factor)) in kinds.into_iter().enumerate() {
        let name = format!("person{n}");
        let persona = if is_internal {
            internal(&stage, &name, &[Role::Superadmin]).await
        } else {
            let persona = stage.person(&name, &[Role::Superadmin]).await;
            let template = stage.user("person0").await.unwrap().id;
            let hash = credentials::password(stage.s().db(), template)
                .await
                .unwrap();
            let tx = stage.s().db().begin().await.unwrap();
            credentials::set_password(
                &tx,
                persona.id,
                &hash.unwrap().phc,
                None,
                &Openers::nobody(),
                stage.now(),
            )
            .await
            .unwrap();
            let event = stage
                .world
                .system()
                .event("test", "password", None, json!({}));
            tx.commit(&[event]).await.unwrap();
            stage.world.elevate(&persona).await.unwrap()
        };
        let app = if has_factor {
            Some(add(&stage, &persona, "Phone").await.0)
        } else {
            None
        };
        if break_glass {
            let tx = stage.s().db().begin().await.unwrap();
            let mut user = stage.user(&name).await.unwrap();
            user.break_glass = true;
            muster_storage::users::update(&tx, &user).await.unwrap();
            let event = stage.world.system().event("test", "glass", None, json!({}));
            tx.commit(&[event]).await.unwrap();
        }
        people.push((name, persona, app));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (passwords, provided, rule) in [
        (
            Passwords::Everybody,
            ProvidedPasswords::Forbidden,
            PasswordRule::Enough,
        ),
        (
            Passwords::Everybody,
            ProvidedPasswords::Allowed,
            PasswordRule::WithFactor,
        ),
        (
            Passwords::Everybody,
            ProvidedPasswords::WithFactor,
            PasswordRule::Never,
        ),
        (
            Passwords::BreakGlassOnly,
            ProvidedPasswords::Allowed,
            PasswordRule::Enough,
        ),
    ] {
        put(
            &stage,
            "policy.sign_in",
            &SignInPolicy {
                passwords,
                provided,
            },
        )
        .await;
        let mut elevation = Policies::default();
        let policy = ElevationPolicy {
            password: rule,
            ..ElevationPolicy::default()
        };
        elevation.set(Role::Superadmin, policy);
        put(&stage, "policy.elevation", &elevation).await;
        for (name, persona, app) in &people {
            // Codes count once, and failures are counted: everybody has time.
            stage.forward(1000);
            let says = simulated(&stage, persona.id).await;
            let (is_in, is_up) = (
                really_signs_in(&stage, name, app.as_ref()).await,
                really_elevates(&stage, persona, app.as_ref()).await,
            );
            let told = (
                by_password(&says.sign_in) == Works::Yes,
                by_password(&says.elevate) == Works::Yes,
            );
            assert_eq!(
                told,
                (is_in, is_up),
                "{name} {passwords:?} {provided:?} {rule:?}"
            );
            seen.insert(told);
        }
    }
    // The sample holds every outcome there is: nobody lifts up who does not get in.
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        [(false, false), (true, false), (true, true)]
    );
}

#[tokio::test]
async fn the_simulation_says_of_a_provider_what_really_happens_there() {
    let stage = Stage::set().await;
    let sue = stage.person("sue", &[Role::Superadmin]).await;
    let door = async |pick: fn(&Simulated) -> &Vec<Way>| {
        let says = simulated(&stage, sue.id).await;
        pick(&says)[0].works
    };
    // She came in; whether she can prove presence there nobody knows yet.
    assert_eq!(door(|says| &says.sign_in).await, Works::Yes);
    assert_eq!(door(|says| &says.elevate).await, Works::Untried);
    assert!(stage.proves(&sue, Goal::Elevate).await.proof.is_some());
    assert_eq!(door(|says| &says.elevate).await, Works::Yes);
    // Off: nobody comes in, and nobody proves anything.
    stage.switch("corp", false).await;
    assert_eq!(door(|says| &says.sign_in).await, Works::No);
    assert_eq!(door(|says| &says.elevate).await, Works::No);
    let begun = stage.intent(&sue, "corp", Goal::Elevate).await;
    assert_eq!(code(begun), "AUTH-013");
    stage.switch("corp", true).await;
    // Another secret: nobody knows, until somebody tries.
    stage.forward(5);
    internal(&stage, "bob", &[Role::Superadmin]).await;
    let mut rotated = Draft::of(&stage.provider("corp").await);
    rotated.secret = Some(SecretString::from("another secret"));
    stage.declare(&rotated, JitRules::default()).await;
    assert_eq!(door(|says| &says.sign_in).await, Works::Untried);
    stage.forward(5);
    let claims = stage.claims("sue", 0);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    assert_eq!(door(|says| &says.sign_in).await, Works::Yes);
    // Another issuer: her identity is of the old one, and whoever answers now is somebody else.
    let mut moved = Draft::of(&stage.provider("corp").await);
    let issuer = "https://corp2.example".to_owned();
    moved.settings.insert("issuer".to_owned(), issuer);
    moved.secret = Some(SecretString::from("another secret"));
    stage.declare(&moved, JitRules::default()).await;
    assert_eq!(door(|says| &says.sign_in).await, Works::No);
}
