//! Messages that leave the house: through which server, what they are, and the trait behind which SMTP stands, so that
//! services name no vendor.
//!
//! What is in them is in [`letters`]. A message is plain text to one person; it is tried until it left or is too old.

mod backoff;
pub mod letters;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use backoff::next_try;

use crate::Error;
use crate::error::FieldError;
use crate::name;

/// Longest accepted certificate of an authority, in bytes of PEM.
const LONGEST_CA: usize = 64 * 1024;

/// How the connection to the server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// The connection begins in the clear and must turn to TLS before anything else is said (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None. Only to a server on this very machine.
    None,
}

/// A server that takes messages (RFC 6409). Its password is kept apart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// Certificate of an authority to be believed beside those of the system, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Who signs in there; none: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The address messages come from.
    pub sender: String,
    /// The name beside it.
    pub sender_name: String,
}

impl Server {
    /// Checks and trims what was typed.
    ///
    /// # Errors
    /// With messages beside the fields `host`, `port`, `encryption`, `ca`, `username`, `sender`, `sender_name`.
    pub fn check(mut self) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut refuse = |field: &str, message: &str| {
            wrong.push(FieldError {
                field: field.to_owned(),
                message: message.to_owned(),
            });
        };
        self.host = self.host.trim().to_lowercase();
        if !is_host(&self.host) {
            refuse(
                "host",
                "Enter the server's name, such as smtp.example.com, without a port.",
            );
        }
        if self.port == 0 {
            refuse("port", "Enter a port between 1 and 65535.");
        }
        if self.encryption == Encryption::None && !is_loopback(&self.host) {
            refuse(
                "encryption",
                "Without encryption anyone on the way reads the messages and their links. That is possible to a server on this machine only.",
            );
        }
        self.ca = self.ca.map(|pem| pem.trim().to_owned());
        self.ca = self.ca.filter(|pem| !pem.is_empty());
        let fits = |pem: &String| {
            pem.len() <= LONGEST_CA && pem.starts_with("-----BEGIN CERTIFICATE-----")
        };
        if !self.ca.as_ref().is_none_or(fits) {
            refuse(
                "ca",
                "Paste one certificate as PEM: it begins with -----BEGIN CERTIFICATE-----.",
            );
        }
        self.username = self.username.map(|name| name.trim().to_owned());
        self.username = self.username.filter(|name| !name.is_empty());
        let plain = |text: &String| text.len() <= 255 && !text.chars().any(char::is_control);
        if !self.username.as_ref().is_none_or(plain) {
            refuse("username", "Use at most 255 characters.");
        }
        match name::check_email(&self.sender) {
            Ok(sender) => self.sender = sender,
            Err(_) => refuse(
                "sender",
                "Enter an e-mail address such as muster@example.com.",
            ),
        }
        self.sender_name = letters::line(&self.sender_name);
        if self.sender_name.is_empty() {
            refuse(
                "sender_name",
                "Enter the name that people see beside the address.",
            );
        }
        if wrong.is_empty() {
            Ok(self)
        } else {
            Err(wrong)
        }
    }

    /// Whether a password that was entered for this server may be shown to that one too: same place, same protection,
    /// same account.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |server: &Self| {
            (
                server.host.clone(),
                server.port,
                server.encryption,
                server.ca.clone(),
                server.username.clone(),
            )
        };
        place(self) == place(other)
    }
}

fn is_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

/// Whether a host is this very machine by its name.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A message to one person. Its Debug output leaves out what is in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Its id, the same at every try: who gets it twice sees it once (RFC 5322 section 3.6.4).
    pub id: Uuid,
    /// The address it goes to.
    pub to: String,
    /// The name beside it.
    pub to_name: String,
    /// One line.
    pub subject: String,
    /// Plain text, lines ended by `\n`.
    pub text: String,
    /// When it was written.
    pub at: DateTime<Utc>,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// What the server said when it took a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// Its reply code (RFC 5321 section 4.2).
    pub code: u16,
    /// Its words, cut and without control characters.
    pub words: String,
    /// The version of TLS the message went through; none: it went in the clear.
    pub tls: Option<String>,
}

