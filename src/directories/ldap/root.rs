//! What a server says of itself (RFC 4512 section 5.1).

use chrono::{DateTime, Utc};
use ldap3::Scope;

use muster_domain::snapshot::Doubt;

use super::connect::Connection;
use super::entry::Raw;
use super::schema::Mark;
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::standing::Moment;

/// The one entry of this name; none: it is not there, or cannot be read.
pub(super) async fn entry(
    connection: &mut Connection,
    settings: &LdapSettings,
    name: &str,
    attributes: &[&str],
) -> Result<Option<Raw>, Doubt> {
    let question = Question {
        base: name.to_owned(),
        scope: Scope::Base,
        filter: "(objectClass=*)".to_owned(),
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        page: 1,
    };
    let page = Search::new(connection, settings, question).page().await;
    match page.then {
        Then::Failed(doubt) => Err(doubt),
        Then::More | Then::Done => Ok(page.entries.into_iter().next().and_then(Result::ok)),
    }
}

/// The time by which accounts expire: the server's own, which only Active Directory tells, else ours.
pub(super) async fn time(
    connection: &mut Connection,
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
) -> Option<Moment> {
    theirs(connection, settings)
        .await
        .or_else(|| clock.and_then(Moment::of))
}

async fn theirs(connection: &mut Connection, settings: &LdapSettings) -> Option<Moment> {
    if settings.schema.mark != Mark::Usn {
        return None;
    }
    let root = entry(connection, settings, "", &["currentTime"]).await;
    Moment::read(root.ok()??.text("currentTime", 40).ok()??)
}
