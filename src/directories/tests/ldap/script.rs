//! A server that says what a test wants it to say, whatever it is asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_directories::{Bind, LdapSettings, Limits, Roots, Schema, Security, Vendor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// BER with a definite length (X.690 section 8.1.3).
pub fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            out.push(0x84);
            out.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        }
    }
    out.extend(content);
    out
}

/// One question.
#[derive(Clone, Debug)]
pub struct Asked {
    id: Vec<u8>,
    /// Which operation, by its tag.
    pub operation: u8,
    /// How many searches came before, on all connections.
    pub searches: usize,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Asked {
    pub fn message(&self, operation: &[u8]) -> Vec<u8> {
        ber(0x30, &[ber(0x02, &self.id), operation.to_vec()].concat())
    }

    /// Whether some text stands in it.
    pub fn holds(&self, text: &str) -> bool {
        self.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    pub fn entry(&self, dn: &[u8], attributes: &[(&str, &[&[u8]])]) -> Vec<u8> {
        let listed: Vec<u8> = attributes
            .iter()
            .flat_map(|(name, values)| {
                let values: Vec<u8> = values.iter().flat_map(|value| ber(0x04, value)).collect();
                ber(
                    0x30,
                    &[ber(0x04, name.as_bytes()), ber(0x31, &values)].concat(),
                )
            })
            .collect();
        self.message(&ber(0x64, &[ber(0x04, dn), ber(0x30, &listed)].concat()))
    }

    /// Somebody of OpenLDAP.
    pub fn person(&self, name: &str) -> Vec<u8> {
        let dn = format!("uid={name},dc=x");
        self.entry(
            dn.as_bytes(),
            &[
                ("entryUUID", &[name.as_bytes()]),
                ("uid", &[name.as_bytes()]),
            ],
        )
    }

    /// The end of a search, with a page token or none.
    pub fn done(&self, code: u8, token: Option<&[u8]>) -> Vec<u8> {
        let result = self.result(0x65, code);
        let Some(token) = token else {
            return self.message(&result);
        };
        let value = ber(0x30, &[ber(0x02, &[0]), ber(0x04, token)].concat());
        let control = ber(
            0x30,
            &[ber(0x04, b"1.2.840.113556.1.4.319"), ber(0x04, &value)].concat(),
        );
        ber(
            0x30,
            &[ber(0x02, &self.id), result, ber(0xa0, &control)].concat(),
        )
    }

    fn result(&self, tag: u8, code: u8) -> Vec<u8> {
        ber(
            tag,
            &[ber(0x0a, &[code]), ber(0x04, b""), ber(0x04, b"")].concat(),
        )
    }

    pub fn welcome(&self) -> Vec<u8> {
        self.message(&self.result(0x61, 0))
    }

    pub fn tls(&self) -> Vec<u8> {
        self.message(&self.result(0x78, 0))
    }
}

/// What the server answers; nothing: it closes the connection.
type Answer = dyn Fn(&Asked) -> Vec<u8> + Send + Sync;

/// Starts a server that welcomes everybody and answers searches so. Gives its port.
pub async fn serve(search: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    serve_all(move |asked| {
        if asked.operation == 0x60 {
            asked.welcome()
        } else {
            search(asked)
        }
    })
    .await
}

/// Starts a server that answers so, whatever it is asked.
pub async fn serve_all(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer: Arc<Answer> = Arc::new(answer);
    let searches = Arc::new(Mutex::new(0));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, answer.clone(), searches.clone()));
        }
    });
    port
}

async fn converse(mut stream: TcpStream, answer: Arc<Answer>, searches: Arc<Mutex<usize>>) {
    let mut bytes = Vec::new();
    while stream
        .read_buf(&mut bytes)
        .await
        .is_ok_and(|length| length > 0)
    {
        while let Some((message, length)) = whole(&bytes) {
            let id_length = usize::from(message[1]);
            let operation = message[2 + id_length];
            let before = *searches.lock().unwrap();
            if operation == 0x63 {
                *searches.lock().unwrap() += 1;
            }
            let asked = Asked {
                id: message[2..2 + id_length].to_vec(),
                operation,
                searches: before,
                bytes: message,
            };
            bytes.drain(..length);
            let said = answer(&asked);
            if said.is_empty() || stream.write_all(&said).await.is_err() {
                return;
            }
        }
    }
}

/// The content of the first message, if it is there whole, and how long it is with its header.
fn whole(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (header, length) = match *bytes.get(1)? {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let digits = bytes.get(2..2 + count)?;
            (
                2 + count,
                digits
                    .iter()
                    .fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
            )
        }
    };
    Some((
        bytes.get(header..header + length)?.to_vec(),
        header + length,
    ))
}

/// How to read it.
pub fn settings(port: u16) -> LdapSettings {
    LdapSettings {
        servers: vec![("127.0.0.1".to_owned(), port)],
        security: Security::Plain,
        roots: Roots::System,
        bind: Bind::Simple {
            dn: "cn=reader,dc=x".to_owned(),
            password: "pw".into(),
        },
        users_base: "dc=x".to_owned(),
        groups_base: "dc=x".to_owned(),
        schema: schema(Vendor::OpenLdap),
        limits: Limits {
            answer: Duration::from_secs(20),
            ..Limits::default()
        },
    }
}

/// A vendor's schema, with filters by which a script tells the two searches apart.
pub fn schema(vendor: Vendor) -> Schema {
    Schema {
        users: "(a=people)".to_owned(),
        groups: "(a=groups)".to_owned(),
        ..vendor.schema()
    }
}
