//! The pages, by section. A page and the handlers of its forms stand together in one file.

pub mod access;
pub mod people;
pub mod provisioning;
pub mod security;
pub mod setup;
pub mod signin;
pub mod sources;
