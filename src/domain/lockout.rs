//! Who still gets in: the sign-in and the secure session of every superadmin, simulated from a description of the
//! installation as it would be after a change.
//!
//! [`keeps_a_way_in`] compares the installation before and after a change and refuses one that leaves no superadmin a
//! way in that is known to work. What is *known* is graded: a password that is stored works; an identity provider works
//! once somebody came in by that identity since its connection was last changed. A change never lowers the best grade
//! there is, so where nobody could get in before, nothing is lost and everything may be repaired.

use std::collections::BTreeMap;

use crate::calibration::Worth;
use crate::factor::{Enrolled, Kit};
use crate::id::{ProviderId, UserId};
use crate::policy::{ElevationPolicy, PasswordRule, Policies, Ways};
use crate::sign_in::{Holder, SignInPolicy};
use crate::standing::Standing;
use crate::{Error, Kind};

/// Everything that decides who gets in.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// Who holds which role, and who may sign in at all.
    pub standing: Standing,
    /// The name by which passkeys know this console; none: they cannot be used at its address.
    pub name: Option<String>,
    /// The identity providers.
    pub providers: BTreeMap<ProviderId, Connected>,
    /// What people have to sign in with: every superadmin, and whoever else is asked about.
    pub people: BTreeMap<UserId, Keys>,
    /// Whose passwords count.
    pub sign_in: SignInPolicy,
    /// Which proofs start a secure session, per role.
    pub elevation: Policies,
}

/// An identity provider, as far as getting in depends on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Connected {
    /// The name people read.
    pub name: String,
    /// Whether people can sign in through it.
    pub enabled: bool,
    /// The issuer it is connected with; identities of another issuer lead nowhere.
    pub issuer: String,
    /// Whether somebody came in through it since its connection was last changed.
    pub proven: bool,
    /// What its time stamps are worth.
    pub worth: Worth,
    /// Whether its times are believed although no control told what they are worth.
    pub believes_untested: bool,
    /// Whether an answer of it proved presence since its connection was last changed.
    pub proves: bool,
}

/// What one person has to sign in with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Their username.
    pub username: String,
    /// Whether the account is break-glass.
    pub break_glass: bool,
    /// Whether they have an account in the internal directory.
    pub internal: bool,
    /// Whether they have a password here.
    pub password: bool,
    /// Their second factors.
    pub kit: Kit,
    /// Their identities at providers.
    pub identities: Vec<Identity>,
}

/// An identity at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The provider.
    pub provider: ProviderId,
    /// The issuer it was linked for.
    pub issuer: String,
    /// Whether its owner came in by it before.
    pub used: bool,
}

/// How sure it is that a way works. The better one is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Works {
    /// It does not.
    No,
    /// Nobody has tried it since it was last changed.
    Untried,
    /// It does.
    Yes,
}

/// One way, and whether it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Through which door.
    pub door: Door,
    /// Whether it works.
    pub works: Works,
    /// What is missing, in words; empty when it works.
    pub missing: String,
}

/// A door.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Door {
    /// The password.
    Password,
    /// An identity provider.
    Provider(ProviderId),
}

/// One superadmin's simulated sign-in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Simulated {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// Every way to sign in.
    pub sign_in: Vec<Way>,
    /// Every way to start a secure session afterwards.
    pub elevate: Vec<Way>,
}

fn best(ways: &[Way]) -> Works {
    ways.iter().map(|way| way.works).max().unwrap_or(Works::No)
}

impl Simulated {
    /// Whether they get in and to a secure session.
    #[must_use]
    pub fn works(&self) -> Works {
        best(&self.sign_in).min(best(&self.elevate))
    }

