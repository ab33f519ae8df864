//! Who may call what: every service × every role (W43), and other people's things by their id (W42).

use muster_domain::Error;
use muster_domain::id::{DirectoryId, ElevationId, GroupId, ProviderId, ReceiptId};
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::session::SessionKey;
use muster_services::Knowingly;
use muster_services::activity::{self, AuditFilter, Format};
use muster_services::groups::GroupFilter;
use muster_services::sessions::{self, ReceiptFilter};
use muster_services::users::{
    self, BreakGlass, BulkAction, Identity, Paging, Selection, UserFilter,
};
use muster_services::{Call, directories, groups, overview, roles};
use muster_testing::Persona;
use uuid::Uuid;

use crate::Cast;

/// Who gets through, in the order superadmin, admin, helpdesk, auditor, nobody's role, anonymous.
type Expected = [bool; 6];

const SUPERADMIN: Expected = [true, false, false, false, false, false];
const EDITORS: Expected = [true, true, false, false, false, false];
const PEOPLE_READERS: Expected = [true, true, true, true, false, false];
const ENDERS: Expected = [true, true, true, false, false, false];
const READERS: Expected = [true, true, false, true, false, false];
const SIGNED_IN: Expected = [true, true, true, true, true, false];

/// Permission is missing: anything else (an unknown id, a conflict) means that the caller got through.
fn passed<T>(result: Result<T, Error>) -> bool {
    !result.is_err_and(|error| matches!(error.code, "WEB-401" | "WEB-403"))
}

macro_rules! matrix {
    ($cast:ident, $($name:literal => $expected:expr, |$call:ident| $ask:expr;)+) => {{
        let anonymous = $cast.world.anonymous();
        let callers: [&Call; 6] = [
            &$cast.superadmin.call, &$cast.admin.call, &$cast.helpdesk.call,
            &$cast.auditor.call, &$cast.nobody.call, &anonymous,
        ];
        $(
            let mut seen: Expected = [false; 6];
            for (caller, seen) in callers.iter().zip(&mut seen) {
                let $call: &Call = caller;
                *seen = passed($ask.await);
            }
            assert_eq!(seen, $expected, "{}", $name);
        )+
    }};
}

