//! What happens with one person.

use uuid::Uuid;

use super::terms::{Leavers, Owner, Protection, Revival, Stated, Terms};
use super::{Reason, Refusal, Step, Verdict};
use crate::change::{Action, Cause, Change};
use crate::id::{DirectoryId, UserId};
use crate::membership::Membership;
use crate::name;
use crate::record::{Attributes, ExternalId, KNOWN, UserRecord};
use crate::user::{Deactivation, State};

/// Longest value of an attribute that is kept, in bytes; a photograph is not one.
pub const LONGEST_VALUE: usize = 4096;
/// Most attributes of a person that are kept.
pub const MOST_ATTRIBUTES: usize = 100;

/// A person who has an account of this directory, as they stand here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HerePerson {
    /// Who.
    pub user: UserId,
    /// Their effective username.
    pub username: String,
    /// Whether they may come in, and if not, who said so.
    pub state: State,
    /// The account's attributes as last applied from the source.
    pub applied: Attributes,
    /// The account's attributes as they are here now.
    pub now: Attributes,
    /// Digest of the record from which `applied` was made, where it is known.
    pub record: Option<String>,
    /// Which directory decides whether they may come in.
    pub owner: Owner,
    /// Whether another directory has an account of theirs.
    pub elsewhere: bool,
    /// Why no source may touch them, if none may.
    pub protected: Option<Protection>,
    /// The account by which they are here, where it is another directory's whose place this one takes.
    pub replaces: Option<(DirectoryId, ExternalId)>,
    /// Their direct memberships, of every origin; needed for leavers who are deleted.
    pub memberships: Vec<Membership>,
}

/// How it stands with the username that the source states.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NameStanding {
    /// Nobody else has or wants it, or it was given to this record.
    Free,
    /// This person has it.
    HeldBy {
        /// Who.
        user: UserId,
        /// Their username, for people.
        username: String,
    },
    /// Another record of the source wants it, too.
    Contended,
    /// It was asked for in a circle.
    Circle,
    /// It is among those that somebody protects against this source: nobody gets it from there, or they could be touched
    /// by it no more.
    Protected,
}

/// One person: what the source says, what is here.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// The account's id at the source.
    pub external_id: &'a ExternalId,
    /// What the source says.
    pub stated: Stated<'a, UserRecord>,
    /// Digest of the record before mapping, where it is known.
    pub record: Option<&'a str>,
    /// The account here, if there is one.
    pub here: Option<&'a HerePerson>,
    /// How it stands with the stated username.
    pub name: NameStanding,
}

/// Decides about one person. `ids` makes the id of a newcomer.
pub fn decide(person: &Person<'_>, terms: &Terms, ids: &mut dyn FnMut() -> Uuid) -> Verdict {
    match (person.stated, person.here) {
        (Stated::Present(record), here) => match usable(record) {
            Err(why) => {
                let reason = Reason::Unusable { why };
                kept_out(person, Some(record), !record.active, reason, terms)
            }
            Ok(()) => match here {
                None => newcomer(person, record, terms, ids),
                Some(here) => known(person, record, here, terms),
            },
        },
        (Stated::Refused { why, off }, _) => {
            let why = why.to_owned();
            kept_out(person, None, off, Reason::Unusable { why }, terms)
        }
        (Stated::FilteredOut(_) | Stated::Absent, None) => Verdict::default(),
        (Stated::FilteredOut(_) | Stated::Absent, Some(here)) => {
            match person.stated.leaves(terms) {
                Some(cause) => leaver(person, here, cause, terms),
                None => Verdict::default(),
            }
        }
    }
}

