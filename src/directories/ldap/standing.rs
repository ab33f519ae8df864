//! Whether the server keeps somebody out: switched off, locked for good, or expired.
//!
//! What is left aside on purpose: a password that expired (`krbPasswordExpiration`, `passwordExpirationTime`, `data 532`)
//! may be set anew by whoever knows it, and a lock that ends by itself is over before anybody reads of it.

use super::entry::{Raw, Unusable};
use super::schema::Mark;

/// ACCOUNTDISABLE ([MS-ADTS] section 2.2.16).
const ACCOUNT_DISABLED: i64 = 2;
/// Locked for good, by a person (draft-behera-ldap-password-policy section 5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// The `accountUnlockTime` of who was locked by 389 Directory Server until an administrator acts (Red Hat Directory Server,
/// Configuration, Command, and File Reference, section 6.1: "0", written as the moment at which Unix begins to count).
const UNLOCKED_BY_HAND: [&str; 2] = ["19700101000000Z", "0"];
/// `accountExpires` of who never does, besides 0 ([MS-ADA1] section 2.1).
const NEVER: i64 = i64::MAX;
/// From 1601-01-01, where Active Directory begins to count, to 1970-01-01, in seconds.
const BEFORE_UNIX: i64 = 11_644_473_600;

/// A moment as Active Directory counts: 100 ns since the beginning of 1601, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    /// The same in the way it is counted here; none: before 1601.
    pub(super) fn of(time: chrono::DateTime<chrono::Utc>) -> Option<Self> {
        let seconds = time.timestamp().checked_add(BEFORE_UNIX)?;
        seconds
            .checked_mul(10_000_000)
            .filter(|ticks| *ticks >= 0)
            .map(Self)
    }

    /// Reads GeneralizedTime in UTC, `YYYYMMDDHHMMSS[.fraction]Z` (RFC 4517 section 3.3.13). The fraction is dropped.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('Z')?;
        let digits = match digits.split_once('.') {
            None => digits,
            Some((whole, fraction)) => {
                let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit());
                is_fraction.then_some(whole)?
            }
        };
        let is_whole = digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_whole {
            return None;
        }
        let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
        let year = i32::try_from(part(0, 4)?).ok()?;
        let day = chrono::NaiveDate::from_ymd_opt(year, part(4, 6)?, part(6, 8)?)?;
        // A leap second is the one before it.
        let moment = day.and_hms_opt(part(8, 10)?, part(10, 12)?, part(12, 14)?.min(59))?;
        let seconds = moment.and_utc().timestamp() + BEFORE_UNIX;
        (seconds >= 0).then(|| Self(seconds * 10_000_000))
    }

    /// As GeneralizedTime, to the second.
    pub(super) fn written(self) -> String {
        let seconds = self.0 / 10_000_000 - BEFORE_UNIX;
        let moment = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        moment.format("%Y%m%d%H%M%SZ").to_string()
    }

    /// So many seconds before, or after when negative; not before the beginning.
    pub(super) const fn before(self, seconds: i64) -> Self {
        let earlier = self.0.saturating_sub(seconds.saturating_mul(10_000_000));
        Self(if earlier > 0 { earlier } else { 0 })
    }
}

/// Whether the server keeps the person out at this time; `until` is the attribute of [`super::schema::Schema::until`]. A
/// sign that cannot be read keeps the record out instead; so does one that is missing where everybody bears one: whoever may
/// not read it would take everybody for active.
pub(super) fn is_off(
    raw: &Raw,
    until: Option<&str>,
    now: Option<Moment>,
    mark: Mark,
) -> Result<bool, Unusable> {
    if let Some(until) = until
        && is_past(raw, until, now)?
    {
        return Ok(true);
    }
    if let Some(flags) = number(raw, "userAccountControl")? {
        return Ok(flags & ACCOUNT_DISABLED != 0 || is_expired(raw, now)?);
    }
    // All accounts of Active Directory have it ([MS-SAMR] section 3.1.1.8.10).
    if mark == Mark::Usn {
        let why = "“userAccountControl” is missing: nobody can tell whether the account is disabled. Let the account that \
                   reads see it.";
        return Err(why.to_owned());
    }
    if let Some(lock) = raw.text("nsAccountLock", 10)?
        && lock.eq_ignore_ascii_case("true")
    {
        return Ok(true);
    }
    if let Some(unlocked) = raw.text("accountUnlockTime", 40)?
        && UNLOCKED_BY_HAND.contains(&unlocked)
    {
        return Ok(true);
    }
    Ok(raw.text("pwdAccountLockedTime", 40)? == Some(LOCKED_FOR_GOOD))
}

/// Whether `accountExpires` lies in the past, by the server's own clock.
fn is_expired(raw: &Raw, now: Option<Moment>) -> Result<bool, Unusable> {
    let Some(until) = number(raw, "accountExpires")?.filter(|until| (1..NEVER).contains(until))
    else {
        return Ok(false);
    };
    let now = now.ok_or("It expires, and the server does not say what time it is.")?;
    Ok(Moment(until) <= now)
}

/// Whether the moment until which somebody may sign in is over. FreeIPA lets them in during that very second, and takes what
/// lies before Unix began to count, or then, for no end (its plug-in ipa-pwd-extop, before a bind).
fn is_past(raw: &Raw, name: &str, now: Option<Moment>) -> Result<bool, Unusable> {
    let Some(text) = raw.text(name, 40)? else {
        return Ok(false);
    };
    let until = Moment::read(text).ok_or_else(|| format!("“{name}” is not a time."))?;
    if until.0 <= BEFORE_UNIX * 10_000_000 {
        return Ok(false);
    }
    let now = now.ok_or("It expires, and there is no clock to say whether it did.")?;
    Ok(until < now)
}

