//! What went wrong, in words for whoever reads the settings page. Words of the server are kept, what is secret is not.

use std::error::Error as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::response::Response;
use muster_domain::mail::{Delivered, Fate, Undelivered};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};

/// Longest answer that is kept, in characters.
const LONGEST: usize = 300;

/// Where in the conversation something went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Greeting.
    Greeting,
    /// The turn to TLS.
    Tls,
    /// Signing in.
    SignIn,
    /// The message.
    Message,
}

/// What must never be repeated: the password, what it looks like on the wire (RFC 4616, and LOGIN), and what the links
/// of the message carry.
pub(crate) struct Secrets {
    passwords: Vec<String>,
    links: Vec<String>,
}

/// Letters and digits in a row from which a piece of a link is known again.
const PIECE: usize = 12;

impl Secrets {
    pub(crate) fn of(username: Option<&str>, password: Option<&SecretString>, text: &str) -> Self {
        let links = pieces(text);
        let Some(password) = password.map(|secret| secret.expose_secret().to_owned()) else {
            return Self {
                passwords: Vec::new(),
                links,
            };
        };
        let plain = format!("\0{}\0{password}", username.unwrap_or_default());
        let forms = [
            STANDARD.encode(&plain),
            STANDARD.encode(&password),
            password,
        ];
        Self {
            passwords: forms.into_iter().filter(|form| !form.is_empty()).collect(),
            links,
        }
    }

    /// Words of the server on one line, cut, without any of these.
    pub(crate) fn clean(&self, words: &str) -> String {
        let line: String = words
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if self
            .passwords
            .iter()
            .any(|secret| line.contains(secret.as_str()))
        {
            return "(its answer repeats the password and is not shown)".to_owned();
        }
        if self.is_quoted(&line) {
            return "(the server's words are withheld because they quote the message)".to_owned();
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        words.join(" ").chars().take(LONGEST).collect()
    }

    /// Whether these words hold a link, or a piece of one of the message. Cut differently they are still the same.
    fn is_quoted(&self, line: &str) -> bool {
        let line: String = line.split_whitespace().collect();
        let lower = line.to_ascii_lowercase();
        ["//", "code=", "%3d", "%2f", "www."]
            .iter()
            .any(|sign| lower.contains(sign))
            || self.links.iter().any(|piece| line.contains(piece.as_str()))
    }
}

/// All rows of [`PIECE`] letters and digits in the links of a text, behind the name of the server.
fn pieces(text: &str) -> Vec<String> {
    text.split_whitespace()
        .filter_map(|word| word.split_once("://")?.1.split_once('/'))
        .flat_map(|(_, path)| {
            path.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        })
        .flat_map(|row| row.as_bytes().windows(PIECE))
        .map(|piece| String::from_utf8_lossy(piece).into_owned())
        .collect()
}

pub(crate) fn delivered(
    response: &Response,
    tls: Option<&'static str>,
    secrets: &Secrets,
) -> Delivered {
    let lines: Vec<&str> = response.message().collect();
    Delivered {
        code: response.code().into(),
        words: secrets.clean(&lines.join(" ")),
        tls: tls.map(str::to_owned),
    }
}

fn again(error: Error) -> Undelivered {
    Undelivered {
        error,
        fate: Fate::Again,
    }
}

pub(crate) fn unwritable(why: &str) -> Undelivered {
    Undelivered {
        error: Error::new(
            "MAIL-018",
            Kind::Invalid,
            "This message cannot be written: an address in it is none.",
        )
        .next("Correct the address of the person, or the sender under Settings → Mail.")
        .internal(why),
        fate: Fate::Never,
    }
}

pub(crate) fn unreachable(error: &std::io::Error) -> Undelivered {
    again(
        Error::new(
            "MAIL-010",
            Kind::Upstream,
            format!("The mail server cannot be reached: {error}."),
        )
        .next("Check its name and port, and whether this server may connect to it."),
    )
}

pub(crate) fn silent(seconds: u64) -> Undelivered {
    again(
        Error::new("MAIL-011", Kind::Upstream, format!("The mail server did not answer within {seconds} seconds."))
            .next("Check the port and the encryption: a port for TLS stays silent when nobody begins with TLS."),
    )
}

pub(crate) fn no_starttls() -> Undelivered {
    again(
        Error::new(
            "MAIL-012",
            Kind::Upstream,
            "The mail server offers no STARTTLS. Nothing was sent.",
        )
        .next("Choose TLS with its port, usually 465, or have STARTTLS switched on there."),
    )
}

pub(crate) fn no_tls(why: &dyn std::error::Error) -> Undelivered {
    again(
        Error::new("MAIL-013", Kind::Upstream, format!("The connection could not be encrypted: {}.", reason(why)))
            .next("Check the name of the server. A certificate of your own authority is believed once that is entered under Settings → Mail."),
    )
}

/// The innermost reason: the outer ones only repeat where it happened.
fn reason(error: &dyn std::error::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    let words: String = inner
        .to_string()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    words
        .chars()
        .take(LONGEST)
        .collect::<String>()
        .trim_end_matches('.')
        .to_owned()
}

pub(crate) fn failed(step: Step, error: &SmtpError, secrets: &Secrets) -> Undelivered {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        let words = error.source().map(ToString::to_string).unwrap_or_default();
        return refused(step, code, &secrets.clean(&words));
    }
    if step == Step::Tls && !error.is_response() {
        return no_tls(error);
    }
    if error.is_client() {
        let words = secrets.clean(&error.source().map(ToString::to_string).unwrap_or_default());
        let step = if step == Step::SignIn {
            "The mail server takes no password over this connection."
        } else {
            "The mail server cannot take this message."
        };
        return again(
            Error::new("MAIL-019", Kind::Upstream, step)
                .next("Leave user name and password empty if it wants none.")
                .internal(words),
        );
    }
    again(
        Error::new("MAIL-017", Kind::Upstream, "The mail server ended the conversation, or said what no mail server says. Whether it took the message is not known.")
            .next("Check that the port is one for sending mail. The message is tried again.")
            .internal(secrets.clean(&error.to_string())),
    )
}

