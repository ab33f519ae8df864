//! What the demo's company would change next, as a plan that waits: something to read, and to carry out, without a
//! directory.

use std::collections::BTreeMap;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::guard::{self, Guard, Guarded, Tally};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::plan::stored::{Line, REFUSALS, Row, position};
use muster_domain::plan::{
    Counts, Phase, PlanState, Purpose, Reason, Refusal, Step, StoredPlan, identity,
};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::Completeness;
use muster_domain::user::Deactivation;
use muster_domain::{Error, Kind};
use muster_storage::accounts::{self, Account};
use muster_storage::groups::{self, Group};
use muster_storage::{counters, directories, directory_states, memberships, plans, users};
use serde_json::json;

use super::people::People;
use super::{KIND, SEED};
use crate::call::Who;
use crate::sync::both;
use crate::{Call, Services};

/// Most rows of such a plan.
pub const MOST: u32 = 1_000_000;
/// People of the company whom it is about at most.
const PEOPLE: u64 = 5_000;
/// Rows that are written at once.
const AT_ONCE: usize = 5_000;

/// What one row of it is about; they take turns.
#[derive(Clone, Copy)]
enum Turn {
    Leaves,
    FilteredOut,
    Changes,
    Comes,
    Joins,
    Quits,
    Group,
    Refused,
}

const TURNS: [Turn; 20] = {
    use Turn::{Changes, Comes, FilteredOut, Group, Joins, Leaves, Quits, Refused};
    [
        Leaves,
        Changes,
        Comes,
        Comes,
        Changes,
        Joins,
        Leaves,
        Quits,
        Comes,
        FilteredOut,
        Changes,
        Joins,
        Comes,
        Refused,
        Comes,
        Group,
        Comes,
        Changes,
        Joins,
        Leaves,
    ]
};

/// Leaves a plan of so many rows that waits, and the same as a comparison. For the command line alone, after
/// [`super::fill`].
///
/// # Errors
/// For anybody but a part of this program, without the demo, when more than [`MOST`] rows are asked for.
pub async fn leave_plans(services: &Services, call: &Call, rows: u32) -> Result<(), Error> {
    if !matches!(call.who, Who::System(_)) {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only the command line fills the demo.",
        ));
    }
    if rows > MOST {
        return Err(Error::new(
            "DEMO-003",
            Kind::TooLarge,
            format!("Ask for a plan of at most {MOST} rows."),
        ));
    }
    let known = directories::list(services.db()).await?;
    let directory = known
        .into_iter()
        .find(|directory| directory.kind == KIND)
        .ok_or_else(|| Error::not_found("directory"))?;
    let mut company = Company::read(services, call, directory.id).await?;
    for turn in 0..rows {
        let at = usize::try_from(turn).unwrap_or_default();
        company.take_turn(at, TURNS.get(at % TURNS.len()).copied(), &mut || {
            services.id()
        });
    }
    for purpose in [Purpose::Drift, Purpose::Sync] {
        company
            .leave(services, call, purpose, &directory.name)
            .await?;
    }
    Ok(())
}

/// The company as it is here, and the steps so far.
struct Company {
    directory: DirectoryId,
    at: chrono::DateTime<chrono::Utc>,
    accounts: std::vec::IntoIter<Account>,
    memberships: Vec<Membership>,
    groups: Vec<Group>,
    names: BTreeMap<UserId, String>,
    people: People,
    there: Tally,
    newest: Option<(UserId, String)>,
    steps: Vec<Step>,
    refusals: Vec<Refusal>,
}

impl Company {
    async fn read(services: &Services, call: &Call, directory: DirectoryId) -> Result<Self, Error> {
        let db = services.db();
        let accounts = accounts::page_of_directory(db, directory, None, PEOPLE).await?;
        let ids: Vec<UserId> = accounts.iter().map(|account| account.user).collect();
        let names = users::get_many(db, &ids)
            .await?
            .into_iter()
            .filter(|user| user.is_active())
            .map(|user| (user.id, user.username))
            .collect();
        let members: Vec<Member> = ids.iter().copied().map(Member::User).collect();
        let ours = Origin::Directory(directory);
        let mut memberships = memberships::of_members(db, &members).await?;
        memberships.retain(|row| row.origin == ours);
        let mut groups = groups::all(db, 200).await?;
        groups.retain(|group| group.directory == Some(directory));
        // The same dice as the company's: whoever comes now is nobody who was here before.
        let mut people = People::new(SEED);
        for _ in 0..counters::users(db).await?.total() {
            let _ = people.next_person();
        }
        Ok(Self {
            directory,
            at: call.at,
            there: Tally {
                people: accounts::count_of_directory(db, directory).await?,
                memberships: memberships.len() as u64,
                groups: groups.len() as u64,
            },
            accounts: accounts.into_iter(),
            memberships,
            groups,
            names,
            people,
            newest: None,
            steps: Vec::new(),
            refusals: Vec::new(),
        })
    }

