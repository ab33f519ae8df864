//! Groups: circles, plans, names.

use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::Knowingly;
use muster_services::groups::{self, Paging};

use crate::Cast;

#[tokio::test]
async fn a_circle_is_refused_in_words_that_show_it() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let mut made = Vec::new();
    for name in ["Company", "Department", "Team"] {
        made.push(groups::create(s, call, name, "").await.unwrap());
    }
    groups::add_member(
        s,
        call,
        None,
        made[0],
        Member::Group(made[1]),
        Knowingly::No,
    )
    .await
    .unwrap();
    groups::add_member(
        s,
        call,
        None,
        made[1],
        Member::Group(made[2]),
        Knowingly::No,
    )
    .await
    .unwrap();
    let error = groups::add_member(
        s,
        call,
        None,
        made[2],
        Member::Group(made[0]),
        Knowingly::No,
    )
    .await
    .unwrap_err();
    assert_eq!(error.code, "GRP-002");
    assert!(
        error.public.contains("Team → Department → Company"),
        "{}",
        error.public
    );
    let error = groups::add_member(
        s,
        call,
        None,
        made[2],
        Member::Group(made[2]),
        Knowingly::No,
    )
    .await
    .unwrap_err();
    assert_eq!(error.public, "Team cannot be in itself.");
    let error = groups::add_member(
        s,
        call,
        None,
        made[0],
        Member::Group(made[1]),
        Knowingly::No,
    )
    .await
    .unwrap_err();
    assert_eq!(error.code, "GRP-005");
}

#[tokio::test]
async fn removing_a_group_shows_first_what_goes_and_takes_exactly_that() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let sue = call.elevated().unwrap();
    let outer = groups::create(s, call, "Outer", "").await.unwrap();
    let middle = groups::create(s, call, "Middle", "").await.unwrap();
    let inner = groups::create(s, call, "Inner", "").await.unwrap();
    groups::add_member(s, call, None, outer, Member::Group(middle), Knowingly::No)
        .await
        .unwrap();
    groups::add_member(s, call, None, middle, Member::Group(inner), Knowingly::No)
        .await
        .unwrap();
    groups::add_member(
        s,
        call,
        None,
        middle,
        Member::User(cast.nobody.id),
        Knowingly::No,
    )
    .await
    .unwrap();
    groups::add_member(
        s,
        call,
        None,
        inner,
        Member::User(cast.auditor.id),
        Knowingly::No,
    )
    .await
    .unwrap();
    cast.world
        .grant(Role::Helpdesk, Member::Group(outer))
        .await
        .unwrap();

    let plan = groups::plan_delete(s, call, middle).await.unwrap();
    assert_eq!((plan.users, plan.effective), (1, 2));
    assert_eq!(plan.inner, [(inner, "Inner".to_owned())]);
    assert_eq!(plan.outer, [(outer, "Outer".to_owned())]);
    assert_eq!(plan.roles, [Role::Helpdesk]);
    assert!(plan.refused.is_none() && plan.needs_elevation);
    assert_eq!(
        groups::delete(s, call, None, middle)
            .await
            .unwrap_err()
            .code,
        "ELV-001"
    );
    groups::delete(s, call, Some(&sue), middle).await.unwrap();

    let detail = groups::detail(s, call, outer, &Paging::default())
        .await
        .unwrap();
    assert_eq!((detail.members.rows.len(), detail.effective), (0, 0));
    let detail = groups::detail(s, call, inner, &Paging::default())
        .await
        .unwrap();
    assert_eq!((detail.effective, detail.outer.len()), (1, 0));
}

#[tokio::test]
async fn people_in_effect_come_with_the_path_and_a_taken_name_is_refused() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let outer = groups::create(s, call, "Outer", "").await.unwrap();
    let inner = groups::create(s, call, "Inner", "").await.unwrap();
    groups::add_member(s, call, None, outer, Member::Group(inner), Knowingly::No)
        .await
        .unwrap();
    groups::add_member(
        s,
        call,
        None,
        inner,
        Member::User(cast.nobody.id),
        Knowingly::No,
    )
    .await
    .unwrap();
    let page = groups::effective_members(s, call, outer, &Paging::default())
        .await
        .unwrap();
    assert_eq!(page.rows[0].row.user.id, cast.nobody.id);
    assert_eq!(
        page.rows[0].path,
        [(inner, "Inner".to_owned()), (outer, "Outer".to_owned())]
    );
    assert_eq!(page.rows[0].origins[0].1, "By hand");

    for result in [
        groups::create(s, call, " iNNer ", "").await.map(|_| ()),
        groups::edit(s, call, None, outer, "inner", "").await,
    ] {
        let error = result.unwrap_err();
        assert_eq!(
            (error.code, error.fields[0].field.as_str()),
            ("GRP-001", "name")
        );
    }
    groups::edit(s, call, None, outer, "OUTER", "Everybody")
        .await
        .unwrap();
}
