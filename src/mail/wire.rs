//! The connection under the protocol, watched: which version of TLS it turned to, and whether somebody on the way slips
//! words in before that.
//!
//! lettre reads through a buffer that outlives the turn to TLS. Words that arrive before the turn and beyond the answers
//! asked for were written in the clear and would be taken for words of the server (Poddebniak et al., USENIX Security
//! 2021). So each command before the turn gets one whole answer and nothing else, however it is cut into pieces.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the server's first TLS record that are looked at.
const HEAD: usize = 512;
/// Longest answer in the clear, in bytes, behind which TLS is still turned to.
const LONGEST: usize = 64 * 1024;

/// What was seen of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Option<&'static str>>>);

impl Seen {
    /// The version of TLS the server chose; none: the connection is in the clear.
    pub(crate) fn tls(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, version: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
    }
}

#[derive(Debug)]
enum Stage {
    /// Words in the clear: what arrived since the last command, and whether each command before it got one answer.
    Clear { heard: Vec<u8>, orderly: bool },
    /// STARTTLS was said; its answer is awaited, and may arrive in pieces.
    Asked(Vec<u8>),
    /// TLS begins: the first bytes of the server, until its version is known.
    Turning(Vec<u8>),
    /// TLS.
    Turned,
}

/// A connection that is watched.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    inner: S,
    peer: SocketAddr,
    seen: Seen,
    stage: Stage,
}

impl<S> Watched<S> {
    /// One that begins in the clear.
    pub(crate) const fn clear(inner: S, peer: SocketAddr, seen: Seen) -> Self {
        let stage = Stage::Clear {
            heard: Vec::new(),
            orderly: true,
        };
        Self {
            inner,
            peer,
            seen,
            stage,
        }
    }

    /// One that begins with TLS.
    pub(crate) const fn turning(inner: S, peer: SocketAddr, seen: Seen) -> Self {
        let stage = Stage::Turning(Vec::new());
        Self {
            inner,
            peer,
            seen,
            stage,
        }
    }

    pub(crate) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Before something is written: a turn to TLS that words were slipped in before is never asked for.
    fn writes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Stage::Clear { heard, orderly } = &mut self.stage else {
            return Ok(());
        };
        let answered = matches!(answer(heard), Answer::Whole { .. });
        if bytes.eq_ignore_ascii_case(b"STARTTLS\r\n") {
            if !answered || !*orderly {
                return Err(slipped());
            }
            self.stage = Stage::Asked(Vec::new());
            return Ok(());
        }
        *orderly &= answered || heard.is_empty();
        heard.clear();
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stage {
            Stage::Clear { heard, orderly } => {
                if heard.len().saturating_add(bytes.len()) > LONGEST {
                    *orderly = false;
                } else {
                    heard.extend(bytes);
                }
            }
            Stage::Asked(heard) => {
                heard.extend(bytes);
                if heard.len() > LONGEST {
                    return Err(slipped());
                }
                match answer(heard) {
                    Answer::Begun => {}
                    Answer::Whole {
                        code: [b'2', b'2', b'0'],
                        lines: 1,
                    } => self.stage = Stage::Turning(Vec::new()),
                    Answer::Whole {
                        code: [b'4' | b'5', ..],
                        ..
                    } => {
                        self.stage = Stage::Clear {
                            heard: Vec::new(),
                            orderly: false,
                        };
                    }
                    Answer::Whole { .. } | Answer::None => return Err(slipped()),
                }
            }
            Stage::Turning(head) => {
                head.extend(bytes.iter().take(HEAD.saturating_sub(head.len())));
                if let Some(version) = version(head) {
                    self.seen.keep(version);
                    self.stage = Stage::Turned;
                }
            }
            Stage::Turned => {}
        }
        Ok(())
    }
}

fn slipped() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "words were slipped in before TLS",
    )
}

/// What some bytes in the clear are (RFC 5321 section 4.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// The beginning of one answer.
    Begun,
    /// One whole answer, and nothing behind it.
    Whole { code: [u8; 3], lines: usize },
    /// No answer, or more than one.
    None,
}

