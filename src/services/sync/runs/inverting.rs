//! The inverses of what a run did, as things are now. What is not as the run left it stays as it is, and is told: what
//! somebody took away since is given back by nobody.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::membership::{Membership, Origin};
use muster_domain::plan::unchanged::{Present, differs};
use muster_domain::plan::{Purpose, Reason, Refusal, Step, StoredPlan, inverse};
use muster_domain::run::Run;
use muster_domain::user::{Deactivation, State};
use muster_storage::accounts::{self, Account};
use muster_storage::audit;
use muster_storage::plans::upkeep;

use crate::{Call, Services, provisioning};

/// What is taken back, and by what.
pub(super) struct Inverting<'a> {
    pub(super) services: &'a Services,
    pub(super) call: &'a Call,
    /// The run.
    pub(super) run: &'a Run,
    /// The plan that it carried out.
    pub(super) of: &'a StoredPlan,
    /// The plan that takes it back.
    pub(super) plan: &'a StoredPlan,
    /// The directory's name.
    pub(super) name: &'a str,
}

impl Inverting<'_> {
    /// The inverses of steps that were done, the last first, and what is not taken back.
    /// `absent`: who was deleted and does not come back.
    pub(super) async fn of(
        &self,
        done: Vec<Step>,
        absent: &mut BTreeSet<UserId>,
    ) -> Result<(Vec<Step>, Vec<Refusal>), Error> {
        let db = self.services.db();
        let steps = inverse(&self.without_doubles(done).await?);
        let ended = self.ended_since(&steps).await?;
        let asked: Vec<&Step> = steps.iter().collect();
        let mut present = provisioning::present(db, self.plan, &asked).await?;
        self.without_own_names(&mut present).await?;
        let deleted: Vec<UserId> = steps.iter().filter_map(deletes).collect();
        let accounts = accounts::of_users(db, &deleted).await?;
        let (mut kept, mut refusals) = (Vec::with_capacity(steps.len()), Vec::new());
        for step in steps {
            if is_of(&step, absent) && step.undo.is_empty() {
                continue;
            }
            let subject = step.subject.clone();
            let creates = creates(&step);
            let decided = match deletes(&step) {
                Some(user) => self.deleted(user, step, &present, &accounts),
                None if row(&step.change).is_some_and(|row| ended.contains(&row)) => {
                    Err(format!("{subject}: somebody ended that since."))
                }
                None if is_of(&step, absent) => {
                    Err(format!("{subject}: whom it is about does not come back."))
                }
                None => match differs(&step, &present) {
                    None => Ok(step),
                    Some(why) => Err(why),
                },
            };
            match decided {
                Ok(step) => kept.push(step),
                Err(why) => {
                    absent.extend(creates);
                    refusals.push(Refusal {
                        subject,
                        external_id: None,
                        reason: Reason::ChangedSince { why },
                    });
                }
            }
        }
        Ok((kept, refusals))
    }

    /// Names that the plan itself gave away are free again before they are needed: the last step is taken back first.
    async fn without_own_names(&self, present: &mut Present) -> Result<(), Error> {
        let holders: Vec<UserId> = present.names.values().copied().collect();
        if holders.is_empty() {
            return Ok(());
        }
        let own = upkeep::names_of(self.services.db(), self.of.id, &holders).await?;
        present.names.retain(|_, holder| !own.contains(holder));
        Ok(())
    }

    /// What people who were deleted were in: what the plan itself had ended before comes back by its own inverse alone.
    async fn without_doubles(&self, mut done: Vec<Step>) -> Result<Vec<Step>, Error> {
        let people: Vec<_> = done.iter().filter_map(deletes).map(|user| user.0).collect();
        if people.is_empty() {
            return Ok(done);
        }
        let ends = upkeep::ends_of(self.services.db(), self.of, &people).await?;
        for step in &mut done {
            if deletes(step).is_some() {
                step.undo
                    .retain(|change| row(change).is_none_or(|row| !ends.own.contains(&row)));
            }
        }
        Ok(done)
    }

    /// Of the memberships that would come back those that were ended again since, by a later run or by hand.
    async fn ended_since(&self, steps: &[Step]) -> Result<BTreeSet<Membership>, Error> {
        let ours = Origin::Directory(self.plan.directory);
        let rows: Vec<Membership> = steps
            .iter()
            .filter_map(|step| row(&step.change))
            .filter(|row| row.origin == ours)
            .collect();
        if rows.is_empty() {
            return Ok(BTreeSet::new());
        }
        let db = self.services.db();
        let members: BTreeSet<_> = rows.iter().map(|row| row.member.id()).collect();
        let members: Vec<_> = members.into_iter().collect();
        let mut ended = upkeep::ends_of(db, self.of, &members).await?.later;
        let groups: BTreeSet<_> = rows.iter().map(|row| row.group.0).collect();
        let groups: Vec<_> = groups.into_iter().collect();
        let since = self.run.started_at.unwrap_or(self.run.created_at);
        let by_hand = audit::done_since(db, "group.member.remove", &groups, since).await?;
        let by_hand: BTreeSet<(_, String, String)> = by_hand
            .into_iter()
            .map(|(group, detail)| {
                let text = |key: &str| detail.get(key).and_then(|value| value.as_str());
                let text = |key| text(key).unwrap_or_default().to_owned();
                (group, text("member_id"), text("origin"))
            })
            .collect();
        ended.extend(rows.into_iter().filter(|row| {
            by_hand.contains(&(row.group.0, row.member.id().to_string(), row.origin.key()))
        }));
        Ok(ended)
    }

    /// Whoever was made by the run goes, while this account is all there is of them. Whoever has another account loses this
    /// one alone, and whoever has anything here that nobody could bring back is kept out and not deleted.
    fn deleted(
        &self,
        user: UserId,
        step: Step,
        present: &Present,
        accounts: &[Account],
    ) -> Result<Step, String> {
        let Some(person) = present.people.get(&user) else {
            return Err(format!("{} is not here any more.", step.subject));
        };
        let theirs = || accounts.iter().filter(|account| account.user == user);
        // When directories change places, people of both are made and deleted.
        let directory = made_in(&step).unwrap_or(self.plan.directory);
        let Some(account) = theirs().find(|account| account.directory == directory) else {
            let name = &person.username;
            return Err(format!("{name} has no account of this directory any more."));
        };
        if theirs().count() > 1 {
            let (remove, again) = of_account(account);
            return Ok(self.step(&step, remove, vec![again]));
        }
        let gone = self.gone(step, account, present);
        match (differs(&gone, present), &person.state) {
            (None, _) => Ok(gone),
            (Some(_), State::Active) => {
                let by = Deactivation {
                    by: self.name.to_owned(),
                    directory: Some(self.plan.directory),
                    at: self.call.at,
                    reason: Some(Cause::Undone.label().to_owned()),
                };
                let again = vec![Action::Reactivate { user }];
                Ok(self.step(&gone, Action::Deactivate { user, by }, again))
            }
            (Some(why), State::Deactivated(_)) => Err(why),
        }
    }

    /// The deletion with what is here now as its inverse.
    fn gone(&self, step: Step, account: &Account, present: &Present) -> Step {
        let user = account.user;
        let mut undo = vec![Action::CreateUser {
            user,
            directory: account.directory,
            external_id: account.external_id.clone(),
            attributes: account.attributes.clone(),
        }];
        // What an undo brought back by hand's word goes again with it; else it was given since.
        if self.of.purpose == Purpose::Undo {
            let is_theirs = |row: &&Membership| {
                row.member.user() == Some(user) && !matches!(row.origin, Origin::Directory(_))
            };
            let rows = present.memberships.iter().filter(is_theirs);
            undo.extend(rows.map(|row| Action::AddMember {
                group: row.group,
                member: row.member,
                origin: row.origin,
            }));
        }
        if let Some(State::Deactivated(by)) = present.people.get(&user).map(|one| &one.state) {
            let by = by.clone();
            undo.push(Action::Deactivate { user, by });
        }
        self.step(&step, step.change.action.clone(), undo)
    }

    fn step(&self, instead_of: &Step, action: Action, undo: Vec<Action>) -> Step {
        Step {
            change: Change::new(action, instead_of.change.cause.clone()),
            subject: instead_of.subject.clone(),
            undo: undo
                .into_iter()
                .map(|action| Change::new(action, Cause::Undone))
                .collect(),
        }
    }
}

