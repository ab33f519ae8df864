//! Throws garbled requests at every address of the console: nothing may break the server, answer with a failure of
//! the server's own, or leave half of anything behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Ground;
use super::dice::Dice;
use crate::bench::stage;
use crate::failure::Failure;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(40);
/// What people who mean harm put into fields and addresses.
const BITS: [&str; 14] = [
    "%00",
    "%ff%fe",
    "../../etc/passwd",
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "-1",
    "99999999999999999999",
    "00000000-0000-0000-0000-000000000000",
    "https://evil.example/",
    "//evil.example",
    "%E2%80%AE",
    "a%0d%0aset-cookie:%20x=1",
    "",
];
/// Methods no address has, and one no server has.
const ODD: [&str; 6] = ["PUT", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"];
const FIELDS: [&str; 16] = [
    "username",
    "password",
    "return_to",
    "q",
    "sort",
    "page",
    "after",
    "before",
    "position",
    "user",
    "role",
    "code",
    "state",
    "do",
    "id",
    "name",
];

pub fn hunt(ground: &mut Ground<'_>) -> Result<String, Failure> {
    let routes = routes(ground)?;
    let (server, _) = ground.stage.serve()?;
    let mut cookie = stage::sign_in(server.address)?;
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    while !ground.is_over() {
        for _ in 0..200 {
            let Some(route) = ground.dice.pick(&routes) else {
                return Err(Failure::new("there is no address to ask for"));
            };
            let request = garbled(&mut ground.dice, server.address, route, &cookie);
            let status = throw(server.address, &request)?;
            if status >= 500 && status != 501 {
                return Err(Failure::new(format!(
                    "answered with {status}: {}",
                    String::from_utf8_lossy(&request)
                )));
            }
            *answers.entry(status).or_default() += 1;
        }
        // Some requests sign out, some end every session.
        cookie = stage::sign_in(server.address)?;
    }
    server.stop()?;
    if let Some(line) = ground
        .stage
        .log()?
        .lines()
        .find(|line| line.contains("panic"))
    {
        return Err(Failure::new(format!("something panicked: {line}")));
    }
    ground.stage.examine()?;
    let told: Vec<String> = answers
        .iter()
        .map(|(status, many)| match status {
            0 => format!("{many} without an answer"),
            status => format!("{many} with {status}"),
        })
        .collect();
    Ok(format!("answered {}; nothing broke", told.join(", ")))
}

/// Method and path of every address, from the table the end-to-end tests walk.
fn routes(ground: &Ground<'_>) -> Result<Vec<(String, String)>, Failure> {
    let file = ground.house.root().join("end2end/access.json");
    let text = fs::read_to_string(&file).map_err(|error| Failure::io(&file, &error))?;
    let table: BTreeMap<String, String> = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    Ok(table
        .keys()
        .filter_map(|route| route.split_once(' '))
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect())
}

fn garbled(dice: &mut Dice, server: SocketAddr, route: &(String, String), cookie: &str) -> Vec<u8> {
    let (method, path) = route;
    let mut address = String::new();
    for part in path.split('/').skip(1) {
        address.push('/');
        if part.starts_with('{') {
            address.push_str(&bit(dice).replace(' ', "%20").replace('/', "%2F"));
        } else {
            address.push_str(part);
        }
    }
    let method = if dice.one_in(20) {
        dice.pick(&ODD).copied().unwrap_or("PUT")
    } else {
        method
    };
    if dice.one_in(2) {
        address.push('?');
        address.push_str(&form(dice));
    }
    let mut head = format!("{method} {address} HTTP/1.1\r\nconnection: close\r\n");
    head.push_str(&match dice.below(20) {
        0 => "host: evil.example\r\n".to_owned(),
        1 => String::new(),
        _ => format!("host: {server}\r\n"),
    });
    if !dice.one_in(10) {
        head.push_str(&format!(
            "origin: http://{server}\r\nsec-fetch-site: same-origin\r\n"
        ));
    }
    head.push_str(&match dice.below(6) {
        0 => String::new(),
        1 => format!("cookie: muster={}\r\n", bit(dice).replace(' ', "")),
        _ => format!("cookie: {cookie}\r\n"),
    });
    if dice.one_in(10) {
        head.push_str(&format!("x-forwarded-for: {}\r\n", bit(dice)));
    }
    if dice.one_in(10) {
        let long = usize::try_from(dice.below(20_000)).unwrap_or(0);
        head.push_str(&format!("accept-language: {}\r\n", "x".repeat(long)));
    }
    let body = if method == "POST" {
        body(dice)
    } else {
        Vec::new()
    };
    if method == "POST" {
        let kind = match dice.below(8) {
            0 => "application/json",
            1 => "text/plain",
            2 => "multipart/form-data; boundary=x",
            _ => "application/x-www-form-urlencoded",
        };
        head.push_str(&format!("content-type: {kind}\r\n"));
        let length = if dice.one_in(30) {
            body.len() / 2
        } else {
            body.len()
        };
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    let mut request = head.into_bytes();
    if dice.one_in(15) {
        let rubbish = dice.bytes(12);
        request.extend(b"x-rubbish: ");
        request.extend(rubbish);
        request.extend(b"\r\n");
    }
    request.extend(b"\r\n");
    request.extend(body);
    request
}

fn body(dice: &mut Dice) -> Vec<u8> {
    match dice.below(6) {
        0 => {
            let many = dice.below(4096);
            dice.bytes(many)
        }
        1 => vec![b'a'; usize::try_from(dice.below(200_000)).unwrap_or(0)],
        _ => form(dice).into_bytes(),
    }
}

fn form(dice: &mut Dice) -> String {
    let fields = dice.below(8);
    let mut form = String::new();
    for _ in 0..fields {
        let name = dice.pick(&FIELDS).copied().unwrap_or("q");
        form.push_str(&format!("{name}={}&", bit(dice).replace(' ', "+")));
    }
    form
}

fn bit(dice: &mut Dice) -> String {
    let bit = dice.pick(&BITS).copied().unwrap_or_default();
    match dice.below(10) {
        0 => bit.repeat(50),
        _ => bit.to_owned(),
    }
}

/// Sends it and reads the status; 0 when the server hung up without one, as it may on what is no HTTP.
fn throw(server: SocketAddr, request: &[u8]) -> Result<u16, Failure> {
    let broken = |error| Failure::new(format!("the server is gone: {error}"));
    let mut stream = TcpStream::connect(server).map_err(broken)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
    // It may answer and hang up before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            return Err(Failure::new(format!(
                "no answer in {} s: {}",
                PATIENCE.as_secs(),
                String::from_utf8_lossy(request)
            )));
        }
        _ => {}
    }
    let status = answer
        .get(9..12)
        .and_then(|digits| str::from_utf8(digits).ok());
    Ok(status.and_then(|digits| digits.parse().ok()).unwrap_or(0))
}
