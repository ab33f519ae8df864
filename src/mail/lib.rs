//! How messages leave: SMTP, spoken by lettre. Protocol only: what a message says and when it is tried is decided
//! elsewhere, behind [`muster_domain::mail::Postman`].
//!
//! Nothing here is logged: what is written to a server holds links and a password. Look first at [`Smtp`].

mod answer;
mod message;
mod smtp;
mod wire;

pub use smtp::Smtp;
