//! One step of what would change, and why. Every way a user arrives makes `Change`s; one function applies them.

use serde::{Deserialize, Serialize};

use crate::id::{DirectoryId, GroupId, ProviderId, UserId};
use crate::membership::{Member, Origin};
use crate::record::{Attributes, ExternalId};
use crate::shadow::MatchKey;
use crate::user::Deactivation;

/// Why a change is made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "cause", content = "detail")]
pub enum Cause {
    /// The source has it and we do not.
    NewAtSource,
    /// The source states it differently.
    ChangedAtSource,
    /// The source no longer has it.
    GoneFromSource,
    /// The source has it still, and a filter of ours leaves it out: the filter's words.
    FilteredOut(String),
    /// The source states what it always did; our mapping makes something else of it now.
    MappingChanged,
    /// The source holds the account switched off.
    DisabledAtSource,
    /// The source has it again, or holds it active again.
    BackAtSource,
    /// It was changed here and is put back to what the source states.
    DriftRepaired,
    /// Another directory takes its place, and says the same.
    HandedOver,
    /// Another directory takes its place, and says something else.
    Differs,
    /// An earlier run is undone.
    Undone,
    /// A rule, by its words ("default group of Lab").
    Rule(String),
    /// A person asked for it here.
    ByHand,
}

impl Cause {
    /// The stable word, in rows and addresses.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NewAtSource => "new_at_source",
            Self::ChangedAtSource => "changed_at_source",
            Self::GoneFromSource => "gone_from_source",
            Self::FilteredOut(_) => "filtered_out",
            Self::MappingChanged => "mapping_changed",
            Self::DisabledAtSource => "disabled_at_source",
            Self::BackAtSource => "back_at_source",
            Self::DriftRepaired => "drift_repaired",
            Self::HandedOver => "handed_over",
            Self::Differs => "differs",
            Self::Undone => "undone",
            Self::Rule(_) => "rule",
            Self::ByHand => "by_hand",
        }
    }

    /// The words on a cause chip.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::NewAtSource => "new at source",
            Self::ChangedAtSource => "changed at source",
            Self::GoneFromSource => "gone from source",
            Self::FilteredOut(_) => "filtered out",
            Self::MappingChanged => "mapping changed",
            Self::DisabledAtSource => "disabled at source",
            Self::BackAtSource => "back at source",
            Self::DriftRepaired => "drift repaired",
            Self::HandedOver => "handed over",
            Self::Differs => "says something else",
            Self::Undone => "undone",
            Self::Rule(rule) => rule,
            Self::ByHand => "by hand",
        }
    }
}

/// What changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Action {
    /// A new user, with their account in a directory.
    CreateUser {
        /// The id the user will have.
        user: UserId,
        /// The directory whose account it is.
        directory: DirectoryId,
        /// The account's id there.
        external_id: ExternalId,
        /// What is known of the person. Holds `username`.
        attributes: Attributes,
    },
    /// New values of attributes of an account; the effective user follows by directory order.
    UpdateAccount {
        /// Whose.
        user: UserId,
        /// The directory whose account it is.
        directory: DirectoryId,
        /// The account's id there.
        external_id: ExternalId,
        /// All attributes as the source states them now.
        attributes: Attributes,
    },
    /// Ties an identity at a provider to a user.
    LinkIdentity {
        /// The user.
        user: UserId,
        /// The provider.
        provider: ProviderId,
        /// Its issuer.
        issuer: String,
        /// The subject within the issuer.
        subject: String,
    },
    /// The person may no longer come in.
    Deactivate {
        /// Who.
        user: UserId,
        /// By whom, when, why.
        by: Deactivation,
    },
    /// The person may come in again.
    Reactivate {
        /// Who.
        user: UserId,
    },
    /// The account is no longer ours to keep; the person stays, with the accounts they have elsewhere.
    RemoveAccount {
        /// Whose.
        user: UserId,
        /// The directory whose account it is.
        directory: DirectoryId,
        /// The account's id there.
        external_id: ExternalId,
    },
    /// The account of another directory takes the place of the one the person has: they stay who they are.
    MoveAccount {
        /// Whose.
        user: UserId,
        /// The directory whose account goes.
        from: DirectoryId,
        /// That account's id there.
        former_id: ExternalId,
        /// The directory whose account comes.
        directory: DirectoryId,
        /// The account's id there.
        external_id: ExternalId,
        /// All attributes as the new directory states them.
        attributes: Attributes,
    },
    /// The person goes, with their accounts, memberships and means to sign in. Only the first three can be brought back.
    DeleteUser {
        /// Who.
        user: UserId,
    },
    /// A new group.
    CreateGroup {
        /// The id it will have.
        group: GroupId,
        /// Its name, unique after [`crate::name::key`].
        name: String,
        /// What it is for.
        description: String,
        /// The directory it comes from; none: a local group.
        directory: Option<DirectoryId>,
    },
    /// Says which group of a directory a group here is. The directory manages it from now on, unless another does.
    LinkGroup {
        /// The group.
        group: GroupId,
        /// The directory.
        directory: DirectoryId,
        /// The group's id there.
        external_id: ExternalId,
    },
    /// The group is no longer the one of that directory; it stays as a local group.
    UnlinkGroup {
        /// The group.
        group: GroupId,
        /// The directory.
        directory: DirectoryId,
        /// The group's id there.
        external_id: ExternalId,
    },
    /// Another name for a group.
    RenameGroup {
        /// The group.
        group: GroupId,
        /// Its new name, unique after [`crate::name::key`].
        name: String,
    },
    /// The group goes. Nobody may be in it any more.
    DeleteGroup {
        /// The group.
        group: GroupId,
    },
    /// A member joins, by this origin.
    AddMember {
        /// The group.
        group: GroupId,
        /// Who joins.
        member: Member,
        /// What put them there.
        origin: Origin,
    },
    /// Memberships of one directory are another's from now on: nobody joins, nobody leaves.
    MoveMembers {
        /// The group.
        group: GroupId,
        /// Whose memberships.
        members: Vec<Member>,
        /// The directory that put them there.
        from: DirectoryId,
        /// The directory that holds them there from now on.
        to: DirectoryId,
    },
    /// A directory in shadow becomes active, in the place of another one, which goes into the shadow.
    SwitchDirectory {
        /// The one that goes into the shadow.
        from: DirectoryId,
        /// The one that becomes active.
        to: DirectoryId,
        /// By what people of both are matched.
        by: MatchKey,
        /// The state of `from` here that the plan was made from; another one makes it out of date.
        revision: u64,
        /// The place in the order, from zero, to which `from` goes back, where this takes back what took it from there;
        /// otherwise it stands directly behind `to`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        place: Option<usize>,
    },
    /// A membership of this origin ends; memberships of other origins stay.
    RemoveMember {
        /// The group.
        group: GroupId,
        /// Who leaves.
        member: Member,
        /// The origin that no longer holds.
        origin: Origin,
    },
}

/// One step with its cause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// Digest of the source's record before any mapping ([`crate::plan::raw`]), where the step follows one: it is kept
    /// with the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Change {
    /// A step with its cause.
    #[must_use]
    pub const fn new(action: Action, cause: Cause) -> Self {
        Self {
            action,
            cause,
            raw: None,
        }
    }

    /// The same, following a record of this digest.
    #[must_use]
    pub fn of_record(mut self, raw: Option<&str>) -> Self {
        self.raw = raw.map(str::to_owned);
        self
    }
}
