//! A whole reading: people, then groups, then the members that come in parts. One page is in memory at a time.

use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake, RefusedRecord};

use super::connect::{self, Connection};
use super::entry::{Raw, Unusable};
use super::people::People;
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::{dn, groups, people, root};

/// Reads everything; what could not be read is in the answer.
pub(super) async fn everything(settings: &LdapSettings, intake: &mut dyn Intake) -> Completeness {
    let mut connection = match connect::open(settings).await {
        Ok(connection) => connection,
        Err(error) => {
            return Completeness::Complete.doubting(Doubt::Refused(error.public.into_owned()));
        }
    };
    let now = root::time(&mut connection, settings).await;
    let everybody = People::new(settings, now);
    let take = |raw: &Raw| (everybody.entries(raw), Vec::new());
    let (mut completeness, _) = pages(
        &mut connection,
        settings,
        people::question(settings),
        take,
        intake,
    )
    .await;
    if is_over(&completeness) {
        return completeness;
    }
    let base = dn::normalised(&settings.groups_base).unwrap_or_default();
    let take = |raw: &Raw| groups::entries(raw, settings, &base);
    let (of_groups, rest) = pages(
        &mut connection,
        settings,
        groups::question(settings),
        take,
        intake,
    )
    .await;
    if let Completeness::Incomplete(doubts) = of_groups {
        completeness = doubts
            .into_iter()
            .fold(completeness, Completeness::doubting);
    }
    if is_over(&completeness) {
        return completeness;
    }
    for mut one in rest {
        for parts in 0.. {
            let (entries, next) = groups::more(&mut connection, settings, &one, parts).await;
            if let Err(error) = intake.page(entries).await {
                return completeness.doubting(Doubt::CutOff(error.public.into_owned()));
            }
            match next {
                Some(next) => one = next,
                None => break,
            }
        }
    }
    completeness
}

/// Whether the connection is gone.
fn is_over(completeness: &Completeness) -> bool {
    match completeness {
        Completeness::Complete => false,
        Completeness::Incomplete(doubts) => doubts.iter().any(groups::is_cut),
    }
}

/// Reads one search to its end.
async fn pages(
    connection: &mut Connection,
    settings: &LdapSettings,
    question: Question,
    take: impl Fn(&Raw) -> (Vec<Entry>, Vec<groups::Rest>),
    intake: &mut dyn Intake,
) -> (Completeness, Vec<groups::Rest>) {
    let mut search = Search::new(connection, settings, question);
    let mut rest = Vec::new();
    loop {
        let page = search.page().await;
        let mut entries = Vec::new();
        for found in page.entries {
            match found {
                Ok(raw) => {
                    let (told, more) = take(&raw);
                    entries.extend(told);
                    rest.extend(more);
                }
                Err(why) => entries.push(unreadable(why)),
            }
        }
        if let Err(error) = intake.page(entries).await {
            let doubt = Doubt::CutOff(error.public.into_owned());
            return (Completeness::Complete.doubting(doubt), rest);
        }
        match page.then {
            Then::More => {}
            Then::Done => return (Completeness::Complete, rest),
            Then::Failed(doubt) => return (Completeness::Complete.doubting(doubt), rest),
        }
    }
}

fn unreadable(why: Unusable) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id: None,
        about: "an entry without a readable name".to_owned(),
        why,
        locators: Vec::new(),
    })
}
