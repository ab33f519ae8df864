//! Which proofs of presence start a secure session, for how long, and how firmly it is held: one policy per role.
//!
//! A person of several roles is bound by the strictest of each ([`ElevationPolicy::and`]). No policy can make a refuted
//! answer good: [`ElevationPolicy::accepts`] is asked about kinds of proof, and there is none of a bounce.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::factor::Enrolled;
use crate::role::{Level, Role};
use crate::session::ProofKind;

mod ways;

pub use ways::Ways;

/// What an identity provider's answer has to be. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderRule {
    /// Fresh; or Unprovable and confirmed with a second factor.
    FreshOrConfirmed,
    /// Fresh.
    Fresh,
}

/// What a password of the internal directory is worth. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordRule {
    /// It is enough for whoever has no second factor; whoever has one uses it too.
    Enough,
    /// It needs a second factor beside it.
    WithFactor,
    /// It starts no secure session.
    Never,
}

/// Which second factors count. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorRule {
    /// Codes and passkeys.
    #[default]
    Any,
    /// Passkeys: a code can be given away to whoever asks nicely, the answer of a passkey is worth nothing elsewhere.
    Passkey,
}

/// What a passkey is worth without anything beside it. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyRule {
    /// As much as a password with a second factor: it is something a person has, and it verified who holds it by a PIN,
    /// a finger or a face. It counts where that counts: for accounts with a password here, and nowhere if
    /// [`PasswordRule::Never`] says that only providers do.
    #[default]
    Enough,
    /// Nothing: it stands beside a password or an answer of a provider.
    Beside,
}

/// Whether a secure session goes on from another address. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// It may change, as phones do.
    MayChange,
    /// It must stay the one that proved presence.
    Stays,
}

/// Whether people say what they want a secure session for. The stricter one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody asks.
    NotAsked,
    /// They write it down, and it goes on record.
    Asked,
}

/// The rules of one role, or of one person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElevationPolicy {
    /// What a provider's answer has to be.
    pub provider: ProviderRule,
    /// What a password is worth.
    pub password: PasswordRule,
    /// Which second factors count.
    pub factors: FactorRule,
    /// What a passkey is worth alone.
    pub passkey: PasskeyRule,
    /// From grant to end, in seconds.
    pub lifetime_seconds: u32,
    /// After how many seconds without a request it ends before that; none: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u32>,
    /// Whether it goes on from another address.
    pub address: Address,
    /// Whether a reason is asked for.
    pub reason: Reason,
    /// From which level on a secure session is asked for. What is dangerous always is.
    #[serde(default)]
    pub from: Level,
}

/// Shortest lifetime that leaves time to do something, in seconds.
pub const SHORTEST: u32 = 60;
/// Longest lifetime, in seconds: beyond an hour nobody knows any more who sits there.
pub const LONGEST: u32 = 3600;
/// Shortest idle end, in seconds: when a session was seen is written down once a minute.
pub const SHORTEST_IDLE: u32 = 120;

impl Default for ElevationPolicy {
    /// Ten minutes, as administrators know it from comparable systems.
    fn default() -> Self {
        Self {
            provider: ProviderRule::Fresh,
            password: PasswordRule::Enough,
            factors: FactorRule::Any,
            passkey: PasskeyRule::Enough,
            lifetime_seconds: 600,
            idle_seconds: None,
            address: Address::MayChange,
            reason: Reason::NotAsked,
            from: Level::Dangerous,
        }
    }
}

impl ElevationPolicy {
    /// Whether such a proof, of somebody who has a second factor or none, starts a secure session.
    #[must_use]
    pub fn accepts(&self, kind: ProofKind, enrolled: Enrolled) -> bool {
        let any = self.factors == FactorRule::Any;
        match kind {
            ProofKind::Fresh => true,
            ProofKind::UnprovableAndFactor => {
                any && self.provider == ProviderRule::FreshOrConfirmed
            }
            ProofKind::UnprovableAndPasskey => self.provider == ProviderRule::FreshOrConfirmed,
            ProofKind::Password => {
                self.password == PasswordRule::Enough && enrolled == Enrolled::No
            }
            ProofKind::PasswordAndFactor => any && self.password != PasswordRule::Never,
            ProofKind::PasswordAndPasskey => self.password != PasswordRule::Never,
            ProofKind::Passkey => {
                self.passkey == PasskeyRule::Enough && self.password != PasswordRule::Never
            }
        }
    }

