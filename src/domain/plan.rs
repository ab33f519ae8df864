//! What would change, and why: three-way, between what the source says now, what was last applied from it, and what is
//! here now.
//!
//! The decisions are taken one subject at a time ([`person::decide`], [`group::decide`], [`member::decide`]), from that
//! subject alone, so that a hundred thousand people can pass in the order of their ids without being in memory together.
//! Two questions need more than one subject: who of several gets a name ([`names::settle`], about those alone who
//! contend), and whether too much goes ([`crate::guard::judge`], about counts). [`make`] does it all in memory.
//!
//! Applying a plan and making it again from the same source yields no change. Each step carries its inverse.

pub mod fingerprint;
pub mod group;
pub mod identity;
mod making;
pub mod member;
pub mod names;
pub mod person;
pub mod raw;
mod roster;
pub mod stored;
pub mod terms;
pub mod text;
pub mod told;
pub mod unchanged;

use serde::{Deserialize, Serialize};

use crate::change::{Action, Change};
use crate::guard::Guarded;
use crate::id::DirectoryId;
use crate::record::ExternalId;

pub use identity::{Approval, Identity, out_of_date};
pub use making::{Here, Limits, Now, make};
pub use stored::{Counts, PlanState, Purpose, StoredPlan};
pub use terms::{Adopt, Leavers, Owner, Protection, Revival, Terms};

/// One step, with what takes it back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// What is done, and why.
    pub change: Change,
    /// Whom it is about, for people.
    pub subject: String,
    /// What takes it back, in this order. Cause of each: [`crate::change::Cause::Undone`].
    pub undo: Vec<Change>,
}

/// Something the source says that is not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Whom it is about, for people.
    pub subject: String,
    /// Its id at the source, where it has one.
    pub external_id: Option<ExternalId>,
    /// Why it is not done.
    pub reason: Reason,
}

/// Why something is not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// The record cannot be used.
    Unusable {
        /// What is wrong with it, in a sentence.
        why: String,
    },
    /// Somebody else here has the name.
    NameTaken {
        /// The name.
        name: String,
        /// Whose it is.
        by: String,
    },
    /// Two records of this source want the name.
    NameContended {
        /// The name.
        name: String,
    },
    /// People would have to exchange names.
    NamesInACircle {
        /// The name.
        name: String,
    },
    /// The name is among those that this source may not touch.
    NameProtected {
        /// The name.
        name: String,
    },
    /// It may not be touched from here.
    Protected {
        /// Why not.
        why: Protection,
    },
    /// A group would be in itself.
    InItself,
    /// Whom of the other directory this is cannot be told, so they are left alone.
    Unclear {
        /// Why not, in a sentence.
        why: String,
    },
    /// They were kept out before, and the directory that takes over does not let them in by itself.
    StaysOut {
        /// Who or what keeps them out.
        by: String,
    },
    /// The directory that takes over does not have them, and by its terms nothing happens with them.
    Stays,
    /// The directory that takes over does not have them, and they are switched off already.
    StaysOff,
    /// It is not as the run left it that is taken back.
    ChangedSince {
        /// What changed, in a sentence.
        why: String,
    },
}

impl Reason {
    /// The stable word, in rows and addresses.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "unusable",
            Self::NameTaken { .. } => "name_taken",
            Self::NameContended { .. } => "name_contended",
            Self::NamesInACircle { .. } => "names_in_a_circle",
            Self::NameProtected { .. } => "name_protected",
            Self::Protected { .. } => "protected",
            Self::InItself => "in_itself",
            Self::Unclear { .. } => "unclear",
            Self::StaysOut { .. } => "stays_out",
            Self::Stays => "stays",
            Self::StaysOff => "stays_off",
            Self::ChangedSince { .. } => "changed_since",
        }
    }

    /// Why, in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Unusable { why } | Self::ChangedSince { why } | Self::Unclear { why } => {
                why.clone()
            }
            Self::NameTaken { name, by } => format!("The name “{name}” belongs to {by}."),
            Self::NameContended { name } => {
                format!("Two records of the source want the name “{name}”.")
            }
            Self::NamesInACircle { name } => {
                format!("“{name}” would have to be exchanged. Give one of them another name first.")
            }
            Self::NameProtected { name } => {
                format!("The name “{name}” is protected: nobody gets it from a source.")
            }
            Self::Protected { why } => why.words().to_owned(),
            Self::InItself => "A group cannot be in itself.".to_owned(),
            Self::StaysOut { by } => {
                format!(
                    "{by} keeps them out, and the new directory would let them in. They stay out."
                )
            }
            Self::Stays => {
                "The new directory does not have them, and by its terms nothing happens with them."
                    .to_owned()
            }
            Self::StaysOff => {
                "The new directory does not have them. They are switched off already, and stay so."
                    .to_owned()
            }
        }
    }
}

