//! On what terms a directory is synced: the part of its settings that every kind has.
//!
//! They stand in the same values as the kind's own and in the same form. What cannot be read counts as its default, which
//! is the careful one.

mod form;
mod switched;

use std::time::Duration;

use chrono::TimeDelta;
use muster_domain::error::FieldError;
use muster_domain::guard::{Guard, Limit};
use muster_domain::name;
use muster_domain::plan::{Adopt, Leavers, Revival};
use muster_domain::reading::Often;
use muster_domain::schedule::{self, Schedule};
use muster_domain::settings::Values;
use muster_domain::shadow;
use muster_storage::directories::Directory;

pub use form::{is_term, sections};
pub(crate) use switched::{OFF, is_on, off};

/// Whether its people sign in here with its passwords.
pub const SIGN_IN: &str = "sign_in";
/// Whether its people are brought up to date when they sign in.
const AT_SIGN_IN: &str = "at_sign_in";
/// How long it may take to say who they are, in seconds.
const AT_SIGN_IN_SECONDS: &str = "at_sign_in_seconds";

/// The terms of one directory, as they are set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// What happens with leavers.
    pub leavers: Leavers,
    /// Whom it may bring back.
    pub revival: Revival,
    /// How much may go by itself.
    pub guard: Guard,
    /// Usernames it may not touch: whole, or beginnings that end in `*`.
    pub protected_users: Vec<String>,
    /// Groups it may not touch: whole names, or beginnings that end in `*`.
    pub protected_groups: Vec<String>,
    /// How often everything is read, and how often it is looked who is there.
    pub often: Often,
    /// The directory whose place it takes by the plan that is made; no setting says so.
    pub adopt: Option<Adopt>,
}

impl Rules {
    /// Whether somebody chose that this person is not touched.
    #[must_use]
    pub fn protects_user(&self, username: &str) -> bool {
        is_among(&self.protected_users, username)
    }

    /// Whether somebody chose that this group is not touched.
    #[must_use]
    pub fn protects_group(&self, group: &str) -> bool {
        is_among(&self.protected_groups, group)
    }
}

fn is_among(patterns: &[String], wanted: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| name::matches_pattern(pattern, wanted))
}

/// Reads the terms out of a directory's settings.
#[must_use]
pub fn of(directory: &Directory) -> Rules {
    read(&directory.settings)
}

/// Reads the terms out of values.
#[must_use]
pub fn read(values: &Values) -> Rules {
    let lines = |key: &str| lines(values, key);
    let leavers = match get(values, "leavers") {
        "delete" => Leavers::Delete,
        "keep" => Leavers::Keep,
        "leave_groups" => Leavers::LeaveGroups {
            except: lines("leavers_except"),
        },
        _ => Leavers::Deactivate,
    };
    let revival = match get(values, "revival") {
        "everybody" => Revival::Everybody,
        _ => Revival::OwnOnly,
    };
    let usual = Guard::default();
    Rules {
        leavers,
        revival,
        guard: Guard {
            people: limit(values, "people", usual.people),
            memberships: limit(values, "memberships", usual.memberships),
            groups: limit(values, "groups", usual.groups),
        },
        protected_users: lines("protected_users"),
        protected_groups: lines("protected_groups"),
        often: often(values),
        adopt: None,
    }
}

fn often(values: &Values) -> Often {
    let hours = |key: &str, usual: TimeDelta| {
        let hours = get(values, key).parse::<u32>().ok();
        hours.map_or(usual, |hours| TimeDelta::hours(hours.max(1).into()))
    };
    let usual = Often::default();
    Often {
        whole: hours("whole_hours", usual.whole),
        census: hours("census_hours", usual.census),
    }
}

/// Whether people of this directory sign in here with its passwords. Of one in shadow nobody does.
#[must_use]
pub fn signs_in(values: &Values) -> bool {
    would_sign_in(values) && !in_shadow(values)
}

/// Whether they do once it is active.
#[must_use]
pub fn would_sign_in(values: &Values) -> bool {
    get(values, SIGN_IN) == "on"
}

/// Whether it is in shadow: it is read, and nothing it says is carried out.
#[must_use]
pub fn in_shadow(values: &Values) -> bool {
    shadow::is_on(values)
}

