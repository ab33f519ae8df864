//! Declaring a directory, trying it, changing it, and taking it away again, against a real slapd.

use muster_domain::Error;
use muster_domain::directory::Probe;
use muster_domain::id::DirectoryId;
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::{PlanState, Purpose};
use muster_domain::role::Role;
use muster_domain::run::Wish;
use muster_domain::settings::Values;
use muster_services::directories::{
    self, Choice, Draft, Enabled, Groups, People, Target, add, person as one_person, probe,
    remove_plan, save, set_enabled, sweep_removed,
};
use muster_services::sync::runs;
use muster_services::{Knowingly, groups as group_services};
use muster_storage::{accounts, groups, memberships, plans, users};
use muster_testing::{Persona, TestWorld};

use crate::is_in;
use crate::slapd::{BASE, PASSWORD, READER, Setup, Slapd, group, named, people, person};

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub fn draft(slapd: &Slapd, more: &[(&str, &str)]) -> Draft {
    let mut settings = values(&[
        ("vendor", "openldap"),
        ("servers", &format!("127.0.0.1:{}", slapd.ldaps)),
        ("security", "ldaps"),
        ("ca", &slapd.authority.pem()),
        ("bind_dn", READER),
        ("users_base", BASE),
    ]);
    settings.extend(values(more));
    Draft {
        kind: "ldap".to_owned(),
        name: "Office".to_owned(),
        settings,
        secret: Some(PASSWORD.into()),
        seen: None,
    }
}

/// An admin in a secure session.
pub async fn admin(world: &TestWorld) -> Persona {
    let ann = world.persona("ann", &[Role::Admin]).await.unwrap();
    world.elevate(&ann).await.unwrap()
}

async fn added(world: &TestWorld, who: &Persona, draft: &Draft) -> Result<DirectoryId, Error> {
    let elevated = who.call.elevated().unwrap();
    add(&world.services, &who.call, &elevated, draft).await
}

pub async fn saved(
    world: &TestWorld,
    who: &Persona,
    id: DirectoryId,
    draft: &Draft,
) -> Result<(), Error> {
    let elevated = who.call.elevated().unwrap();
    save(&world.services, &who.call, &elevated, id, draft).await
}

/// Syncs to the end.
pub async fn synced(world: &TestWorld, who: &Persona, id: DirectoryId) {
    let run = runs::ask(&world.services, &who.call, id, Wish::Sync)
        .await
        .unwrap();
    runs::carry(&world.services, &who.call, run).await.unwrap();
    let run = runs::show(&world.services, &who.call, run)
        .await
        .unwrap()
        .run;
    assert_eq!((run.problem, run.progress.failed), (None, 0));
}

fn field(error: &Error) -> &str {
    error.fields.first().map_or("", |field| &field.field)
}

