//! A letter as the bytes that go over the wire (RFC 5322). Headers are encoded, so that nothing in a name or a subject
//! begins another one.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use muster_domain::mail::{Letter, Server};

/// Says that a program wrote it, so that no program answers (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// A letter ready to go.
pub(crate) struct Packed {
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

/// Packs a letter. What is wrong with it, in words, otherwise: nothing secret.
pub(crate) fn pack(server: &Server, letter: &Letter) -> Result<Packed, String> {
    let address = |text: &str| text.parse::<Address>().map_err(|error| error.to_string());
    let (from, to) = (address(&server.sender)?, address(&letter.to)?);
    let domain = from.domain().to_owned();
    let seconds = u64::try_from(letter.at.timestamp()).unwrap_or_default();
    let message = Message::builder()
        .from(Mailbox::new(Some(server.sender_name.clone()), from))
        .to(Mailbox::new(Some(letter.to_name.clone()), to))
        .subject(letter.subject.clone())
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.replace('\n', "\r\n"))
        .map_err(|error| error.to_string())?;
    Ok(Packed {
        envelope: message.envelope().clone(),
        bytes: message.formatted(),
    })
}

#[cfg(test)]
mod tests {
    use muster_domain::mail::Encryption;
    use proptest::prelude::*;

    use super::*;

    fn server(sender_name: &str) -> Server {
        Server {
            host: "localhost".to_owned(),
            port: 25,
            encryption: Encryption::None,
            ca: None,
            username: None,
            sender: "muster@example.com".to_owned(),
            sender_name: sender_name.to_owned(),
        }
    }

    fn letter(to_name: &str, subject: &str) -> Letter {
        Letter {
            id: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
            to: "ada@example.com".to_owned(),
            to_name: to_name.to_owned(),
            subject: subject.to_owned(),
            text: "Hello\n".to_owned(),
            at: "2026-11-22T06:00:00Z".parse().unwrap(),
        }
    }

    fn headers(bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<String> = Vec::new();
        for line in head.split("\r\n") {
            match lines.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
                Some(last) => last.push_str(line),
                None => lines.push(line.to_owned()),
            }
        }
        lines
    }

    #[test]
    fn a_letter_has_an_id_of_its_own_and_the_time_it_was_written() {
        let packed = pack(&server("Muster"), &letter("Ada", "Hello")).unwrap();
        let head = headers(&packed.bytes);
        assert!(
            head.contains(
                &"Message-ID: <018f0000-0000-7000-8000-000000000001@example.com>".to_owned()
            ),
            "{head:?}"
        );
        assert!(
            head.contains(&"Date: Sun, 22 Nov 2026 06:00:00 +0000".to_owned()),
            "{head:?}"
        );
        assert!(head.contains(&"Auto-Submitted: auto-generated".to_owned()));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        let mut to = letter("Ada", "Hello");
        to.to = "ada@example.com>\r\nRCPT TO:<eve@example.com".to_owned();
        assert!(pack(&server("Muster"), &to).is_err());
    }

    proptest! {
        /// Header injection: whatever a name or a subject holds, the headers are the same ones.
        #[test]
        fn w58_names_and_subjects_make_no_header(name in any::<String>(), subject in any::<String>()) {
            let names = |bytes: &[u8]| -> Vec<String> {
                headers(bytes).iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
            };
            let plain = pack(&server("Muster"), &letter("Ada", "Hello")).unwrap();
            if let Ok(packed) = pack(&server(&name), &letter(&name, &subject)) {
                let (mut here, mut there) = (names(&packed.bytes), names(&plain.bytes));
                here.retain(|name| name != "Content-Transfer-Encoding");
                there.retain(|name| name != "Content-Transfer-Encoding");
                prop_assert_eq!(here, there);
                prop_assert_eq!(packed.envelope.to().len(), 1);
            }
        }
    }
}