/// What becomes of a message that did not leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is tried again: the server or the way to it may be better then.
    Again,
    /// The server will never take it.
    Never,
}

/// A message that did not leave.
#[derive(Clone, Debug)]
pub struct Undelivered {
    /// Why, with a stable `MAIL-…` code. Never holds a secret.
    pub error: Error,
    /// What becomes of it.
    pub fate: Fate,
}

/// Who carries messages to a server.
#[async_trait]
pub trait Postman: Send + Sync {
    /// Whether the server's settings can be used at all. Reaches no network.
    ///
    /// # Errors
    /// What is wrong, for its field.
    fn examine(&self, server: &Server) -> Result<(), FieldError>;

    /// Hands one message to the server. Ends within half a minute, whatever the server does.
    ///
    /// # Errors
    /// Why it did not leave, and whether to try again.
    async fn deliver(
        &self,
        server: &Server,
        password: Option<&SecretString>,
        letter: &Letter,
    ) -> Result<Delivered, Undelivered>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed() -> Server {
        Server {
            host: " SMTP.example.com ".to_owned(),
            port: 587,
            encryption: Encryption::Starttls,
            ca: Some("  ".to_owned()),
            username: Some(" muster ".to_owned()),
            sender: "muster@example.com".to_owned(),
            sender_name: "Muster\r\nBcc: x@example.com".to_owned(),
        }
    }

    #[test]
    fn what_is_typed_is_trimmed_and_stays_on_its_line() {
        let server = typed().check().unwrap();
        assert_eq!(server.host, "smtp.example.com");
        assert_eq!(
            (server.ca.as_ref(), server.username.as_deref()),
            (None, Some("muster"))
        );
        assert_eq!(server.sender_name, "Muster Bcc: x@example.com");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let wrong = Server {
            host: "smtp.example.com:25".to_owned(),
            port: 0,
            ca: Some("not a certificate".to_owned()),
            username: Some("a\u{7}b".to_owned()),
            sender: "nobody\r\n@example.com".to_owned(),
            sender_name: "\n".to_owned(),
            ..typed()
        };
        let fields: Vec<String> = wrong
            .check()
            .unwrap_err()
            .into_iter()
            .map(|one| one.field)
            .collect();
        assert_eq!(
            fields,
            ["host", "port", "ca", "username", "sender", "sender_name"]
        );
    }

    #[test]
    fn in_the_clear_is_for_this_machine_alone() {
        let clear = |host: &str| {
            let server = Server {
                host: host.to_owned(),
                encryption: Encryption::None,
                ..typed()
            };
            server.check().is_ok()
        };
        assert!(clear("localhost") && clear("127.0.0.1") && clear("::1") && clear("[::1]"));
        assert!(
            !clear("smtp.example.com") && !clear("10.0.0.1") && !clear("localhost.example.com")
        );
    }

    #[test]
    fn a_password_is_for_one_place() {
        let server = typed().check().unwrap();
        let other = |change: fn(&mut Server)| {
            let mut other = server.clone();
            change(&mut other);
            server.is_same_place(&other)
        };
        assert!(other(|server| server.sender_name = "Other".to_owned()));
        assert!(!other(|server| server.host = "evil.example".to_owned()));
        assert!(!other(|server| server.port = 25));
        assert!(!other(|server| server.encryption = Encryption::Tls));
        assert!(!other(|server| server.ca = Some("another".to_owned())));
        assert!(!other(|server| server.username = None));
    }

    #[test]
    fn debug_shows_no_text() {
        let letter = Letter {
            id: Uuid::nil(),
            to: "ada@example.com".to_owned(),
            to_name: "Ada".to_owned(),
            subject: "Hello".to_owned(),
            text: "https://muster.example/reset?code=SECRET".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        assert!(!format!("{letter:?}").contains("SECRET"));
    }
}