#[tokio::test]
async fn w43_every_service_lets_exactly_its_roles_through() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let elevated = cast.superadmin.call.elevated().unwrap();
    let (user, group) = (
        muster_domain::id::UserId(Uuid::from_u128(1)),
        GroupId(Uuid::from_u128(2)),
    );
    let directory = DirectoryId(Uuid::from_u128(3));
    let key = SessionKey("none".to_owned());
    let fields = users::checked_fields("x", "X", "").unwrap();
    let password = secrecy::SecretString::from("short");
    let identity = Identity {
        provider: ProviderId(Uuid::from_u128(4)),
        issuer: "https://idp.example".to_owned(),
        subject: "1".to_owned(),
    };
    let everybody = Selection::Filter(UserFilter::default());
    let none = Selection::Ids(Vec::new());
    let (deactivate, end) = (
        BulkAction::Deactivate {
            reason: String::new(),
        },
        BulkAction::EndSessions,
    );
    let (page, by_name, by_group) = (
        Paging::<()>::default(),
        Paging::default(),
        Paging::default(),
    );
    matrix! { cast,
        "users::list" => PEOPLE_READERS, |c| users::list(s, c, &UserFilter::default(), &by_name);
        "users::search" => PEOPLE_READERS, |c| users::search(s, c, "x");
        "users::detail" => PEOPLE_READERS, |c| users::detail(s, c, user);
        "users::edit" => EDITORS, |c| users::edit(s, c, user, &fields);
        "users::deactivate" => EDITORS, |c| users::deactivate(s, c, user, "");
        "users::reactivate" => EDITORS, |c| users::reactivate(s, c, user);
        "users::create" => EDITORS, |c| users::create(s, c, &fields, Some(&password));
        "users::set_local_password" => EDITORS, |c| users::set_local_password(s, c, None, user, &password);
        "users::remove_local_password" => EDITORS, |c| users::remove_local_password(s, c, None, user);
        "users::link_identity" => EDITORS, |c| users::link_identity(s, c, None, user, &identity);
        "users::unlink_identity" => EDITORS, |c| users::unlink_identity(s, c, None, user, &identity);
        "users::set_break_glass" => SUPERADMIN, |c| users::set_break_glass(s, c, &elevated, user, BreakGlass::No);
        "users::plan_bulk deactivate" => EDITORS, |c| users::plan_bulk(s, c, &everybody, &deactivate);
        "users::plan_bulk end sessions" => ENDERS, |c| users::plan_bulk(s, c, &everybody, &end);
        "users::apply_bulk deactivate" => EDITORS, |c| users::apply_bulk(s, c, None, &none, &deactivate, "");
        "users::apply_bulk end sessions" => ENDERS, |c| users::apply_bulk(s, c, None, &none, &end, "");
        "groups::list" => PEOPLE_READERS, |c| groups::list(s, c, &GroupFilter::default(), &by_group);
        "groups::search" => PEOPLE_READERS, |c| groups::search(s, c, "x");
        "groups::detail" => PEOPLE_READERS, |c| groups::detail(s, c, group, &page);
        "groups::effective_members" => PEOPLE_READERS, |c| groups::effective_members(s, c, group, &by_name);
        "groups::create" => EDITORS, |c| groups::create(s, c, "*", "");
        "groups::edit" => EDITORS, |c| groups::edit(s, c, None, group, "g", "");
        "groups::plan_delete" => EDITORS, |c| groups::plan_delete(s, c, group);
        "groups::delete" => EDITORS, |c| groups::delete(s, c, None, group);
        "groups::add_member" => EDITORS, |c| groups::add_member(s, c, None, group, Member::User(user), Knowingly::No);
        "groups::remove_member" => EDITORS, |c| groups::remove_member(s, c, None, group, Member::User(user));
        "roles::overview" => READERS, |c| roles::overview(s, c);
        "roles::grant" => SUPERADMIN, |c| roles::grant(s, c, &elevated, Role::Admin, Member::User(user), Knowingly::No);
        "roles::withdraw" => SUPERADMIN, |c| roles::withdraw(s, c, &elevated, Uuid::from_u128(5).into());
        "directories::list" => READERS, |c| directories::list(s, c);
        "directories::names" => PEOPLE_READERS, |c| directories::names(s, c);
        "directories::rename" => EDITORS, |c| directories::rename(s, c, directory, "n");
        "directories::shift" => EDITORS, |c| directories::shift(s, c, None, directory, directories::Step::Up, directories::Against::Nothing);
        "sessions::list" => READERS, |c| sessions::list(s, c, &page);
        "sessions::of_user" => PEOPLE_READERS, |c| sessions::of_user(s, c, user);
        "sessions::revoke" => ENDERS, |c| sessions::revoke(s, c, user, &key);
        "sessions::end_all" => ENDERS, |c| sessions::end_all(s, c, user);
        "sessions::end_elevation" => ENDERS, |c| sessions::end_elevation(s, c, ElevationId(Uuid::nil()));
        "sessions::running" => SIGNED_IN, |c| sessions::running(s, c);
        "sessions::receipts" => SIGNED_IN, |c| sessions::receipts(s, c, &ReceiptFilter::default(), &page);
        "sessions::receipt" => SIGNED_IN, |c| sessions::receipt(s, c, ReceiptId(Uuid::nil()));
        "activity::list" => READERS, |c| activity::list(s, c, &AuditFilter::default(), &page);
        "activity::newest" => READERS, |c| activity::newest(s, c, &AuditFilter::default(), 5);
        "activity::detail" => READERS, |c| activity::detail(s, c, 1);
        "activity::verify" => READERS, |c| activity::verify(s, c);
        "activity::last_verified" => READERS, |c| activity::last_verified(s, c);
        "activity::export" => READERS, |c| activity::export(s, c, AuditFilter::default(), Format::Csv);
        "receipts::export" => READERS, |c| muster_services::receipts::export(s, c, Default::default());
        "overview::overview" => PEOPLE_READERS, |c| overview::overview(s, c);
    }
}

#[tokio::test]
async fn w42_somebody_without_permission_reaches_only_what_is_their_own() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let key_of = |persona: &Persona| persona.call.signed_in().unwrap().session.key.clone();
    let other = key_of(&cast.auditor);
    // Somebody else's session under one's own id is no session of one's own.
    let error = sessions::revoke(s, &cast.helpdesk.call, cast.helpdesk.id, &other)
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-404");
    let error = sessions::revoke(
        s,
        &cast.auditor.call,
        cast.helpdesk.id,
        &key_of(&cast.helpdesk),
    )
    .await;
    assert_eq!(error.unwrap_err().code, "WEB-403");
    // Other people's secure sessions are neither listed nor ended.
    assert!(
        sessions::running(s, &cast.helpdesk.call)
            .await
            .unwrap()
            .is_empty()
    );
    let own = sessions::running(s, &cast.superadmin.call).await.unwrap();
    assert_eq!(own.len(), 2);
    let error = sessions::end_elevation(s, &cast.auditor.call, own[0].elevation.id)
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-403");
    // One's own may always be ended.
    sessions::revoke(s, &cast.auditor.call, cast.auditor.id, &other)
        .await
        .unwrap();
    assert!(cast.world.again(&cast.auditor).await.is_err());
}

#[tokio::test]
async fn w22_a_secure_session_of_somebody_else_is_refused() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    let second = cast
        .world
        .persona("sam", &[Role::Superadmin])
        .await
        .unwrap();
    let borrowed = cast.superadmin.call.elevated().unwrap();
    let to = Member::User(cast.nobody.id);
    let error = roles::grant(s, &second.call, &borrowed, Role::Admin, to, Knowingly::No)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-002");
}
