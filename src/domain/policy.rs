//! Which proofs of presence start a secure session, for how long, and how firmly it is held: one policy per role.
//!
//! A person of several roles is bound by the strictest of each ([`ElevationPolicy::and`]). No policy can make a refuted
//! answer good: [`ElevationPolicy::accepts`] is asked about kinds of proof, and there is none of a bounce.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::factor::Enrolled;
use crate::role::{Level, Role};
use crate::session::ProofKind;

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
pub struct ElevationPolicy {
    /// What a provider's answer has to be.
    pub provider: ProviderRule,
    /// What a password is worth.
    pub password: PasswordRule,
    /// From grant to end, in seconds.
    pub lifetime_seconds: u32,
    /// After how many seconds without a request it ends before that; none: it does not.
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
        match kind {
            ProofKind::Fresh => true,
            ProofKind::UnprovableAndFactor => self.provider == ProviderRule::FreshOrConfirmed,
            ProofKind::Password => {
                self.password == PasswordRule::Enough && enrolled == Enrolled::No
            }
            ProofKind::PasswordAndFactor => self.password != PasswordRule::Never,
        }
    }

    /// Both at once: of each rule the stricter one.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            provider: self.provider.max(other.provider),
            password: self.password.max(other.password),
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

    /// How long a secure session lasts, never outside the bounds.
    #[must_use]
    pub fn lifetime_seconds(&self) -> u32 {
        self.lifetime_seconds.clamp(SHORTEST, LONGEST)
    }

    /// The same for a break-glass account: it must get in when every provider is down, so its password counts whatever
    /// the others may do. Its second factor counts too, once it has one.
    #[must_use]
    pub fn for_break_glass(self) -> Self {
        Self {
            password: PasswordRule::Enough,
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
            any::<bool>(),
            any::<bool>(),
            proptest::sample::select(Level::ALL.to_vec()),
        )
            .prop_map(
                |(provider, password, lifetime_seconds, idle_seconds, stays, asked, from)| {
                    ElevationPolicy {
                        provider,
                        password,
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
            ..ElevationPolicy::default()
        };
        assert!(!never.accepts(ProofKind::PasswordAndFactor, Enrolled::Yes));
        let glass = never.for_break_glass();
        assert!(glass.accepts(ProofKind::Password, Enrolled::No));
        assert!(!glass.accepts(ProofKind::Password, Enrolled::Yes));
        assert!(glass.accepts(ProofKind::PasswordAndFactor, Enrolled::Yes));
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
        fn no_policy_lets_somebody_with_a_second_factor_go_without_it_by_password(policy in policies()) {
            prop_assert!(!policy.accepts(ProofKind::Password, Enrolled::Yes));
            prop_assert!((SHORTEST..=LONGEST).contains(&policy.lifetime_seconds()));
        }
    }
}
