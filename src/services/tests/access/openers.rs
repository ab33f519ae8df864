//! Who comes in by what somebody else opened opens for them too, whatever they do next, and conferring a role tells of it.

use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_domain::sign_in::{ProvidedPasswords, SignInPolicy};
use muster_services::Knowingly::No;
use muster_services::password::{self, Entered};
use muster_services::reauth::Goal;
use muster_services::signin::{self, Arrived};
use muster_services::trial::{self, Ticket};
use muster_services::users::{self, Identity};
use muster_services::{factors, forced, roles, second_step};
use muster_storage::{credentials, recovery_codes};
use muster_testing::{Persona, Says};
use secrecy::SecretString;

use crate::factor::{App, PASSWORD, add, internal};
use crate::lockout::{code, put};
use crate::stage::{CORP, Stage, state_of};

/// What has to be chosen in the place of a password that somebody else set.
const CHANGED: &str = "velvet anchor hums 4 lanterns";
const ANOTHER: &str = "copper meadow whistles 7 teapots";

/// Sue may grant roles, Adam may edit people, and Norma has a password that Adam set.
pub struct Scene {
    pub stage: Stage,
    pub sue: Persona,
    pub adam: Persona,
    pub norma: UserId,
}

pub fn by(all: &[UserId]) -> Openers {
    all.iter().copied().collect()
}

pub async fn sets_password(stage: &Stage, who: &Persona, whose: UserId, password: &str) {
    let who = stage.world.elevate(who).await.unwrap();
    let elevated = who.call.elevated().unwrap();
    let password = SecretString::from(password);
    users::set_local_password(stage.s(), &who.call, Some(&elevated), whose, &password)
        .await
        .unwrap();
}

/// In the secure session that runs, whatever proved presence for it.
async fn sets_own_password(stage: &Stage, who: &Persona) {
    let call = stage.call(who).await;
    let elevated = call.elevated().unwrap();
    let password = SecretString::from(ANOTHER);
    users::set_local_password(stage.s(), &call, Some(&elevated), who.id, &password)
        .await
        .unwrap();
}

