//! What an admin sees. Every page is an axum handler listed in [`routes`]: it loads through `services`, renders on the
//! server, and works without script. Forms post to the page's own address and redirect; bad input renders the same
//! page again with what was typed. Nothing here decides: rules live in `domain`, checks in `services`.
//!
//! Look first at [`visit::Visit`], what every handler receives.

pub mod components;
pub mod failure;
pub mod pages;
pub mod routes;
pub mod shell;
pub mod visit;

pub use routes::router;
