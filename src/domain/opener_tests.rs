//! Whatever somebody does who came in by a way they opened, they are still seen.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::credential::{Imprint, PasswordChecked};
use crate::factor::{Answered, Enrolled, FactorChecked};
use crate::id::{ElevationId, ProviderId};
use crate::policy::{ElevationPolicy, ProviderRule, Reason};
use crate::session::{Elevation, Means, Proof, Session, SessionKey, Terms, Unproven};

const OWNER: UserId = UserId(Uuid::from_u128(1));
/// Two admins who open ways in, each for themselves.
const ADAM: UserId = UserId(Uuid::from_u128(2));
const CARL: UserId = UserId(Uuid::from_u128(3));

fn set(all: &[UserId]) -> Openers {
    all.iter().copied().collect()
}

#[test]
fn what_takes_two_things_is_as_clean_as_the_cleaner_one() {
    let (adam, carl) = (set(&[ADAM]), set(&[CARL]));
    assert_eq!(adam.clone().beside(Openers::nobody()), Openers::nobody());
    assert_eq!(Openers::nobody().beside(adam.clone()), Openers::nobody());
    assert_eq!(adam.clone().beside(carl.clone()), set(&[ADAM, CARL]));
    assert_eq!(adam.clone().or(Openers::nobody()), adam);
    assert!(!adam.meets(&carl) && adam.meets(&set(&[ADAM, CARL])));
}

#[test]
fn nobody_is_an_opener_of_their_own_and_no_granter_is_told_of_themselves() {
    let through = set(&[ADAM]);
    assert_eq!(Openers::of_what(OWNER, OWNER, &through), through);
    assert_eq!(
        Openers::of_what(CARL, OWNER, &through),
        set(&[ADAM, CARL]),
        "who sits in an admin's session may be whoever opened it"
    );
    assert_eq!(Openers::of_what(ADAM, ADAM, &through), Openers::nobody());
    let both = set(&[ADAM, CARL]);
    assert_eq!(both.to_tell(Some(CARL)).collect::<Vec<_>>(), [ADAM]);
    assert_eq!(both.to_tell(None).count(), 2);
}

/// What kind of way in, and what it is used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    Password,
    Identity,
    Factor,
    Codes,
}

const KINDS: [Kind; 4] = [Kind::Password, Kind::Identity, Kind::Factor, Kind::Codes];

/// A way in of the owner's, and who really can use it.
#[derive(Clone, Debug)]
struct Way {
    opened_by: Openers,
    known_to: BTreeSet<UserId>,
}

/// By what presence is proven.
#[derive(Clone, Copy, Debug)]
enum By {
    Nothing,
    Password,
    PasswordAnd(Kind),
    Fresh,
    Passkey,
    Unprovable(Kind),
}

#[derive(Clone, Debug)]
enum Act {
    /// Somebody else opens a way from their own account.
    Open(UserId, Kind),
    /// Somebody comes in as the owner, by this, proves presence by that, and opens or replaces a way.
    Add(UserId, Kind, By, Kind),
    /// The same, with leave of an admin in the place of presence.
    Permitted(UserId, Kind, UserId),
    /// Somebody takes a way away.
    Remove(Kind),
}

fn people() -> impl Strategy<Value = UserId> {
    proptest::sample::select(vec![OWNER, ADAM, CARL])
}

fn kinds() -> impl Strategy<Value = Kind> {
    proptest::sample::select(KINDS.to_vec())
}

fn acts() -> impl Strategy<Value = Act> {
    let by = prop_oneof![
        Just(By::Nothing),
        Just(By::Password),
        kinds().prop_map(By::PasswordAnd),
        Just(By::Fresh),
        Just(By::Passkey),
        kinds().prop_map(By::Unprovable),
    ];
    let admin = || proptest::sample::select(vec![ADAM, CARL]);
    prop_oneof![
        2 => (admin(), kinds()).prop_map(|(who, kind)| Act::Open(who, kind)),
        5 => (people(), kinds(), by, kinds()).prop_map(|(who, means, by, adds)| Act::Add(who, means, by, adds)),
        1 => (people(), kinds(), admin()).prop_map(|(who, means, by)| Act::Permitted(who, means, by)),
        1 => kinds().prop_map(Act::Remove),
    ]
}

#[derive(Default, Debug)]
struct Account {
    ways: BTreeMap<Kind, Way>,
    number: u128,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_285_795, 0).unwrap_or_default()
}

impl Account {
    /// A way, if this person can use it. The owner can use them all.
    fn usable(&self, by: UserId, kind: Kind) -> Option<&Way> {
        let way = self.ways.get(&kind)?;
        (by == OWNER || way.known_to.contains(&by)).then_some(way)
    }

    fn password(&self, by: UserId) -> Option<PasswordChecked> {
        let way = self.usable(by, Kind::Password)?;
        Some(PasswordChecked::witness(
            OWNER,
            way.opened_by.clone(),
            Imprint::of("phc"),
        ))
    }

    fn factor(&self, by: UserId, kind: Kind) -> Option<FactorChecked> {
        let answered = match kind {
            Kind::Factor => Answered::Passkey,
            Kind::Codes => Answered::Recovery,
            Kind::Password | Kind::Identity => return None,
        };
        let way = self.usable(by, kind)?;
        Some(FactorChecked::witness(
            OWNER,
            answered,
            way.opened_by.clone(),
        ))
    }

