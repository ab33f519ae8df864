//! One table: every address of the console, who may use it, and who answers. A test walks it with every persona; an
//! address that is not here does not exist.

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use muster_domain::role::Permission as P;
use muster_domain::{Error, Kind};
use muster_services::{Call, break_glass, forced, setup};
use muster_web::{AppState, Browser, Caller, Failure};

use crate::pages::access::{confirm, elevate, enter, reauth};
use crate::pages::people::{
    bulk, factors, group_edit, groups, me, passkeys, password_links, permits, roles, user_edit,
    users,
};
use crate::pages::provisioning::{compare, drift, plan, plans, run, runs, simulator};
use crate::pages::security::{
    activity, mail, overview, policies, receipt_list, receipts, sessions, settings, sign_in,
};
use crate::pages::setup::{
    address, administrator, arrival, code, done, proof, provider as setup_provider, trial,
};
use crate::pages::signin::{
    announced, change, choose, forgot, keys, leave, link, reason, recover, reset, result, returned,
    second, test,
};
use crate::pages::sources::{
    application_edit, applications, calibration, directories, directory, directory_delete,
    directory_edit, directory_shadow, mapping, mapping_live, provider, provider_edit,
    provider_rules, providers,
};

/// Who may use an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Anybody; the handler and its service look closer.
    Open,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever has the permission.
    May(P),
    /// Whoever has the permission, in a secure session.
    Elevated(P),
}

/// How an address is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads.
    Get,
    /// Changes.
    Post,
}

/// One address.
#[derive(Clone, Copy)]
pub struct Route {
    /// How.
    pub method: Method,
    /// Which, in axum's syntax.
    pub path: &'static str,
    /// For whom.
    pub access: Access,
    /// Whether it asks the database who is there, though it is a GET: it leads somebody out or in, and what another
    /// process wrote a moment ago counts.
    pub asks_afresh: bool,
    handler: fn() -> MethodRouter<AppState>,
}

macro_rules! routes {
    ($($verb:ident $path:literal $access:expr => $handler:path $(, $mark:ident)?;)+) => {
        &[$(Route {
            method: method!($verb),
            path: $path,
            access: $access,
            asks_afresh: is_marked!($($mark)?),
            handler: || $verb($handler),
        }),+]
    };
}
macro_rules! method {
    (get) => {
        Method::Get
    };
    (post) => {
        Method::Post
    };
}

macro_rules! is_marked {
    () => {
        false
    };
    (afresh) => {
        true
    };
}

use Access::{Elevated, May, Open, SignedIn};