/// Whether a record can be used, else what is wrong with it.
///
/// # Errors
/// What is wrong, in a sentence.
pub fn usable(record: &UserRecord) -> Result<(), String> {
    let username = record
        .attributes
        .get("username")
        .map(String::as_str)
        .unwrap_or_default();
    name::check_username(username)
        .map_err(|field| format!("The username cannot be used. {}", field.message))?;
    if record.attributes.len() > MOST_ATTRIBUTES {
        return Err(format!("It has more than {MOST_ATTRIBUTES} attributes."));
    }
    for (attribute, value) in &record.attributes {
        if value.len() > LONGEST_VALUE {
            return Err(format!(
                "“{attribute}” is longer than {LONGEST_VALUE} bytes."
            ));
        }
        let is_read_by_people = KNOWN.iter().any(|(known, _)| known == attribute);
        if is_read_by_people && value.chars().any(name::is_refused) {
            return Err(format!(
                "“{attribute}” holds invisible or control characters."
            ));
        }
    }
    Ok(())
}

/// Whether this record's username becomes the person's.
fn names_the_person(here: &HerePerson) -> bool {
    here.owner == Owner::Own
}

/// The name a record would take from somebody or from nobody, as its key; none: it takes none.
#[must_use]
pub fn wants(record: &UserRecord, here: Option<&HerePerson>) -> Option<String> {
    let wanted = name::key(record.attributes.get("username")?);
    match here {
        None if !record.active => None,
        None => Some(wanted),
        Some(here) if !names_the_person(here) || name::key(&here.username) == wanted => None,
        Some(_) => Some(wanted),
    }
}

/// What is left of steps that were decided with a free name, once it shows that the name is not free: the same as
/// [`decide`] gives with that standing.
pub fn denied(drafted: Vec<Step>, standing: &NameStanding) -> Verdict {
    let refusal = drafted.iter().find_map(|step| match &step.change.action {
        Action::CreateUser {
            attributes,
            external_id,
            ..
        }
        | Action::UpdateAccount {
            attributes,
            external_id,
            ..
        }
        | Action::MoveAccount {
            attributes,
            external_id,
            ..
        } => Some(Refusal {
            subject: step.subject.clone(),
            external_id: Some(external_id.clone()),
            reason: why_not(standing, attributes.get("username")?.clone())?,
        }),
        _ => None,
    });
    let Some(refusal) = refusal else {
        return Verdict {
            steps: drafted,
            refusals: Vec::new(),
        };
    };
    let mut verdict = Verdict::refusal(refusal);
    // Whoever is switched off at the source is kept out, whatever their name.
    verdict.steps = drafted;
    verdict
        .steps
        .retain(|step| matches!(step.change.action, Action::Deactivate { .. }));
    verdict
}

fn newcomer(
    person: &Person<'_>,
    record: &UserRecord,
    terms: &Terms,
    ids: &mut dyn FnMut() -> Uuid,
) -> Verdict {
    // Whoever is switched off at the source and unknown here is not made only to be kept out.
    if !record.active {
        return Verdict::default();
    }
    if let Some(reason) = not_free(&person.name, record) {
        return refuse(person, Some(record), reason);
    }
    let user = UserId(ids());
    let create = Action::CreateUser {
        user,
        directory: terms.directory,
        external_id: person.external_id.clone(),
        attributes: record.attributes.clone(),
    };
    Verdict::step(Step {
        change: Change::new(create, Cause::NewAtSource).of_record(person.record),
        subject: username(record).to_owned(),
        undo: vec![Change::new(Action::DeleteUser { user }, Cause::Undone)],
    })
}

fn known(person: &Person<'_>, record: &UserRecord, here: &HerePerson, terms: &Terms) -> Verdict {
    let mut steps = Vec::new();
    steps.extend(updated(person, record, here, terms));
    steps.extend(admitted(record.active, here, terms));
    if steps.is_empty() {
        return Verdict::default();
    }
    if let Some(why) = here.protected {
        return refuse(person, Some(record), Reason::Protected { why });
    }
    let renames = wants(record, Some(here)).is_some();
    match not_free(&person.name, record).filter(|_| renames) {
        Some(reason) => kept_out(person, Some(record), !record.active, reason, terms),
        None => Verdict {
            steps,
            refusals: Vec::new(),
        },
    }
}

