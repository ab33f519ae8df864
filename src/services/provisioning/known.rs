//! What syncs know of what is here, kept true: plans made of an older state are out of date, and what a sync need not look
//! at closer is looked at again.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::change::{Action, Change};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::Origin;
use muster_domain::plan::fingerprint;
use muster_storage::{Tx, accounts, directory_states, groups, users};

use super::Door;

/// Whom and what changes are about.
#[derive(Default)]
pub(super) struct Touched {
    people: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
    directories: BTreeSet<DirectoryId>,
    /// Directories that change places: whoever has an account of theirs may be led by another one then.
    switched: BTreeSet<DirectoryId>,
}

impl Touched {
    /// These people, whose accounts in these directories count anew.
    pub(super) fn people(
        people: &[UserId],
        directories: impl IntoIterator<Item = DirectoryId>,
    ) -> Self {
        Self {
            people: people.iter().copied().collect(),
            directories: directories.into_iter().collect(),
            ..Self::default()
        }
    }

    pub(super) fn by(changes: &[Change]) -> Self {
        let mut touched = Self::default();
        for change in changes {
            match &change.action {
                // What is known of a new account is kept with it.
                Action::CreateUser { directory, .. } => {
                    touched.directories.insert(*directory);
                }
                Action::UpdateAccount {
                    user, directory, ..
                }
                | Action::RemoveAccount {
                    user, directory, ..
                } => {
                    touched.people.insert(*user);
                    touched.directories.insert(*directory);
                }
                Action::MoveAccount {
                    user,
                    from,
                    directory,
                    ..
                } => {
                    touched.people.insert(*user);
                    touched.directories.extend([*from, *directory]);
                }
                Action::MoveMembers {
                    group, from, to, ..
                } => {
                    touched.groups.insert(*group);
                    touched.directories.extend([*from, *to]);
                }
                Action::SwitchDirectory { from, to, .. } => {
                    touched.directories.extend([*from, *to]);
                    touched.switched.extend([*from, *to]);
                }
                Action::LinkIdentity { user, .. }
                | Action::Deactivate { user, .. }
                | Action::Reactivate { user }
                | Action::DeleteUser { user } => {
                    touched.people.insert(*user);
                }
                Action::CreateGroup { directory, .. } => {
                    touched.directories.extend(*directory);
                }
                Action::LinkGroup {
                    group, directory, ..
                }
                | Action::UnlinkGroup {
                    group, directory, ..
                } => {
                    touched.groups.insert(*group);
                    touched.directories.insert(*directory);
                }
                Action::RenameGroup { group, .. } | Action::DeleteGroup { group } => {
                    touched.groups.insert(*group);
                }
                Action::AddMember { group, origin, .. }
                | Action::RemoveMember { group, origin, .. } => {
                    if let Origin::Directory(directory) = origin {
                        touched.groups.insert(*group);
                        touched.directories.insert(*directory);
                    }
                }
            }
        }
        touched
    }

    /// Of which directories something changes.
    pub(super) async fn all_directories(&self, tx: &Tx) -> Result<BTreeSet<DirectoryId>, Error> {
        let mut directories = self.directories.clone();
        let people: Vec<UserId> = self.people.iter().copied().collect();
        directories.extend(accounts::directories_of(tx, &people).await?);
        let known: Vec<GroupId> = self.groups.iter().copied().collect();
        directories.extend(groups::directories_of(tx, &known).await?);
        for switched in &self.switched {
            directories.extend(accounts::neighbours(tx, *switched).await?);
        }
        Ok(directories)
    }
}

impl Door<'_> {
    /// Makes plans out of date that were made before. Asked before anything changes: what goes is here still, and of two who
    /// change at once neither holds what the other waits for.
    pub(super) async fn announce(self, touched: &Touched) -> Result<(), Error> {
        let directories = touched.all_directories(self.tx).await?;
        let directories: Vec<DirectoryId> = directories.into_iter().collect();
        directory_states::changed(self.tx, &directories).await
    }

    /// Doubts what is kept with accounts and groups. With the accounts that the run of `worker` brought to where its
    /// source wants them, what is here now is kept.
    pub(super) async fn doubt(
        self,
        touched: &Touched,
        worker: Option<DirectoryId>,
    ) -> Result<(), Error> {
        if touched.people.is_empty() && touched.groups.is_empty() {
            return Ok(());
        }
        let mut unique = [0_u8; 8];
        self.services.entropy().fill(&mut unique);
        let mark = fingerprint::mark(u64::from_be_bytes(unique));
        let people: Vec<UserId> = touched.people.iter().copied().collect();
        accounts::mark(self.tx, &people, worker, &mark).await?;
        if let Some(worker) = worker {
            self.note(&people, worker).await?;
        }
        let known: Vec<GroupId> = touched.groups.iter().copied().collect();
        groups::mark(self.tx, &known, worker, &mark).await
    }

    /// Keeps what is here with the accounts that these people have in a directory.
    async fn note(self, people: &[UserId], directory: DirectoryId) -> Result<(), Error> {
        let active: BTreeSet<UserId> = users::get_many(self.tx, people)
            .await?
            .into_iter()
            .filter(|person| person.is_active())
            .map(|person| person.id)
            .collect();
        for account in accounts::of_users(self.tx, people).await? {
            if account.directory == directory {
                let digest =
                    fingerprint::of_person(&account.attributes, active.contains(&account.user));
                accounts::remember(self.tx, directory, &account.external_id, &digest).await?;
            }
        }
        Ok(())
    }
}
