//! Sessions by the way somebody came in.

use muster_domain::Error;
use muster_domain::credential::Imprint;
use muster_domain::id::{DirectoryId, ProviderId, UserId};
use muster_domain::session::{Means, SessionKey};
use sea_orm::FromQueryResult;

use super::keys;
use crate::row::{from_json, from_json_option};
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

/// The sessions of people for whose password a directory answered.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_directory(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Vec<SessionKey>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id_hash: String,
        means: Option<String>,
    }
    // The id stands somewhere in the means; where it stands is looked at after.
    let sql = "SELECT id_hash, means FROM sessions WHERE means LIKE $1";
    let like = format!("%{}%", directory.0);
    let wanted = Some(Means::Directory { directory });
    let mut found = Vec::new();
    for row in sql::all::<Row>(reader, sql::ask(reader, sql, [like.into()])).await? {
        if from_json_option::<Means>("sessions", row.means.as_deref())? == wanted {
            found.push(SessionKey(row.id_hash));
        }
    }
    Ok(found)
}

/// By which password the person of a session came in. None: by none, or there is no such session.
///
/// # Errors
/// Why the database cannot answer.
pub async fn came_by(reader: &impl Reader, key: &SessionKey) -> Result<Option<Imprint>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        data: String,
    }
    let sql = "SELECT data FROM sessions WHERE id_hash = $1";
    let asked = sql::ask(reader, sql, [key.0.as_str().into()]);
    let Some(row) = sql::one::<Row>(reader, asked).await? else {
        return Ok(None);
    };
    let data: serde_json::Value = from_json("sessions", &row.data)?;
    let came_by = data.get(keys::CAME_BY).cloned();
    Ok(came_by.and_then(|came_by| serde_json::from_value(came_by).ok()))
}
