//! One person: made, edited, kept out, let in, and everything known of them.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{GroupId, ProviderId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::record::{Attributes, ExternalId};
use muster_services::Knowingly;
use muster_services::directories::Against;
use muster_services::users::{self, Identity, Paging, UserFilter};
use muster_services::{directories, groups, provisioning, sessions};
use muster_storage::directories::Directory;
use muster_testing::TestWorld;

use crate::Cast;

/// A second directory, after the internal one.
async fn second_directory(world: &TestWorld, name: &str) -> Directory {
    let s = &world.services;
    let call = world.system();
    let last = directories::list(s, &call).await.unwrap().len();
    let directory = Directory {
        id: s.id(),
        name: name.to_owned(),
        kind: "jit".to_owned(),
        position: i64::try_from(last).unwrap() + 100,
        enabled: true,
        settings: std::collections::BTreeMap::new(),
        created_at: call.at,
        updated_at: call.at,
    };
    let tx = s.db().begin().await.unwrap();
    muster_storage::directories::insert(&tx, &directory)
        .await
        .unwrap();
    tx.commit(&[call.event("test", "test", None, serde_json::json!({}))])
        .await
        .unwrap();
    directory
}

async fn apply(world: &TestWorld, actions: Vec<Action>) {
    let call = world.system();
    let changes: Vec<Change> = actions
        .into_iter()
        .map(|action| Change::new(action, Cause::ByHand))
        .collect();
    let tx = world.services.db().begin().await.unwrap();
    let mut events = provisioning::apply(&world.services, &call, &tx, &changes)
        .await
        .unwrap();
    events.push(call.event("test", "test", None, serde_json::json!({})));
    tx.commit(&events).await.unwrap();
}

fn attributes(pairs: &[(&str, &str)]) -> Attributes {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn w5_deactivation_ends_sessions_and_secure_sessions_at_once_and_only_reactivation_undoes_it()
{
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    users::deactivate(s, call, cast.admin.id, " left the company ")
        .await
        .unwrap();
    assert!(cast.world.again(&cast.admin).await.is_err());
    assert!(
        sessions::of_user(s, call, cast.admin.id)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(sessions::running(s, call).await.unwrap().len(), 1);

    // A source that states them again changes nothing about it.
    let detail = users::detail(s, call, cast.admin.id).await.unwrap();
    let account = &detail.accounts[0];
    let again = Action::UpdateAccount {
        user: cast.admin.id,
        directory: account.directory,
        external_id: account.external_id.clone(),
        attributes: account.attributes.clone(),
    };
    apply(&cast.world, vec![again]).await;
    let detail = users::detail(s, call, cast.admin.id).await.unwrap();
    let muster_domain::user::State::Deactivated(by) = detail.user.state else {
        panic!("revived")
    };
    assert_eq!(
        (by.by.as_str(), by.reason.as_deref()),
        ("sue", Some("left the company"))
    );

    assert_eq!(
        users::deactivate(s, call, cast.admin.id, "")
            .await
            .unwrap_err()
            .code,
        "USR-014"
    );
    users::reactivate(s, call, cast.admin.id).await.unwrap();
    assert_eq!(
        users::reactivate(s, call, cast.admin.id)
            .await
            .unwrap_err()
            .code,
        "USR-015"
    );
    assert_eq!(
        users::deactivate(s, call, cast.superadmin.id, "")
            .await
            .unwrap_err()
            .code,
        "USR-010"
    );
}

#[tokio::test]
async fn a_new_username_keeps_the_person_and_a_taken_one_is_refused_beside_its_field() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let fields = users::checked_fields("norma.new", "Norma N.", "").unwrap();
    users::edit(s, call, cast.nobody.id, &fields).await.unwrap();
    let detail = users::detail(s, call, cast.nobody.id).await.unwrap();
    assert_eq!(detail.user.username, "norma.new");
    assert_eq!(detail.user.email, None);
    assert!(cast.world.again(&cast.nobody).await.is_ok());

    let taken = users::checked_fields("HELEN", "Norma", "").unwrap();
    let error = users::edit(s, call, cast.nobody.id, &taken)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.fields[0].field.as_str()),
        ("USR-001", "username")
    );
    let error = users::create(s, call, &taken, None).await.unwrap_err();
    assert_eq!(error.code, "USR-001");

    let error = users::checked_fields("a b", "", "nonsense").unwrap_err();
    let fields: Vec<_> = error
        .fields
        .iter()
        .map(|field| field.field.as_str())
        .collect();
    assert_eq!(fields, ["username", "display_name", "email"]);
}

