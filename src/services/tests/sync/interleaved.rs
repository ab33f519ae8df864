//! Random worlds that live on: however readings of changes, censuses, whole readings, cuts and undone runs follow one
//! another, what is here in the end is what one whole sync would bring, and nothing went that the source did not remove.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use muster_domain::change::Action;
use muster_domain::guard::Hold;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::Member;
use muster_domain::plan::stored::Line;
use muster_domain::plan::{PlanState, Step};
use muster_domain::reading::Reading;
use muster_domain::record::{Attributes, ExternalId, SourceValues, UserRecord};
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::snapshot::{Doubt, Entry, Reference, RefusedRecord};
use muster_services::sync::{rules, runs};
use muster_storage::plans::{self, RowFilter};
use muster_storage::{accounts, directories, groups};
use muster_testing::TestWorld;

use crate::paged::both;
use crate::random::Dice;
use crate::runs::{carried_out, declared, ran};

const NAMES: [&str; 7] = ["anna", "ben", "cem", "dora", "eve", "finn", "gil"];

/// How somebody stands at the source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    In,
    Off,
    Junk,
    LeftOut,
}

#[derive(Clone)]
struct Person {
    name: String,
    title: u64,
    stands: Stands,
}

#[derive(Clone)]
struct Group {
    name: String,
    members: BTreeSet<String>,
    is_unread: bool,
}

/// What is at the source. Ids are never given twice, and who goes is taken out of every group.
#[derive(Clone, Default)]
struct Source {
    people: BTreeMap<String, Person>,
    groups: BTreeMap<String, Group>,
    next: u64,
    /// Somebody went, and no census looked since.
    somebody_went: bool,
}

impl Source {
    fn edit(&mut self, dice: &mut Dice) {
        let people: Vec<String> = self.people.keys().cloned().collect();
        let groups: Vec<String> = self.groups.keys().cloned().collect();
        self.next += 1;
        match dice.roll(12) {
            0 | 1 => {
                let stands = *dice.of(&[Stands::In, Stands::In, Stands::In, Stands::Off]);
                self.add(dice, stands);
            }
            2 => {
                let group = Group {
                    name: format!("{} team", dice.of(&NAMES)),
                    members: BTreeSet::new(),
                    is_unread: false,
                };
                self.groups.insert(format!("g{}", self.next), group);
            }
            _ if people.is_empty() || groups.is_empty() => {}
            3 => self.remove(dice.of::<String>(&people)),
            4 if dice.is(30) => self.remove(dice.of::<String>(&groups)),
            5 | 6 => {
                let stands = [
                    Stands::In,
                    Stands::In,
                    Stands::Off,
                    Stands::Junk,
                    Stands::LeftOut,
                ];
                let person = self.people.get_mut(dice.of(&people)).unwrap();
                match dice.roll(4) {
                    0 => person.name = (*dice.of(&NAMES)).to_owned(),
                    1 => person.stands = *dice.of(&stands),
                    _ => person.title += 1,
                }
            }
            7 => {
                let name = format!("{} team", dice.of(&NAMES));
                self.groups.get_mut(dice.of(&groups)).unwrap().name = name;
            }
            8 if dice.is(30) => {
                let group = self.groups.get_mut(dice.of(&groups)).unwrap();
                group.is_unread = !group.is_unread;
            }
            n => {
                let member = match dice.is(75) {
                    true => dice.of(&people).clone(),
                    false => dice.of(&groups).clone(),
                };
                let group = self.groups.get_mut(dice.of(&groups)).unwrap();
                if n % 3 == 0 {
                    let members: Vec<String> = group.members.iter().cloned().collect();
                    if !members.is_empty() {
                        group.members.remove(dice.of(&members));
                    }
                } else {
                    group.members.insert(member);
                }
            }
        }
    }

    fn add(&mut self, dice: &mut Dice, stands: Stands) {
        self.next += 1;
        let person = Person {
            name: (*dice.of(&NAMES)).to_owned(),
            title: 0,
            stands,
        };
        self.people.insert(format!("p{}", self.next), person);
    }

    fn remove(&mut self, id: &str) {
        self.somebody_went = true;
        self.people.remove(id);
        self.groups.remove(id);
        for group in self.groups.values_mut() {
            group.members.remove(id);
        }
    }

