//! Where people come from: directories and identity providers; and where they may go: applications.

pub mod application_edit;
pub mod applications;
pub(crate) mod asked;
pub mod calibration;
mod calibration_cards;
pub mod directories;
pub mod provider;
pub mod provider_edit;
pub mod provider_form;
pub mod provider_rules;
pub mod providers;
