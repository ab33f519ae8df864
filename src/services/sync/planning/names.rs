//! Who gets a name that another has, or that several want: settled when everybody is known who wants one.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::plan::names::{Claim, settle};
use muster_domain::plan::person::{self, NameStanding};
use muster_domain::plan::stored::Line;
use muster_domain::plan::{Step, Verdict};
use muster_storage::users;

use super::keyed::KeyMap;
use super::subjects::Key;
use super::{Making, PAGE};

/// Somebody who takes a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// Where they stand among all.
    pub place: u32,
    /// Who they are here; none: a newcomer.
    pub here: Option<UserId>,
    /// The name.
    pub key: Key,
    /// Who has it now.
    pub holder: Option<UserId>,
}

/// How it ended for those who do not simply get what they want.
#[derive(Clone, Copy)]
enum Ended {
    Contended,
    Circle,
    Held(UserId),
    /// Behind all others, in this order.
    Passed,
}

impl Making<'_> {
    /// Settles all wishes. Rows of those who do not get their name are written again without it; rows of those to whom
    /// one is passed on are written again behind all others, in the order in which names get free.
    pub(super) async fn settle_names(&mut self) -> Result<(), Error> {
        let wishes = std::mem::take(&mut self.wishes);
        let mut wanted: KeyMap<u32> = KeyMap::default();
        wanted.reserve(wishes.len());
        for wish in &wishes {
            *wanted.entry(wish.key).or_default() += 1;
        }
        let mut releasing = std::mem::take(&mut self.goes);
        let (mut claims, mut ended) = (Vec::new(), Vec::new());
        let mut holders: BTreeMap<u32, UserId> = BTreeMap::new();
        for wish in &wishes {
            match wish.holder {
                _ if wanted.get(&wish.key).is_some_and(|count| *count > 1) => {
                    ended.push((wish.place, Ended::Contended));
                }
                Some(holder) if Some(holder) != wish.here => {
                    holders.insert(wish.place, holder);
                    claims.push(Claim {
                        who: wish.place,
                        here: wish.here,
                        holder,
                    });
                }
                _ => releasing.extend(wish.here),
            }
        }
        drop((wanted, wishes));
        let settled = settle(&claims, &releasing);
        ended.extend(settled.circle.iter().map(|place| (*place, Ended::Circle)));
        for place in &settled.refused {
            if let Some(holder) = holders.get(place) {
                ended.push((*place, Ended::Held(*holder)));
            }
        }
        ended.extend(settled.granted.iter().map(|place| (*place, Ended::Passed)));
        self.write_again(&ended).await?;
        self.drafts = Vec::new();
        Ok(())
    }

    async fn write_again(&mut self, ended: &[(u32, Ended)]) -> Result<(), Error> {
        if ended.is_empty() {
            return Ok(());
        }
        let concerned: BTreeSet<u32> = ended.iter().map(|(place, _)| *place).collect();
        let mut about: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        for (place, at) in &self.drafts {
            if concerned.contains(place) {
                about.entry(*place).or_default().push(*at);
            }
        }
        for some in ended.chunks(PAGE) {
            let mut positions = Vec::new();
            let mut whose: BTreeMap<i64, u32> = BTreeMap::new();
            for (place, _) in some {
                for at in about.get(place).into_iter().flatten() {
                    positions.push(*at);
                    whose.insert(*at, *place);
                }
            }
            let mut steps: BTreeMap<u32, Vec<Step>> = BTreeMap::new();
            for row in self.writer.take_back(self.services, &positions).await? {
                if let (Line::Step(step), Some(place)) = (row.line, whose.get(&row.position)) {
                    steps.entry(*place).or_default().push(step);
                }
            }
            let names = self.names_of(some).await?;
            for (place, ended) in some {
                let drafted = steps.remove(place).unwrap_or_default();
                let decided = match ended {
                    Ended::Passed => Verdict {
                        steps: drafted,
                        refusals: Vec::new(),
                    },
                    Ended::Contended => self.denied(*place, drafted, &NameStanding::Contended),
                    Ended::Circle => self.denied(*place, drafted, &NameStanding::Circle),
                    Ended::Held(user) => {
                        let standing = NameStanding::HeldBy {
                            user: *user,
                            username: names.get(user).cloned().unwrap_or_default(),
                        };
                        self.denied(*place, drafted, &standing)
                    }
                };
                self.draft(*place, decided);
            }
            self.flush_some().await?;
        }
        Ok(())
    }

    fn denied(&mut self, place: u32, drafted: Vec<Step>, standing: &NameStanding) -> Verdict {
        if let Some(person) = self.subjects.at_mut(place)
            && std::mem::take(&mut person.is_new)
        {
            person.user = None;
            self.subjects.newcomers.remove(&place);
        }
        let decided = person::denied(drafted, standing);
        self.is_handed_over(place, &decided);
        decided
    }

    async fn names_of(&self, some: &[(u32, Ended)]) -> Result<BTreeMap<UserId, String>, Error> {
        let holders: BTreeSet<UserId> = some
            .iter()
            .filter_map(|(_, ended)| match ended {
                Ended::Held(user) => Some(*user),
                _ => None,
            })
            .collect();
        let holders: Vec<UserId> = holders.into_iter().collect();
        let found = users::get_many(self.services.db(), &holders).await?;
        Ok(found
            .into_iter()
            .map(|user| (user.id, user.username))
            .collect())
    }
}