    /// What keeps them out, in words; none when nothing does.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let told = |ways: &[Way], what: &str| {
            (best(ways) != Works::Yes).then(|| {
                let mut why: Vec<&str> = ways.iter().map(|way| way.missing.as_str()).collect();
                why.dedup();
                if why.is_empty() {
                    format!("{what}: has neither a password nor a linked identity")
                } else {
                    format!("{what}: {}", why.join("; "))
                }
            })
        };
        let parts = [
            told(&self.sign_in, "cannot sign in"),
            told(&self.elevate, "cannot start a secure session"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().take(1).collect();
        parts
            .into_iter()
            .next()
            .map(|why| format!("{} {why}", self.username))
    }
}

impl Installation {
    /// The simulated sign-in of every superadmin who is not deactivated.
    #[must_use]
    pub fn simulate(&self) -> Vec<Simulated> {
        let superadmins = self.standing.superadmins();
        superadmins
            .into_iter()
            .filter_map(|user| self.simulate_one(user))
            .collect()
    }

    /// The simulated sign-in of one person, if they are in the picture.
    #[must_use]
    pub fn simulate_one(&self, user: UserId) -> Option<Simulated> {
        let keys = self.people.get(&user)?;
        Some(Simulated {
            user,
            username: keys.username.clone(),
            sign_in: self.ways_in(keys),
            elevate: self.ways_up(user, keys),
        })
    }

    /// How sure it is that some superadmin gets in.
    #[must_use]
    pub fn works(&self) -> Works {
        let all = self.simulate();
        all.iter().map(Simulated::works).max().unwrap_or(Works::No)
    }

    fn ways_in(&self, keys: &Keys) -> Vec<Way> {
        let password = keys.password.then(|| self.by_password(keys));
        let provided = keys
            .identities
            .iter()
            .map(|identity| self.through(identity));
        password.into_iter().chain(provided).collect()
    }

    fn by_password(&self, keys: &Keys) -> Way {
        let way = |works, missing: String| Way {
            door: Door::Password,
            works,
            missing,
        };
        if let Err(shut) = self.sign_in.admits(keys.holder()) {
            let words = format!("the password does not count: {}", shut.words());
            return way(Works::No, words);
        }
        let Ways {
            enrolled,
            code,
            passkey,
            ..
        } = self.with_kit(keys);
        // Whoever has a second factor is asked for one after the password, of whatever kind.
        if enrolled == Enrolled::Yes && !code && !passkey {
            return way(Works::No, self.no_factor_answers());
        }
        way(Works::Yes, String::new())
    }

    fn with_kit(&self, keys: &Keys) -> Ways {
        Ways::with(&keys.kit, self.name.as_deref())
    }

    fn no_factor_answers(&self) -> String {
        match &self.name {
            Some(name) => format!("no passkey of theirs answers to {name}, and no code is left"),
            None => "passkeys cannot be used at this address, and no code is left".to_owned(),
        }
    }

    fn through(&self, identity: &Identity) -> Way {
        let way = |works, missing: String| Way {
            door: Door::Provider(identity.provider),
            works,
            missing,
        };
        let Some(provider) = self.providers.get(&identity.provider) else {
            return way(Works::No, "the identity provider is gone".to_owned());
        };
        let name = &provider.name;
        if !provider.enabled {
            return way(Works::No, format!("{name} is off"));
        }
        if provider.issuer != identity.issuer {
            return way(
                Works::No,
                format!("the identity at {name} is of another issuer"),
            );
        }
        if !provider.proven {
            return way(
                Works::Untried,
                format!("nobody has signed in through {name} since it was last changed"),
            );
        }
        if !identity.used {
            return way(
                Works::Untried,
                format!("nobody has signed in by the identity at {name} yet"),
            );
        }
        way(Works::Yes, String::new())
    }

