//! A certificate authority for one test.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

/// When a certificate counts.
#[derive(Clone, Copy)]
pub enum Validity {
    Now,
    /// Until a day ago.
    Past,
}

pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

fn key() -> PKey<Private> {
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
}

fn begun(name: &str, key: &PKey<Private>, validity: Validity) -> X509Builder {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject.build()).unwrap();
    builder.set_pubkey(key).unwrap();
    let serial = BigNum::from_u32(u32::from(name.len() as u8) + 1).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    // Around any day on which the tests run.
    let (from, until) = match validity {
        Validity::Now => ("20200101000000Z", "20900101000000Z"),
        Validity::Past => ("20200101000000Z", "20210101000000Z"),
    };
    builder
        .set_not_before(&Asn1Time::from_str(from).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::from_str(until).unwrap())
        .unwrap();
    builder
}

impl Authority {
    pub fn new() -> Self {
        let key = key();
        let mut builder = begun("Test authority", &key, Validity::Now);
        let subject = builder_subject("Test authority");
        builder.set_issuer_name(&subject).unwrap();
        builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self {
            certificate: builder.build(),
            key,
        }
    }

    /// The authority's own certificate.
    pub fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().unwrap()).unwrap()
    }

    /// A certificate for this host name or address, and its key, both in PEM.
    pub fn sign(&self, validity: Validity, host: &str) -> (Vec<u8>, Vec<u8>) {
        let key = key();
        let mut builder = begun(host, &key, validity);
        builder
            .set_issuer_name(self.certificate.subject_name())
            .unwrap();
        let mut names = SubjectAlternativeName::new();
        if host.parse::<std::net::IpAddr>().is_ok() {
            names.ip(host);
        } else {
            names.dns(host);
        }
        let names = names
            .build(&builder.x509v3_context(Some(&self.certificate), None))
            .unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        (
            builder.build().to_pem().unwrap(),
            key.private_key_to_pem_pkcs8().unwrap(),
        )
    }
}

fn builder_subject(name: &str) -> openssl::x509::X509Name {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    subject.build()
}