    fn pages(&self) -> Vec<Vec<Entry>> {
        let mut entries = Vec::new();
        for (id, person) in &self.people {
            let external_id = ExternalId(id.clone());
            entries.push(match person.stands {
                Stands::Junk => Entry::Refused(RefusedRecord {
                    external_id: Some(external_id),
                    about: id.clone(),
                    why: format!("Junk {}.", person.title),
                    locators: vec![format!("dn:{id}")],
                    off: false,
                }),
                Stands::LeftOut => Entry::Filtered {
                    external_id,
                    words: format!("title != {}", person.title),
                    locators: vec![format!("dn:{id}")],
                },
                Stands::In | Stands::Off => Entry::User {
                    record: UserRecord {
                        external_id,
                        attributes: Attributes::from([
                            ("username".to_owned(), person.name.clone()),
                            ("title".to_owned(), person.title.to_string()),
                        ]),
                        active: person.stands == Stands::In,
                    },
                    source: SourceValues::new(),
                    locators: vec![format!("dn:{id}")],
                },
            });
        }
        for (id, group) in &self.groups {
            let external_id = ExternalId(id.clone());
            entries.push(Entry::Group {
                external_id: external_id.clone(),
                name: group.name.clone(),
                locators: vec![format!("dn:{id}")],
            });
            let locator = |id: &String| Reference::Locator(format!("dn:{id}"));
            entries.push(Entry::Members {
                group: Reference::Id(external_id.clone()),
                members: group.members.iter().map(locator).collect(),
            });
            if group.is_unread {
                entries.push(Entry::MembersUnread {
                    group: Reference::Id(external_id),
                    why: "It is too large.".to_owned(),
                });
            }
        }
        entries.chunks(4).map(<[Entry]>::to_vec).collect()
    }

    /// Whether this person may be kept out.
    fn is_out(&self, id: Option<&String>) -> bool {
        let person = id.and_then(|id| self.people.get(id));
        person.is_none_or(|person| matches!(person.stands, Stands::Off | Stands::LeftOut))
    }
}

/// Who is who here.
#[derive(Default)]
struct Here {
    people: BTreeMap<UserId, String>,
    groups: BTreeMap<GroupId, String>,
}

async fn here(world: &TestWorld, directory: DirectoryId) -> Here {
    let db = world.services.db();
    let known = accounts::known_page(db, directory, None, 1_000)
        .await
        .unwrap();
    let sources = groups::page_of_directory(db, directory, None, 1_000)
        .await
        .unwrap();
    Here {
        people: known
            .into_iter()
            .map(|one| (UserId(one.user), one.external_id.0))
            .collect(),
        groups: sources
            .into_iter()
            .map(|one| (one.group.id, one.external_id.0))
            .collect(),
    }
}

/// Whether the source itself has removed what a step takes away.
fn is_right(step: &Step, here: &Here, source: &Source) -> bool {
    match &step.change.action {
        Action::Deactivate { user, .. } | Action::DeleteUser { user } => {
            source.is_out(here.people.get(user))
        }
        Action::RemoveMember { group, member, .. } => {
            let group = here.groups.get(group).and_then(|id| source.groups.get(id));
            let member = match member {
                Member::User(user) => here.people.get(user),
                Member::Group(group) => here.groups.get(group),
            };
            let is_left_out = matches!(member, Some(id) if source.people.contains_key(id) && source.is_out(Some(id)));
            group.is_none_or(|group| {
                member.is_none_or(|member| !group.members.contains(member)) || is_left_out
            })
        }
        Action::DeleteGroup { group } | Action::UnlinkGroup { group, .. } => {
            let id = here.groups.get(group);
            id.is_none_or(|id| !source.groups.contains_key(id))
        }
        _ => true,
    }
}

async fn steps(world: &TestWorld, run: &Run) -> Vec<Step> {
    let Some(plan) = run.plan else {
        return Vec::new();
    };
    let all = RowFilter::default();
    let rows = plans::rows(world.services.db(), plan, &all, None, 1 << 40)
        .await
        .unwrap();
    rows.into_iter()
        .filter_map(|row| match row.line {
            Line::Step(step) => Some(step),
            Line::Refusal(_) => None,
        })
        .collect()
}

