//! Servers that do not do what they should. The well-behaved one, with STARTTLS and passwords, is by others and stands
//! in the end-to-end stories.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share fails like the tests themselves"
)]

use std::time::Duration;

use muster_domain::mail::{Delivered, Encryption, Fate, Letter, Postman as _, Server, Undelivered};
use muster_mail::Smtp;
use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Between two pieces of an answer.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server says to the words that begin with these, in pieces between bars; none: it hangs up.
type Script = &'static [(&'static str, Option<&'static str>)];

const GOOD: Script = &[
    ("", Some("220 here\r\n")),
    ("EHLO", Some("250-here\r\n250 AUTH PLAIN LOGIN\r\n")),
    ("AUTH", Some("235 in\r\n")),
    ("MAIL", Some("250 ok\r\n")),
    ("RCPT", Some("250 ok\r\n")),
    ("DATA", Some("354 go\r\n")),
    (".", Some("250 2.0.0 kept as 42\r\n")),
    ("QUIT", None),
];

/// Serves one connection by these answers first, then by [`GOOD`]. Gives the port and everything that was said.
async fn serve(own: Script) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let (mut heard, mut said, mut in_data) = (String::new(), String::new(), false);
        loop {
            let find = |script: Script| {
                script
                    .iter()
                    .find(|(word, _)| {
                        if word.is_empty() || *word == "." {
                            said == *word
                        } else {
                            said.starts_with(word)
                        }
                    })
                    .map(|(_, answer)| *answer)
            };
            if !in_data || said == "." {
                in_data = false;
                match find(own).or_else(|| find(GOOD)) {
                    Some(Some(answer)) => {
                        in_data = answer.starts_with("354");
                        for (number, piece) in answer.split('|').enumerate() {
                            if number > 0 {
                                // The piece before is read by then.
                                tokio::time::sleep(PAUSE).await;
                            }
                            if write.write_all(piece.as_bytes()).await.is_err() {
                                return heard;
                            }
                        }
                    }
                    Some(None) => return heard,
                    None => {}
                }
            }
            let Ok(Some(line)) = lines.next_line().await else {
                return heard;
            };
            heard.push_str(&line);
            heard.push('\n');
            said = line;
        }
    });
    (port, served)
}

fn letter() -> Letter {
    Letter {
        id: uuid::Uuid::nil(),
        to: "ada@example.com".to_owned(),
        to_name: "Ada".to_owned(),
        subject: "Hello".to_owned(),
        text: "https://muster.example.com/reset?code=Zm9yLWFkYS1hbmQtbm9ib2R5LWVsc2U\n\
               .\nRCPT TO:<eve@example.com>\n"
            .to_owned(),
        at: chrono::DateTime::UNIX_EPOCH,
    }
}

async fn deliver(
    port: u16,
    encryption: Encryption,
    patience: Duration,
) -> Result<Delivered, Undelivered> {
    let server = Server {
        host: "127.0.0.1".to_owned(),
        port,
        encryption,
        ca: None,
        username: Some("muster".to_owned()),
        sender: "muster@example.com".to_owned(),
        sender_name: "Muster".to_owned(),
    };
    let password = SecretString::from("s3cret-pass");
    Smtp::patient(patience)
        .deliver(&server, Some(&password), &letter())
        .await
}

const LONG: Duration = Duration::from_secs(30);

async fn fails(own: Script) -> (&'static str, Fate, String) {
    let (port, served) = serve(own).await;
    let undelivered = deliver(port, Encryption::None, LONG).await.unwrap_err();
    served.abort();
    let shown = format!("{} {:?}", undelivered.error.public, undelivered.error);
    assert!(
        !shown.contains("s3cret") && !shown.contains("AG11c3Rlc"),
        "{shown}"
    );
    (
        undelivered.error.code,
        undelivered.fate,
        undelivered.error.public.into_owned(),
    )
}

