//! Whether a policy leaves somebody any way to start a secure session, with what they have.

use super::ElevationPolicy;
use crate::factor::{Enrolled, Kit};
use crate::session::ProofKind;

/// What somebody has to prove presence with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ways {
    /// Whether they have a second factor.
    pub enrolled: Enrolled,
    /// Whether they can type a code: of an app, or a recovery code.
    pub code: bool,
    /// Whether one of them is a passkey that answers here.
    pub passkey: bool,
    /// Whether they have a password here.
    pub password: bool,
    /// Whether a provider that may prove a fresh sign-in knows them.
    pub fresh: bool,
    /// Whether a provider that cannot prove one knows them.
    pub unprovable: bool,
}

impl Ways {
    /// Second factors alone, at a console that passkeys know by this name.
    #[must_use]
    pub fn with(kit: &Kit, name: Option<&str>) -> Self {
        Self {
            enrolled: kit.enrolled,
            code: kit.has_code(),
            passkey: kit.has_passkey(name),
            password: false,
            fresh: false,
            unprovable: false,
        }
    }

    /// The kinds of proof they can bring.
    #[must_use]
    pub fn kinds(&self) -> Vec<ProofKind> {
        // Whoever can prove a fresh sign-in can also be told that it was not proven this time.
        let answer = self.fresh || self.unprovable;
        [
            (self.fresh, ProofKind::Fresh),
            (answer && self.code, ProofKind::UnprovableAndFactor),
            (answer && self.passkey, ProofKind::UnprovableAndPasskey),
            (self.password, ProofKind::Password),
            (self.password && self.code, ProofKind::PasswordAndFactor),
            (self.password && self.passkey, ProofKind::PasswordAndPasskey),
            (self.password && self.passkey, ProofKind::Passkey),
        ]
        .into_iter()
        .filter_map(|(can, kind)| can.then_some(kind))
        .collect()
    }
}

impl ElevationPolicy {
    /// Whether somebody with these ways can start a secure session.
    #[must_use]
    pub fn leaves_a_way(&self, ways: &Ways) -> bool {
        let mut kinds = ways.kinds().into_iter();
        kinds.any(|kind| self.accepts(kind, ways.enrolled))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FactorRule, PasswordRule, ProviderRule};
    use super::*;

    const NOTHING: Ways = Ways {
        enrolled: Enrolled::No,
        code: false,
        passkey: false,
        password: false,
        fresh: false,
        unprovable: false,
    };

    #[test]
    fn a_policy_leaves_a_way_to_whoever_has_what_it_asks_for() {
        let easy = ElevationPolicy::default();
        let password = Ways {
            password: true,
            ..NOTHING
        };
        let app = Ways {
            enrolled: Enrolled::Yes,
            code: true,
            ..password
        };
        let passkey = Ways {
            passkey: true,
            ..app
        };
        let silent = Ways {
            unprovable: true,
            ..NOTHING
        };
        assert!(!easy.leaves_a_way(&NOTHING));
        assert!(easy.leaves_a_way(&password) && easy.leaves_a_way(&app));
        assert!(!easy.leaves_a_way(&silent));
        let asks = ElevationPolicy {
            password: PasswordRule::WithFactor,
            ..easy.clone()
        };
        assert!(!asks.leaves_a_way(&password) && asks.leaves_a_way(&app));
        let resistant = ElevationPolicy {
            factors: FactorRule::Passkey,
            ..asks
        };
        assert!(!resistant.leaves_a_way(&app) && resistant.leaves_a_way(&passkey));
        let fresh = Ways {
            fresh: true,
            ..NOTHING
        };
        let providers = ElevationPolicy {
            password: PasswordRule::Never,
            ..resistant
        };
        assert!(!providers.leaves_a_way(&passkey) && providers.leaves_a_way(&fresh));
        let confirmed = ElevationPolicy {
            provider: ProviderRule::FreshOrConfirmed,
            ..providers
        };
        let known = Ways {
            unprovable: true,
            password: false,
            ..passkey
        };
        assert!(confirmed.leaves_a_way(&known) && !confirmed.leaves_a_way(&silent));
    }
}