/// A record that cannot be followed still keeps its person out: nobody stays in by making their record unusable.
fn kept_out(
    person: &Person<'_>,
    record: Option<&UserRecord>,
    off: bool,
    reason: Reason,
    terms: &Terms,
) -> Verdict {
    let mut verdict = refuse(person, record, reason);
    let here = person.here.filter(|here| here.protected.is_none());
    if let Some(here) = here.filter(|_| off) {
        verdict.steps.extend(admitted(false, here, terms));
    }
    verdict
}

/// The account follows the source, whoever changed it last.
fn updated(
    person: &Person<'_>,
    record: &UserRecord,
    here: &HerePerson,
    terms: &Terms,
) -> Option<Step> {
    if let Some(former) = &here.replaces {
        return Some(handed_over(person, record, here, former, terms));
    }
    if here.now == record.attributes {
        return None;
    }
    let source_is_unchanged = here.applied == record.attributes;
    let record_is_unchanged = person.record.is_some() && person.record == here.record.as_deref();
    let cause = match (source_is_unchanged, record_is_unchanged) {
        (true, _) => Cause::DriftRepaired,
        (false, true) => Cause::MappingChanged,
        (false, false) => Cause::ChangedAtSource,
    };
    let update = |attributes: &Attributes| Action::UpdateAccount {
        user: here.user,
        directory: terms.directory,
        external_id: person.external_id.clone(),
        attributes: attributes.clone(),
    };
    Some(Step {
        change: Change::new(update(&record.attributes), cause).of_record(person.record),
        subject: here.username.clone(),
        undo: vec![undone(update(&here.now), here)],
    })
}

/// What takes a change of an account back, with what the source had said before; nothing known of that is kept as well.
fn undone(action: Action, here: &HerePerson) -> Change {
    let before = here.record.as_deref().unwrap_or_default();
    Change::new(action, Cause::Undone).of_record(Some(before))
}

/// The account takes the place of the one by which the person is here.
fn handed_over(
    person: &Person<'_>,
    record: &UserRecord,
    here: &HerePerson,
    (from, former_id): &(DirectoryId, ExternalId),
    terms: &Terms,
) -> Step {
    let cause = match here.now == record.attributes {
        true => Cause::HandedOver,
        false => Cause::Differs,
    };
    let there = Action::MoveAccount {
        user: here.user,
        from: *from,
        former_id: former_id.clone(),
        directory: terms.directory,
        external_id: person.external_id.clone(),
        attributes: record.attributes.clone(),
    };
    let back = Action::MoveAccount {
        user: here.user,
        from: terms.directory,
        former_id: person.external_id.clone(),
        directory: *from,
        external_id: former_id.clone(),
        attributes: here.now.clone(),
    };
    Step {
        change: Change::new(there, cause).of_record(person.record),
        subject: here.username.clone(),
        undo: vec![undone(back, here)],
    }
}

/// Whether the person may come in follows the source, as far as it is this directory's to say.
fn admitted(active: bool, here: &HerePerson, terms: &Terms) -> Option<Step> {
    if here.owner != Owner::Own {
        return None;
    }
    match (&here.state, active) {
        (State::Active, false) => Some(deactivate(here, Cause::DisabledAtSource, terms)),
        (State::Deactivated(by), true) => {
            let is_ours = by.directory == Some(terms.directory);
            (is_ours || terms.revival == Revival::Everybody).then(|| Step {
                change: Change::new(Action::Reactivate { user: here.user }, Cause::BackAtSource),
                subject: here.username.clone(),
                undo: vec![Change::new(
                    Action::Deactivate {
                        user: here.user,
                        by: by.clone(),
                    },
                    Cause::Undone,
                )],
            })
        }
        (State::Active, true) | (State::Deactivated(_), false) => None,
    }
}

