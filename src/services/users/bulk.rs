//! One action for many people: first exactly what would happen, then that and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{GroupId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::user::{State, User};
use muster_domain::{Error, Kind, name};
use muster_storage::{Reader, elevations, groups, memberships, sessions, users};
use serde_json::json;
use sha2::{Digest as _, Sha256};

mod shut_out;

use super::UserFilter;
use crate::conferral::{self, Knowingly, Picture};
use crate::standing::Standing;
use crate::{Call, Services, guard, lockout, provisioning, roles};

/// People one bulk action may touch. More than a person can look over in a preview is no preview.
pub const CAP: usize = 1000;

/// Who is meant.
#[derive(Clone, PartialEq, Debug)]
pub enum Selection {
    /// These people.
    Ids(Vec<UserId>),
    /// Everybody a filter finds.
    Filter(UserFilter),
}

/// What is to happen to each of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BulkAction {
    /// They may no longer come in.
    Deactivate {
        /// Why; may be empty.
        reason: String,
    },
    /// They may come in again.
    Reactivate,
    /// They join a group, by hand.
    AddToGroup(GroupId),
    /// Their membership by hand ends.
    RemoveFromGroup(GroupId),
    /// Their sessions end.
    EndSessions,
}

impl BulkAction {
    const fn permission(&self) -> Permission {
        match self {
            Self::EndSessions => Permission::EndSessions,
            _ => Permission::EditPeople,
        }
    }
}

/// One person of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkLine {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// Their name.
    pub display_name: String,
    /// What would happen, or why it does not.
    pub words: String,
}

/// Exactly what would happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BulkPlan {
    /// The action.
    pub action: BulkAction,
    /// The words of the button: "Deactivate 3 people".
    pub button: String,
    /// Whom it changes.
    pub changes: Vec<BulkLine>,
    /// For whom it is so already.
    pub unchanged: Vec<BulkLine>,
    /// For whom it is refused, and why.
    pub refused: Vec<BulkLine>,
    /// Names this very plan; [`apply_bulk`] carries out no other.
    pub fingerprint: String,
    /// Whether carrying it out needs a secure session.
    pub needs_elevation: bool,
    /// Why all of it would be refused although nobody's line is: no superadmin would be known to get in.
    pub shuts_out: Option<String>,
}

/// What deciding needs to know.
struct Facts {
    users: Vec<User>,
    standing: Standing,
    break_glass: BTreeSet<UserId>,
    group: Option<(String, BTreeMap<UserId, BTreeSet<Origin>>)>,
    sessions: BTreeMap<UserId, u64>,
}

/// What one person's line says.
enum Fate {
    Changes(String),
    Unchanged(String),
    Refused(String),
}

