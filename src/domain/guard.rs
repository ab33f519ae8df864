//! The limit that stops a run: what a plan takes away, measured against what there is and what was taken away lately.
//!
//! A source that fails looks like a source from which everybody left. So an incomplete snapshot never removes, and even a
//! complete one removes only so much before a person has looked. Removals of the last day count too: a tenth each hour
//! would otherwise pass.

use serde::{Deserialize, Serialize};

use crate::change::{Action, Change};
use crate::number::{counted, grouped};
use crate::snapshot::{Completeness, Doubt};

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// People who are deactivated, deleted, or lose their account.
    People,
    /// Memberships that end.
    Memberships,
    /// Groups that go or become local.
    Groups,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::People, Self::Memberships, Self::Groups];

    const fn words(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Memberships => "memberships",
            Self::Groups => "groups",
        }
    }

    /// What a change takes away, if it takes anything away.
    #[must_use]
    pub const fn taken_by(change: &Change) -> Option<Self> {
        match change.action {
            Action::Deactivate { .. }
            | Action::DeleteUser { .. }
            | Action::RemoveAccount { .. } => Some(Self::People),
            Action::RemoveMember { .. } => Some(Self::Memberships),
            Action::DeleteGroup { .. } | Action::UnlinkGroup { .. } => Some(Self::Groups),
            Action::CreateUser { .. }
            | Action::UpdateAccount { .. }
            | Action::LinkIdentity { .. }
            | Action::MoveAccount { .. }
            | Action::MoveMembers { .. }
            | Action::SwitchDirectory { .. }
            | Action::Reactivate { .. }
            | Action::CreateGroup { .. }
            | Action::LinkGroup { .. }
            | Action::RenameGroup { .. }
            | Action::AddMember { .. } => None,
        }
    }
}

/// How much of one kind may go without a person's look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Never more than so many.
    pub count: u64,
    /// Never more than this share of what there is, in percent.
    pub percent: u8,
    /// So few pass whatever their share: in a directory of three, one is a third.
    pub few: u64,
}

/// The limits of a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Guard {
    /// For people.
    pub people: Limit,
    /// For memberships.
    pub memberships: Limit,
    /// For groups.
    pub groups: Limit,
}

impl Default for Guard {
    /// A tenth of the people and a fifth of the rest, as other systems' users ask for after their accidents.
    fn default() -> Self {
        Self {
            people: Limit {
                count: 100,
                percent: 10,
                few: 2,
            },
            memberships: Limit {
                count: 5_000,
                percent: 20,
                few: 10,
            },
            groups: Limit {
                count: 20,
                percent: 20,
                few: 1,
            },
        }
    }
}

impl Guard {
    const fn limit(&self, kind: Kind) -> Limit {
        match kind {
            Kind::People => self.people,
            Kind::Memberships => self.memberships,
            Kind::Groups => self.groups,
        }
    }
}

/// How much of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// People.
    pub people: u64,
    /// Memberships.
    pub memberships: u64,
    /// Groups.
    pub groups: u64,
}

impl Tally {
    /// How much of one kind.
    #[must_use]
    pub const fn of(&self, kind: Kind) -> u64 {
        match kind {
            Kind::People => self.people,
            Kind::Memberships => self.memberships,
            Kind::Groups => self.groups,
        }
    }

    /// Counts what a change takes away.
    pub const fn count(&mut self, change: &Change) {
        match Kind::taken_by(change) {
            Some(Kind::People) => self.people = self.people.saturating_add(1),
            Some(Kind::Memberships) => self.memberships = self.memberships.saturating_add(1),
            Some(Kind::Groups) => self.groups = self.groups.saturating_add(1),
            None => {}
        }
    }
}

/// Why a run waits for a person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause")]
pub enum Hold {
    /// The snapshot may not be everything.
    Incomplete {
        /// Why not.
        doubt: Doubt,
    },
    /// More would go than may.
    TooMany {
        /// Of which kind.
        kind: Kind,
        /// How many go by this plan.
        now: u64,
        /// How many went lately.
        lately: u64,
        /// How many there are.
        of: u64,
    },
    /// The source showed no group at all, though groups of it are here.
    NoGroups {
        /// How many are here.
        here: u64,
    },
    /// Nobody signs in by a directory any more, and these people have no other way.
    LoseSignIn {
        /// The directory.
        directory: String,
        /// How many of them.
        people: u64,
        /// Those of them who are protected, the first.
        protected: Vec<String>,
    },
}

