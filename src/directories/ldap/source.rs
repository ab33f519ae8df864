//! What a server said of a person, before mapping: attributes in lower case, all their values, as text.
//!
//! Only what was asked for is kept, and never a secret: a server that sends more, by mistake or to have it stored here, is
//! not heard. A value that is no text is left out (pictures, certificates). An attribute of which only a part came, or that
//! is larger than accepted, refuses the record instead: a rule that looks for a value must not miss it silently.

use std::collections::BTreeSet;

use muster_domain::record::SourceValues;

use super::entry::{Raw, Unusable};
use super::schema::Schema;

/// Values of one attribute, at most.
const MOST_VALUES: usize = 2_000;
/// All values of one person, in bytes, at most.
const LARGEST: usize = 256 << 10;

/// Attributes that hold secrets, in lower case. What ends in `password` or `secret` is one besides.
const SECRETS: [&str; 25] = [
    "authpassword",
    "currentvalue",
    "dbcspwd",
    "initialauthincoming",
    "initialauthoutgoing",
    "ipanthash",
    "ipatokenotpkey",
    "krbextradata",
    "krbmkey",
    "krbprincipalkey",
    "krbpwdhistory",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "mslaps-encrypteddsrmpasswordhistory",
    "mslaps-encryptedpasswordhistory",
    "nsds5replicacredentials",
    "ntpwdhistory",
    "passwordhistory",
    "priorvalue",
    "pwdhistory",
    "sambapasswordhistory",
    "supplementalcredentials",
    "trustauthincoming",
    "trustauthoutgoing",
    "unicodepwd",
];

/// Whether an attribute holds a secret, which is neither asked for nor kept. Options (`userPassword;binary`) change nothing.
pub(super) fn is_secret(attribute: &str) -> bool {
    let name = base(attribute).to_ascii_lowercase();
    SECRETS.contains(&name.as_str())
        || name.ends_with("password")
        || name.ends_with("secret")
        || is_secret_oid(&name)
}

/// The same by number (RFC 4512 section 2.5 allows either): `userPassword`, `unicodePwd`, `authPassword`.
fn is_secret_oid(name: &str) -> bool {
    [
        "2.5.4.35",
        "1.2.840.113556.1.4.90",
        "1.3.6.1.4.1.4203.1.3.4",
    ]
    .contains(&name)
}

/// An attribute's name without its options.
fn base(attribute: &str) -> &str {
    attribute.split(';').next().unwrap_or_default()
}

/// Which attributes are kept, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept(BTreeSet<String>);

impl Kept {
    /// What a schema asks for.
    pub(super) fn of(schema: &Schema) -> Self {
        let asked = schema.asked_of_people();
        let names = asked.iter().map(|name| name.to_ascii_lowercase());
        Self(names.filter(|name| !is_secret(name)).collect())
    }

    /// What of an entry is kept. `dn` is its distinguished name as the server writes it; identifiers that are bytes are
    /// written as people write them (`objectguid`, `objectsid`).
    pub(super) fn values(&self, raw: &Raw, longest: usize) -> Result<SourceValues, Unusable> {
        let mut source = SourceValues::from([("dn".to_owned(), vec![raw.dn.clone()])]);
        let mut size = raw.dn.len();
        for (name, values) in &raw.attributes {
            // No secret is among those that are asked for.
            if !self.0.contains(base(name)) {
                continue;
            }
            if name.contains(";range=") {
                return Err(format!("The server sends only a part of “{}”.", base(name)));
            }
            if values.len() > MOST_VALUES {
                return Err(format!(
                    "“{name}” has {} values; at most {MOST_VALUES} are accepted.",
                    values.len()
                ));
            }
            let texts = texts(raw, name, values, longest)?;
            size += texts.iter().map(String::len).sum::<usize>();
            if size > LARGEST {
                return Err(format!(
                    "Its attributes are longer than {LARGEST} bytes together."
                ));
            }
            if !texts.is_empty() {
                source.insert(name.clone(), texts);
            }
        }
        Ok(source)
    }
}

fn texts(
    raw: &Raw,
    name: &str,
    values: &[Vec<u8>],
    longest: usize,
) -> Result<Vec<String>, Unusable> {
    match name {
        "objectguid" => return Ok(raw.id(name).into_iter().collect()),
        "objectsid" => return Ok(raw.sid().into_iter().collect()),
        _ => {}
    }
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        let Some(text) = text(value) else { continue };
        if text.len() > longest {
            return Err(format!(
                "“{name}” is {} bytes long; at most {longest} are accepted.",
                text.len()
            ));
        }
        texts.push(text.to_owned());
    }
    Ok(texts)
}

