//! Every failure of this crate: its stable code, what it means, and the way out. `docs/errors.md` lists them.
//!
//! The words here are the general ones; where more is known (two issuers that differ, the provider's own
//! error), the sentence is made more exact and the code stays.

use std::borrow::Cow;
use std::fmt::Display;

use muster_domain::{Error, Kind};

/// One kind of failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Stable code.
    pub code: &'static str,
    /// What sort of failure it is.
    pub kind: Kind,
    /// What happened, and why.
    pub public: &'static str,
    /// What to do next.
    pub next: &'static str,
}

impl Fault {
    /// The failure in its general words.
    pub(crate) fn error(&self) -> Error {
        Error::new(self.code, self.kind, self.public).next(self.next)
    }

    /// The failure with a detail for the log. Never pass a token, code or secret.
    pub(crate) fn because(&self, detail: impl Display) -> Error {
        self.error().internal(detail)
    }

    /// The failure in more exact words.
    pub(crate) fn saying(&self, public: impl Into<Cow<'static, str>>) -> Error {
        Error::new(self.code, self.kind, public).next(self.next)
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident, $public:literal, $next:literal;)+) => {
        $($(#[$doc])* pub const $name: Fault = Fault {
            code: $code, kind: Kind::$kind, public: $public, next: $next,
        };)+
        /// All of them, in the order of their codes.
        pub const ALL: &[Fault] = &[$($name),+];
    };
}

