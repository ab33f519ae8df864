//! Signing in with a password that a directory answers for: a real slapd is asked.

use chrono::TimeDelta;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Expression, How, Mapping, Rule, When};
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_domain::user::User;
use muster_services::directories::{self, Enabled};
use muster_services::password::{self, Entered};
use muster_services::{Call, Who, users};
use muster_storage::sessions;
use muster_testing::{Persona, TestWorld};

use crate::declaring::{draft, saved, synced};
use crate::slapd::{Setup, Slapd, people, person};

/// A directory whose people sign in, and the superadmin who switched that on.
async fn peopled(world: &TestWorld, slapd: &Slapd) -> (DirectoryId, Persona) {
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let sue = world.elevate(&sue).await.unwrap();
    let elevated = sue.call.elevated().unwrap();
    let on = draft(slapd, &[("sign_in", "on")]);
    let id = directories::add(&world.services, &sue.call, &elevated, &on)
        .await
        .unwrap();
    synced(world, &sue, id).await;
    (id, sue)
}

fn stranger(world: &TestWorld) -> Call {
    Call {
        who: Who::Anonymous,
        address: Some([192, 0, 2, 7].into()),
        ..world.system()
    }
}

async fn code(world: &TestWorld, username: &str, password: &str) -> &'static str {
    match password::sign_in(&world.services, &stranger(world), username, password).await {
        Ok(_) => "in",
        Err(error) => error.code,
    }
}

