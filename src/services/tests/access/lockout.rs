//! Nobody locks the last superadmin out, and what the simulation says is what a sign-in does.

use muster_domain::Error;
use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::policy::{ElevationPolicy, FactorRule, PasswordRule, Policies};
use muster_domain::role::Role;
use muster_domain::sign_in::{Passwords, SignInPolicy};
use muster_services::elevation;
use muster_services::password::{self};
use muster_services::providers::{self, Draft, Enabled};
use muster_services::users::{self, BreakGlass, Identity};
use muster_services::{config, factors, groups, policies, roles, sign_in_policy};
use muster_storage::settings;
use muster_testing::{Persona, Says};
use secrecy::SecretString;
use serde_json::json;

use crate::factor::{App, PASSWORD, add, internal};
use crate::stage::{Stage, seconds};

/// Somebody who is superadmin through the provider alone, in a secure session they proved there.
pub async fn provided(stage: &Stage, name: &str) -> Persona {
    let persona = stage.elevated(name, &[Role::Superadmin]).await;
    stage.forward(1);
    stage.world.again(&persona).await.unwrap()
}

pub fn code<T>(done: Result<T, Error>) -> String {
    match done {
        Ok(_) => "done".to_owned(),
        Err(error) => error.code.to_owned(),
    }
}

#[tokio::test]
async fn whatever_shuts_out_the_only_superadmin_is_refused_in_words_and_changes_nothing() {
    let stage = Stage::set().await;
    let sue = provided(&stage, "sue").await;
    let (s, call) = (stage.s(), &sue.call);
    let by = call.elevated().unwrap();
    let corp = stage.provider("corp").await;
    let mut rotated = Draft::of(&corp);
    rotated.secret = Some("another secret".into());
    let mut moved = Draft::of(&corp);
    moved
        .settings
        .insert("issuer".to_owned(), "https://corp2.example".to_owned());
    let identity = Identity {
        provider: corp.id,
        issuer: "https://corp.example".to_owned(),
        subject: "sue".to_owned(),
    };
    let events = stage.record("").await.len();
    let off = providers::set_enabled(s, call, &by, "corp", Enabled::No).await;
    let words = off.as_ref().unwrap_err().public.to_string();
    assert!(words.contains("sue cannot sign in: CORP is off"), "{words}");
    assert_eq!(code(off), "LOCK-001");
    assert_eq!(
        code(providers::remove(s, call, &by, "corp").await),
        "LOCK-001"
    );
    assert_eq!(
        code(providers::update(s, call, &by, "corp", &rotated).await),
        "LOCK-001"
    );
    assert_eq!(
        code(providers::update(s, call, &by, "corp", &moved).await),
        "LOCK-001"
    );
    let unlinked = users::unlink_identity(s, call, Some(&by), sue.id, &identity).await;
    assert_eq!(code(unlinked), "ROLE-005");
    let grant = muster_storage::roles::list(s.db()).await.unwrap();
    let grant = grant[0].assignment.id;
    assert_eq!(code(roles::withdraw(s, call, &by, grant).await), "ROLE-001");
    let file = "[providers.corp]\nname = \"CORP\"\nvendor = \"keycloak\"\nenabled = false\n[providers.corp.settings]\nissuer = \"https://corp.example\"\nclient_id = \"muster\"\n";
    let wanted = config::parse(file).unwrap();
    let applied = config::apply(s, &stage.world.system(), &wanted, &|_| Ok("x".into())).await;
    assert_eq!(code(applied), "LOCK-001");
    assert_eq!(stage.record("").await.len(), events);
    assert!(stage.provider("corp").await.enabled);
    // With somebody else who gets in, the same passes.
    internal(&stage, "bob", &[Role::Superadmin]).await;
    providers::set_enabled(s, call, &by, "corp", Enabled::No)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_policies_and_the_keys_of_the_only_superadmin_are_kept_from_shutting_them_out() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let adam = internal(&stage, "adam", &[Role::Superadmin]).await;
    let (s, call) = (stage.s(), &bob.call);
    let by = call.elevated().unwrap();
    let off = SignInPolicy {
        passwords: Passwords::BreakGlassOnly,
        ..SignInPolicy::default()
    };
    let refused = sign_in_policy::set(s, call, &by, off).await;
    let words = refused.as_ref().unwrap_err().public.to_string();
    assert!(
        words.contains("adam cannot sign in: the password does not count"),
        "{words}"
    );
    assert_eq!(code(refused), "LOCK-001");
    // One of two may lose their password, the other not any more.
    users::remove_local_password(s, call, Some(&by), adam.id)
        .await
        .unwrap();
    let own = users::remove_local_password(s, call, Some(&by), bob.id).await;
    assert_eq!(code(own), "LOCK-001");
    assert_eq!(
        code(users::deactivate(s, &stage.world.system(), bob.id, "").await),
        "LOCK-001"
    );
    // A policy that needs a factor nobody has; the caller came by a password alone.
    let strict = ElevationPolicy {
        password: PasswordRule::WithFactor,
        ..ElevationPolicy::default()
    };
    assert_eq!(
        code(policies::set(s, call, &by, Role::Superadmin, &strict).await),
        "POL-001"
    );
    // A break-glass account is let in by every policy, and stays one then.
    users::set_break_glass(s, call, &by, bob.id, BreakGlass::Yes)
        .await
        .unwrap();
    sign_in_policy::set(s, call, &by, off).await.unwrap();
    assert!(stage.record("policy.sign_in").await.len() == 1);
}

