//! Many people at once: the preview is what happens.

use std::collections::BTreeSet;

use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::Knowingly;
use muster_services::users::{self, BulkAction, BulkLine, Selection, UserFilter};
use muster_services::{groups, sessions};

use crate::Cast;

fn ids(lines: &[BulkLine]) -> BTreeSet<UserId> {
    lines.iter().map(|line| line.user).collect()
}

fn everybody() -> Selection {
    Selection::Filter(UserFilter::default())
}

async fn active(cast: &Cast) -> BTreeSet<UserId> {
    let filter = UserFilter {
        active: Some(true),
        ..UserFilter::default()
    };
    users::list(
        &cast.world.services,
        &cast.admin.call,
        &filter,
        &users::Paging::default(),
    )
    .await
    .unwrap()
    .rows
    .into_iter()
    .map(|row| row.user.id)
    .collect()
}

#[tokio::test]
async fn deactivating_everybody_spares_yourself_and_superadmins_and_does_what_the_preview_said() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let action = BulkAction::Deactivate {
        reason: "closing".to_owned(),
    };
    let plan = users::plan_bulk(s, call, &everybody(), &action)
        .await
        .unwrap();
    assert_eq!(
        ids(&plan.refused),
        BTreeSet::from([cast.admin.id, cast.superadmin.id])
    );
    assert_eq!(plan.button, "Deactivate 3 people");
    assert!(
        plan.changes[0].words.contains("one session ends"),
        "{}",
        plan.changes[0].words
    );
    let before = active(&cast).await;
    let done = users::apply_bulk(s, call, None, &everybody(), &action, &plan.fingerprint)
        .await
        .unwrap();
    assert_eq!((done.changed, done.sessions_ended), (3, 3));
    let gone: BTreeSet<UserId> = before.difference(&active(&cast).await).copied().collect();
    assert_eq!(gone, ids(&plan.changes));
    assert!(cast.world.again(&cast.helpdesk).await.is_err());

    // The same plan is another one now.
    let error = users::apply_bulk(s, call, None, &everybody(), &action, &plan.fingerprint)
        .await
        .unwrap_err();
    assert_eq!(error.code, "BULK-002");
    let plan = users::plan_bulk(s, call, &everybody(), &BulkAction::Reactivate)
        .await
        .unwrap();
    assert_eq!((plan.changes.len(), plan.unchanged.len()), (3, 2));
    users::apply_bulk(
        s,
        call,
        None,
        &everybody(),
        &BulkAction::Reactivate,
        &plan.fingerprint,
    )
    .await
    .unwrap();
    assert_eq!(active(&cast).await, before);
}

#[tokio::test]
async fn a_plan_that_grew_stale_is_refused_and_changes_nobody() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let group = groups::create(s, call, "Team", "").await.unwrap();
    let action = BulkAction::AddToGroup(group);
    let plan = users::plan_bulk(s, call, &everybody(), &action)
        .await
        .unwrap();
    assert_eq!(plan.changes.len(), 5);
    cast.world.user("late").await.unwrap();
    let error = users::apply_bulk(s, call, None, &everybody(), &action, &plan.fingerprint)
        .await
        .unwrap_err();
    assert_eq!(error.code, "BULK-002");
    let detail = groups::detail(s, call, group, &groups::Paging::default())
        .await
        .unwrap();
    assert!(detail.members.rows.is_empty());
}

#[tokio::test]
async fn joining_and_leaving_a_group_in_bulk_says_for_whom_nothing_changes() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let group = groups::create(s, call, "Team", "").await.unwrap();
    groups::add_member(
        s,
        call,
        None,
        group,
        Member::User(cast.nobody.id),
        Knowingly::No,
    )
    .await
    .unwrap();
    let join = BulkAction::AddToGroup(group);
    let plan = users::plan_bulk(s, call, &everybody(), &join)
        .await
        .unwrap();
    assert_eq!(ids(&plan.unchanged), BTreeSet::from([cast.nobody.id]));
    users::apply_bulk(s, call, None, &everybody(), &join, &plan.fingerprint)
        .await
        .unwrap();
    let some = Selection::Ids(vec![cast.nobody.id, cast.nobody.id, cast.auditor.id]);
    let leave = BulkAction::RemoveFromGroup(group);
    let plan = users::plan_bulk(s, call, &some, &leave).await.unwrap();
    assert_eq!(plan.button, "Remove 2 people from Team");
    users::apply_bulk(s, call, None, &some, &leave, &plan.fingerprint)
        .await
        .unwrap();
    let detail = groups::detail(s, call, group, &groups::Paging::default())
        .await
        .unwrap();
    assert_eq!(detail.effective, 3);
}

#[tokio::test]
async fn a_group_that_carries_a_role_is_filled_in_bulk_by_a_superadmin_in_a_secure_session_alone() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let group = groups::create(s, &cast.admin.call, "Root", "")
        .await
        .unwrap();
    cast.world
        .grant(Role::Superadmin, Member::Group(group))
        .await
        .unwrap();
    let action = BulkAction::AddToGroup(group);
    let one = Selection::Ids(vec![cast.nobody.id]);
    let plan = users::plan_bulk(s, &cast.admin.call, &one, &action)
        .await
        .unwrap();
    assert_eq!((plan.changes.len(), plan.refused.len()), (0, 1));
    let elevated = cast.admin.call.elevated().unwrap();
    let error = users::apply_bulk(
        s,
        &cast.admin.call,
        Some(&elevated),
        &one,
        &action,
        &plan.fingerprint,
    )
    .await;
    assert_eq!(error.unwrap_err().code, "BULK-003");

    let call = &cast.superadmin.call;
    let plan = users::plan_bulk(s, call, &one, &action).await.unwrap();
    assert!(plan.needs_elevation);
    let error = users::apply_bulk(s, call, None, &one, &action, &plan.fingerprint)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-001");
    let elevated = call.elevated().unwrap();
    users::apply_bulk(s, call, Some(&elevated), &one, &action, &plan.fingerprint)
        .await
        .unwrap();
}

#[tokio::test]
async fn sessions_end_in_bulk_and_too_many_people_are_refused() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.helpdesk.call);
    let plan = users::plan_bulk(s, call, &everybody(), &BulkAction::EndSessions)
        .await
        .unwrap();
    assert_eq!(ids(&plan.refused), BTreeSet::from([cast.helpdesk.id]));
    let done = users::apply_bulk(
        s,
        call,
        None,
        &everybody(),
        &BulkAction::EndSessions,
        &plan.fingerprint,
    )
    .await
    .unwrap();
    assert_eq!((done.changed, done.sessions_ended), (4, 4));
    assert!(cast.world.again(&cast.superadmin).await.is_err());
    assert_eq!(
        sessions::of_user(s, call, cast.helpdesk.id)
            .await
            .unwrap()
            .len(),
        1
    );

    let many = (0..=users::CAP)
        .map(|n| UserId(uuid::Uuid::from_u128(n as u128)))
        .collect();
    let error = users::plan_bulk(s, call, &Selection::Ids(many), &BulkAction::EndSessions)
        .await
        .unwrap_err();
    assert_eq!(error.code, "BULK-001");
}
