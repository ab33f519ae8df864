//! Leave to add a first second factor without a secure session: once, within a day, by an admin for somebody else.

use muster_domain::Error;
use muster_domain::factor::Permit;
use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::policy::{ElevationPolicy, FactorRule, PasswordRule};
use muster_domain::role::Role;
use muster_services::elevation;
use muster_services::factors::{self, Ground, passkey, permit};
use muster_services::users::{self, BreakGlass};
use muster_services::{Knowingly, roles};
use muster_testing::Persona;

use crate::factor::{App, add, internal};
use crate::factor_policy::set;
use crate::passkey::{key, stage};
use crate::stage::Stage;

fn code_of<T>(result: Result<T, Error>) -> &'static str {
    result.map_or_else(|error| error.code, |_| "right")
}

async fn grants(stage: &Stage, admin: &Persona, to: UserId) -> Result<Permit, Error> {
    let call = stage.call(admin).await;
    let elevated = call.elevated()?;
    permit::grant(stage.s(), &call, &elevated, to).await
}

/// Adds an app by leave.
async fn adds(stage: &Stage, who: &Persona) -> &'static str {
    let call = stage.call(who).await;
    let ground = match permit::ground(stage.s(), &call).await {
        Ok(ground) => ground,
        Err(error) => return error.code,
    };
    assert!(matches!(ground, Ground::Permitted));
    let begun = factors::begin(stage.s(), &call, ground, "Phone")
        .await
        .unwrap();
    let shown = App::with(&begun.secret).shows(stage);
    code_of(factors::confirm(stage.s(), &call, ground, begun.id, &shown).await)
}

#[tokio::test]
async fn somebody_who_cannot_prove_presence_adds_one_factor_by_leave_and_no_second() {
    let stage = stage().await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let ada = stage.person("ada", &[Role::Helpdesk]).await;
    assert_eq!(adds(&stage, &ada).await, "ELV-001", "nobody let her");
    let given = grants(&stage, &admin, ada.id).await.unwrap();
    assert_eq!(
        given.expires_at - given.granted_at,
        muster_domain::factor::PERMIT
    );
    let own = permit::own(stage.s(), &ada.call).await.unwrap();
    assert_eq!(own.as_ref(), Some(&given), "it is shown to her");
    let theirs = permit::of_user(stage.s(), &admin.call, ada.id).await;
    assert_eq!(theirs.unwrap(), Some(given), "and to the admin");
    assert_eq!(adds(&stage, &ada).await, "right");
    let call = stage.call(&ada).await;
    let factors = factors::own(stage.s(), &call).await.unwrap().factors;
    assert_eq!(factors[0].permitted_by.as_deref(), Some("admin"));
    assert_eq!(adds(&stage, &ada).await, "ELV-001", "once");
    assert_eq!(code_of(grants(&stage, &admin, ada.id).await), "FAC-022");
    let event = &stage.record("factor.permit.grant").await[0].event;
    assert_eq!(
        (event.actor.as_str(), event.target.as_str()),
        ("admin", "ada")
    );
    let event = &stage.record("factor.add").await[0].event;
    assert_eq!(event.detail["permitted_by"], "admin");
}

#[tokio::test]
async fn people_without_any_role_add_factors_too() {
    let stage = stage().await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let bob = internal(&stage, "bob", &[]).await;
    let (_, added, id) = add(&stage, &bob, "Phone").await;
    assert_eq!(added.codes.len(), 10);
    let call = stage.call(&bob).await;
    let elevated = call.elevated().unwrap();
    factors::remove(stage.s(), &call, &elevated, id)
        .await
        .unwrap();
    let bob = stage.world.sign_in(bob.id, "bob").await.unwrap();
    grants(&stage, &admin, bob.id).await.unwrap();
    let call = stage.call(&bob).await;
    let ground = permit::ground(stage.s(), &call).await.unwrap();
    let (_, asked) = passkey::begin(stage.s(), &call, ground, "Blue key")
        .await
        .unwrap();
    let answer = key(1).creates(&asked.options).unwrap();
    let added = passkey::finish(stage.s(), &call, ground, asked.id, &answer).await;
    assert_eq!(added.unwrap().codes.len(), 10, "a passkey by leave");
}

#[tokio::test]
async fn w17_leave_ends_after_a_day_when_it_is_taken_back_and_with_the_first_factor() {
    let stage = stage().await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let ada = stage.person("ada", &[]).await;
    grants(&stage, &admin, ada.id).await.unwrap();
    let call = stage.call(&ada).await;
    let ground = permit::ground(stage.s(), &call).await.unwrap();
    let begun = factors::begin(stage.s(), &call, ground, "Phone")
        .await
        .unwrap();
    let call_of_admin = stage.call(&admin).await;
    let elevated = call_of_admin.elevated().unwrap();
    permit::revoke(stage.s(), &call_of_admin, &elevated, ada.id)
        .await
        .unwrap();
    let again = permit::revoke(stage.s(), &call_of_admin, &elevated, ada.id).await;
    assert_eq!(code_of(again), "FAC-020");
    // Begun before, it cannot be finished.
    let shown = App::with(&begun.secret).shows(&stage);
    let late = factors::confirm(stage.s(), &call, ground, begun.id, &shown).await;
    assert_eq!(code_of(late), "FAC-020");
    assert_eq!(stage.record("factor.permit.revoke").await.len(), 1);
    grants(&stage, &admin, ada.id).await.unwrap();
    stage.forward(24 * 3600);
    let means = ada.call.session().unwrap().means.clone();
    let ada = stage.session("ada", ada.id, &means).await;
    assert_eq!(adds(&stage, &ada).await, "ELV-001");
    // One that was added in a secure session meanwhile leaves none behind.
    let admin = stage
        .world
        .elevate(&stage.world.sign_in(admin.id, "admin").await.unwrap())
        .await
        .unwrap();
    grants(&stage, &admin, ada.id).await.unwrap();
    let elevated = stage.world.elevate(&ada).await.unwrap();
    let (_, _, id) = add(&stage, &elevated, "Phone").await;
    let call = stage.call(&elevated).await;
    let session = call.elevated().unwrap();
    factors::remove(stage.s(), &call, &session, id)
        .await
        .unwrap();
    let ada = stage.session("ada", ada.id, &means).await;
    assert_eq!(adds(&stage, &ada).await, "ELV-001");
}

