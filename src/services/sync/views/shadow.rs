//! A directory in shadow beside the one whose place it shall take, as their newest comparison found them.

use std::collections::BTreeMap;

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::plan::Purpose;
use muster_domain::role::Permission;
use muster_domain::run::Run;
use muster_domain::shadow::{self, Class, Of};
use muster_storage::directories::{self, Directory};
use muster_storage::shadows::{self, Choice};
use muster_storage::{Paging, plan_pages};

use super::{PlanView, around};
use crate::sync::{rules, shadowing};
use crate::{Call, Services};

/// Two directories beside each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Beside {
    /// The directory.
    pub directory: Directory,
    /// Whether it is in shadow.
    pub in_shadow: bool,
    /// Beside which one it was set, and by what people are matched.
    pub choice: Option<Choice>,
    /// Those whose place it can take, in their order.
    pub others: Vec<(DirectoryId, String)>,
    /// Of one that is active: the directory whose place it took, while that one is there and in shadow.
    pub replaced: Option<String>,
    /// The newest comparison; none: nobody asked for one.
    pub view: Option<PlanView>,
    /// How many rows there are of each sort.
    pub counts: BTreeMap<(Of, Class), u64>,
    /// Its newest run, whatever it was asked.
    pub newest_run: Option<Run>,
}

impl Beside {
    /// The name of the directory beside which it was set, or whose place it took; empty: nobody chose.
    #[must_use]
    pub fn former(&self) -> &str {
        let beside = self.choice.map(|choice| choice.beside);
        let found = self.others.iter().find(|(id, _)| Some(*id) == beside);
        let found = found.map(|(_, name)| name).or(self.replaced.as_ref());
        found.map_or("", String::as_str)
    }
}

/// A directory beside the one whose place it shall take.
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn shadow(services: &Services, call: &Call, id: DirectoryId) -> Result<Beside, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let directory = directories::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    let mut others = directories::list(db).await?;
    let mut replaced = None;
    for other in others.iter().filter(|one| rules::in_shadow(&one.settings)) {
        let theirs = shadows::get(db, other.id).await?;
        if theirs.is_some_and(|choice| choice.beside == id) {
            replaced = Some(other.name.clone());
        }
    }
    others.retain(|other| other.id != id && shadowing::can_be_replaced(services, other));
    let view = match plan_pages::newest(db, id, Purpose::Shadow).await? {
        Some(plan) => Some(around(services, plan).await?),
        None => None,
    };
    let one = Paging {
        direction: muster_domain::listing::Direction::Desc,
        rows: 1,
        ..Paging::default()
    };
    let runs = plan_pages::runs(db, Some(id), &one).await?;
    Ok(Beside {
        in_shadow: rules::in_shadow(&directory.settings),
        choice: shadows::get(db, id).await?,
        others: others
            .into_iter()
            .map(|other| (other.id, other.name))
            .collect(),
        replaced,
        counts: view
            .as_ref()
            .map_or_else(BTreeMap::new, |view| shadow::count(&view.plan.counts)),
        view,
        newest_run: runs.rows.into_iter().next(),
        directory,
    })
}
