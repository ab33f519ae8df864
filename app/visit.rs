//! What every handler receives: who asks, the services, and the means to answer with a page.

use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use http::request::Parts;
use leptos::prelude::*;
use muster_domain::role::{Permission, Role};
use muster_domain::{Error, Kind};
use muster_services::{Call, Services, elevation};
use muster_web::{AppState, AssetUrls, Browser, Caller, Failure, Flash as Told, Nonce};

use crate::components::{
    Account, Elevation, Flash, Frame, Glyph, NavItem, NavSection, Plain, Room, Step, Tone,
};
use crate::shell::{Head, document};

/// A handler's answer.
pub type Answer = Result<Response, Failure>;

/// One visit of one page.
pub struct Visit {
    /// The use cases.
    pub services: Services,
    /// Who asks, from where, when.
    pub call: Call,
    /// The browser's session.
    pub browser: Browser,
    /// The state of the router.
    pub state: AppState,
    /// Path and query as asked.
    pub asked: String,
    nonce: String,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Failure> {
        let Caller(call) = Caller::from_request_parts(parts, state).await?;
        let browser = Browser::from_request_parts(parts, state).await?;
        let Nonce(nonce) = Nonce::from_request_parts(parts, state).await?;
        let asked = parts
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default();
        Ok(Self {
            services: state.services.clone(),
            call,
            browser,
            state: state.clone(),
            asked,
            nonce,
        })
    }
}

impl Visit {
    /// Now, one instant for the whole page.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.call.at
    }

    /// Whether a secure session runs.
    #[must_use]
    pub fn is_elevated(&self) -> bool {
        self.call.elevated().is_ok()
    }

    /// Answers with a page of the console. `here` is the path whose navigation entry is current.
    ///
    /// # Errors
    /// When what the frame shows cannot be read.
    pub async fn console(&self, title: &str, here: &str, body: impl FnOnce() -> AnyView) -> Answer {
        self.console_with(StatusCode::OK, title, here, body).await
    }

    /// Answers with a page of the console and a status of its own (422 for a form with errors).
    ///
    /// # Errors
    /// When what the frame shows cannot be read.
    pub async fn console_with(
        &self,
        status: StatusCode,
        title: &str,
        here: &str,
        body: impl FnOnce() -> AnyView,
    ) -> Answer {
        let flash = self.flash().await?;
        let (call, head, assets) = (&self.call, self.head(title), &self.state.assets);
        Ok((
            status,
            Html(console_page(
                call,
                &self.asked,
                here,
                &head,
                assets,
                flash,
                body,
            )),
        )
            .into_response())
    }

    /// Answers with a small page outside the console: sign-in, errors, a word to the visitor.
    ///
    /// # Errors
    /// When the browser's session cannot be read.
    pub async fn plain(
        &self,
        status: StatusCode,
        title: &str,
        purpose: &str,
        body: impl FnOnce() -> AnyView,
    ) -> Answer {
        let flash = self.flash().await?;
        let (title_text, purpose) = (title.to_owned(), purpose.to_owned());
        let html = document(&self.head(title), &self.state.assets, move || {
            let (flash, content) = (flash_view(flash), body());
            view! { <Plain title=title_text purpose flash>{content}</Plain> }.into_any()
        });
        Ok((status, Html(html)).into_response())
    }

    /// Answers with a page of the setup wizard.
    ///
    /// # Errors
    /// When the browser's session cannot be read.
    pub async fn wizard(
        &self,
        status: StatusCode,
        title: &str,
        purpose: &str,
        steps: Vec<Step>,
        body: impl FnOnce() -> AnyView,
    ) -> Answer {
        let flash = self.flash().await?;
        let (title_text, purpose) = (title.to_owned(), purpose.to_owned());
        let html = document(&self.head(title), &self.state.assets, move || {
            let (flash, content) = (flash_view(flash), body());
            view! { <Plain room=Room::Wizard title=title_text purpose steps flash>{content}</Plain> }.into_any()
        });
        Ok((status, Html(html)).into_response())
    }

    /// A plain page that moves on by itself after some seconds, without script.
    #[must_use]
    pub fn passing(
        &self,
        title: &str,
        seconds: u32,
        to: &str,
        body: impl FnOnce() -> AnyView,
    ) -> Response {
        let head = Head {
            refresh: Some((seconds, to.to_owned())),
            ..self.head(title)
        };
        let title = title.to_owned();
        let html = document(&head, &self.state.assets, move || {
            let content = body();
            view! { <Plain title>{content}</Plain> }.into_any()
        });
        Html(html).into_response()
    }

    /// Redirects to a path of this console after a form (303), with a word about what was done.
    ///
    /// # Errors
    /// When the word cannot be kept.
    pub async fn done(&self, to: &str, words: &str) -> Answer {
        self.browser.flash(words, muster_web::Tone::Good).await?;
        Ok(Redirect::to(to).into_response())
    }

    fn head(&self, title: &str) -> Head {
        Head {
            title: title.to_owned(),
            nonce: self.nonce.clone(),
            refresh: None,
            // Without it a form that comes a moment too late is asked again, that is all.
            mark: elevation::mark(&self.services, &self.call).unwrap_or_default(),
        }
    }

    async fn flash(&self) -> Result<Option<Told>, Failure> {
        Ok(self.browser.take_flash().await?)
    }
}

