//! What goes along with a role: whoever confers it is told and confirms, in whatever order it came to be.

use muster_domain::id::GroupId;
use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::{Error, name};
use muster_services::Knowingly::{No, Yes};
use muster_services::users::{self, Identity, checked_fields};
use muster_services::{groups, providers, roles};
use muster_storage::audit::{self, AuditFilter};
use secrecy::SecretString;

use crate::Cast;
use crate::providers::connected;

const PASSWORD: &str = "unrelated words make a long sentence";

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("ok", |error| error.code)
}

fn filling(managed: &[&str], default: &[&str]) -> JitRules {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    JitRules {
        managed_groups: owned(managed),
        default_groups: owned(default),
        ..JitRules::default()
    }
}

/// A provider, and rules of it that an admin saves while they confer nothing.
async fn ruled(cast: &Cast, rules: JitRules) {
    connected(cast).await;
    let (call, s) = (&cast.admin.call, &cast.world.services);
    let adam = call.elevated().unwrap();
    providers::set_jit(s, call, &adam, "idp", rules, No)
        .await
        .unwrap();
}

async fn group(cast: &Cast, name: &str) -> GroupId {
    groups::create(&cast.world.services, &cast.admin.call, name, "")
        .await
        .unwrap()
}

async fn recorded(cast: &Cast, action: &str) -> serde_json::Value {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        ..AuditFilter::default()
    };
    let paging = muster_storage::Paging {
        direction: muster_domain::listing::Direction::Desc,
        ..Default::default()
    };
    let page = audit::list(cast.world.services.db(), &filter, &paging).await;
    page.unwrap().rows.remove(0).event.detail
}

#[tokio::test]
async fn c18_a_group_that_rules_fill_already_gets_no_role_unless_it_is_confirmed() {
    for rules in [
        filling(&["Eng*"], &[]),
        filling(&[], &["ENG\u{200b}ineers "]),
        filling(&["*"], &[]),
    ] {
        let cast = Cast::gather().await;
        let (s, call) = (&cast.world.services, &cast.superadmin.call);
        ruled(&cast, rules).await;
        let sue = call.elevated().unwrap();
        let to = Member::Group(group(&cast, "Engineers").await);
        let refused = roles::grant(s, call, &sue, Role::Admin, to, No).await;
        let error = refused.unwrap_err();
        assert_eq!(error.code, "JIT-021");
        assert!(
            error.public.contains("Company") && error.public.contains("Engineers"),
            "{error}"
        );
        let held = muster_storage::roles::list(s.db()).await.unwrap();
        assert!(held.iter().all(|row| row.assignment.principal != to));
        roles::grant(s, call, &sue, Role::Admin, to, Yes)
            .await
            .unwrap();
        let along = &recorded(&cast, "role.grant").await["along"];
        let told = along["filled_by_rules"][0].as_str().unwrap();
        assert!(told.contains("Company"), "{told}");
    }
}

#[tokio::test]
async fn c18_a_role_for_an_outer_group_asks_for_what_fills_the_nested_one() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    ruled(&cast, filling(&["Inner"], &[])).await;
    let sue = call.elevated().unwrap();
    let (outer, inner) = (group(&cast, "Outer").await, group(&cast, "Inner").await);
    let member = Member::Group(inner);
    groups::add_member(s, call, None, outer, member, No)
        .await
        .unwrap();
    let grant = roles::grant(s, call, &sue, Role::Admin, Member::Group(outer), No).await;
    assert_eq!(code(grant), "JIT-021");
}

#[tokio::test]
async fn c18_a_group_that_rules_fill_joins_none_that_carries_a_role_unless_it_is_confirmed() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    ruled(&cast, filling(&["Inner"], &[])).await;
    let sue = call.elevated().unwrap();
    let (outer, middle, inner) = (
        group(&cast, "Outer").await,
        group(&cast, "Middle").await,
        group(&cast, "Inner").await,
    );
    let to = Member::Group(outer);
    roles::grant(s, call, &sue, Role::Admin, to, No)
        .await
        .unwrap();
    let member = Member::Group(inner);
    groups::add_member(s, call, None, middle, member, No)
        .await
        .unwrap();
    let nest = |knowingly| {
        groups::add_member(s, call, Some(&sue), outer, Member::Group(middle), knowingly)
    };
    assert_eq!(code(nest(No).await), "JIT-021");
    nest(Yes).await.unwrap();
    // What is confirmed once is not asked again.
    let people = group(&cast, "People").await;
    let member = Member::Group(people);
    groups::add_member(s, call, Some(&sue), outer, member, No)
        .await
        .unwrap();
    let grant = roles::grant(s, call, &sue, Role::Helpdesk, Member::Group(inner), No).await;
    assert_eq!(code(grant), "JIT-021", "another role is another question");
}

#[tokio::test]
async fn c18_a_group_that_carries_a_role_takes_no_name_that_rules_fill() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    ruled(&cast, filling(&["Eng*"], &[])).await;
    let sue = call.elevated().unwrap();
    let root = group(&cast, "Root").await;
    roles::grant(s, call, &sue, Role::Admin, Member::Group(root), No)
        .await
        .unwrap();
    let named = groups::edit(s, call, Some(&sue), root, "Engineers", "").await;
    assert_eq!(code(named), "JIT-021");
    groups::edit(s, call, Some(&sue), root, "Owners", "")
        .await
        .unwrap();
    let found = groups::name(s, call, root).await.unwrap().unwrap();
    assert_eq!(name::key(&found), "owners");
}