/// Every address of the console.
pub const ROUTES: &[Route] = routes! {
    get  "/"                                  May(P::UseConsole) => overview::show;

    get  "/setup"                             Open => code::show;
    post "/setup/code"                        Open => code::enter;
    get  "/setup/administrator"               Open => administrator::show;
    post "/setup/administrator"               Open => administrator::create;
    get  "/setup/address"                     May(P::ManageSettings) => address::show;
    post "/setup/address"                     Elevated(P::ManageSettings) => address::save;
    get  "/setup/provider"                    May(P::ManageSettings) => setup_provider::show;
    post "/setup/provider"                    Elevated(P::ManageProviders) => setup_provider::save;
    get  "/setup/trial"                       May(P::ManageSettings) => trial::show;
    get  "/setup/arrival"                     May(P::ManageSettings) => arrival::show;
    post "/setup/arrival"                     May(P::ManageSettings) => arrival::save;
    get  "/setup/proof"                       May(P::ManageSettings) => proof::show;
    get  "/setup/done"                        May(P::ManageSettings) => done::show;
    post "/setup/done"                        May(P::ManageSettings) => done::finish;

    get  "/signin"                            Open => choose::show;
    post "/signin"                            Open => choose::password;
    get  "/signin/second"                     Open => second::show;
    post "/signin/second"                     Open => second::enter;
    get  "/signin/reason"                     SignedIn => reason::show;
    post "/signin/reason"                     SignedIn => reason::tell;
    get  "/signin/change"                     SignedIn => change::show;
    post "/signin/change"                     SignedIn => change::set;
    get  "/forgot"                            Open => forgot::show;
    post "/forgot"                            Open => forgot::ask;
    get  "/reset"                             Open => reset::show;
    post "/reset"                             Open => reset::set;
    get  "/recover"                           Open => recover::show;
    post "/recover"                           Open => recover::set;
    get  "/signin/{idp}/start"                Open => leave::start, afresh;
    get  "/signin/{idp}/keys"                 Open => keys::show;
    get  "/signin/{idp}/callback"             Open => returned::callback, afresh;
    post "/signin/{idp}/backchannel"          Open => announced::take;
    get  "/signin/{idp}/test"                 Open => test::show;
    get  "/signin/{idp}/test/start"           Open => test::start, afresh;
    get  "/signin/{idp}/test/{id}"            Open => result::show;
    post "/signin/{idp}/test/{id}/link"       Elevated(P::UseConsole) => link::tested;
    post "/signout"                           Open => leave::sign_out;
    get  "/signedout"                         Open => leave::signed_out;

    get  "/elevate"                           SignedIn => elevate::show;
    post "/elevate"                           SignedIn => elevate::by_password;
    post "/elevate/confirm"                   SignedIn => confirm::confirm;
    post "/elevate/drop"                      SignedIn => elevate::drop_now;
    post "/elevate/reason"                    SignedIn => elevate::reason;
    get  "/elevate/resume"                    SignedIn => elevate::resume, afresh;
    post "/reauth"                            SignedIn => reauth::begin;
    get  "/reauth/{id}"                       SignedIn => reauth::go, afresh;
    get  "/receipts"                          May(P::ViewSecurity) => receipt_list::list;
    post "/receipts/export"                   May(P::ExportActivity) => receipt_list::export;
    get  "/receipts/{id}"                     SignedIn => receipts::show;
    get  "/receipts/{id}/download"            SignedIn => receipts::download;
    get  "/me"                                SignedIn => me::show;
    post "/me/password"                       Elevated(P::UseConsole) => me::set_password;
    get  "/me/factors/new"                    SignedIn => factors::new;
    post "/me/factors/new"                    SignedIn => factors::begin;
    post "/me/factors/recovery"               SignedIn => factors::make_codes;
    post "/me/factors/{id}/confirm"           SignedIn => factors::confirm;
    post "/me/factors/{id}/rename"            SignedIn => factors::rename;
    post "/me/factors/{id}/remove"            SignedIn => factors::remove;
    get  "/me/passkeys/new"                   SignedIn => passkeys::new;
    post "/me/passkeys/new"                   SignedIn => passkeys::begin;
    post "/me/passkeys/{id}/confirm"          SignedIn => passkeys::confirm;

    get  "/users"                             May(P::ViewPeople) => users::list;
    get  "/users/new"                         May(P::EditPeople) => user_edit::new;
    post "/users/new"                         May(P::EditPeople) => user_edit::create;
    post "/users/bulk"                        May(P::ViewPeople) => bulk::plan;
    post "/users/bulk/apply"                  May(P::ViewPeople) => bulk::apply;
    get  "/users/{id}"                        May(P::ViewPeople) => users::show;
    get  "/users/{id}/edit"                   May(P::EditPeople) => user_edit::edit;
    post "/users/{id}/edit"                   May(P::EditPeople) => user_edit::save;
    post "/users/{id}/deactivate"             May(P::EditPeople) => user_edit::deactivate;
    post "/users/{id}/reactivate"             May(P::EditPeople) => user_edit::reactivate;
    post "/users/{id}/password"               May(P::EditPeople) => user_edit::set_password;
    post "/users/{id}/password/remove"        May(P::EditPeople) => user_edit::remove_password;
    post "/users/{id}/password/link"          May(P::EditPeople) => password_links::make;
    post "/users/{id}/password/expire"        May(P::EditPeople) => password_links::expire;
    post "/users/{id}/break-glass"            Elevated(P::ManageRoles) => user_edit::break_glass;
    post "/users/{id}/identities/unlink"      Elevated(P::EditPeople) => user_edit::unlink;
    post "/users/{id}/factors/{factor}/remove" Elevated(P::EditPeople) => factors::remove_of;
    post "/users/{id}/permit"                 Elevated(P::EditPeople) => permits::grant;
    post "/users/{id}/permit/revoke"          Elevated(P::EditPeople) => permits::revoke;
    post "/users/{id}/sessions/end"           May(P::EndSessions) => user_edit::end_sessions;

    get  "/groups"                            May(P::ViewPeople) => groups::list;
    get  "/groups/new"                        May(P::EditPeople) => group_edit::new;
    post "/groups/new"                        May(P::EditPeople) => group_edit::create;
    get  "/groups/{id}"                       May(P::ViewPeople) => groups::show;
    get  "/groups/{id}/edit"                  May(P::EditPeople) => group_edit::edit;
    post "/groups/{id}/edit"                  May(P::EditPeople) => group_edit::save;
    get  "/groups/{id}/delete"                May(P::EditPeople) => group_edit::confirm_delete;
    post "/groups/{id}/delete"                May(P::EditPeople) => group_edit::delete;
    post "/groups/{id}/members/add"           May(P::EditPeople) => group_edit::add_member;
    post "/groups/{id}/members/remove"        May(P::EditPeople) => group_edit::remove_member;

    get  "/roles"                             May(P::ViewRoles) => roles::show;
    post "/roles/grant"                       Elevated(P::ManageRoles) => roles::grant;
    post "/roles/withdraw"                    Elevated(P::ManageRoles) => roles::withdraw;

    get  "/directories"                       May(P::ViewDirectories) => directories::list;
    get  "/directories/new"                   May(P::ManageDirectories) => directory_edit::new;
    post "/directories/new"                   Elevated(P::ManageDirectories) => directory_edit::create;
    get  "/directories/{id}"                  May(P::ViewDirectories) => directory::show;
    post "/directories/{id}/test"             May(P::ManageDirectories) => directory::test;
    post "/directories/{id}/run"              May(P::ManageDirectories) => directory::run;
    get  "/directories/{id}/edit"             May(P::ManageDirectories) => directory_edit::edit;
    post "/directories/{id}/edit"             Elevated(P::ManageDirectories) => directory_edit::save;
    get  "/directories/{id}/mapping"          May(P::ViewDirectories) => mapping::show;
    post "/directories/{id}/mapping"          Elevated(P::ManageDirectories) => mapping::save;
    post "/directories/{id}/mapping/preview"  May(P::ManageDirectories) => mapping::preview;
    post "/directories/{id}/mapping/live"     May(P::ManageDirectories) => mapping_live::live;
    get  "/directories/{id}/shadow"           May(P::ViewDirectories) => directory_shadow::show;
    post "/directories/{id}/shadow"           May(P::ManageDirectories) => directory_shadow::compare;
    post "/directories/{id}/enable"           Elevated(P::ManageDirectories) => directory::enable;
    post "/directories/{id}/disable"          Elevated(P::ManageDirectories) => directory::disable;
    get  "/directories/{id}/delete"           May(P::ManageDirectories) => directory_delete::show;
    post "/directories/{id}/delete"           Elevated(P::ManageDirectories) => directory_delete::plan;
    post "/directories/{id}/move"             Elevated(P::ManageDirectories) => directories::shift;
    post "/directories/{id}/rename"           May(P::ManageDirectories) => directories::rename;

    get  "/providers"                         May(P::ViewProviders) => providers::list;
    get  "/providers/new"                     May(P::ManageProviders) => provider_edit::new;
    post "/providers/new"                     Elevated(P::ManageProviders) => provider_edit::create;
    get  "/providers/{slug}"                  May(P::ViewProviders) => provider::show;
    get  "/providers/{slug}/edit"             May(P::ManageProviders) => provider_edit::edit;
    post "/providers/{slug}/edit"             Elevated(P::ManageProviders) => provider_edit::save;
    post "/providers/{slug}/check"            May(P::ManageProviders) => provider::check;
    get  "/providers/{slug}/rules"            May(P::ManageProviders) => provider_rules::show;
    post "/providers/{slug}/rules"            Elevated(P::ManageProviders) => provider_rules::save;
    get  "/providers/{slug}/rules/replay"     May(P::ManageProviders) => provider_rules::replay_again;
    post "/providers/{slug}/rules/replay"     May(P::ManageProviders) => provider_rules::replay;
    post "/providers/{slug}/enable"           Elevated(P::ManageProviders) => provider::enable;
    post "/providers/{slug}/disable"          Elevated(P::ManageProviders) => provider::disable;
    get  "/providers/{slug}/calibration"      May(P::ViewProviders) => calibration::show;
    post "/providers/{slug}/calibration"      May(P::ManageProviders) => calibration::begin;
    post "/providers/{slug}/calibration/anew" Elevated(P::ManageProviders) => calibration::anew;
    post "/providers/{slug}/calibration/{id}/said" May(P::ManageProviders) => calibration::say;
    post "/providers/{slug}/request-key"      Elevated(P::ManageProviders) => calibration::rotate_key;
    get  "/providers/{slug}/remove"           May(P::ManageProviders) => provider::confirm_remove;
    post "/providers/{slug}/remove"           Elevated(P::ManageProviders) => provider::remove;
    post "/providers/{slug}/test-link"        Elevated(P::ManageProviders) => provider::test_link;

    get  "/applications"                      May(P::ViewSettings) => applications::list;
    get  "/applications/new"                  May(P::ManageSettings) => application_edit::new;
    post "/applications/new"                  Elevated(P::ManageSettings) => application_edit::create;
    get  "/applications/{id}"                 May(P::ManageSettings) => application_edit::edit;
    post "/applications/{id}"                 Elevated(P::ManageSettings) => application_edit::save;
    post "/applications/{id}/remove"          Elevated(P::ManageSettings) => application_edit::remove;
    get  "/auth/enter"                        SignedIn => enter::show, afresh;

    get  "/plans"                             May(P::ViewDirectories) => plans::list;
    get  "/plans/{id}"                        May(P::ViewDirectories) => plan::show;
    get  "/plans/{id}/download"               May(P::ViewDirectories) => plan::download;
    post "/plans/{id}/approve"                Elevated(P::ManageDirectories) => plan::approve;
    post "/plans/{id}/discard"                May(P::ManageDirectories) => plan::discard;
    get  "/runs"                              May(P::ViewDirectories) => runs::list;
    get  "/runs/{id}"                         May(P::ViewDirectories) => run::show;
    get  "/runs/{id}/events"                  May(P::ViewDirectories) => run::follow;
    post "/runs/{id}/cancel"                  May(P::ManageDirectories) => run::cancel;
    post "/runs/{id}/undo"                    Elevated(P::ManageDirectories) => run::undo;
    get  "/drift"                             May(P::ViewDirectories) => drift::list;
    get  "/drift/{directory}"                 May(P::ViewDirectories) => drift::show;
    get  "/compare"                           May(P::ViewDirectories) => compare::show;
    get  "/simulator"                         May(P::ViewProviders) => simulator::show;
    post "/simulator"                         May(P::ViewProviders) => simulator::simulate;

    get  "/security"                          May(P::ViewSecurity) => sessions::show;
    get  "/security/policies"                 May(P::ViewSettings) => policies::show;
    post "/security/policies"                 Elevated(P::ManageSettings) => policies::save;
    get  "/security/signin"                   May(P::ViewSettings) => sign_in::show;
    post "/security/signin"                   Elevated(P::ManageSettings) => sign_in::save;
    post "/security/signin/noted"             Elevated(P::ManageProviders) => sign_in::noted;
    post "/sessions/{key}/end"                SignedIn => sessions::end;
    post "/elevations/{id}/end"               SignedIn => sessions::end_elevation;
    get  "/activity"                          May(P::ViewActivity) => activity::list;
    post "/activity/verify"                   May(P::ViewActivity) => activity::verify;
    post "/activity/export"                   May(P::ExportActivity) => activity::export;
    get  "/activity/{sequence}"               May(P::ViewActivity) => activity::show;
    get  "/settings"                          May(P::ViewSettings) => settings::show;
    post "/settings"                          Elevated(P::ManageSettings) => settings::save;
    get  "/settings/mail"                     May(P::ViewSettings) => mail::show;
    post "/settings/mail"                     Elevated(P::ManageSettings) => mail::save;
    post "/settings/mail/test"                Elevated(P::ManageSettings) => mail::test;
    post "/settings/mail/remove"              Elevated(P::ManageSettings) => mail::remove;
};