#[tokio::test]
async fn a_group_that_the_last_way_in_rests_on_is_neither_emptied_nor_deleted() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let by = bob.call.elevated().unwrap();
    let s = stage.s();
    // The group brings a superadmin who cannot sign in beside one who can: roles alone do not tell that.
    stage
        .world
        .persona("shell", &[Role::Superadmin])
        .await
        .unwrap();
    let group = groups::create(s, &bob.call, "Owners", "").await.unwrap();
    stage
        .world
        .grant(Role::Superadmin, Member::Group(group))
        .await
        .unwrap();
    let member = Member::User(bob.id);
    groups::add_member(
        s,
        &bob.call,
        Some(&by),
        group,
        member,
        muster_services::Knowingly::Yes,
    )
    .await
    .unwrap();
    let direct = muster_storage::roles::list(s.db()).await.unwrap();
    let direct = direct.iter().find(|row| row.assignment.principal == member);
    roles::withdraw(s, &bob.call, &by, direct.unwrap().assignment.id)
        .await
        .unwrap();
    let call = stage.world.system();
    let left = groups::remove_member(s, &call, None, group, member).await;
    assert_eq!(code(left), "LOCK-001");
    assert_eq!(
        code(groups::delete(s, &call, None, group).await),
        "LOCK-001"
    );
    let selection = users::Selection::Ids(vec![bob.id]);
    for action in [
        users::BulkAction::RemoveFromGroup(group),
        users::BulkAction::Deactivate {
            reason: String::new(),
        },
    ] {
        let plan = users::plan_bulk(s, &call, &selection, &action)
            .await
            .unwrap();
        let done = users::apply_bulk(s, &call, None, &selection, &action, &plan.fingerprint).await;
        assert_eq!(code(done), "LOCK-001", "{action:?}");
    }
}

#[tokio::test]
async fn of_two_superadmins_who_shut_each_other_out_at_once_one_stays() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let sue = internal(&stage, "sue", &[Role::Superadmin]).await;
    let (bobs, sues) = (bob.call.elevated().unwrap(), sue.call.elevated().unwrap());
    let (one, two) = tokio::join!(
        users::remove_local_password(stage.s(), &bob.call, Some(&bobs), sue.id),
        users::remove_local_password(stage.s(), &sue.call, Some(&sues), bob.id),
    );
    let mut codes = [code(one), code(two)];
    codes.sort();
    assert_eq!(codes, ["LOCK-001", "done"]);
}

