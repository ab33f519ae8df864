//! Making the plan of a directory: its source is read page by page, and what it would change is written down as it is
//! decided.
//!
//! In memory stays, for each person of the source or of here, by what they are found (hashes), and nothing of what is
//! said of them. Who is as the source says is told by a fingerprint ([`muster_domain::plan::fingerprint`]) that is kept with the
//! account; only the others are looked at closer. What needs everybody comes after the last page: who gets a name that
//! several want ([`names`]), who is gone ([`leavers`]), groups and who is in them ([`groups`], [`members`]).
//!
//! [`muster_domain::plan::make`] is the measure: it makes the same plan in memory.

mod adopting;
mod again;
mod groups;
mod keyed;
mod leavers;
mod looking;
pub mod measure;
mod members;
mod names;
mod partial;
mod reading;
mod roll;
mod subjects;
mod writing;

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::directory::Directory as Source;
use muster_domain::guard::{self, Guarded, Hold, Tally};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::Origin;
use muster_domain::plan::identity::{Digest, Identity};
use muster_domain::plan::{PlanState, Purpose, StoredPlan, Terms};
use muster_domain::reading::{Because, Reading as Extent, Told};
use muster_domain::role::Permission;
use muster_domain::run::Progress;
use muster_domain::snapshot::Completeness;
use muster_storage::directories::{self, Directory};
use muster_storage::readings::Kept;
use muster_storage::{Quiet, accounts, directory_states, drafts, memberships, plans};
use tokio::sync::Mutex;

use super::{Rules, both, rules};
use crate::{Call, Services, roles};
use adopting::Adopting;
use keyed::KeySet;
use names::Wish;
use reading::Reading;
use subjects::Subjects;
use writing::Writer;

pub use groups::confirm;
pub(crate) use looking::was_applied;

/// Rows and records that are in memory together.
const PAGE: usize = 500;
/// Steps that are read together.
const STEPS: u64 = 2_000;
/// How far back what went counts, for the guard.
const LATELY: TimeDelta = TimeDelta::hours(24);

/// Is told how far the making of a plan is, and may stop it.
#[async_trait]
pub trait Watch: Send {
    /// Called after each page that was read and each batch that was written.
    ///
    /// # Errors
    /// Why it shall stop: somebody cancelled it, or the lease was lost. Nothing of the plan is left then.
    async fn went_on(&mut self, progress: &Progress) -> Result<(), Error>;
}

/// How much of a source is read, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// How much.
    pub told: Told,
    /// A digest of all that decides what a reading means.
    pub terms: String,
    /// From where it goes on.
    pub kept: Option<Kept>,
    /// The one person, where it is one.
    pub person: Option<String>,
}

impl Asked {
    /// Everything, to go on from nowhere.
    const fn everything() -> Self {
        Self {
            told: Told::whole(Because::Asked),
            terms: String::new(),
            kept: None,
            person: None,
        }
    }
}

/// From where the next sync goes on, once everything of the plan is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Gained {
    pub kept: Kept,
    /// Who was there, if that is not what is kept.
    pub roll: Option<String>,
}

/// A plan that was made.
pub(crate) struct Made {
    pub plan: StoredPlan,
    /// What was read for it.
    pub told: Told,
    pub gained: Option<Gained>,
}

/// How the making of a plan ended.
enum Ended {
    Made(Box<Made>),
    /// A part does not decide it.
    AllIsNeeded(Because),
}

/// Makes a plan of a directory without a run: to look at.
///
/// # Errors
/// Without permission, for an unknown directory, and as making any plan fails.
pub async fn look(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    source: &dyn Source,
    rules: &Rules,
    purpose: Purpose,
    watch: &mut dyn Watch,
) -> Result<StoredPlan, Error> {
    call.may(Permission::ManageDirectories)?;
    let base_revision = revision(services, id).await?;
    let directory = directories::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    let plan = StoredPlan {
        base_revision,
        ..StoredPlan::begun(services.id(), id, purpose, call.actor(), call.at)
    };
    let terms = terms(call, &directory, rules);
    let asked = Asked::everything();
    let made = make_from(services, terms, source, rules, plan, asked, watch).await?;
    Ok(made.plan)
}

/// The state of a directory that a plan is about to be made from. It is asked for before anything that the plan goes by,
/// the directory's settings among it: what changes from then on makes the plan out of date.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub(crate) async fn revision(services: &Services, directory: DirectoryId) -> Result<u64, Error> {
    let tx = services.db().begin().await?;
    directory_states::ensure(&tx, directory).await?;
    let revision = directory_states::revision(&tx, directory).await?;
    tx.commit_quiet(Quiet::Working).await?;
    Ok(revision)
}

