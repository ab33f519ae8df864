//! The decision taken at a sign-in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::groups::{Effect, GroupStep, Work};
use super::known::{Arrival, Known, KnownMembership, KnownUser};
use super::person;
use super::told::{About, Note, listed, shown};
use super::{Create, JitRules, Refusal, Update};
use crate::change::{Action, Cause, Change};
use crate::id::UserId;
use crate::name;
use crate::record::{Attributes, ExternalId, KNOWN};
use crate::user::State;
use crate::vendor::Vendor;

/// How a sign-in ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "detail")]
pub enum Outcome {
    /// This known user signs in.
    SignIn(UserId),
    /// This user is created and signs in.
    Create(UserId),
    /// Nobody signs in.
    Refused(Refusal),
}

impl Outcome {
    /// Who signs in, if anybody does.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::SignIn(user) | Self::Create(user) => Some(*user),
            Self::Refused(_) => None,
        }
    }
}

/// One attribute that changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttributeChange {
    /// Its name, such as `email`.
    pub name: String,
    /// Value as last applied.
    pub before: Option<String>,
    /// Value as stated now.
    pub after: Option<String>,
}

/// What happens at one sign-in, with everything it rests on. A refusal has no changes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[must_use]
pub struct Decision {
    /// How it ends.
    pub outcome: Outcome,
    /// What changes, in the order in which it is to be applied.
    pub changes: Vec<Change>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// The username here: of the known user, of the one who would be created, or of the one refused.
    pub username: Option<String>,
    /// The attributes as they stand afterwards.
    pub attributes: Attributes,
    /// Which attributes of a known user change.
    pub updates: Vec<AttributeChange>,
    /// What happens with each group, and why.
    pub groups: Vec<GroupStep>,
}

/// The id of the account that a provider's directory keeps for a person: issuer and subject.
#[must_use]
pub fn external_id(issuer: &str, subject: &str) -> ExternalId {
    ExternalId(format!("{issuer}|{subject}"))
}

/// Decides about one arrival. Pure; `ids` makes the ids of what is created.
///
/// Applying the changes and deciding again yields none: a sign-in says what *is*, not what is to be added.
pub fn decide(
    arrival: &Arrival<'_>,
    known: &Known,
    rules: &JitRules,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    match &known.linked {
        Some(user) => returning(arrival, known, user, rules, ids),
        None => newcomer(arrival, known, rules, ids),
    }
}

fn refused(refusal: Refusal, username: Option<String>, notes: Vec<Note>) -> Decision {
    Decision {
        outcome: Outcome::Refused(refusal),
        changes: Vec::new(),
        notes,
        username,
        attributes: Attributes::new(),
        updates: Vec::new(),
        groups: Vec::new(),
    }
}

fn newcomer(
    arrival: &Arrival<'_>,
    known: &Known,
    rules: &JitRules,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    let mut notes = same_email(known);
    if let Some(refusal) = not_let_in(arrival, rules) {
        return refused(refusal, None, notes);
    }
    let username = match person::username(arrival, rules) {
        Ok(username) => username,
        Err(refusal) => return refused(refusal, None, notes),
    };
    if let Some(taken) = &known.username_taken_by {
        let refusal = Refusal::UsernameTaken {
            username: username.clone(),
            here: taken.username.clone(),
            by: taken.user,
        };
        return refused(refusal, Some(username), notes);
    }
    let user = UserId(ids());
    let attributes = person::attributes(arrival.claims, Some(&username), None, &mut notes);
    let create = Action::CreateUser {
        user,
        directory: arrival.provider.directory,
        external_id: external_id(arrival.issuer, arrival.subject),
        attributes: attributes.clone(),
    };
    let link = Action::LinkIdentity {
        user,
        provider: arrival.provider.id,
        issuer: arrival.issuer.to_owned(),
        subject: arrival.subject.to_owned(),
    };
    let changes = vec![
        Change::new(create, Cause::NewAtSource),
        Change::new(link, Cause::NewAtSource),
    ];
    let decision = Decision {
        outcome: Outcome::Create(user),
        changes,
        notes,
        username: Some(username),
        attributes,
        updates: Vec::new(),
        groups: Vec::new(),
    };
    with_groups(decision, arrival, known, &[], rules, user, ids)
}

