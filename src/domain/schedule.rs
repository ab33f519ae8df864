//! When a directory is synced by itself: five cron fields (minute, hour, day of the month, month, day of the week) as
//! crontab(5) reads them, on the clocks of a time zone.
//!
//! Where clocks are put forward, a time of the day that does not exist comes at the next one that does, and what comes
//! every so many minutes goes on evenly; where they are put back, a fixed time of the day comes once.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::error::FieldError;
use crate::{Error, Kind};

/// The setting of a directory that says when it is synced; empty: only when somebody asks.
pub const SETTING: &str = "schedule";
/// The setting that says on whose clocks.
pub const ZONE: &str = "schedule_zone";
/// The zone when none is set.
pub const DEFAULT_ZONE: &str = "UTC";

/// A schedule that can be used.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: Tz,
}

impl Schedule {
    /// Reads one: cron fields, and the name of a time zone in the IANA database (`Europe/Berlin`; empty: UTC).
    ///
    /// # Errors
    /// What is wrong, beside its field: [`SETTING`] or [`ZONE`].
    pub fn parse(schedule: &str, zone: &str) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let zone = match zone.trim() {
            "" => DEFAULT_ZONE,
            zone => zone,
        };
        let zone: Option<Tz> = zone.parse().ok();
        if zone.is_none() {
            wrong.push(FieldError {
                field: ZONE.to_owned(),
                message: "There is no such time zone. Enter one like Europe/Berlin or UTC."
                    .to_owned(),
            });
        }
        let cron = five(schedule);
        if cron.is_none() {
            wrong.push(FieldError {
                field: SETTING.to_owned(),
                message: "Enter five fields: minute, hour, day of the month, month, day of the week. \
                          “*/15 * * * *” is every quarter of an hour, “0 3 * * *” every night at three."
                    .to_owned(),
            });
        }
        match (cron, zone) {
            (Some(cron), Some(zone)) => Ok(Self { cron, zone }),
            _ => Err(wrong),
        }
    }

    /// The first time behind `at`; none: never again.
    #[must_use]
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = at.with_timezone(&self.zone);
        loop {
            let next = self.cron.find_next_occurrence(&from, false).ok()?;
            let found = next.with_timezone(&Utc);
            if found > at {
                return Some(found);
            }
            from = from.checked_add_signed(TimeDelta::minutes(1))?;
        }
    }
}

/// Five fields and nothing else; a day that never comes is none.
fn five(schedule: &str) -> Option<Cron> {
    if schedule.split_whitespace().count() != 5 || schedule.len() > 200 {
        return None;
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(schedule).ok()?;
    cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false)
        .ok()?;
    Some(cron)
}

/// The first time behind `at` by a schedule as it is stored. None: it is not synced by itself.
///
/// # Errors
/// `RUN-005` when the schedule or its zone cannot be read.
pub fn next_after(
    schedule: &str,
    zone: &str,
    at: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Error> {
    if schedule.trim().is_empty() {
        return Ok(None);
    }
    let parsed = Schedule::parse(schedule, zone).map_err(|fields| {
        let mut error = Error::new("RUN-005", Kind::Invalid, "The schedule cannot be read.")
            .next("Correct it in the directory's settings.");
        error.fields = fields;
        error
    })?;
    Ok(parsed.next_after(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// So many times in a row, as clocks in the zone show them.
    fn times(schedule: &str, zone: &str, from: &str, many: usize) -> Vec<String> {
        let zoned: Tz = zone.parse().unwrap();
        let mut now = at(from);
        let mut seen = Vec::new();
        for _ in 0..many {
            now = next_after(schedule, zone, now).unwrap().unwrap();
            seen.push(now.with_timezone(&zoned).format("%d %H:%M %Z").to_string());
        }
        seen
    }

    #[test]
    fn r16_a_time_that_is_skipped_by_the_clocks_comes_right_after_them() {
        // Berlin, 2026-03-29: 02:00 CET becomes 03:00 CEST.
        let nights = times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
        assert_eq!(nights, ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]);
        let quarters = times("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 4);
        assert_eq!(
            quarters,
            [
                "29 01:30 CET",
                "29 03:00 CEST",
                "29 03:30 CEST",
                "29 04:00 CEST"
            ]
        );
    }

    #[test]
    fn r16_a_time_that_comes_twice_counts_once() {
        // Berlin, 2026-10-25: 03:00 CEST becomes 02:00 CET.
        let nights = times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
        assert_eq!(nights, ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"]);
        let every = times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", 4);
        assert_eq!(
            every,
            [
                "25 02:30 CEST",
                "25 02:00 CET",
                "25 02:30 CET",
                "25 03:00 CET"
            ]
        );
    }

    #[test]
    fn r16_over_two_years_of_changing_clocks_no_night_is_left_out_or_doubled() {
        for zone in [
            "Europe/Berlin",
            "America/New_York",
            "Australia/Lord_Howe",
            "UTC",
        ] {
            let zoned: Tz = zone.parse().unwrap();
            for hour in 0..4 {
                let mut now = at("2026-01-01T12:00:00Z");
                let mut day = now.with_timezone(&zoned).date_naive();
                for _ in 0..730 {
                    let schedule = format!("15 {hour} * * *");
                    let next = next_after(&schedule, zone, now).unwrap().unwrap();
                    assert!(next > now);
                    let next_day = next.with_timezone(&zoned).date_naive();
                    assert_eq!(
                        next_day,
                        day.succ_opt().unwrap(),
                        "{zone} {hour} after {now}"
                    );
                    (now, day) = (next, next_day);
                }
            }
        }
    }

    #[test]
    fn the_next_time_lies_behind_now_and_missed_ones_are_not_counted_out() {
        let due = next_after("0 3 * * *", "", at("2026-05-01T03:00:00Z")).unwrap();
        assert_eq!(due, Some(at("2026-05-02T03:00:00Z")));
        let late = next_after("0 3 * * *", "UTC", at("2026-05-20T17:11:00Z")).unwrap();
        assert_eq!(late, Some(at("2026-05-21T03:00:00Z")));
        assert_eq!(
            next_after("  ", "UTC", at("2026-05-01T03:00:00Z")).unwrap(),
            None
        );
    }

    #[test]
    fn what_cannot_be_a_schedule_is_told_beside_its_field() {
        for wrong in [
            "",
            "* * * *",
            "* * * * * *",
            "61 * * * *",
            "@daily",
            "a b c d e",
            "0 0 31 2 *",
        ] {
            let told = Schedule::parse(wrong, "UTC").unwrap_err();
            assert_eq!(
                told.iter()
                    .map(|one| one.field.as_str())
                    .collect::<Vec<_>>(),
                [SETTING],
                "{wrong}"
            );
        }
        let told = Schedule::parse("0 3 * * *", "Mars/Base").unwrap_err();
        assert_eq!(told.first().map(|one| one.field.as_str()), Some(ZONE));
        assert_eq!(
            next_after("x", "UTC", at("2026-05-01T03:00:00Z"))
                .unwrap_err()
                .code,
            "RUN-005"
        );
    }
}
