//! After two directories changed places: whoever kept an account of the one in shadow beside another one is who the others
//! say from now on.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::plan::StoredPlan;
use muster_storage::accounts;
use serde_json::json;

use super::asking::find;
use super::lease::Worker;
use crate::provisioning::{Clash, remerge_people};
use crate::sync::shadowing;

/// People whose attributes are merged anew in one transaction.
const AT_ONCE: usize = 200;

impl Worker {
    /// Merges anew who has accounts in one of both directories and in others. Whoever would bear another one's name by it
    /// stays as they are. Done again, it does the same.
    pub(super) async fn settle(&self, plan: &StoredPlan) -> Result<(), Error> {
        let db = self.services.db();
        let call = self.call();
        for directory in shadowing::places(db, plan).await? {
            let shared = accounts::shared_with_any(db, directory).await?;
            for some in shared.chunks(AT_ONCE) {
                let mut beside: BTreeSet<DirectoryId> = accounts::neighbours(db, directory).await?;
                beside.insert(directory);
                let tx = self.tx_beside(&beside).await?;
                let of = (directory, some);
                let changed = remerge_people(&self.services, &call, &tx, of, Clash::Stays).await?;
                let name = find(&tx, directory).await?.name;
                let detail = json!({ "run": self.run, "people_changed": changed });
                let told = call.event("directory.people", &name, Some(directory.0), detail);
                let events = [told];
                self.commit(tx, if changed > 0 { &events } else { &[] })
                    .await?;
            }
        }
        Ok(())
    }
}