/// What an action would do to everybody selected, without doing it.
///
/// # Errors
/// Without permission, when more than [`CAP`] people are selected, or when the group is managed elsewhere.
pub async fn plan_bulk(
    services: &Services,
    call: &Call,
    selection: &Selection,
    action: &BulkAction,
) -> Result<BulkPlan, Error> {
    call.may(action.permission())?;
    let facts = load(services.db(), selection, action, call.at).await?;
    let mut plan = decide(call, action, &facts)?;
    plan.shuts_out = shut_out::foretold(services, &facts.standing, &plan).await?;
    Ok(plan)
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkDone {
    /// People it changed.
    pub changed: u64,
    /// Sessions that ended with it.
    pub sessions_ended: u64,
}

/// Carries out the plan with this fingerprint, and nothing else: when something changed since, it is refused and a
/// new preview is due.
///
/// # Errors
/// As [`plan_bulk`]; `BULK-002` when the plan is another by now; `ELV-001` when it needs a secure session.
pub async fn apply_bulk(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    selection: &Selection,
    action: &BulkAction,
    fingerprint: &str,
) -> Result<BulkDone, Error> {
    call.may(action.permission())?;
    let tx = services.db().begin().await?;
    let before = Picture::of(&tx).await?;
    let ways_in = lockout::before(services, &tx).await?;
    let facts = load(&tx, selection, action, call.at).await?;
    let plan = decide(call, action, &facts)?;
    if plan.fingerprint != fingerprint {
        return Err(Error::new(
            "BULK-002",
            Kind::Conflict,
            "Something changed since you looked at the preview.",
        )
        .next("Look at the new preview, then confirm it."));
    }
    if plan.needs_elevation {
        guard::present(call, elevated)?;
    }
    if plan.changes.is_empty() {
        return Err(Error::new(
            "BULK-003",
            Kind::Invalid,
            "This would change nobody.",
        ));
    }
    let people: Vec<UserId> = plan.changes.iter().map(|line| line.user).collect();
    let (mut events, mut done) = (
        Vec::new(),
        BulkDone {
            changed: 0,
            sessions_ended: 0,
        },
    );
    done.changed = u64::try_from(people.len()).unwrap_or(u64::MAX);
    done.sessions_ended = match action {
        BulkAction::Deactivate { .. } | BulkAction::EndSessions => people
            .iter()
            .filter_map(|user| facts.sessions.get(user))
            .sum(),
        _ => 0,
    };
    if *action == BulkAction::EndSessions {
        for line in &plan.changes {
            let ended = sessions::revoke_of_user(&tx, line.user, None).await?;
            elevations::drop_of_user(&tx, line.user, call.at).await?;
            let detail = json!({ "ended": ended, "bulk": fingerprint });
            events.push(call.event("session.end_all", &line.username, Some(line.user.0), detail));
        }
    } else {
        let changes = changes(call, action, &people);
        events = provisioning::apply(services, call, &tx, &changes).await?;
        ways_in.holds(&tx).await?;
        let along = conferral::weigh(call, &tx, &before, Knowingly::No).await?;
        conferral::note(&mut events, &along);
    }
    tx.commit(&events).await?;
    Ok(done)
}

fn changes(call: &Call, action: &BulkAction, people: &[UserId]) -> Vec<Change> {
    let one = |user: UserId| match action {
        BulkAction::Deactivate { reason } => {
            let reason = Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty());
            Action::Deactivate {
                user,
                by: super::deactivation(call, reason),
            }
        }
        BulkAction::Reactivate | BulkAction::EndSessions => Action::Reactivate { user },
        BulkAction::AddToGroup(group) => Action::AddMember {
            group: *group,
            member: Member::User(user),
            origin: Origin::Manual,
        },
        BulkAction::RemoveFromGroup(group) => Action::RemoveMember {
            group: *group,
            member: Member::User(user),
            origin: Origin::Manual,
        },
    };
    people
        .iter()
        .map(|user| Change::new(one(*user), Cause::ByHand))
        .collect()
}

async fn load(
    reader: &impl Reader,
    selection: &Selection,
    action: &BulkAction,
    now: DateTime<Utc>,
) -> Result<Facts, Error> {
    let cap = u64::try_from(CAP).unwrap_or(u64::MAX);
    let ids = match selection {
        Selection::Ids(ids) => {
            let unique: BTreeSet<UserId> = ids.iter().copied().collect();
            unique.into_iter().collect()
        }
        Selection::Filter(filter) => users::ids(reader, filter, cap + 1).await?,
    };
    if ids.len() > CAP {
        return Err(Error::new(
            "BULK-001",
            Kind::TooLarge,
            format!("More than {CAP} people are selected."),
        )
        .next("Narrow the selection with a filter and do it in parts."));
    }
    let mut users = users::get_many(reader, &ids).await?;
    users.sort_by_cached_key(|user| (name::key(&user.display_name), user.id));
    let group = match action {
        BulkAction::AddToGroup(group) | BulkAction::RemoveFromGroup(group) => {
            Some(members(reader, *group, &users).await?)
        }
        _ => None,
    };
    let sessions = match action {
        BulkAction::Deactivate { .. } | BulkAction::EndSessions => {
            sessions_of(reader, &users, now).await?
        }
        _ => BTreeMap::new(),
    };
    Ok(Facts {
        standing: roles::standing(reader).await?,
        break_glass: super::access::break_glass(reader).await?,
        users,
        group,
        sessions,
    })
}