#[tokio::test]
async fn claims_end_no_membership_that_the_last_way_in_rests_on() {
    let rules = JitRules {
        managed_groups: vec!["owners".to_owned(), "staff".to_owned()],
        ..JitRules::default()
    };
    let stage = Stage::with(rules).await;
    let (s, world) = (stage.s(), &stage.world);
    let owners = groups::create(s, &world.system(), "owners", "")
        .await
        .unwrap();
    groups::create(s, &world.system(), "staff", "")
        .await
        .unwrap();
    world
        .grant(Role::Superadmin, Member::Group(owners))
        .await
        .unwrap();
    let claims = |groups: &[&str]| {
        let mut claims = stage.claims("sue", 60);
        claims["groups"] = json!(groups);
        Says::Claims(claims)
    };
    stage
        .signs_in("corp", claims(&["owners", "staff"]))
        .await
        .unwrap();
    stage.forward(5);
    let groups_now = async || {
        let sue = stage.user("sue").await.unwrap();
        let rows = muster_storage::memberships::of_member(s.db(), Member::User(sue.id)).await;
        let mut names: Vec<String> = rows
            .unwrap()
            .into_iter()
            .map(|row| row.group_name)
            .collect();
        names.sort();
        names
    };
    // What carries no role ends; what carries the last superadmin stays, and says why.
    stage.signs_in("corp", claims(&[])).await.unwrap();
    assert_eq!(groups_now().await, ["owners"]);
    let kept = stage.record("group.member.kept").await;
    assert_eq!(kept[0].event.target, "owners");
    assert_eq!(kept[0].event.detail["code"], "ROLE-001");
    // Once somebody else gets in, claims decide again.
    internal(&stage, "bob", &[Role::Superadmin]).await;
    stage.signs_in("corp", claims(&[])).await.unwrap();
    assert_eq!(groups_now().await, Vec::<String>::new());
    assert_eq!(stage.record("group.member.kept").await.len(), 1);
}

pub async fn put<T: serde::Serialize + Sync>(stage: &Stage, key: &str, value: &T) {
    let tx = stage.s().db().begin().await.unwrap();
    settings::set(&tx, key, value).await.unwrap();
    let event = stage.world.system().event("test", key, None, json!({}));
    tx.commit(&[event]).await.unwrap();
}

#[tokio::test]
async fn a_lost_factor_that_the_only_superadmin_needs_is_not_removed() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let (_, _, phone) = add(&stage, &bob, "Phone").await;
    let mut elevation = Policies::default();
    let strict = ElevationPolicy {
        password: PasswordRule::WithFactor,
        ..ElevationPolicy::default()
    };
    elevation.set(Role::Superadmin, strict);
    put(&stage, "policy.elevation", &elevation).await;
    let call = stage.call(&bob).await;
    let by = call.elevated().unwrap();
    assert_eq!(
        code(factors::remove_of(stage.s(), &call, &by, bob.id, phone).await),
        "LOCK-001"
    );
    assert_eq!(
        code(factors::remove(stage.s(), &call, &by, phone).await),
        "FAC-007"
    );
    // With another superadmin who has one, it goes.
    let eve = internal(&stage, "eve", &[Role::Superadmin]).await;
    add(&stage, &eve, "Phone").await;
    factors::remove_of(stage.s(), &call, &by, bob.id, phone)
        .await
        .unwrap();
}

#[tokio::test]
async fn no_role_that_comes_along_and_no_file_tightens_policy_until_the_only_superadmin_is_out() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let (s, system) = (stage.s(), stage.world.system());
    let corp = stage.provider("corp").await.id;
    // One who never came in there: it might do, and nobody knows.
    let identity = Identity {
        provider: corp,
        issuer: "https://corp.example".to_owned(),
        subject: "bob".to_owned(),
    };
    users::link_identity(s, &system, None, bob.id, &identity)
        .await
        .unwrap();
    let strict = ElevationPolicy {
        password: PasswordRule::Never,
        ..ElevationPolicy::default()
    };
    let mut file = config::Config::default();
    let mut names = |role: Role| {
        file.policies.clear();
        file.policies.insert(role.key().to_owned(), strict.clone());
        file.clone()
    };
    let resolve = |_: &str| Ok::<_, Error>(SecretString::from("x"));
    let of_superadmins = names(Role::Superadmin);
    let applied = config::apply(s, &system, &of_superadmins, &resolve).await;
    assert_eq!(code(applied), "LOCK-001");
    assert!(stage.record("policy.elevation").await.is_empty());
    // The policy of a role that nobody holds shuts out nobody; holding it would.
    config::apply(s, &system, &names(Role::Auditor), &resolve)
        .await
        .unwrap();
    let by = bob.call.elevated().unwrap();
    let (knowingly, member) = (muster_services::Knowingly::Yes, Member::User(bob.id));
    let granted = roles::grant(s, &bob.call, &by, Role::Auditor, member, knowingly).await;
    assert_eq!(code(granted), "LOCK-001");
    let readers = groups::create(s, &system, "readers", "").await.unwrap();
    stage
        .world
        .grant(Role::Auditor, Member::Group(readers))
        .await
        .unwrap();
    let add =
        async || groups::add_member(s, &bob.call, Some(&by), readers, member, knowingly).await;
    assert_eq!(code(add().await), "LOCK-001");
    // With another superadmin who gets in, it goes.
    internal(&stage, "eve", &[Role::Superadmin]).await;
    add().await.unwrap();
}

