//! Codes of an authenticator app (RFC 6238): SHA-1, six digits, a new one every 30 s. Apps know these best, and some
//! silently use them whatever the address says.
//!
//! A code counts in its own step and the one before and after (RFC 6238 section 5.2). A step that was accepted, and
//! every one before it, is never accepted again: a code seen over a shoulder is worth nothing.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

use crate::Entropy;

/// How long a code is shown, in seconds.
pub const STEP: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Bytes of a secret (RFC 4226 section 4 recommends 160 bits).
const SECRET: usize = 20;

/// What an app and this program share. Its Debug output leaves the secret out.
#[derive(Clone)]
pub struct Totp(totp_rs::Totp);

impl std::fmt::Debug for Totp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totp").finish_non_exhaustive()
    }
}

/// What a typed code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Code {
    /// The code of this step, later than any accepted before.
    Right(u64),
    /// The code of a step that is used up.
    Used,
    /// No code of now.
    Wrong,
}

impl Totp {
    /// A new secret.
    #[must_use]
    pub fn make(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0_u8; SECRET]);
        entropy.fill(bytes.as_mut());
        Self::of(Secret::new_stack(*bytes))
    }

    /// The secret in the writing that apps take (RFC 4648 base 32). None: it is none, or too short.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let secret = Secret::try_from_base32(text).ok()?;
        (secret.as_bytes().len() >= SECRET).then(|| Self::of(secret))
    }

    fn of(secret: Secret) -> Self {
        // Complete and within the bounds of the RFC, so nothing is left for `build` to refuse.
        Self(
            Builder::new()
                .with_algorithm(Algorithm::SHA1)
                .with_digits(6)
                .with_skew(0)
                .with_step_duration(STEP)
                .with_secret(secret)
                .build_noncompliant(),
        )
    }

    /// The secret as people type it into an app that has no camera: base 32, without blanks.
    #[must_use]
    pub fn write(&self) -> SecretString {
        SecretString::from(self.0.secret().to_base32())
    }

    /// The address that a QR code holds. None when it cannot be written.
    #[must_use]
    pub fn address(&self, issuer: &str, account: &str) -> Option<SecretString> {
        // A colon parts issuer and account there.
        let plain = |text: &str| text.replace(':', " ");
        let totp = Builder::new()
            .with_secret(self.0.secret().clone())
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()
            .ok()?;
        totp.to_url().ok().map(SecretString::from)
    }

    /// What a typed code is at `now`, after `last` was the latest accepted step. Blanks do not count.
    pub fn check(&self, typed: &str, now: DateTime<Utc>, last: Option<u64>) -> Code {
        let typed: Zeroizing<String> =
            Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace()).collect());
        let Ok(now) = u64::try_from(now.timestamp()) else {
            return Code::Wrong;
        };
        let step = now / STEP;
        let mut code = Code::Wrong;
        // All three are always compared, so that time tells nothing about which one it was.
        for step in step.saturating_sub(1)..=step.saturating_add(1) {
            let fits = self
                .0
                .check(&typed, step.saturating_mul(STEP))
                .is_some_and(|matched| matched == step);
            if fits {
                code = match last {
                    Some(last) if step <= last => Code::Used,
                    _ => Code::Right(step),
                };
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    /// The secret of RFC 6238 appendix B: "12345678901234567890".
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn rfc() -> Totp {
        Totp::read(RFC).unwrap()
    }

    fn at(seconds: u64) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::try_from(seconds).unwrap(), 0).unwrap()
    }

    fn code(totp: &Totp, seconds: u64) -> String {
        totp.0.generate(seconds).to_string()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // Appendix B has eight digits; six are their last.
        for (seconds, eight) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let told = rfc().check(&eight[2..], at(seconds), None);
            assert_eq!(told, Code::Right(seconds / STEP), "{seconds}");
        }
    }

    #[test]
    fn blanks_are_let_pass_and_nothing_else_is() {
        let right = Code::Right(1);
        for typed in ["287082", "287 082", " 287082\n"] {
            assert_eq!(rfc().check(typed, at(59), None), right, "{typed:?}");
        }
        for typed in [
            "",
            "28708",
            "2870822",
            "+87082",
            "28708x",
            "２８７０８２",
            "94287082",
        ] {
            assert_eq!(rfc().check(typed, at(59), None), Code::Wrong, "{typed:?}");
        }
    }

    #[test]
    fn the_secret_reads_back_and_shows_nowhere() {
        struct Sevens;
        impl Entropy for Sevens {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(7);
            }
        }
        let totp = Totp::make(&Sevens);
        let text = totp.write();
        assert_eq!(text.expose_secret().len(), 32);
        let again = Totp::read(text.expose_secret()).unwrap();
        assert_eq!(code(&again, 1000), code(&totp, 1000));
        assert_eq!(format!("{totp:?}"), "Totp { .. }");
        let address = totp.address("Muster", "ada:x@example.com").unwrap();
        let address = address.expose_secret();
        assert!(
            address.starts_with("otpauth://totp/Muster:ada%20x%40example.com?secret="),
            "{address}"
        );
        assert!(address.ends_with("&issuer=Muster"), "{address}");
        for bad in ["", "GEZDG", "not base 32 at all!"] {
            assert!(Totp::read(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_code_counts_in_its_own_step_and_its_neighbours(now in 60_u64..4_000_000_000, off in -5_i64..=5) {
            let step = now / STEP;
            let meant = step.saturating_add_signed(off);
            let told = rfc().check(&code(&rfc(), meant * STEP), at(now), None);
            if off.abs() <= 1 {
                // Two neighbours may show the same code once in a million; the later one is meant then.
                prop_assert!(matches!(told, Code::Right(found) if found >= meant && found <= step + 1));
            } else {
                prop_assert!(told == Code::Wrong || (step.saturating_sub(1)..=step + 1).any(|s| code(&rfc(), s * STEP) == code(&rfc(), meant * STEP)));
            }
        }

        #[test]
        fn no_step_is_accepted_twice_and_none_before_an_accepted_one(
            begin in 60_u64..4_000_000_000, waits in proptest::collection::vec((0_u64..90, -1_i64..=1), 1..12),
        ) {
            let (mut now, mut last) = (begin, None);
            for (wait, off) in waits {
                now += wait;
                let meant = (now / STEP).saturating_add_signed(off);
                match rfc().check(&code(&rfc(), meant * STEP), at(now), last) {
                    Code::Right(step) => {
                        prop_assert!(last.is_none_or(|last| step > last));
                        prop_assert_eq!(rfc().check(&code(&rfc(), step * STEP), at(now), Some(step)), Code::Used);
                        last = Some(step);
                    }
                    Code::Used => prop_assert!(last.is_some_and(|last| meant <= last)),
                    Code::Wrong => prop_assert!(false, "a code of the window was not known"),
                }
            }
        }

        #[test]
        fn whatever_is_typed_is_right_only_if_it_is_a_code_of_the_window(typed in "[0-9 +-]{0,8}", now in 60_u64..4_000_000_000) {
            let plain: String = typed.chars().filter(|c| *c != ' ').collect();
            let step = now / STEP;
            let is_one = (step - 1..=step + 1).any(|step| code(&rfc(), step * STEP) == plain);
            prop_assert_eq!(rfc().check(&typed, at(now), None) != Code::Wrong, is_one);
        }
    }
}