    fn next_account(&mut self) -> Option<(Account, String)> {
        loop {
            let account = self.accounts.next()?;
            if let Some(name) = self.names.get(&account.user) {
                let name = name.clone();
                return Some((account, name));
            }
        }
    }

    /// Makes one row; where there is nobody left for it, somebody comes instead.
    fn take_turn(&mut self, nth: usize, turn: Option<Turn>, ids: &mut impl FnMut() -> uuid::Uuid) {
        let made = match turn {
            Some(Turn::Leaves) => self.leaves(Cause::GoneFromSource),
            Some(Turn::FilteredOut) => {
                self.leaves(Cause::FilteredOut("only people of the company".to_owned()))
            }
            Some(Turn::Changes) => self.changes(nth),
            Some(Turn::Joins) => self.joins(nth),
            Some(Turn::Quits) => self.quits(),
            Some(Turn::Group) => self.group(nth, ids),
            Some(Turn::Refused) => {
                self.refuses(nth);
                return;
            }
            Some(Turn::Comes) | None => None,
        };
        match made {
            Some(steps) => self.steps.extend(steps),
            None => {
                let step = self.comes(nth, ids);
                self.steps.push(step);
            }
        }
    }

    fn leaves(&mut self, cause: Cause) -> Option<Vec<Step>> {
        let (account, name) = self.next_account()?;
        let by = Deactivation {
            by: "Corporate".to_owned(),
            directory: Some(self.directory),
            at: self.at,
            reason: Some(cause.label().to_owned()),
        };
        Some(vec![Step {
            change: Change::new(
                Action::Deactivate {
                    user: account.user,
                    by,
                },
                cause,
            ),
            subject: name,
            undo: vec![Change::new(
                Action::Reactivate { user: account.user },
                Cause::Undone,
            )],
        }])
    }

    fn changes(&mut self, nth: usize) -> Option<Vec<Step>> {
        let (account, name) = self.next_account()?;
        let mut attributes = account.attributes.clone();
        let department = ["Research", "Finance", "Support"]
            .get(nth % 3)
            .copied()
            .unwrap_or("Research");
        attributes.insert("department".to_owned(), department.to_owned());
        if let Some(email) = attributes.get_mut("email") {
            *email = email.replace("@corporate.example", "@group.example");
        }
        let cause = match nth % 5 {
            0 => Cause::MappingChanged,
            1 | 2 => Cause::ChangedAtSource,
            _ => Cause::DriftRepaired,
        };
        let update = |attributes: muster_domain::record::Attributes| Action::UpdateAccount {
            user: account.user,
            directory: self.directory,
            external_id: account.external_id.clone(),
            attributes,
        };
        Some(vec![Step {
            change: Change::new(update(attributes), cause),
            subject: name,
            undo: vec![Change::new(
                update(account.attributes.clone()),
                Cause::Undone,
            )],
        }])
    }

    fn comes(&mut self, nth: usize, ids: &mut impl FnMut() -> uuid::Uuid) -> Step {
        let attributes = self.people.next_person();
        let user = UserId(ids());
        let subject = attributes.get("username").cloned().unwrap_or_default();
        self.newest = Some((user, subject.clone()));
        let create = Action::CreateUser {
            user,
            directory: self.directory,
            external_id: ExternalId(format!("demo-new-{nth}")),
            attributes,
        };
        Step {
            change: Change::new(create, Cause::NewAtSource),
            subject,
            undo: vec![Change::new(Action::DeleteUser { user }, Cause::Undone)],
        }
    }

    /// Whoever came last joins a group.
    fn joins(&mut self, nth: usize) -> Option<Vec<Step>> {
        let (user, name) = self.newest.take()?;
        let group = self.groups.get(nth % self.groups.len().max(1))?;
        let row = Membership {
            group: group.id,
            member: Member::User(user),
            origin: Origin::Directory(self.directory),
        };
        Some(vec![Step {
            change: Change::new(add(row), Cause::NewAtSource),
            subject: format!("{name} in {}", group.name),
            undo: vec![Change::new(remove(row), Cause::Undone)],
        }])
    }

