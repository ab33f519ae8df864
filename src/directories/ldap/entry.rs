//! One entry, as the server sent it.
//!
//! Read by hand: the library's own way panics on what is not an entry or not text.

use std::collections::BTreeMap;

use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;

/// An entry. Names of attributes are in lower case, with their options (`member;range=0-1499`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Raw {
    pub(crate) dn: String,
    pub(crate) attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

/// Why a value cannot be used, in a sentence.
pub(crate) type Unusable = String;

impl Raw {
    /// Reads what the server sent (RFC 4511 section 4.5.2).
    pub(crate) fn read(entry: ResultEntry) -> Result<Self, Unusable> {
        let malformed = || "An entry is not written as LDAP writes one.".to_owned();
        let mut parts = entry
            .0
            .match_id(4)
            .and_then(StructureTag::expect_constructed)
            .ok_or_else(malformed)?
            .into_iter();
        let dn = parts
            .next()
            .and_then(StructureTag::expect_primitive)
            .ok_or_else(malformed)?;
        let dn = String::from_utf8(dn).map_err(|bytes| {
            let start = String::from_utf8_lossy(bytes.as_bytes())
                .chars()
                .take(80)
                .collect::<String>();
            format!(
                "The name of an entry is not text: {}",
                super::connect::shown(&start)
            )
        })?;
        let mut attributes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        let listed = parts
            .next()
            .and_then(StructureTag::expect_constructed)
            .ok_or_else(malformed)?;
        for attribute in listed {
            let mut parts = attribute
                .expect_constructed()
                .ok_or_else(malformed)?
                .into_iter();
            let name = parts
                .next()
                .and_then(StructureTag::expect_primitive)
                .ok_or_else(malformed)?;
            let name = String::from_utf8(name)
                .map_err(|_| malformed())?
                .to_ascii_lowercase();
            let values = parts
                .next()
                .and_then(StructureTag::expect_constructed)
                .ok_or_else(malformed)?;
            let values: Option<Vec<Vec<u8>>> = values
                .into_iter()
                .map(StructureTag::expect_primitive)
                .collect();
            attributes
                .entry(name)
                .or_default()
                .extend(values.ok_or_else(malformed)?);
        }
        Ok(Self { dn, attributes })
    }

