//! Sessions by the way somebody came in.

use muster_domain::Error;
use muster_domain::id::{ProviderId, UserId};
use muster_domain::session::{Means, SessionKey};
use sea_orm::FromQueryResult;

use crate::row::from_json_option;
use crate::{Reader, sql};

/// The sessions of a person who came in by this identity at a provider.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_identity(
    reader: &impl Reader,
    user: UserId,
    (at, with_issuer, named): (ProviderId, &str, &str),
) -> Result<Vec<SessionKey>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id_hash: String,
        means: Option<String>,
    }
    let sql = "SELECT id_hash, means FROM sessions WHERE user_id = $1";
    let mut found = Vec::new();
    for row in sql::all::<Row>(reader, sql::ask(reader, sql, [user.0.into()])).await? {
        let means: Option<Means> = from_json_option("sessions", row.means.as_deref())?;
        let came_by_it = matches!(&means, Some(Means::Provider { provider, issuer, subject, .. })
            if *provider == at && issuer == with_issuer && subject == named);
        if came_by_it {
            found.push(SessionKey(row.id_hash));
        }
    }
    Ok(found)
}
