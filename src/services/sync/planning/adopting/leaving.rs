//! Whoever is here by the former directory and is taken over by nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use muster_domain::Error;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::membership::Member;
use muster_domain::plan::person::{self, HerePerson, NameStanding, Person};
use muster_domain::plan::terms::Stated;
use muster_domain::plan::{Leavers, Reason, Refusal, Step, Terms, Verdict};
use muster_domain::record::ExternalId;
use muster_domain::user::{State, User};
use muster_storage::accounts::{self, Account};
use muster_storage::{memberships, users};

use super::super::subjects::Said;
use super::super::{Making, PAGE};
use super::{Fate, Former};

impl Making<'_> {
    /// Decides about everybody who is here by the former directory and whom nobody takes over.
    pub(in crate::sync::planning) async fn let_former_people_go(&mut self) -> Result<(), Error> {
        let Some(terms) = self.former_terms() else {
            return Ok(());
        };
        let own: HashMap<UserId, Said> = {
            let adopted = self.adopting.iter().flat_map(|one| one.placed.values());
            let adopted: HashSet<UserId> = adopted.copied().collect();
            let known = self.subjects.people_known();
            known.filter(|(user, _)| !adopted.contains(user)).collect()
        };
        let mut after: Option<ExternalId> = None;
        loop {
            let db = self.services.db();
            let page =
                accounts::page_of_directory(db, terms.directory, after.as_ref(), PAGE as u64);
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.external_id.clone());
            let left = page
                .into_iter()
                .filter(|account| !self.is_taken(account.user));
            let left: Vec<Account> = left.collect();
            self.let_some_go(&terms, &left, &own).await?;
            self.flush_some().await?;
            self.watch.get_mut().went_on(&self.progress).await?;
        }
    }

    fn is_taken(&self, user: UserId) -> bool {
        let found = self.adopting.as_ref().and_then(|adopting| {
            let at = adopting.of_user.get(&user)?;
            adopting.people.get(*at)
        });
        found.is_some_and(|former| matches!(former.fate, Fate::Taken(_)))
    }

    async fn let_some_go(
        &mut self,
        terms: &Terms,
        some: &[Account],
        own: &HashMap<UserId, Said>,
    ) -> Result<(), Error> {
        let db = self.services.db();
        let ids: Vec<UserId> = some.iter().map(|account| account.user).collect();
        let known = users::get_many(db, &ids).await?;
        let known: BTreeMap<UserId, User> = known.into_iter().map(|user| (user.id, user)).collect();
        let mut elsewhere: BTreeMap<UserId, BTreeSet<DirectoryId>> = BTreeMap::new();
        for account in accounts::of_users(db, &ids).await? {
            if account.directory != terms.directory {
                let theirs = elsewhere.entry(account.user).or_default();
                theirs.insert(account.directory);
            }
        }
        let rows = match terms.leavers {
            Leavers::Delete => {
                let members: Vec<Member> = ids.iter().copied().map(Member::User).collect();
                memberships::of_members(db, &members).await?
            }
            _ => Vec::new(),
        };
        for account in some {
            let Some(user) = known.get(&account.user) else {
                continue;
            };
            let member = Member::User(user.id);
            let others = elsewhere.get(&user.id);
            let here = HerePerson {
                user: user.id,
                username: user.username.clone(),
                state: user.state.clone(),
                applied: account.attributes.clone(),
                now: account.attributes.clone(),
                record: None,
                owner: self.owner_of(terms.directory, others),
                elsewhere: others.is_some(),
                protected: self.protection(user),
                replaces: None,
                memberships: rows
                    .iter()
                    .filter(|row| row.member == member)
                    .copied()
                    .collect(),
            };
            let key = self.subjects.former(&account.external_id);
            let place = self.subjects.place(key);
            let decided = match own.get(&user.id) {
                Some(Said::Present | Said::Refused) => has_both(account, &here, terms),
                // What the new one decides about them goes by their account here: it stays.
                Some(Said::Nothing | Said::FilteredOut) => goes_by_both(account, &here),
                None => self.leaves(account, &here, terms),
            };
            if decided.steps.is_empty()
                && user.is_active()
                && let Some(adopting) = &mut self.adopting
            {
                adopting.is_left(user.id, &decided);
            }
            if decided.steps.is_empty()
                && !decided
                    .refusals
                    .iter()
                    .all(|one| matches!(one.reason, Reason::Stays | Reason::StaysOff))
                && let Some(adopting) = &mut self.adopting
            {
                adopting.stays.insert(member);
            }
            self.draft(place, decided);
        }
        Ok(())
    }

    /// Somebody whom nobody takes over.
    fn leaves(&self, account: &Account, here: &HerePerson, terms: &Terms) -> Verdict {
        let refuse = |reason: Reason| Verdict {
            steps: Vec::new(),
            refusals: vec![Refusal {
                subject: here.username.clone(),
                external_id: Some(account.external_id.clone()),
                reason,
            }],
        };
        let former = self.adopting.as_ref().and_then(|adopting| {
            let at = adopting.of_user.get(&here.user)?;
            adopting.people.get(*at)
        });
        if let Some(Former {
            fate: Fate::Unclear(why),
            ..
        }) = former
        {
            return refuse(Reason::Unclear { why: why.clone() });
        }
        let person = Person {
            external_id: &account.external_id,
            stated: Stated::Absent,
            record: None,
            here: Some(here),
            name: NameStanding::Free,
        };
        let decided = person::decide(&person, terms, &mut || self.services.id());
        if decided.steps.is_empty() && decided.refusals.is_empty() {
            return refuse(match here.state == State::Active {
                true => Reason::Stays,
                false => Reason::StaysOff,
            });
        }
        decided
    }
}

/// Somebody who has an account of both, and is gone from the one that comes: that account goes, and this one keeps them in
/// sight until a person decides.
fn goes_by_both(account: &Account, here: &HerePerson) -> Verdict {
    let why = "They have an account of both directories, and are gone from the one that comes.";
    Verdict {
        steps: Vec::new(),
        refusals: vec![Refusal {
            subject: here.username.clone(),
            external_id: Some(account.external_id.clone()),
            reason: Reason::Unclear {
                why: why.to_owned(),
            },
        }],
    }
}

/// Somebody who has an account of both: the former one goes.
fn has_both(account: &Account, here: &HerePerson, terms: &Terms) -> Verdict {
    if let Some(why) = here.protected {
        return Verdict {
            steps: Vec::new(),
            refusals: vec![Refusal {
                subject: here.username.clone(),
                external_id: Some(account.external_id.clone()),
                reason: Reason::Protected { why },
            }],
        };
    }
    let remove = Action::RemoveAccount {
        user: here.user,
        directory: terms.directory,
        external_id: account.external_id.clone(),
    };
    let again = Action::UpdateAccount {
        user: here.user,
        directory: terms.directory,
        external_id: account.external_id.clone(),
        attributes: account.attributes.clone(),
    };
    Verdict {
        steps: vec![Step {
            change: Change::new(remove, Cause::HandedOver),
            subject: here.username.clone(),
            undo: vec![Change::new(again, Cause::Undone)],
        }],
        refusals: Vec::new(),
    }
}