/// Whether an error belongs beside the fields of the form that was sent, instead of on a page of its own.
#[must_use]
pub fn belongs_to_form(error: &Error) -> bool {
    matches!(error.kind, Kind::Invalid | Kind::Conflict | Kind::TooMany)
}

/// Draws a page of the console as a document. `asked` is its address, `here` the path whose navigation entry is current.
#[must_use]
pub fn console_page(
    call: &Call,
    asked: &str,
    here: &str,
    head: &Head,
    assets: &AssetUrls,
    flash: Option<Told>,
    body: impl FnOnce() -> AnyView,
) -> String {
    let (nav, account, elevation, now) = (
        navigation(call, here),
        account(call),
        running(call, asked),
        call.at,
    );
    document(head, assets, move || {
        let (flash, content) = (flash_view(flash), body());
        view! { <Frame nav account elevation now flash>{content}</Frame> }.into_any()
    })
}

fn flash_view(told: Option<Told>) -> AnyView {
    let Some(told) = told else {
        return ().into_any();
    };
    let tone = match told.tone {
        muster_web::Tone::Good => Tone::Good,
        muster_web::Tone::Caution => Tone::Caution,
        muster_web::Tone::Danger => Tone::Danger,
        muster_web::Tone::Neutral => Tone::Neutral,
    };
    view! { <Flash tone message=told.text/> }.into_any()
}

pub(crate) fn running(call: &Call, asked: &str) -> Elevation {
    if call.person().is_none() {
        return Elevation::NotNeeded;
    }
    match call.elevated() {
        Ok(elevated) => Elevation::Running {
            until: elevated.ends_at(),
            drop: "/elevate/drop".to_owned(),
        },
        Err(_) => Elevation::None {
            start: format!("/elevate?return_to={}", encoded(asked)),
        },
    }
}

/// A value as it may stand in a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(crate) fn account(call: &Call) -> Account {
    let Some(person) = call.person() else {
        return Account::default();
    };
    Account {
        name: person.user.display_name.clone(),
        note: person
            .user
            .email
            .clone()
            .unwrap_or_else(|| person.user.username.clone()),
        roles: person
            .roles
            .iter()
            .map(|role: &Role| role.label().to_owned())
            .collect(),
        href: Some("/me".to_owned()),
    }
}

pub(crate) fn navigation(call: &Call, here: &str) -> Vec<NavSection> {
    use Glyph as G;
    use Permission as P;
    type Entry = (&'static str, &'static str, Glyph, Permission);
    let sections: [(&str, &[Entry]); 6] = [
        ("", &[("/", "Overview", G::Home, P::UseConsole)]),
        (
            "People",
            &[
                ("/users", "Users", G::Users, P::ViewPeople),
                ("/groups", "Groups", G::Group, P::ViewPeople),
                ("/roles", "Roles", G::Role, P::ViewRoles),
            ],
        ),
        (
            "Sources",
            &[
                (
                    "/directories",
                    "Directories",
                    G::Directory,
                    P::ViewDirectories,
                ),
                (
                    "/providers",
                    "Identity providers",
                    G::Provider,
                    P::ViewProviders,
                ),
                ("/applications", "Applications", G::Unlock, P::ViewSettings),
            ],
        ),
        (
            "Provisioning",
            &[
                ("/plans", "Plans", G::Plan, P::ViewDirectories),
                ("/runs", "Runs", G::Refresh, P::ViewDirectories),
                ("/drift", "Drift", G::Filter, P::ViewDirectories),
                ("/compare", "Compare", G::Compare, P::ViewDirectories),
                ("/simulator", "Simulator", G::Simulate, P::ViewProviders),
            ],
        ),
        (
            "Security",
            &[
                ("/security", "Secure sessions", G::Shield, P::ViewSecurity),
                ("/security/signin", "Sign-in", G::Lock, P::ViewSettings),
                ("/activity", "Activity", G::Activity, P::ViewActivity),
            ],
        ),
        (
            "",
            &[("/settings", "Settings", G::Settings, P::ViewSettings)],
        ),
    ];
    sections
        .into_iter()
        .map(|(title, entries)| NavSection {
            title: title.to_owned(),
            items: entries
                .iter()
                .filter(|(.., permission)| call.can(*permission))
                .map(|(href, label, icon, _)| NavItem {
                    href: (*href).to_owned(),
                    label: (*label).to_owned(),
                    icon: *icon,
                    count: None,
                    is_current: here == *href,
                })
                .collect(),
        })
        .filter(|section| !section.items.is_empty())
        .collect()
}
