//! Faults that can be put into one answer of a provider, on demand: the raw material of tests
//! and demonstrations of bad input. `O` numbers are rows of the attack catalogue.

use serde::{Deserialize, Serialize};

/// What to falsify. In JSON the names are in kebab-case, for example `"wrong-issuer"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tamper {
    // The ID token's claims, correctly signed.
    /// `iss` is another issuer.
    WrongIssuer,
    /// `iss` has a slash too many (O27).
    IssuerWithSlash,
    /// `aud` is another client (O24).
    WrongAudience,
    /// `aud` has two entries and there is no `azp` (O25).
    SeveralAudiences,
    /// `aud` has two entries and `azp` is the other one (O26).
    WrongAuthorizedParty,
    /// `nonce` is not the one sent (O6).
    WrongNonce,
    /// `nonce` is missing (O5).
    MissingNonce,
    /// `exp` lies an hour back (O28).
    Expired,
    /// `iat` lies a day ahead (O29).
    IssuedInFuture,
    /// `iat` is missing.
    MissingIssueTime,
    /// `nbf` lies a day ahead (O30).
    NotYetValid,
    /// `sub` is missing (O31).
    MissingSubject,
    /// `sub` is empty (O31).
    EmptySubject,
    /// `sub` has 256 characters (O31: at most 255 are allowed).
    LongSubject,
    /// `sub` is another person of the lab.
    OtherSubject,
    /// `sub` occurs twice in the JSON: another person first, then the right one (O23).
    DuplicateClaim,
    /// `auth_time` is a string of digits.
    AuthTimeString,
    /// `auth_time` lies a day ahead.
    AuthTimeFuture,
    /// `auth_time` counts milliseconds.
    AuthTimeMilliseconds,
    /// `auth_time` has a fraction: unusual, and valid.
    AuthTimeFloat,
    /// `auth_time` is missing (O56).
    MissingAuthTime,
    /// `at_hash` belongs to another access token (O34).
    WrongAccessTokenHash,
    /// `email_verified` is the string "false" (O75).
    EmailVerifiedString,

    // The ID token's signature and header.
    /// `alg` is `none` and there is no signature (O15).
    AlgNone,
    /// One bit of the signature is flipped.
    BadSignature,
    /// HS256 with the public key as secret (O16).
    Hs256PublicKey,
    /// HS256 with the client secret (O17).
    Hs256ClientSecret,
    /// Signed by a key that is not published, under its own `kid`.
    UnknownKid,
    /// Signed by a key that is not published, under the published `kid`.
    ForeignKey,
    /// The header carries the signing key itself, which is not published (O21).
    EmbeddedKey,
    /// The header has no `kid`; the signature is good.
    MissingKid,
    /// The header names a critical extension nobody knows (O22).
    CriticalHeader,
    /// The provider takes a new key just before signing and withdraws the old one (O63).
    KeyRotation,

    // The token endpoint.
    /// Status 500 with a JSON error (O70).
    TokenServerError,
    /// Status 200 with a page of HTML (O70).
    TokenHtml,
    /// A body of more than 1 MB (O70).
    TokenHuge,
    /// Status 400 `invalid_grant` for a good code.
    TokenRefused,
    /// A token response without an ID token.
    MissingIdToken,

    // The userinfo endpoint.
    /// `sub` is another person than in the ID token (O32).
    UserinfoOtherSubject,
    /// `sub` is missing (O33).
    UserinfoMissingSubject,

    // The authorization response.
    /// `iss` is missing although discovery promises it (O12).
    OmitIss,
    /// `iss` names another issuer (O11).
    WrongIss,
    /// `state` is not the one sent (O2).
    WrongState,
    /// `state` is missing (O1).
    MissingState,
    /// `error=access_denied` with HTML in the description (O53).
    ErrorAccessDenied,
    /// `error=login_required` with HTML in the description (O53).
    ErrorLoginRequired,
    /// `error=temporarily_unavailable` with HTML in the description (O53).
    ErrorTemporarilyUnavailable,

    // Discovery.
    /// `issuer` in the discovery document is another one (O13).
    DiscoveryWrongIssuer,
}

/// How long a tamper stays armed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// It falsifies the next answer it applies to, and is gone.
    #[default]
    Once,
    /// It stays until it is cleared.
    UntilCleared,
}

/// The answer a tamper belongs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    IdToken,
    TokenResponse,
    Userinfo,
    AuthorizationResponse,
    Discovery,
}

