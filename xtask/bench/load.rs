//! Many asking at once, each on a kept-alive connection, each waiting for its answer before asking again.
//! One thread asks for all of them and waits for whichever answer comes first.

use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::connection::Connection;
use crate::failure::Failure;

/// How often the generator looks whether it is over.
const LOOKS_UP: Duration = Duration::from_millis(20);

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

    /// Asks so many times in all, one after another on one connection.
    pub fn run_times(&self, times: usize) -> Result<Sample, Failure> {
        let mut connection = self.warmed_up()?;
        let mut latencies = vec![Vec::new(); self.requests.len()];
        let start = Instant::now();
        for turn in 0..times {
            let number = turn % self.requests.len().max(1);
            let Some(request) = self.requests.get(number) else {
                continue;
            };
            let asked = Instant::now();
            self.once(&mut connection, request)?;
            if let Some(latencies) = latencies.get_mut(number) {
                latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
        }
        Ok(Sample {
            latencies,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Asks while `work` is done, and until it says that it is over or ends.
    pub fn run_while<T>(
        &self,
        work: impl FnOnce(&AtomicBool) -> Result<T, Failure>,
    ) -> Result<(Sample, T), Failure> {
        let over = AtomicBool::new(false);
        let mut askers = Vec::new();
        for place in 0..self.connections {
            askers.push(Asker::new(self.warmed_up()?, place));
        }
        let start = Instant::now();
        std::thread::scope(|scope| {
            let over = &over;
            let asking = scope.spawn(move || self.ask(askers, over));
            let worked = work(over);
            over.store(true, Ordering::Relaxed);
            let latencies = asking
                .join()
                .map_err(|_| Failure::new("the thread of the generator broke"))??;
            let sample = Sample {
                latencies,
                seconds: start.elapsed().as_secs_f64(),
            };
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

    /// One thread asks on every connection: many would take turns with the server on its own cores.
    fn ask(&self, mut askers: Vec<Asker>, over: &AtomicBool) -> Result<Vec<Vec<f64>>, Failure> {
        let broken = |error| Failure::new(format!("a connection broke: {error}"));
        let mut poll = Poll::new().map_err(broken)?;
        for (number, asker) in askers.iter().enumerate() {
            asker.connection.never_wait().map_err(broken)?;
            let fd = asker.connection.as_raw_fd();
            poll.registry()
                .register(&mut SourceFd(&fd), Token(number), Interest::READABLE)
                .map_err(broken)?;
        }
        let mut events = Events::with_capacity(self.connections.max(1));
        let mut latencies = vec![Vec::new(); self.requests.len()];
        loop {
            let ends = over.load(Ordering::Relaxed);
            if ends && askers.iter().all(|asker| asker.asked_at.is_none()) {
                return Ok(latencies);
            }
            let mut wait = LOOKS_UP;
            for asker in askers.iter_mut().filter(|asker| asker.asked_at.is_none()) {
                let rest = asker.asks_at.saturating_duration_since(Instant::now());
                if ends || !rest.is_zero() {
                    wait = wait.min(rest.max(Duration::from_micros(100)));
                } else {
                    asker.send(self.requests).map_err(broken)?;
                }
            }
            poll.poll(&mut events, Some(wait)).map_err(broken)?;
            for event in &events {
                let Some(asker) = askers.get_mut(event.token().0) else {
                    continue;
                };
                let Some((number, took)) = asker.receive(self.requests.len()).map_err(broken)?
                else {
                    continue;
                };
                self.must_be_expected(
                    self.requests.get(number),
                    asker.connection.answer().status(),
                )?;
                if let Some(latencies) = latencies.get_mut(number) {
                    latencies.push(took.as_secs_f64() * 1000.0);
                }
                asker.asks_at = Instant::now() + self.pace.saturating_sub(took);
                if self.pace.is_zero() && !over.load(Ordering::Relaxed) {
                    asker.send(self.requests).map_err(broken)?;
                }
            }
        }
    }

    fn once(&self, connection: &mut Connection, request: &Vec<u8>) -> Result<(), Failure> {
        let status = connection.ask(request)?.status();
        self.must_be_expected(Some(request), status)
    }

    fn must_be_expected(&self, request: Option<&Vec<u8>>, status: u16) -> Result<(), Failure> {
        if status == self.status {
            return Ok(());
        }
        let line = request.and_then(|request| request.split(|byte| *byte == b'\r').next());
        Err(Failure::new(format!(
            "`{}` was answered with {status} instead of {}",
            String::from_utf8_lossy(line.unwrap_or_default()),
            self.status
        )))
    }
}

/// Who asks on one connection.
struct Asker {
    connection: Connection,
    /// The number of the request, counted on and on.
    turn: usize,
    /// Since when an answer is waited for, if one is.
    asked_at: Option<Instant>,
    /// Not before then is the next request sent.
    asks_at: Instant,
}

impl Asker {
    fn new(connection: Connection, place: usize) -> Self {
        Self {
            connection,
            turn: place,
            asked_at: None,
            asks_at: Instant::now(),
        }
    }

    fn send(&mut self, requests: &[Vec<u8>]) -> std::io::Result<()> {
        if let Some(request) = requests.get(self.turn % requests.len().max(1)) {
            self.asked_at = Some(Instant::now());
            self.connection.send(request)?;
        }
        Ok(())
    }

    /// Reads until the answer is whole or nothing more is there; which request it answers, and how long it took.
    fn receive(&mut self, requests: usize) -> std::io::Result<Option<(usize, Duration)>> {
        let Some(asked_at) = self.asked_at else {
            return Ok(None);
        };
        loop {
            match self.connection.receive() {
                Ok(true) => break,
                Ok(false) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let number = self.turn % requests.max(1);
        self.turn += 1;
        self.asked_at = None;
        Ok(Some((number, asked_at.elapsed())))
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
