//! Bringing a directory's accounts here: it is read and the plan made ([`planning`]), and the plan is carried out by a run
//! ([`runs`]).
//!
//! A plan that the guard holds is carried out only with an approval of exactly that plan. Steps go through the door in
//! short transactions; a step that fails is told and the others go on.

pub(crate) mod at_sign_in;
pub(crate) mod both;
mod here;
pub mod mapped;
pub mod planning;
pub mod rules;
pub mod runs;
pub mod shadowing;
mod since;
pub mod views;

pub use rules::Rules;
