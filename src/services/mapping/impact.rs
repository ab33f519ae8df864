//! What a mapping would change, before it is saved: asked for here, found out by a run, shown by the page of its plan.

use muster_domain::Error;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::mapping::Mapping;
use muster_domain::role::Permission;
use muster_storage::mappings;

use super::{find, misread};
use crate::sync::runs;
use crate::{Call, Services};

pub use muster_storage::mappings::Kept as Tried;

/// Asks for the plan that a mapping would lead to. The run that makes it changes nothing, and nobody can carry that plan
/// out. `revision` is that of the saved mapping which this one began with.
///
/// # Errors
/// Without permission, for an unknown directory, `MAP-001` with messages beside the parts that are wrong, `RUN-001` when a
/// run is under way, `RUN-002` when the directory is switched off.
pub async fn impact(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    mapping: &Mapping,
    revision: u64,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    mapping.check().map_err(|wrong| misread(&wrong))?;
    find(services, services.db(), id).await?;
    let tried = Tried {
        mapping: mapping.clone(),
        revision,
    };
    runs::ask_what_if(services, call, id, &tried).await
}

/// The mapping that a run tried, to go on with; none: another one was tried since.
///
/// # Errors
/// Without permission.
pub async fn tried(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    run: RunId,
) -> Result<Option<Tried>, Error> {
    call.may(Permission::ViewDirectories)?;
    mappings::tried(services.db(), id, run).await
}
