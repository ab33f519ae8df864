//! One kept-alive HTTP/1.1 connection, as cheap as can be: generator and server share the machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use crate::failure::Failure;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A connection, and the answer it read last.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How long head and body of the last answer were.
    last: (usize, usize),
    /// The same of the answer that is coming, once its head is there.
    expected: Option<(usize, usize)>,
    /// The line of the last head that tells the length of the body, and where it begins.
    length_line: (usize, Vec<u8>),
}

/// An answer.
pub struct Answer<'a> {
    head: &'a [u8],
    /// What came after the head.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr) -> Result<Self, Failure> {
        let broken = |error| Failure::new(format!("connecting to {address}: {error}"));
        let stream = TcpStream::connect(address).map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(broken)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(1 << 17),
            last: (0, 0),
            expected: None,
            length_line: (0, Vec::new()),
        })
    }

    /// Sends a request and reads its answer to the end.
    pub fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        self.exchange(request)
            .map_err(|error| Failure::new(format!("a connection broke: {error}")))?;
        Ok(self.answer())
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.send(request)?;
        while !self.receive()? {}
        Ok(())
    }

    /// Lets reading and writing return at once when there is nothing to do.
    pub fn never_wait(&self) -> std::io::Result<()> {
        self.stream.set_nonblocking(true)
    }

    /// Sends a request. It is small and alone on its way, so that there is always room for it.
    pub fn send(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.buffer.clear();
        self.expected = None;
        self.stream.write_all(request)
    }

    /// Reads what has come; whether that was the answer's end.
    pub fn receive(&mut self) -> std::io::Result<bool> {
        self.read_more()?;
        if self.expected.is_none()
            && let Some(head) = self.head_length()
        {
            self.expected = Some((head, self.body_length(head)?));
        }
        match self.expected {
            Some((head, body)) if self.buffer.len() >= head + body => {
                self.last = (head, body);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The answer that was read last.
    pub fn answer(&self) -> Answer<'_> {
        let (head, body) = self.last;
        Answer {
            head: self.buffer.get(..head).unwrap_or_default(),
            body: self.buffer.get(head..head + body).unwrap_or_default(),
        }
    }

    fn read_more(&mut self) -> std::io::Result<()> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + (1 << 16), 0);
        let room = self.buffer.get_mut(filled..).unwrap_or_default();
        let read = self.stream.read(room);
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Answers of one page have heads of one length, so it is looked for where the last one ended first.
    fn head_length(&self) -> Option<usize> {
        let (last, _) = self.last;
        let starts = last.checked_sub(END_OF_HEAD.len());
        if starts.is_some_and(|start| self.buffer.get(start..last) == Some(END_OF_HEAD)) {
            return Some(last);
        }
        let found = self
            .buffer
            .windows(END_OF_HEAD.len())
            .position(|window| window == END_OF_HEAD);
        found.map(|start| start + END_OF_HEAD.len())
    }

    fn body_length(&mut self, head: usize) -> std::io::Result<usize> {
        let (start, line) = &self.length_line;
        if !line.is_empty() && self.buffer.get(*start..start + line.len()) == Some(line) {
            return Ok(self.last.1);
        }
        let head = self.buffer.get(..head).unwrap_or_default();
        let mut start = 0;
        for line in head.split_inclusive(|byte| *byte == b'\n') {
            if let Some(length) = value(line, "content-length").and_then(|text| text.parse().ok()) {
                self.length_line = (start, line.to_vec());
                return Ok(length);
            }
            start += line.len();
        }
        self.length_line = (0, Vec::new());
        let is_empty = [b" 204 ", b" 304 "].map(|status| head.get(8..13) == Some(status));
        match is_empty {
            [false, false] => Err(std::io::Error::other("an answer without content-length")),
            _ => Ok(0),
        }
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Answer<'_> {
    /// The status; 0 when it cannot be read.
    pub fn status(&self) -> u16 {
        let digits = self.head.get(9..12).and_then(|d| str::from_utf8(d).ok());
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// The first header of this name, which is given in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .split(|byte| *byte == b'\n')
            .find_map(|line| value(line, name))
    }
}

fn value<'a>(line: &'a [u8], name: &str) -> Option<&'a str> {
    let (own, rest) = line.split_at_checked(name.len())?;
    let rest = rest.strip_prefix(b":")?;
    if !own.eq_ignore_ascii_case(name.as_bytes()) {
        return None;
    }
    str::from_utf8(rest).ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers each request on one connection with the next of `answers`, in two pieces.
    fn server(answers: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut request = [0; 64];
                assert!(stream.read(&mut request).unwrap() > 0);
                let (first, second) = answer.split_at(answer.len() / 2);
                stream.write_all(first.as_bytes()).unwrap();
                stream.flush().unwrap();
                stream.write_all(second.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn answers_of_changing_length_are_read_to_their_end() {
        let address = server(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld",
            "HTTP/1.1 303 See Other\r\nlocation: /\r\nset-cookie: muster=a; Path=/\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 11\r\n\r\nhello world",
        ]);
        let mut connection = Connection::open(address).unwrap();
        assert_eq!(connection.ask(b"1").unwrap().body, b"hello");
        assert_eq!(connection.ask(b"2").unwrap().body, b"world");
        let third = connection.ask(b"3").unwrap();
        assert_eq!((third.status(), third.body), (303, &b""[..]));
        assert_eq!(third.header("set-cookie"), Some("muster=a; Path=/"));
        let fourth = connection.ask(b"4").unwrap();
        assert_eq!((fourth.status(), fourth.body), (404, &b"hello world"[..]));
    }

    #[test]
    fn a_connection_that_ends_early_is_a_failure() {
        let address = server(&["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"]);
        let mut connection = Connection::open(address).unwrap();
        assert!(connection.ask(b"1").is_err());
    }
}
