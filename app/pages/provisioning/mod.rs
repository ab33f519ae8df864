//! Provisioning: plans, runs, differences between sources and here, and the methods side by side.

pub mod compare;
pub mod drift;
pub mod measured;
pub mod plan;
mod plan_callouts;
mod plan_facets;
pub mod plan_rows;
pub mod plan_words;
pub mod plans;
pub mod run;
mod run_way;
pub mod runs;
pub mod simulator;
