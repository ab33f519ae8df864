//! What comes over the wire, looked at before anything parses it.
//!
//! The parser behind recurses into whatever is nested and waits for whatever length is announced: a server, or anybody on
//! an unprotected line, could end this process with a few kilobytes. So every message is measured first: its length, its
//! depth, and that its parts fill it exactly (X.690 section 8.1, in the restricted form of RFC 4511 section 5.1).

/// How deep LDAP messages nest: an entry takes 6, a filter we never receive more.
const DEEPEST: usize = 24;

/// What is at the beginning of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Frame {
    /// A whole message of so many bytes.
    Whole(usize),
    /// Not enough yet.
    Incomplete,
    /// Nothing that may go on.
    Refused(&'static str),
}

/// Looks at the first message in `bytes`.
pub(crate) fn frame(bytes: &[u8], longest: usize) -> Frame {
    let Some(first) = bytes.first() else {
        return Frame::Incomplete;
    };
    if *first != 0x30 {
        return Frame::Refused("it is not LDAP");
    }
    let (header, length) = match length(bytes.get(1..).unwrap_or_default()) {
        Length::Known { header, length } => (header + 1, length),
        Length::Incomplete => return Frame::Incomplete,
        Length::Refused => return Frame::Refused("a length is not written as LDAP writes it"),
    };
    let Some(whole) = header.checked_add(length).filter(|whole| *whole <= longest) else {
        return Frame::Refused("a message is longer than accepted");
    };
    match bytes.get(header..whole) {
        None => Frame::Incomplete,
        Some(content) if is_sound(content) => Frame::Whole(whole),
        Some(_) => Frame::Refused("a message is malformed"),
    }
}

enum Length {
    Known { header: usize, length: usize },
    Incomplete,
    Refused,
}

fn length(bytes: &[u8]) -> Length {
    match bytes.split_first() {
        None => Length::Incomplete,
        Some((short, _)) if *short < 0x80 => Length::Known {
            header: 1,
            length: usize::from(*short),
        },
        // Up to 4 bytes: more would be longer than anything accepted. 0x80, the indefinite form, is not allowed.
        Some((count @ 0x81..=0x84, rest)) => {
            let count = usize::from(count & 0x7f);
            match rest.get(..count) {
                None => Length::Incomplete,
                Some(digits) => Length::Known {
                    header: 1 + count,
                    length: digits
                        .iter()
                        .fold(0, |sum, digit| sum << 8 | usize::from(*digit)),
                },
            }
        }
        Some(_) => Length::Refused,
    }
}

/// Whether elements fill these bytes exactly, at every depth, none too deep. Without recursion: the ends of what is open
/// are kept in a list that is as long as it is deep.
fn is_sound(content: &[u8]) -> bool {
    let mut ends: Vec<usize> = Vec::new();
    let mut at = 0;
    loop {
        while ends.last() == Some(&at) {
            ends.pop();
        }
        let end = ends.last().copied().unwrap_or(content.len());
        if at == content.len() {
            return ends.is_empty();
        }
        let Some((tag, rest)) = content.get(at..end).and_then(<[u8]>::split_first) else {
            return false;
        };
        // Tags above 30 take more bytes; LDAP has none.
        if tag & 0x1f == 0x1f {
            return false;
        }
        let Length::Known { header, length } = length(rest) else {
            return false;
        };
        let start = at + 1 + header;
        let Some(stop) = start.checked_add(length).filter(|stop| *stop <= end) else {
            return false;
        };
        let is_constructed = tag & 0x20 != 0;
        if is_constructed {
            if ends.len() >= DEEPEST {
                return false;
            }
            ends.push(stop);
            at = start;
        } else {
            at = stop;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sequences in one another, each of 6 bytes and what is in it.
    fn nested(depth: u32) -> Vec<u8> {
        let one = |below: u32| [vec![0x30, 0x84], (below * 6).to_be_bytes().to_vec()].concat();
        (0..depth).rev().flat_map(one).collect()
    }

    #[test]
    fn whole_messages_pass_and_parts_wait() {
        let bind_response = [
            0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00,
        ];
        assert_eq!(frame(&bind_response, 1000), Frame::Whole(14));
        for part in 0..bind_response.len() {
            assert_eq!(frame(&bind_response[..part], 1000), Frame::Incomplete);
        }
    }

    #[test]
    fn l15_depth_length_and_junk_are_refused_before_anything_is_parsed() {
        let is_refused = |bytes: &[u8]| matches!(frame(bytes, 1 << 20), Frame::Refused(_));
        assert!(!is_refused(&nested(20)));
        assert!(is_refused(&nested(100)));
        assert!(is_refused(&nested(100_000)));
        assert!(
            is_refused(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]),
            "4 GiB announced"
        );
        assert!(is_refused(&[0x30, 0x80, 0x00, 0x00]), "the indefinite form");
        assert!(is_refused(&[0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0]));
        assert!(is_refused(b"HTTP/1.1 400 Bad Request\r\n"));
        assert!(
            is_refused(&[0x30, 0x03, 0x04, 0x05, 0x00]),
            "longer than what holds it"
        );
        assert!(
            is_refused(&[0x30, 0x02, 0x3f, 0x00]),
            "a tag of several bytes"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_passes_is_parsed_whole(content in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = vec![0x30, u8::try_from(content.len()).unwrap()];
            bytes.extend(content);
            if frame(&bytes, 1000) == Frame::Whole(bytes.len()) {
                let (rest, _) = ldap3::asn1::parse_tag(&bytes).expect("it parses");
                prop_assert!(rest.is_empty());
            }
        }
    }
}
