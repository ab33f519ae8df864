//! What somebody gets along with a role without seeing it: identity providers whose rules decide who is in the group
//! that carries it (C18), and ways in that others opened to the person who holds it, with all that was opened from there
//! (O78, [`muster_domain::opener`]).
//!
//! Both are legitimate and both are how a role is stolen, so whoever confers a role is told and has to confirm, in
//! whatever order grant, nesting, rules and ways in came to be. A part of this program is not asked; it goes on record
//! all the same.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::audit::AuditEvent;
use muster_domain::id::{GroupId, ProviderId, UserId};
use muster_domain::name;
use muster_domain::role::Role;
use muster_domain::{Error, Kind};
use muster_storage::opened::{self, Opened, What};
use muster_storage::{Tx, groups, providers, users};
use serde_json::{Value, json};

use crate::standing::Standing;
use crate::{Call, Who, roles};

/// Whether whoever confers a role was told what goes along with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Knowingly {
    /// They confirm it.
    Yes,
    /// Not yet: if there is something to tell, it is refused.
    No,
}

/// How many of a kind are named in a sentence.
const NAMED: usize = 3;
/// How many of a kind go on record.
const RECORDED: usize = 50;

/// A group that carries a role and is filled by the rules of a provider.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Fill {
    group: GroupId,
    role: Role,
    provider: ProviderId,
    /// For everybody who signs in there, or as the claims say.
    everybody: bool,
}

/// Who holds which role, and which groups that carry one are filled by rules: to be taken before and after a change.
pub(crate) struct Picture {
    standing: Standing,
    /// Each with a sentence about it.
    fills: BTreeMap<Fill, String>,
}

impl Picture {
    /// The picture inside a transaction. Transactions that look at it take turns.
    pub(crate) async fn of(tx: &Tx) -> Result<Self, Error> {
        let standing = roles::standing_in(tx).await?;
        let carriers: Vec<GroupId> = standing.privileged_groups().into_iter().collect();
        let providers = providers::list(tx).await?;
        let mut fills = BTreeMap::new();
        for group in groups::get_many(tx, &carriers).await? {
            for provider in &providers {
                let rules = [
                    (false, &provider.jit.managed_groups),
                    (true, &provider.jit.default_groups),
                ];
                for (everybody, patterns) in rules {
                    let fits = |rule: &&String| name::matches_pattern(rule, &group.name);
                    let Some(rule) = patterns.iter().find(fits) else {
                        continue;
                    };
                    let words = format!(
                        "the rules of {} fill {} (“{rule}”)",
                        provider.name, group.name
                    );
                    for role in standing.carried_by(group.id) {
                        let fill = Fill {
                            group: group.id,
                            role,
                            provider: provider.id,
                            everybody,
                        };
                        fills.insert(fill, words.clone());
                    }
                }
            }
        }
        Ok(Self { standing, fills })
    }

    pub(crate) const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// People who hold a role after this that they did not hold before.
    fn promoted(&self, after: &Self) -> BTreeSet<UserId> {
        let gained = |role: Role| {
            let before = self.standing.holders(role);
            let now = after.standing.holders(role).into_keys();
            now.filter(move |user| !before.contains_key(user))
        };
        Role::ALL.into_iter().flat_map(gained).collect()
    }

    /// What rules fill after this that they did not fill before.
    fn filled(&self, after: &Self) -> BTreeSet<String> {
        let new = after.fills.iter();
        new.filter(|(fill, _)| !self.fills.contains_key(fill))
            .map(|(_, words)| words.clone())
            .collect()
    }
}

/// Looks what the change that was made in this transaction brings along. Gives it for [`note`]; null: nothing.
///
/// # Errors
/// `JIT-021` or `ROLE-006` when there is something to tell and the caller was not told; nothing may be committed then.
pub(crate) async fn weigh(
    call: &Call,
    tx: &Tx,
    before: &Picture,
    knowingly: Knowingly,
) -> Result<Value, Error> {
    let after = Picture::of(tx).await?;
    let fills: Vec<String> = before.filled(&after).into_iter().collect();
    let promoted: Vec<UserId> = before.promoted(&after).into_iter().collect();
    let opened = opened_by_others(call, tx, &promoted).await?;
    if fills.is_empty() && opened.is_empty() {
        return Ok(Value::Null);
    }
    if knowingly == Knowingly::No && !matches!(call.who, Who::System(_)) {
        return Err(question(&fills, &opened));
    }
    let record = |all: Vec<String>| all.into_iter().take(RECORDED).collect::<Vec<_>>();
    Ok(json!({"filled_by_rules": record(fills), "ways_in_by_others": record(opened)}))
}