impl Tamper {
    /// Every tamper, for tables of tests and for the lab's own pages.
    pub const ALL: [Self; 48] = [
        Self::WrongIssuer,
        Self::IssuerWithSlash,
        Self::WrongAudience,
        Self::SeveralAudiences,
        Self::WrongAuthorizedParty,
        Self::WrongNonce,
        Self::MissingNonce,
        Self::Expired,
        Self::IssuedInFuture,
        Self::MissingIssueTime,
        Self::NotYetValid,
        Self::MissingSubject,
        Self::EmptySubject,
        Self::LongSubject,
        Self::OtherSubject,
        Self::DuplicateClaim,
        Self::AuthTimeString,
        Self::AuthTimeFuture,
        Self::AuthTimeMilliseconds,
        Self::AuthTimeFloat,
        Self::MissingAuthTime,
        Self::WrongAccessTokenHash,
        Self::EmailVerifiedString,
        Self::AlgNone,
        Self::BadSignature,
        Self::Hs256PublicKey,
        Self::Hs256ClientSecret,
        Self::UnknownKid,
        Self::ForeignKey,
        Self::EmbeddedKey,
        Self::MissingKid,
        Self::CriticalHeader,
        Self::KeyRotation,
        Self::TokenServerError,
        Self::TokenHtml,
        Self::TokenHuge,
        Self::TokenRefused,
        Self::MissingIdToken,
        Self::UserinfoOtherSubject,
        Self::UserinfoMissingSubject,
        Self::OmitIss,
        Self::WrongIss,
        Self::WrongState,
        Self::MissingState,
        Self::ErrorAccessDenied,
        Self::ErrorLoginRequired,
        Self::ErrorTemporarilyUnavailable,
        Self::DiscoveryWrongIssuer,
    ];

    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::TokenServerError
            | Self::TokenHtml
            | Self::TokenHuge
            | Self::TokenRefused
            | Self::MissingIdToken => Stage::TokenResponse,
            Self::UserinfoOtherSubject | Self::UserinfoMissingSubject => Stage::Userinfo,
            Self::OmitIss
            | Self::WrongIss
            | Self::WrongState
            | Self::MissingState
            | Self::ErrorAccessDenied
            | Self::ErrorLoginRequired
            | Self::ErrorTemporarilyUnavailable => Stage::AuthorizationResponse,
            Self::DiscoveryWrongIssuer => Stage::Discovery,
            _ => Stage::IdToken,
        }
    }
}

/// The tampers waiting at one provider, in the order they were armed.
#[derive(Debug, Default)]
pub(crate) struct Armed(Vec<(Tamper, Hold)>);

impl Armed {
    pub(crate) fn add(&mut self, tamper: Tamper, hold: Hold) {
        self.0.push((tamper, hold));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first tamper for `stage`; it is disarmed unless it holds.
    pub(crate) fn take(&mut self, stage: Stage) -> Option<Tamper> {
        let index = self
            .0
            .iter()
            .position(|(tamper, _)| tamper.stage() == stage)?;
        let (tamper, hold) = *self.0.get(index)?;
        if hold == Hold::Once {
            self.0.remove(index);
        }
        Some(tamper)
    }

    pub(crate) fn list(&self) -> Vec<Tamper> {
        self.0.iter().map(|(tamper, _)| *tamper).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_has_no_tamper_twice() {
        assert_eq!(HashSet::from(Tamper::ALL).len(), Tamper::ALL.len());
    }

    #[test]
    fn a_tamper_is_armed_once_unless_it_holds() {
        let mut armed = Armed::default();
        armed.add(Tamper::OmitIss, Hold::Once);
        armed.add(Tamper::AlgNone, Hold::UntilCleared);
        assert_eq!(armed.take(Stage::Userinfo), None);
        assert_eq!(
            armed.take(Stage::AuthorizationResponse),
            Some(Tamper::OmitIss)
        );
        assert_eq!(armed.take(Stage::AuthorizationResponse), None);
        assert_eq!(armed.take(Stage::IdToken), Some(Tamper::AlgNone));
        assert_eq!(armed.take(Stage::IdToken), Some(Tamper::AlgNone));
        armed.clear();
        assert_eq!(armed.take(Stage::IdToken), None);
    }

    #[test]
    fn names_in_json_are_kebab_case() {
        let name = serde_json::to_string(&Tamper::Hs256PublicKey).unwrap();
        assert_eq!(name, r#""hs256-public-key""#);
    }
}
