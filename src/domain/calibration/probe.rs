//! The three probes of a calibration, what each can find, and what the person's own statement adds.
//!
//! A statement is evidence *against* a provider and never for it: who says that nothing was asked refutes a provider
//! that states a new sign-in; who says that a password was typed proves nothing.

use serde::{Deserialize, Serialize};

use super::Worth;
use crate::reauth::Verdict;

/// What is tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Without force, from a browser that is signed in there already.
    Control,
    /// With force; the person does what the provider asks.
    Forced,
    /// With force; the person presses cancel at the provider.
    Cancelled,
}

impl Probe {
    /// All three, in the order they are made.
    pub const ALL: [Self; 3] = [Self::Control, Self::Forced, Self::Cancelled];

    /// The stable name in addresses and database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Forced => "forced",
            Self::Cancelled => "cancelled",
        }
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Control => "Control",
            Self::Forced => "Forced",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The probe with this stable name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|probe| probe.key() == key)
    }
}

/// What a person says about a probe: whether the provider asked them for anything (forced), or whether they pressed
/// cancel there (cancelled).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// What a probe found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Control: it repeated the old time.
    OldTime,
    /// Control: it stated "now" although nobody could type anything.
    AlwaysNow,
    /// It stated no time.
    NoTime,
    /// Forced: it states a sign-in after the question.
    NewTime,
    /// Forced: it states a sign-in after the question, although nobody was asked anything.
    Invented,
    /// Forced: it answered with the old sign-in.
    SentBack,
    /// Forced: signed in, but not with the context class that was asked for.
    Weak,
    /// Cancelled: it said that nobody signed in.
    CalledOff,
    /// Cancelled: a sign-in came back. Whether cancel was pressed is not known yet.
    WentOn,
    /// Cancelled: a sign-in came back although cancel was pressed.
    Ignored,
    /// It told nothing.
    Nothing,
}

/// How a finding speaks of the provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaks {
    /// As it should be.
    For,
    /// It cannot be relied on.
    Against,
    /// Neither.
    Neither,
}

impl Finding {
    /// What a control found.
    #[must_use]
    pub const fn of_control(worth: Worth) -> Self {
        match worth {
            Worth::Informative => Self::OldTime,
            Worth::Uninformative => Self::AlwaysNow,
            Worth::Silent => Self::NoTime,
            Worth::Unknown => Self::Nothing,
        }
    }

    /// What a forced question found: the verdict on it, and whether a time was stated.
    #[must_use]
    pub const fn of_forced(verdict: Verdict, states: bool) -> Self {
        match (verdict, states) {
            // Unprovable with a time: it is new, and not believed.
            (Verdict::Fresh | Verdict::Unprovable, true) => Self::NewTime,
            (Verdict::Unprovable | Verdict::Fresh, false) => Self::NoTime,
            (Verdict::Stale, _) => Self::SentBack,
            (Verdict::WeakContext, _) => Self::Weak,
            (Verdict::WrongUser | Verdict::Malformed | Verdict::Cancelled, _) => Self::Nothing,
        }
    }

    /// What a cancelled question found. Any sign-in that came back is one too many.
    #[must_use]
    pub const fn of_cancelled(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Cancelled => Self::CalledOff,
            Verdict::Malformed => Self::Nothing,
            Verdict::Fresh
            | Verdict::Stale
            | Verdict::Unprovable
            | Verdict::WrongUser
            | Verdict::WeakContext => Self::WentOn,
        }
    }

    /// The finding once the person told what happened at the provider.
    #[must_use]
    pub const fn told(self, said: Said) -> Self {
        match (self, said) {
            (Self::NewTime, Said::No) => Self::Invented,
            (Self::WentOn, Said::Yes) => Self::Ignored,
            (Self::WentOn, Said::No) => Self::Nothing,
            (found, _) => found,
        }
    }

    /// Whether nothing the provider states can be believed after this.
    #[must_use]
    pub const fn refutes(self) -> bool {
        matches!(self, Self::Invented | Self::Ignored)
    }

    /// Whether the person who made the probe is asked what happened there.
    #[must_use]
    pub const fn asks(self) -> bool {
        matches!(self, Self::NewTime | Self::WentOn)
    }

    /// How it speaks of the provider.
    #[must_use]
    pub const fn speaks(self) -> Speaks {
        match self {
            Self::OldTime | Self::NewTime | Self::CalledOff => Speaks::For,
            Self::AlwaysNow | Self::Invented | Self::Ignored | Self::SentBack => Speaks::Against,
            Self::NoTime | Self::Weak | Self::WentOn | Self::Nothing => Speaks::Neither,
        }
    }

    /// In a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::OldTime => "Without force it repeated the old time, as it should.",
            Self::AlwaysNow => "It stated “now” although nobody could type anything.",
            Self::NoTime => "It did not state when the person signed in.",
            Self::NewTime => "It states a new sign-in after the question.",
            Self::Invented => {
                "It stated a new sign-in although it asked nobody for anything: its times are invented."
            }
            Self::SentBack => "It sent the browser back with the old sign-in, without asking.",
            Self::Weak => "It did not state the context class that was asked for.",
            Self::CalledOff => "Cancelled, it said that nobody signed in, as it should.",
            Self::WentOn => "A sign-in came back.",
            Self::Ignored => "A sign-in came back although it was cancelled there.",
            Self::Nothing => "It told nothing.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: [Finding; 11] = [
        Finding::OldTime,
        Finding::AlwaysNow,
        Finding::NoTime,
        Finding::NewTime,
        Finding::Invented,
        Finding::SentBack,
        Finding::Weak,
        Finding::CalledOff,
        Finding::WentOn,
        Finding::Ignored,
        Finding::Nothing,
    ];

    #[test]
    fn w19_what_a_person_says_speaks_against_a_provider_and_never_for_it() {
        for found in FOUND {
            for said in [Said::Yes, Said::No] {
                let told = found.told(said);
                assert!(
                    told == found || told.speaks() != Speaks::For,
                    "{found:?} {said:?}"
                );
                assert!(!found.refutes() || told.refutes(), "{found:?} {said:?}");
            }
        }
        assert_eq!(Finding::NewTime.told(Said::Yes), Finding::NewTime);
        assert!(Finding::NewTime.told(Said::No).refutes());
        assert!(Finding::WentOn.told(Said::Yes).refutes());
        assert!(!Finding::WentOn.told(Said::No).refutes());
    }

    #[test]
    fn whatever_comes_back_after_cancel_but_an_error_is_one_sign_in_too_many() {
        for verdict in Verdict::ALL {
            let found = Finding::of_cancelled(verdict);
            assert_eq!(
                found.asks(),
                !matches!(verdict, Verdict::Cancelled | Verdict::Malformed),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn probes_and_findings_have_words_and_names() {
        for probe in Probe::ALL {
            assert_eq!(Probe::from_key(probe.key()), Some(probe));
            assert_eq!(serde_json::to_value(probe).unwrap(), probe.key());
        }
        assert!(FOUND.iter().all(|found| found.sentence().ends_with('.')));
        assert_eq!(Probe::from_key("Control"), None);
    }
}