impl Hold {
    /// What holds the run, in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Incomplete { doubt } => {
                format!("{} Nothing is removed on its word.", doubt.words())
            }
            Self::TooMany {
                kind,
                now,
                lately,
                of,
            } => {
                let lately = match lately {
                    0 => String::new(),
                    more => format!(" after {} lately", grouped(*more)),
                };
                format!(
                    "{} of {} {} would go{lately}: more than may without a person's look.",
                    grouped(*now),
                    grouped(*of),
                    kind.words()
                )
            }
            Self::NoGroups { here } => format!(
                "The source showed no group at all, and {} are here: perhaps it may no longer be asked for groups.",
                grouped(*here)
            ),
            Self::LoseSignIn {
                directory,
                people,
                protected,
            } => {
                let many = counted(*people, "person has", "people have");
                let among = match protected.as_slice() {
                    [] => String::new(),
                    some => format!(" Protected among them: {}.", some.join(", ")),
                };
                format!(
                    "{many} no other way to sign in than the passwords of {directory}, which count no more after the switch.{among} Give them another way first."
                )
            }
        }
    }
}

/// Whether a plan may be applied by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "holds")]
#[must_use]
pub enum Guarded {
    /// It may.
    Clear,
    /// A person has to look first.
    Held(Vec<Hold>),
}

impl Guarded {
    /// The same, and it waits for this, too.
    pub fn holding(self, hold: Hold) -> Self {
        match self {
            Self::Clear => Self::Held(vec![hold]),
            Self::Held(mut holds) => {
                holds.push(hold);
                Self::Held(holds)
            }
        }
    }
}

/// Judges a plan that takes away `taken` of what is here (`there`), after `lately` went. Of people those count as here who
/// are active: whoever left long ago makes nothing smaller.
pub fn judge(
    guard: &Guard,
    completeness: &Completeness,
    taken: Tally,
    there: Tally,
    lately: Tally,
) -> Guarded {
    let mut holds = Vec::new();
    if let Completeness::Incomplete(doubts) = completeness {
        holds.extend(
            doubts
                .iter()
                .cloned()
                .map(|doubt| Hold::Incomplete { doubt }),
        );
    }
    for kind in Kind::ALL {
        let (now, lately, limit) = (taken.of(kind), lately.of(kind), guard.limit(kind));
        let gone = now.saturating_add(lately);
        // What went lately was there when it went; and whoever goes now was there, though perhaps not active.
        let of = there.of(kind).saturating_add(lately).max(gone);
        let share = u128::from(gone) * 100 > u128::from(of) * u128::from(limit.percent);
        if now > 0 && (gone > limit.count || gone > limit.few && share) {
            holds.push(Hold::TooMany {
                kind,
                now,
                lately,
                of,
            });
        }
    }
    if holds.is_empty() {
        Guarded::Clear
    } else {
        Guarded::Held(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(people: u64) -> Tally {
        Tally {
            people,
            ..Tally::default()
        }
    }

    fn is_held(taken: u64, there: u64, lately: u64) -> bool {
        let judged = judge(
            &Guard::default(),
            &Completeness::Complete,
            people(taken),
            people(there),
            people(lately),
        );
        judged != Guarded::Clear
    }

    #[test]
    fn a_share_a_count_and_a_few_are_told_apart() {
        assert!(!is_held(1, 3, 0), "one of three is few");
        assert!(!is_held(2, 3, 0));
        assert!(is_held(3, 20, 0), "fifteen percent");
        assert!(!is_held(3, 30, 0), "ten percent");
        assert!(!is_held(100, 100_000, 0));
        assert!(
            is_held(101, 100_000, 0),
            "a thousandth, but more than a hundred"
        );
        assert!(!is_held(0, 0, 0));
        assert!(is_held(3, 0, 0), "of nothing nothing can go");
        let any = Limit {
            count: 1_000,
            percent: 100,
            few: 0,
        };
        let guard = Guard {
            people: any,
            ..Guard::default()
        };
        let judged = |taken, there| {
            judge(
                &guard,
                &Completeness::Complete,
                people(taken),
                people(there),
                people(0),
            )
        };
        assert_eq!(judged(5, 2), Guarded::Clear, "three were not active");
    }

    #[test]
    fn w62_many_small_removals_are_held_like_a_large_one() {
        assert!(!is_held(9, 100, 0));
        assert!(is_held(2, 91, 9), "eleven of a hundred within the day");
        assert!(!is_held(0, 91, 90), "what takes nothing away passes");
    }

    #[test]
    fn an_incomplete_snapshot_is_held_with_every_doubt() {
        let doubts = vec![Doubt::SizeLimit, Doubt::CyclingToken];
        let judged = judge(
            &Guard::default(),
            &Completeness::Incomplete(doubts.clone()),
            Tally::default(),
            people(5),
            Tally::default(),
        );
        let holds = doubts
            .into_iter()
            .map(|doubt| Hold::Incomplete { doubt })
            .collect();
        assert_eq!(judged, Guarded::Held(holds));
    }

    #[test]
    fn limits_of_zero_hold_every_removal() {
        let none = Limit {
            count: 0,
            percent: 0,
            few: 0,
        };
        let guard = Guard {
            people: none,
            memberships: none,
            groups: none,
        };
        let held = judge(
            &guard,
            &Completeness::Complete,
            people(1),
            people(1_000),
            Tally::default(),
        );
        assert_ne!(held, Guarded::Clear);
    }
}