/// A value as text. Control characters other than those of several lines are signs of a picture or a key.
fn text(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let is_text = !text.is_empty()
        && text
            .chars()
            .all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'));
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ldap::schema::Vendor;

    fn raw(attributes: &[(&str, &[&[u8]])]) -> Raw {
        let attributes = attributes.iter().map(|(name, values)| {
            let values = values.iter().map(|value| value.to_vec()).collect();
            (name.to_ascii_lowercase(), values)
        });
        Raw {
            dn: "CN=Anna,DC=x".to_owned(),
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        }
    }

    fn kept(extra: &[&str]) -> Kept {
        let mut schema = Vendor::ActiveDirectory.schema();
        schema.extra = extra.iter().map(|name| (*name).to_owned()).collect();
        Kept::of(&schema)
    }

    #[test]
    fn all_values_of_what_was_asked_for_are_kept_and_nothing_else() {
        let said = raw(&[
            ("sAMAccountName", &[b"anna"]),
            ("memberOf", &[b"CN=a,DC=x", b"CN=b,DC=x"]),
            ("cn;lang-de", &["Änna".as_bytes()]),
            ("description", &[b"was not asked for"]),
            ("objectGUID", &[&[7; 16]]),
            (
                "objectSid",
                &[&[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 2, 0, 0]],
            ),
            ("title", &[b"\xff\xd8\xff", b"a\0b", b"", b"Lead\nof all"]),
        ]);
        let source = kept(&["memberOf", "title"]).values(&said, 100).unwrap();
        let value = |name: &str| source[name].join("|");
        assert_eq!(value("dn"), "CN=Anna,DC=x");
        assert_eq!(value("samaccountname"), "anna");
        assert_eq!(value("memberof"), "CN=a,DC=x|CN=b,DC=x");
        assert_eq!(value("cn;lang-de"), "Änna");
        assert_eq!(value("objectguid"), "07070707-0707-0707-0707-070707070707");
        assert_eq!(value("objectsid"), "S-1-5-21-513");
        assert_eq!(
            value("title"),
            "Lead\nof all",
            "what is no text is left out"
        );
        assert_eq!(source.len(), 7);
    }

    #[test]
    fn secrets_are_neither_asked_for_nor_kept_whoever_asks() {
        for secret in [
            "userPassword",
            "USERPASSWORD;binary",
            "unicodePwd",
            "supplementalCredentials",
            "ms-Mcs-AdmPwd",
            "msLAPS-Password",
            "msLAPS-EncryptedPassword",
            "krbPrincipalKey",
            "sambaNTPassword",
            "msFVE-RecoveryPassword",
            "oathSecret",
            "2.5.4.35",
        ] {
            assert!(is_secret(secret), "{secret}");
            let schema = Schema {
                extra: vec![secret.to_owned()],
                ..Vendor::OpenLdap.schema()
            };
            assert!(
                !schema.asked_of_people().contains(&secret.to_owned()),
                "{secret}"
            );
            let said = raw(&[(secret, &[b"hunter2"]), ("cn", &[b"Anna"])]);
            let source = Kept::of(&schema).values(&said, 100).unwrap();
            assert!(!format!("{source:?}").contains("hunter2"), "{secret}");
        }
        for sign in [
            "pwdLastSet",
            "pwdAccountLockedTime",
            "passwordExpirationTime",
            "secretary",
        ] {
            assert!(!is_secret(sign), "{sign}");
        }
    }

    #[test]
    fn l15_what_is_too_much_refuses_the_record_and_is_never_cut() {
        let many = vec![&b"x"[..]; MOST_VALUES + 1];
        let wrong = |said: &Raw| kept(&["memberOf"]).values(said, 4096).unwrap_err();
        assert!(wrong(&raw(&[("memberOf", &many)])).contains("2001 values"));
        assert!(wrong(&raw(&[("memberOf;range=0-1499", &[b"x"])])).contains("part of “memberof”"));
        let long = vec![b'x'; 4097];
        assert!(wrong(&raw(&[("cn", &[&long])])).contains("4097 bytes"));
        let large = vec![&long[..4000]; 100];
        assert!(wrong(&raw(&[("cn", &large)])).contains("together"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_kept_is_text_without_control_characters(value in proptest::collection::vec(any::<u8>(), 0..30)) {
            let source = kept(&[]).values(&raw(&[("cn", &[&value])]), 100).unwrap();
            for kept in source.get("cn").into_iter().flatten() {
                prop_assert_eq!(kept.as_bytes(), &value[..]);
                prop_assert!(!kept.contains('\0'));
            }
        }
    }
}
