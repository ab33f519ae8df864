//! Steps in words: what each does to which field, and what a whole plan would do, as a sentence.

use super::Step;
use super::stored::{Counts, KINDS};
use crate::change::Action;
use crate::record::{Attributes, KNOWN};

/// What happens to one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Its name, for people.
    pub field: String,
    /// What it was; none: it had no value.
    pub before: Option<String>,
    /// What it will be; none: it is taken away.
    pub after: Option<String>,
}

impl Told {
    fn added(field: impl Into<String>, after: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            before: None,
            after: Some(after.into()),
        }
    }

    fn removed(field: impl Into<String>, before: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            before: Some(before.into()),
            after: None,
        }
    }

    fn changed(
        field: impl Into<String>,
        before: impl Into<String>,
        after: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            before: Some(before.into()),
            after: Some(after.into()),
        }
    }
}

/// Before and after, field by field. What was before is taken from what takes the step back.
#[must_use]
pub fn fields(step: &Step) -> Vec<Told> {
    let none = Attributes::new();
    let undone = |found: fn(&Action) -> Option<&Attributes>| {
        step.undo.iter().find_map(|change| found(&change.action))
    };
    match &step.change.action {
        Action::CreateUser { attributes, .. } => compared(&none, attributes),
        Action::UpdateAccount { attributes, .. } => {
            compared(undone(stated).unwrap_or(&none), attributes)
        }
        Action::MoveAccount { attributes, .. } => {
            compared(undone(stated).unwrap_or(&none), attributes)
        }
        Action::MoveMembers { members, .. } => {
            vec![Told::added("Memberships", members.len().to_string())]
        }
        Action::SwitchDirectory { by, .. } => vec![Told::added("Matched by", by.label())],
        Action::LinkIdentity { subject, .. } => vec![Told::added("Identity", subject)],
        Action::Deactivate { .. } => vec![Told::changed("", "active", "deactivated")],
        Action::Reactivate { .. } => vec![Told::changed("", "deactivated", "active")],
        Action::RemoveAccount { external_id, .. } => match undone(stated) {
            Some(attributes) => compared(attributes, &none),
            None => vec![Told::removed("Account", &external_id.0)],
        },
        Action::DeleteUser { .. } => deleted(step),
        Action::CreateGroup { name, .. } => vec![Told::added("Group", name)],
        Action::LinkGroup { external_id, .. } => vec![Told::added("Source", &external_id.0)],
        Action::UnlinkGroup { external_id, .. } => vec![Told::removed("Source", &external_id.0)],
        Action::RenameGroup { name, .. } => {
            let before = step.undo.iter().find_map(|change| match &change.action {
                Action::RenameGroup { name, .. } => Some(name.as_str()),
                _ => None,
            });
            vec![Told::changed("Name", before.unwrap_or(&step.subject), name)]
        }
        Action::DeleteGroup { .. } => vec![Told::removed("Group", &step.subject)],
        Action::AddMember { .. } => vec![Told::added("Membership", &step.subject)],
        Action::RemoveMember { .. } => vec![Told::removed("Membership", &step.subject)],
    }
}

const fn stated(action: &Action) -> Option<&Attributes> {
    match action {
        Action::UpdateAccount { attributes, .. }
        | Action::MoveAccount { attributes, .. }
        | Action::CreateUser { attributes, .. } => Some(attributes),
        _ => None,
    }
}

/// The fields that differ: those people know first, then the rest by name.
fn compared(before: &Attributes, after: &Attributes) -> Vec<Told> {
    let known = KNOWN.iter().map(|(key, label)| (*key, *label));
    let others = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)))
        .map(String::as_str)
        .filter(|key| KNOWN.iter().all(|(known, _)| known != key))
        .map(|key| (key, key));
    known
        .chain(others)
        .filter_map(|(key, label)| match (before.get(key), after.get(key)) {
            (Some(before), Some(after)) if before != after => {
                Some(Told::changed(label, before, after))
            }
            (Some(before), None) => Some(Told::removed(label, before)),
            (None, Some(after)) => Some(Told::added(label, after)),
            _ => None,
        })
        .collect()
}

fn deleted(step: &Step) -> Vec<Told> {
    let mut told = vec![Told::removed("Person", &step.subject)];
    let memberships = step
        .undo
        .iter()
        .filter(|change| matches!(change.action, Action::AddMember { .. }))
        .count();
    if memberships > 0 {
        told.push(Told::removed("Memberships", memberships.to_string()));
    }
    told
}

/// What a step of each kind does: the verb, its object for one and for many.
const VERBS: [(&str, &str, &str, &str); 17] = [
    (
        "switch_directory",
        "put",
        "directory in the place of another",
        "directories in the place of others",
    ),
    ("move_account", "hand over", "person", "people"),
    (
        "move_members",
        "hand over the members of",
        "group",
        "groups",
    ),
    ("create_user", "create", "person", "people"),
    ("update_account", "change", "person", "people"),
    ("link_identity", "link", "identity", "identities"),
    ("reactivate", "bring back", "person", "people"),
    ("deactivate", "deactivate", "person", "people"),
    ("remove_account", "remove", "account", "accounts"),
    ("delete_user", "delete", "person", "people"),
    ("create_group", "create", "group", "groups"),
    ("rename_group", "rename", "group", "groups"),
    ("unlink_group", "make", "group local", "groups local"),
    ("delete_group", "delete", "group", "groups"),
    ("add_member", "add", "membership", "memberships"),
    ("remove_member", "end", "membership", "memberships"),
    (
        "link_group",
        "tie",
        "group to the source",
        "groups to the source",
    ),
];