pub(super) fn terms(call: &Call, directory: &Directory, rules: &Rules) -> Terms {
    Terms {
        directory: directory.id,
        name: directory.name.clone(),
        leavers: rules.leavers.clone(),
        revival: rules.revival,
        may_remove: false,
        at: call.at,
        adopt: rules.adopt.clone(),
    }
}

/// Reads as much of the source of a directory as is asked for, or all of it where that does not do, and writes the plan of
/// what it would change. `plan` is new, in the state [`PlanState::Making`], with the [`revision`] that was asked for first;
/// what comes back is [`PlanState::Clear`] or [`PlanState::Held`].
///
/// # Errors
/// When `watch` stops it or the database cannot serve, `RUN-011` when there is nobody of the name that is asked for; no
/// plan is left then. What the source could not say is in the plan: it is held.
pub(crate) async fn make_from(
    services: &Services,
    terms: Terms,
    source: &dyn Source,
    rules: &Rules,
    plan: StoredPlan,
    mut asked: Asked,
    watch: &mut dyn Watch,
) -> Result<Made, Error> {
    let tx = services.db().begin().await?;
    plans::insert(&tx, &plan).await?;
    tx.commit_quiet(Quiet::Working).await?;
    let id = plan.id;
    loop {
        let mut making = Making {
            services,
            rules,
            terms: terms.clone(),
            order: Vec::new(),
            adopting: None,
            people: BTreeSet::new(),
            groups: BTreeSet::new(),
            subjects: Subjects::new(services, asked.kept.as_ref().map(|kept| kept.salt.as_str())),
            writer: Writer::new(plan.clone()),
            drafts: Vec::new(),
            wishes: Vec::new(),
            goes: BTreeSet::new(),
            progress: Progress {
                told: Some(asked.told),
                ..Progress::default()
            },
            is_partial: false,
            is_whole_part: false,
            is_loaded: false,
            looked_up: KeySet::default(),
            watch: Mutex::new(&mut *watch),
        };
        match making.run(source, &asked).await {
            Ok(Ended::Made(made)) => return Ok(*made),
            Ok(Ended::AllIsNeeded(because)) => {
                making.writer.settle().await?;
                asked.told = Told::whole(because);
                let tx = services.db().begin().await?;
                plans::upkeep::forget(&tx, id).await?;
                plans::insert(&tx, &plan).await?;
                tx.commit_quiet(Quiet::Working).await?;
            }
            Err(error) => {
                // Whatever it says: all of it goes.
                let _ = making.writer.settle().await;
                // What cannot be removed now, the next one removes.
                if let Ok(tx) = services.db().begin().await
                    && plans::delete(&tx, id).await.is_ok()
                {
                    let _ = tx.commit_quiet(Quiet::Working).await;
                }
                return Err(error);
            }
        }
    }
}

/// A plan that is being made.
struct Making<'a> {
    services: &'a Services,
    rules: &'a Rules,
    terms: Terms,
    /// Directories in their order.
    order: Vec<DirectoryId>,
    /// Whose place the directory takes, if it takes one's.
    adopting: Option<Adopting>,
    /// People who hold a role.
    people: BTreeSet<UserId>,
    /// Groups that give one.
    groups: BTreeSet<GroupId>,
    subjects: Subjects,
    writer: Writer,
    /// Which rows are about whom.
    drafts: Vec<(u32, i64)>,
    wishes: Vec<Wish>,
    /// People who are deleted: their names are free then.
    goes: BTreeSet<UserId>,
    progress: Progress,
    /// Only a part of the source is read.
    is_partial: bool,
    /// Of that part everything was read.
    is_whole_part: bool,
    /// Groups of here are loaded.
    is_loaded: bool,
    /// People who were looked for here.
    looked_up: KeySet,
    /// Never contended: behind a lock it may be looked past from several threads.
    watch: Mutex<&'a mut dyn Watch>,
}