/// What is decided about one subject.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Verdict {
    /// What is done.
    pub steps: Vec<Step>,
    /// What is not.
    pub refusals: Vec<Refusal>,
}

impl Verdict {
    fn step(step: Step) -> Self {
        Self {
            steps: vec![step],
            refusals: Vec::new(),
        }
    }

    fn refusal(refusal: Refusal) -> Self {
        Self {
            steps: Vec::new(),
            refusals: vec![refusal],
        }
    }
}

/// When in a plan a step is done: what takes away comes first, so that names are free and a run that stops halfway has
/// left nobody with more than the source grants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Memberships end.
    MembersLeave,
    /// People are deactivated, lose their account or are deleted.
    PeopleLeave,
    /// Groups go or become local.
    GroupsLeave,
    /// Groups are renamed and made.
    GroupsCome,
    /// People who are here change or come back.
    PeopleChange,
    /// People are made.
    PeopleCome,
    /// Members join.
    MembersJoin,
}

/// How many phases there are.
pub const PHASES: usize = 7;

impl Phase {
    /// When a change is done.
    #[must_use]
    pub const fn of(change: &Change) -> Self {
        match change.action {
            // Before all others: from then on nobody else writes for the one that goes.
            Action::SwitchDirectory { .. } | Action::RemoveMember { .. } => Self::MembersLeave,
            Action::Deactivate { .. }
            | Action::RemoveAccount { .. }
            | Action::DeleteUser { .. } => Self::PeopleLeave,
            Action::DeleteGroup { .. } | Action::UnlinkGroup { .. } => Self::GroupsLeave,
            Action::CreateGroup { .. } | Action::LinkGroup { .. } | Action::RenameGroup { .. } => {
                Self::GroupsCome
            }
            Action::UpdateAccount { .. }
            | Action::MoveAccount { .. }
            | Action::LinkIdentity { .. }
            | Action::Reactivate { .. } => Self::PeopleChange,
            Action::CreateUser { .. } => Self::PeopleCome,
            Action::AddMember { .. } | Action::MoveMembers { .. } => Self::MembersJoin,
        }
    }
}

/// A whole plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[must_use]
pub struct Plan {
    /// Of which directory.
    pub directory: DirectoryId,
    /// The state of the directory here that it was made from; another one makes it stale.
    pub base_revision: u64,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is not done.
    pub refusals: Vec<Refusal>,
    /// Whether it may be applied by itself.
    pub guarded: Guarded,
}

impl Plan {
    /// What exactly an approval of it approves.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let mut counting = identity::Digest::new(self.directory, self.base_revision);
        for step in &self.steps {
            counting.add(step);
        }
        counting.finish()
    }

    /// The plan that takes this one back: its inverses, the last first. It is clear: a person asks for it, and nothing
    /// of it comes from a source.
    pub fn inverse(&self, base_revision: u64) -> Self {
        Self {
            directory: self.directory,
            base_revision,
            steps: inverse(&self.steps),
            refusals: Vec::new(),
            guarded: Guarded::Clear,
        }
    }
}

/// The inverses of steps that were done, the last first; each carries the step it takes back.
#[must_use]
pub fn inverse(done: &[Step]) -> Vec<Step> {
    let mut steps = Vec::new();
    for step in done.iter().rev() {
        for (at, change) in step.undo.iter().enumerate() {
            // Several changes that take one back are taken back as one.
            let redo = if at == 0 {
                vec![step.change.clone()]
            } else {
                Vec::new()
            };
            steps.push(Step {
                change: change.clone(),
                subject: step.subject.clone(),
                undo: redo,
            });
        }
    }
    steps
}

#[cfg(test)]
mod tests;
