//! Many asking at once, each on a kept-alive connection, each waiting for its answer before asking again.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::connection::Connection;
use crate::failure::Failure;

/// What is asked, and how.
pub struct Load<'a> {
    /// Whom.
    pub address: SocketAddr,
    /// What, by turns; each connection begins with another.
    pub requests: &'a [Vec<u8>],
    /// The status every answer must have.
    pub status: u16,
    /// How many ask at once.
    pub connections: usize,
    /// At most one request of a connection in this time.
    pub pace: Duration,
    /// Each connection begins with so many requests that do not count.
    pub warm_up: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// How long each answer took, in milliseconds; by request, in the order of the requests.
    latencies: Vec<Vec<f64>>,
    seconds: f64,
}

impl Load<'_> {
    /// Asks for so long.
    pub fn run(&self, length: Duration) -> Result<Sample, Failure> {
        self.run_while(|over| {
            std::thread::sleep(length);
            over.store(true, Ordering::Relaxed);
            Ok(())
        })
        .map(|(sample, ())| sample)
    }

    /// Asks while `work` is done, and until it says that it is over or ends.
    pub fn run_while<T>(
        &self,
        work: impl FnOnce(&AtomicBool) -> Result<T, Failure>,
    ) -> Result<(Sample, T), Failure> {
        let over = AtomicBool::new(false);
        let mut ready = Vec::new();
        for _ in 0..self.connections {
            ready.push(self.warmed_up()?);
        }
        let start = Instant::now();
        std::thread::scope(|scope| {
            let over = &over;
            let askers: Vec<_> = ready
                .into_iter()
                .enumerate()
                .map(|(place, connection)| scope.spawn(move || self.ask(place, connection, over)))
                .collect();
            let worked = work(over);
            over.store(true, Ordering::Relaxed);
            let mut sample = Sample {
                latencies: vec![Vec::new(); self.requests.len()],
                seconds: 0.0,
            };
            for asker in askers {
                let latencies = asker
                    .join()
                    .map_err(|_| Failure::new("a thread of the generator broke"))??;
                sample.add_latencies(latencies);
            }
            sample.seconds = start.elapsed().as_secs_f64();
            Ok((sample, worked?))
        })
    }

    fn warmed_up(&self) -> Result<Connection, Failure> {
        let mut connection = Connection::open(self.address)?;
        for request in self.requests.iter().cycle().take(self.warm_up) {
            self.once(&mut connection, request)?;
        }
        Ok(connection)
    }

    fn ask(
        &self,
        place: usize,
        mut connection: Connection,
        over: &AtomicBool,
    ) -> Result<Vec<Vec<f64>>, Failure> {
        let mut latencies = vec![Vec::new(); self.requests.len()];
        for (number, request) in self.requests.iter().enumerate().cycle().skip(place) {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let start = Instant::now();
            self.once(&mut connection, request)?;
            let took = start.elapsed();
            if let Some(latencies) = latencies.get_mut(number) {
                latencies.push(took.as_secs_f64() * 1000.0);
            }
            if let Some(rest) = self.pace.checked_sub(took) {
                std::thread::sleep(rest);
            }
        }
        Ok(latencies)
    }

    fn once(&self, connection: &mut Connection, request: &[u8]) -> Result<(), Failure> {
        let answer = connection.ask(request)?;
        if answer.status() == self.status {
            return Ok(());
        }
        let line = request.split(|byte| *byte == b'\r').next();
        Err(Failure::new(format!(
            "`{}` was answered with {} instead of {}",
            String::from_utf8_lossy(line.unwrap_or_default()),
            answer.status(),
            self.status
        )))
    }
}

impl Sample {
    /// Answers a second.
    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.seconds
    }

    /// How many answers.
    pub fn count(&self) -> usize {
        self.latencies.iter().map(Vec::len).sum()
    }

    /// Puts another run of the same requests beside this one.
    pub fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.add_latencies(other.latencies);
    }

    fn add_latencies(&mut self, others: Vec<Vec<f64>>) {
        self.latencies
            .resize(self.latencies.len().max(others.len()), Vec::new());
        for (own, other) in self.latencies.iter_mut().zip(others) {
            own.extend(other);
        }
    }

    /// Milliseconds within which `share` of all answers came.
    pub fn quantile(&self, share: f64) -> f64 {
        quantile(self.latencies.concat(), share)
    }

    /// The same of one request alone.
    pub fn quantile_of(&self, request: usize, share: f64) -> f64 {
        let latencies = self.latencies.get(request).cloned();
        quantile(latencies.unwrap_or_default(), share)
    }
}

/// The smallest value that `share` of all values do not exceed; not a number when there are none.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    let place = rank.saturating_sub(1);
    values.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_measured_value() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(quantile(values.clone(), 0.5), 100.0);
        assert_eq!(quantile(values.clone(), 0.99), 198.0);
        assert_eq!(quantile(values, 1.0), 200.0);
        assert!(quantile(Vec::new(), 0.5).is_nan());
    }

    #[test]
    fn requests_keep_their_own_latencies() {
        let mut sample = Sample {
            latencies: vec![vec![1.0], vec![9.0]],
            seconds: 1.0,
        };
        sample.add(Sample {
            latencies: vec![vec![3.0], vec![7.0]],
            seconds: 1.0,
        });
        assert_eq!(sample.per_second(), 2.0);
        assert_eq!(sample.quantile_of(0, 1.0), 3.0);
        assert_eq!(sample.quantile_of(1, 1.0), 9.0);
        assert_eq!(sample.quantile(0.5), 3.0);
    }
}
