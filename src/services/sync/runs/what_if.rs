//! What another mapping would change: a run like the others, that reads the source through a mapping nobody saved and ends
//! with a plan to look at.
//!
//! It changes nothing, so it keeps nothing waiting that does: a sync that is asked for takes its place, and says so in it.

use muster_domain::directory::Directory as Source;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::plan::Purpose;
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::{Error, Kind};
use muster_storage::directories::Directory;
use muster_storage::{Tx, mappings, plans, runs};

use super::asking::{asked, wished};
use super::lease::Worker;
use crate::{Call, Services, directories};

/// Asks for the plan that a mapping would lead to. `tried.revision` is that of the saved mapping which it began with.
///
/// # Errors
/// Without permission, `RUN-001` when a run is under way: it says which, `RUN-002` when the directory is switched off,
/// `DIR-004` when nothing is read from it. Whether the mapping can be read is for the caller to know.
pub async fn ask_what_if(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    tried: &mappings::Kept,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    let tx = services.db().begin().await?;
    let (run, directory) = wished(services, call, &tx, directory, Wish::WhatIf, None).await?;
    mappings::put_tried(&tx, directory.id, run.id, tried).await?;
    let mapping = tried.mapping.identity();
    let event = asked(call, &run, &directory, Some(&mapping));
    tx.commit(&[event]).await?;
    Ok(run.id)
}

pub(super) fn gone() -> Error {
    Error::new(
        "RUN-013",
        Kind::Conflict,
        "The mapping that this run was to try is not there any more.",
    )
    .next("Somebody tried another one since. Ask again on the directory's mapping page.")
}

/// Whether an open run makes room for a wish.
pub(super) fn gives_way(open: &Run, wish: Wish) -> bool {
    open.wish == Wish::WhatIf && wish.changes()
}

/// Ends a run that gives way. Whoever works on it finds that out before they write the next time: the directory's state is
/// locked here.
pub(super) async fn give_way(call: &Call, tx: &Tx, mut open: Run) -> Result<(), Error> {
    runs::ask_to_stop(tx, open.id).await?;
    open.state = RunState::Cancelled;
    open.ended_at = Some(call.at);
    open.problem = Some(format!(
        "{} asked for something to be carried out, which comes first. Ask again when that is over.",
        call.actor()
    ));
    if let Some(plan) = open.plan.take() {
        plans::upkeep::forget(tx, plan).await?;
    }
    runs::update(tx, &open).await
}

impl Worker {
    /// The source of a run: through the saved mapping, or through the one that it tries.
    pub(super) async fn source(
        &self,
        run: &Run,
        directory: &Directory,
    ) -> Result<Box<dyn Source>, Error> {
        let (services, db) = (&self.services, self.services.db());
        if run.wish != Wish::WhatIf {
            return directories::open(services, db, directory).await;
        }
        let tried = mappings::tried(db, self.directory, run.id)
            .await?
            .ok_or_else(gone)?;
        directories::open_mapped(services, db, directory, &tried.mapping).await
    }

    /// Only the newest answer is of use: a run that looks for one forgets the others. Says whether this is such a run.
    pub(super) async fn forget_former_answers(&self, tx: &Tx, run: &Run) -> Result<bool, Error> {
        if run.wish != Wish::WhatIf {
            return Ok(false);
        }
        for old in plans::upkeep::of_purpose(tx, self.directory, Purpose::WhatIf).await? {
            plans::upkeep::forget(tx, old.id).await?;
        }
        Ok(true)
    }
}
