//! Sign-outs that a provider announces: whose sessions end, and whose do not.

use muster_domain::role::Role;
use muster_services::announcements;
use muster_testing::Persona;
use serde_json::{Value, json};

use crate::stage::Stage;

/// Another session of somebody's, by the same means, with this id at the provider.
async fn known_as(stage: &Stage, persona: &Persona, sid: &str) -> Persona {
    let means = &persona.call.signed_in().unwrap().session.means;
    let world = &stage.world;
    let made = world.sign_in_as(persona.id, &persona.username, means, Some(sid));
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
