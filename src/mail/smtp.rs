//! One message, one connection: greeting, TLS, sign-in, message, end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::extension::ClientId;
use muster_domain::error::FieldError;
use muster_domain::mail::{Delivered, Encryption, Letter, Postman, Server, Undelivered};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_native_tls::TlsStream;

use crate::answer::{self, Secrets, Step};
use crate::message::{Packed, pack};
use crate::wire::{Seen, Watched};

/// How long a whole conversation may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the good-bye may take. The message has left by then.
const GOODBYE: Duration = Duration::from_secs(2);

/// Carries messages by SMTP.
#[derive(Clone, Copy, Debug)]
pub struct Smtp {
    patience: Duration,
}

impl Default for Smtp {
    fn default() -> Self {
        Self { patience: PATIENCE }
    }
}

impl Smtp {
    /// One that waits shorter or longer for a whole conversation.
    #[must_use]
    pub const fn patient(patience: Duration) -> Self {
        Self { patience }
    }
}

#[async_trait]
impl Postman for Smtp {
    fn examine(&self, server: &Server) -> Result<(), FieldError> {
        let Some(pem) = &server.ca else { return Ok(()) };
        match native_tls::Certificate::from_pem(pem.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(FieldError {
                field: "ca".to_owned(),
                message:
                    "This is no certificate. Paste the whole of it, with its first and last line."
                        .to_owned(),
            }),
        }
    }

    async fn deliver(
        &self,
        server: &Server,
        password: Option<&SecretString>,
        letter: &Letter,
    ) -> Result<Delivered, Undelivered> {
        let packed = pack(server, letter).map_err(|why| answer::unwritable(&why))?;
        let secrets = Secrets::of(server.username.as_deref(), password, &letter.text);
        let talk = converse(server, password, &packed, &secrets);
        let Ok(ended) = timeout(self.patience, talk).await else {
            return Err(answer::silent(self.patience.as_secs()));
        };
        let (delivered, mut connection) = ended?;
        // Taken is taken, whatever becomes of the good-bye.
        let _ = timeout(GOODBYE, connection.quit()).await;
        Ok(delivered)
    }
}

async fn converse(
    server: &Server,
    password: Option<&SecretString>,
    packed: &Packed,
    secrets: &Secrets,
) -> Result<(Delivered, AsyncSmtpConnection), Undelivered> {
    let seen = Seen::default();
    let mut connection = open(server, secrets, &seen).await?;
    if let (Some(username), Some(password)) = (&server.username, password) {
        let credentials = Credentials::new(username.clone(), password.expose_secret().to_owned());
        connection
            .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
            .await
            .map_err(|error| answer::failed(Step::SignIn, &error, secrets))?;
    }
    let response = connection
        .send(&packed.envelope, &packed.bytes)
        .await
        .map_err(|error| answer::failed(Step::Message, &error, secrets))?;
    Ok((
        answer::delivered(&response, seen.tls(), secrets),
        connection,
    ))
}

/// Connects and turns to TLS, if that is wanted; never goes on in the clear instead.
async fn open(
    server: &Server,
    secrets: &Secrets,
    seen: &Seen,
) -> Result<AsyncSmtpConnection, Undelivered> {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, server.port))
        .await
        .map_err(|error| answer::unreachable(&error))?;
    let peer = stream
        .peer_addr()
        .map_err(|error| answer::unreachable(&error))?;
    let hello = ClientId::default();
    let stream: Box<dyn AsyncTokioStream> = match server.encryption {
        Encryption::Tls => {
            Box::new(tls(server, host, Watched::turning(stream, peer, seen.clone())).await?)
        }
        Encryption::Starttls | Encryption::None => {
            Box::new(Watched::clear(stream, peer, seen.clone()))
        }
    };
    let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello)
        .await
        .map_err(|error| answer::failed(Step::Greeting, &error, secrets))?;
    if server.encryption == Encryption::Starttls {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(answer::no_starttls());
        }
        let parameters = parameters(server, host).map_err(|error| answer::no_tls(&error))?;
        connection
            .starttls(parameters, &hello)
            .await
            .map_err(|error| answer::failed(Step::Tls, &error, secrets))?;
    }
    Ok(connection)
}

fn parameters(
    server: &Server,
    host: &str,
) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let mut builder =
        TlsParameters::builder(host.to_owned()).set_min_tls_version(TlsVersion::Tlsv12);
    if let Some(pem) = &server.ca {
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
    }
    builder.build_native()
}

/// TLS from the first byte. lettre offers it for connections of its own alone, which are not watched.
async fn tls(
    server: &Server,
    host: &str,
    stream: Watched<TcpStream>,
) -> Result<Hidden, Undelivered> {
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    let peer = stream.peer();
    let connect = async {
        if let Some(pem) = &server.ca {
            builder.add_root_certificate(native_tls::Certificate::from_pem(pem.as_bytes())?);
        }
        let connector = tokio_native_tls::TlsConnector::from(builder.build()?);
        connector.connect(host, stream).await
    };
    let stream = connect.await.map_err(|error| answer::no_tls(&error))?;
    Ok(Hidden { stream, peer })
}

/// A connection inside TLS, as lettre takes one.
#[derive(Debug)]
struct Hidden {
    stream: TlsStream<Watched<TcpStream>>,
    peer: SocketAddr,
}

impl AsyncRead for Hidden {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Hidden {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Hidden {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
