//! The network below: names, ports, certificates, time.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use muster_domain::protocol::Purpose;
use muster_idp::{Guard, Http, Limits, Oidc};
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::{X509, X509NameBuilder};

use crate::evil::{Evil, Party, Reply, with_code};
use crate::keys;

async fn failure_at(issuer: &str) -> muster_domain::Error {
    let evil = Evil::start().await;
    Party::at(issuer, &evil)
        .begin(Purpose::SignIn)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn an_unknown_name_is_told() {
    let error = failure_at("https://no-such-host.invalid/realms/a").await;
    // Where no name service answers at all, the wait for it ends first.
    assert!(["OIDC-002", "OIDC-005"].contains(&error.code), "{error}");
    assert!(error.public.contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = failure_at(&format!("http://127.0.0.1:{port}")).await;
    assert_eq!(error.code, "OIDC-003");
    assert!(error.public.contains("nothing listens"), "{error}");
}

#[tokio::test]
async fn plain_http_at_an_https_address_is_told() {
    let evil = Evil::start().await;
    let error = failure_at(&evil.issuer.replace("http://", "https://")).await;
    assert_eq!(error.code, "OIDC-004", "{error}");
}

/// A TLS server with a certificate of its own making, valid for a long time.
fn tls_server() -> u16 {
    let key = keys::rsa();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "127.0.0.1").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
        .set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::from_unix(4_700_000_000).unwrap())
        .unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
    acceptor.set_private_key(key).unwrap();
    acceptor.set_certificate(&builder.build()).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Ok(mut tls) = acceptor.accept(stream) {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            }
        }
    });
    port
}

#[tokio::test]
async fn an_untrusted_certificate_is_told() {
    let port = tls_server();
    let error = failure_at(&format!("https://127.0.0.1:{port}")).await;
    assert_eq!(error.code, "OIDC-004");
    assert!(
        error.public.contains("authority this server does not know"),
        "{error}"
    );
}

#[tokio::test]
async fn o70_a_provider_that_never_answers_is_left_after_the_limit() {
    let evil = Evil::start().await;
    evil.reply("/token", Reply::Hang);
    let limits = Limits {
        total: Duration::from_millis(300),
        ..Limits::default()
    };
    let mut party = Party::of(&evil);
    party.oidc = Oidc::new(
        Http::with_limits(Guard::LoopbackHttp, limits),
        Arc::clone(&evil.clock) as _,
    );
    let error = party.complete(&with_code()).await.unwrap_err();
    assert_eq!(error.code, "OIDC-005", "{error}");
}