async fn lives(world: TestWorld, seed: u64) -> BTreeSet<&'static str> {
    let mut dice = Dice(seed);
    let leavers = *dice.of(&["deactivate", "delete", "keep", "leave_groups"]);
    let any = [
        ("leavers", leavers),
        ("leavers_except", "anna*"),
        ("guard_people_percent", "100"),
        ("guard_people_count", "1000"),
        ("guard_people_few", "1000"),
        ("guard_memberships_percent", "100"),
        ("guard_memberships_few", "1000"),
        ("guard_groups_percent", "100"),
        ("guard_groups_count", "1000"),
        ("guard_groups_few", "1000"),
    ];
    let directory = declared(&world, "Office", &any).await;
    let rules = rules::of(
        &directories::get(world.services.db(), directory)
            .await
            .unwrap()
            .unwrap(),
    );
    world.source.tells_changes();
    let mut source = Source::default();
    for _ in 0..15 {
        source.edit(&mut dice);
    }
    let mut seen = BTreeSet::new();
    for round in 0..14 {
        for _ in 0..dice.roll(4) {
            source.edit(&mut dice);
        }
        let is_last = round == 13;
        if is_last {
            // A source that shows nobody is not believed.
            source.add(&mut dice, Stands::In);
        }
        world.source.says(source.pages());
        world
            .source
            .doubts_its_census(dice.is(10).then_some(Doubt::TimeLimit));
        if dice.is(15) && !is_last {
            world.source.doubts(Doubt::CutOff("gone".to_owned()));
        }
        if dice.is(5) {
            world.source.forgets();
            world.source.says(source.pages());
        }
        let hours = if is_last {
            7
        } else {
            i64::try_from(dice.roll(5)).unwrap()
        };
        world.clock.forward(TimeDelta::hours(hours));
        let before = here(&world, directory).await;
        let run = ran(&world, directory, Wish::Sync).await;
        let told = run.progress.told.unwrap();
        println!(
            "seed {seed}, round {round}, {leavers}: {} {:?}",
            told.words(),
            run.state
        );
        for step in steps(&world, &run).await {
            assert!(is_right(&step, &before, &source), "{step:?}");
        }
        if run.state == RunState::Held {
            let held = plans::get(world.services.db(), run.plan.unwrap()).await;
            let holds = held.unwrap().unwrap().holds;
            let may_be = |hold: &Hold| matches!(hold, Hold::NoGroups { .. });
            assert!(!is_last || holds.iter().all(may_be), "{holds:?}");
            if is_last || dice.is(30) && run.progress.planned > 0 {
                carried_out(&world, run.plan.unwrap()).await;
            }
            if !is_last {
                continue;
            }
        }
        assert!(
            matches!(run.state, RunState::Done | RunState::Held) && run.progress.failed == 0,
            "{:?}",
            run.problem
        );
        seen.insert(match told.reading {
            Reading::Whole => "whole",
            Reading::Changes => "changes",
            Reading::Census => "census",
            Reading::Person => "person",
        });
        // Who is gone shows by a census alone; else it is as if everything had been read.
        source.somebody_went &= told.reading == Reading::Changes;
        if !source.somebody_went {
            let whole = both(&world, directory, world.source.as_ref(), &rules)
                .await
                .unwrap();
            assert_eq!(whole.steps, [], "{}", told.words());
        }
        if dice.is(10) && run.progress.tried > 0 && !is_last {
            let undo = runs::undo(&world.services, &world.system(), run.id)
                .await
                .unwrap();
            carried_out(&world, undo).await;
        }
    }
    let waits = plans::list(
        world.services.db(),
        Some(directory),
        Some(PlanState::Making),
        None,
        10,
    )
    .await;
    assert_eq!(waits.unwrap(), [], "nothing is left half made");
    seen
}

#[tokio::test]
async fn however_readings_follow_one_another_it_ends_as_one_whole_sync() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        seen.extend(lives(TestWorld::new().await.unwrap(), seed).await);
    }
    assert_eq!(seen, BTreeSet::from(["census", "changes", "whole"]));
}

#[tokio::test]
async fn however_readings_follow_one_another_it_ends_as_one_whole_sync_on_postgres() {
    for seed in 1_000..1_003 {
        crate::both::on_a_new_one(move |url| async move {
            lives(TestWorld::over(&url).await.unwrap(), seed).await;
        })
        .await;
    }
}
