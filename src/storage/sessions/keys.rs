//! Names of the values in a session's data that are kept as columns too, so that sessions can be listed, ended and
//! judged without reading their data.

/// Who is signed in: a user's id as text.
pub const USER: &str = "user_id";
/// Since when: milliseconds since 1970.
pub const SIGNED_IN_AT: &str = "signed_in_at";
/// By what means: [`muster_domain::session::Means`] as JSON.
pub const MEANS: &str = "means";
/// Who else could have come in so: [`muster_domain::opener::Openers`] as JSON; absent where nobody could.
pub const OPENED_BY: &str = "opened_by";
/// The address the session last came from.
pub const ADDRESS: &str = "address";
/// The browser, as it calls itself.
pub const USER_AGENT: &str = "user_agent";
/// The ids of the session at the identity provider (`sid`), as far as it stated any: a text, or a list of them, since a
/// forced sign-in may begin another session there.
pub const SID: &str = "idp_sid";
/// The id the session has from the save on that this comes with, as text; never kept itself.
pub const NEXT: &str = "next_id";

/// Which password was compared to sign in with the save that this comes with: [`muster_domain::credential::Imprint`]. It
/// becomes [`CAME_BY`] if it still is the person's, and nobody is signed in if not.
pub const CHECKED: &str = "checked_password";
/// By which password the person came in; absent where by none.
pub const CAME_BY: &str = "came_by_password";

/// Ids at the provider that are remembered of one session.
const MOST_SIDS: usize = 8;

/// The ids of a session at its provider, as [`SID`] keeps them, the oldest first.
#[must_use]
pub fn sids(kept: Option<&serde_json::Value>) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    match kept {
        Some(serde_json::Value::Array(all)) => all.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The same with one more: the session is reachable by all of them, the newest eight.
#[must_use]
pub fn with_sid(kept: Option<&serde_json::Value>, sid: String) -> Vec<String> {
    let mut all = sids(kept);
    all.retain(|known| *known != sid);
    all.push(sid);
    all.split_off(all.len().saturating_sub(MOST_SIDS))
}