impl Scene {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let norma = stage.world.user("norma").await.unwrap();
        Self::around(stage, norma).await
    }

    async fn around(stage: Stage, norma: UserId) -> Self {
        let sue = internal(&stage, "sue", &[Role::Superadmin]).await;
        let adam = internal(&stage, "adam", &[Role::Admin]).await;
        sets_password(&stage, &adam, norma, PASSWORD).await;
        Self {
            stage,
            sue,
            adam,
            norma,
        }
    }

    /// Adam signs in as Norma with the password he set, changes it as he has to, and proves presence with the new one.
    async fn as_norma(&self) -> Persona {
        let (stage, adam) = (&self.stage, by(&[self.adam.id]));
        let anonymous = stage.world.anonymous();
        let entered = password::sign_in(stage.s(), &anonymous, "norma", PASSWORD).await;
        let Ok(Entered::In(user, entry)) = entered else {
            panic!("{entered:?}");
        };
        assert_eq!((user.id, &entry.opened_by), (self.norma, &adam));
        let norma = stage.world.sign_in(self.norma, "norma").await.unwrap();
        assert_eq!(norma.call.session().unwrap().opened_by, adam);
        let changed = SecretString::from(CHANGED);
        forced::change(stage.s(), &norma.call, &changed)
            .await
            .unwrap();
        let proof = password::prove(stage.s(), &norma.call, CHANGED).await;
        let (norma, _) = stage.grants(&norma, proof.unwrap()).await;
        assert_eq!(norma.call.elevated().unwrap().opened_by(), &adam);
        norma
    }

    pub async fn sue(&self) -> Persona {
        self.stage.world.elevate(&self.sue).await.unwrap()
    }

    /// What Sue is told before Norma gets a role; none: nothing.
    pub async fn told(&self) -> Option<String> {
        let (sue, s) = (self.sue().await, self.stage.s());
        let (call, to) = (&sue.call, Member::User(self.norma));
        let elevated = call.elevated().unwrap();
        match roles::grant(s, call, &elevated, Role::Helpdesk, to, No).await {
            Ok(grant) => {
                roles::withdraw(s, call, &elevated, grant).await.unwrap();
                None
            }
            Err(error) => {
                assert_eq!(error.code, "ROLE-006");
                Some(error.public.to_string())
            }
        }
    }

    async fn removes_normas_password(&self) {
        let sue = self.sue().await;
        let elevated = sue.call.elevated().unwrap();
        users::remove_local_password(self.stage.s(), &sue.call, Some(&elevated), self.norma)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn o78_an_app_added_by_whoever_set_the_password_tells_of_them_when_the_password_is_gone() {
    let scene = Scene::set().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    let norma = scene.as_norma().await;
    let (_, _, phone) = add(stage, &norma, "Phone").await;
    scene.removes_normas_password().await;
    let again = stage.world.again(&norma).await;
    assert_eq!(code(again), "WEB-401", "what came by the password ends");
    let told = scene.told().await.unwrap();
    for word in ["adam", "“Phone”", "recovery codes"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(!told.contains("password"), "{told}");
    // With the factor go the codes that came along with it.
    let sue = scene.sue().await;
    let elevated = sue.call.elevated().unwrap();
    factors::remove_of(s, &sue.call, &elevated, scene.norma, phone)
        .await
        .unwrap();
    assert_eq!(recovery_codes::left(s.db(), scene.norma).await.unwrap(), 0);
    assert_eq!(scene.told().await, None);
}

#[tokio::test]
async fn o78_a_password_that_its_owner_changed_is_still_that_of_whoever_set_the_one_before() {
    let scene = Scene::set().await;
    let norma = scene.as_norma().await;
    for _ in 0..3 {
        sets_own_password(&scene.stage, &norma).await;
        let stored = credentials::password(scene.stage.s().db(), scene.norma).await;
        let stored = stored.unwrap().unwrap();
        assert_eq!(stored.set_by, None, "nobody else did it with their hands");
        assert_eq!(stored.opened_by, by(&[scene.adam.id]));
        let told = scene.told().await.unwrap();
        assert!(
            told.contains("the password of norma was set by way of what adam opened"),
            "{told}"
        );
    }
    // Whoever sets it anew from outside answers for it alone.
    sets_password(&scene.stage, &scene.sue, scene.norma, PASSWORD).await;
    assert_eq!(scene.told().await, None, "Sue knows what she set");
}

/// Links the identity that this person just signed in with at `corp`.
async fn links(scene: &Scene, who: &Persona, subject: &str) {
    let (stage, s) = (&scene.stage, scene.stage.s());
    let adam = stage.world.elevate(&scene.adam).await.unwrap();
    let link = trial::make_test_link(s, &adam.call, &adam.call.elevated().unwrap(), "corp").await;
    let link = link.unwrap();
    let token = link.query_pairs().find(|(name, _)| name == "link").unwrap();
    let (call, key) = (stage.call(who).await, stage.key(who));
    let to = trial::begin_test(s, &call, "corp", key.clone(), Ticket::Link(&token.1)).await;
    let to = to.unwrap();
    assert!(state_of(&to).is_some());
    let says = Says::Claims(stage.claims(subject, 60));
    let back = stage.world.idp.answers(&to, says);
    let arrived = signin::complete(s, &call, "corp", Some(&key), &back).await;
    let Ok(Arrived::Tested { report, .. }) = arrived else {
        panic!("{arrived:?}");
    };
    let elevated = call.elevated().unwrap();
    trial::link_tested(s, &call, &elevated, report, &[report])
        .await
        .unwrap();
}

#[tokio::test]
async fn o78_an_identity_linked_from_there_hands_on_to_what_is_proven_by_it() {
    let scene = Scene::set().await;
    let (stage, adam) = (&scene.stage, by(&[scene.adam.id]));
    let norma = scene.as_norma().await;
    links(&scene, &norma, "mallory").await;
    scene.removes_normas_password().await;
    // In through the provider, and presence proven there: both are Adam's.
    stage.forward(60);
    let claims = stage.claims("mallory", 30);
    let arrived = stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let Arrived::SignedIn {
        user,
        means,
        opened_by,
        ..
    } = arrived
    else {
        panic!("{arrived:?}");
    };
    assert_eq!((user.id, &opened_by), (scene.norma, &adam));
    let norma = stage.session("norma", scene.norma, &means).await;
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    assert_eq!(proof.opened_by(), &adam);
    let (norma, _) = stage.grants(&norma, proof).await;
    sets_own_password(stage, &norma).await;
    let told = scene.told().await.unwrap();
    for word in [
        "an identity was linked to norma by way of what adam opened",
        "the password of norma was set by way of what adam opened",
    ] {
        assert!(told.contains(word), "{told}");
    }
    // Unlinked, the password remains his; removed, nothing does.
    let sue = scene.sue().await;
    let identity = Identity {
        provider: stage.provider("corp").await.id,
        issuer: CORP.to_owned(),
        subject: "mallory".to_owned(),
    };
    let elevated = sue.call.elevated().unwrap();
    users::unlink_identity(
        stage.s(),
        &sue.call,
        Some(&elevated),
        scene.norma,
        &identity,
    )
    .await
    .unwrap();
    assert!(
        scene
            .told()
            .await
            .unwrap()
            .contains("the password of norma")
    );
    scene.removes_normas_password().await;
    assert_eq!(scene.told().await, None);
}

/// Norma came in by her own provider before Adam gave her a password.
async fn known_at_corp() -> (Scene, Means) {
    let stage = Stage::set().await;
    let policy = SignInPolicy {
        provided: ProvidedPasswords::Allowed,
        ..SignInPolicy::default()
    };
    put(&stage, "policy.sign_in", &policy).await;
    let norma = stage.person("norma", &[]).await;
    let means = norma.call.session().unwrap().means.clone();
    (Scene::around(stage, norma.id).await, means)
}

#[tokio::test]
async fn o78_the_mark_ends_when_its_owner_sets_it_anew_after_proof_that_nobody_else_could_bring() {
    let (scene, means) = known_at_corp().await;
    let stage = &scene.stage;
    assert!(scene.told().await.is_some());
    // In by Adam's password, but proven at her own provider: a password set now is hers.
    let norma = stage.world.sign_in(scene.norma, "norma").await.unwrap();
    assert!(!norma.call.session().unwrap().opened_by.is_nobody());
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    assert!(proof.opened_by().is_nobody());
    let (norma, _) = stage.grants(&norma, proof).await;
    sets_own_password(stage, &norma).await;
    let stored = credentials::password(stage.s().db(), scene.norma).await;
    assert!(stored.unwrap().unwrap().opened_by.is_nobody());
    // Every other session of hers ended; one that came in by her provider is clean as well.
    let norma = stage.session("norma", scene.norma, &means).await;
    assert!(norma.call.session().unwrap().opened_by.is_nobody());
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    let (norma, _) = stage.grants(&norma, proof).await;
    let ended = muster_services::sessions::end_all(stage.s(), &norma.call, norma.id).await;
    ended.unwrap();
    assert_eq!(scene.told().await, None);
}

#[tokio::test]
async fn o78_a_session_that_somebody_else_could_have_begun_is_told_of_while_it_lives() {
    let (scene, _) = known_at_corp().await;
    let stage = &scene.stage;
    let norma = stage.world.sign_in(scene.norma, "norma").await.unwrap();
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    let (norma, _) = stage.grants(&norma, proof).await;
    sets_own_password(stage, &norma).await;
    let told = scene.told().await.unwrap();
    assert!(
        told.contains("norma is signed in by way of what adam opened"),
        "{told}"
    );
    let key = stage.key(&norma);
    muster_services::sessions::revoke(stage.s(), &norma.call, norma.id, &key)
        .await
        .unwrap();
    assert_eq!(scene.told().await, None);
}

#[tokio::test]
async fn o78_beside_a_factor_of_their_own_a_password_that_another_set_is_no_way_in_for_them() {
    let (scene, means) = known_at_corp().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    let anonymous = stage.world.anonymous();
    let signs_in = async |app: &App| {
        let entered = password::sign_in(s, &anonymous, "norma", PASSWORD).await;
        let Ok(Entered::Half(half)) = entered else {
            panic!("{entered:?}");
        };
        let shown = app.shows(stage);
        let call = stage.world.anonymous();
        second_step::sign_in(s, &call, &half, &shown)
            .await
            .unwrap()
            .1
    };
    let norma = stage.session("norma", scene.norma, &means).await;
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    let (norma, _) = stage.grants(&norma, proof).await;
    let (own, _, _) = add(stage, &norma, "Own phone").await;
    assert!(signs_in(&own).await.opened_by.is_nobody());
    // The factor that Adam added is another matter.
    let other = Scene::set().await;
    let by_adam = other.as_norma().await;
    let (his, _, _) = add(&other.stage, &by_adam, "Phone").await;
    let entered = password::sign_in(
        other.stage.s(),
        &other.stage.world.anonymous(),
        "norma",
        CHANGED,
    )
    .await;
    let Ok(Entered::Half(half)) = entered else {
        panic!("{entered:?}");
    };
    let call = other.stage.world.anonymous();
    let shown = his.shows(&other.stage);
    let (_, entry) = second_step::sign_in(other.stage.s(), &call, &half, &shown)
        .await
        .unwrap();
    assert_eq!(entry.opened_by, by(&[other.adam.id]));
}

#[tokio::test]
async fn o78_whoever_opened_an_admins_session_is_told_of_with_what_that_admin_opens() {
    let scene = Scene::set().await;
    let stage = &scene.stage;
    let carl = internal(stage, "carl", &[Role::Admin]).await;
    sets_password(stage, &carl, scene.adam.id, ANOTHER).await;
    // Carl, as Adam, gives Norma another password, and then leave to add a factor.
    let adam = stage.world.sign_in(scene.adam.id, "adam").await.unwrap();
    assert_eq!(
        adam.call.session().unwrap().opened_by,
        by(&[carl.id]),
        "a session is as its way in is"
    );
    sets_password(stage, &adam, scene.norma, PASSWORD).await;
    let adam = stage.world.elevate(&adam).await.unwrap();
    let elevated = adam.call.elevated().unwrap();
    let permit = factors::permit::grant(stage.s(), &adam.call, &elevated, scene.norma).await;
    assert_eq!(permit.unwrap().opened_by, by(&[scene.adam.id, carl.id]));
    let told = scene.told().await.unwrap();
    for word in ["adam", "carl"] {
        assert!(told.contains(word), "{told}");
    }
}

#[tokio::test]
async fn o78_a_permitted_factor_carries_who_permitted_it_and_who_opened_the_session() {
    let scene = Scene::set().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    let carl = internal(stage, "carl", &[Role::Admin]).await;
    let elevated = carl.call.elevated().unwrap();
    factors::permit::grant(s, &carl.call, &elevated, scene.norma)
        .await
        .unwrap();
    // In by Adam's password, no secure session.
    let norma = stage.world.sign_in(scene.norma, "norma").await.unwrap();
    let ground = || factors::Ground::Permitted;
    let begun = factors::begin(s, &norma.call, ground(), "Phone")
        .await
        .unwrap();
    let shown = App::with(&begun.secret).shows(stage);
    factors::confirm(s, &norma.call, ground(), begun.id, &shown)
        .await
        .unwrap();
    let both = by(&[scene.adam.id, carl.id]);
    let own = factors::own(s, &norma.call).await.unwrap();
    assert_eq!(own.factors[0].opened_by, both);
    let codes = recovery_codes::opened_by(s.db(), scene.norma).await;
    assert_eq!(codes.unwrap(), both);
    // It is the only one, and it goes with its codes, whoever else is told of afterwards.
    let call = stage.call(&scene.sue().await).await;
    let by_sue = call.elevated().unwrap();
    factors::remove_of(s, &call, &by_sue, scene.norma, begun.id)
        .await
        .unwrap();
    assert_eq!(recovery_codes::left(s.db(), scene.norma).await.unwrap(), 0);
    let told = scene.told().await.unwrap();
    assert!(told.contains("adam") && !told.contains("carl"), "{told}");
}

#[tokio::test]
async fn o78_a_factor_that_was_begun_in_one_session_and_confirmed_in_another_carries_both() {
    let (scene, means) = known_at_corp().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    // Adam sees the secret; Norma, at her own provider, is brought to confirm it.
    let by_adam = scene.as_norma().await;
    let elevated = by_adam.call.elevated().unwrap();
    let begun = factors::begin(s, &by_adam.call, &elevated, "Phone")
        .await
        .unwrap();
    let norma = stage.session("norma", scene.norma, &means).await;
    let proof = stage.proves(&norma, Goal::Elevate).await.proof.unwrap();
    let (norma, _) = stage.grants(&norma, proof).await;
    let shown = App::with(&begun.secret).shows(stage);
    let elevated = norma.call.elevated().unwrap();
    factors::confirm(s, &norma.call, &elevated, begun.id, &shown)
        .await
        .unwrap();
    let own = factors::own(s, &norma.call).await.unwrap();
    assert_eq!(own.factors[0].opened_by, by(&[scene.adam.id]));
}

#[tokio::test]
async fn o81_unlinking_ends_the_sessions_that_came_in_through_the_identity() {
    let stage = Stage::set().await;
    let s = stage.s();
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let means = ada.call.session().unwrap().means.clone();
    let elsewhere = stage.session("ada", ada.id, &means).await;
    let by_password = stage.session("ada", ada.id, &Means::Password).await;
    let (proven, _) = {
        let proof = stage.proves(&by_password, Goal::Elevate).await.proof;
        stage.grants(&by_password, proof.unwrap()).await
    };
    let identity = |subject: &str| Identity {
        provider: match &means {
            Means::Provider { provider, .. } => *provider,
            _ => panic!("she came by the provider"),
        },
        issuer: CORP.to_owned(),
        subject: subject.to_owned(),
    };
    let call = stage.call(&ada).await;
    let elevated = call.elevated().unwrap();
    users::unlink_identity(s, &call, Some(&elevated), ada.id, &identity("ada"))
        .await
        .unwrap();
    for gone in [&ada, &elsewhere] {
        assert_eq!(code(stage.world.again(gone).await), "WEB-401");
    }
    // What came in by something else goes on, without what was proven at the provider.
    let call = stage.call(&proven).await;
    assert_eq!(code(call.elevated()), "ELV-001");
    let detail = &stage.record("user.unlink").await[0].event.detail;
    assert_eq!(detail["sessions_ended"], 2);
    // Somebody else's: all of theirs end.
    let bob = stage.person("bob", &[]).await;
    let other = stage.session("bob", bob.id, &Means::Password).await;
    let adam = internal(&stage, "adam", &[Role::Admin]).await;
    users::unlink_identity(s, &adam.call, None, bob.id, &identity("bob"))
        .await
        .unwrap();
    for gone in [&bob, &other] {
        assert_eq!(code(stage.world.again(gone).await), "WEB-401");
    }
}
