//! On what terms a directory is synced: the part of its settings that every kind has.
//!
//! They stand in the same values as the kind's own and in the same form. What cannot be read counts as its default, which
//! is the careful one.

mod switched;

use std::time::Duration;

use chrono::TimeDelta;
use muster_domain::error::FieldError;
use muster_domain::guard::{Guard, Limit};
use muster_domain::name;
use muster_domain::plan::{Leavers, Revival};
use muster_domain::reading::Often;
use muster_domain::schedule::{self, Schedule};
use muster_domain::settings::{Field, Input, Need, Section, Shown, Values};
use muster_storage::directories::Directory;

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

/// Whether people of this directory sign in here with its passwords.
#[must_use]
pub fn signs_in(values: &Values) -> bool {
    get(values, SIGN_IN) == "on"
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

/// Every field of the terms.
#[must_use]
pub fn sections() -> Vec<Section> {
    vec![
        people_who_leave(),
        guarded(),
        protection(),
        times(),
        sign_in(),
    ]
}

/// Whether a setting is one of the terms.
#[must_use]
pub fn is_term(key: &str) -> bool {
    sections()
        .iter()
        .any(|section| section.fields.iter().any(|field| field.key == key))
}

const fn field(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    input: Input,
    default: &'static str,
) -> Field {
    Field {
        key,
        label,
        help,
        input,
        need: Need::Optional,
        default,
    }
}

fn people_who_leave() -> Section {
    let leavers = vec![
        ("deactivate", "They are deactivated"),
        (
            "delete",
            "They are deleted, unless another directory has them",
        ),
        (
            "leave_groups",
            "They stay, and leave the groups of this directory",
        ),
        ("keep", "Nothing"),
    ];
    let revival = vec![
        ("own_only", "Only whom this directory deactivated itself"),
        ("everybody", "Everybody, whoever deactivated them"),
    ];
    Section {
        title: "People who leave and come back",
        help: "Who is no longer in the directory, or is left out by a filter, leaves.",
        shown: Shown::Open,
        fields: vec![
            field(
                "leavers",
                "What happens with people who leave",
                "",
                Input::Choice(leavers),
                "deactivate",
            ),
            field(
                "leavers_except",
                "Groups they stay in",
                "Only for people who stay and leave groups: one a line, whole names or beginnings that end in *.",
                Input::Lines,
                "",
            ),
            field(
                "revival",
                "Whom it may let in again",
                "Who was deactivated here or by another directory stays out, unless you say otherwise.",
                Input::Choice(revival),
                "own_only",
            ),
        ],
    }
}

fn guarded() -> Section {
    let number = |key, label, help, max, default| {
        field(key, label, help, Input::Number { min: 0, max }, default)
    };
    Section {
        title: "How much may go before somebody looks",
        help: "A directory that fails looks like one from which everybody left. When more would go, the sync waits until a person has looked at its plan and approved it. What went in the last 24 hours counts too.",
        shown: Shown::Folded,
        fields: vec![
            number(
                "guard_people_count",
                "People, at most",
                "Who is deactivated or deleted, or loses an account.",
                10_000_000,
                "100",
            ),
            number(
                "guard_people_percent",
                "and of all people at most, in percent",
                "",
                100,
                "10",
            ),
            number(
                "guard_people_few",
                "So few people always may",
                "In a directory of three, one is a third.",
                1000,
                "2",
            ),
            number(
                "guard_memberships_count",
                "Memberships, at most",
                "",
                10_000_000,
                "5000",
            ),
            number(
                "guard_memberships_percent",
                "and of all memberships at most, in percent",
                "",
                100,
                "20",
            ),
            number(
                "guard_memberships_few",
                "So few memberships always may",
                "",
                1000,
                "10",
            ),
            number(
                "guard_groups_count",
                "Groups, at most",
                "",
                10_000_000,
                "20",
            ),
            number(
                "guard_groups_percent",
                "and of all groups at most, in percent",
                "",
                100,
                "20",
            ),
            number(
                "guard_groups_few",
                "So few groups always may",
                "",
                1000,
                "1",
            ),
        ],
    }
}

fn protection() -> Section {
    Section {
        title: "Whom it may not touch",
        help: "Whoever holds a role here and break-glass accounts are protected anyway. These are, too: one a line, whole names or beginnings that end in *. Nobody gets such a name from it, either.",
        shown: Shown::Folded,
        fields: vec![
            field("protected_users", "Usernames", "", Input::Lines, ""),
            field("protected_groups", "Groups", "", Input::Lines, ""),
        ],
    }
}

fn times() -> Section {
    Section {
        title: "When it is synced by itself",
        help: "",
        shown: Shown::Open,
        fields: vec![
            field(
                schedule::SETTING,
                "Schedule",
                "Minute, hour, day of the month, month, day of the week, as in cron: “0 * * * *” is every hour, “30 5 * * 1-5” at 5:30 from Monday to Friday. Empty: only when somebody asks.",
                Input::Text,
                "",
            ),
            field(
                schedule::ZONE,
                "Time zone",
                "In which the schedule counts, such as Europe/Warsaw. Empty: UTC.",
                Input::Text,
                "",
            ),
            field(
                "census_hours",
                "Hours until it is looked who is still there",
                "Between, a sync reads only what changed, where the server can tell.",
                Input::Number { min: 1, max: 744 },
                "6",
            ),
            field(
                "whole_hours",
                "Hours until everything is read again",
                "It also puts right what was changed here by hand.",
                Input::Number { min: 1, max: 744 },
                "24",
            ),
        ],
    }
}

fn sign_in() -> Section {
    Section {
        title: "Signing in",
        help: "Switching this on, and changing anything about the connection while it is on, takes the right to grant roles: whoever answers for passwords decides who is who.",
        shown: Shown::Open,
        fields: vec![
            field(
                SIGN_IN,
                "Its people sign in here with their password of this directory",
                "The directory is asked each time; the password is not kept. Accounts of the internal directory and break-glass accounts are never asked for there.",
                Input::Switch,
                "",
            ),
            field(
                AT_SIGN_IN,
                "Bring a person up to date when they sign in",
                "Whichever way they sign in. Whoever is switched off over there stays out.",
                Input::Switch,
                "",
            ),
            field(
                AT_SIGN_IN_SECONDS,
                "Seconds it may take",
                "A directory that does not answer in time keeps nobody out; the record of the sign-in says so.",
                Input::Number { min: 1, max: 10 },
                "2",
            ),
        ],
    }
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
