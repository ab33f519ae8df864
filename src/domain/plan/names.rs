//! Who gets a name that somebody else gives up in the same plan.
//!
//! Most names are free or taken, and no more is to be said. Where people pass names on (Anna becomes `a`, who becomes
//! `b`), the one who gives up a name has to do so first. Circles are refused: no order serves them.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::ExternalId;

/// Somebody who wants a name that another has now. `I` is the id of a person or of a group, `W` tells records apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim<I, W = ExternalId> {
    /// Whose record.
    pub who: W,
    /// Who that is here; none: a newcomer.
    pub here: Option<I>,
    /// Who has the name now.
    pub holder: I,
}

/// What became of the claims.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Settled<W = ExternalId> {
    /// Those who get the name, in the order in which they take it.
    pub granted: Vec<W>,
    /// Those whose name stays with who has it.
    pub refused: BTreeSet<W>,
    /// Those who would have to exchange names.
    pub circle: BTreeSet<W>,
}

impl<W> Default for Settled<W> {
    fn default() -> Self {
        Self {
            granted: Vec::new(),
            refused: BTreeSet::new(),
            circle: BTreeSet::new(),
        }
    }
}

/// Settles the claims. `releasing` are those who give up their name by this plan without wanting a taken one: they
/// are deleted, or take a free name. No two claims may want the same name.
pub fn settle<I: Copy + Ord, W: Clone + Ord>(
    claims: &[Claim<I, W>],
    releasing: &BTreeSet<I>,
) -> Settled<W> {
    // Each person holds one name, so at most one claim waits for each holder.
    let waiting: BTreeMap<I, &Claim<I, W>> =
        claims.iter().map(|claim| (claim.holder, claim)).collect();
    let mut settled = Settled::default();
    let mut granted: BTreeSet<&W> = BTreeSet::new();
    let mut open: Vec<I> = releasing.iter().rev().copied().collect();
    while let Some(free) = open.pop() {
        let Some(claim) = waiting.get(&free) else {
            continue;
        };
        if granted.insert(&claim.who) {
            settled.granted.push(claim.who.clone());
            open.extend(claim.here);
        }
    }
    let claimants: BTreeMap<I, &Claim<I, W>> = claims
        .iter()
        .filter_map(|claim| claim.here.map(|here| (here, claim)))
        .collect();
    for claim in claims.iter().filter(|claim| !granted.contains(&claim.who)) {
        if waits_for_itself(claim, &claimants) {
            settled.circle.insert(claim.who.clone());
        } else {
            settled.refused.insert(claim.who.clone());
        }
    }
    settled
}

fn waits_for_itself<I: Copy + Ord, W>(
    claim: &Claim<I, W>,
    claimants: &BTreeMap<I, &Claim<I, W>>,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut at = claim.holder;
    loop {
        if Some(at) == claim.here {
            return true;
        }
        match claimants.get(&at) {
            Some(next) if seen.insert(at) => at = next.holder,
            _ => return false,
        }
    }
}

/// Who wants which name, and who goes: gathered first, settled then.
#[derive(Debug)]
pub struct Names<I> {
    wanted: BTreeMap<ExternalId, (Option<I>, String)>,
    goes: BTreeSet<I>,
}

impl<I> Default for Names<I> {
    fn default() -> Self {
        Self {
            wanted: BTreeMap::new(),
            goes: BTreeSet::new(),
        }
    }
}

/// What became of one wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// The name is free, or none was wanted.
    Free,
    /// The name of this key stays with who has it.
    Held(&'a str),
    /// Another record wants it, too.
    Contended,
    /// They would have to exchange names.
    Circle,
}

/// What became of every wish.
#[derive(Debug)]
pub struct Allotted {
    settled: Settled,
    contended: BTreeSet<ExternalId>,
    keys: BTreeMap<ExternalId, String>,
}