#[tokio::test]
async fn every_attribute_says_which_directory_wins_and_which_lose_and_the_order_decides() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let corporate = second_directory(&cast.world, "Corporate").await;
    let stated = attributes(&[
        ("username", "norma"),
        ("display_name", "Norma Corporate"),
        ("department", "Research"),
    ]);
    apply(
        &cast.world,
        vec![Action::UpdateAccount {
            user: cast.nobody.id,
            directory: corporate.id,
            external_id: ExternalId("n-1".to_owned()),
            attributes: stated,
        }],
    )
    .await;

    let name_of = |detail: &users::UserDetail| {
        let row = detail
            .attributes
            .iter()
            .find(|row| row.name == "display_name")
            .unwrap()
            .clone();
        (row.value, row.from, row.overruled)
    };
    let detail = users::detail(s, call, cast.nobody.id).await.unwrap();
    let overruled = vec![("Corporate".to_owned(), "Norma Corporate".to_owned())];
    assert_eq!(
        name_of(&detail),
        ("norma".to_owned(), "Internal".to_owned(), overruled)
    );
    let department = detail
        .attributes
        .iter()
        .find(|row| row.name == "department")
        .unwrap();
    assert_eq!(department.from, "Corporate");

    let step = directories::Step::Up;
    let unproven = directories::shift(s, call, None, corporate.id, step, Against::Nothing).await;
    assert_eq!(unproven.unwrap_err().code, "ELV-001");
    let elevated = call.elevated().unwrap();
    let listed = directories::list(s, call).await.unwrap();
    let order = directories::order_mark(listed.iter().map(|row| row.directory.id));
    let up = |knowingly: Option<Knowingly>| {
        let against = match knowingly {
            Some(knowingly) => Against::Seen(&order, knowingly),
            None => Against::Nothing,
        };
        directories::shift(
            s,
            call,
            Some(&elevated),
            corporate.id,
            directories::Step::Up,
            against,
        )
    };
    let error = up(Some(Knowingly::No)).await.unwrap_err();
    assert_eq!(error.code, "DIR-012");
    assert!(error.public.starts_with("1 person"), "{}", error.public);
    let detail = users::detail(s, call, cast.nobody.id).await.unwrap();
    assert_eq!(
        name_of(&detail).1,
        "Internal",
        "nothing was changed by asking"
    );
    let changed = up(Some(Knowingly::Yes)).await.unwrap();
    assert_eq!(changed, 1);
    let error = up(Some(Knowingly::Yes)).await.unwrap_err();
    assert_eq!(error.code, "DIR-011", "that is not the order any more");
    let detail = users::detail(s, call, cast.nobody.id).await.unwrap();
    assert_eq!(detail.user.display_name, "Norma Corporate");
    assert_eq!(name_of(&detail).1, "Corporate");
    let error = up(None).await.unwrap_err();
    assert_eq!(error.code, "DIR-003");
}

