//! Whom a connection is made to, and as whom.

use muster_directories::{Bind, Ldap, LdapSettings, Roots, Security};
use muster_domain::Error;
use muster_domain::directory::{Directory as _, Probe};

use crate::certificates::{Authority, Validity};
use crate::read;
use crate::slapd::{READER, Setup, Slapd, people};

async fn refused(settings: LdapSettings, probe: Probe) -> Error {
    Ldap::new(settings)
        .unwrap()
        .probe(probe)
        .await
        .outcome
        .unwrap_err()
}

#[tokio::test]
async fn start_tls_works_with_the_right_authority() {
    let Some(slapd) = Slapd::start(Setup::of(&people(2))) else {
        return;
    };
    let settings = LdapSettings {
        servers: vec![("127.0.0.1".to_owned(), slapd.ldap)],
        security: Security::StartTls,
        ..slapd.settings()
    };
    assert_eq!(read(settings).await.users.len(), 2);
}

#[tokio::test]
async fn l9_an_authority_that_was_not_chosen_does_not_count() {
    let Some(slapd) = Slapd::start(Setup::of("")) else {
        return;
    };
    for roots in [Roots::System, Roots::Own(Authority::new().pem())] {
        for (security, port) in [
            (Security::Ldaps, slapd.ldaps),
            (Security::StartTls, slapd.ldap),
        ] {
            let servers = vec![("127.0.0.1".to_owned(), port)];
            let settings = LdapSettings {
                roots: roots.clone(),
                security,
                servers,
                ..slapd.settings()
            };
            assert_eq!(refused(settings, Probe::Connect).await.code, "LDAP-002");
        }
    }
    for nonsense in [
        "",
        "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    ] {
        let settings = LdapSettings {
            roots: Roots::Own(nonsense.to_owned()),
            ..slapd.settings()
        };
        assert_eq!(refused(settings, Probe::Connect).await.code, "LDAP-010");
    }
}

#[tokio::test]
async fn l10_a_certificate_for_another_name_or_of_the_past_does_not_count() {
    for certificate in [
        (Validity::Now, "dc1.example.org"),
        (Validity::Past, "127.0.0.1"),
    ] {
        let setup = Setup {
            certificate: Some(certificate),
            ..Setup::of("")
        };
        let Some(slapd) = Slapd::start(setup) else {
            return;
        };
        let error = refused(slapd.settings(), Probe::Connect).await;
        assert_eq!(error.code, "LDAP-002");
        let words = if matches!(certificate.0, Validity::Past) {
            "expired"
        } else {
            "mismatch"
        };
        assert!(error.public.contains(words), "{}", error.public);
    }
}

#[tokio::test]
async fn l8_a_server_that_starts_no_tls_is_not_spoken_to() {
    let Some(slapd) = Slapd::start(Setup {
        certificate: None,
        ..Setup::of("")
    }) else {
        return;
    };
    let settings = LdapSettings {
        servers: vec![("127.0.0.1".to_owned(), slapd.ldap)],
        security: Security::StartTls,
        ..slapd.settings()
    };
    assert_eq!(refused(settings, Probe::Bind).await.code, "LDAP-003");
}

#[tokio::test]
async fn l6_a_wrong_password_and_nobody_are_refused() {
    let Some(slapd) = Slapd::start(Setup::of(&people(1))) else {
        return;
    };
    let bind = Bind::Simple {
        dn: READER.to_owned(),
        password: "wrong".into(),
    };
    let error = refused(
        LdapSettings {
            bind,
            ..slapd.settings()
        },
        Probe::Bind,
    )
    .await;
    assert_eq!(error.code, "LDAP-004");
    assert!(!error.to_string().contains("wrong\""), "{error}");
    let nobody = LdapSettings {
        bind: Bind::Anonymous,
        ..slapd.settings()
    };
    let snapshot = read(nobody).await;
    assert!(snapshot.users.is_empty() && !snapshot.completeness.may_remove());
}

#[tokio::test]
async fn r31_the_next_server_is_asked_when_the_first_is_down_but_not_when_it_refuses() {
    let Some(slapd) = Slapd::start(Setup::of(&people(2))) else {
        return;
    };
    let (down, up) = (
        ("127.0.0.1".to_owned(), 1),
        ("127.0.0.1".to_owned(), slapd.ldaps),
    );
    let settings = LdapSettings {
        servers: vec![down.clone(), up.clone()],
        ..slapd.settings()
    };
    assert_eq!(read(settings.clone()).await.users.len(), 2);
    let bind = Bind::Simple {
        dn: READER.to_owned(),
        password: "wrong".into(),
    };
    let wrong = LdapSettings {
        servers: vec![up, down.clone()],
        bind,
        ..settings
    };
    assert_eq!(refused(wrong, Probe::Bind).await.code, "LDAP-004");
    let none = LdapSettings {
        servers: vec![down.clone(), down],
        ..slapd.settings()
    };
    assert_eq!(refused(none.clone(), Probe::Connect).await.code, "LDAP-001");
    assert!(!read(none).await.completeness.may_remove());
}
