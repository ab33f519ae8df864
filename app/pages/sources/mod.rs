//! Where people come from: directories and identity providers; and where they may go: applications.

pub mod application_edit;
pub mod applications;
pub(crate) mod asked;
pub mod calibration;
mod calibration_cards;
pub mod directories;
pub mod directory;
pub mod directory_delete;
pub mod directory_edit;
mod directory_form;
pub mod directory_shadow;
mod directory_tests;
pub mod mapping;
mod mapping_editor;
mod mapping_form;
pub mod mapping_live;
mod mapping_seen;
pub mod provider;
pub mod provider_edit;
pub mod provider_form;
pub mod provider_rules;
pub mod providers;
