//! A small installation to test against: a fresh database in a folder of its own, a clock that stands still,
//! randomness that repeats, and people with roles who are signed in.
//!
//! A dev-dependency only: nothing here may reach a release. Look first at [`TestWorld`].

mod clock;
mod directory;
mod idp;
mod mail;
mod passkey;
mod world;

pub use clock::{FixedClock, SeededEntropy};
pub use directory::FakeDirectory;
pub use idp::{Asked, FakeIdp, Says};
pub use mail::{Answers, FakePostman};
pub use passkey::SoftPasskey;
pub use world::{Persona, TestWorld};
