//! `cargo xtask soak`: hunts that go on for minutes and look for what no test has the time for.
//!
//! A hunt plays against the real server with chance as its opponent. It prints its seed first, so that what it found
//! can be hunted again. Adding a hunt is one function and one row in [`HUNTS`].

mod dice;
mod garble;
mod kill;
mod sync;

pub use sync::{Database, Syncs};

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

use crate::bench::stage::Stage;
use crate::failure::Failure;
use crate::house::House;
use crate::process::timed;
use crate::server;
use crate::site::Profile;
use dice::Dice;

/// What a hunt has.
pub struct Ground<'a> {
    house: &'a House,
    stage: Stage,
    dice: Dice,
    ends: Instant,
}

impl Ground<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.ends
    }
}

type Hunt = fn(&mut Ground<'_>) -> Result<String, Failure>;

/// By name.
const HUNTS: &[(&str, Hunt)] = &[("kill", kill::hunt), ("garble", garble::hunt)];

/// The hunt that has a world of its own: it needs no stage.
const SYNC: &str = "sync";

/// Runs one hunt or all, each for so many minutes, or so many times.
pub fn run(
    house: &House,
    only: Option<&str>,
    minutes: u64,
    seed: Option<u64>,
    syncs: &Syncs,
) -> Result<(), Failure> {
    let is_sync = only.is_none_or(|only| only == SYNC);
    let chosen: Vec<_> = HUNTS
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() && !is_sync {
        let mut names: Vec<&str> = HUNTS.iter().map(|(name, _)| *name).collect();
        names.push(SYNC);
        return Err(
            Failure::new(format!("there is no hunt `{}`", only.unwrap_or_default()))
                .next(format!("there is: {}", names.join(", "))),
        );
    }
    let seed = seed.unwrap_or_else(by_chance);
    if is_sync {
        println!("    {SYNC}: seed {seed}");
        timed(SYNC, || sync::hunt(house, syncs, seed)).map_err(|failure| {
            failure.next(format!(
                "`cargo xtask soak {SYNC} --times {} --people {} --seed {seed}` again",
                syncs.times, syncs.people
            ))
        })?;
    }
    if chosen.is_empty() {
        return Ok(());
    }
    let (muster, site) = server::build(house, Profile::Dev)?;
    for (name, hunt) in chosen {
        println!("    {name}: seed {seed}");
        let folder = house.target().join("soak").join(name);
        let stage = Stage::set(folder, muster.clone(), Some(site.folder.clone()), 0)?;
        let mut ground = Ground {
            house,
            stage,
            dice: Dice::new(seed),
            ends: Instant::now() + Duration::from_secs(60 * minutes),
        };
        let told = timed(name, || hunt(&mut ground)).map_err(|failure| {
            failure.next(format!("`cargo xtask soak {name} --seed {seed}` again"))
        })?;
        println!("    {name}: {told}");
    }
    Ok(())
}

/// The standard library seeds each of its hash maps by chance.
fn by_chance() -> u64 {
    RandomState::new().build_hasher().finish()
}
