//! Sign-outs that a provider announces: whose sessions end, and whose do not.

use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_services::reauth::{self, Confirmable, Goal};
use muster_services::signin::{self, Arrived};
use muster_services::visit::keys;
use muster_services::{announcements, sessions};
use muster_testing::{Persona, Says};
use serde_json::{Value, json};

use crate::stage::Stage;

/// Another session of somebody's, by the same means, with this id at the provider.
async fn known_as(stage: &Stage, persona: &Persona, sid: &str) -> Persona {
    let means = &persona.call.signed_in().unwrap().session.means;
    let world = &stage.world;
    let made = world.sign_in_as(persona.id, &persona.username, means, Some(json!(sid)));
    made.await.unwrap()
}

async fn announces(stage: &Stage, slug: &str, told: Value) -> Result<u64, &'static str> {
    let call = stage.world.anonymous();
    let done = announcements::take(stage.s(), &call, slug, &told.to_string()).await;
    done.map_err(|error| error.code)
}

async fn runs(stage: &Stage, persona: &Persona) -> bool {
    stage.world.again(persona).await.is_ok()
}

#[tokio::test]
async fn an_announcement_ends_the_sessions_it_speaks_of_with_their_secure_sessions() {
    let stage = Stage::set().await;
    let sue = stage.elevated("sue", &[Role::Superadmin]).await;
    let unknown = stage.person("ada", &[]).await;
    let ada = known_as(&stage, &unknown, "one").await;
    let other = known_as(&stage, &unknown, "two").await;
    assert_eq!(
        announces(&stage, "corp", json!({"jti": "1", "sid": "one"})).await,
        Ok(1)
    );
    assert_eq!(
        (runs(&stage, &ada).await, runs(&stage, &other).await),
        (false, true)
    );
    assert_eq!(
        announces(&stage, "corp", json!({"jti": "2", "sub": "ada"})).await,
        Ok(2)
    );
    assert!(!runs(&stage, &other).await && !runs(&stage, &unknown).await);
    // Of a session whose id is not known, the subject decides.
    assert_eq!(
        announces(
            &stage,
            "corp",
            json!({"jti": "3", "sub": "sue", "sid": "nine"})
        )
        .await,
        Ok(1)
    );
    assert!(!runs(&stage, &sue).await);
    let record = stage.record("signout.announced").await;
    assert_eq!(record[0].event.detail["secure_sessions_ended"], 1);
    assert_eq!(record.len(), 3);
}

#[tokio::test]
async fn o46_a_repeated_one_a_foreign_one_and_another_provider_s_end_nothing() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let ada = known_as(&stage, &ada, "one").await;
    let foreign = [
        ("corp", json!({"jti": "1", "sid": "two"})),
        ("corp", json!({"jti": "2", "sub": "bob", "sid": "one"})),
        ("corp", json!({"jti": "3", "sub": "bob"})),
        ("other", json!({"jti": "4", "sub": "ada", "sid": "one"})),
    ];
    for (slug, told) in foreign {
        assert_eq!(announces(&stage, slug, told.clone()).await, Ok(0), "{told}");
    }
    let again = announces(&stage, "corp", json!({"jti": "3", "sub": "ada"})).await;
    assert_eq!(again, Err("OIDC-063"));
    assert_eq!(
        announces(&stage, "nobody", json!({"jti": "9"})).await,
        Err("WEB-404")
    );
    assert!(runs(&stage, &ada).await);
    assert_eq!(stage.record("signout.refused").await.len(), 2);
    // The same id at another provider is another announcement.
    assert_eq!(
        announces(&stage, "other", json!({"jti": "3", "sub": "ada"})).await,
        Ok(0)
    );
}

/// Somebody with a password here who is known at `corp` too, in a session that came by the password.
async fn by_password(stage: &Stage, name: &str) -> Persona {
    let known = stage.person(name, &[Role::Superadmin]).await;
    sessions::revoke(stage.s(), &known.call, known.id, &stage.key(&known))
        .await
        .unwrap();
    stage.session(name, known.id, &Means::Password).await
}

