//! How people come in, and how they prove that they are there: setup, passwords, providers, tests, re-authentication,
//! secure sessions, configuration. On a real database, with a provider that says what it is told to say.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what the tests share fails like the tests themselves"
)]

mod address;
mod announcements;
mod applications;
mod arrivals;
mod at_sign_in;
mod calibration;
mod closing;
mod config;
mod elevation;
mod factor;
mod factor_policy;
mod forced;
mod forward;
mod grace;
mod letters;
mod lockout;
mod lockout_foretold;
mod lockout_simulated;
mod mail;
mod mail_troubles;
mod openers;
mod passkey;
mod passkey_refusals;
mod password;
mod password_rules;
mod permit;
mod policy;
mod properties;
mod providers;
mod reauth;
mod reauth_guards;
mod receipts;
mod recover;
mod refusals;
mod reset;
mod reset_links;
mod setup;
mod signed;
mod signin;
mod signin_ways;
mod simulator;
mod site;
mod stage;
mod trial;
