//! OpenID Connect, seen from the application: discovery, the code flow with PKCE, and the verification
//! of what comes back. The one thing to look at first is [`Oidc`], an implementation of
//! [`muster_domain::protocol::IdentityProvider`].
//!
//! It must not decide what an answer *proves* (that is [`muster_domain::reauth::judge`]), who a person is
//! here, or whether a state belongs to a browser: it only says whether the answer is genuine. It keeps
//! no token and logs none. Clock and network arrive by argument.
//!
//! Signatures, keys and the authorization address come from the `openidconnect` crate. The claims are
//! checked beside it (`id_token`), because its typed ID token refuses whole sign-ins over claims
//! nobody asked about (a textual `updated_at`, as Auth0 sends it, or a textual `auth_time`, which the
//! judge wants to see), knows no `azp`, `nbf`, repeated claims or clock allowance, and refuses a token
//! without `kid` when several keys fit.

mod address;
mod authorize;
pub mod codes;
mod discovery;
mod examine;
mod http;
mod id_token;
mod json;
mod jws;
mod keys;
mod known;
mod logout_token;
mod oidc;
mod profile;
mod request_object;
mod token;
mod userinfo;
mod vendor;
mod words;

pub use address::Guard;
pub use http::{Http, Limits};
pub use oidc::Oidc;
