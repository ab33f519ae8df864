//! What every handler can ask for.

use axum::extract::FromRef;
use muster_services::Services;

use crate::assets::AssetUrls;
use crate::page::FailurePage;
use crate::site::Site;

/// The state of the router. Cheap to clone.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The use cases and what they need.
    pub services: Services,
    /// How people reach this console.
    pub site: Site,
    /// Addresses of script and stylesheet.
    pub assets: AssetUrls,
    /// Draws the page for a failure; [`crate::page::plain`] until there is a better one.
    pub failure_page: FailurePage,
}
