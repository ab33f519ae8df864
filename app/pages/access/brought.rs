//! The second factor as forms send it: a code, or the answer of a passkey with the question it answers.

use muster_domain::id::CeremonyId;
use muster_domain::session::SessionKey;
use muster_services::factors::{Brought, Given};
use uuid::Uuid;

/// What the fields `code`, `ceremony` and `answer` hold. An answer counts before a code.
pub(crate) fn brought<'a>(
    session: &'a SessionKey,
    code: &'a str,
    ceremony: &str,
    answer: &'a str,
) -> Brought<'a> {
    if answer.is_empty() {
        return Brought::Code(code);
    }
    Brought::Passkey(Given {
        session,
        ceremony: question(ceremony),
        answer,
    })
}

/// The question an answer names. What is no id names none.
pub(crate) fn question(ceremony: &str) -> CeremonyId {
    ceremony.parse().unwrap_or(CeremonyId(Uuid::nil()))
}

/// Without script, or instead.
pub(crate) const OTHERWISE: &str = "Type a code instead.";
