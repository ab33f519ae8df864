//! The connection under the protocol, watched: which version of TLS it turned to, and whether somebody on the way slips
//! words in before that.
//!
//! lettre reads through a buffer that outlives the turn to TLS. Words that arrive together with the answer to STARTTLS
//! were written in the clear and would be taken for words of the server (Poddebniak et al., USENIX Security 2021).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the server's first TLS record that are looked at.
const HEAD: usize = 512;

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
    /// Words in the clear.
    Clear,
    /// STARTTLS was said; its answer is awaited.
    Asked,
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
        let stage = Stage::Clear;
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

    fn wrote(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Clear) && bytes.eq_ignore_ascii_case(b"STARTTLS\r\n") {
            self.stage = Stage::Asked;
        }
    }

    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stage {
            Stage::Asked => {
                if !bytes.starts_with(b"220") {
                    self.stage = Stage::Clear;
                } else if is_one_line(bytes) {
                    self.stage = Stage::Turning(Vec::new());
                } else {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "words were slipped in before TLS",
                    ));
                }
            }
            Stage::Turning(head) => {
                head.extend(bytes.iter().take(HEAD.saturating_sub(head.len())));
                if let Some(version) = version(head) {
                    self.seen.keep(version);
                    self.stage = Stage::Turned;
                }
            }
            Stage::Clear | Stage::Turned => {}
        }
        Ok(())
    }
}

fn is_one_line(bytes: &[u8]) -> bool {
    bytes.iter().position(|byte| *byte == b'\n') == bytes.len().checked_sub(1)
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
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(_)) = polled {
            self.wrote(bytes);
        }
        polled
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

    #[test]
    fn words_slipped_in_before_tls_end_the_connection() {
        let mut stream = watched(Stage::Clear);
        stream.wrote(b"EHLO me\r\n");
        stream.read(b"250-a\r\n250 STARTTLS\r\n").unwrap();
        stream.wrote(b"STARTTLS\r\n");
        let slipped = stream.read(b"220 ready\r\n250-AUTH PLAIN\r\n").unwrap_err();
        assert_eq!(slipped.kind(), io::ErrorKind::InvalidData);
        let mut stream = watched(Stage::Asked);
        stream.read(b"220 ready\r\n").unwrap();
        assert!(matches!(stream.stage, Stage::Turning(_)));
        let mut stream = watched(Stage::Asked);
        stream.read(b"454 not now\r\n").unwrap();
        assert!(matches!(stream.stage, Stage::Clear));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_whatsoever_break_it(bytes: Vec<u8>) {
            let _ = version(&bytes);
        }
    }
}