fn refused(step: Step, code: u16, words: &str) -> Undelivered {
    if step == Step::SignIn || (530..540).contains(&code) {
        return again(
            Error::new(
                "MAIL-014",
                Kind::Upstream,
                format!("The mail server does not let us in: {code} {words}"),
            )
            .next("Check user name and password under Settings → Mail."),
        );
    }
    if code < 500 || step != Step::Message {
        return again(
            Error::new(
                "MAIL-016",
                Kind::Upstream,
                format!("The mail server does not take messages now: {code} {words}"),
            )
            .next("Nothing is to be done: the message is tried again."),
        );
    }
    Undelivered {
        error: Error::new("MAIL-015", Kind::Upstream, format!("The mail server refuses the message: {code} {words}"))
            .next("Its words say why. Often the sender's or the receiver's address is not accepted there."),
        fate: Fate::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_repeats_the_password_is_not_shown() {
        let secrets = Secrets::of(Some("muster"), Some(&SecretString::from("s3cret-pass")), "");
        let base64 = STANDARD.encode("\0muster\0s3cret-pass");
        for said in [
            "535 s3cret-pass is wrong".to_owned(),
            format!("535 bad AUTH PLAIN {base64}"),
        ] {
            assert!(!secrets.clean(&said).contains("s3cret"), "{said}");
            assert!(!secrets.clean(&said).contains(&base64), "{said}");
        }
        assert_eq!(secrets.clean("go\r\n  away"), "go away");
        assert_eq!(secrets.clean(&"x".repeat(900)).len(), LONGEST);
        assert_eq!(Secrets::of(None, None, "").clean("anything"), "anything");
    }

    #[test]
    fn an_answer_that_quotes_the_message_is_not_shown() {
        let text = "Open https://muster.example.com/reset?code=QWRhLUxvdmVsYWNl_1815 now.";
        let secrets = Secrets::of(None, None, text);
        for said in [
            "blocked URL https://elsewhere.example/",
            "blocked hxxps[:]//muster",
            "blocked muster.example.com/reset?CODE=QW",
            "blocked reset?code%3DQW",
            "blocked QWRhLUxvdmVsYWNl_1815",
            "blocked WRhLUxvdmVsY",
            "blocked QWRhLUxv\r\ndmVsYWNl_1815",
        ] {
            let shown = secrets.clean(said);
            assert!(
                shown.contains("withheld") && !shown.contains("blocked"),
                "{said}: {shown}"
            );
        }
        for said in [
            "5.7.1 no muster.example.com here",
            "2.0.0 kept as QWRhLUxvdmV",
        ] {
            assert_eq!(secrets.clean(said), said);
        }
    }

    #[test]
    fn only_a_message_refused_for_good_is_never_tried_again() {
        for (step, code, fate, name) in [
            (Step::Message, 550, Fate::Never, "MAIL-015"),
            (Step::Message, 451, Fate::Again, "MAIL-016"),
            (Step::Message, 530, Fate::Again, "MAIL-014"),
            (Step::SignIn, 535, Fate::Again, "MAIL-014"),
            (Step::Greeting, 554, Fate::Again, "MAIL-016"),
        ] {
            let undelivered = refused(step, code, "words");
            assert_eq!(
                (undelivered.fate, undelivered.error.code),
                (fate, name),
                "{step:?} {code}"
            );
        }
    }
}
