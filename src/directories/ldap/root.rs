//! What a server says of itself (RFC 4512 section 5.1).

use ldap3::Scope;

use super::connect::Connection;
use super::entry::Raw;
use super::schema::Mark;
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::standing::Moment;

/// The one entry of this name; none: it is not there, may not be read, or cannot be.
pub(super) async fn entry(
    connection: &mut Connection,
    settings: &LdapSettings,
    name: &str,
    attributes: &[&str],
) -> Option<Raw> {
    let question = Question {
        base: name.to_owned(),
        scope: Scope::Base,
        filter: "(objectClass=*)".to_owned(),
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        page: 1,
    };
    let page = Search::new(connection, settings, question).page().await;
    match page.then {
        Then::Failed(_) => None,
        Then::More | Then::Done => page.entries.into_iter().next()?.ok(),
    }
}

/// The server's own time, by which it lets accounts expire. Only Active Directory tells, and only there it is asked.
pub(super) async fn time(connection: &mut Connection, settings: &LdapSettings) -> Option<Moment> {
    if settings.schema.mark != Mark::Usn {
        return None;
    }
    let root = entry(connection, settings, "", &["currentTime"]).await?;
    Moment::read(root.text("currentTime", 40).ok()??)
}