/// What a plan of so much does, to follow "would" or "did": `create 6 people, deactivate 412 and end 2 memberships`.
/// `written` writes numbers.
#[must_use]
pub fn doing(counts: &Counts, written: impl Fn(u64) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    let unlinked = counts.steps.get("unlink_group");
    let handed = unlinked.and_then(|causes| causes.get("handed_over"));
    let handed = handed.copied().unwrap_or_default();
    for (kind, verb, one, many) in VERBS {
        let (verb, one, many) = match kind {
            "move_members" if handed > 0 => (
                "hand over",
                "group with its members",
                "groups with their members",
            ),
            _ => (verb, one, many),
        };
        // A new group is tied to its source in the same breath, and one that is handed over to another.
        let of = match kind {
            "link_group" => counts
                .of(kind)
                .saturating_sub(counts.of("create_group") + handed),
            "unlink_group" => counts.of(kind).saturating_sub(handed),
            "move_members" if handed > 0 => handed,
            _ => counts.of(kind),
        };
        if of > 0 {
            let object = if of == 1 { one } else { many };
            parts.push(format!("{verb} {} {object}", written(of)));
        }
    }
    match parts.as_slice() {
        [] => "change nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What people read of a kind of step, of many: `New people`.
#[must_use]
pub fn label(kind: &str) -> &str {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(kind, |(_, label)| *label)
}

/// What one step of a kind is called in a row: `New person`.
#[must_use]
pub fn verb(kind: &str) -> &'static str {
    match kind {
        "create_user" => "Create person",
        "switch_directory" => "Switch directories",
        "move_account" => "Hand over",
        "move_members" => "Hand over members",
        "update_account" => "Change person",
        "link_identity" => "Link identity",
        "reactivate" => "Bring back",
        "deactivate" => "Deactivate",
        "remove_account" => "Remove account",
        "delete_user" => "Delete person",
        "create_group" => "Create group",
        "link_group" => "Tie group to source",
        "rename_group" => "Rename group",
        "unlink_group" => "Make group local",
        "delete_group" => "Delete group",
        "add_member" => "Add to group",
        "remove_member" => "Remove from group",
        _ => "Change",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{Cause, Change};
    use crate::id::{DirectoryId, UserId};
    use crate::record::ExternalId;
    use uuid::Uuid;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn update(attributes: Attributes) -> Action {
        Action::UpdateAccount {
            user: UserId(Uuid::nil()),
            directory: DirectoryId(Uuid::nil()),
            external_id: ExternalId("x".to_owned()),
            attributes,
        }
    }

    #[test]
    fn only_what_differs_is_told_and_what_people_know_comes_first() {
        let before = attributes(&[
            ("username", "ada"),
            ("title", "Reader"),
            ("email", "a@x"),
            ("cube", "7"),
        ]);
        let after = attributes(&[
            ("username", "ada"),
            ("title", "Professor"),
            ("display_name", "Ada"),
            ("cube", "7"),
        ]);
        let step = Step {
            change: Change::new(update(after), Cause::ChangedAtSource),
            subject: "ada".to_owned(),
            undo: vec![Change::new(update(before), Cause::Undone)],
        };
        assert_eq!(
            fields(&step),
            [
                Told::added("Name", "Ada"),
                Told::removed("E-mail", "a@x"),
                Told::changed("title", "Reader", "Professor")
            ]
        );
    }

    #[test]
    fn a_plan_is_told_in_one_sentence() {
        let mut counts = Counts::default();
        assert_eq!(doing(&counts, |n| n.to_string()), "change nothing");
        for (kind, count) in [
            ("deactivate", 412),
            ("create_group", 2),
            ("link_group", 2),
            ("remove_member", 1),
        ] {
            counts
                .steps
                .entry(kind.to_owned())
                .or_default()
                .insert("gone_from_source".to_owned(), count);
        }
        assert_eq!(
            doing(&counts, |n| n.to_string()),
            "deactivate 412 people, create 2 groups and end 1 membership"
        );
    }

    #[test]
    fn a_group_that_is_handed_over_is_told_once() {
        let mut counts = Counts::default();
        for (kind, cause, count) in [
            ("unlink_group", "handed_over", 2),
            ("unlink_group", "gone_from_source", 1),
            ("link_group", "handed_over", 2),
            ("link_group", "new_at_source", 1),
            ("create_group", "new_at_source", 1),
            ("move_members", "handed_over", 1),
        ] {
            let causes = counts.steps.entry(kind.to_owned()).or_default();
            causes.insert(cause.to_owned(), count);
        }
        assert_eq!(
            doing(&counts, |n| n.to_string()),
            "hand over 2 groups with their members, create 1 group and make 1 group local"
        );
    }

    #[test]
    fn every_kind_has_its_words() {
        for (kind, _) in KINDS {
            assert!(VERBS.iter().any(|(known, ..)| *known == kind), "{kind}");
            assert_ne!(verb(kind), "Change", "{kind}");
            assert_ne!(label(kind), kind);
        }
    }
}