    fn ways_up(&self, user: UserId, keys: &Keys) -> Vec<Way> {
        let policy = self.elevation.of_roles(&self.standing.roles_of(user));
        let policy = if keys.break_glass {
            policy.for_break_glass()
        } else {
            policy
        };
        let kit = self.with_kit(keys);
        let password = keys.password.then(|| {
            let mut way = self.by_password(keys);
            // With the password, with a factor beside it, or by a passkey alone, which counts where a password is.
            let ways = Ways {
                password: true,
                ..kit
            };
            if way.works == Works::Yes && !policy.leaves_a_way(&ways) {
                way.works = Works::No;
                way.missing = refused_words(&policy, &ways).to_owned();
            }
            way
        });
        let provided = keys.identities.iter().map(|identity| {
            let mut way = self.through(identity);
            if let (true, Some(provider)) = (
                way.works > Works::No,
                self.providers.get(&identity.provider),
            ) {
                let (works, missing) = provider.elevates(&policy, kit);
                if works < way.works {
                    way = Way {
                        works,
                        missing,
                        ..way
                    };
                }
            }
            way
        });
        password.into_iter().chain(provided).collect()
    }
}

/// What policy wants beside a password that counts.
fn refused_words(policy: &ElevationPolicy, ways: &Ways) -> &'static str {
    let takes_a_passkey = policy.leaves_a_way(&Ways {
        enrolled: Enrolled::Yes,
        passkey: true,
        ..*ways
    });
    match policy.password {
        PasswordRule::Never => "policy does not accept the password for it",
        _ if takes_a_passkey && ways.code => {
            "policy wants a passkey, and none of theirs answers here"
        }
        _ => "policy wants a second factor beside the password, and none of theirs answers here",
    }
}

impl Keys {
    const fn holder(&self) -> Holder {
        Holder {
            break_glass: self.break_glass,
            internal: self.internal,
            enrolled: self.kit.enrolled,
        }
    }
}

impl Connected {
    /// Whether its answers start a secure session.
    fn elevates(&self, policy: &ElevationPolicy, kit: Ways) -> (Works, String) {
        let name = &self.name;
        let believed = match self.worth {
            Worth::Informative => true,
            Worth::Unknown | Worth::Silent => self.believes_untested,
            Worth::Uninformative => false,
        };
        if believed && self.proves {
            return (Works::Yes, String::new());
        }
        let confirmed = policy.leaves_a_way(&Ways {
            unprovable: true,
            ..kit
        });
        match self.worth {
            Worth::Silent | Worth::Uninformative if confirmed => (Works::Yes, String::new()),
            Worth::Uninformative => (Works::No, format!("{name} cannot prove presence")),
            Worth::Silent if !self.believes_untested => {
                (Works::No, format!("{name} cannot prove presence"))
            }
            Worth::Informative | Worth::Unknown | Worth::Silent => (
                Works::Untried,
                format!("nobody has proven presence at {name} since it was last changed"),
            ),
        }
    }
}

/// How many people are named in a sentence.
const NAMED: usize = 3;

/// A change may not lower how sure it is that some superadmin gets in.
///
/// # Errors
/// `LOCK-001`: says for each superadmin what would be missing.
pub fn keeps_a_way_in(before: &Installation, after: &Installation) -> Result<(), Error> {
    let (was, is) = (before.works(), after.works());
    if is >= was {
        return Ok(());
    }
    let missing: Vec<String> = after
        .simulate()
        .iter()
        .filter_map(Simulated::missing)
        .collect();
    let mut why = missing
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(". ");
    if missing.len() > NAMED {
        why.push_str(&format!(". And {} more", missing.len() - NAMED));
    }
    if why.is_empty() {
        "there would be no superadmin".clone_into(&mut why);
    }
    Err(Error::new(
        "LOCK-001",
        Kind::Conflict,
        format!("This would leave no superadmin who is known to get in and to a secure session. After it, {why}."),
    )
    .next(match is {
        Works::Untried => "Nothing was changed. First give a superadmin another way in that works: a break-glass account with a password does.",
        _ => "Nothing was changed. First give one of them what is missing, or make another superadmin who can sign in.",
    }))
}

#[cfg(test)]
#[path = "lockout_tests.rs"]
mod tests;
