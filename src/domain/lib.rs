//! Words and rules of Muster: what a user, a group, a membership, an identity provider, a piece of
//! evidence *is*, and every decision taken about them.
//!
//! Pure: no IO, no database, no HTTP, no wall clock, no randomness (they arrive by argument, see
//! [`clock`]). Everyone may use this crate; it uses none of ours.
//!
//! Look first at [`reauth::judge`]: the one function that decides whether a person proved presence.

pub mod application;
pub mod audit;
pub mod calibration;
pub mod census;
pub mod change;
pub mod claims;
pub mod clock;
pub mod credential;
pub mod directory;
pub mod drift;
pub mod error;
pub mod evidence;
pub mod factor;
pub mod guard;
pub mod id;
pub mod jit;
pub mod listing;
pub mod lockout;
pub mod mail;
pub mod mapping;
pub mod membership;
pub mod methods;
pub mod name;
pub mod number;
pub mod opener;
pub mod plan;
pub mod policy;
pub mod protocol;
pub mod provider;
pub mod reading;
pub mod reauth;
pub mod record;
pub mod return_to;
pub mod role;
pub mod run;
pub mod schedule;
pub mod session;
pub mod settings;
pub mod shadow;
pub mod sign_in;
pub mod snapshot;
pub mod standing;
pub mod throttle;
pub mod user;
pub mod vendor;

pub use clock::{Clock, Entropy, Ids};
pub use error::{Error, Kind};