#[tokio::test]
async fn each_step_is_tried_by_itself_before_anything_is_kept() {
    let Some(slapd) = Slapd::start(Setup::of(&people(5))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let right = draft(&slapd, &[]);
    let wrong = Draft {
        secret: Some("guessed".into()),
        ..right.clone()
    };
    let (s, call) = (&world.services, &ann.call);
    let connected = probe(s, call, Target::Draft(None, &wrong), Probe::Connect)
        .await
        .unwrap();
    assert!(connected.outcome.is_ok());
    // What a step does not need may be empty yet.
    let mut begun = Draft {
        name: String::new(),
        ..right.clone()
    };
    begun.settings.remove("users_base");
    let bound = probe(s, call, Target::Draft(None, &begun), Probe::Bind).await;
    assert!(bound.unwrap().outcome.is_ok());
    begun.secret = None;
    let connected = probe(s, call, Target::Draft(None, &begun), Probe::Connect).await;
    assert!(connected.unwrap().outcome.is_ok());
    let unbound = probe(s, call, Target::Draft(None, &begun), Probe::Bind).await;
    assert_eq!(field(&unbound.unwrap_err()), "bind_password");
    let nowhere = probe(s, call, Target::Draft(None, &begun), Probe::Search).await;
    assert_eq!(field(&nowhere.unwrap_err()), "users_base");
    let refused = probe(s, call, Target::Draft(None, &wrong), Probe::Bind)
        .await
        .unwrap();
    assert_eq!(refused.outcome.unwrap_err().code, "LDAP-004");
    let seen = probe(s, call, Target::Draft(None, &right), Probe::Search)
        .await
        .unwrap();
    assert!(seen.outcome.unwrap().contains("5 people"));
    let one = one_person(s, call, Target::Draft(None, &right), "u003")
        .await
        .unwrap();
    assert_eq!(one.unusable, None);
    let record = one.outcome.unwrap().unwrap();
    assert_eq!(record.attributes["email"], "u003@example.test");
    let nobody = one_person(s, call, Target::Draft(None, &right), "u003)(uid=*")
        .await
        .unwrap();
    assert_eq!(nobody.outcome.unwrap(), None);
    let id = added(&world, &ann, &right).await.unwrap();
    let kept = probe(s, call, Target::Kept(id), Probe::Search)
        .await
        .unwrap();
    assert!(kept.outcome.is_ok());
    let raw = world.raw();
    let is_there = |text: &str| {
        raw.windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    assert!(
        !is_there(PASSWORD) && !is_there("guessed"),
        "no secret is kept in the open"
    );
    assert!(
        is_there("directory.test"),
        "who had whom asked is on record"
    );
}

#[tokio::test]
async fn the_password_is_shown_to_no_other_server() {
    let Some(slapd) = Slapd::start(Setup::of(&people(1))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let id = added(&world, &ann, &draft(&slapd, &[])).await.unwrap();
    let without = |more: &[(&str, &str)]| Draft {
        secret: None,
        ..draft(&slapd, more)
    };
    saved(&world, &ann, id, &without(&[("users_filter", "(uid=*)")]))
        .await
        .unwrap();
    let own = format!("127.0.0.1:{}", slapd.ldap);
    for more in [
        [("servers", "127.0.0.1:1")].as_slice(),
        &[("servers", &own), ("security", "starttls")],
        &[("ca", "")],
        &[("bind_dn", "cn=other,dc=example,dc=test")],
    ] {
        let elsewhere = without(more);
        let refused = saved(&world, &ann, id, &elsewhere).await.unwrap_err();
        assert_eq!(field(&refused), "bind_password", "{more:?}");
        let target = Target::Draft(Some(id), &elsewhere);
        let refused = probe(&world.services, &ann.call, target, Probe::Bind)
            .await
            .unwrap_err();
        assert_eq!(field(&refused), "bind_password", "{more:?}");
    }
    // Without an account to read with, there is nothing to show: the secret is forgotten.
    saved(&world, &ann, id, &without(&[("bind_dn", "")]))
        .await
        .unwrap();
    let shown = directories::get(&world.services, &ann.call, id)
        .await
        .unwrap();
    assert!(!shown.secret_is_set);
    let refused = saved(&world, &ann, id, &without(&[])).await.unwrap_err();
    assert_eq!(field(&refused), "bind_password");
}

#[tokio::test]
async fn who_answers_for_passwords_is_said_by_those_who_grant_roles() {
    let Some(slapd) = Slapd::start(Setup::of(&people(1))) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let sue = world.elevate(&sue).await.unwrap();
    let on = draft(&slapd, &[("sign_in", "on")]);
    assert_eq!(added(&world, &ann, &on).await.unwrap_err().code, "DIR-006");
    let id = added(&world, &ann, &draft(&slapd, &[])).await.unwrap();
    assert_eq!(
        saved(&world, &ann, id, &on).await.unwrap_err().code,
        "DIR-006"
    );
    saved(&world, &sue, id, &on).await.unwrap();
    let other_terms = draft(&slapd, &[("sign_in", "on"), ("leavers", "keep")]);
    saved(&world, &ann, id, &other_terms).await.unwrap();
    for more in [
        ("username_attribute", "mail"),
        ("users_base", "ou=people,dc=example,dc=test"),
        ("id_attribute", "cn"),
    ] {
        let changed = draft(&slapd, &[("sign_in", "on"), more]);
        assert_eq!(
            saved(&world, &ann, id, &changed).await.unwrap_err().code,
            "DIR-006",
            "{more:?}"
        );
    }
    saved(&world, &ann, id, &draft(&slapd, &[])).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_changes_nothing() {
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let draft = |name: &str, more: &[(&str, &str)]| {
        let mut settings = values(&[("servers", "dc1.example.org"), ("users_base", "dc=example")]);
        settings.extend(values(more));
        Draft {
            kind: "ldap".to_owned(),
            name: name.to_owned(),
            settings,
            secret: None,
            seen: None,
        }
    };
    for (wrong, expected) in [
        (draft("", &[]), "name"),
        (draft("A", &[("servers", "")]), "servers"),
        (draft("A", &[("security", "plain")]), "servers"),
        (draft("A", &[("schedule", "often")]), "schedule"),
        (
            draft("A", &[("guard_people_percent", "200")]),
            "guard_people_percent",
        ),
        (draft("A", &[("protected_users", "a*b")]), "protected_users"),
        (draft("A", &[("leavers", "shoot")]), "leavers"),
        (draft("A", &[("bind_dn", "cn=a")]), "bind_password"),
    ] {
        let error = added(&world, &ann, &wrong).await.unwrap_err();
        assert_eq!(field(&error), expected);
    }
    let id = added(&world, &ann, &draft("A", &[])).await.unwrap();
    let taken = added(&world, &ann, &draft("a", &[])).await.unwrap_err();
    assert_eq!((taken.code, field(&taken)), ("DIR-001", "name"));
    let helper = world.persona("hal", &[Role::Helpdesk]).await.unwrap();
    let helper = world.elevate(&helper).await.unwrap();
    assert_eq!(
        added(&world, &helper, &draft("B", &[]))
            .await
            .unwrap_err()
            .code,
        "WEB-403"
    );
    let elevated = ann.call.elevated().unwrap();
    let db = world.services.db();
    let kept = || async {
        muster_storage::directories::get(db, id)
            .await
            .unwrap()
            .unwrap()
    };
    let mut old = Draft::of(&kept().await);
    old.seen = old.seen.map(|seen| seen - chrono::TimeDelta::seconds(1));
    let switched = set_enabled(&world.services, &ann.call, &elevated, id, Enabled::No).await;
    switched.unwrap();
    old.settings
        .insert("leavers".to_owned(), "delete".to_owned());
    let before = kept().await;
    let late = saved(&world, &ann, id, &old).await.unwrap_err();
    assert_eq!(
        (late.code, kept().await),
        ("DIR-013", before),
        "a later change is not written over unseen"
    );
    let off = runs::ask(&world.services, &ann.call, id, Wish::Sync)
        .await
        .unwrap_err();
    assert_eq!(off.code, "RUN-002");
    let rows = directories::list(&world.services, &ann.call).await.unwrap();
    let internal = rows
        .iter()
        .find(|row| row.directory.kind == "internal")
        .unwrap()
        .directory
        .id;
    let refused = set_enabled(&world.services, &ann.call, &elevated, internal, Enabled::No)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "DIR-005");
    let refused = remove_plan(
        &world.services,
        &ann.call,
        &elevated,
        internal,
        Choice::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(refused.code, "DIR-005");
}

/// A directory with people, nested groups, and things that rest on them here.
async fn peopled(world: &TestWorld, ann: &Persona, slapd: &Slapd) -> DirectoryId {
    let id = added(world, ann, &draft(slapd, &[])).await.unwrap();
    synced(world, ann, id).await;
    let (s, call) = (&world.services, &ann.call);
    let u1 = users::by_username(s.db(), "u001").await.unwrap().unwrap();
    let local = group_services::create(s, call, "Local", "").await.unwrap();
    let staff = groups::by_name(s.db(), "staff").await.unwrap().unwrap();
    group_services::add_member(s, call, None, local, Member::User(u1.id), Knowingly::No)
        .await
        .unwrap();
    group_services::add_member(s, call, None, local, Member::Group(staff.id), Knowingly::No)
        .await
        .unwrap();
    id
}

fn entries() -> String {
    people(4) + &group("staff", &[person(1), named("lab")]) + &group("lab", &[person(2)])
}

#[tokio::test]
async fn local_groups_hold_synced_people_and_synced_groups_and_a_sync_leaves_them() {
    let entries = entries();
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let id = peopled(&world, &ann, &slapd).await;
    let db = world.services.db();
    let local = groups::by_name(db, "Local").await.unwrap().unwrap();
    assert_eq!(
        memberships::effective_members(db, local.id).await.unwrap(),
        2,
        "u001, and u002 through lab in staff"
    );
    synced(&world, &ann, id).await;
    let inside = memberships::in_group(db, local.id).await.unwrap();
    assert_eq!(inside.len(), 2);
    assert!(inside.iter().all(|row| row.origin == Origin::Manual));
}

/// Plans the removal and carries it out.
async fn removed(world: &TestWorld, ann: &Persona, id: DirectoryId, choice: Choice) {
    let (s, call) = (&world.services, &ann.call);
    let elevated = call.elevated().unwrap();
    let before = users::by_username(s.db(), "u003").await.unwrap();
    let plan = remove_plan(s, call, &elevated, id, choice).await.unwrap();
    assert_eq!(
        users::by_username(s.db(), "u003").await.unwrap(),
        before,
        "nothing is done yet"
    );
    let plan = plans::get(s.db(), plan).await.unwrap().unwrap();
    assert_eq!(
        (plan.state, plan.purpose),
        (PlanState::Held, Purpose::Removal)
    );
    let late = runs::ask(s, call, id, Wish::Sync).await.unwrap_err();
    assert_eq!(late.code, "RUN-002", "nothing new comes from it");
    assert_eq!(sweep_removed(s, call).await.unwrap(), 0);
    let identity = plan.identity.unwrap();
    let run = runs::approve(s, call, plan.id, &identity).await.unwrap();
    runs::carry(s, call, run).await.unwrap();
    let run = runs::show(s, call, run).await.unwrap();
    assert_eq!((run.run.problem, run.failed), (None, vec![]));
    assert_eq!(sweep_removed(s, call).await.unwrap(), 1);
    assert_eq!(sweep_removed(s, call).await.unwrap(), 0);
    let left = muster_storage::directories::get(s.db(), id).await.unwrap();
    assert_eq!(left, None);
}

#[tokio::test]
async fn a_removed_directory_leaves_people_deactivated_here_and_groups_local() {
    let entries = entries();
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let id = peopled(&world, &ann, &slapd).await;
    let db = world.services.db();
    let boss = users::by_username(db, "u004").await.unwrap().unwrap();
    world
        .grant(Role::Auditor, Member::User(boss.id))
        .await
        .unwrap();
    removed(&world, &ann, id, Choice::default()).await;
    assert_eq!(is_in(&world, "u001").await, Some(false));
    assert_eq!(
        is_in(&world, "u004").await,
        Some(true),
        "whoever holds a role stays in"
    );
    let u1 = users::by_username(db, "u001").await.unwrap().unwrap();
    assert_eq!(u1.email.as_deref(), Some("u001@example.test"));
    let kept = accounts::of_user(db, u1.id).await.unwrap();
    assert_eq!(kept.len(), 1);
    let staff = groups::by_name(db, "staff").await.unwrap().unwrap();
    assert_eq!(staff.directory, None);
    let inside = memberships::in_group(db, staff.id).await.unwrap();
    assert_eq!(inside.len(), 2);
    assert!(inside.iter().all(|row| row.origin == Origin::Manual));
}

#[tokio::test]
async fn a_removed_directory_takes_people_and_groups_along_if_that_is_chosen() {
    let entries = entries();
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let id = peopled(&world, &ann, &slapd).await;
    let choice = Choice {
        people: People::Delete,
        groups: Groups::Delete,
    };
    removed(&world, &ann, id, choice).await;
    let db = world.services.db();
    for gone in ["u001", "u002", "u003", "u004"] {
        assert_eq!(is_in(&world, gone).await, None, "{gone}");
    }
    assert!(groups::by_name(db, "lab").await.unwrap().is_none());
    let staff = groups::by_name(db, "staff").await.unwrap().unwrap();
    assert_eq!(
        staff.directory, None,
        "it is in a local group, so it stays, as a local one"
    );
    assert_eq!(is_in(&world, "ann").await, Some(true));
}
