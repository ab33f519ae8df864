//! Nobody takes more power than they have, and the last one who has it all stays.

use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::Knowingly;
use muster_services::users::{self, BreakGlass};
use muster_services::{groups, roles};

use crate::Cast;

#[tokio::test]
async fn an_admin_alters_no_superadmin() {
    let cast = Cast::gather().await;
    let (s, call, target) = (&cast.world.services, &cast.admin.call, cast.superadmin.id);
    let elevated = call.elevated().unwrap();
    let fields = users::checked_fields("sue2", "Sue", "").unwrap();
    let password = secrecy::SecretString::from("unrelated words make a long sentence");
    let provider = muster_domain::id::ProviderId(uuid::Uuid::nil());
    let identity = users::Identity {
        provider,
        issuer: "https://i.example".into(),
        subject: "1".into(),
    };
    for (what, result) in [
        ("edit", users::edit(s, call, target, &fields).await),
        (
            "password",
            users::set_local_password(s, call, Some(&elevated), target, &password).await,
        ),
        (
            "remove password",
            users::remove_local_password(s, call, Some(&elevated), target).await,
        ),
        ("deactivate", users::deactivate(s, call, target, "").await),
        (
            "link",
            users::link_identity(s, call, Some(&elevated), target, &identity).await,
        ),
    ] {
        assert_eq!(result.unwrap_err().code, "ROLE-002", "{what}");
    }
}

