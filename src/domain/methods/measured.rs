//! What the methods do on this installation: measured figures beside the classic table, and what follows from them, in
//! sentences that name their figures. There is no score.

use chrono::{DateTime, Utc};

use super::Method;
use crate::number::grouped;

/// Days without a sign-in after which somebody made at sign-in may have left.
pub const UNSEEN_DAYS: i64 = 90;
/// Days after which a directory that is read counts as not confirmed for long.
pub const UNCONFIRMED_DAYS: i64 = 2;

/// One directory as it is measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// How accounts arrive in it.
    pub method: Method,
    /// Accounts in it.
    pub accounts: u64,
    /// Everybody here, in whatever directory.
    pub everybody: u64,
    /// When the source last confirmed any of them: its last complete reading, or the last sign-in.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Active people who may have left: how it is known depends on the method, see [`Measured::how_leavers_show`].
    pub leavers: Option<u64>,
    /// Groups that are in groups because it says so.
    pub nested: u64,
    /// The last reading or sync that came to its end.
    pub last: Option<Took>,
}

/// What a reading took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Took {
    /// Milliseconds from its beginning to its end.
    pub millis: u64,
    /// Pages and questions that the source answered.
    pub calls: u64,
}

impl Measured {
    /// How many of everybody it covers, in percent, rounded down; none without anybody.
    #[must_use]
    pub const fn coverage(&self) -> Option<u64> {
        match self.everybody {
            0 => None,
            all => Some(self.accounts.saturating_mul(100) / all),
        }
    }

    /// By what sign a leaver is known.
    #[must_use]
    pub const fn how_leavers_show(&self) -> &'static str {
        match self.method {
            Method::Manual => "Nobody says so: an admin has to know.",
            Method::Jit => "No sign-in for 90 days.",
            Method::Ldap | Method::Crowd | Method::ApiConnector | Method::Scim => {
                "The newest plan would take them out."
            }
        }
    }

    /// Whether something outside has to reach this server.
    #[must_use]
    pub const fn inbound(&self) -> &'static str {
        match self.method {
            Method::Manual => "None",
            Method::Jit => "None: the browser carries the answer",
            Method::Ldap | Method::Crowd | Method::ApiConnector => "None: this server asks",
            Method::Scim => "Yes: the provider calls this server",
        }
    }

    fn is_read(&self) -> bool {
        matches!(
            self.method,
            Method::Ldap | Method::Crowd | Method::ApiConnector
        )
    }
}

/// What to do about what is measured, the most pressing first; each sentence names the figures it rests on.
#[must_use]
pub fn advice(all: &[Measured], now: DateTime<Utc>) -> Vec<String> {
    let mut found = Vec::new();
    let read: Vec<&Measured> = all.iter().filter(|one| one.is_read()).collect();
    for one in all {
        found.extend(of_leavers(one, &read));
    }
    for one in &read {
        found.extend(of_age(one, now));
    }
    for one in all
        .iter()
        .filter(|one| one.method == Method::Manual && one.accounts > 0)
    {
        if !read.is_empty() && one.coverage().is_some_and(|percent| percent >= 20) {
            found.push(format!(
                "{} of {} people are kept by hand in {}. Nobody takes them out when they leave. Whom {} also has is refused there while the username is taken here: its plans name them.",
                grouped(one.accounts), grouped(one.everybody), one.name, read.first().map_or("a directory", |first| first.name.as_str()),
            ));
        }
    }
    if found.is_empty() {
        found.push(if read.is_empty() && all.iter().any(|one| one.method == Method::Jit) {
            "Nothing here shows that somebody has left. Accounts made at sign-in cannot tell it: only a directory that is read, or a provider that pushes, can.".to_owned()
        } else if all.iter().all(|one| one.accounts == 0) {
            "There are no accounts to measure yet.".to_owned()
        } else {
            "What is measured gives no reason to change a method.".to_owned()
        });
    }
    found
}

fn of_leavers(one: &Measured, read: &[&Measured]) -> Option<String> {
    let leavers = one.leavers.filter(|leavers| *leavers > 0)?;
    let (name, leavers) = (&one.name, grouped(leavers));
    Some(match (one.method, read.first()) {
        (Method::Jit, Some(source)) => format!(
            "{leavers} of {} people made at sign-in by {name} have not come in for {UNSEEN_DAYS} days and are still active. If {} has them, its sync shows who left; compare the two and let it take them over.",
            grouped(one.accounts),
            source.name,
        ),
        (Method::Jit, None) => format!(
            "{leavers} of {} people made at sign-in by {name} have not come in for {UNSEEN_DAYS} days and are still active. Nothing here can tell whether they left: look at them, or read a directory that knows.",
            grouped(one.accounts),
        ),
        _ => format!(
            "{leavers} people whom {name} no longer lets in are still active here. Look at its newest plan, and apply it."
        ),
    })
}

fn of_age(one: &Measured, now: DateTime<Utc>) -> Option<String> {
    let name = &one.name;
    match one.confirmed_at {
        None => Some(format!(
            "{name} has never been read as a whole: nothing in it is confirmed."
        )),
        Some(at) => {
            let days = (now - at).num_days();
            (days >= UNCONFIRMED_DAYS).then(|| {
                format!("{name} was last read as a whole {days} days ago. Until it is, nobody who left is seen.")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn one(name: &str, method: Method) -> Measured {
        Measured {
            name: name.to_owned(),
            method,
            accounts: 100,
            everybody: 200,
            confirmed_at: Some(now()),
            leavers: Some(0),
            nested: 0,
            last: None,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    #[test]
    fn leavers_made_at_sign_in_lead_to_the_directory_that_would_know() {
        let jit = Measured {
            leavers: Some(4),
            accounts: 31,
            ..one("Entra", Method::Jit)
        };
        let told = advice(&[jit.clone(), one("Corporate", Method::Ldap)], now());
        assert!(
            told[0].starts_with("4 of 31 people") && told[0].contains("Corporate"),
            "{told:?}"
        );
        let told = advice(&[jit], now());
        assert!(told[0].contains("Nothing here can tell"), "{told:?}");
    }

    #[test]
    fn a_directory_that_was_not_read_for_long_is_named() {
        let old = Measured {
            confirmed_at: Some(now() - TimeDelta::days(9)),
            ..one("Corporate", Method::Ldap)
        };
        let never = Measured {
            confirmed_at: None,
            ..one("Lab", Method::Ldap)
        };
        let told = advice(&[old, never], now());
        assert!(told[0].contains("9 days ago"), "{told:?}");
        assert!(
            told[1].contains("has never been read as a whole"),
            "{told:?}"
        );
    }

    #[test]
    fn without_a_finding_it_says_so_and_coverage_is_a_share_of_all() {
        let calm = one("Corporate", Method::Ldap);
        assert_eq!(calm.coverage(), Some(50));
        assert_eq!(
            advice(&[calm], now()),
            ["What is measured gives no reason to change a method."]
        );
        let nobody = Measured {
            accounts: 0,
            everybody: 0,
            ..one("Internal", Method::Manual)
        };
        assert_eq!(nobody.coverage(), None);
        assert_eq!(
            advice(&[nobody], now()),
            ["There are no accounts to measure yet."]
        );
    }
}