/// Whether a request by this method to this path, in axum's syntax, only looks: then it may go by a session that was
/// read a moment ago. No path: there is no such page.
#[must_use]
pub fn only_looks(method: &http::Method, path: Option<&str>) -> bool {
    method.is_safe()
        && !ROUTES
            .iter()
            .any(|route| route.asks_afresh && Some(route.path) == path)
}

/// The router of the console. Access is checked here and again in the services.
pub fn router(state: AppState) -> Router<AppState> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let guarded =
            (route.handler)().layer(from_fn_with_state((state.clone(), route.access), guard));
        router.route(route.path, guarded)
    })
}

async fn guard(
    State((state, access)): State<(AppState, Access)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller =
        <Caller as FromRequestParts<AppState>>::from_request_parts(&mut parts, &state).await;
    let browser =
        <Browser as FromRequestParts<AppState>>::from_request_parts(&mut parts, &state).await;
    let (Caller(call), browser) = match (caller, browser) {
        (Ok(caller), Ok(browser)) => (caller, browser),
        (Err(failure), _) | (_, Err(failure)) => return failure.into_response(),
    };
    let request = Request::from_parts(parts, body);
    match forced::owes_change(&state.services, &call).await {
        Ok(true) if !before_change(request.uri().path()) => return change::first(&request),
        // Where the password is changed, nobody is asked for anything else first.
        Ok(true) => return next.run(request).await,
        Ok(false) => {}
        Err(error) => return Failure(error).into_response(),
    }
    if !before_reason(request.uri().path()) {
        match break_glass::owes_reason(&state.services, &call).await {
            Ok(false) => {}
            Ok(true) => return reason::first(&request),
            Err(error) => return Failure(error).into_response(),
        }
    }
    let is_browser = muster_web::failure::is_browser(&request);
    match access {
        // A form of somebody who is not signed in is never kept.
        Open => next.run(request).await,
        _ if call.person().is_none() => {
            let error = if is_browser {
                sign_in_first()
            } else {
                begin_somewhere(&state).await
            };
            Failure(error).into_response()
        }
        _ => elevate::run(&state, &browser, request, (call, access), next).await,
    }
}

