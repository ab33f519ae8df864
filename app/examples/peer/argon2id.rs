//! The bare rate of the work that a password sign-in cannot do without.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};

use crate::{Failure, say};

/// Hashes on so many threads for so long, with the parameters of `muster_services::hashing`; tells the hashes a
/// second.
pub(crate) fn hash(threads: usize, milliseconds: u64) -> Result<(), Failure> {
    let length = Duration::from_millis(milliseconds);
    let rates = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| rate(length))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| Failure::from("a thread broke"))?)
            .collect::<Result<Vec<f64>, Failure>>()
    })?;
    say(rates.iter().sum::<f64>())
}

fn rate(length: Duration) -> Result<f64, Failure> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = [0_u8; 32];
    let (start, mut hashes) = (Instant::now(), 0_u32);
    while start.elapsed() < length {
        let password = std::hint::black_box(b"correct horse battery staple");
        argon2
            .hash_password_into(password, b"sixteen bytes...", &mut out)
            .map_err(|error| error.to_string())?;
        std::hint::black_box(&out);
        hashes += 1;
    }
    Ok(f64::from(hashes) / start.elapsed().as_secs_f64())
}