#[tokio::test]
async fn an_announcement_ends_a_secure_session_that_was_proven_there_inside_a_password_session() {
    let stage = Stage::set().await;
    let ada = by_password(&stage, "ada").await;
    let bob = by_password(&stage, "bob").await;
    let mut both = Vec::new();
    for (person, sid) in [(&ada, "one"), (&bob, "two")] {
        stage.forward(60);
        let intent = stage.ready(person, Goal::Elevate).await;
        let judged = stage
            .force(person, &intent, |stage| {
                let mut claims = stage.claims(&person.username, 0);
                claims["sid"] = json!(sid);
                Says::Claims(claims)
            })
            .await;
        both.push(stage.grants(person, judged.proof.unwrap()).await.0);
    }
    let elevated = async |at: usize| stage.call(&both[at]).await.elevated().is_ok();
    for told in [
        json!({"jti": "1", "sid": "three"}),
        json!({"jti": "2", "sub": "ada", "sid": "two"}),
    ] {
        assert_eq!(announces(&stage, "corp", told).await, Ok(0));
    }
    let elsewhere = announces(&stage, "other", json!({"jti": "3", "sub": "ada"})).await;
    assert_eq!(elsewhere, Ok(0));
    assert!(elevated(0).await && elevated(1).await);
    assert_eq!(
        announces(&stage, "corp", json!({"jti": "4", "sid": "one"})).await,
        Ok(0)
    );
    assert!(
        !elevated(0).await,
        "it was proven in the session that ended"
    );
    assert!(elevated(1).await, "somebody else's goes on");
    assert!(runs(&stage, &both[0]).await, "the password session goes on");
    let record = stage.record("signout.announced").await;
    assert_eq!(record[0].event.detail["secure_sessions_ended"], 1);
    assert_eq!(
        announces(&stage, "corp", json!({"jti": "5", "sub": "bob"})).await,
        Ok(0)
    );
    assert!(!elevated(1).await && runs(&stage, &both[1]).await);
}

#[tokio::test]
async fn an_answer_that_waits_for_a_second_factor_waits_no_more_once_its_person_signed_out_there() {
    let stage = Stage::set().await;
    let ada = by_password(&stage, "ada").await;
    stage.forward(60);
    let intent = stage.ready(&ada, Goal::Elevate).await;
    let judged = stage
        .force(&ada, &intent, |_| {
            Says::Claims(json!({"sub": "ada", "sid": "one"}))
        })
        .await;
    assert_eq!(judged.receipt.verdict, Verdict::Unprovable);
    let confirmable = async || {
        let call = stage.call(&ada).await;
        let receipt = reauth::receipt(stage.s(), &call, judged.receipt.id).await;
        reauth::confirmable(stage.s(), &call, &receipt.unwrap())
            .await
            .unwrap()
    };
    assert_eq!(
        confirmable().await,
        Confirmable::NotAccepted,
        "policy alone stands in the way"
    );
    announces(&stage, "corp", json!({"jti": "1", "sid": "one"}))
        .await
        .unwrap();
    assert_eq!(confirmable().await, Confirmable::No);
}

#[tokio::test]
async fn the_id_that_a_forced_sign_in_gave_the_session_is_told_if_it_is_the_same_person_there() {
    let stage = Stage::set().await;
    let learnt = async |person: &Persona, subject: &str| {
        stage.forward(60);
        let intent = stage.ready(person, Goal::Elevate).await;
        let to = stage.leg(person, &intent).await;
        stage.forward(10);
        let mut claims = stage.claims(subject, 0);
        claims["sid"] = json!("new");
        let back = stage.world.idp.answers(&to, Says::Claims(claims));
        let (call, key) = (stage.call(person).await, stage.key(person));
        match signin::complete(stage.s(), &call, "corp", Some(&key), &back).await {
            Ok(Arrived::Reauth { sid, .. }) => sid,
            other => panic!("{other:?}"),
        }
    };
    let ada = stage.person("ada", &[]).await;
    assert_eq!(learnt(&ada, "ada").await.as_deref(), Some("new"));
    assert_eq!(learnt(&ada, "bob").await, None, "another person's");
    let by_password = stage.session("ada", ada.id, &Means::Password).await;
    assert_eq!(
        learnt(&by_password, "ada").await,
        None,
        "it did not come by a provider"
    );
    // The browser's session is found by the new id and by the old one.
    let all = keys::with_sid(Some(&json!("old")), "new".to_owned());
    assert_eq!(all, ["old", "new"]);
    let many = (0..20).fold(all, |all, n| {
        keys::with_sid(Some(&json!(all)), n.to_string())
    });
    assert_eq!((many.len(), many[7].as_str()), (8, "19"));
    for sid in ["old", "new"] {
        let sids = json!(["old", "new"]);
        let means = &ada.call.signed_in().unwrap().session.means;
        let known = stage
            .world
            .sign_in_as(ada.id, "ada", means, Some(sids))
            .await
            .unwrap();
        let told = json!({"jti": sid, "sid": sid});
        assert_eq!(announces(&stage, "corp", told).await, Ok(1), "{sid}");
        assert!(!runs(&stage, &known).await);
    }
}