/// What whoever has to change their password may do before that.
fn before_change(path: &str) -> bool {
    matches!(path, change::HERE | "/signout" | "/signedout")
}

/// What whoever came in by a break-glass account may do before they said what for.
fn before_reason(path: &str) -> bool {
    matches!(path, reason::HERE | "/signout" | "/signedout")
}

impl Access {
    /// Whether this call may use such an address.
    ///
    /// # Errors
    /// With what is missing: a sign-in, a permission, a secure session.
    pub fn admits(self, call: &Call) -> Result<(), Error> {
        match self {
            Open => Ok(()),
            SignedIn => call.signed_in().map(|_| ()),
            May(permission) => call.may(permission),
            Elevated(permission) => {
                call.may(permission)?;
                call.elevated().map(|_| ())
            }
        }
    }
}

fn sign_in_first() -> Error {
    Error::new("WEB-401", Kind::SignInNeeded, "Sign in to see this.")
}

/// A program that asks before there is anybody to sign in as is told where to begin; a browser is led there.
async fn begin_somewhere(state: &AppState) -> Error {
    let error = sign_in_first();
    if setup::is_open(&state.services).await.unwrap_or(false) {
        return error.next("Nobody can sign in yet: open /setup in a browser, with the setup code the server printed at its start.");
    }
    error
}

#[cfg(test)]
mod tests {
    use http::Method as M;

    use super::*;

    #[test]
    fn what_leads_somebody_out_or_in_asks_the_database_itself() {
        let marked: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.asks_afresh)
            .map(|route| route.path)
            .collect();
        assert_eq!(
            marked,
            [
                "/signin/{idp}/start",
                "/signin/{idp}/callback",
                "/signin/{idp}/test/start",
                "/elevate/resume",
                "/reauth/{id}",
                "/auth/enter",
            ]
        );
        for path in marked {
            assert!(
                !only_looks(&M::GET, Some(path)) && !only_looks(&M::HEAD, Some(path)),
                "{path}"
            );
        }
        assert!(only_looks(&M::GET, Some("/users")) && only_looks(&M::GET, None));
        assert!(!only_looks(&M::POST, Some("/users/new")));
    }
}
