//! LDAP, read from a real slapd and from servers that misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "in a test, the line that panics is the report"
)]

mod active_directory;
mod certificates;
mod domain;
mod hostile;
mod reading;
mod samba;
mod script;
mod slapd;
mod trust;

use muster_directories::{Ldap, LdapSettings};
use muster_domain::directory::Directory as _;
use muster_domain::snapshot::{Gathered, Snapshot};

/// A whole reading, in memory.
async fn read(settings: LdapSettings) -> Snapshot {
    let mut gathered = Gathered::default();
    let completeness = Ldap::new(settings).unwrap().read(&mut gathered).await;
    gathered.finish(completeness)
}

/// Usernames, in order.
fn usernames(snapshot: &Snapshot) -> Vec<&str> {
    let mut names: Vec<&str> = snapshot
        .users
        .values()
        .map(|user| user.attributes["username"].as_str())
        .collect();
    names.sort_unstable();
    names
}

/// The usernames and group names in a group.
fn members<'a>(snapshot: &'a Snapshot, group: &str) -> Vec<&'a str> {
    let group = snapshot
        .groups
        .values()
        .find(|known| known.name == group)
        .expect("the group");
    let mut names: Vec<&str> = group
        .members
        .iter()
        .map(|id| match snapshot.users.get(id) {
            Some(user) => user.attributes["username"].as_str(),
            None => snapshot.groups[id].name.as_str(),
        })
        .collect();
    names.sort_unstable();
    names
}