fn leaver(person: &Person<'_>, here: &HerePerson, cause: Cause, terms: &Terms) -> Verdict {
    let step = match &terms.leavers {
        Leavers::Keep | Leavers::LeaveGroups { .. } => None,
        Leavers::Deactivate => (here.owner == Owner::Own && here.state == State::Active)
            .then(|| deactivate(here, cause, terms)),
        Leavers::Delete => Some(delete(person, here, cause, terms)),
    };
    match (step, here.protected) {
        (None, _) => Verdict::default(),
        (Some(_), Some(why)) => refuse(person, None, Reason::Protected { why }),
        (Some(step), None) => Verdict::step(step),
    }
}

fn deactivate(here: &HerePerson, cause: Cause, terms: &Terms) -> Step {
    let by = Deactivation {
        by: terms.name.clone(),
        directory: Some(terms.directory),
        at: terms.at,
        reason: Some(cause.label().to_owned()),
    };
    Step {
        change: Change::new(
            Action::Deactivate {
                user: here.user,
                by,
            },
            cause,
        ),
        subject: here.username.clone(),
        undo: vec![Change::new(
            Action::Reactivate { user: here.user },
            Cause::Undone,
        )],
    }
}

/// The person goes if this directory alone has them; else only its account does.
fn delete(person: &Person<'_>, here: &HerePerson, cause: Cause, terms: &Terms) -> Step {
    let account = |attributes: &Attributes| Action::UpdateAccount {
        user: here.user,
        directory: terms.directory,
        external_id: person.external_id.clone(),
        attributes: attributes.clone(),
    };
    if here.elsewhere {
        let remove = Action::RemoveAccount {
            user: here.user,
            directory: terms.directory,
            external_id: person.external_id.clone(),
        };
        return Step {
            change: Change::new(remove, cause),
            subject: here.username.clone(),
            undo: vec![Change::new(account(&here.now), Cause::Undone)],
        };
    }
    let again = Action::CreateUser {
        user: here.user,
        directory: terms.directory,
        external_id: person.external_id.clone(),
        attributes: here.now.clone(),
    };
    let mut undo = vec![again];
    undo.extend(here.memberships.iter().map(|row| Action::AddMember {
        group: row.group,
        member: row.member,
        origin: row.origin,
    }));
    if let State::Deactivated(by) = &here.state {
        undo.push(Action::Deactivate {
            user: here.user,
            by: by.clone(),
        });
    }
    Step {
        change: Change::new(Action::DeleteUser { user: here.user }, cause),
        subject: here.username.clone(),
        undo: undo
            .into_iter()
            .map(|action| Change::new(action, Cause::Undone))
            .collect(),
    }
}

fn not_free(standing: &NameStanding, record: &UserRecord) -> Option<Reason> {
    why_not(standing, username(record).to_owned())
}

fn why_not(standing: &NameStanding, name: String) -> Option<Reason> {
    match standing {
        NameStanding::Free => None,
        NameStanding::HeldBy { username, .. } => Some(Reason::NameTaken {
            name,
            by: username.clone(),
        }),
        NameStanding::Contended => Some(Reason::NameContended { name }),
        NameStanding::Circle => Some(Reason::NamesInACircle { name }),
        NameStanding::Protected => Some(Reason::NameProtected { name }),
    }
}

fn refuse(person: &Person<'_>, record: Option<&UserRecord>, reason: Reason) -> Verdict {
    let here = person.here.map(|here| here.username.as_str());
    let stated = record
        .map(username)
        .filter(|name| name::check_username(name).is_ok());
    Verdict::refusal(Refusal {
        subject: here.or(stated).unwrap_or(&person.external_id.0).to_owned(),
        external_id: Some(person.external_id.clone()),
        reason,
    })
}

fn username(record: &UserRecord) -> &str {
    record
        .attributes
        .get("username")
        .map(String::as_str)
        .unwrap_or_default()
}
