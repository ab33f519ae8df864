//! A plan as it is kept: what it is for, where it stands, how much of what it holds. Its steps are rows beside it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Identity, Phase, Step};
use crate::change::{Action, Change};
use crate::guard::Hold;
use crate::id::{DirectoryId, PlanId};

/// What a plan was made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To bring the directory's accounts here.
    Sync,
    /// To see what differs. It may be carried out: then it repairs.
    Drift,
    /// To take back what a run did.
    Undo,
    /// To see what other settings would change. It is never carried out.
    WhatIf,
    /// To remove the directory with everything that comes from it.
    Removal,
    /// To see how a directory in shadow differs from the one it shall replace. It may be carried out: then it does.
    Shadow,
}

/// Where a plan stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It is being made: its steps are not all there.
    Making,
    /// It may be carried out by itself.
    Clear,
    /// A person has to look first.
    Held,
    /// It was begun to be carried out.
    Begun,
    /// It was carried out; outcomes are with its run.
    Done,
    /// It is out of date, or somebody put it away.
    Discarded,
}

/// How much a plan holds: steps by [`kind_of`], by cause, and both together.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Steps by kind and then by the cause's word ([`crate::change::Cause::word`]).
    pub steps: BTreeMap<String, BTreeMap<String, u64>>,
    /// Refusals by [`super::Reason::word`].
    pub refusals: BTreeMap<String, u64>,
    /// Rows about subjects that changed on both sides ([`crate::drift::Class::Both`]), counted up to a bound when a
    /// comparison was made; none: nobody counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub both: Option<u64>,
}

impl Counts {
    /// Counts a step.
    pub fn add(&mut self, change: &Change) {
        let causes = self.steps.entry(kind_of(&change.action).to_owned());
        *causes
            .or_default()
            .entry(change.cause.word().to_owned())
            .or_default() += 1;
    }

    /// Takes a step back out.
    pub fn take(&mut self, change: &Change) {
        let kind = kind_of(&change.action);
        let Some(causes) = self.steps.get_mut(kind) else {
            return;
        };
        if let Some(count) = causes.get_mut(change.cause.word()) {
            *count = count.saturating_sub(1);
        }
        causes.retain(|_, count| *count > 0);
        if causes.is_empty() {
            self.steps.remove(kind);
        }
    }

    /// How many steps in all.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.steps.values().flat_map(BTreeMap::values).sum()
    }

    /// How many steps of one kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> u64 {
        self.steps
            .get(kind)
            .map_or(0, |causes| causes.values().sum())
    }

    /// How many refusals in all.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }
}

/// Every kind of step in the order of its phase: the stable word in rows and addresses, and what people read.
pub const KINDS: [(&str, &str); 16] = [
    ("switch_directory", "Directories that change places"),
    ("remove_member", "Memberships that end"),
    ("deactivate", "People who are deactivated"),
    ("remove_account", "Accounts that go"),
    ("delete_user", "People who are deleted"),
    ("unlink_group", "Groups that become local"),
    ("delete_group", "Groups that are deleted"),
    ("create_group", "New groups"),
    ("link_group", "Groups that are tied to the source"),
    ("rename_group", "Groups that are renamed"),
    ("move_account", "People who are handed over"),
    ("update_account", "People who change"),
    ("reactivate", "People who come back"),
    ("create_user", "New people"),
    ("move_members", "Memberships that are handed over"),
    ("add_member", "New memberships"),
];

/// The stable word of a step's kind.
#[must_use]
pub const fn kind_of(action: &Action) -> &'static str {
    match action {
        Action::CreateUser { .. } => "create_user",
        Action::UpdateAccount { .. } => "update_account",
        Action::LinkIdentity { .. } => "link_identity",
        Action::Deactivate { .. } => "deactivate",
        Action::Reactivate { .. } => "reactivate",
        Action::RemoveAccount { .. } => "remove_account",
        Action::MoveAccount { .. } => "move_account",
        Action::MoveMembers { .. } => "move_members",
        Action::SwitchDirectory { .. } => "switch_directory",
        Action::DeleteUser { .. } => "delete_user",
        Action::CreateGroup { .. } => "create_group",
        Action::LinkGroup { .. } => "link_group",
        Action::UnlinkGroup { .. } => "unlink_group",
        Action::RenameGroup { .. } => "rename_group",
        Action::DeleteGroup { .. } => "delete_group",
        Action::AddMember { .. } => "add_member",
        Action::RemoveMember { .. } => "remove_member",
    }
}

/// Where in its plan a step stands: steps of an earlier phase lie below all of a later one, so that a plan can be written
/// in the order in which it is decided and read in the order in which it is carried out.
#[must_use]
pub fn position(phase: Phase, nth: u64) -> i64 {
    let nth = i64::try_from(nth).unwrap_or(i64::MAX);
    ((phase as i64) << 40) + nth.min((1 << 40) - 1)
}

/// The first position of what is not done: behind every step.
pub const REFUSALS: i64 = 1 << 50;

/// A plan without its steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredPlan {
    /// Its id.
    pub id: PlanId,
    /// Of which directory.
    pub directory: DirectoryId,
    /// What for.
    pub purpose: Purpose,
    /// The state of the directory here that it was made from; another one makes it out of date.
    pub base_revision: u64,
    /// Where it stands.
    pub state: PlanState,
    /// Why a person has to look first; empty: nobody has to.
    pub holds: Vec<Hold>,
    /// How much it holds.
    pub counts: Counts,
    /// What exactly an approval approves; none: it is being made.
    pub identity: Option<Identity>,
    /// The plan that it takes back.
    pub inverse_of: Option<PlanId>,
    /// Who or what had it made.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<DateTime<Utc>>,
}

impl StoredPlan {
    /// Whether it waits for a person: the guard holds it, or it was made to be looked at and holds steps.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self.state {
            PlanState::Held => true,
            PlanState::Clear => self.counts.all() > 0,
            _ => false,
        }
    }

    /// Whether it is made, and neither begun nor put away.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, PlanState::Clear | PlanState::Held)
    }

    /// Whether nothing can be told by it: it has no step, and its source was not read as a whole.
    #[must_use]
    pub fn knows_nothing(&self) -> bool {
        let unread = |hold: &Hold| matches!(hold, Hold::Incomplete { .. });
        self.counts.all() == 0 && self.holds.iter().any(unread)
    }

    /// A plan that somebody or something begins to make at `at`: nothing is in it, and nothing is known of the state it is
    /// made from.
    #[must_use]
    pub fn begun(
        id: PlanId,
        directory: DirectoryId,
        purpose: Purpose,
        by: &str,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            directory,
            purpose,
            base_revision: 0,
            state: PlanState::Making,
            holds: Vec::new(),
            counts: Counts::default(),
            identity: None,
            inverse_of: None,
            created_by: by.to_owned(),
            created_at: at,
            approved_by: None,
            approved_at: None,
        }
    }
}

/// A row of a plan: a step, or what is not done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where in the plan it stands.
    pub position: i64,
    /// What it is.
    pub line: Line,
}

/// What a row of a plan says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Line {
    /// Something is done.
    Step(Step),
    /// Something is not.
    Refusal(super::Refusal),
}