    fn quits(&mut self) -> Option<Vec<Step>> {
        let row = self.memberships.pop()?;
        let group = self.groups.iter().find(|group| group.id == row.group)?;
        let name = self.names.get(&row.member.user()?)?;
        Some(vec![Step {
            change: Change::new(remove(row), Cause::GoneFromSource),
            subject: format!("{name} in {}", group.name),
            undo: vec![Change::new(add(row), Cause::Undone)],
        }])
    }

    fn group(&mut self, nth: usize, ids: &mut impl FnMut() -> uuid::Uuid) -> Option<Vec<Step>> {
        let group = GroupId(ids());
        let name = format!("Project {}", nth / TURNS.len() + 1);
        let directory = self.directory;
        let external_id = ExternalId(format!("demo-project-{nth}"));
        let create = Action::CreateGroup {
            group,
            name: name.clone(),
            description: String::new(),
            directory: Some(directory),
        };
        let link = Action::LinkGroup {
            group,
            directory,
            external_id: external_id.clone(),
        };
        let unlink = Action::UnlinkGroup {
            group,
            directory,
            external_id,
        };
        let step = |action, undo| Step {
            change: Change::new(action, Cause::NewAtSource),
            subject: name.clone(),
            undo: vec![Change::new(undo, Cause::Undone)],
        };
        Some(vec![
            step(create, Action::DeleteGroup { group }),
            step(link, unlink),
        ])
    }

    fn refuses(&mut self, nth: usize) {
        let subject = format!("guest{}", nth / TURNS.len() + 1);
        let reason = if nth % 40 < 20 {
            Reason::Unusable {
                why: "The username cannot be used. It holds a character that cannot be seen."
                    .to_owned(),
            }
        } else {
            Reason::NameContended {
                name: subject.clone(),
            }
        };
        self.refusals.push(Refusal {
            external_id: Some(ExternalId(format!("demo-guest-{nth}"))),
            subject,
            reason,
        });
    }

    /// Keeps it as a plan.
    async fn leave(
        &self,
        services: &Services,
        call: &Call,
        purpose: Purpose,
        name: &str,
    ) -> Result<(), Error> {
        let mut nth: BTreeMap<Phase, u64> = BTreeMap::new();
        let (mut counts, mut taken) = (Counts::default(), Tally::default());
        let mut rows: Vec<Row> = Vec::with_capacity(self.steps.len() + self.refusals.len());
        for step in &self.steps {
            let phase = Phase::of(&step.change);
            let place = nth.entry(phase).or_default();
            rows.push(Row {
                position: position(phase, *place),
                line: Line::Step(step.clone()),
            });
            *place += 1;
            counts.add(&step.change);
            taken.count(&step.change);
        }
        rows.sort_by_key(|row| row.position);
        let tx = services.db().begin().await?;
        let revision = directory_states::revision(&tx, self.directory).await?;
        let mut digest = identity::Digest::new(self.directory, revision);
        for row in &rows {
            if let Line::Step(step) = &row.line {
                digest.add(step);
            }
        }
        for (at, refusal) in (REFUSALS..).zip(&self.refusals) {
            *counts
                .refusals
                .entry(refusal.reason.word().to_owned())
                .or_default() += 1;
            rows.push(Row {
                position: at,
                line: Line::Refusal(refusal.clone()),
            });
        }
        let judged = guard::judge(
            &Guard::default(),
            &Completeness::Complete,
            taken,
            self.there,
            Tally::default(),
        );
        let (state, holds) = match judged {
            Guarded::Clear => (PlanState::Clear, Vec::new()),
            Guarded::Held(holds) => (PlanState::Held, holds),
        };
        let mut plan = StoredPlan {
            base_revision: revision,
            state,
            holds,
            counts,
            identity: Some(digest.finish()),
            ..StoredPlan::begun(
                services.id(),
                self.directory,
                purpose,
                call.actor(),
                call.at,
            )
        };
        plans::insert(&tx, &plan).await?;
        for some in rows.chunks(AT_ONCE) {
            plans::insert_rows(&tx, plan.id, some).await?;
        }
        if purpose == Purpose::Drift {
            plan.counts.both = Some(both::count(&tx, &plan).await?.value());
            plans::update(&tx, &plan).await?;
        }
        let detail = json!({ "plan": plan.id, "rows": rows.len() });
        tx.commit(&[call.event("demo.plan", name, Some(self.directory.0), detail)])
            .await
    }
}

const fn add(row: Membership) -> Action {
    Action::AddMember {
        group: row.group,
        member: row.member,
        origin: row.origin,
    }
}

const fn remove(row: Membership) -> Action {
    Action::RemoveMember {
        group: row.group,
        member: row.member,
        origin: row.origin,
    }
}
