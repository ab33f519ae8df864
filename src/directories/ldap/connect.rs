//! A connection: to the first server that answers, encrypted as asked for, watched over, and let in.
//!
//! TLS is ours: the certificate is always checked, against the name or address that was configured, and StartTLS that is
//! refused ends the connection. Behind it stands a relay that measures every message (see [`super::wire`]); the LDAP
//! library speaks to the relay alone.

use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use ldap3::{Ldap as Handle, LdapConnAsync, LdapConnSettings, LdapResult, StdStream};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::settings::{Bind, LdapSettings, Limits, Security};
use super::trust;
use super::wire::{Frame, frame};

/// RFC 4511 section 4.14.1: message 1, an extended request of this name.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// The longest answer to it.
const LONGEST_GREETING: usize = 4096;
/// How much is read at once, in bytes.
const READ: usize = 32 << 10;

/// A connection that is let in. It ends when it is dropped.
pub(crate) struct Connection {
    pub(crate) handle: Handle,
    /// Which server, for people.
    pub(crate) server: String,
    tasks: Vec<JoinHandle<()>>,
    pub(crate) broken: Broken,
}

/// Why the relay cut the connection, if it did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Broken(Arc<Mutex<Option<&'static str>>>);

impl Broken {
    fn set(&self, why: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn get(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Gives a name and its password to the server. `asked` says what we want to know, for people.
    ///
    /// # Errors
    /// `LDAP-007` when there is no answer.
    pub(super) async fn binds(
        &mut self,
        name: &str,
        password: &SecretString,
        limits: Limits,
        asked: &str,
    ) -> Result<LdapResult, Error> {
        let handle = self.handle.with_timeout(limits.answer);
        let answered = handle.simple_bind(name, password.expose_secret()).await;
        answered.map_err(|error| {
            let why = self
                .broken()
                .map_or_else(|| shown(&error.to_string()), str::to_owned);
            Error::new(
                "LDAP-007",
                Kind::Unavailable,
                format!("{} did not answer {asked}: {why}.", self.server),
            )
        })
    }

    /// Why the connection was cut by us, if it was.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        self.broken.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Whoever is on the other side.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Connects to the first server that answers, without being let in.
pub(crate) async fn connect(settings: &LdapSettings) -> Result<Connection, Error> {
    let mut failures: Vec<Error> = Vec::new();
    for server in &settings.servers {
        match reach(settings, server).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failures.push(error),
        }
    }
    Err(gathered(failures))
}

/// Connects and is let in. A server that is busy or down is passed over for the next; one that refuses us is not: the next
/// would refuse us as well, and count towards a lockout.
pub(crate) async fn open(settings: &LdapSettings) -> Result<Connection, Error> {
    let mut failures: Vec<Error> = Vec::new();
    for server in &settings.servers {
        let mut connection = match reach(settings, server).await {
            Ok(connection) => connection,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        match bind(settings, &mut connection).await {
            Ok(()) => return Ok(connection),
            Err(error) if error.kind == Kind::Unavailable => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(gathered(failures))
}

fn gathered(mut failures: Vec<Error>) -> Error {
    if failures.len() == 1 {
        return failures.remove(0);
    }
    let words: Vec<_> = failures
        .iter()
        .map(|failure| failure.public.as_ref())
        .collect();
    Error::new(
        "LDAP-001",
        Kind::Upstream,
        format!("No server could be used. {}", words.join(" ")),
    )
    .next("Check the addresses, the port and any firewall in between.")
}

async fn reach(settings: &LdapSettings, (host, port): &(String, u16)) -> Result<Connection, Error> {
    let server = format!("{host}:{port}");
    let made = timeout(
        settings.limits.connect,
        stream(settings, host, *port, &server),
    )
    .await;
    let stream = made.unwrap_or_else(|_| {
        Err(Error::new(
            "LDAP-001",
            Kind::Upstream,
            format!("{server} does not answer."),
        )
        .next("Check the address, the port and any firewall in between."))
    })?;
    relayed(stream, server, settings.limits).await
}

async fn stream(
    settings: &LdapSettings,
    host: &str,
    port: u16,
    server: &str,
) -> Result<Box<dyn Stream>, Error> {
    let tcp = TcpStream::connect((host, port)).await.map_err(|error| {
        Error::new(
            "LDAP-001",
            Kind::Upstream,
            format!("{server} cannot be reached: {error}."),
        )
        .next("Check the address, the port and any firewall in between.")
    })?;
    // Only delays; nothing depends on it.
    let _ = tcp.set_nodelay(true);
    match settings.security {
        Security::Plain => Ok(Box::new(tcp)),
        Security::Ldaps => encrypted(settings, host, server, tcp).await,
        Security::StartTls => {
            let tcp = start_tls(tcp, server).await?;
            encrypted(settings, host, server, tcp).await
        }
    }
}

/// Asks for TLS. Whatever a server, or somebody in between, sends behind its consent was sent unprotected and ends it.
async fn start_tls(mut tcp: TcpStream, server: &str) -> Result<TcpStream, Error> {
    let refused = |why: &str| {
        Error::new(
            "LDAP-003",
            Kind::Upstream,
            format!("{server} does not start TLS: {why}."),
        )
        .next(
            "Nothing else was sent. Use LDAPS if the server offers that, or let it offer StartTLS.",
        )
    };
    let cut = |error: std::io::Error| refused(&error.to_string());
    tcp.write_all(START_TLS).await.map_err(cut)?;
    let mut answer = Vec::new();
    loop {
        match frame(&answer, LONGEST_GREETING) {
            Frame::Incomplete => {}
            Frame::Refused(why) => return Err(refused(why)),
            Frame::Whole(length) if length < answer.len() => {
                return Err(refused("it sent more than was asked for"));
            }
            Frame::Whole(_) => break,
        }
        if tcp.read_buf(&mut answer).await.map_err(cut)? == 0 {
            return Err(refused("it closed the connection"));
        }
    }
    match outcome(&answer) {
        Some(0) => Ok(tcp),
        Some(code) => Err(refused(&format!("it answered {code}"))),
        None => Err(refused("its answer cannot be read")),
    }
}

/// The result code of an extended response (RFC 4511 section 4.12).
fn outcome(answer: &[u8]) -> Option<u64> {
    let (_, message) = ldap3::asn1::parse_tag(answer).ok()?;
    let operation = message.expect_constructed()?.into_iter().nth(1)?;
    let code = operation
        .match_id(24)?
        .expect_constructed()?
        .into_iter()
        .next()?;
    let digits = code.match_id(10)?.expect_primitive()?;
    Some(
        digits
            .iter()
            .take(4)
            .fold(0, |sum, digit| sum << 8 | u64::from(*digit)),
    )
}

async fn encrypted(
    settings: &LdapSettings,
    host: &str,
    server: &str,
    tcp: TcpStream,
) -> Result<Box<dyn Stream>, Error> {
    let refused = |error: native_tls::Error| {
        let why = error.to_string().to_ascii_lowercase();
        // What a server says that speaks LDAP without TLS on this port, in the words of OpenSSL.
        let signs = ["wrong version number", "packet length", "unexpected eof"];
        let is_plain =
            settings.security == Security::Ldaps && signs.iter().any(|sign| why.contains(sign));
        if is_plain {
            return Error::new(
                "LDAP-002",
                Kind::Upstream,
                format!("{server} ended before TLS was agreed on: {}.", shown(&error.to_string())),
            )
            .next("Most likely LDAPS is not spoken on this port: it has one of its own, 636 as a rule; on port 389 choose StartTLS. Nothing was sent.");
        }
        Error::new(
            "LDAP-002",
            Kind::Upstream,
            format!("{server} cannot be trusted: {}.", shown(&error.to_string())),
        )
        .next("Check that its certificate is valid, names this very host, and is signed by the authority that was chosen. Nothing was sent.")
    };
    let connector = trust::connector(&settings.roots)?;
    let stream = tokio_native_tls::TlsConnector::from(connector)
        .connect(host, tcp)
        .await;
    Ok(Box::new(stream.map_err(refused)?))
}

/// Puts the relay in between and the library behind it.
async fn relayed(
    stream: Box<dyn Stream>,
    server: String,
    limits: Limits,
) -> Result<Connection, Error> {
    let defect = |error: &dyn std::fmt::Display| {
        Error::new(
            "LDAP-001",
            Kind::Internal,
            "The connection cannot be set up on this machine.",
        )
        .internal(error)
    };
    let (ours, theirs) = StdUnixStream::pair().map_err(|error| defect(&error))?;
    ours.set_nonblocking(true).map_err(|error| defect(&error))?;
    let ours = UnixStream::from_std(ours).map_err(|error| defect(&error))?;
    let broken = Broken::default();
    let relay = tokio::spawn(relay(stream, ours, limits, broken.clone()));
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs));
    let (connection, handle) = LdapConnAsync::with_settings(settings, "ldapi://relay")
        .await
        .map_err(|error| defect(&error))?;
    // The library panics on some malformed answers: in this task, which then ends, and with it the connection.
    let driver = tokio::spawn(async move {
        let _ = connection.drive().await;
    });
    Ok(Connection {
        handle,
        server,
        tasks: vec![relay, driver],
        broken,
    })
}

/// Carries bytes both ways; towards us, sound messages alone, and only so much for each question.
async fn relay(stream: Box<dyn Stream>, library: UnixStream, limits: Limits, broken: Broken) {
    let (mut from_server, mut to_server) = tokio::io::split(stream);
    let (mut from_library, mut to_library) = library.into_split();
    let mut question = vec![0; 16 << 10];
    let mut answer: Vec<u8> = Vec::new();
    let mut answered = 0_usize;
    loop {
        answer.reserve(READ);
        tokio::select! {
            read = from_library.read(&mut question) => {
                let Ok(length @ 1..) = read else { break };
                answered = 0;
                let part = question.get(..length).unwrap_or_default();
                if to_server.write_all(part).await.is_err() || to_server.flush().await.is_err() {
                    break;
                }
            }
            read = from_server.read_buf(&mut answer) => {
                if !matches!(read, Ok(1..)) {
                    break;
                }
                match forward(&mut answer, &mut to_library, &mut answered, limits).await {
                    Ok(()) => {}
                    Err(why) => {
                        broken.set(why);
                        break;
                    }
                }
            }
        }
    }
}

async fn forward(
    answer: &mut Vec<u8>,
    to_library: &mut (impl AsyncWrite + Unpin),
    answered: &mut usize,
    limits: Limits,
) -> Result<(), &'static str> {
    let mut sound = 0;
    let refused = loop {
        match frame(answer.get(sound..).unwrap_or_default(), limits.message) {
            Frame::Incomplete => break None,
            Frame::Refused(why) => break Some(why),
            Frame::Whole(length) => sound += length,
        }
    };
    *answered = answered.saturating_add(sound);
    if *answered > limits.whole_answer {
        return Err("an answer is longer than accepted");
    }
    let messages = answer.get(..sound).unwrap_or_default();
    to_library
        .write_all(messages)
        .await
        .map_err(|_| "it was no longer read")?;
    answer.drain(..sound);
    refused.map_or(Ok(()), Err)
}

/// Says who we are.
pub(crate) async fn bind(
    settings: &LdapSettings,
    connection: &mut Connection,
) -> Result<(), Error> {
    let Bind::Simple { dn, password } = &settings.bind else {
        return Ok(());
    };
    let result = connection
        .binds(dn, password, settings.limits, "who may read")
        .await?;
    let server = &connection.server;
    match result.rc {
        0 => Ok(()),
        51 | 52 => Err(Error::new(
            "LDAP-001",
            Kind::Unavailable,
            format!("{server} is busy or shutting down."),
        )),
        code => Err(Error::new(
            "LDAP-004",
            Kind::Upstream,
            format!(
                "{server} does not let {} in: {}",
                shown(dn),
                refusal(code, &result.text)
            ),
        )
        .next("Check the name and password of the account to read with.")),
    }
}

/// Why a bind failed. Active Directory hides the reason in `data 52e`.
fn refusal(code: u32, text: &str) -> String {
    let known = [
        ("data 525", "there is no such account."),
        ("data 52e", "the password is wrong."),
        ("data 530", "it may not sign in at this time."),
        ("data 531", "it may not sign in from here."),
        ("data 532", "its password has expired."),
        ("data 533", "the account is disabled."),
        ("data 701", "the account has expired."),
        ("data 773", "its password must be changed first."),
        ("data 775", "the account is locked."),
    ];
    if let Some((_, words)) = known.iter().find(|(sign, _)| text.contains(sign)) {
        return (*words).to_owned();
    }
    match code {
        8 | 13 => "it asks for an encrypted connection.".to_owned(),
        48 => "it takes no password for this account.".to_owned(),
        49 => "name or password is wrong.".to_owned(),
        53 => "it is unwilling.".to_owned(),
        other => format!("it answered {other}. {}", shown(text)),
    }
}

/// A server's words, made safe to show: short, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = printable.take(200).collect();
    short.trim().trim_end_matches('.').to_owned()
}