#[tokio::test]
async fn c18_rules_saved_after_the_grant_ask_a_superadmin_just_as_a_grant_after_the_rules_does() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    connected(&cast).await;
    let sue = call.elevated().unwrap();
    let root = group(&cast, "Root").await;
    roles::grant(s, call, &sue, Role::Admin, Member::Group(root), No)
        .await
        .unwrap();
    let save = |rules, knowingly| providers::set_jit(s, call, &sue, "idp", rules, knowingly);
    assert_eq!(code(save(filling(&["R*"], &[]), No).await), "JIT-021");
    save(filling(&["R*"], &[]), Yes).await.unwrap();
    assert!(recorded(&cast, "provider.rules").await["along"].is_object());
    // The same group from the same provider is confirmed; that everybody there shall be in it is not.
    save(filling(&["Root"], &[]), No).await.unwrap();
    assert_eq!(code(save(filling(&["R*"], &["Root"]), No).await), "JIT-021");
}

#[tokio::test]
async fn o78_a_role_goes_to_nobody_to_whom_somebody_else_opened_a_way_in_unless_it_is_confirmed() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let sue = call.elevated().unwrap();
    let norma = cast.nobody.id;
    let secret = SecretString::from(PASSWORD);
    users::set_local_password(s, &cast.admin.call, None, norma, &secret)
        .await
        .unwrap();
    let identity = Identity {
        provider: connected(&cast).await.id,
        issuer: "https://idp.example".to_owned(),
        subject: "mallory".to_owned(),
    };
    users::link_identity(s, &cast.admin.call, None, norma, &identity)
        .await
        .unwrap();
    let to = Member::User(norma);
    let refused = roles::grant(s, call, &sue, Role::Helpdesk, to, No).await;
    let error = refused.unwrap_err();
    assert_eq!(error.code, "ROLE-006");
    for told in [
        "adam set the password of norma",
        "adam linked an identity to norma",
    ] {
        assert!(error.public.contains(told), "{error}");
    }
    roles::grant(s, call, &sue, Role::Helpdesk, to, Yes)
        .await
        .unwrap();
    let along = &recorded(&cast, "role.grant").await["along"];
    assert_eq!(along["ways_in_by_others"].as_array().unwrap().len(), 2);
    // A higher role asks again.
    let grant = roles::grant(s, call, &sue, Role::Superadmin, to, No).await;
    assert_eq!(code(grant), "ROLE-006");
}

#[tokio::test]
async fn o78_a_group_that_carries_a_role_asks_for_the_ways_in_of_who_joins_it() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let sue = call.elevated().unwrap();
    let fields = checked_fields("mona", "Mona", "").unwrap();
    let secret = SecretString::from(PASSWORD);
    let mona = users::create(s, &cast.admin.call, &fields, Some(&secret)).await;
    let (root, inner) = (group(&cast, "Root").await, group(&cast, "Inner").await);
    roles::grant(s, call, &sue, Role::Admin, Member::Group(root), No)
        .await
        .unwrap();
    let mona = Member::User(mona.unwrap());
    let join = |knowingly| groups::add_member(s, call, Some(&sue), root, mona, knowingly);
    assert_eq!(code(join(No).await), "ROLE-006");
    groups::add_member(s, call, None, inner, mona, No)
        .await
        .unwrap();
    let nested = Member::Group(inner);
    let nest = groups::add_member(s, call, Some(&sue), root, nested, No).await;
    assert_eq!(code(nest), "ROLE-006");
    // Rules that fill the group and ways in of others are one question.
    ruled(&cast, filling(&["Inner"], &[])).await;
    let nest = groups::add_member(s, call, Some(&sue), root, nested, No).await;
    let error = nest.unwrap_err();
    assert_eq!(error.code, "JIT-021");
    assert!(
        error.public.contains("adam set the password of mona"),
        "{error}"
    );
    let rules = JitRules::default();
    providers::set_jit(s, call, &sue, "idp", rules, No)
        .await
        .unwrap();
    join(Yes).await.unwrap();
    // She holds the role now: another way to it tells nothing new.
    groups::add_member(s, call, Some(&sue), root, nested, No)
        .await
        .unwrap();
}

#[tokio::test]
async fn o78_ways_in_that_the_granter_opened_ask_nobody_and_others_stay_when_their_owner_replaces_them()
 {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let sue = call.elevated().unwrap();
    let secret = SecretString::from(PASSWORD);
    users::set_local_password(s, &cast.admin.call, None, cast.nobody.id, &secret)
        .await
        .unwrap();
    // She signs in with it and sets another: whoever knew the first may have done that.
    let norma = cast.world.sign_in(cast.nobody.id, "norma").await.unwrap();
    let norma = cast.world.elevate(&norma).await.unwrap();
    let own = norma.call.elevated().unwrap();
    users::set_local_password(s, &norma.call, Some(&own), norma.id, &secret)
        .await
        .unwrap();
    let to = Member::User(norma.id);
    let asked = roles::grant(s, call, &sue, Role::Helpdesk, to, No).await;
    assert_eq!(code(asked), "ROLE-006");
    // The granter sets one and hands it over: they know who knows it.
    users::set_local_password(s, call, Some(&sue), norma.id, &secret)
        .await
        .unwrap();
    roles::grant(s, call, &sue, Role::Helpdesk, to, No)
        .await
        .unwrap();
    let fields = checked_fields("mona", "Mona", "").unwrap();
    let mona = users::create(s, call, &fields, Some(&secret)).await;
    let to = Member::User(mona.unwrap());
    roles::grant(s, call, &sue, Role::Helpdesk, to, No)
        .await
        .unwrap();
}