#[tokio::test]
async fn effective_groups_come_with_the_path_and_memberships_with_every_origin() {
    let cast = Cast::gather().await;
    let (s, call, who) = (&cast.world.services, &cast.admin.call, cast.nobody.id);
    let mut made: Vec<GroupId> = Vec::new();
    for name in ["Team", "Department", "Company"] {
        made.push(groups::create(s, call, name, "").await.unwrap());
    }
    groups::add_member(
        s,
        call,
        None,
        made[1],
        Member::Group(made[0]),
        Knowingly::No,
    )
    .await
    .unwrap();
    groups::add_member(
        s,
        call,
        None,
        made[2],
        Member::Group(made[1]),
        Knowingly::No,
    )
    .await
    .unwrap();
    groups::add_member(s, call, None, made[0], Member::User(who), Knowingly::No)
        .await
        .unwrap();
    let gone = Origin::Claims(ProviderId(s.id::<UserId>().0));
    apply(
        &cast.world,
        vec![Action::AddMember {
            group: made[0],
            member: Member::User(who),
            origin: gone,
        }],
    )
    .await;

    let detail = users::detail(s, call, who).await.unwrap();
    assert_eq!(detail.memberships.len(), 1);
    assert_eq!(detail.memberships[0].origins.len(), 2);
    let paths: Vec<String> = detail
        .effective
        .iter()
        .map(|way| {
            way.path
                .iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
                .join(" → ")
        })
        .collect();
    assert_eq!(
        paths,
        ["Team", "Team → Department", "Team → Department → Company"]
    );

    // Ending the membership by hand leaves the one by claims.
    let kept = groups::remove_member(s, call, None, made[0], Member::User(who))
        .await
        .unwrap();
    assert_eq!(kept, ["Claims of a source that was removed"]);
    let error = groups::remove_member(s, call, None, made[0], Member::User(who))
        .await
        .unwrap_err();
    assert_eq!(error.code, "GRP-004");
    assert!(error.public.contains("Claims of"));
}

#[tokio::test]
async fn an_identity_belongs_to_one_person_and_is_never_guessed_from_an_email() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let directory = second_directory(&cast.world, "SSO").await;
    let provider = muster_domain::provider::Provider {
        id: s.id(),
        slug: "sso".to_owned(),
        name: "SSO".to_owned(),
        vendor: muster_domain::vendor::Vendor::Generic,
        kind: "oidc".to_owned(),
        enabled: true,
        settings: std::collections::BTreeMap::new(),
        secret_is_set: false,
        directory: directory.id,
        domains: Vec::new(),
        jit: muster_domain::jit::JitRules::default(),
        calibration: muster_domain::calibration::Calibration::default(),
        created_at: call.at,
        updated_at: call.at,
    };
    let tx = s.db().begin().await.unwrap();
    muster_storage::providers::insert(&tx, &provider, None)
        .await
        .unwrap();
    tx.commit(&[call.event("test", "test", None, serde_json::json!({}))])
        .await
        .unwrap();

    let identity = Identity {
        provider: provider.id,
        issuer: "https://sso.example".into(),
        subject: "42".into(),
    };
    users::link_identity(s, call, None, cast.nobody.id, &identity)
        .await
        .unwrap();
    let sue = call.elevated().unwrap();
    let error = users::link_identity(s, call, Some(&sue), cast.auditor.id, &identity)
        .await
        .unwrap_err();
    assert_eq!(error.code, "USR-017");
    let error = users::unlink_identity(s, call, Some(&sue), cast.auditor.id, &identity)
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-404");
    let detail = users::detail(s, call, cast.nobody.id).await.unwrap();
    assert_eq!(
        (
            detail.identities[0].provider_name.as_str(),
            detail.identities[0].linked_by.as_str()
        ),
        ("SSO", "sue")
    );
    users::unlink_identity(s, call, None, cast.nobody.id, &identity)
        .await
        .unwrap();
    assert!(
        users::detail(s, call, cast.nobody.id)
            .await
            .unwrap()
            .identities
            .is_empty()
    );
}

#[tokio::test]
async fn people_are_found_sorted_and_paged() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.helpdesk.call);
    let paging = Paging {
        rows: 2,
        ..Paging::default()
    };
    let first = users::list(s, call, &UserFilter::default(), &paging)
        .await
        .unwrap();
    let names: Vec<_> = first
        .rows
        .iter()
        .map(|row| row.user.username.as_str())
        .collect();
    assert_eq!(names, ["adam", "audrey"]);
    assert_eq!(first.total.value(), 5);
    assert_eq!(first.rows[0].directories, ["Internal"]);
    let found = users::search(s, call, "elen").await.unwrap();
    assert_eq!(found.len(), 1);
}
