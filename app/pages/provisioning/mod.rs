//! Provisioning: plans, runs, differences between sources and here, and the methods side by side.

pub mod compare;
pub mod drift;
pub mod measured;
pub mod plan;
pub mod plan_rows;
pub mod plan_words;
pub mod plans;
pub mod run;
pub mod runs;
pub mod simulator;
