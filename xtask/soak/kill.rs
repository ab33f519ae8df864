//! Kills the server while people are being added, over and over: whatever was answered must be there afterwards, the
//! audit chain must be whole, and the counts must fit.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Ground;
use crate::bench::connection::Connection;
use crate::bench::stage;
use crate::failure::Failure;

/// Who write at once.
const WRITERS: usize = 4;
/// The longest a server lives, in milliseconds.
const LONGEST: u64 = 1500;

pub fn hunt(ground: &mut Ground<'_>) -> Result<String, Failure> {
    let (mut kills, mut written) = (0_usize, 0_usize);
    while !ground.is_over() {
        let (server, _) = ground.stage.serve()?;
        let cookie = stage::sign_in(server.address)?;
        let life = Duration::from_millis(ground.dice.below(LONGEST));
        let (address, sent) = (server.address, AtomicUsize::new(0));
        let (cookie, sent, round) = (cookie.as_str(), &sent, kills);
        let answered: Vec<String> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| scope.spawn(move || write(address, cookie, round, sent)))
                .collect();
            std::thread::sleep(life);
            server.kill();
            writers
                .into_iter()
                .filter_map(|writer| writer.join().ok())
                .flatten()
                .collect()
        });
        kills += 1;
        written += answered.len();
        let (server, _) = ground.stage.serve()?;
        let cookie = stage::sign_in(server.address)?;
        for username in &answered {
            must_be_there(server.address, &cookie, username)?;
        }
        server.kill();
        ground.stage.examine()?;
    }
    Ok(format!(
        "{kills} kills; all {written} people whose addition was answered are there, chain and counts fit"
    ))
}

/// Adds people until the server is gone; those whose addition was answered.
fn write(server: SocketAddr, cookie: &str, round: usize, sent: &AtomicUsize) -> Vec<String> {
    let mut answered = Vec::new();
    let Ok(mut connection) = Connection::open(server) else {
        return answered;
    };
    loop {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let username = format!("k{round}-{number}");
        match connection.ask(&stage::add_request(server, cookie, &username)) {
            Ok(answer) if answer.status() == 303 => answered.push(username),
            _ => return answered,
        }
    }
}

fn must_be_there(server: SocketAddr, cookie: &str, username: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(server)?;
    let path = format!("/users?q={username}");
    let answer = connection.ask(&stage::get(server, &path, cookie))?;
    let page = String::from_utf8_lossy(answer.body);
    if answer.status() == 200 && page.contains(&format!(">{username}<")) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{username} was added, was answered so, and is gone ({})",
        answer.status()
    )))
}