faults! {
    /// The address may not be asked.
    ADDRESS_REFUSED = "OIDC-001", Invalid,
        "The provider's address is not one Muster may call.",
        "Use an address that begins with https:// and is not a link-local or metadata address.";
    /// The name does not resolve.
    NAME_UNKNOWN = "OIDC-002", Upstream,
        "The provider's host name is not known.",
        "Check the spelling of the address, and whether this server can resolve the name (DNS).";
    /// Nothing listens there, or the network fails.
    UNREACHABLE = "OIDC-003", Upstream,
        "The provider cannot be reached.",
        "Check that the provider is running and that no firewall stands between it and this server.";
    /// The TLS certificate does not hold.
    CERTIFICATE = "OIDC-004", Upstream,
        "The provider's certificate cannot be trusted.",
        "Install the issuing authority's certificate in this server's trust store, or have the provider's certificate renewed.";
    /// No answer in time.
    TIMEOUT = "OIDC-005", Upstream,
        "The provider did not answer in time.",
        "Try again. If it stays, check the provider's load and the network between it and this server.";
    /// A redirect where a document should be.
    REDIRECT = "OIDC-006", Upstream,
        "The provider answered with a redirect, which is not followed.",
        "Enter the address it redirects to, if that is the provider's issuer.";
    /// Discovery answered with another status than 200.
    DISCOVERY_STATUS = "OIDC-007", Upstream,
        "The provider's discovery document was not found.",
        "Compare the issuer with the provider's documentation: a realm, tenant or policy often belongs in its path.";
    /// Discovery is no JSON object.
    DISCOVERY_UNREADABLE = "OIDC-008", Upstream,
        "The provider's discovery document cannot be read.",
        "Check that the issuer's address leads to the provider itself and not to a web page in front of it.";
    /// An answer larger than accepted.
    ANSWER_TOO_LARGE = "OIDC-009", Upstream,
        "The provider's answer is larger than 1 MiB and was not read.",
        "Check that the address leads to an OpenID Connect provider.";
    /// The discovery document names another issuer.
    ISSUER_DIFFERS = "OIDC-010", Upstream,
        "The provider calls itself by another issuer than the one configured here.",
        "Enter the issuer exactly as the provider states it, letter by letter, including a slash at the end.";
    /// The discovery document misses something sign-in needs.
    DISCOVERY_INCOMPLETE = "OIDC-011", Upstream,
        "The provider's discovery document misses something that sign-in needs.",
        "Enable OpenID Connect with the authorization code flow at the provider.";
    /// The published keys cannot be read.
    KEYS_UNREADABLE = "OIDC-012", Upstream,
        "The provider's signing keys cannot be read.",
        "Check that the address in the provider's jwks_uri can be reached from this server and holds JSON.";
    /// No published key is usable.
    KEYS_UNUSABLE = "OIDC-013", Upstream,
        "The provider publishes no signing key that can be used.",
        "Give the provider an RSA key of at least 2048 bits or an elliptic curve key for signing.";
    /// The pushed authorization request was refused.
    PUSH_REFUSED = "OIDC-014", Upstream,
        "The provider refused the pushed sign-in request.",
        "Check client identifier, client secret and redirect address at the provider, or set pushed requests to never.";
    /// The settings are not complete.
    SETTINGS = "OIDC-015", Invalid,
        "The provider's settings are not complete.",
        "Open the provider's settings and fill in what is missing.";
    /// Requests are to be pushed always, and the provider takes none.
    PUSH_MISSING = "OIDC-016", Upstream,
        "Requests to this provider are to be pushed always, and it takes no pushed requests.",
        "Have the provider take pushed requests (RFC 9126), or set them to “When the provider offers them” in its settings.";
    /// The authorization response holds no code.
    CODE_MISSING = "OIDC-020", Invalid,
        "The provider sent the browser back without a code.",
        "Start the sign-in again. If it stays, check that the provider's client uses the authorization code flow.";
    /// The answer comes from another provider than the one asked (RFC 9207).
    ANSWERED_BY_ANOTHER = "OIDC-021", Invalid,
        "The answer comes from another provider than the one that was asked.",
        "Start the sign-in again. If it stays, somebody may be tampering with sign-ins: look at the audit log.";
    /// The answer does not say which provider it comes from, although it must (RFC 9207).
    ANSWERER_MISSING = "OIDC-022", Invalid,
        "The answer does not say which provider it comes from, although this provider promises to say so.",
        "Start the sign-in again. If it stays, report it to the provider's administrator.";
    /// The token endpoint refused the client.
    CLIENT_REFUSED = "OIDC-023", Upstream,
        "The provider did not accept the client identifier or client secret.",
        "Enter the client secret again; it may have expired. Compare the client authentication method, too.";
    /// The token endpoint refused the code.
    CODE_REFUSED = "OIDC-024", Upstream,
        "The provider did not accept the code of this sign-in: it may have expired or been used before.",
        "Start the sign-in again.";
    /// The token endpoint refused for another reason.
    TOKEN_REFUSED = "OIDC-025", Upstream,
        "The provider refused to complete the sign-in.",
        "Look at the provider's own log for this moment; it knows the reason.";
    /// The token endpoint's answer cannot be read.
    TOKEN_UNREADABLE = "OIDC-026", Upstream,
        "The provider's answer to the sign-in cannot be read.",
        "Try again. If it stays, check the provider's token endpoint and what stands in front of it.";
    /// The token endpoint sent no ID token.
    ID_TOKEN_MISSING = "OIDC-027", Upstream,
        "The provider sent no ID token.",
        "Check that the scopes contain openid and that the client at the provider uses OpenID Connect.";
    /// Not a signed token at all.
    TOKEN_MALFORMED = "OIDC-030", Upstream,
        "The provider's ID token is not a well-formed signed token.",
        "Report it to the provider's administrator.";
    /// The token is encrypted.
    TOKEN_ENCRYPTED = "OIDC-031", Upstream,
        "The provider's ID token is encrypted, which is not supported.",
        "Switch off ID token encryption for this client at the provider.";
    /// The algorithm is not on the list.
    ALGORITHM = "OIDC-032", Upstream,
        "The provider's ID token is signed with an algorithm that is not accepted.",
        "Let the provider sign with RS256, PS256, ES256 or EdDSA.";
    /// No published key fits.
    KEY_UNKNOWN = "OIDC-033", Upstream,
        "The provider's ID token is signed with a key that the provider does not publish.",
        "Try again in a minute: the provider may be changing its keys. If it stays, somebody else may have signed it.";
    /// The signature does not hold.
    SIGNATURE = "OIDC-034", Upstream,
        "The signature of the provider's ID token does not hold.",
        "Start the sign-in again. If it stays, somebody may be tampering with answers: look at the audit log.";
    /// Signed with a weak key.
    KEY_WEAK = "OIDC-035", Upstream,
        "The provider's ID token is signed with an RSA key of less than 2048 bits.",
        "Give the provider a stronger signing key.";
    /// A critical header nobody understands.
    HEADER_CRITICAL = "OIDC-036", Upstream,
        "The provider's ID token demands an extension that is not supported.",
        "Switch off token extensions for this client at the provider.";
    /// A name occurs twice.
    CLAIM_REPEATED = "OIDC-037", Upstream,
        "The provider's ID token names the same claim twice, so that it can be read in two ways.",
        "Report it to the provider's administrator: two mappings may write the same claim.";
    /// Another sort of token.
    TOKEN_TYPE = "OIDC-038", Upstream,
        "The provider sent another sort of token in place of the ID token.",
        "Report it to the provider's administrator.";
    /// Issued by somebody else.
    TOKEN_ISSUER = "OIDC-040", Upstream,
        "The ID token names another issuer than the one configured here.",
        "Enter the issuer exactly as the provider states it, letter by letter.";
    /// Meant for somebody else.
    TOKEN_AUDIENCE = "OIDC-041", Upstream,
        "The ID token is meant for another application.",
        "Compare the client identifier with the one at the provider.";
    /// Issued to somebody else.
    TOKEN_PARTY = "OIDC-042", Upstream,
        "The ID token was issued to another application.",
        "Compare the client identifier with the one at the provider.";
    /// No longer valid.
    TOKEN_EXPIRED = "OIDC-043", Upstream,
        "The ID token is no longer valid.",
        "Start the sign-in again. If it stays, compare the clocks of the provider and this server.";
    /// Not valid yet.
    TOKEN_EARLY = "OIDC-044", Upstream,
        "The ID token is not valid yet.",
        "Compare the clocks of the provider and this server, and set both by the network (NTP): they differ by more than two minutes.";
    /// Times are missing or no times.
    TOKEN_TIMES = "OIDC-045", Upstream,
        "The ID token does not state when it was issued and when it ends.",
        "Report it to the provider's administrator.";
    /// Not the answer to this question.
    TOKEN_NONCE = "OIDC-046", Upstream,
        "The ID token is not the answer to this sign-in.",
        "Start the sign-in again, in one browser tab.";
    /// Nobody, or a name too long.
    TOKEN_SUBJECT = "OIDC-047", Upstream,
        "The ID token does not say who signed in.",
        "Check the mapping of the subject (sub) at the provider: 1 to 255 characters.";
    /// Belongs to another code or access token.
    TOKEN_HASH = "OIDC-048", Upstream,
        "The ID token belongs to another answer than the one it came with.",
        "Start the sign-in again.";
    /// Userinfo failed.
    USERINFO = "OIDC-050", Upstream,
        "The provider did not tell who signed in when it was asked (userinfo).",
        "Let the provider put the claims into the ID token and set userinfo to never, or repair its userinfo endpoint.";
    /// Userinfo is about somebody else.
    USERINFO_SUBJECT = "OIDC-051", Upstream,
        "The provider told about another person than the one who signed in (userinfo).",
        "Start the sign-in again. If it stays, report it to the provider's administrator.";
    /// No announcement of a sign-out.
    LOGOUT_EVENT = "OIDC-060", Invalid,
        "The provider's logout token announces no sign-out.",
        "Report it to the provider's administrator.";
    /// A logout token with a nonce could be an ID token.
    LOGOUT_NONCE = "OIDC-061", Invalid,
        "The provider's logout token has a nonce, which only ID tokens have.",
        "Report it to the provider's administrator.";
    /// Nobody, or no id of its own.
    LOGOUT_WHO = "OIDC-062", Invalid,
        "The provider's logout token does not say whose session is over, or has no id of its own.",
        "Report it to the provider's administrator.";
    /// The HTTP client cannot be made.
    CLIENT_UNMADE = "OIDC-090", Unavailable,
        "The part that talks to identity providers cannot start.",
        "Check the certificate store of this server.";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique_ordered_and_worded() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for fault in ALL {
            assert!(
                fault.public.ends_with('.') && fault.next.ends_with('.'),
                "{}",
                fault.code
            );
        }
    }
}
