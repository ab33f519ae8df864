//! "This is me": links the identity of a test sign-in to the person who made it.

use axum::extract::Path;
use muster_domain::id::SignInId;
use muster_services::trial;
use muster_web::Form;
use serde::Deserialize;

use super::returned::TESTS;
use crate::visit::{Answer, Visit};

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    return_to: String,
}

/// Links it.
///
/// # Errors
/// When the test was not this browser's own, or the identity belongs to somebody else.
pub async fn tested(
    visit: Visit,
    Path((slug, id)): Path<(String, SignInId)>,
    Form(sent): Form<Sent>,
) -> Answer {
    let own: Vec<SignInId> = visit.browser.kept(TESTS).await?.unwrap_or_default();
    let elevated = visit.call.elevated()?;
    let provider = trial::link_tested(&visit.services, &visit.call, &elevated, id, &own).await?;
    let to = match muster_domain::return_to::ReturnTo::new(&sent.return_to).as_str() {
        "/" => format!("/providers/{slug}"),
        other => other.to_owned(),
    };
    visit
        .done(
            &to,
            &format!(
                "Linked your identity at {}. You can sign in through it now.",
                provider.name
            ),
        )
        .await
}