    /// A browser session: by a password, beside a second factor where there is one, or by an identity.
    fn session(&self, by: UserId, means: Kind) -> Option<Session> {
        let opened_by = match means {
            Kind::Identity => self.usable(by, means)?.opened_by.clone(),
            Kind::Password => {
                let password = self.usable(by, means)?.opened_by.clone();
                if self.ways.contains_key(&Kind::Factor) {
                    let factor = self
                        .factor(by, Kind::Factor)
                        .or(self.factor(by, Kind::Codes))?;
                    password.beside(factor.opened_by().clone())
                } else {
                    password
                }
            }
            Kind::Factor | Kind::Codes => return None,
        };
        Some(Session {
            key: SessionKey("s".to_owned()),
            user: OWNER,
            signed_in_at: now(),
            means: Means::Password,
            opened_by,
            elevation: None,
        })
    }

    fn proof(&self, session: &Session, by: UserId, with: By) -> Option<Proof> {
        let (provider, at) = (ProviderId(Uuid::from_u128(9)), now());
        match with {
            By::Nothing => None,
            By::Password => Proof::password(session, self.password(by)?, at),
            By::PasswordAnd(kind) => Proof::password(session, self.password(by)?, at)?
                .with_factor(self.factor(by, kind)?),
            By::Fresh => {
                let identity = self.usable(by, Kind::Identity)?.opened_by.clone();
                Some(Proof::fresh(
                    session.key.clone(),
                    OWNER,
                    provider,
                    identity,
                    at,
                ))
            }
            By::Passkey => Proof::passkey(session, &self.factor(by, Kind::Factor)?, at),
            By::Unprovable(kind) => {
                let verdict = crate::reauth::Verdict::Unprovable;
                let unproven = Unproven::recall(verdict, &session.key, OWNER, provider)?;
                unproven.with_factor(self.factor(by, kind)?, at)
            }
        }
    }

    /// A secure session, as storage gives it back.
    fn elevated(&self, mut session: Session, by: UserId, with: By) -> Option<Session> {
        let policy = ElevationPolicy {
            provider: ProviderRule::FreshOrConfirmed,
            reason: Reason::NotAsked,
            ..ElevationPolicy::default()
        };
        let terms = Terms {
            policy: &policy,
            enrolled: match self.ways.contains_key(&Kind::Factor) {
                true => Enrolled::Yes,
                false => Enrolled::No,
            },
            network: "",
        };
        let proof = self.proof(&session, by, with)?;
        let id = ElevationId(Uuid::from_u128(self.number));
        let earned = Elevation::earn(id, proof, session.key.clone(), terms)?;
        session.elevation = Some(Elevation::recall(earned.to_row()));
        Some(session)
    }

    fn put(&mut self, kind: Kind, opened_by: Openers, known_to: UserId) {
        let known_to = BTreeSet::from([known_to]);
        self.ways.insert(
            kind,
            Way {
                opened_by,
                known_to,
            },
        );
    }

    fn act(&mut self, act: &Act) {
        self.number += 1;
        match act {
            Act::Open(by, kind) => {
                self.put(*kind, Openers::of_what(*by, OWNER, &Openers::nobody()), *by);
            }
            Act::Add(by, means, with, adds) => {
                let Some(session) = self.session(*by, *means) else {
                    return;
                };
                let Some(session) = self.elevated(session, *by, *with) else {
                    return;
                };
                let Some(elevated) = session.elevated(now() + TimeDelta::seconds(1)) else {
                    return;
                };
                let opened_by = Openers::of_what(OWNER, OWNER, elevated.opened_by());
                self.put(*adds, opened_by, *by);
            }
            Act::Permitted(by, means, admin) => {
                if self.ways.contains_key(&Kind::Factor) {
                    return;
                }
                let Some(session) = self.session(*by, *means) else {
                    return;
                };
                let leave = Openers::of_what(*admin, OWNER, &Openers::nobody());
                let opened_by = Openers::of_what(OWNER, OWNER, &session.opened_by.or(leave));
                self.put(Kind::Factor, opened_by.clone(), *by);
                self.put(Kind::Codes, opened_by, *by);
            }
            Act::Remove(kind) => drop(self.ways.remove(kind)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn o78_whatever_an_opener_does_from_what_they_opened_conferring_a_role_still_tells_of_them(
        acts in proptest::collection::vec(acts(), 1..16),
    ) {
        let mut account = Account::default();
        for act in &acts {
            account.act(act);
            for (kind, way) in &account.ways {
                for who in way.known_to.iter().filter(|who| **who != OWNER) {
                    let told: Vec<UserId> = way.opened_by.to_tell(Some(OWNER)).collect();
                    prop_assert!(told.contains(who), "{act:?}: {kind:?} {way:?} hides {who:?}");
                }
            }
        }
        // Nobody is named who opened nothing: an account that only its owner was in is clean.
        let only_owner = acts.iter().all(|act| matches!(act, Act::Add(OWNER, ..) | Act::Remove(_)));
        if only_owner {
            prop_assert!(account.ways.values().all(|way| way.opened_by.is_nobody()));
        }
    }

    #[test]
    fn a_mark_ends_when_its_owner_opens_the_way_anew_by_something_that_nobody_else_opened(
        acts in proptest::collection::vec(acts(), 1..12), adds in kinds(),
    ) {
        let mut account = Account::default();
        for act in &acts {
            account.act(act);
        }
        let own = Way { opened_by: Openers::nobody(), known_to: BTreeSet::from([OWNER]) };
        account.ways.insert(Kind::Identity, own);
        account.act(&Act::Add(OWNER, Kind::Identity, By::Fresh, adds));
        prop_assert!(account.ways.get(&adds).is_some_and(|way| way.opened_by.is_nobody()));
    }
}
