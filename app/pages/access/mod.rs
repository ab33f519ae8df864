//! Proving presence: the secure session and the way to it.

pub mod confirm;
pub mod elevate;
pub mod enter;
pub mod kept_form;
pub mod reauth;