async fn user(world: &TestWorld, username: &str) -> User {
    muster_storage::users::by_username(world.services.db(), username)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn w50_a_directory_answers_for_its_people_and_every_no_is_the_same() {
    let Some(slapd) = Slapd::start(Setup::of(&people(5))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, _) = peopled(&world, &slapd).await;
    let entered = password::sign_in(&world.services, &stranger(&world), "U001", "pw-1").await;
    let Ok(Entered::In(who, entry)) = entered else {
        panic!("{entered:?}");
    };
    assert_eq!(who.username, "u001");
    assert_eq!(entry.means, Means::Directory { directory: id });
    assert_eq!(entry.password, None);
    for (username, wrong) in [
        ("u001", "pw-2"),
        ("u002", ""),
        ("u002", " "),
        ("nobody", "pw-1"),
        ("u003)(uid=*", "pw-3"),
        ("uid=u003,ou=people,dc=example,dc=test", "pw-3"),
        ("sue", "pw-1"),
    ] {
        assert_eq!(
            code(&world, username, wrong).await,
            "AUTH-001",
            "{username}"
        );
    }
    let raw = world.raw();
    assert!(
        !raw.windows(4).any(|bytes| bytes == b"pw-1"),
        "the password is kept nowhere"
    );
}

#[tokio::test]
async fn it_answers_behind_a_mapping_too() {
    let Some(slapd) = Slapd::start(Setup::of(&people(2))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, _) = peopled(&world, &slapd).await;
    let rule = Rule {
        attribute: "title".to_owned(),
        how: How::Expression(Expression("'Clerk'".to_owned())),
        when: When::Always,
    };
    let mapping = Mapping {
        rules: vec![rule],
        ..Mapping::default()
    };
    let tx = world.services.db().begin().await.unwrap();
    let at = world.system().at;
    let put = muster_storage::mappings::put(&tx, id, &mapping, 0, at).await;
    assert!(put.unwrap());
    tx.commit_quiet(muster_storage::Quiet::Working)
        .await
        .unwrap();
    assert_eq!(code(&world, "u001", "pw-1").await, "in");
    assert_eq!(code(&world, "u001", "pw-2").await, "AUTH-001");
}

#[tokio::test]
async fn w49_guesses_are_counted_at_the_same_door() {
    let Some(slapd) = Slapd::start(Setup::of(&people(2))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    peopled(&world, &slapd).await;
    let mut told = Vec::new();
    for _ in 0..30 {
        told.push(code(&world, "u001", "guess").await);
    }
    assert_eq!(told.last(), Some(&"AUTH-002"));
    assert_eq!(
        code(&world, "u001", "pw-1").await,
        "AUTH-002",
        "the right one too, for a while"
    );
    world.clock.forward(TimeDelta::hours(1));
    assert_eq!(code(&world, "u001", "pw-1").await, "in");
}

#[tokio::test]
async fn whoever_is_kept_out_here_or_belongs_here_is_not_let_in_by_a_directory() {
    let Some(slapd) = Slapd::start(Setup::of(&people(4))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, sue) = peopled(&world, &slapd).await;
    let u2 = user(&world, "u002").await;
    users::deactivate(&world.services, &sue.call, u2.id, "left")
        .await
        .unwrap();
    assert_eq!(code(&world, "u002", "pw-2").await, "AUTH-001");
    let mut u3 = user(&world, "u003").await;
    u3.break_glass = true;
    let tx = world.services.db().begin().await.unwrap();
    muster_storage::users::update(&tx, &u3).await.unwrap();
    tx.commit_quiet(muster_storage::Quiet::LastSeen)
        .await
        .unwrap();
    assert_eq!(
        code(&world, "u003", "pw-3").await,
        "AUTH-001",
        "break-glass"
    );
    let mut admin = slapd.admin().await;
    admin.delete(&person(4)).await.unwrap().success().unwrap();
    assert_eq!(
        code(&world, "u004", "pw-4").await,
        "AUTH-001",
        "gone there, still here"
    );
    admin
        .modifydn(&person(1), "uid=renamed", true, None)
        .await
        .unwrap()
        .success()
        .unwrap();
    assert_eq!(
        code(&world, "u001", "pw-1").await,
        "in",
        "the same entry by another name"
    );
    saved(&world, &sue, id, &draft(&slapd, &[])).await.unwrap();
    assert_eq!(
        code(&world, "u001", "pw-1").await,
        "AUTH-001",
        "switched off"
    );
}

#[tokio::test]
async fn a_directory_that_is_down_says_so_and_local_passwords_count() {
    let Some(slapd) = Slapd::start(Setup::of(&people(1))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, sue) = peopled(&world, &slapd).await;
    let ivy = world.user("ivy").await.unwrap();
    let hash = password::make(&world.services, "violet harbor tickles 42", &[])
        .await
        .unwrap();
    let tx = world.services.db().begin().await.unwrap();
    let nobody = muster_domain::opener::Openers::nobody();
    muster_storage::credentials::set_password(&tx, ivy, &hash, None, &nobody, sue.call.at)
        .await
        .unwrap();
    tx.commit_quiet(muster_storage::Quiet::LastSeen)
        .await
        .unwrap();
    drop(slapd);
    assert_eq!(code(&world, "u001", "pw-1").await, "AUTH-022");
    assert_eq!(code(&world, "ivy", "violet harbor tickles 42").await, "in");
    assert_eq!(code(&world, "nobody", "x").await, "AUTH-001");
    let elevated = sue.call.elevated().unwrap();
    directories::set_enabled(&world.services, &sue.call, &elevated, id, Enabled::No)
        .await
        .unwrap();
    assert_eq!(code(&world, "u001", "pw-1").await, "AUTH-001");
}

#[tokio::test]
async fn l7_a_referral_and_a_password_that_expired_let_nobody_in() {
    use muster_storage::directories as rows;
    let policy = "dn: cn=policy,dc=example,dc=test\nobjectClass: device\nobjectClass: pwdPolicy\ncn: policy\npwdAttribute: userPassword\npwdMaxAge: 1\npwdGraceAuthNLimit: 0\n\n";
    let old = "dn: uid=old,ou=people,dc=example,dc=test\nobjectClass: inetOrgPerson\nuid: old\ncn: Old\nsn: Old\nuserPassword: pw-old\npwdChangedTime: 20200101000000Z\npwdPolicySubentry: cn=policy,dc=example,dc=test\n\n";
    let entries = format!("{policy}{}{old}", people(1));
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, _) = peopled(&world, &slapd).await;
    assert_eq!(code(&world, "u001", "pw-1").await, "in");
    assert!(user(&world, "old").await.is_active());
    assert_eq!(code(&world, "old", "pw-old").await, "AUTH-001");
    // The whole tree moved away: the server refers to another one.
    let mut moved = rows::get(world.services.db(), id).await.unwrap().unwrap();
    moved
        .settings
        .insert("users_base".to_owned(), "dc=elsewhere,dc=test".to_owned());
    let tx = world.services.db().begin().await.unwrap();
    rows::update(&tx, &moved).await.unwrap();
    tx.commit_quiet(muster_storage::Quiet::LastSeen)
        .await
        .unwrap();
    assert_eq!(code(&world, "u001", "pw-1").await, "AUTH-022");
}

#[tokio::test]
async fn sessions_by_a_directory_end_when_it_answers_no_more() {
    let Some(slapd) = Slapd::start(Setup::of(&people(1))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, sue) = peopled(&world, &slapd).await;
    let u1 = user(&world, "u001").await;
    world
        .grant(Role::Auditor, Member::User(u1.id))
        .await
        .unwrap();
    let by_it = Means::Directory { directory: id };
    let inside = world.sign_in_by(u1.id, "u001", &by_it).await.unwrap();
    assert!(world.again(&inside).await.is_ok());
    let db = world.services.db();
    assert_eq!(sessions::of_directory(db, id).await.unwrap().len(), 1);
    saved(
        &world,
        &sue,
        id,
        &draft(&slapd, &[("sign_in", "on"), ("leavers", "keep")]),
    )
    .await
    .unwrap();
    assert!(
        world.again(&inside).await.is_ok(),
        "nothing about signing in changed"
    );
    saved(&world, &sue, id, &draft(&slapd, &[])).await.unwrap();
    assert_eq!(world.again(&inside).await.unwrap_err().code, "WEB-401");
    assert_eq!(sessions::of_directory(db, id).await.unwrap(), []);
}

#[tokio::test]
async fn whom_somebody_chose_to_protect_a_source_does_not_touch() {
    let entries = people(3)
        + &crate::slapd::group("staff", &[person(1), person(2)])
        + &crate::slapd::group("lab", &[person(1), person(2)]);
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, sue) = peopled(&world, &slapd).await;
    let protects = [("protected_users", "U001"), ("protected_groups", "st*")];
    saved(&world, &sue, id, &draft(&slapd, &protects))
        .await
        .unwrap();
    let mut admin = slapd.admin().await;
    for n in 1..=2 {
        admin.delete(&person(n)).await.unwrap().success().unwrap();
    }
    let gone = std::collections::HashSet::from([person(2)]);
    for group in ["staff", "lab"] {
        let end = vec![ldap3::Mod::Delete(
            "member".to_owned(),
            gone.iter().cloned().collect(),
        )];
        admin
            .modify(&crate::slapd::named(group), end)
            .await
            .unwrap()
            .success()
            .unwrap();
    }
    synced(&world, &sue, id).await;
    assert!(user(&world, "u001").await.is_active(), "chosen");
    assert!(!user(&world, "u002").await.is_active());
    let db = world.services.db();
    for (group, left) in [("staff", 2), ("lab", 1)] {
        let group = muster_storage::groups::by_name(db, group)
            .await
            .unwrap()
            .unwrap();
        let inside = muster_storage::memberships::in_group(db, group.id)
            .await
            .unwrap();
        assert_eq!(inside.len(), left, "{}", group.name);
    }
}

#[tokio::test]
async fn whoever_signs_in_by_bind_is_brought_up_to_date_where_that_is_wanted() {
    let Some(slapd) = Slapd::start(Setup::of(&people(3))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let (id, sue) = peopled(&world, &slapd).await;
    let on = draft(&slapd, &[("sign_in", "on"), ("at_sign_in", "on")]);
    saved(&world, &sue, id, &on).await.unwrap();
    let mut admin = slapd.admin().await;
    let mail = std::collections::HashSet::from(["new@example.test"]);
    let change = vec![ldap3::Mod::Replace("mail", mail)];
    let done = admin.modify(&person(1), change).await.unwrap();
    done.success().unwrap();
    assert_eq!(code(&world, "u001", "wrong").await, "AUTH-001");
    let email = |user: &User| user.email.clone();
    let before = user(&world, "u001").await;
    assert_ne!(email(&before).as_deref(), Some("new@example.test"));
    assert_eq!(code(&world, "u001", "pw-1").await, "in");
    let after = user(&world, "u001").await;
    assert_eq!(email(&after).as_deref(), Some("new@example.test"));
}
