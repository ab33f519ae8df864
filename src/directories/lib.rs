//! Where accounts live: reads people and groups from the directories of others, page by page.
//!
//! It must not decide what a reading means for the people here (that is [`muster_domain::plan`]), write anything, or keep
//! anything: what it reads goes to a [`muster_domain::snapshot::Intake`]. Whatever a server sends is hostile until it was
//! looked at: lengths and depths are checked before anything is parsed, a record that cannot be used is refused with its
//! reason while the rest goes on, and a reading that may lack anything says so.
//!
//! Look first at [`Ldap`], an implementation of [`muster_domain::directory::Directory`].

mod ldap;

pub use ldap::{Bind, Ldap, LdapKind, LdapSettings, Limits, Mark, Roots, Schema, Security, Vendor};