fn number(raw: &Raw, name: &str) -> Result<Option<i64>, Unusable> {
    let text = raw.text(name, 20)?;
    text.map(|text| {
        text.parse()
            .map_err(|_| format!("“{name}” is not a number."))
    })
    .transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn raw(signs: &[(&str, &str)]) -> Raw {
        let attributes = signs
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), vec![value.as_bytes().to_vec()]));
        Raw {
            dn: "cn=x".to_owned(),
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn l25_an_account_is_off_when_disabled_or_expired_and_0_and_the_largest_number_mean_never() {
        let now = Moment::read("20261122080000.0Z");
        let off = |flags: &str, until: &str| {
            is_off(
                &raw(&[("userAccountControl", flags), ("accountExpires", until)]),
                None,
                now,
                Mark::Usn,
            )
        };
        assert_eq!(off("512", "0"), Ok(false));
        assert_eq!(off("512", "9223372036854775807"), Ok(false));
        assert_eq!(off("514", "0"), Ok(true));
        assert_eq!(off("512", "130000000000000000"), Ok(true), "2012");
        assert_eq!(off("512", "140000000000000000"), Ok(false), "2044");
        let this_moment = now.unwrap().0.to_string();
        assert_eq!(off("512", &this_moment), Ok(true), "now");
        assert!(off("x", "0").is_err());
        assert!(off("512", "soon").is_err());
        let timeless = raw(&[
            ("userAccountControl", "512"),
            ("accountExpires", "130000000000000000"),
        ]);
        assert!(is_off(&timeless, None, None, Mark::Usn).is_err());
    }

    #[test]
    fn l25_an_account_of_active_directory_whose_flags_are_not_shown_is_never_taken_for_active() {
        let now = Moment::read("20261122080000.0Z");
        let expired = ("accountExpires", "130000000000000000");
        for shown in [&[][..], &[expired], &[("userAccountControl", "")]] {
            let why = is_off(&raw(shown), None, now, Mark::Usn).unwrap_err();
            assert!(why.contains("userAccountControl"), "{why}");
            assert_eq!(
                is_off(&raw(shown), None, now, Mark::Csn),
                Ok(false),
                "elsewhere"
            );
        }
    }

    #[test]
    fn l25_a_lock_of_other_servers_is_known() {
        let off = |signs: &[(&str, &str)]| is_off(&raw(signs), None, None, Mark::Time);
        assert_eq!(off(&[("nsAccountLock", "TRUE")]), Ok(true));
        assert_eq!(off(&[("nsAccountLock", "false")]), Ok(false));
        let locked = |time| off(&[("pwdAccountLockedTime", time)]);
        assert_eq!(locked(LOCKED_FOR_GOOD), Ok(true));
        assert_eq!(locked("20261122080000Z"), Ok(false), "it ends by itself");
        let unlocks = |time| off(&[("nsAccountLock", "false"), ("accountUnlockTime", time)]);
        assert_eq!(unlocks("19700101000000Z"), Ok(true));
        assert_eq!(unlocks("0"), Ok(true));
        assert_eq!(unlocks("20990101000000Z"), Ok(false), "it ends by itself");
        assert_eq!(unlocks("20200101000000Z"), Ok(false), "it did");
    }

    #[test]
    fn l25_freeipa_keeps_out_who_expired_and_not_whose_password_did() {
        let now = Moment::read("20261122080000Z");
        let off = |name: &str, time: &str, now| {
            is_off(
                &raw(&[(name, time)]),
                Some("krbPrincipalExpiration"),
                now,
                Mark::Time,
            )
        };
        let until = |time| off("krbPrincipalExpiration", time, now);
        assert_eq!(until("20261122075959Z"), Ok(true));
        assert_eq!(until("20261122080000Z"), Ok(false), "in this very second");
        assert_eq!(until("20991231235959Z"), Ok(false));
        assert_eq!(until("19700101000000Z"), Ok(false), "no end");
        assert_eq!(until("16010101000000Z"), Ok(false), "no end");
        assert_eq!(until("19700101000001Z"), Ok(true));
        assert!(until("tomorrow").is_err());
        assert!(off("krbPrincipalExpiration", "20200101000000Z", None).is_err());
        for other in ["krbPasswordExpiration", "passwordExpirationTime"] {
            assert_eq!(off(other, "20200101000000Z", now), Ok(false), "{other}");
        }
        let locked = raw(&[
            ("nsAccountLock", "TRUE"),
            ("krbPrincipalExpiration", "20991231235959Z"),
        ]);
        assert_eq!(
            is_off(&locked, Some("krbPrincipalExpiration"), now, Mark::Time),
            Ok(true)
        );
        // With another vendor it is nobody's end.
        let plain = raw(&[("krbPrincipalExpiration", "20200101000000Z")]);
        assert_eq!(is_off(&plain, None, now, Mark::Time), Ok(false));
    }

    #[test]
    fn a_moment_is_read_and_junk_is_none() {
        assert_eq!(Moment::read("16010101000000.0Z"), Some(Moment(0)));
        assert_eq!(
            Moment::read("19700101000001Z"),
            Some(Moment((BEFORE_UNIX + 1) * 10_000_000))
        );
        for junk in [
            "",
            "Z",
            "2026112208Z",
            "20261322080000Z",
            "20261122080000",
            "2026112208000éZ",
            "15001122080000Z",
            "20261122080000.xZ",
            "+0261122080000Z",
        ] {
            assert_eq!(Moment::read(junk), None, "{junk}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_back(seconds in 0_i64..250_000_000_000) {
            let moment = Moment(seconds * 10_000_000);
            prop_assert_eq!(Moment::read(&moment.written()), Some(moment));
        }
    }
}