impl Making<'_> {
    async fn run(&mut self, source: &dyn Source, asked: &Asked) -> Result<Ended, Error> {
        let db = self.services.db();
        let all = directories::list(db).await?;
        // Of one in shadow nothing is carried out: it is in nobody's way.
        let ours = self.terms.directory;
        let counts = |known: &Directory| known.id == ours || !rules::in_shadow(&known.settings);
        let all = all.into_iter().filter(counts);
        self.order = all.map(|known| known.id).collect();
        let standing = roles::standing(db).await?;
        (self.people, self.groups) = (standing.privileged_people(), standing.privileged_groups());
        match asked.told.reading {
            Extent::Whole => self.everything(source, asked).await,
            Extent::Changes | Extent::Census => self.changes(source, asked).await,
            Extent::Person => self.one(source, asked).await,
        }
    }

    async fn everything(&mut self, source: &dyn Source, asked: &Asked) -> Result<Ended, Error> {
        let db = self.services.db();
        self.subjects.load(db, self.terms.directory).await?;
        self.begin_adopting().await?;
        let mut reading = Reading::of(self);
        let (said, cursor) = source.read_whole(&mut reading).await;
        reading.ended()?;
        let completeness = self.judged(said);
        self.terms.may_remove = completeness.may_remove();
        self.refuse_unusable().await?;
        self.subjects.note_groups();
        self.let_go().await?;
        self.let_former_people_go().await?;
        self.settle_names().await?;
        self.adopt_groups().await?;
        self.decide_groups().await?;
        self.decide_members(source).await?;
        self.let_former_groups_go().await?;
        self.flush().await?;
        let gained = match completeness.may_remove() {
            true => self.gained(cursor, asked).await?,
            false => None,
        };
        Ok(Ended::Made(Box::new(Made {
            plan: self.finish(&completeness).await?,
            told: asked.told,
            gained,
        })))
    }

    /// What the source said of itself, and what shows only when all of it was read.
    fn judged(&self, said: Completeness) -> Completeness {
        use muster_domain::snapshot::Doubt;
        let mut judged = said;
        if self.subjects.nameless > 0 {
            judged = judged.doubting(Doubt::WithoutId(self.subjects.nameless));
        }
        if self.subjects.nobody_was_shown() {
            judged = judged.doubting(Doubt::Empty);
        }
        if let Some(many) = self.adopting.as_ref().and_then(Adopting::unmatched) {
            judged = judged.doubting(Doubt::Unmatched(many));
        }
        judged
    }

    /// Writes what is decided so far, and tells how far it is.
    async fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush(self.services).await?;
        self.progress.planned = self.writer.plan.counts.all();
        self.watch.get_mut().went_on(&self.progress).await
    }

    /// The same once there is enough of it.
    async fn flush_some(&mut self) -> Result<(), Error> {
        if self.writer.is_full() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn finish(&mut self, completeness: &Completeness) -> Result<StoredPlan, Error> {
        self.writer.settle().await?;
        let db = self.services.db();
        let mut plan = self.writer.plan.clone();
        let of = |kinds: &[&str]| kinds.iter().map(|kind| plan.counts.of(kind)).sum();
        let taken = Tally {
            people: of(&["deactivate", "delete_user", "remove_account"]),
            memberships: of(&["remove_member"]),
            groups: of(&["delete_group", "unlink_group"]),
        };
        let mut there = Tally {
            people: 0,
            memberships: 0,
            groups: self.subjects.groups_here(),
        };
        if taken.people > 0 {
            // Who left long ago makes nothing smaller.
            there.people = accounts::count_active(db, plan.directory).await?;
        }
        if taken.memberships > 0 {
            there.memberships = memberships::count_put_by(db, plan.directory).await?;
        }
        let taken = self.adopted(&plan, taken, &mut there).await?;
        let since = self.terms.at - LATELY;
        let lately = drafts::taken_since(db, plan.directory, since).await?;
        let mut guarded = guard::judge(&self.rules.guard, completeness, taken, there, lately);
        if taken.groups + taken.memberships > 0 && self.subjects.shows_no_group {
            guarded = guarded.holding(Hold::NoGroups { here: there.groups });
        }
        if let Some(hold) = self.loses_sign_in().await? {
            guarded = guarded.holding(hold);
        }
        (plan.state, plan.holds) = match guarded {
            Guarded::Clear => (PlanState::Clear, Vec::new()),
            Guarded::Held(holds) => (PlanState::Held, holds),
        };
        if self.adopting.is_some() {
            // No guard lets a switch pass by itself.
            plan.state = PlanState::Held;
        }
        plan.identity = Some(match self.writer.identity() {
            Some(identity) => identity,
            None => self.identity_of_rows(&plan).await?,
        });
        if plan.purpose == Purpose::Drift {
            plan.counts.both = Some(both::count(db, &plan).await?.value());
        }
        let tx = self.services.db().begin().await?;
        plans::update(&tx, &plan).await?;
        tx.commit_quiet(Quiet::Working).await?;
        Ok(plan)
    }

    async fn identity_of_rows(&mut self, plan: &StoredPlan) -> Result<Identity, Error> {
        let mut identity = Digest::new(plan.directory, plan.base_revision);
        let mut after = None;
        loop {
            let some = plans::steps(self.services.db(), plan.id, after, STEPS).await?;
            let Some((last, _)) = some.last() else { break };
            after = Some(*last);
            some.iter().for_each(|(_, step)| identity.add(step));
            self.watch.get_mut().went_on(&self.progress).await?;
        }
        Ok(identity.finish())
    }

    fn origin(&self) -> Origin {
        Origin::Directory(self.terms.directory)
    }
}
