//! What somebody brings as their second factor: a code, or the answer of a passkey.

use muster_domain::Error;
use muster_domain::factor::{Enrolled, Factor, FactorChecked, FactorKind};
use muster_domain::id::UserId;
use muster_domain::user::User;
use muster_storage::factors as rows;

use super::check::passkey::{self, Given};
use super::{Purpose, bound_name, check};
use crate::{Call, Services};

/// A code, or the answer of a passkey.
#[derive(Clone, Copy, Debug)]
pub enum Brought<'a> {
    /// A code of an app, or a recovery code.
    Code(&'a str),
    /// The answer of a passkey.
    Passkey(Given<'a>),
}

impl<'a> From<&'a str> for Brought<'a> {
    fn from(code: &'a str) -> Self {
        Self::Code(code)
    }
}

impl<'a> From<&'a String> for Brought<'a> {
    fn from(code: &'a String) -> Self {
        Self::Code(code)
    }
}

/// Checks what this person brought and uses it up.
///
/// # Errors
/// As [`check`] and [`passkey::check`].
pub async fn check_brought(
    services: &Services,
    call: &Call,
    user: &User,
    purpose: Purpose,
    brought: Brought<'_>,
) -> Result<FactorChecked, Error> {
    match brought {
        Brought::Code(code) => check(services, call, user, code).await,
        Brought::Passkey(given) => passkey::check(services, call, user, purpose, given).await,
    }
}

/// Which second factors of a person can answer now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kinds {
    /// Whether they have any second factor, usable or not: recovery codes stand in for it.
    pub enrolled: Enrolled,
    /// Whether one of them is an app.
    pub app: bool,
    /// Whether one of them is a passkey that answers to the public address.
    pub passkey: bool,
}

/// Which second factors of a person can answer now.
///
/// # Errors
/// When they cannot be read.
pub async fn kinds(services: &Services, user: UserId) -> Result<Kinds, Error> {
    let name = bound_name(services).await?;
    let all = rows::of_user(services.db(), user).await?;
    let any = |kind| {
        let mut usable = all
            .iter()
            .filter(|one: &&Factor| one.answers_to(name.as_deref()));
        usable.any(|one| one.kind == kind)
    };
    Ok(Kinds {
        enrolled: if all.is_empty() {
            Enrolled::No
        } else {
            Enrolled::Yes
        },
        app: any(FactorKind::Totp),
        passkey: any(FactorKind::Passkey),
    })
}