/// How long a directory is waited for that brings people up to date when they sign in; none: it does not.
#[must_use]
pub fn at_sign_in(values: &Values) -> Option<Duration> {
    let seconds = get(values, AT_SIGN_IN_SECONDS).parse::<u64>();
    let seconds = seconds.ok().filter(|seconds| (1..=10).contains(seconds));
    (get(values, AT_SIGN_IN) == "on").then(|| Duration::from_secs(seconds.unwrap_or(2)))
}

fn get<'a>(values: &'a Values, key: &str) -> &'a str {
    values.get(key).map_or("", |value| value.trim())
}

fn lines(values: &Values, key: &str) -> Vec<String> {
    get(values, key)
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn limit(values: &Values, kind: &str, usual: Limit) -> Limit {
    let number = |part: &str| {
        get(values, &format!("guard_{kind}_{part}"))
            .parse::<u64>()
            .ok()
    };
    Limit {
        count: number("count").unwrap_or(usual.count),
        percent: number("percent")
            .and_then(|percent| u8::try_from(percent.min(100)).ok())
            .unwrap_or(usual.percent),
        few: number("few").unwrap_or(usual.few),
    }
}

/// What a form cannot say by its fields alone.
#[must_use]
pub fn problems(values: &Values) -> Vec<FieldError> {
    let mut problems = Vec::new();
    for key in ["protected_users", "protected_groups", "leavers_except"] {
        let all = lines(values, key);
        let is_wrong = |pattern: &String| pattern.trim_end_matches('*').contains('*');
        if let Some(wrong) = all.iter().find(|pattern| is_wrong(pattern)) {
            problems.push(FieldError {
                field: key.to_owned(),
                message: format!("In “{wrong}” a star stands elsewhere than at the end. Write whole names, or beginnings that end in *."),
            });
        }
    }
    let (when, zone) = (get(values, schedule::SETTING), get(values, schedule::ZONE));
    // The zone of no schedule is looked at as well: it would be wrong later.
    let asked = if when.is_empty() { "0 0 * * *" } else { when };
    problems.extend(Schedule::parse(asked, zone).err().into_iter().flatten());
    problems
}

#[cfg(test)]
mod tests {
    use muster_domain::settings::SettingsSchema;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn nothing_said_and_the_form_untouched_mean_the_same_terms() {
        let schema = SettingsSchema {
            sections: sections(),
        };
        let filled = schema.check(&Values::new(), &[]).unwrap();
        assert_eq!(read(&filled), Rules::default());
        assert_eq!(read(&Values::new()), Rules::default());
        assert!(!signs_in(&filled));
    }

    #[test]
    fn terms_are_read_as_they_are_typed() {
        let typed = values(&[
            ("leavers", "leave_groups"),
            ("leavers_except", "VPN\n\n staff-* \n"),
            ("revival", "everybody"),
            ("guard_people_count", "7"),
            ("guard_people_percent", "0"),
            ("protected_users", "Root\nsvc-*"),
        ]);
        let rules = read(&typed);
        assert_eq!(
            rules.leavers,
            Leavers::LeaveGroups {
                except: vec!["VPN".to_owned(), "staff-*".to_owned()]
            }
        );
        assert_eq!(rules.revival, Revival::Everybody);
        assert_eq!(
            rules.guard.people,
            Limit {
                count: 7,
                percent: 0,
                few: 2
            }
        );
        assert_eq!(rules.guard.groups, Guard::default().groups);
        assert!(rules.protects_user("ROOT") && rules.protects_user("SVC-backup"));
        assert!(!rules.protects_user("rooter") && !rules.protects_group("root"));
        let typed = values(&[("protected_groups", "ops *\n   ")]);
        let rules = read(&typed);
        assert!(rules.protects_group("Ops  Berlin"));
        assert!(
            !rules.protects_group("opsec"),
            "the blank before the star is part of it"
        );
    }

    #[test]
    fn a_star_in_the_middle_is_refused() {
        assert!(problems(&values(&[("protected_users", "a*\nb")])).is_empty());
        let wrong = problems(&values(&[("protected_groups", "a*b")]));
        assert_eq!(wrong[0].field, "protected_groups");
        let wrong = problems(&values(&[("schedule", "often"), ("schedule_zone", "Mars")]));
        let fields: Vec<_> = wrong.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["schedule_zone", "schedule"]);
    }
}
