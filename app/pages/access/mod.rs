//! Proving presence: the secure session and the way to it.

pub(crate) mod brought;
pub mod confirm;
pub mod elevate;
mod elevate_ways;
pub mod enter;
pub mod kept_form;
pub mod reauth;
