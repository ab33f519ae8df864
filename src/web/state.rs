//! What every handler can ask for.

use axum::extract::FromRef;
use muster_services::Services;

use crate::assets::AssetUrls;
use crate::page::FailurePage;
use crate::site::Site;

/// Whether a request by a method to a route, in axum's syntax, only looks; no route: there is no such page.
pub type OnlyLooks = fn(&http::Method, Option<&str>) -> bool;

/// The state of the router. Cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases and what they need.
    pub services: Services,
    /// How people reach this console.
    pub site: Site,
    /// Addresses of script and stylesheet.
    pub assets: AssetUrls,
    /// Whether a request by this method to this route only looks.
    pub only_looks: OnlyLooks,
    /// Draws the page for a failure; [`crate::page::plain`] until there is a better one.
    pub failure_page: FailurePage,
}