fn of_account(account: &Account) -> (Action, Action) {
    let remove = Action::RemoveAccount {
        user: account.user,
        directory: account.directory,
        external_id: account.external_id.clone(),
    };
    let again = Action::UpdateAccount {
        user: account.user,
        directory: account.directory,
        external_id: account.external_id.clone(),
        attributes: account.attributes.clone(),
    };
    (remove, again)
}

const fn deletes(step: &Step) -> Option<UserId> {
    match step.change.action {
        Action::DeleteUser { user } => Some(user),
        _ => None,
    }
}

const fn creates(step: &Step) -> Option<UserId> {
    match step.change.action {
        Action::CreateUser { user, .. } => Some(user),
        _ => None,
    }
}

/// Whether a step brings something of one of these people back, and not them.
fn is_of(step: &Step, people: &BTreeSet<UserId>) -> bool {
    let about = match &step.change.action {
        Action::Deactivate { user, .. } => Some(*user),
        Action::AddMember { member, .. } => member.user(),
        _ => None,
    };
    about.is_some_and(|user| people.contains(&user))
}

/// In which directory whoever a step deletes would be made again.
fn made_in(step: &Step) -> Option<DirectoryId> {
    step.undo.iter().find_map(|change| match change.action {
        Action::CreateUser { directory, .. } => Some(directory),
        _ => None,
    })
}

/// The membership that a change makes.
const fn row(change: &Change) -> Option<Membership> {
    match change.action {
        Action::AddMember {
            group,
            member,
            origin,
        } => Some(Membership {
            group,
            member,
            origin,
        }),
        _ => None,
    }
}
