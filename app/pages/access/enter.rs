//! The way into an application behind a proxy: who is signed in and may open it is handed over.

use muster_services::forward::{self, Wish};
use muster_web::Query;

use crate::visit::{Answer, Visit};

/// `GET /auth/enter`
///
/// # Errors
/// When the person may not open the application, or a secure session is demanded and none runs.
pub async fn show(visit: Visit, Query(wish): Query<Wish>) -> Answer {
    let way = forward::enter(&visit.services, &visit.call, &wish).await?;
    Ok(muster_web::leave::to(&way.to, &way.name))
}

/// What an address of this page is for, in words; none for every other address.
pub(crate) async fn action(
    visit: &Visit,
    return_to: &str,
) -> Result<Option<String>, muster_domain::Error> {
    let Some(query) = return_to.strip_prefix("/auth/enter?") else {
        return Ok(None);
    };
    let uri = format!("/?{query}").parse::<http::Uri>();
    let wish = uri
        .ok()
        .and_then(|uri| axum::extract::Query::<Wish>::try_from_uri(&uri).ok());
    match wish {
        Some(wish) => forward::action(&visit.services, &wish.0).await,
        None => Ok(None),
    }
}
