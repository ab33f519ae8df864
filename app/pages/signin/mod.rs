//! Coming in and going out.

pub mod announced;
pub mod change;
pub mod choose;
pub mod forgot;
pub mod keys;
pub mod leave;
pub mod link;
pub mod reason;
pub mod recover;
pub mod reset;
pub mod result;
pub mod returned;
pub mod second;
pub mod test;
