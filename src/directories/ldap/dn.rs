//! Distinguished names (RFC 4514), as far as two of them have to be compared.

/// The longest name that is compared, in bytes.
const LONGEST: usize = 8192;

/// A form in which two names of one entry are equal: types in lower case, values unescaped, in lower case, with single
/// blanks. None: it is no name. Values are compared as most servers do (caseIgnoreMatch); a server that tells `Anna` from
/// `anna` in names would have both refused as one, never one taken for the other's rights.
pub(crate) fn normalised(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    if is_simple(name) {
        return Some(name.to_ascii_lowercase());
    }
    thoroughly(name)
}

/// The same behind something else, for names of which a directory has as many as memberships.
pub(crate) fn normalised_behind(prefix: &str, name: &str) -> Option<String> {
    if name.len() > LONGEST || !is_simple(name) {
        return normalised(name).map(|name| [prefix, &name].concat());
    }
    let mut out = [prefix, name].concat();
    if let Some(name) = out.get_mut(prefix.len()..) {
        name.make_ascii_lowercase();
    }
    Some(out)
}

/// Whether a name differs from its comparable form in case at most, as nearly all do: plain types, and values of letters,
/// digits and what needs no escape, blanks only one at a time within. A directory of 250 000 memberships has as many names.
fn is_simple(name: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Type,
        Value,
        Word,
        Blank,
    }
    let mut at = At::Start;
    for byte in name.bytes() {
        at = match (at, byte) {
            (At::Start | At::Type, b'-' | b'.') => At::Type,
            (At::Start | At::Type, byte) if byte.is_ascii_alphanumeric() => At::Type,
            (At::Type, b'=') => At::Value,
            (At::Word, b',') => At::Start,
            (At::Word, b' ') => At::Blank,
            (At::Value | At::Word | At::Blank, byte) if is_plain(byte) => At::Word,
            _ => return false,
        };
    }
    at == At::Word
}

/// Whether a byte stands for itself in a value.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'&'..=b'*' | b'-'..=b':' | b'!' | b'#' | b'?' | b'@' | b'_')
}

fn thoroughly(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name.trim();
    if rest.is_empty() {
        return Some(out);
    }
    loop {
        let (kind, after) = rest.split_once('=')?;
        let kind = kind.trim();
        let is_type = !kind.is_empty()
            && kind
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if !is_type {
            return None;
        }
        let (value, end) = value(after)?;
        out.push_str(&kind.to_ascii_lowercase());
        out.push('=');
        out.push_str(&value);
        match end {
            None => return Some(out),
            Some((separator, next)) => {
                out.push(separator);
                rest = next;
            }
        }
    }
}

/// Whether an entry is a base itself or below it; both normalised.
pub(crate) fn is_within(name: &str, base: &str) -> bool {
    base.is_empty()
        || name == base
        || name
            .strip_suffix(base)
            .is_some_and(|before| before.ends_with(','))
}

/// A value in comparable form, the separator behind it and what follows.
type Value<'a> = (String, Option<(char, &'a str)>);

/// Reads a value up to the next unescaped `,`, `;` or `+`.
fn value(text: &str) -> Option<Value<'_>> {
    let mut bytes: Vec<u8> = Vec::new();
    let mut end = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                match next.to_digit(16) {
                    Some(high) => {
                        let (_, low) = chars.next()?;
                        bytes.push(u8::try_from(high * 16 + low.to_digit(16)?).ok()?);
                    }
                    None => bytes.extend(next.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            ',' | ';' | '+' => {
                let separator = if c == '+' { '+' } else { ',' };
                end = Some((separator, text.get(at + c.len_utf8()..)?));
                break;
            }
            // Quotation is of RFC 2253; nobody writes it, and it would have to be unpicked to compare.
            '"' => return None,
            c if c.is_control() => return None,
            _ => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let value = String::from_utf8(bytes).ok()?;
    let words: Vec<&str> = value.split_whitespace().collect();
    let folded = words.join(" ").to_lowercase();
    // Escaped again in one way only, so that a comma in a value is not one between names.
    let mut out = String::with_capacity(folded.len());
    for c in folded.chars() {
        if matches!(c, ',' | '+' | '=' | '\\' | ';') || c.is_control() {
            c.encode_utf8(&mut [0; 4])
                .bytes()
                .for_each(|byte| out.push_str(&format!("\\{byte:02x}")));
        } else {
            out.push(c);
        }
    }
    Some((out, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_entry_has_one_form_however_it_is_written() {
        for (a, b) in [
            (
                "CN=Anna Berg, OU=People,DC=Example",
                "cn=anna  berg,ou=people , dc=example",
            ),
            ("cn=Ops\\, R&D,dc=x", "cn=ops\\2C r&d,dc=x"),
            ("cn=M\\C3\\BCller,dc=x", "cn=müller,dc=x"),
            ("cn=a+uid=b,dc=x", "CN=a + UID=b,dc=x"),
            ("cn=a\\+b,dc=x", "cn=a\\2bb,dc=x"),
        ] {
            assert_eq!(normalised(a).unwrap(), normalised(b).unwrap(), "{a}");
        }
        assert_ne!(normalised("cn=a\\,dc=x,dc=y"), normalised("cn=a,dc=x,dc=y"));
        assert_ne!(normalised("cn=a+uid=b"), normalised("cn=a,uid=b"));
    }

    #[test]
    fn names_as_they_mostly_are_take_the_short_way() {
        for name in [
            "uid=u00001,ou=People,dc=example,dc=test",
            "CN=Anna Berg,DC=x",
        ] {
            assert!(is_simple(name), "{name}");
        }
        for name in [
            "",
            "cn=a, dc=x",
            "cn=a  b",
            "cn=a ",
            "cn=",
            "cn=a\\2cb",
            "cn=é",
            "cn=a,",
        ] {
            assert!(!is_simple(name), "{name}");
        }
    }

    #[test]
    fn l2_what_is_no_name_is_none() {
        for wrong in [
            "anna",
            "=x",
            "cn=a,,dc=x",
            "cn=a,",
            "c n=x",
            "cn=\\",
            "cn=\\4",
            "cn=\"a\"",
            "cn=a\0",
        ] {
            assert_eq!(normalised(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn l11_below_a_base_is_below_its_whole_components() {
        let base = normalised("ou=people,dc=example").unwrap();
        let within = |name: &str| is_within(&normalised(name).unwrap(), &base);
        assert!(within("uid=a,ou=people,dc=example"));
        assert!(within("OU=People,DC=example"));
        assert!(!within("uid=a,xou=people,dc=example"));
        assert!(!within("uid=a\\,ou=people,dc=example"));
        assert!(!within("uid=a,ou=groups,dc=example"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_short_way_says_what_the_thorough_one_says(name in "[a-zA-Z0-9=, .@\\-\\\\+#;\"é]{0,20}|(cn|OU)=[a-zA-Z .@#:*-]{0,9},dc=[a-zé ,=]{0,6}") {
            let behind = normalised(&name).map(|form| format!("Dn:{form}"));
            prop_assert_eq!(normalised_behind("Dn:", &name), behind);
            if is_simple(&name) {
                prop_assert_eq!(thoroughly(&name), Some(name.to_ascii_lowercase()), "{}", name);
            }
        }

        #[test]
        fn a_form_is_its_own_form(name in "(cn|ou)=[a-zA-Z ,+=\\\\é0-9]{0,12}(,dc=[a-z\\\\, ]{1,6})?") {
            if let Some(form) = normalised(&name) {
                prop_assert_eq!(normalised(&form), Some(form.clone()), "{}", form);
            }
        }
    }
}
