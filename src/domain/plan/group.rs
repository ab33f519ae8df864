//! What happens with one group, its members apart.

use uuid::Uuid;

use super::terms::{Protection, Stated, Terms};
use super::{Reason, Refusal, Step, Verdict};
use crate::change::{Action, Cause, Change};
use crate::id::GroupId;
use crate::name;
use crate::record::{ExternalId, GroupRecord};

/// A group of this directory, as it stands here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HereGroup {
    /// Which.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether anything but this directory holds on to it: members of another origin, another directory, a role.
    pub held: bool,
    /// Why no source may touch it, if none may.
    pub protected: Option<Protection>,
}

/// One group: what the source says, what is here.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Its id at the source.
    pub external_id: &'a ExternalId,
    /// What the source says.
    pub stated: Stated<'a, GroupRecord>,
    /// The group here, if there is one.
    pub here: Option<&'a HereGroup>,
    /// Who else has or wants the stated name: a reason to refuse it.
    pub name: Option<Reason>,
}

/// The name a record would take, as its key; none: it takes none.
#[must_use]
pub fn wants(record: &GroupRecord, here: Option<&HereGroup>) -> Option<String> {
    let wanted = name::key(&record.name);
    here.is_none_or(|here| name::key(&here.name) != wanted)
        .then_some(wanted)
}

/// Decides about one group. `ids` makes the id of a new one.
pub fn decide(group: &Group<'_>, terms: &Terms, ids: &mut dyn FnMut() -> Uuid) -> Verdict {
    match (group.stated, group.here) {
        (Stated::Present(record), here) => {
            let name = match name::check_group_name(&record.name) {
                Ok(name) => name,
                Err(field) => {
                    let why = format!("The group's name cannot be used. {}", field.message);
                    return refuse(group, Reason::Unusable { why });
                }
            };
            match here {
                None => newcomer(group, name, terms, ids),
                Some(here) => known(group, here, name),
            }
        }
        (Stated::Refused { why, .. }, _) => refuse(
            group,
            Reason::Unusable {
                why: why.to_owned(),
            },
        ),
        (Stated::FilteredOut(_) | Stated::Absent, None) => Verdict::default(),
        (Stated::FilteredOut(_) | Stated::Absent, Some(here)) => match group.stated.leaves(terms) {
            None => Verdict::default(),
            Some(cause) => match here.protected {
                Some(why) => refuse(group, Reason::Protected { why }),
                None => Verdict::step(leaver(group, here, cause, terms)),
            },
        },
    }
}

fn newcomer(
    group: &Group<'_>,
    name: String,
    terms: &Terms,
    ids: &mut dyn FnMut() -> Uuid,
) -> Verdict {
    if let Some(reason) = &group.name {
        return refuse(group, reason.clone());
    }
    let id = GroupId(ids());
    let create = Action::CreateGroup {
        group: id,
        name: name.clone(),
        description: String::new(),
        directory: Some(terms.directory),
    };
    let link = link(group, id, terms);
    let delete = Action::DeleteGroup { group: id };
    Verdict {
        steps: vec![
            Step {
                change: Change::new(create, Cause::NewAtSource),
                subject: name.clone(),
                undo: vec![Change::new(delete, Cause::Undone)],
            },
            Step {
                change: Change::new(link, Cause::NewAtSource),
                subject: name,
                undo: vec![Change::new(unlink(group, id, terms), Cause::Undone)],
            },
        ],
        refusals: Vec::new(),
    }
}

fn known(group: &Group<'_>, here: &HereGroup, name: String) -> Verdict {
    if here.name == name {
        return Verdict::default();
    }
    if let Some(why) = here.protected {
        return refuse(group, Reason::Protected { why });
    }
    // A change of case alone takes nobody's name.
    if let Some(reason) = group
        .name
        .clone()
        .filter(|_| name::key(&here.name) != name::key(&name))
    {
        return refuse(group, reason);
    }
    let rename = |name: &str| Action::RenameGroup {
        group: here.group,
        name: name.to_owned(),
    };
    Verdict::step(Step {
        change: Change::new(rename(&name), Cause::ChangedAtSource),
        subject: here.name.clone(),
        undo: vec![Change::new(rename(&here.name), Cause::Undone)],
    })
}

/// What anything else holds on to stays as a local group.
fn leaver(group: &Group<'_>, here: &HereGroup, cause: Cause, terms: &Terms) -> Step {
    let subject = here.name.clone();
    let link = Change::new(link(group, here.group, terms), Cause::Undone);
    if here.held {
        let change = Change::new(unlink(group, here.group, terms), cause);
        return Step {
            change,
            subject,
            undo: vec![link],
        };
    }
    let again = Action::CreateGroup {
        group: here.group,
        name: here.name.clone(),
        description: here.description.clone(),
        directory: Some(terms.directory),
    };
    Step {
        change: Change::new(Action::DeleteGroup { group: here.group }, cause),
        subject,
        undo: vec![Change::new(again, Cause::Undone), link],
    }
}

fn link(group: &Group<'_>, id: GroupId, terms: &Terms) -> Action {
    Action::LinkGroup {
        group: id,
        directory: terms.directory,
        external_id: group.external_id.clone(),
    }
}

fn unlink(group: &Group<'_>, id: GroupId, terms: &Terms) -> Action {
    Action::UnlinkGroup {
        group: id,
        directory: terms.directory,
        external_id: group.external_id.clone(),
    }
}

fn refuse(group: &Group<'_>, reason: Reason) -> Verdict {
    let stated = match group.stated {
        Stated::Present(record) if name::check_group_name(&record.name).is_ok() => {
            Some(record.name.as_str())
        }
        _ => None,
    };
    let here = group.here.map(|here| here.name.as_str());
    Verdict::refusal(Refusal {
        subject: here.or(stated).unwrap_or(&group.external_id.0).to_owned(),
        external_id: Some(group.external_id.clone()),
        reason,
    })
}
