//! The lab as an application and a browser see it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failing test may stop where it stands"
)]

mod characters;
mod flow;
mod logout;
mod pages;
mod reauthentication;
mod refusals;
mod serving;
mod tampers;
mod world;