/// Every line carries the same code; a dash behind it says that another line follows, a blank that none does.
fn answer(bytes: &[u8]) -> Answer {
    let (mut rest, mut before, mut lines) = (bytes, None, 0_usize);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let Some((line, more)) = rest.split_at_checked(end.saturating_add(1)) else {
            return Answer::None;
        };
        let [a, b, c, mark @ (b'-' | b' '), .., b'\r', b'\n'] = line else {
            return Answer::None;
        };
        let code = [*a, *b, *c];
        if !code.iter().all(u8::is_ascii_digit) || before.is_some_and(|before| before != code) {
            return Answer::None;
        }
        lines = lines.saturating_add(1);
        if *mark == b' ' {
            return if more.is_empty() {
                Answer::Whole { code, lines }
            } else {
                Answer::None
            };
        }
        (rest, before) = (more, Some(code));
    }
    Answer::Begun
}

/// The version in the server's first record (RFC 8446 sections 4.1.3 and 4.2.1), once all of it is there.
fn version(head: &[u8]) -> Option<&'static str> {
    // Record: type, version, length; message: type, length; then the version of old.
    let (record, rest) = head.split_at_checked(5)?;
    if record.first() != Some(&0x16) {
        return None;
    }
    let (message, rest) = rest.split_at_checked(4)?;
    let (rest, _) = rest.split_at_checked(number(message.get(1..)?))?;
    let (old, rest) = rest.split_at_checked(2)?;
    let (_, rest) = rest.split_at_checked(32)?;
    let (session, rest) = rest.split_first()?;
    let (_, rest) = rest.split_at_checked(usize::from(*session))?;
    let (_, mut rest) = rest.split_at_checked(3)?;
    if let Some((length, extensions)) = rest.split_at_checked(2) {
        let (extensions, _) = extensions.split_at_checked(number(length))?;
        rest = extensions;
        while let Some((head, more)) = rest.split_at_checked(4) {
            let (kind, length) = head.split_at_checked(2)?;
            let (body, more) = more.split_at_checked(number(length))?;
            if kind == [0x00, 0x2b] {
                return (body == [0x03, 0x04]).then_some("TLS 1.3");
            }
            rest = more;
        }
    }
    (old == [0x03, 0x03]).then_some("TLS 1.2")
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let new = buffer.filled().get(before..).unwrap_or_default().to_vec();
            if !new.is_empty() {
                self.read(&new)?;
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes(bytes)?;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream
    for Watched<S>
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's first record: 32 bytes of randomness, no session, one cipher, these extensions.
    fn hello(old: [u8; 2], extensions: &[u8]) -> Vec<u8> {
        let mut body = old.to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend([0x13, 0x01, 0x00]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let length = u16::try_from(body.len()).unwrap();
        let mut record = vec![0x16, 0x03, 0x03];
        record.extend((length + 4).to_be_bytes());
        record.extend([0x02, 0x00]);
        record.extend(length.to_be_bytes());
        record.extend(body);
        record
    }

    fn watched(stage: Stage) -> Watched<()> {
        let (peer, seen) = (SocketAddr::from(([127, 0, 0, 1], 25)), Seen::default());
        Watched {
            inner: (),
            peer,
            seen,
            stage,
        }
    }

    #[test]
    fn the_version_is_the_one_the_server_chose() {
        let new = hello(
            [0x03, 0x03],
            &[
                0x00, 0x33, 0x00, 0x01, 0xaa, 0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,
            ],
        );
        assert_eq!(version(&new), Some("TLS 1.3"));
        assert_eq!(
            version(&hello([0x03, 0x03], &[0xff, 0x01, 0x00, 0x01, 0x00])),
            Some("TLS 1.2")
        );
        assert_eq!(version(&hello([0x03, 0x01], &[])), None);
        assert_eq!(version(b"220 mail.example ESMTP"), None);
        for cut in 0..new.len() {
            assert_eq!(version(new.get(..cut).unwrap()), None, "cut at {cut}");
        }
    }

    fn clear() -> Watched<()> {
        watched(Stage::Clear {
            heard: Vec::new(),
            orderly: true,
        })
    }

    /// Greeting, EHLO and STARTTLS, with these answers to the first two.
    fn asked(greeting: &[u8], offer: &[u8]) -> io::Result<Watched<()>> {
        let mut stream = clear();
        stream.read(greeting)?;
        stream.writes(b"EHLO me\r\n")?;
        stream.read(offer)?;
        stream.writes(b"STARTTLS\r\n")?;
        // Asked again by a write that had to wait: nothing changes.
        stream.writes(b"STARTTLS\r\n")?;
        Ok(stream)
    }

    const OFFER: &[u8] = b"250-a\r\n250 STARTTLS\r\n";

    #[test]
    fn one_answer_to_each_command_leads_to_tls() {
        for reply in [&b"220 ready\r\n"[..], b"220 \r\n"] {
            for cut in 0..reply.len() {
                let mut stream = asked(b"220-here\r\n220 now\r\n", OFFER).unwrap();
                let (head, tail) = reply.split_at(cut);
                stream.read(head).unwrap();
                assert!(matches!(stream.stage, Stage::Asked(_)), "cut at {cut}");
                stream.read(tail).unwrap();
                assert!(matches!(stream.stage, Stage::Turning(_)), "cut at {cut}");
            }
        }
        for refusal in [&b"454 not now\r\n"[..], b"454-not\r\n454 now\r\n"] {
            let mut stream = asked(b"220 here\r\n", OFFER).unwrap();
            stream.read(refusal).unwrap();
            assert!(matches!(stream.stage, Stage::Clear { .. }));
            stream.writes(b"QUIT\r\n").unwrap();
            let again = stream.writes(b"STARTTLS\r\n").unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn words_slipped_in_behind_an_earlier_answer_end_the_connection() {
        let later = [OFFER, b"220 go\r\n250 AUTH PLAIN\r\n235 in\r\n"].concat();
        let early = [b"220 here\r\n", later.as_slice()].concat();
        let begun = [OFFER, b"220 g"].concat();
        for (greeting, offer) in [
            (&b"220 here\r\n"[..], later.as_slice()),
            (b"220 here\r\n", &begun),
            (b"220 here\r\n", b"250-STARTTLS\r\n"),
            (b"220 here\r\n", b"250-a\n250 STARTTLS\r\n"),
            (b"220 here\r\n", b"250-a\r\n220 STARTTLS\r\n"),
            (&early, b""),
            (b"220 here\r\n250-a\r\n", b"250 STARTTLS\r\n"),
        ] {
            let slipped = asked(greeting, offer).unwrap_err();
            assert_eq!(
                slipped.kind(),
                io::ErrorKind::InvalidData,
                "{:?}",
                String::from_utf8_lossy(offer)
            );
        }
        let long = [b"250-".as_slice(), &vec![b'a'; LONGEST], b"\r\n"].concat();
        let mut stream = clear();
        stream.read(&long).unwrap();
        stream.read(OFFER).unwrap();
        assert!(stream.writes(b"STARTTLS\r\n").is_err());
    }

    #[test]
    fn words_slipped_in_before_tls_end_the_connection() {
        for said in [
            &b"220 ready\r\n250-AUTH PLAIN\r\n"[..],
            b"220 ready\r\n2",
            b"220-ready\r\n220 now\r\n",
            b"220 ready\n",
            b"220\r\n",
            b"250 ready\r\n",
            b"354 ready\r\n",
            b"454-not\r\n220 ready\r\n",
            b"454 not\r\n220 ready\r\n",
            b"nonsense\r\n",
        ] {
            for cut in 0..said.len() {
                let mut stream = asked(b"220 here\r\n", OFFER).unwrap();
                let (head, tail) = said.split_at(cut);
                let ended = stream.read(head).and_then(|()| {
                    // What was whole before the cut was let through alone: lettre has nothing of the rest yet.
                    match stream.stage {
                        Stage::Asked(_) => stream.read(tail),
                        _ => Err(slipped()),
                    }
                });
                assert!(ended.is_err(), "{:?} {cut}", String::from_utf8_lossy(said));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_whatsoever_break_it(bytes: Vec<u8>) {
            let _ = (version(&bytes), answer(&bytes));
        }
    }
}
