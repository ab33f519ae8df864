//! The terms of a sync as the form of a directory asks for them, whatever its kind.

use muster_domain::schedule;
use muster_domain::settings::{Field, Input, Need, Section, Shown};
use muster_domain::shadow;

use super::{AT_SIGN_IN, AT_SIGN_IN_SECONDS, SIGN_IN};

/// Every field of the terms.
#[must_use]
pub fn sections() -> Vec<Section> {
    vec![
        people_who_leave(),
        guarded(),
        protection(),
        times(),
        sign_in(),
        in_the_shadow(),
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

fn in_the_shadow() -> Section {
    Section {
        title: "Shadow",
        help: "A directory in shadow is read like any other, and nothing it says is carried out; nobody signs in through it. It is set beside the directory whose place it shall take, and takes it by one plan that you approve.",
        shown: Shown::Open,
        fields: vec![field(
            shadow::SETTING,
            "It runs in shadow",
            "",
            Input::Switch,
            "",
        )],
    }
}