#[tokio::test]
async fn a_message_leaves_and_the_answer_is_told_as_it_was() {
    let (port, served) = serve(&[]).await;
    let delivered = deliver(port, Encryption::None, LONG).await.unwrap();
    assert_eq!(
        (delivered.code, delivered.words.as_str(), delivered.tls),
        (250, "2.0.0 kept as 42", None)
    );
    let heard = served.await.unwrap();
    assert!(heard.contains("Subject: Hello\n"), "{heard}");
    // A line of its own dot ends no message: it is doubled (RFC 5321 section 4.5.2).
    assert!(
        heard.contains("\n..\nRCPT TO:<eve@example.com>\n\n.\nQUIT\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn refusals_are_told_in_the_servers_words() {
    let (code, fate, words) = fails(&[("RCPT", Some("550 5.1.1 no such mailbox\r\n"))]).await;
    assert_eq!((code, fate), ("MAIL-015", Fate::Never));
    assert_eq!(
        words,
        "The mail server refuses the message: 550 5.1.1 no such mailbox"
    );
    let (code, fate, _) = fails(&[(".", Some("451 4.3.0 later\r\n"))]).await;
    assert_eq!((code, fate), ("MAIL-016", Fate::Again));
    let (code, fate, _) = fails(&[(
        "AUTH",
        Some("535 5.7.8 no AG11c3RlcgBzM2NyZXQtcGFzcw==\r\n"),
    )])
    .await;
    assert_eq!((code, fate), ("MAIL-014", Fate::Again));
    let (code, fate, _) = fails(&[("", Some("421 busy\r\n"))]).await;
    assert_eq!((code, fate), ("MAIL-016", Fate::Again));
}

#[tokio::test]
async fn a_server_that_hangs_up_loses_nothing() {
    for word in ["", "EHLO", "AUTH", "MAIL", "DATA", "."] {
        let script: Script = match word {
            "" => &[("", None)],
            "EHLO" => &[("EHLO", None)],
            "AUTH" => &[("AUTH", None)],
            "MAIL" => &[("MAIL", None)],
            "DATA" => &[("DATA", None)],
            _ => &[(".", None)],
        };
        let (code, fate, _) = fails(script).await;
        assert_eq!((code, fate), ("MAIL-017", Fate::Again), "at {word:?}");
    }
}

#[tokio::test]
async fn nonsense_is_no_answer() {
    let (code, fate, _) = fails(&[("", Some("HTTP/1.1 400 Bad Request\r\n\r\n"))]).await;
    assert_eq!((code, fate), ("MAIL-017", Fate::Again));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (port, served) = serve(&[("", Some(""))]).await;
    let undelivered = deliver(port, Encryption::None, Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(
        (undelivered.error.code, undelivered.fate),
        ("MAIL-011", Fate::Again)
    );
    served.abort();
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let undelivered = deliver(port, Encryption::None, LONG).await.unwrap_err();
    assert_eq!(
        (undelivered.error.code, undelivered.fate),
        ("MAIL-010", Fate::Again)
    );
}

/// Whoever stands on the way takes STARTTLS out of the offer, and gets neither message nor password.
#[tokio::test]
async fn without_starttls_nothing_is_said_in_the_clear() {
    let (port, served) = serve(&[]).await;
    let undelivered = deliver(port, Encryption::Starttls, LONG).await.unwrap_err();
    assert_eq!(
        (undelivered.error.code, undelivered.fate),
        ("MAIL-012", Fate::Again)
    );
    let heard = served.await.unwrap();
    assert!(
        !heard.contains("AUTH") && !heard.contains("MAIL"),
        "{heard}"
    );
}

/// Words in the clear that would be taken for words of the server behind TLS: nothing secret follows.
async fn slips(own: Script) -> String {
    let (port, served) = serve(own).await;
    let undelivered = deliver(port, Encryption::Starttls, LONG).await.unwrap_err();
    assert_eq!(
        (undelivered.error.code, undelivered.fate),
        ("MAIL-013", Fate::Again)
    );
    assert!(
        undelivered.error.public.contains("words were slipped in"),
        "{}",
        undelivered.error.public
    );
    let heard = served.await.unwrap();
    assert!(
        !heard.contains("AUTH") && !heard.contains("MAIL"),
        "{heard}"
    );
    heard
}

/// Whoever stands on the way answers STARTTLS and goes on in the same breath.
#[tokio::test]
async fn words_slipped_in_before_tls_end_the_conversation() {
    slips(&[
        ("EHLO", Some("250-here\r\n250 STARTTLS\r\n")),
        ("STARTTLS", Some("220 go\r\n250-here\r\n250 AUTH PLAIN\r\n")),
    ])
    .await;
}

/// The same, answered before it was asked: with the offer, or with the greeting already.
#[tokio::test]
async fn answers_to_what_was_not_asked_yet_end_the_conversation() {
    for own in [
        &[(
            "EHLO",
            Some(
                "250-here\r\n250 STARTTLS\r\n220 go\r\n250-here\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n",
            ),
        )] as Script,
        &[
            (
                "",
                Some("220 here\r\n250-here\r\n250 STARTTLS\r\n220 go\r\n250 AUTH PLAIN\r\n"),
            ),
            ("EHLO", Some("")),
        ],
    ] {
        let heard = slips(own).await;
        assert!(!heard.contains("STARTTLS"), "{heard}");
    }
}

/// The same in pieces: the first is no answer yet.
#[tokio::test]
async fn an_answer_in_pieces_hides_nothing_behind_it() {
    slips(&[
        ("EHLO", Some("250-here\r\n250 STARTTLS\r\n")),
        (
            "STARTTLS",
            Some("2|20 go\r\n250-here\r\n250 AUTH PLAIN\r\n"),
        ),
    ])
    .await;
}

/// A server that quotes what it refuses: the link in it would stand on the settings page.
#[tokio::test]
async fn a_server_that_quotes_the_message_is_not_quoted() {
    const TOKEN: &str = "Zm9yLWFkYS1hbmQtbm9ib2R5LWVsc2U";
    for own in [
        &[(
            ".",
            Some(
                "554 blocked URL https://muster.example.com/reset?code=Zm9yLWFkYS1hbmQtbm9ib2R5LWVsc2U\r\n",
            ),
        )] as Script,
        &[(".", Some("554 blocked Zm9yLWFkYS1hbmQtbm9ib2R5LWVsc2U\r\n"))],
        &[(
            ".",
            Some("554-blocked Zm9yLWFkYS1hbmQt\r\n554 bm9ib2R5LWVsc2U\r\n"),
        )],
    ] {
        let (code, fate, words) = fails(own).await;
        assert_eq!((code, fate), ("MAIL-015", Fate::Never));
        assert!(
            words.contains("are withheld") && !words.contains(&TOKEN[..8]),
            "{words}"
        );
    }
}