fn returning(
    arrival: &Arrival<'_>,
    known: &Known,
    user: &KnownUser,
    rules: &JitRules,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    if let State::Deactivated(by) = &user.state {
        let refusal = Refusal::Deactivated {
            user: user.id,
            username: user.username.clone(),
            by: by.clone(),
        };
        return refused(refusal, Some(user.username.clone()), Vec::new());
    }
    let mut notes = Vec::new();
    let last = user.attributes.as_ref();
    let mut attributes = last.cloned().unwrap_or_default();
    let mut changes = Vec::new();
    let mut updates = Vec::new();
    if rules.update == Update::Always || last.is_none() {
        let username = new_username(arrival, known, user, rules, &mut notes);
        attributes = person::attributes(arrival.claims, username.as_deref(), last, &mut notes);
        if last != Some(&attributes) {
            updates = differences(last, &attributes);
            let action = Action::UpdateAccount {
                user: user.id,
                directory: arrival.provider.directory,
                external_id: external_id(arrival.issuer, arrival.subject),
                attributes: attributes.clone(),
            };
            let cause = last.map_or(Cause::NewAtSource, |_| Cause::ChangedAtSource);
            changes.push(Change::new(action, cause));
        }
    }
    let decision = Decision {
        outcome: Outcome::SignIn(user.id),
        changes,
        notes,
        username: Some(user.username.clone()),
        attributes,
        updates,
        groups: Vec::new(),
    };
    with_groups(
        decision,
        arrival,
        known,
        &user.memberships,
        rules,
        user.id,
        ids,
    )
}

fn with_groups(
    mut decision: Decision,
    arrival: &Arrival<'_>,
    known: &Known,
    memberships: &[KnownMembership],
    rules: &JitRules,
    user: UserId,
    ids: &mut dyn FnMut() -> Uuid,
) -> Decision {
    let mut work = Work {
        arrival,
        rules,
        user,
        groups: &known.groups_by_key,
        memberships,
        ids,
        changes: Vec::new(),
        steps: Vec::new(),
        notes: Vec::new(),
        created: BTreeMap::new(),
    };
    work.run();
    decision.changes.append(&mut work.changes);
    decision.notes.append(&mut work.notes);
    decision.groups = work.steps;
    decision
}

/// The username that a known user gets, if the provider states one that can be had; else the one they have stays.
fn new_username(
    arrival: &Arrival<'_>,
    known: &Known,
    user: &KnownUser,
    rules: &JitRules,
    notes: &mut Vec<Note>,
) -> Option<String> {
    let problem = match person::username(arrival, rules) {
        Ok(username) => match &known.username_taken_by {
            Some(taken) if taken.user != user.id => Refusal::UsernameTaken {
                username,
                here: taken.username.clone(),
                by: taken.user,
            },
            _ => return Some(username),
        },
        Err(problem) => problem,
    };
    let text = format!(
        "{} “{}” stays as it is.",
        problem.public(),
        shown(&user.username)
    );
    notes.push(Note::new(About::Username, text));
    None
}

/// Whether the creation rule keeps somebody unknown out.
fn not_let_in(arrival: &Arrival<'_>, rules: &JitRules) -> Option<Refusal> {
    let provider = arrival.provider.name.clone();
    match rules.create {
        Create::Everybody => return None,
        Create::Nobody => return Some(Refusal::NotCreated { provider }),
        Create::OnlyDomains => {}
    }
    let email = person::email(arrival.claims);
    let verified = email
        .clone()
        .filter(|_| arrival.claims.is_true("email_verified"));
    let Some(verified) = verified else {
        return Some(Refusal::EmailNotVerified { provider, email });
    };
    let domain = verified
        .rsplit_once('@')
        .map(|(_, domain)| domain)
        .unwrap_or_default();
    if !is_among(domain, &arrival.provider.domains) {
        let domain = domain.to_owned();
        return Some(Refusal::DomainNotAllowed { provider, domain });
    }
    // Anybody can make a private Google account with a company address they can read once: only `hd` tells that the
    // organisation manages the account.
    let organisation = arrival.claims.text("hd").unwrap_or_default();
    let managed = is_among(organisation, &arrival.provider.domains);
    (arrival.provider.vendor == Vendor::Google && !managed)
        .then_some(Refusal::NotOfOrganisation { provider })
}