#[tokio::test]
async fn an_app_that_policy_does_not_take_is_not_added_by_the_only_superadmin() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let passkeys = ElevationPolicy {
        factors: FactorRule::Passkey,
        ..ElevationPolicy::default()
    };
    let mut elevation = Policies::default();
    elevation.set(Role::Superadmin, passkeys);
    put(&stage, settings::ELEVATION_POLICY, &elevation).await;
    let (s, call) = (stage.s(), stage.call(&bob).await);
    let by = call.elevated().unwrap();
    let begun = factors::begin(s, &call, &by, "Phone").await.unwrap();
    let shown = App::with(&begun.secret).shows(&stage);
    let added = factors::confirm(s, &call, &by, begun.id, &shown).await;
    assert_eq!(code(added), "LOCK-001");
    assert!(factors::own(s, &call).await.unwrap().factors.is_empty());
    assert!(stage.record("factor.add").await.is_empty());
    assert!(password::prove(s, &call, PASSWORD).await.is_ok());
    // With another superadmin who gets in, it is theirs to decide.
    internal(&stage, "eve", &[Role::Superadmin]).await;
    factors::confirm(s, &call, &by, begun.id, &shown)
        .await
        .unwrap();
}

#[tokio::test]
async fn w27_w50_a_password_that_the_policy_does_not_take_gets_the_words_of_a_wrong_one() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[]).await;
    let glass = internal(&stage, "root", &[Role::Superadmin]).await;
    let by = glass.call.elevated().unwrap();
    users::set_break_glass(stage.s(), &glass.call, &by, glass.id, BreakGlass::Yes)
        .await
        .unwrap();
    let policy = SignInPolicy {
        passwords: Passwords::BreakGlassOnly,
        ..SignInPolicy::default()
    };
    sign_in_policy::set(stage.s(), &glass.call, &by, policy)
        .await
        .unwrap();
    // Her session came by a password: it is over, and the caller's is not.
    assert!(stage.world.again(&ada).await.is_err());
    assert!(stage.world.again(&glass).await.is_ok());
    let stranger = stage.world.anonymous();
    let tries = |name: &'static str, typed: &'static str| {
        password::sign_in(stage.s(), &stranger, name, typed)
    };
    let shut = tries("ada", PASSWORD).await.unwrap_err();
    let wrong = tries("ada", "a wrong password of some length")
        .await
        .unwrap_err();
    let nobody = tries("nobody", PASSWORD).await.unwrap_err();
    for other in [&wrong, &nobody] {
        assert_eq!(
            (shut.code, &shut.public, &shut.next),
            (other.code, &other.public, &other.next)
        );
    }
    assert!(tries("root", PASSWORD).await.is_ok());
    // Nor does it lift up a session that came another way, nor is a new one set.
    let by_corp = stage
        .session("ada", ada.id, &muster_domain::session::Means::Password)
        .await;
    let proof = password::prove(stage.s(), &by_corp.call, PASSWORD).await;
    assert_eq!(code(proof), "AUTH-001");
    let door = elevation::door(stage.s(), &by_corp.call).await.unwrap();
    assert!(!door.takes_password());
    let new = SecretString::from(PASSWORD);
    let set = users::set_local_password(stage.s(), &stage.world.system(), None, ada.id, &new).await;
    assert_eq!(code(set), "PWD-001");
    assert!(stage.now() > glass.call.at - seconds(1));
}