impl<I: Copy + Ord> Names<I> {
    /// Notes whether this record wants a name, by its key, and whether the one it is about goes.
    pub fn note(&mut self, who: &ExternalId, here: Option<I>, wanted: Option<String>, goes: bool) {
        if let Some(key) = wanted {
            self.wanted.insert(who.clone(), (here, key));
        }
        self.goes.extend(here.filter(|_| goes));
    }

    /// The names that are wanted, as keys.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted.values().map(|(_, key)| key.as_str())
    }

    /// Settles all wishes; `holder` says who has a name now.
    #[must_use]
    pub fn settle(self, holder: impl Fn(&str) -> Option<I>) -> Allotted {
        let mut wishes: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, key) in self.wanted.values() {
            *wishes.entry(key).or_default() += 1;
        }
        let is_contended = |key: &str| wishes.get(key).is_some_and(|count| *count > 1);
        let mut contended = BTreeSet::new();
        let mut releasing = self.goes;
        let mut claims = Vec::new();
        for (who, (here, key)) in &self.wanted {
            match holder(key) {
                _ if is_contended(key) => {
                    contended.insert(who.clone());
                }
                Some(holder) if Some(holder) != *here => {
                    claims.push(Claim {
                        who: who.clone(),
                        here: *here,
                        holder,
                    });
                }
                _ => releasing.extend(*here),
            }
        }
        let settled = settle(&claims, &releasing);
        let keys = self
            .wanted
            .into_iter()
            .map(|(who, (_, key))| (who, key))
            .collect();
        Allotted {
            settled,
            contended,
            keys,
        }
    }
}

impl Allotted {
    /// What became of this record's wish.
    #[must_use]
    pub fn of(&self, who: &ExternalId) -> Outcome<'_> {
        if self.contended.contains(who) {
            return Outcome::Contended;
        }
        if self.settled.circle.contains(who) {
            return Outcome::Circle;
        }
        match self.keys.get(who) {
            Some(key) if self.settled.refused.contains(who) => Outcome::Held(key),
            _ => Outcome::Free,
        }
    }

    /// The records in an order in which names are free when they are taken.
    #[must_use]
    pub fn in_order<'a>(&'a self, all: &BTreeSet<&'a ExternalId>) -> Vec<&'a ExternalId> {
        let passed_on: BTreeSet<&ExternalId> = self.settled.granted.iter().collect();
        let others = all.iter().filter(|id| !passed_on.contains(*id)).copied();
        others.chain(&self.settled.granted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use uuid::Uuid;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn claim(who: u128, holder: u128) -> Claim<UserId> {
        Claim {
            who: ExternalId(who.to_string()),
            here: Some(user(who)),
            holder: user(holder),
        }
    }

    fn ids(numbers: &[u128]) -> Vec<ExternalId> {
        numbers.iter().map(|n| ExternalId(n.to_string())).collect()
    }

    #[test]
    fn a_chain_is_granted_from_its_free_end() {
        // 1 wants 2's name, 2 wants 3's, 3 takes a free one.
        let settled = settle(&[claim(1, 2), claim(2, 3)], &BTreeSet::from([user(3)]));
        assert_eq!(settled.granted, ids(&[2, 1]));
    }

    #[test]
    fn a_circle_and_those_behind_it_are_refused() {
        let settled = settle(
            &[claim(1, 2), claim(2, 1), claim(3, 9)],
            &BTreeSet::from([user(7)]),
        );
        assert_eq!(settled.granted, ids(&[]));
        assert_eq!(settled.circle, ids(&[1, 2]).into_iter().collect());
        assert_eq!(settled.refused, ids(&[3]).into_iter().collect());
    }

    #[test]
    fn a_newcomer_takes_the_name_of_who_goes() {
        let newcomer = Claim {
            here: None,
            ..claim(5, 6)
        };
        assert_eq!(
            settle(&[newcomer], &BTreeSet::from([user(6)])).granted,
            ids(&[5])
        );
    }
}
