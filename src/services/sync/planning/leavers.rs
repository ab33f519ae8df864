//! People whom the source no longer has.

use muster_domain::Error;
use muster_domain::plan::Leavers;
use muster_domain::record::ExternalId;
use muster_storage::accounts;

use super::looking::{Looked, Saying};
use super::subjects::{Person, Said};
use super::{Making, PAGE};

impl Making<'_> {
    /// Decides about everybody of whom nothing was said. From a source that may not have said everything nobody is gone.
    pub(super) async fn let_go(&mut self) -> Result<(), Error> {
        let is_about_people = matches!(self.terms.leavers, Leavers::Deactivate | Leavers::Delete);
        if !self.terms.may_remove || !is_about_people || !self.subjects.people.iter().any(is_gone) {
            return Ok(());
        }
        let mut after: Option<ExternalId> = None;
        loop {
            let db = self.services.db();
            let directory = self.terms.directory;
            let page = accounts::known_page(db, directory, after.as_ref(), PAGE as u64).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.external_id.clone());
            let gone = page.into_iter().filter_map(|account| {
                let key = self.subjects.id(&account.external_id);
                let (place, person) = self.subjects.person_of(key)?;
                is_gone(person).then_some(Looked {
                    place,
                    external_id: account.external_id,
                    saying: Saying::Absent,
                })
            });
            let gone = gone.collect();
            self.look_at(gone).await?;
            self.flush_some().await?;
            self.watch.get_mut().went_on(&self.progress).await?;
        }
    }
}

fn is_gone(person: &Person) -> bool {
    person.said == Said::Nothing && person.user.is_some() && !person.is_new
}
