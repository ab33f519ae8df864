//! How much of a source is read: everything, or what changed since a reading that is still good to go on from.
//!
//! Readings of changes are cheap and frequent, and blind to whoever is deleted, leaves the base or came into it with a whole
//! unit. So now and then it is looked who is there (a census), and once in a while everything is read. Whatever changes what
//! a reading means (settings, mapping, terms, the order of directories) makes everything due.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How much is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Everything. Who is not among it is gone, if it is complete.
    Whole,
    /// What changed since.
    Changes,
    /// What changed since, and who is there. Nobody goes by that alone: where it shows somebody missing, everything is read.
    Census,
    /// One person. Nobody goes by that.
    Person,
}

/// Why everything is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Somebody asked for a plan of everything.
    Asked,
    /// No reading is good to go on from: none ended well, or the source tells no changes.
    NoStart,
    /// Something changed that decides what a reading means.
    OtherTerms,
    /// Everything was read last too long ago.
    Due,
    /// The source cannot say what changed since.
    CannotTell,
    /// Who is there is not who was there.
    OthersAreThere,
    /// Somebody came or came back who may be in groups that did not change.
    CameBack,
    /// Somebody is left out by a filter now.
    LeftOut,
    /// Whether somebody left a group shows when all are read.
    LeftAGroup,
    /// A record was refused before because of another, which may have changed.
    Unsettled,
}

impl Because {
    /// Why, behind a colon.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Asked => "a plan is about everybody",
            Self::NoStart => "there is no earlier reading to go on from",
            Self::OtherTerms => "settings or mapping changed since",
            Self::Due => "it was due",
            Self::CannotTell => "the source cannot say what changed since",
            Self::OthersAreThere => "somebody came or is missing",
            Self::CameBack => "somebody came back who may be in groups",
            Self::LeftOut => "a filter leaves somebody out now",
            Self::LeftAGroup => "somebody may have left a group",
            Self::Unsettled => "records were refused before that may be taken now",
        }
    }
}

/// What was read in a run, for people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// How much.
    pub reading: Reading,
    /// Since when, for changes.
    pub since: Option<DateTime<Utc>>,
    /// Why everything.
    pub because: Option<Because>,
}

impl Told {
    /// Everything, for this reason.
    #[must_use]
    pub const fn whole(because: Because) -> Self {
        Self {
            reading: Reading::Whole,
            since: None,
            because: Some(because),
        }
    }

    /// What was read, in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let since = self
            .since
            .map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string())
            .unwrap_or_default();
        match (self.reading, self.because) {
            (Reading::Whole, Some(because)) => format!("Read everything: {}.", because.words()),
            (Reading::Whole, None) => "Read everything.".to_owned(),
            (Reading::Changes, _) => format!("Read what changed since {since}."),
            (Reading::Census, _) => {
                format!("Read what changed since {since}, and looked who is still there.")
            }
            (Reading::Person, _) => {
                "Read one person. Who is in which group is left to the next sync of everybody."
                    .to_owned()
            }
        }
    }
}

/// What is known of the reading that is gone on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// When it began.
    pub at: DateTime<Utc>,
    /// When everything was read last.
    pub whole_at: DateTime<Utc>,
    /// When it was looked last who is there.
    pub census_at: DateTime<Utc>,
    /// Whether it was read on the same terms.
    pub is_on_these_terms: bool,
    /// Whether people or groups came by changes alone since everything was read: others may have pointed to them before.
    pub has_newcomers: bool,
}

/// How often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Often {
    /// Everything is read again after so long.
    pub whole: TimeDelta,
    /// It is looked who is there after so long.
    pub census: TimeDelta,
}

impl Default for Often {
    fn default() -> Self {
        Self {
            whole: TimeDelta::hours(24),
            census: TimeDelta::hours(6),
        }
    }
}

/// Decides how much is read now. `census_is_whole`: this source has no shorter way to say who is there.
#[must_use]
pub fn decide(
    start: Option<&Start>,
    often: Often,
    census_is_whole: bool,
    now: DateTime<Utc>,
) -> Told {
    let Some(start) = start else {
        return Told::whole(Because::NoStart);
    };
    if !start.is_on_these_terms {
        return Told::whole(Because::OtherTerms);
    }
    // A clock that was set back makes everything due rather than nothing.
    let is_due = |last: DateTime<Utc>, often: TimeDelta| last > now || now - last >= often;
    if is_due(start.whole_at, often.whole) {
        return Told::whole(Because::Due);
    }
    let census = is_due(start.census_at, often.census);
    if census && (census_is_whole || start.has_newcomers) {
        return Told::whole(Because::Due);
    }
    Told {
        reading: match census {
            true => Reading::Census,
            false => Reading::Changes,
        },
        since: Some(start.at),
        because: None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn start(whole: i64, census: i64) -> Start {
        Start {
            at: at(census),
            whole_at: at(whole),
            census_at: at(census),
            is_on_these_terms: true,
            has_newcomers: false,
        }
    }

    #[test]
    fn ages_decide_and_ages_alone() {
        let how = |start: &Start| decide(Some(start), Often::default(), false, at(0));
        assert_eq!(how(&start(-60, -60)).reading, Reading::Changes);
        assert_eq!(how(&start(-361, -360)).reading, Reading::Census);
        assert_eq!(how(&start(-24 * 60, -1)), Told::whole(Because::Due));
        assert_eq!(how(&start(1, 1)), Told::whole(Because::Due), "set back");
        assert_eq!(
            decide(None, Often::default(), false, at(0)),
            Told::whole(Because::NoStart)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_older_than_it_may_be_and_other_terms_read_everything(
            whole in -3_000_i64..100, census in -3_000_i64..100, same: bool, newcomers: bool, dear: bool,
            every_whole in 1_i64..3_000, every_census in 1_i64..3_000,
        ) {
            let start = Start { is_on_these_terms: same, has_newcomers: newcomers, ..start(whole, census) };
            let often = Often { whole: TimeDelta::minutes(every_whole), census: TimeDelta::minutes(every_census) };
            let told = decide(Some(&start), often, dear, at(0));
            if told.reading != Reading::Whole {
                prop_assert!(same);
                prop_assert!(whole <= 0 && -whole < every_whole);
                prop_assert_eq!(told.since, Some(start.at));
            }
            if told.reading == Reading::Changes {
                prop_assert!(census <= 0 && -census < every_census);
            }
            if told.reading == Reading::Census {
                prop_assert!(!dear && !newcomers);
            }
            prop_assert!(told.reading != Reading::Person && !told.words().is_empty());
            prop_assert_eq!(told.because.is_some(), told.reading == Reading::Whole);
        }
    }
}
