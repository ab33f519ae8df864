//! Regular expressions of bounded size, which cost what they can take. Their library looks at each byte of a value once for
//! each place in the expression at most, whatever the expression (<https://docs.rs/regex>, "untrusted input"). So both are
//! counted: places with every repetition written out, and bytes.

use regex::{Captures, Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::value::{Fault, Meter};

/// Longest regular expression, in bytes.
const LONGEST: usize = 512;
/// Largest program that a regular expression may become, in bytes: a class of letters of all scripts takes 10 KiB and more.
const SIZE: usize = 1 << 18;
/// Most places that one may have with its repetitions written out.
const PLACES: usize = 1000;
/// Places at which four bytes are looked at in one step.
const PLACES_A_STEP: usize = 32;
/// Groups whose bounds are kept at each place in one step.
const GROUPS_A_STEP: usize = 8;

/// A regular expression, compiled, that knows what it costs.
#[derive(Clone, Debug)]
pub(super) struct Regular {
    regex: Regex,
    /// Steps for four bytes.
    weight: usize,
}

impl Regular {
    /// Whether it is found in a text.
    pub(super) fn is_in(&self, text: &str, meter: &mut Meter) -> Result<bool, Fault> {
        meter.steps(self.steps(text))?;
        Ok(self.regex.is_match(text))
    }

    /// What its groups caught, where it is found in a text.
    pub(super) fn captures<'a>(
        &self,
        text: &'a str,
        meter: &mut Meter,
    ) -> Result<Option<Captures<'a>>, Fault> {
        let kept = 1 + self.regex.captures_len() / GROUPS_A_STEP;
        meter.steps(self.steps(text).saturating_mul(kept))?;
        Ok(self.regex.captures(text))
    }

    fn steps(&self, text: &str) -> usize {
        (text.len() / 4 + 1).saturating_mul(self.weight)
    }

    /// Whether it has a group of this number or name.
    pub(super) fn has_group(&self, name: &str) -> bool {
        match name.parse::<usize>() {
            Ok(number) => number < self.regex.captures_len(),
            Err(_) => {
                let mut known = self.regex.capture_names().flatten();
                known.any(|known| known == name)
            }
        }
    }
}

/// Compiles a regular expression within bounds; else why not.
pub(super) fn checked(text: &str) -> Result<Regular, String> {
    if text.len() > LONGEST {
        return Err(format!(
            "The regular expression is longer than {LONGEST} bytes."
        ));
    }
    compiled(text)
}

/// Compiles a regular expression within the size that one may take.
pub(super) fn compiled(text: &str) -> Result<Regular, String> {
    let too_large = || "The regular expression becomes too large: repeat less often.".to_owned();
    let regex = RegexBuilder::new(text)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(30)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => too_large(),
            other => unreadable(&other.to_string()),
        })?;
    let written = regex_syntax::parse(text).map_err(|error| unreadable(&error.to_string()))?;
    let places = places(&written);
    if places > PLACES {
        return Err(too_large());
    }
    let weight = 1 + places / PLACES_A_STEP;
    Ok(Regular { regex, weight })
}

fn unreadable(shown: &str) -> String {
    let last = shown.lines().last().unwrap_or_default();
    let why = last.trim().trim_start_matches("error: ");
    format!("The regular expression cannot be read: {why}.")
}

/// How many places it has, each repetition written out. It is nested no deeper than it may be: it was compiled.
fn places(part: &Hir) -> usize {
    match part.kind() {
        HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(group) => places(&group.sub).saturating_add(1),
        HirKind::Repetition(again) => {
            let times = again.max.unwrap_or(again.min).max(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            places(&again.sub).saturating_add(1).saturating_mul(times)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(places).fold(1, usize::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places_of(text: &str) -> usize {
        places(&regex_syntax::parse(text).expect("an expression"))
    }

    #[test]
    fn repetitions_count_as_often_as_they_may_come() {
        assert_eq!(places_of("abc"), 3);
        assert_eq!(places_of(r"\w"), 1);
        assert_eq!(places_of("a{3}"), 6);
        assert_eq!(places_of("a{2,}"), 4);
        assert_eq!(places_of("a*"), 2);
        assert_eq!(places_of("(?:a{1,30}){1,30}"), (2 * 30 + 1) * 30);
    }

    #[test]
    fn what_people_write_weighs_one() {
        for text in [
            r"(.+)@example\.org",
            r"^cn=\w+,ou=apps",
            r"[A-Za-z]{2}\d{4}",
            r"(?i)^adm-.*$",
        ] {
            assert_eq!(checked(text).expect("an expression").weight, 1, "{text}");
        }
    }
}
