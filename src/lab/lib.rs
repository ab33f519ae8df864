//! The lab: a small world to try Muster in. Several OpenID Connect providers, each with its own
//! character, and 25 people who can sign in at them; all in memory, all on one loopback listener.
//!
//! It must stay apart from the product: it depends on no other crate of ours, it never listens
//! on an address other machines can reach, it keeps nothing on disk, and it reads neither clock
//! nor randomness by itself (both arrive in [`Options`]). What its providers say is true except
//! where a provider's [`Behaviour`] or an armed [`Tamper`] says otherwise; that is its purpose.
//!
//! Look at [`Lab`] first: it is made from [`Options`], lists its providers and people, arms
//! tampers, and is served by [`serve`].

mod answer;
mod authorize;
mod behaviour;
mod character;
mod client;
mod control;
mod discovery;
mod failure;
mod forge;
mod id_token;
mod keys;
mod logout;
mod options;
mod pages;
mod parameters;
mod people;
mod provider;
mod request;
mod router;
mod shelf;
mod sign_in;
mod tamper;
mod token;
mod userinfo;
mod world;

pub use behaviour::{Behaviour, Context, Force, Keys, Speaks, StatedTime};
pub use keys::Algorithm;
pub use options::{CLIENT_ID, CLIENT_SECRET, Clock, Entropy, Options, PASSWORD, RedirectPolicy};
pub use people::Person;
pub use provider::LabProvider;
pub use router::serve;
pub use tamper::{Hold, Tamper};
pub use world::{Lab, LabError};
