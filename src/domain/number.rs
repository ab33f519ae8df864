//! How numbers are written: digits in threes, apart by a narrow space that never breaks.

/// Writes a count with its digits in threes: `12 408`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let mut out = String::with_capacity(digits.len() + 6);
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && at % 3 == lead {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A count with its noun: `1 user`, `12 408 users`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_threes() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(386), "386");
        assert_eq!(grouped(1_930), "1\u{202f}930");
        assert_eq!(grouped(12_408), "12\u{202f}408");
        assert_eq!(grouped(1_000_000), "1\u{202f}000\u{202f}000");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(counted(1, "user", "users"), "1 user");
        assert_eq!(counted(0, "user", "users"), "0 users");
    }
}