    /// Both at once: of each rule the stricter one.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            provider: self.provider.max(other.provider),
            password: self.password.max(other.password),
            factors: self.factors.max(other.factors),
            passkey: self.passkey.max(other.passkey),
            lifetime_seconds: self.lifetime_seconds.min(other.lifetime_seconds),
            idle_seconds: match (self.idle_seconds, other.idle_seconds) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            },
            address: self.address.max(other.address),
            reason: self.reason.max(other.reason),
            from: self.from.min(other.from),
        }
    }

    /// What is outside its bounds, by field. Empty: it can be set.
    #[must_use]
    pub fn out_of_bounds(&self) -> Vec<&'static str> {
        let lasts = (SHORTEST..=LONGEST).contains(&self.lifetime_seconds);
        let idles = self
            .idle_seconds
            .is_none_or(|idle| (SHORTEST_IDLE..=LONGEST).contains(&idle));
        [(lasts, "lifetime_seconds"), (idles, "idle_seconds")]
            .into_iter()
            .filter_map(|(holds, field)| (!holds).then_some(field))
            .collect()
    }

    /// How long a secure session lasts, never outside the bounds.
    #[must_use]
    pub fn lifetime_seconds(&self) -> u32 {
        self.lifetime_seconds.clamp(SHORTEST, LONGEST)
    }

    /// The same for a break-glass account: it must get in when every provider is down, so its password counts whatever
    /// the others may do. Its second factor counts too, once it has one: of whatever kind, since a passkey is worth
    /// nothing on the day when this console is reached under another name.
    #[must_use]
    pub fn for_break_glass(self) -> Self {
        Self {
            password: PasswordRule::Enough,
            factors: FactorRule::Any,
            ..self
        }
    }
}

/// The policies of all roles. A role without one has the default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<Role, ElevationPolicy>);

impl Policies {
    /// The policy of one role.
    #[must_use]
    pub fn of_role(&self, role: Role) -> ElevationPolicy {
        self.0.get(&role).cloned().unwrap_or_default()
    }

    /// The policy of somebody with these roles; of somebody without any, the default.
    #[must_use]
    pub fn of_roles(&self, roles: &[Role]) -> ElevationPolicy {
        roles
            .iter()
            .map(|role| self.of_role(*role))
            .reduce(|one, other| one.and(&other))
            .unwrap_or_default()
    }

