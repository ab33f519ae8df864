//! Argon2id in a room of its own: as many hashes at once as fit, a bounded queue, everyone else unharmed.
//!
//! Parameters are the OWASP minimum (m = 19 MiB, t = 2, p = 1; Password Storage Cheat Sheet). One hash takes one core
//! for some tens of milliseconds, so the room holds one fewer than there are cores (at least one) and a flood waits
//! outside: past [`Hashing::QUEUE`] waiting attempts the next is refused at once.
//!
//! The 19 MiB of a hash are kept for the next one while somebody waits, and go back to the system with the last.

mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use muster_domain::{Entropy, Error, Kind};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use memory::{Memory, Shelf};

/// The hashing room.
#[derive(Clone)]
pub struct Hashing {
    room: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    shelf: Shelf,
    decoy: Arc<str>,
}

impl Hashing {
    /// Attempts that may wait for a place.
    pub const QUEUE: usize = 64;

    /// A room with `places` hashes at once. Makes one hash at start, which later stands in for accounts that do not exist.
    ///
    /// # Errors
    /// `PWD-500` when the hash cannot be made.
    pub fn new(places: usize, entropy: &dyn Entropy) -> Result<Self, Error> {
        let mut salt = [0_u8; 16];
        entropy.fill(&mut salt);
        // A well-formed hash that no password is known for: comparing with it costs what a real comparison costs.
        let decoy = decoy(&salt);
        Ok(Self {
            room: Arc::new(Semaphore::new(places.max(1))),
            waiting: Arc::default(),
            shelf: Shelf::default(),
            decoy: decoy.into(),
        })
    }

    /// Hashes a password; the result is a PHC string.
    ///
    /// # Errors
    /// `PWD-503` when too many wait, `PWD-500` when hashing fails.
    pub async fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<String, Error> {
        let mut salt = [0_u8; 16];
        entropy.fill(&mut salt);
        let password = Zeroizing::new(password.to_owned());
        self.run(move |memory| make(password.as_bytes(), &salt, memory))
            .await?
    }

    /// Compares a password with a stored hash; with none, does the same work and says no.
    ///
    /// # Errors
    /// `PWD-503` when too many wait.
    pub async fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, Error> {
        let password = Zeroizing::new(password.to_owned());
        let exists = stored.is_some();
        let hash = stored.unwrap_or(&self.decoy).to_owned();
        self.run(move |memory| {
            let parsed = PasswordHash::new(&hash).map_err(failed)?;
            Ok(fits(password.as_bytes(), &parsed, memory)? && exists)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _waiting = Waiting::enter(&self.waiting)?;
        let room = Arc::clone(&self.room);
        let place = room.acquire_owned().await.map_err(failed)?;
        let (shelf, waiting) = (self.shelf.clone(), Arc::clone(&self.waiting));
        tokio::task::spawn_blocking(move || {
            // Taken along: who gives up waiting does not let in one hash more than there are places.
            let _place = place;
            let mut memory = shelf.take();
            let done = work(&mut memory);
            let others_wait = waiting.load(Ordering::Relaxed) > 1;
            shelf.put_back(memory, others_wait);
            done
        })
        .await
        .map_err(failed)
    }
}

/// Counts one waiting attempt, also when its request is given up.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn enter(counter: &Arc<AtomicUsize>) -> Result<Self, Error> {
        let guard = Self(Arc::clone(counter));
        if counter.fetch_add(1, Ordering::Relaxed) >= Hashing::QUEUE {
            return Err(Error::new(
                "PWD-503",
                Kind::Unavailable,
                "Too many people are signing in with passwords right now.",
            )
            .next("Wait a moment and try again."));
        }
        Ok(guard)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A hash as a PHC string, with the parameters of today.
fn make(password: &[u8], salt: &[u8], memory: &mut Memory) -> Result<String, Error> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(failed)?;
    let mut out = Zeroizing::new([0_u8; Params::DEFAULT_OUTPUT_LEN]);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(failed)?,
        salt: Some(Salt::new(salt).map_err(failed)?),
        hash: {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            work(&argon2, password, salt, out.as_mut(), memory)?;
            Some(Output::new(out.as_ref()).map_err(failed)?)
        },
    };
    Ok(hash.to_string())
}

/// Whether the password gives the same hash again, with the parameters the hash was made with.
fn fits(password: &[u8], stored: &PasswordHash, memory: &mut Memory) -> Result<bool, Error> {
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else {
        return Ok(false);
    };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(failed)?;
    let version = stored.version.map(Version::try_from).transpose();
    let params = Params::try_from(stored).map_err(failed)?;
    let argon2 = Argon2::new(
        algorithm,
        version.map_err(failed)?.unwrap_or_default(),
        params,
    );
    let mut out = Zeroizing::new(vec![0_u8; expected.len()]);
    work(&argon2, password, salt, &mut out, memory)?;
    // Compares in constant time.
    Ok(Output::new(&out).is_ok_and(|computed| computed == *expected))
}

fn work(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    out: &mut [u8],
    memory: &mut Memory,
) -> Result<(), Error> {
    let blocks = memory.of(argon2.params().block_count());
    argon2
        .hash_password_into_with_memory(password, salt, out, blocks)
        .map_err(failed)
}

fn decoy(salt: &[u8]) -> String {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD_NO_PAD;
    format!(
        "$argon2id$v=19$m=19456,t=2,p=1${}${}",
        engine.encode(salt),
        engine.encode([7_u8; 32])
    )
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(
        "PWD-500",
        Kind::Internal,
        "The password could not be checked.",
    )
    .internal(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier as _;

    const SALT: [u8; 16] = [3; 16];

    #[test]
    fn a_hash_is_what_every_other_program_makes_of_the_password() {
        let hash = make(b"correct horse", &SALT, &mut Memory::default()).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let parsed = PasswordHash::new(&hash).unwrap();
        let other = Argon2::default();
        assert!(other.verify_password(b"correct horse", &parsed).is_ok());
        assert!(other.verify_password(b"correct house", &parsed).is_err());
    }

    #[test]
    fn memory_another_password_was_hashed_in_changes_nothing() {
        let mut memory = Memory::default();
        let hash = make(b"correct horse", &SALT, &mut memory).unwrap();
        let parsed = PasswordHash::new(&hash).unwrap();
        make(b"somebody else's", &[4; 16], &mut memory).unwrap();
        assert!(fits(b"correct horse", &parsed, &mut memory).unwrap());
        assert!(!fits(b"correct house", &parsed, &mut memory).unwrap());
    }

    #[test]
    fn hashes_of_other_parameters_are_still_understood() {
        let mut memory = Memory::default();
        make(b"somebody else's", &SALT, &mut memory).unwrap();
        for (cost, rounds) in [(8, 1), (64, 3), (20 * 1024, 1)] {
            use argon2::PasswordHasher as _;
            let params = Params::new(cost, rounds, 1, None).unwrap();
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let stored: PasswordHash = argon2
                .hash_password_with_salt(b"correct horse", &SALT)
                .unwrap();
            assert!(fits(b"correct horse", &stored, &mut memory).unwrap());
            assert!(!fits(b"wrong", &stored, &mut memory).unwrap());
        }
    }

    #[test]
    fn the_decoy_costs_a_hash_and_fits_nobody() {
        let decoy = decoy(&SALT);
        let parsed = PasswordHash::new(&decoy).unwrap();
        let today = make(b"", &SALT, &mut Memory::default()).unwrap();
        let today = PasswordHash::new(&today).unwrap();
        assert_eq!(parsed.params, today.params);
        assert!(!fits(b"", &parsed, &mut Memory::default()).unwrap());
    }
}
