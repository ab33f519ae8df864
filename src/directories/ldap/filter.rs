//! Filters with values in them.

/// A value as it stands in a filter (RFC 4515 section 3): whatever could mean something there is written as `\XX`, and so
/// is whatever is not plain ASCII, which leaves no question of encoding.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@' | b' ') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("\\{byte:02x}"));
        }
    }
    out
}

/// The people whose `attribute` is exactly `value`, among those that `filter` finds.
pub(crate) fn exactly(filter: &str, attribute: &str, value: &str) -> String {
    format!("(&{filter}({attribute}={}))", escaped(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn l1_l3_l4_nothing_in_a_name_is_read_as_a_filter() {
        assert_eq!(escaped("a*)(uid=*"), "a\\2a\\29\\28uid\\3d\\2a");
        assert_eq!(escaped("a\0b\\"), "a\\00b\\5c");
        assert_eq!(
            exactly("(objectClass=person)", "uid", "*"),
            "(&(objectClass=person)(uid=\\2a))"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn l1_every_name_gives_one_equality_match_with_that_very_value(name in "\\PC{1,20}|[\\x00-\\x7f]{1,20}") {
            let filter = exactly("(objectClass=person)", "uid", &name);
            let parsed = format!("{:?}", ldap3::parse_filter(&filter).expect("a filter"));
            // An octet string of exactly these bytes is in what is sent.
            let bytes = format!("{:?}", name.as_bytes());
            prop_assert!(parsed.contains(&bytes), "{parsed}");
            prop_assert_eq!(ldap3::ldap_unescape(escaped(&name)).unwrap(), name);
        }
    }
}
