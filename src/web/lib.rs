//! What HTTP adds to the console: who is asking, the browser's session, cookies, headers, and every refusal that
//! needs no page: foreign hosts, cross-site posts, floods, oversized or garbled bodies.
//!
//! It decides nothing about users or providers (that is `services`) and draws nothing (that is `app`). Look first at
//! [`harden`]: the one place where a router gets its layers, in order.

pub mod address;
pub mod assets;
pub mod browser;
pub mod caller;
mod cookie;
pub mod csrf;
pub mod events;
pub mod failure;
pub mod flash;
pub mod flood;
pub mod form;
mod forward;
pub mod headers;
pub mod health;
pub mod host;
pub mod leave;
pub mod observe;
pub mod page;
pub mod site;
pub mod state;

mod harden;
mod visiting;

pub use assets::AssetUrls;
pub use browser::Browser;
pub use caller::Caller;
pub use failure::Failure;
pub use flash::{Flash, Tone};
pub use form::{Fields, Form, Query};
pub use harden::harden;
pub use headers::Nonce;
pub use observe::RequestId;
pub use page::{FailurePage, FailureView};
pub use site::Site;
pub use state::AppState;
