//! A plan's step in text, as it is kept and as it is hashed: a membership in a line, since a first sync makes hundreds of
//! thousands of them; everything else in JSON. Its subject, who it is about, stands beside it. Equal steps are equal text:
//! maps in it are ordered.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Step;
use crate::change::{Action, Cause, Change};
use crate::id::GroupId;
use crate::membership::{Member, Origin};

/// A step in JSON.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    change: Change,
    undo: Vec<Change>,
}

/// A step as text.
///
/// # Errors
/// When it cannot be written, which would be a defect.
pub fn of(step: &Step) -> Result<String, serde_json::Error> {
    if let Some(line) = to_line(step) {
        return Ok(line);
    }
    serde_json::to_string(&Kept {
        change: step.change.clone(),
        undo: step.undo.clone(),
    })
}

/// A step from its text and its subject.
///
/// # Errors
/// Why it is none.
pub fn read(text: &str, subject: String) -> Result<Step, serde_json::Error> {
    if text.starts_with('{') {
        let kept: Kept = serde_json::from_str(text)?;
        return Ok(Step {
            change: kept.change,
            subject,
            undo: kept.undo,
        });
    }
    let no_line = || serde::de::Error::custom("this is no line about a membership");
    let (change, undo) = from_line(text).ok_or_else(no_line)?;
    Ok(Step {
        change,
        subject,
        undo: vec![undo],
    })
}

/// `+ new_at_source GROUP user MEMBER ORIGIN`, or `-` for a membership that ends; ids are 32 hexadecimal digits. Only a
/// membership that is undone by its opposite, and whose cause is told by its word alone, fits into a line.
fn to_line(step: &Step) -> Option<String> {
    let [undo] = step.undo.as_slice() else {
        return None;
    };
    let is_bare = bare(step.change.cause.word()).as_ref() == Some(&step.change.cause)
        && step.change.raw.is_none()
        && undo.raw.is_none();
    if !is_bare || undo.cause != Cause::Undone || undo.action != opposite(&step.change.action)? {
        return None;
    }
    let (sign, group, member, origin) = match &step.change.action {
        Action::AddMember {
            group,
            member,
            origin,
        } => ("+ ", group, member, origin),
        Action::RemoveMember {
            group,
            member,
            origin,
        } => ("- ", group, member, origin),
        _ => return None,
    };
    let mut digits = [[0; 32]; 2];
    let [of_group, of_member] = &mut digits;
    let line = [
        sign,
        step.change.cause.word(),
        " ",
        group.0.simple().encode_lower(of_group),
        " ",
        member.kind(),
        " ",
        member.id().simple().encode_lower(of_member),
        " ",
        &origin.key(),
    ];
    Some(line.concat())
}

fn from_line(line: &str) -> Option<(Change, Change)> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let sign = word()?;
    let cause = bare(word()?)?;
    let group = GroupId(Uuid::parse_str(word()?).ok()?);
    let kind = word()?;
    let member = Member::from_columns(kind, Uuid::parse_str(word()?).ok()?)?;
    let origin = Origin::from_key(word()?)?;
    if word().is_some() {
        return None;
    }
    let action = match sign {
        "+" => Action::AddMember {
            group,
            member,
            origin,
        },
        "-" => Action::RemoveMember {
            group,
            member,
            origin,
        },
        _ => return None,
    };
    let undo = opposite(&action)?;
    Some((Change::new(action, cause), Change::new(undo, Cause::Undone)))
}

const fn opposite(action: &Action) -> Option<Action> {
    match *action {
        Action::AddMember {
            group,
            member,
            origin,
        } => Some(Action::RemoveMember {
            group,
            member,
            origin,
        }),
        Action::RemoveMember {
            group,
            member,
            origin,
        } => Some(Action::AddMember {
            group,
            member,
            origin,
        }),
        _ => None,
    }
}

/// The cause that its word alone tells.
fn bare(word: &str) -> Option<Cause> {
    [
        Cause::NewAtSource,
        Cause::ChangedAtSource,
        Cause::GoneFromSource,
        Cause::MappingChanged,
        Cause::DisabledAtSource,
        Cause::BackAtSource,
        Cause::DriftRepaired,
        Cause::HandedOver,
        Cause::Differs,
        Cause::Undone,
        Cause::ByHand,
    ]
    .into_iter()
    .find(|cause| cause.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{DirectoryId, ProviderId, UserId};
    use proptest::prelude::*;

    fn id() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    fn origin() -> impl Strategy<Value = Origin> {
        (id(), 0..4).prop_map(|(id, which)| match which {
            0 => Origin::Manual,
            1 => Origin::Claims(ProviderId(id)),
            2 => Origin::Default(ProviderId(id)),
            _ => Origin::Directory(DirectoryId(id)),
        })
    }

    fn cause() -> impl Strategy<Value = Cause> {
        prop_oneof![
            Just(Cause::NewAtSource),
            Just(Cause::GoneFromSource),
            Just(Cause::DriftRepaired),
            Just(Cause::Undone),
            ".{0,8}".prop_map(Cause::FilteredOut),
            ".{0,8}".prop_map(Cause::Rule),
        ]
    }

    fn action() -> impl Strategy<Value = Action> {
        let member = prop_oneof![
            id().prop_map(|id| Member::User(UserId(id))),
            id().prop_map(|id| Member::Group(GroupId(id)))
        ];
        (id(), member, origin(), 0..3).prop_map(|(group, member, origin, which)| {
            let group = GroupId(group);
            match which {
                0 => Action::AddMember {
                    group,
                    member,
                    origin,
                },
                1 => Action::RemoveMember {
                    group,
                    member,
                    origin,
                },
                _ => Action::DeleteGroup { group },
            }
        })
    }

    fn step() -> impl Strategy<Value = Step> {
        let undo = proptest::collection::vec((action(), cause()), 0..3);
        (action(), cause(), undo, any::<bool>(), ".{0,8}").prop_map(
            |(action, cause, undo, is_plain, subject)| {
                let undo = match opposite(&action) {
                    Some(opposite) if is_plain => vec![Change::new(opposite, Cause::Undone)],
                    _ => undo
                        .into_iter()
                        .map(|(action, cause)| Change::new(action, cause))
                        .collect(),
                };
                Step {
                    change: Change::new(action, cause),
                    subject,
                    undo,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_is_kept_is_read_back(step in step()) {
            let text = of(&step).expect("text");
            prop_assert_eq!(read(&text, step.subject.clone()).expect("a step"), step);
        }
    }

    #[test]
    fn what_the_source_states_of_a_member_is_a_line() {
        let (group, member, origin) = (
            GroupId(Uuid::from_u128(1)),
            Member::User(UserId(Uuid::from_u128(2))),
            Origin::Manual,
        );
        let add = Action::AddMember {
            group,
            member,
            origin,
        };
        let remove = Action::RemoveMember {
            group,
            member,
            origin,
        };
        let step = Step {
            change: Change::new(add, Cause::NewAtSource),
            subject: "anna in sales".to_owned(),
            undo: vec![Change::new(remove, Cause::Undone)],
        };
        let line = of(&step).expect("text");
        assert_eq!(
            line,
            "+ new_at_source 00000000000000000000000000000001 user 00000000000000000000000000000002 manual"
        );
        for broken in [
            "+",
            "? new_at_source 1 user 2 manual",
            "+ rule 1 user 2 manual",
        ] {
            assert!(read(broken, String::new()).is_err(), "{broken}");
        }
        assert!(read(&format!("{line} more"), String::new()).is_err());
    }
}