    /// Replaces the policy of one role.
    pub fn set(&mut self, role: Role, policy: ElevationPolicy) {
        self.0.insert(role, policy);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn policies() -> impl Strategy<Value = ElevationPolicy> {
        (
            proptest::sample::select(vec![ProviderRule::FreshOrConfirmed, ProviderRule::Fresh]),
            proptest::sample::select(vec![
                PasswordRule::Enough,
                PasswordRule::WithFactor,
                PasswordRule::Never,
            ]),
            0_u32..10_000,
            proptest::option::of(0_u32..10_000),
            any::<[bool; 4]>(),
            proptest::sample::select(Level::ALL.to_vec()),
        )
            .prop_map(
                |(
                    provider,
                    password,
                    lifetime_seconds,
                    idle_seconds,
                    [stays, asked, resistant, beside],
                    from,
                )| {
                    ElevationPolicy {
                        provider,
                        password,
                        factors: if resistant {
                            FactorRule::Passkey
                        } else {
                            FactorRule::Any
                        },
                        passkey: if beside {
                            PasskeyRule::Beside
                        } else {
                            PasskeyRule::Enough
                        },
                        lifetime_seconds,
                        idle_seconds,
                        address: if stays {
                            Address::Stays
                        } else {
                            Address::MayChange
                        },
                        reason: if asked {
                            Reason::Asked
                        } else {
                            Reason::NotAsked
                        },
                        from,
                    }
                },
            )
    }

    #[test]
    fn without_a_second_factor_nothing_changes_and_whoever_has_one_uses_it() {
        let policy = ElevationPolicy::default();
        for (kind, has_none, has_one) in [
            (ProofKind::Fresh, true, true),
            (ProofKind::UnprovableAndFactor, false, false),
            (ProofKind::Password, true, false),
            (ProofKind::PasswordAndFactor, true, true),
            (ProofKind::UnprovableAndPasskey, false, false),
            (ProofKind::PasswordAndPasskey, true, true),
            (ProofKind::Passkey, true, true),
        ] {
            assert_eq!(policy.accepts(kind, Enrolled::No), has_none, "{kind:?}");
            assert_eq!(policy.accepts(kind, Enrolled::Yes), has_one, "{kind:?}");
        }
        assert_eq!(
            (policy.lifetime_seconds(), policy.idle_seconds),
            (600, None)
        );
    }

    #[test]
    fn a_break_glass_account_gets_in_by_password_and_by_its_factor_once_it_has_one() {
        let never = ElevationPolicy {
            password: PasswordRule::Never,
            factors: FactorRule::Passkey,
            ..ElevationPolicy::default()
        };
        for kind in [
            ProofKind::PasswordAndFactor,
            ProofKind::PasswordAndPasskey,
            ProofKind::Passkey,
        ] {
            assert!(!never.accepts(kind, Enrolled::Yes), "{kind:?}");
        }
        let glass = never.for_break_glass();
        assert!(glass.accepts(ProofKind::Password, Enrolled::No));
        assert!(!glass.accepts(ProofKind::Password, Enrolled::Yes));
        assert!(glass.accepts(ProofKind::PasswordAndFactor, Enrolled::Yes));
    }

    #[test]
    fn where_passkeys_alone_count_a_code_confirms_nothing() {
        let resistant = ElevationPolicy {
            provider: ProviderRule::FreshOrConfirmed,
            factors: FactorRule::Passkey,
            passkey: PasskeyRule::Beside,
            ..ElevationPolicy::default()
        };
        for (kind, accepted) in [
            (ProofKind::Fresh, true),
            (ProofKind::UnprovableAndFactor, false),
            (ProofKind::UnprovableAndPasskey, true),
            (ProofKind::Password, false),
            (ProofKind::PasswordAndFactor, false),
            (ProofKind::PasswordAndPasskey, true),
            (ProofKind::Passkey, false),
        ] {
            assert_eq!(resistant.accepts(kind, Enrolled::Yes), accepted, "{kind:?}");
        }
    }

    #[test]
    fn a_policy_from_before_passkeys_counts_as_it_did() {
        let before = r#"{"provider":"fresh","password":"with_factor","lifetime_seconds":300,
            "idle_seconds":null,"address":"stays","reason":"not_asked"}"#;
        let policy: ElevationPolicy = serde_json::from_str(before).unwrap();
        let wanted = ElevationPolicy {
            password: PasswordRule::WithFactor,
            lifetime_seconds: 300,
            address: Address::Stays,
            ..ElevationPolicy::default()
        };
        assert_eq!(policy, wanted);
        assert!(serde_json::from_str::<ElevationPolicy>(r#"{"pasword":"never"}"#).is_err());
    }

    #[test]
    fn policies_read_back_as_they_were_stored() {
        let mut policies = Policies::default();
        policies.set(
            Role::Admin,
            ElevationPolicy {
                password: PasswordRule::WithFactor,
                ..ElevationPolicy::default()
            },
        );
        let text = serde_json::to_string(&policies).unwrap();
        assert!(
            text.starts_with("{\"admin\":{\"provider\":\"fresh\""),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Policies>(&text).unwrap(), policies);
        assert_eq!(policies.of_role(Role::Auditor), ElevationPolicy::default());
        let before = text.replace(",\"from\":\"dangerous\"", "");
        assert_ne!(before, text);
        assert_eq!(serde_json::from_str::<Policies>(&before).unwrap(), policies);
    }

    proptest! {
        #[test]
        fn of_several_roles_the_strictest_wins(one in policies(), other in policies()) {
            let both = one.and(&other);
            for kind in ProofKind::ALL {
                for enrolled in [Enrolled::Yes, Enrolled::No] {
                    let each = one.accepts(kind, enrolled) && other.accepts(kind, enrolled);
                    prop_assert_eq!(both.accepts(kind, enrolled), each, "{:?}", kind);
                }
            }
            for part in [&one, &other] {
                prop_assert!(both.lifetime_seconds <= part.lifetime_seconds);
                prop_assert!(part.idle_seconds.is_none_or(|idle| both.idle_seconds.is_some_and(|both| both <= idle)));
                prop_assert!(both.address >= part.address && both.reason >= part.reason && both.from <= part.from);
            }
            prop_assert_eq!(&both, &other.and(&one));
            prop_assert_eq!(&one.and(&one), &one);
        }

        #[test]
        fn what_a_code_confirms_a_passkey_confirms_too(policy in policies()) {
            for (code, passkey) in [
                (ProofKind::UnprovableAndFactor, ProofKind::UnprovableAndPasskey),
                (ProofKind::PasswordAndFactor, ProofKind::PasswordAndPasskey),
            ] {
                prop_assert!(!policy.accepts(code, Enrolled::Yes) || policy.accepts(passkey, Enrolled::Yes));
            }
            prop_assert!(!policy.accepts(ProofKind::Passkey, Enrolled::Yes) || policy.accepts(ProofKind::PasswordAndPasskey, Enrolled::Yes));
        }

        #[test]
        fn no_policy_lets_somebody_with_a_second_factor_go_without_it_by_password(policy in policies()) {
            prop_assert!(!policy.accepts(ProofKind::Password, Enrolled::Yes));
            prop_assert!((SHORTEST..=LONGEST).contains(&policy.lifetime_seconds()));
        }
    }
}