#[tokio::test]
async fn w21_one_leave_lets_in_one_of_two_factors_that_are_finished_at_once() {
    let stage = stage().await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let ada = stage.person("ada", &[]).await;
    grants(&stage, &admin, ada.id).await.unwrap();
    let call = stage.call(&ada).await;
    let ground = permit::ground(stage.s(), &call).await.unwrap();
    let begun = factors::begin(stage.s(), &call, ground, "Phone")
        .await
        .unwrap();
    let (_, asked) = passkey::begin(stage.s(), &call, ground, "Blue key")
        .await
        .unwrap();
    let answer = key(1).creates(&asked.options).unwrap();
    let shown = App::with(&begun.secret).shows(&stage);
    let (one, other) = tokio::join!(
        factors::confirm(stage.s(), &call, ground, begun.id, &shown),
        passkey::finish(stage.s(), &call, ground, asked.id, &answer),
    );
    assert!(one.is_ok() != other.is_ok());
    let own = factors::own(stage.s(), &call).await.unwrap();
    assert_eq!(own.factors.len(), 1);
}

#[tokio::test]
async fn w43_leave_is_given_by_whoever_edits_people_in_a_secure_session_to_others_and_not_from_below()
 {
    let stage = stage().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let desk = internal(&stage, "desk", &[Role::Helpdesk]).await;
    let auditor = internal(&stage, "auditor", &[Role::Auditor]).await;
    let ada = stage.person("ada", &[]).await;
    let boss = stage.person("boss", &[Role::Superadmin]).await;
    for who in [&desk, &auditor] {
        assert_eq!(code_of(grants(&stage, who, ada.id).await), "WEB-403");
    }
    assert_eq!(code_of(grants(&stage, &admin, boss.id).await), "ROLE-002");
    assert_eq!(code_of(grants(&stage, &admin, admin.id).await), "FAC-021");
    let foreign = root.call.elevated().unwrap();
    let told = permit::grant(stage.s(), &admin.call, &foreign, ada.id).await;
    assert_eq!(code_of(told), "ELV-002");
    let plain = stage.world.sign_in(admin.id, "admin").await.unwrap();
    assert_eq!(code_of(grants(&stage, &plain, ada.id).await), "ELV-001");
    assert_eq!(code_of(grants(&stage, &root, boss.id).await), "right");
    users::deactivate(stage.s(), &stage.world.system(), ada.id, "left")
        .await
        .unwrap();
    assert_eq!(code_of(grants(&stage, &admin, ada.id).await), "FAC-022");
}

#[tokio::test]
async fn c18_whoever_confers_a_role_is_told_of_leave_that_others_gave() {
    let stage = stage().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let ada = stage.person("ada", &[]).await;
    let confers = async |knowingly| {
        let elevated = root.call.elevated().unwrap();
        let to = Member::User(ada.id);
        code_of(roles::grant(stage.s(), &root.call, &elevated, Role::Admin, to, knowingly).await)
    };
    grants(&stage, &admin, ada.id).await.unwrap();
    assert_eq!(
        confers(Knowingly::No).await,
        "ROLE-006",
        "it can still be used"
    );
    assert_eq!(adds(&stage, &ada).await, "right");
    assert_eq!(confers(Knowingly::No).await, "ROLE-006", "it was used");
    assert_eq!(confers(Knowingly::Yes).await, "right");
}

#[tokio::test]
async fn w28_a_break_glass_account_gets_its_first_factor_by_its_password_whatever_policy_asks() {
    let stage = stage().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let elevated = root.call.elevated().unwrap();
    users::set_break_glass(stage.s(), &root.call, &elevated, root.id, BreakGlass::Yes)
        .await
        .unwrap();
    let strict = ElevationPolicy {
        password: PasswordRule::WithFactor,
        factors: FactorRule::Passkey,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Superadmin, strict).await;
    let door = elevation::door(stage.s(), &stage.call(&root).await)
        .await
        .unwrap();
    assert!(
        door.takes_password() && !door.asks_code(),
        "alone it is enough"
    );
    let root = stage.world.elevate(&root).await.unwrap();
    add(&stage, &root, "Phone in the safe").await;
    let door = elevation::door(stage.s(), &stage.call(&root).await)
        .await
        .unwrap();
    assert!(
        door.asks_code() && door.takes_code(),
        "and then its code counts"
    );
}
