//! Tables as SeaORM sees them, one file each. They never leave this crate: nouns turn them into types of `domain`.

pub(crate) mod accounts;
pub(crate) mod applications;
pub(crate) mod audit;
pub(crate) mod challenges;
pub(crate) mod credentials;
pub(crate) mod directories;
pub(crate) mod elevations;
pub(crate) mod factors;
pub(crate) mod group_sources;
pub(crate) mod groups;
pub(crate) mod identity_providers;
pub(crate) mod idp_subjects;
pub(crate) mod known_networks;
pub(crate) mod memberships;
pub(crate) mod probes;
pub(crate) mod receipts;
pub(crate) mod role_assignments;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod sign_ins;
pub(crate) mod test_links;
pub(crate) mod users;
