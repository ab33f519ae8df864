//! How people and groups arrive.

pub mod compare;
pub mod simulator;