async fn members(
    reader: &impl Reader,
    group: GroupId,
    users: &[User],
) -> Result<(String, BTreeMap<UserId, BTreeSet<Origin>>), Error> {
    let found = groups::get(reader, group)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    let people: Vec<Member> = users.iter().map(|user| Member::User(user.id)).collect();
    let mut origins: BTreeMap<UserId, BTreeSet<Origin>> = BTreeMap::new();
    for row in memberships::of_members(reader, &people).await? {
        if let Some(user) = row.member.user().filter(|_| row.group == group) {
            origins.entry(user).or_default().insert(row.origin);
        }
    }
    Ok((found.name, origins))
}

async fn sessions_of(
    reader: &impl Reader,
    users: &[User],
    now: DateTime<Utc>,
) -> Result<BTreeMap<UserId, u64>, Error> {
    let wanted: Vec<UserId> = users.iter().map(|user| user.id).collect();
    Ok(sessions::count_of_users(reader, &wanted, now)
        .await?
        .into_iter()
        .collect())
}

fn decide(call: &Call, action: &BulkAction, facts: &Facts) -> Result<BulkPlan, Error> {
    if let BulkAction::Deactivate { reason } = action {
        super::checked_reason(reason)?;
    }
    let own = call.user().map(|user| user.id);
    let leaving: BTreeSet<UserId> = facts
        .users
        .iter()
        .map(|user| user.id)
        .filter(|id| Some(*id) != own)
        .collect();
    let (mut changes, mut unchanged, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for user in &facts.users {
        let (list, words) = match fate(call, action, facts, user, &leaving) {
            Fate::Changes(words) => (&mut changes, words),
            Fate::Unchanged(words) => (&mut unchanged, words),
            Fate::Refused(words) => (&mut refused, words),
        };
        list.push(BulkLine {
            user: user.id,
            username: user.username.clone(),
            display_name: user.display_name.clone(),
            words,
        });
    }
    let carries = |group: &GroupId| !facts.standing.carried_by(*group).is_empty();
    let needs_elevation = match action {
        BulkAction::AddToGroup(group) | BulkAction::RemoveFromGroup(group) => carries(group),
        _ => false,
    };
    Ok(BulkPlan {
        button: button(action, facts, changes.len()),
        fingerprint: fingerprint(action, &changes, &refused),
        action: action.clone(),
        changes,
        unchanged,
        refused,
        needs_elevation,
        shuts_out: None,
    })
}

fn fate(
    call: &Call,
    action: &BulkAction,
    facts: &Facts,
    user: &User,
    leaving: &BTreeSet<UserId>,
) -> Fate {
    let public = |error: Error| Fate::Refused(error.public.into_owned());
    match action {
        BulkAction::Deactivate { .. } => {
            if let State::Deactivated(by) = &user.state {
                return Fate::Unchanged(format!("Deactivated by {} already.", by.by));
            }
            match guard::deactivation_refused(
                call,
                &facts.standing,
                user,
                leaving,
                &facts.break_glass,
            ) {
                Some(refused) => public(refused),
                None => Fate::Changes(with_sessions("Can sign in no more", facts, user.id)),
            }
        }
        BulkAction::Reactivate => match &user.state {
            State::Active => Fate::Unchanged("Active already.".to_owned()),
            State::Deactivated(by) => match guard::may_alter(call, &facts.standing, user.id) {
                Ok(()) => {
                    Fate::Changes(format!("Can sign in again; was deactivated by {}.", by.by))
                }
                Err(error) => public(error),
            },
        },
        BulkAction::EndSessions => match facts.sessions.get(&user.id) {
            _ if call.user().is_some_and(|caller| caller.id == user.id) => {
                Fate::Refused("This would end the session you are using.".to_owned())
            }
            Some(many) if *many > 0 => Fate::Changes(with_sessions("", facts, user.id)),
            _ => Fate::Unchanged("Has no session.".to_owned()),
        },
        BulkAction::AddToGroup(group) | BulkAction::RemoveFromGroup(group) => {
            membership_fate(call, action, facts, user, *group)
        }
    }
}

fn membership_fate(
    call: &Call,
    action: &BulkAction,
    facts: &Facts,
    user: &User,
    group: GroupId,
) -> Fate {
    let Some((name, members)) = &facts.group else {
        return Fate::Refused("There is no such group.".to_owned());
    };
    let carried = facts.standing.carried_by(group);
    if let Some(role) = carried
        .first()
        .filter(|_| !call.can(Permission::ManageRoles))
    {
        return Fate::Refused(format!(
            "{name} carries the role {}. Only a superadmin may change who is in it.",
            role.label()
        ));
    }
    let origins = members.get(&user.id);
    let by_hand = origins.is_some_and(|origins| origins.contains(&Origin::Manual));
    let others =
        origins.is_some_and(|origins| origins.iter().any(|origin| *origin != Origin::Manual));
    match (action, by_hand, others) {
        (BulkAction::AddToGroup(_), true, _) => {
            Fate::Unchanged(format!("In {name} by hand already."))
        }
        (BulkAction::AddToGroup(_), false, true) => Fate::Changes(format!(
            "In {name} by hand too, beside the source that put them there."
        )),
        (BulkAction::AddToGroup(_), false, false) => Fate::Changes(format!("Joins {name}.")),
        (_, true, false) => Fate::Changes(format!("Leaves {name}.")),
        (_, true, true) => Fate::Changes(format!(
            "Stays in {name} by a source; the membership by hand ends."
        )),
        (_, false, true) => {
            Fate::Refused(format!("A source put them into {name}. Change it there."))
        }
        (_, false, false) => Fate::Unchanged(format!("Not in {name} directly.")),
    }
}

fn with_sessions(words: &str, facts: &Facts, user: UserId) -> String {
    let ended = match facts.sessions.get(&user).copied().unwrap_or_default() {
        0 => String::new(),
        1 => "one session ends".to_owned(),
        many => format!("{many} sessions end"),
    };
    match (words.is_empty(), ended.is_empty()) {
        (_, true) => format!("{words}."),
        (true, false) => {
            let mut letters = ended.chars();
            let first = letters
                .next()
                .map(|c| c.to_uppercase().to_string())
                .unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
        (false, false) => format!("{words}; {ended}."),
    }
}

fn button(action: &BulkAction, facts: &Facts, many: usize) -> String {
    let people = if many == 1 {
        "1 person".to_owned()
    } else {
        format!("{many} people")
    };
    let group = facts
        .group
        .as_ref()
        .map(|(name, _)| name.as_str())
        .unwrap_or_default();
    match action {
        BulkAction::Deactivate { .. } => format!("Deactivate {people}"),
        BulkAction::Reactivate => format!("Reactivate {people}"),
        BulkAction::AddToGroup(_) => format!("Add {people} to {group}"),
        BulkAction::RemoveFromGroup(_) => format!("Remove {people} from {group}"),
        BulkAction::EndSessions => format!("End the sessions of {people}"),
    }
}

/// What the preview showed, as one short text: who changes, who is refused, and by which action. How many sessions
/// end is left out: people sign in and out all the time.
fn fingerprint(action: &BulkAction, changes: &[BulkLine], refused: &[BulkLine]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{action:?}"));
    for (mark, lines) in [("+", changes), ("!", refused)] {
        for line in lines {
            hasher.update(mark);
            hasher.update(line.user.0.as_bytes());
        }
    }
    hasher
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
