//! Trying a directory step by step.

use muster_domain::directory::{Finding, Probe};
use muster_domain::{Error, Kind};
use tokio::time::Instant;

use super::connect::{self, Connection};
use super::search::{Question, Search, Then};
use super::settings::{Bind, LdapSettings, Security};
use super::{groups, people};

/// Tries one step, on a connection of its own.
pub(super) async fn probe(settings: &LdapSettings, probe: Probe) -> Finding {
    let begun = Instant::now();
    let outcome = match probe {
        Probe::Connect => reached(settings).await,
        Probe::Bind => let_in(settings).await,
        Probe::Search => searched(settings).await,
    };
    Finding {
        probe,
        outcome,
        took: begun.elapsed(),
    }
}

async fn reached(settings: &LdapSettings) -> Result<String, Error> {
    let connection = connect::connect(settings).await?;
    let how = match settings.security {
        Security::Ldaps => "over LDAPS, and its certificate is trusted",
        Security::StartTls => "with StartTLS, and its certificate is trusted",
        Security::Plain => "on this machine, without encryption",
    };
    Ok(format!("{} answers {how}.", connection.server))
}

async fn let_in(settings: &LdapSettings) -> Result<String, Error> {
    let connection = connect::open(settings).await?;
    Ok(match &settings.bind {
        Bind::Anonymous => format!(
            "{} is read as nobody: it was not asked to let anybody in.",
            connection.server
        ),
        Bind::Simple { dn, .. } => format!("{} lets {} in.", connection.server, connect::shown(dn)),
    })
}

async fn searched(settings: &LdapSettings) -> Result<String, Error> {
    let mut connection = connect::open(settings).await?;
    let people = first(&mut connection, settings, people::question(settings)).await?;
    if people.0 == 0 {
        return Err(Error::new(
            "LDAP-006",
            Kind::Upstream,
            format!(
                "The account sees nobody below {}.",
                connect::shown(&settings.users_base)
            ),
        )
        .next(
            "Check the base and the filter for people, and whether the account may read there.",
        ));
    }
    let groups = first(&mut connection, settings, groups::question(settings)).await?;
    Ok(format!(
        "The account sees {} and {}.",
        counted(people, "people"),
        counted(groups, "groups")
    ))
}

/// How many a first page shows, and whether there are more.
async fn first(
    connection: &mut Connection,
    settings: &LdapSettings,
    question: Question,
) -> Result<(usize, bool), Error> {
    let page = Search::new(connection, settings, question).page().await;
    match page.then {
        Then::Failed(doubt) => Err(Error::new("LDAP-006", Kind::Upstream, doubt.words())
            .next("Check the base and the filter, and whether the account may read there.")),
        Then::More => Ok((page.entries.len(), true)),
        Then::Done => Ok((page.entries.len(), false)),
    }
}

fn counted((count, is_more): (usize, bool), what: &str) -> String {
    match (count, is_more) {
        (0, _) => format!("no {what}"),
        (count, true) => format!("more than {count} {what}"),
        (count, false) => format!("{count} {what}"),
    }
}