/// Everything there is to tell, in one question: one answer confirms all of it.
fn question(fills: &[String], opened: &[String]) -> Error {
    let ways_in = format!(
        "Somebody else opened a way in to who gets a role: {}.",
        named(opened)
    );
    let next = "Whoever opened it may sign in with the role. Have the person come in by something that nobody else opened and set these anew, or take them away; or confirm that you know about it.";
    if fills.is_empty() {
        return Error::new("ROLE-006", Kind::Conflict, ways_in).next(next);
    }
    let rules = format!(
        "This lets an identity provider hand out a role: {}.",
        named(fills)
    );
    let words = if opened.is_empty() {
        rules
    } else {
        format!("{rules} {ways_in}")
    };
    Error::new("JIT-021", Kind::Conflict, words)
        .next("Whoever manages these groups there decides who gets the role. Take the group out of the rules, or confirm it where the role is granted.")
}

/// Ways in of these people that neither they nor the caller opened, and those that were opened from there.
async fn opened_by_others(call: &Call, tx: &Tx, people: &[UserId]) -> Result<Vec<String>, Error> {
    let granter = call.user().map(|user| user.id);
    let found = opened::of_users(tx, people, call.at).await?;
    let openers: BTreeSet<UserId> = found
        .iter()
        .flat_map(|one| one.opened_by.to_tell(granter))
        .collect();
    let named: Vec<UserId> = openers.iter().chain(people).copied().collect();
    let known: BTreeMap<UserId, String> = users::get_many(tx, &named)
        .await?
        .into_iter()
        .map(|user| (user.id, user.username))
        .collect();
    let name = |user: UserId| {
        known
            .get(&user)
            .map_or("somebody who is gone", String::as_str)
    };
    let mut told = BTreeSet::new();
    for one in &found {
        for opener in one.opened_by.to_tell(granter) {
            told.insert(words(one, name(opener), name(one.user)));
        }
    }
    Ok(told.into_iter().collect())
}

/// What somebody opened with their own hands, or what was opened by whoever came in by such a way.
fn words(one: &Opened, by: &str, owner: &str) -> String {
    let own_hands = one.by_hand_of.as_deref() == Some(by);
    let called = one.name.as_deref().unwrap_or_default();
    let after = |what: &str| format!("{what} by way of what {by} opened");
    match one.what {
        What::Password if own_hands => format!("{by} set the password of {owner}"),
        What::Password => after(&format!("the password of {owner} was set")),
        What::MailedPassword => format!(
            "the password of {owner} was set by a link that was mailed, and {by} had a hand in its address or in sending it"
        ),
        What::Identity if own_hands => format!("{by} linked an identity to {owner}"),
        What::Identity => after(&format!("an identity was linked to {owner}")),
        What::Factor if own_hands => {
            format!("{by} let {owner} add a second factor without proof of presence")
        }
        What::Factor => after(&format!("{owner}’s second factor “{called}” was added")),
        What::Codes => after(&format!("the recovery codes of {owner} were made")),
        What::Permit if own_hands => {
            format!("{by} lets {owner} add a second factor without proof of presence")
        }
        What::Permit => after(&format!("{owner} was let add a second factor")),
        What::Session => after(&format!("{owner} is signed in")),
    }
}

/// The first few, and how many more there are.
fn named(all: &[String]) -> String {
    let first: Vec<&str> = all.iter().take(NAMED).map(String::as_str).collect();
    let more = all.len().saturating_sub(NAMED);
    let words = first.join("; ");
    if more == 0 {
        words
    } else {
        format!("{words}; and {more} more")
    }
}

/// Adds what goes along to the events that tell the change.
pub(crate) fn note(events: &mut [AuditEvent], along: &Value) {
    if along.is_null() {
        return;
    }
    for event in events {
        if let Some(detail) = event.detail.as_object_mut() {
            detail.insert("along".to_owned(), along.clone());
        }
    }
}
