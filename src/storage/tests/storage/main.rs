//! Every noun on SQLite, and on PostgreSQL when `MUSTER_TEST_POSTGRES_URL` names a server on which databases may be
//! made. With `CI=true` the variable must be set.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "this whole crate is tests"
)]

mod access;
mod calibration;
mod factors;
mod mail;
mod nested;
mod openers;
mod passages;
mod people;
mod record;
mod round_trips;
mod sessions;
mod speed;
mod syncing;
mod trouble;
mod ways_back;
mod world;