fn is_among(domain: &str, domains: &[String]) -> bool {
    let wanted = name::domain_key(domain);
    wanted.is_some()
        && domains
            .iter()
            .any(|allowed| name::domain_key(allowed) == wanted)
}

fn same_email(known: &Known) -> Vec<Note> {
    if known.same_email.is_empty() {
        return Vec::new();
    }
    let names = listed(known.same_email.iter().map(String::as_str));
    let text = format!(
        "Somebody here states the same e-mail address: {names}. That alone proves nothing, so they stay apart; an administrator can link the two."
    );
    vec![Note::new(About::SameEmail, text)]
}

fn differences(last: Option<&Attributes>, now: &Attributes) -> Vec<AttributeChange> {
    let empty = Attributes::new();
    let last = last.unwrap_or(&empty);
    let names: std::collections::BTreeSet<&String> = last.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter(|name| last.get(*name) != now.get(*name))
        .map(|name| AttributeChange {
            name: name.clone(),
            before: last.get(name).cloned(),
            after: now.get(name).cloned(),
        })
        .collect()
}

impl Decision {
    /// What would happen and why, a sentence each: the test sign-in page.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let username = shown(self.username.as_deref().unwrap_or_default());
        let mut told = match &self.outcome {
            Outcome::SignIn(_) => vec![format!(
                "Matches the user “{username}”, who is linked to this issuer and subject."
            )],
            Outcome::Create(_) => vec![
                "Nobody here is linked to this issuer and subject.".to_owned(),
                format!("Would create the user “{username}”{}.", self.described()),
            ],
            Outcome::Refused(refusal) => vec![
                format!("Would stay out: {} ({})", refusal.public(), refusal.code()),
                refusal.next().to_owned(),
            ],
        };
        told.extend(self.updates.iter().map(AttributeChange::words));
        let steps = self
            .groups
            .iter()
            .filter(|step| step.effect != Effect::Ignored);
        told.extend(steps.map(GroupStep::words));
        told.extend(self.notes.iter().map(|note| note.text.clone()));
        told
    }

    fn described(&self) -> String {
        let parts: Vec<String> = KNOWN
            .iter()
            .filter(|(name, _)| matches!(*name, "display_name" | "email"))
            .filter_map(|(name, label)| {
                Some(format!(
                    "{} “{}”",
                    label.to_lowercase(),
                    shown(self.attributes.get(*name)?)
                ))
            })
            .collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(" with {}", parts.join(" and "))
        }
    }
}

impl AttributeChange {
    /// In a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let label = KNOWN
            .iter()
            .find(|(name, _)| *name == self.name)
            .map_or(self.name.as_str(), |(_, label)| label);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!(
                "{label} changes from “{}” to “{}”.",
                shown(before),
                shown(after)
            ),
            (None, Some(after)) => format!("{label} becomes “{}”.", shown(after)),
            (Some(before), None) => format!("{label} “{}” is removed.", shown(before)),
            (None, None) => format!("{label} stays empty."),
        }
    }
}

impl GroupStep {
    /// In a sentence or two.
    #[must_use]
    pub fn words(&self) -> String {
        let name = shown(&self.name);
        let effect = match self.effect {
            Effect::Created => format!("Creates the group “{name}” and joins it"),
            Effect::Joins => format!("Joins “{name}”"),
            Effect::Stays => format!("Stays in “{name}”"),
            Effect::Leaves => format!("Leaves “{name}”"),
            Effect::Ignored => format!("Ignores “{name}”"),
        };
        format!("{effect}. {}", self.why)
    }
}
