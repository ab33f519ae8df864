//! What happens here and who is here: overview, activity, sessions, receipts, settings.

pub mod activity;
pub mod mail;
pub mod overview;
pub mod policies;
pub mod receipt_list;
mod receipt_own;
pub mod receipts;
pub mod sessions;
pub mod settings;
pub mod sign_in;

pub(crate) use sessions::session_row;
