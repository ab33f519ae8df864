//! A program that serves: started, measured from outside, stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process;

/// The unit of times in `/proc/<pid>/stat`: Linux shows programs 100 ticks a second on every machine.
const TICK: Duration = Duration::from_millis(10);
const UNTIL_STOPPED: Duration = Duration::from_secs(10);

/// A running program. It ends with this value.
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    // Open as long as the program: it may still have something to say.
    _output: BufReader<ChildStdout>,
}

/// What a program holds, in MiB.
pub struct Memory {
    /// Every page in memory.
    pub resident: f64,
    /// Those shared with others count in part.
    pub proportional: f64,
}

impl Program {
    /// Starts it and waits until it tells its address on a line of its standard output.
    pub fn start(command: &mut Command) -> Result<Self, Failure> {
        let line = process::line(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("`{line}` could not be started: {error}")))?;
        let silent = || Failure::new(format!("`{line}` ended without telling its address"));
        let mut output = BufReader::new(child.stdout.take().ok_or_else(silent)?);
        let mut told = String::new();
        let address = loop {
            told.clear();
            match output.read_line(&mut told) {
                Ok(0) | Err(_) => {
                    let _ = child.wait();
                    return Err(silent());
                }
                Ok(_) => {}
            }
            if let Some(address) = address_in(&told) {
                break address;
            }
        };
        Ok(Self {
            child,
            address,
            _output: output,
        })
    }

    /// Processor time it used so far.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let stat = self.read("stat")?;
        ticks(&stat)
            .map(|ticks| TICK * ticks)
            .ok_or_else(|| Failure::new("/proc/<pid>/stat cannot be read: this needs Linux"))
    }

    /// What it holds now.
    pub fn memory(&self) -> Result<Memory, Failure> {
        let map = self.read("smaps_rollup")?;
        let mib = |name| kib(&map, name).map(|kib| kib / 1024.0);
        mib("Rss:")
            .zip(mib("Pss:"))
            .map(|(resident, proportional)| Memory {
                resident,
                proportional,
            })
            .ok_or_else(|| Failure::new("/proc/<pid>/smaps_rollup lacks Rss or Pss"))
    }

    /// Takes its life at once, as a power cut does: it can finish nothing.
    pub fn kill(self) {
        drop(self);
    }

    fn read(&self, name: &str) -> Result<String, Failure> {
        let file = format!("/proc/{}/{name}", self.child.id());
        fs::read_to_string(&file).map_err(|error| Failure::new(format!("{file}: {error}")))
    }

    /// Asks it to stop, as a service manager does, and waits.
    pub fn stop(mut self) -> Result<(), Failure> {
        let id = self.child.id().to_string();
        process::run(Command::new("kill").args(["-TERM", &id]))?;
        let asked = Instant::now();
        while asked.elapsed() < UNTIL_STOPPED {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => std::thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(Failure::new(format!("waiting for {id}: {error}"))),
            }
        }
        Err(Failure::new(format!(
            "process {id} did not stop when asked"
        )))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing can be done when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    rest.split(['/', ' ', '\n']).next()?.parse().ok()
}

/// User and system time: fields 14 and 15, counted after the name in parentheses (proc_pid_stat(5)).
fn ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kib(map: &str, name: &str) -> Option<f64> {
    let line = map.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_a_sentence() {
        let address = address_in("Muster is at http://127.0.0.1:4321/\n");
        assert_eq!(address, "127.0.0.1:4321".parse().ok());
        assert_eq!(address_in("Muster is at https://muster.example/"), None);
    }

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 5 0 100 1 1";
        assert_eq!(ticks(stat), Some(175));
    }

    #[test]
    fn memory_is_read_in_kib() {
        let map =
            "5 ---p [rollup]\nRss:               20480 kB\nPss:       1024 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(kib(map, "Rss:"), Some(20480.0));
        assert_eq!(kib(map, "Pss:"), Some(1024.0));
    }
}
