//! The steps of a removal, each with what takes it back.

use std::collections::BTreeSet;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, GroupId};
use muster_domain::membership::{Membership, Origin};
use muster_domain::plan::Step;
use muster_domain::record::ExternalId;
use muster_domain::user::{Deactivation, State, User};
use muster_storage::accounts::Account;
use muster_storage::groups::Sourced;

use crate::Call;

fn cause() -> Cause {
    Cause::Rule("directory removed".to_owned())
}

fn step(subject: &str, action: Action, undo: Vec<Action>) -> Step {
    Step {
        change: Change::new(action, cause()),
        subject: subject.to_owned(),
        undo: undo
            .into_iter()
            .map(|action| Change::new(action, Cause::Undone))
            .collect(),
    }
}

/// Memberships by hand in place of the directory's, and the end of these.
pub(super) fn handed_over(
    known: &Sourced,
    rows: &[&Membership],
    stays: bool,
) -> (Vec<Step>, Vec<Step>) {
    let name = &known.group.name;
    let add = |row: &Membership, origin| Action::AddMember {
        group: row.group,
        member: row.member,
        origin,
    };
    let end = |row: &Membership, origin| Action::RemoveMember {
        group: row.group,
        member: row.member,
        origin,
    };
    let here = rows
        .iter()
        .filter(|_| stays)
        .map(|row| {
            let undo = vec![end(row, Origin::Manual)];
            step(name, add(row, Origin::Manual), undo)
        })
        .collect();
    let ends = rows
        .iter()
        .map(|row| step(name, end(row, row.origin), vec![add(row, row.origin)]))
        .collect();
    (here, ends)
}

/// Somebody who has an account of the directory.
pub(super) struct Leaver<'a> {
    pub(super) user: &'a User,
    pub(super) account: &'a Account,
    pub(super) internal: DirectoryId,
}

impl Leaver<'_> {
    fn account(&self) -> Action {
        Action::UpdateAccount {
            user: self.user.id,
            directory: self.account.directory,
            external_id: self.account.external_id.clone(),
            attributes: self.account.attributes.clone(),
        }
    }

    pub(super) fn without_account(&self) -> Step {
        let remove = Action::RemoveAccount {
            user: self.user.id,
            directory: self.account.directory,
            external_id: self.account.external_id.clone(),
        };
        step(&self.user.username, remove, vec![self.account()])
    }

    pub(super) fn kept_here(&self) -> Step {
        let external_id = ExternalId(self.user.id.to_string());
        let keep = Action::UpdateAccount {
            user: self.user.id,
            directory: self.internal,
            external_id: external_id.clone(),
            attributes: self.account.attributes.clone(),
        };
        let undo = Action::RemoveAccount {
            user: self.user.id,
            directory: self.internal,
            external_id,
        };
        step(&self.user.username, keep, vec![undo])
    }

    pub(super) fn deactivated(&self, call: &Call, directory: &str) -> Step {
        let by = Deactivation {
            by: directory.to_owned(),
            // The directory will not be there to take it back.
            directory: None,
            at: call.at,
            reason: Some(cause().label().to_owned()),
        };
        let user = self.user.id;
        step(
            &self.user.username,
            Action::Deactivate { user, by },
            vec![Action::Reactivate { user }],
        )
    }

    pub(super) fn deleted(&self, rows: &[Membership]) -> Step {
        let user = self.user.id;
        let mut undo = vec![Action::CreateUser {
            user,
            directory: self.account.directory,
            external_id: self.account.external_id.clone(),
            attributes: self.account.attributes.clone(),
        }];
        undo.extend(rows.iter().map(|row| Action::AddMember {
            group: row.group,
            member: row.member,
            origin: row.origin,
        }));
        if let State::Deactivated(by) = &self.user.state {
            let by = by.clone();
            undo.push(Action::Deactivate { user, by });
        }
        step(&self.user.username, Action::DeleteUser { user }, undo)
    }
}

pub(super) fn group_step(
    known: &Sourced,
    directory: DirectoryId,
    leaving: &BTreeSet<GroupId>,
) -> Step {
    let group = known.group.id;
    let link = Action::LinkGroup {
        group,
        directory,
        external_id: known.external_id.clone(),
    };
    if !leaving.contains(&group) {
        let unlink = Action::UnlinkGroup {
            group,
            directory,
            external_id: known.external_id.clone(),
        };
        return step(&known.group.name, unlink, vec![link]);
    }
    let again = Action::CreateGroup {
        group,
        name: known.group.name.clone(),
        description: known.group.description.clone(),
        directory: known.group.directory,
    };
    step(
        &known.group.name,
        Action::DeleteGroup { group },
        vec![again, link],
    )
}
