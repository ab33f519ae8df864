//! Rows: the only crate that speaks SQL. SQLite (embedded) and PostgreSQL, one set of queries for both.
//!
//! Functions are grouped by noun. Reading takes any [`Reader`] ([`Db`] or [`Tx`]); writing takes a [`Tx`], and a
//! [`Tx`] cannot commit without an audit event. No rule is decided here, no SeaORM type leaves, no clock and no
//! randomness is taken from the air.
//!
//! Look first at [`Tx`].

pub mod accounts;
pub mod announcements;
pub mod applications;
pub mod audit;
pub mod break_glass;
mod bulk;
pub mod ceremonies;
pub mod challenges;
pub mod counters;
pub mod coverage;
pub mod credentials;
mod db;
pub mod directories;
pub mod directory_states;
pub mod drafts;
pub mod elevations;
mod entities;
pub mod factors;
mod failure;
pub mod forced_changes;
mod group_sources;
pub mod groups;
pub mod jobs;
mod keyset;
pub mod mappings;
pub mod memberships;
mod nested;
pub mod newest;
pub mod opened;
pub mod outbox;
mod packed;
pub mod passages;
pub mod password_links;
pub mod permits;
pub mod plan_pages;
pub mod plan_rows;
pub mod plans;
pub mod probes;
pub mod providers;
mod reader;
pub mod readings;
pub mod receipts;
mod recent;
pub mod recovery_codes;
pub mod removed_directories;
pub mod request_keys;
pub mod reset_wishes;
pub mod roles;
mod row;
pub mod runs;
mod sealer;
pub mod session_store;
pub mod sessions;
pub mod settings;
pub mod shadows;
pub mod sign_ins;
mod source_digests;
mod sql;
pub mod subjects;
pub mod test_links;
pub mod throttle;
mod tx;
mod user_list;
pub mod users;
pub mod ways_in;

pub use db::{Db, OpenOptions};
pub use keyset::Paging;
pub use reader::Reader;
pub use sealer::{Place, Sealer};
pub use session_store::SeaOrmSessionStore;
pub use sessions::SignedIn;
pub use tx::{Quiet, Tx};
