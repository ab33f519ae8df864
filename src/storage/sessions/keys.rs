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
/// The id of the session at the identity provider (`sid`), if it stated one.
pub const SID: &str = "idp_sid";
/// The id the session has from the save on that this comes with, as text; never kept itself.
pub const NEXT: &str = "next_id";