#[tokio::test]
async fn nobody_joins_a_group_that_carries_a_role_without_the_power_to_grant_it() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let root = groups::create(s, &cast.admin.call, "Root", "")
        .await
        .unwrap();
    let inner = groups::create(s, &cast.admin.call, "Inner", "")
        .await
        .unwrap();
    let plain = groups::create(s, &cast.admin.call, "Plain", "")
        .await
        .unwrap();
    let sue = cast.superadmin.call.elevated().unwrap();
    groups::add_member(
        s,
        &cast.superadmin.call,
        None,
        root,
        Member::Group(inner),
        Knowingly::No,
    )
    .await
    .unwrap();
    roles::grant(
        s,
        &cast.superadmin.call,
        &sue,
        Role::Superadmin,
        Member::Group(root),
        Knowingly::No,
    )
    .await
    .unwrap();

    let adam = cast.admin.call.elevated().unwrap();
    let me = Member::User(cast.admin.id);
    for (group, member) in [
        (root, me),
        (inner, me),
        (root, Member::Group(plain)),
        (inner, Member::Group(plain)),
    ] {
        let error = groups::add_member(
            s,
            &cast.admin.call,
            Some(&adam),
            group,
            member,
            Knowingly::No,
        )
        .await
        .unwrap_err();
        assert_eq!(error.code, "ROLE-003");
    }
    // Taking the name of such a group, or giving it another, would turn rules around.
    let error = groups::edit(s, &cast.admin.call, Some(&adam), root, "Staff", "")
        .await
        .unwrap_err();
    assert_eq!(error.code, "ROLE-003");
    let error = groups::delete(s, &cast.admin.call, Some(&adam), inner)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ROLE-003");
    // A superadmin may, in a secure session.
    let error = groups::add_member(s, &cast.superadmin.call, None, inner, me, Knowingly::No)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-001");
    groups::add_member(
        s,
        &cast.superadmin.call,
        Some(&sue),
        inner,
        me,
        Knowingly::No,
    )
    .await
    .unwrap();
    let adam = cast.world.again(&cast.admin).await.unwrap();
    assert!(adam.call.roles().contains(&Role::Superadmin));
    // Plain carries nothing: any admin fills it.
    groups::add_member(s, &cast.admin.call, None, plain, me, Knowingly::No)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_last_superadmin_stays_whichever_way_they_would_be_lost() {
    let cast = Cast::gather().await;
    let (s, world) = (&cast.world.services, &cast.world);
    let system = world.system();
    let sue = cast.superadmin.call.elevated().unwrap();
    // Sue holds the role through a nested group alone.
    let top = groups::create(s, &system, "Top", "").await.unwrap();
    let inner = groups::create(s, &system, "Inner", "").await.unwrap();
    groups::add_member(s, &system, None, top, Member::Group(inner), Knowingly::No)
        .await
        .unwrap();
    groups::add_member(
        s,
        &system,
        None,
        inner,
        Member::User(cast.superadmin.id),
        Knowingly::No,
    )
    .await
    .unwrap();
    let by_group = world
        .grant(Role::Superadmin, Member::Group(top))
        .await
        .unwrap();
    let direct = roles::overview(s, &system).await.unwrap()[0].people[0]
        .assignment
        .id;
    roles::withdraw(s, &cast.superadmin.call, &sue, direct)
        .await
        .unwrap();

    let call = world.again(&cast.superadmin).await.unwrap().call;
    assert!(call.roles().contains(&Role::Superadmin));
    let sue = call.elevated().unwrap();
    for (what, code) in [
        (
            "withdraw",
            roles::withdraw(s, &call, &sue, by_group)
                .await
                .unwrap_err()
                .code,
        ),
        (
            "leave",
            groups::remove_member(
                s,
                &call,
                Some(&sue),
                inner,
                Member::User(cast.superadmin.id),
            )
            .await
            .unwrap_err()
            .code,
        ),
        (
            "unnest",
            groups::remove_member(s, &call, Some(&sue), top, Member::Group(inner))
                .await
                .unwrap_err()
                .code,
        ),
        (
            "delete inner",
            groups::delete(s, &call, Some(&sue), inner)
                .await
                .unwrap_err()
                .code,
        ),
        (
            "delete top",
            groups::delete(s, &call, Some(&sue), top)
                .await
                .unwrap_err()
                .code,
        ),
        (
            "deactivate",
            users::deactivate(s, &system, cast.superadmin.id, "")
                .await
                .unwrap_err()
                .code,
        ),
    ] {
        assert_eq!(code, "ROLE-001", "{what}");
    }
    let plan = groups::plan_delete(s, &call, top).await.unwrap();
    assert_eq!(plan.refused.unwrap().code, "ROLE-001");

    // With a second superadmin each of them goes.
    world.persona("sam", &[Role::Superadmin]).await.unwrap();
    groups::remove_member(
        s,
        &call,
        Some(&sue),
        inner,
        Member::User(cast.superadmin.id),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn w25_whoever_loses_a_role_loses_the_secure_session_too() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let overview = roles::overview(s, &cast.superadmin.call).await.unwrap();
    let grant = overview[1].people[0].assignment.id;
    let sue = cast.superadmin.call.elevated().unwrap();
    roles::withdraw(s, &cast.superadmin.call, &sue, grant)
        .await
        .unwrap();
    let adam = cast.world.again(&cast.admin).await.unwrap();
    assert!(adam.call.roles().is_empty());
    assert_eq!(adam.call.elevated().unwrap_err().code, "ELV-001");
    assert!(
        cast.world
            .again(&cast.superadmin)
            .await
            .unwrap()
            .call
            .elevated()
            .is_ok()
    );
}

#[tokio::test]
async fn a_privileged_password_takes_a_secure_session_and_the_last_break_glass_account_stays() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let sue = call.elevated().unwrap();
    let password = secrecy::SecretString::from("unrelated words make a long sentence");
    let error = users::set_local_password(s, call, None, cast.auditor.id, &password)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-001");
    users::set_local_password(s, call, None, cast.nobody.id, &password)
        .await
        .unwrap();
    // Somebody else set it: their sessions are over.
    assert!(cast.world.again(&cast.nobody).await.is_err());
    let weak = secrecy::SecretString::from("passwordpassword");
    let error = users::set_local_password(s, call, Some(&sue), cast.superadmin.id, &weak)
        .await
        .unwrap_err();
    assert_eq!(error.fields[0].field, "password");

    let error = users::set_break_glass(s, call, &sue, cast.superadmin.id, BreakGlass::Yes)
        .await
        .unwrap_err();
    assert_eq!(error.code, "USR-018");
    users::set_local_password(s, call, Some(&sue), cast.superadmin.id, &password)
        .await
        .unwrap();
    users::set_break_glass(s, call, &sue, cast.superadmin.id, BreakGlass::Yes)
        .await
        .unwrap();
    cast.world
        .persona("sam", &[Role::Superadmin])
        .await
        .unwrap();
    let error = users::set_break_glass(s, call, &sue, cast.superadmin.id, BreakGlass::No)
        .await
        .unwrap_err();
    assert_eq!(error.code, "USR-012");
    let error = users::deactivate(s, &cast.world.system(), cast.superadmin.id, "")
        .await
        .unwrap_err();
    assert_eq!(error.code, "USR-012");
    let error = users::deactivate(s, &cast.admin.call, cast.superadmin.id, "")
        .await
        .unwrap_err();
    assert_eq!(error.code, "USR-011");
}
