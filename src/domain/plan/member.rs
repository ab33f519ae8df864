//! What happens with one membership.

use super::terms::{Leavers, Protection, Terms};
use super::{Reason, Refusal, Step, Verdict};
use crate::change::{Action, Cause, Change};
use crate::id::GroupId;
use crate::membership::{Member, Origin};
use crate::name;

/// How the member stands at the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// The source has them.
    There,
    /// The source has them, or may have them, and nothing can be said: nothing of theirs is removed.
    Unknown,
    /// They left, or a filter leaves them out.
    Left,
}

/// How the group itself stands at the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// All its members were read.
    Whole,
    /// Not all of them were.
    Partial,
    /// The group leaves, and everybody with it.
    GroupLeaves,
}

/// One membership of one group: what the source says, what is here.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The group here.
    pub group: GroupId,
    /// Its name.
    pub group_name: &'a str,
    /// Why nobody may join or leave it by a source, if nobody may.
    pub group_protected: Option<Protection>,
    /// Whether all its members were read.
    pub reading: Reading,
    /// The member here.
    pub member: Member,
    /// Their name.
    pub member_name: &'a str,
    /// Why no source may touch them, if none may.
    pub member_protected: Option<Protection>,
    /// How they stand at the source.
    pub standing: Standing,
    /// Whether the source says that they are in it.
    pub stated: bool,
    /// Whether they are in it here, put by this directory.
    pub here: bool,
}

/// Decides about one membership.
pub fn decide(pair: &Pair<'_>, terms: &Terms) -> Verdict {
    let row = (pair.group, pair.member, Origin::Directory(terms.directory));
    // A source may point to somebody it no longer has.
    let stated = pair.stated && pair.standing != Standing::Left;
    let step = match (stated, pair.here) {
        (true, false) if pair.member.group() == Some(pair.group) => {
            return refuse(pair, Reason::InItself);
        }
        (true, false) => Step {
            change: Change::new(add(row), Cause::NewAtSource),
            subject: subject(pair),
            undo: vec![Change::new(remove(row), Cause::Undone)],
        },
        (false, true) if leaves(pair, terms) => Step {
            change: Change::new(remove(row), Cause::GoneFromSource),
            subject: subject(pair),
            undo: vec![Change::new(add(row), Cause::Undone)],
        },
        (true, true) | (false, _) => return Verdict::default(),
    };
    match pair.group_protected.or(pair.member_protected) {
        Some(why) => refuse(pair, Reason::Protected { why }),
        None => Verdict::step(step),
    }
}

fn leaves(pair: &Pair<'_>, terms: &Terms) -> bool {
    match pair.reading {
        Reading::Partial => return false,
        Reading::GroupLeaves => return true,
        Reading::Whole if !terms.may_remove => return false,
        Reading::Whole => {}
    }
    match (pair.standing, &terms.leavers) {
        (Standing::There, _) => true,
        (Standing::Unknown, _) => false,
        // The policy is about people. A group that left is in no other.
        (Standing::Left, _) if pair.member.group().is_some() => true,
        (Standing::Left, Leavers::Keep) => false,
        (Standing::Left, Leavers::LeaveGroups { except }) => !except
            .iter()
            .any(|pattern| name::matches_pattern(pattern, pair.group_name)),
        (Standing::Left, Leavers::Deactivate | Leavers::Delete) => true,
    }
}

const fn add((group, member, origin): (GroupId, Member, Origin)) -> Action {
    Action::AddMember {
        group,
        member,
        origin,
    }
}

const fn remove((group, member, origin): (GroupId, Member, Origin)) -> Action {
    Action::RemoveMember {
        group,
        member,
        origin,
    }
}

fn subject(pair: &Pair<'_>) -> String {
    format!("{} in {}", pair.member_name, pair.group_name)
}

fn refuse(pair: &Pair<'_>, reason: Reason) -> Verdict {
    Verdict::refusal(Refusal {
        subject: subject(pair),
        external_id: None,
        reason,
    })
}
