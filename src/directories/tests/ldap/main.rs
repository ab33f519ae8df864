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
mod changes;
mod crowd;
mod dirsrv;
mod domain;
mod freeipa;
mod hostile;
mod liars;
mod port389;
mod reading;
mod samba;
mod script;
mod slapd;
mod trust;

use std::collections::BTreeSet;

use async_trait::async_trait;
use muster_directories::{Ldap, LdapSettings};
use muster_domain::Error;
use muster_domain::census::{Counted, Present};
use muster_domain::directory::{Cursor, Directory as _};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Gathered, Intake, Reference, Snapshot};

/// Keeps all entries as they come.
#[derive(Default)]
struct Kept(Vec<Entry>);

#[async_trait]
impl Intake for Kept {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.0.extend(entries);
        Ok(())
    }
}

/// A whole reading, and the cursor from which it goes on.
async fn begin(ldap: &Ldap) -> (Snapshot, Cursor) {
    let mut gathered = Gathered::default();
    let (completeness, cursor) = ldap.read_whole(&mut gathered).await;
    (gathered.finish(completeness), cursor.expect("a cursor"))
}

/// What changed since: in words, in order, and the next cursor. Nothing but doubts of the expected kind may come along.
async fn changed(ldap: &Ldap, since: &Cursor) -> (Vec<String>, Option<Cursor>) {
    let mut kept = Kept::default();
    let (completeness, cursor) = ldap.read_changes(since, &mut kept).await;
    if cursor.is_some() {
        assert_eq!(completeness, Completeness::Incomplete(vec![Doubt::Partial]));
    }
    assert!(!completeness.may_remove());
    let mut words: Vec<String> = kept.0.iter().filter_map(told).collect();
    words.sort();
    (words, cursor)
}

/// What an entry says, in short.
fn told(entry: &Entry) -> Option<String> {
    match entry {
        Entry::User { record, .. } => {
            let sign = if record.active { "" } else { ", off" };
            Some(format!("{}{sign}", record.attributes["username"]))
        }
        Entry::Group { name, .. } => Some(format!("group {name}")),
        Entry::Members { group, members } => {
            let all = members.iter().chain([group]);
            let by_id = all
                .into_iter()
                .all(|member| matches!(member, Reference::Id(_)));
            assert!(by_id, "{members:?}");
            // Active Directory asks for a part even where there is none.
            (!members.is_empty()).then(|| format!("{} members", members.len()))
        }
        Entry::MembersUnread { .. } => Some("unread".to_owned()),
        other => Some(format!("{other:?}")),
    }
}

/// A census: who is there, and whether that is everybody.
async fn census(settings: LdapSettings) -> (BTreeSet<Present>, Completeness) {
    let mut counted = Counted::default();
    let completeness = Ldap::new(settings).unwrap().read_ids(&mut counted).await;
    (counted.present, completeness)
}

/// The same, as a whole reading has it.
fn presence(snapshot: &Snapshot) -> BTreeSet<Present> {
    let people = snapshot.users.keys().cloned().map(Present::Person);
    people
        .chain(snapshot.groups.keys().cloned().map(Present::Group))
        .collect()
}

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
