//! A census: the ids of everybody below the bases, and nothing else of them.

use muster_domain::census::{Census, Present, Tally};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Completeness, Doubt};

use super::connect::{self, Connection};
use super::entry::{Raw, Unusable};
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::{dn, groups, people};

/// Reads the ids of all; what could not be read is in the answer.
pub(super) async fn everybody(settings: &LdapSettings, census: &mut dyn Census) -> Completeness {
    let mut tally = Tally::new(census);
    let mut connection = match connect::open(settings).await {
        Ok(connection) => connection,
        Err(error) => {
            return Completeness::Complete.doubting(Doubt::Refused(error.public.into_owned()));
        }
    };
    let mut completeness = Completeness::Complete;
    for (question, base, kind) in [
        (
            people::question(settings),
            &settings.users_base,
            Present::Person as fn(ExternalId) -> Present,
        ),
        (
            groups::question(settings),
            &settings.groups_base,
            Present::Group,
        ),
    ] {
        let question = Question {
            attributes: vec![settings.schema.id.clone()],
            page: settings.limits.page,
            ..question
        };
        let base = dn::normalised(base).unwrap_or_default();
        let take = |found| present(found, settings, &base, kind);
        if let Err(doubt) = pages(&mut connection, settings, question, take, &mut tally).await {
            completeness = completeness.doubting(doubt);
            break;
        }
    }
    tally.judged(completeness)
}

async fn pages(
    connection: &mut Connection,
    settings: &LdapSettings,
    question: Question,
    take: impl Fn(Result<Raw, Unusable>) -> Present,
    tally: &mut Tally<'_>,
) -> Result<(), Doubt> {
    let mut search = Search::new(connection, settings, question);
    loop {
        let page = search.page().await;
        let present = page.entries.into_iter().map(&take).collect();
        if let Err(error) = tally.page(present).await {
            return Err(Doubt::CutOff(error.public.into_owned()));
        }
        match page.then {
            Then::More => {}
            Then::Done => return Ok(()),
            Then::Failed(doubt) => return Err(doubt),
        }
    }
}

fn present(
    found: Result<Raw, Unusable>,
    settings: &LdapSettings,
    base: &str,
    kind: fn(ExternalId) -> Present,
) -> Present {
    let Ok(raw) = found else {
        return Present::Nameless;
    };
    let Ok(id) = raw.id(&settings.schema.id) else {
        return Present::Nameless;
    };
    let is_inside = dn::normalised(&raw.dn).is_some_and(|place| dn::is_within(&place, base));
    if is_inside {
        kind(ExternalId(id))
    } else {
        Present::Unusable(ExternalId(id))
    }
}