    /// All values of an attribute.
    pub(crate) fn all(&self, name: &str) -> &[Vec<u8>] {
        // This is asked ten times of everybody: nothing is made to find one.
        let mut lower = [0; 64];
        let found = match lower.get_mut(..name.len()) {
            Some(lower) => {
                lower.copy_from_slice(name.as_bytes());
                lower.make_ascii_lowercase();
                std::str::from_utf8(lower)
                    .ok()
                    .and_then(|name| self.attributes.get(name))
            }
            None => self.attributes.get(&name.to_ascii_lowercase()),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// The first value of an attribute as text of at most `longest` bytes; none: there is none, or it is empty.
    pub(crate) fn text(&self, name: &str, longest: usize) -> Result<Option<&str>, Unusable> {
        let Some(value) = self.all(name).first().filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        if value.len() > longest {
            return Err(format!(
                "“{name}” is {} bytes long; at most {longest} are accepted.",
                value.len()
            ));
        }
        // A NUL is text to nobody who has to keep it.
        match std::str::from_utf8(value) {
            Ok(text) if !text.contains('\0') => Ok(Some(text)),
            _ => Err(format!("“{name}” is not text.")),
        }
    }

    /// The immutable id, as text that compares: GUIDs of Active Directory are 16 bytes, the first three fields of which
    /// are written the other way round ([MS-DTYP] section 2.3.4.2).
    pub(crate) fn id(&self, attribute: &str) -> Result<String, Unusable> {
        let missing = || format!("“{attribute}”, its immutable id, is missing or cannot be read.");
        let [value] = self.all(attribute) else {
            return Err(missing());
        };
        if attribute.eq_ignore_ascii_case("objectGUID") {
            return self
                .guid(attribute)
                .map(|id| id.to_string())
                .ok_or_else(missing);
        }
        let text = std::str::from_utf8(value).map_err(|_| missing())?;
        let is_plain =
            !text.is_empty() && text.len() <= 128 && text.chars().all(|c| c.is_ascii_graphic());
        if is_plain {
            Ok(text.to_ascii_lowercase())
        } else {
            Err(missing())
        }
    }

    /// The one value of an attribute that holds a GUID in 16 bytes.
    pub(crate) fn guid(&self, attribute: &str) -> Option<uuid::Uuid> {
        let [value] = self.all(attribute) else {
            return None;
        };
        Some(uuid::Uuid::from_bytes_le(value.as_slice().try_into().ok()?))
    }

    /// The security identifier of Active Directory, as `S-1-5-…` ([MS-DTYP] section 2.4.2).
    pub(crate) fn sid(&self) -> Option<String> {
        let bytes = self.all("objectSid").first()?;
        let (revision, rest) = bytes.split_first()?;
        let (count, rest) = rest.split_first()?;
        let (authority, rest) = rest.split_at_checked(6)?;
        if *revision != 1 || rest.len() != usize::from(*count) * 4 {
            return None;
        }
        let authority = authority
            .iter()
            .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let mut sid = format!("S-1-{authority}");
        for part in rest.chunks_exact(4) {
            let number = u32::from_le_bytes(part.try_into().ok()?);
            sid.push_str(&format!("-{number}"));
        }
        Some(sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldap3::asn1::{PL, TagClass};

    fn raw(name: &str, values: &[&[u8]]) -> Raw {
        let values = values.iter().map(|value| value.to_vec()).collect();
        Raw {
            dn: "cn=x".to_owned(),
            attributes: BTreeMap::from([(name.to_ascii_lowercase(), values)]),
        }
    }

    #[test]
    fn l14_a_binary_guid_is_the_one_that_windows_shows() {
        let bytes = [
            0x78, 0x56, 0x34, 0x12, 0xbc, 0x9a, 0xf0, 0xde, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        let found = raw("objectGUID", &[&bytes]).id("objectGUID").unwrap();
        assert_eq!(found, "12345678-9abc-def0-0102-030405060708");
        assert!(raw("objectGUID", &[&bytes[..15]]).id("objectGUID").is_err());
        assert!(
            raw("objectGUID", &[&bytes, &bytes])
                .id("objectGUID")
                .is_err()
        );
    }

    #[test]
    fn ids_that_are_no_ids_are_refused() {
        assert_eq!(
            raw("entryUUID", &[b"ABC-1"]).id("entryUUID").unwrap(),
            "abc-1"
        );
        for junk in [&b""[..], b"a b", b"\xff", b"a\0b", &[b'x'; 129]] {
            assert!(raw("entryUUID", &[junk]).id("entryUUID").is_err());
        }
        assert!(Raw::default().id("entryUUID").is_err());
    }

    #[test]
    fn a_security_identifier_is_read_and_junk_is_none() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 2, 0, 0];
        assert_eq!(raw("objectSid", &[&bytes]).sid().unwrap(), "S-1-5-21-513");
        assert_eq!(raw("objectSid", &[&bytes[..9]]).sid(), None);
        assert_eq!(raw("objectSid", &[b""]).sid(), None);
    }

    #[test]
    fn text_is_text_and_not_too_long() {
        assert_eq!(
            raw("cn", &["é".as_bytes()]).text("CN", 10).unwrap(),
            Some("é")
        );
        assert_eq!(raw("cn", &[b""]).text("cn", 10).unwrap(), None);
        assert!(raw("cn", &[b"\xff"]).text("cn", 10).is_err());
        assert!(raw("cn", &[b"a\0"]).text("cn", 10).is_err());
        assert!(raw("cn", &[&[b'x'; 11]]).text("cn", 10).is_err());
    }

    #[test]
    fn what_is_no_entry_is_refused_without_a_panic() {
        let tag = |id, payload| StructureTag {
            class: TagClass::Application,
            id,
            payload,
        };
        for wrong in [
            tag(19, PL::C(vec![])),
            tag(4, PL::P(vec![])),
            tag(4, PL::C(vec![])),
            tag(
                4,
                PL::C(vec![tag(4, PL::P(vec![0xff])), tag(16, PL::C(vec![]))]),
            ),
            tag(
                4,
                PL::C(vec![
                    tag(4, PL::P(vec![])),
                    tag(16, PL::C(vec![tag(16, PL::C(vec![]))])),
                ]),
            ),
        ] {
            assert!(Raw::read(ResultEntry::new(wrong)).is_err());
        }
    }
}
