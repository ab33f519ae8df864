//! What needs attention, decided from plain facts.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::calibration::{STALE_DAYS, Watched, Worth};
use muster_domain::id::ProviderId;
use muster_domain::protocol::Level;
use muster_domain::provider::Provider;
use url::{Host, Url};

use super::syncs;
use crate::break_glass::{Account, Use};

/// One thing that needs attention, with the way to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attention {
    /// How serious it is.
    pub level: Level,
    /// What is the matter, in one sentence.
    pub text: String,
    /// What to do, as the words of a link.
    pub next: String,
    /// Where the link leads.
    pub href: String,
}

/// What is known about this installation.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Now.
    pub now: DateTime<Utc>,
    /// Every identity provider.
    pub providers: Vec<Provider>,
    /// What the ordinary sign-ins through those that are on tell.
    pub watched: BTreeMap<ProviderId, Watched>,
    /// Superadmins who may sign in.
    pub superadmins: usize,
    /// Break-glass accounts that may sign in.
    pub break_glass: usize,
    /// Active people made at sign-in whom nobody has seen for [`UNSEEN_DAYS`] days.
    pub unseen: u64,
    /// Uses of break-glass accounts that nobody has taken note of, newest first.
    pub break_glass_uses: Vec<Use>,
    /// Break-glass accounts that nobody has tried for [`crate::break_glass::DRILL_DAYS`] days.
    pub untried: Vec<Account>,
    /// When the audit chain was last verified, and whether it held.
    pub verified: Option<(DateTime<Utc>, bool)>,
    /// Passkeys of which there may be a copy.
    pub copied_passkeys: u64,
    /// The address people use.
    pub public_url: Option<Url>,
    /// The title and address of the first setup step that is left, and how many are left.
    pub setup_left: Option<(String, String, usize)>,
    /// Directories of which something waits, failed or is old.
    pub syncs: Vec<syncs::Sync>,
}

/// Days after which a person made at sign-in counts as unseen.
pub const UNSEEN_DAYS: i64 = 90;

/// Days after which the audit chain should be verified again.
pub const VERIFY_DAYS: i64 = 7;

/// Everything that needs attention, the most serious first.
#[must_use]
pub fn attention(facts: &Facts) -> Vec<Attention> {
    let mut found: Vec<Attention> = Vec::new();
    let of = |provider: &Provider| of_provider(facts, provider);
    found.extend(facts.providers.iter().flat_map(of));
    found.extend(facts.syncs.iter().flat_map(syncs::attention));
    found.extend(of_people(facts));
    found.extend(of_uses(facts));
    found.extend(of_passkeys(facts.copied_passkeys));
    found.extend(of_chain(facts));
    found.extend(facts.public_url.as_ref().and_then(of_url));
    if facts.providers.is_empty() {
        found.push(item(
            Level::Note,
            "No identity provider is connected.",
            "Connect one",
            "/providers/new",
        ));
    }
    if let Some((title, href, left)) = &facts.setup_left {
        let steps = if *left == 1 {
            "One setup step is".to_owned()
        } else {
            format!("{left} setup steps are")
        };
        found.push(item(
            Level::Note,
            format!("{steps} left. Next: {title}."),
            "Go on",
            href.clone(),
        ));
    }
    found.sort_by_key(|item| std::cmp::Reverse(item.level));
    found
}

pub(super) fn item(
    level: Level,
    text: impl Into<String>,
    next: impl Into<String>,
    href: impl Into<String>,
) -> Attention {
    Attention {
        level,
        text: text.into(),
        next: next.into(),
        href: href.into(),
    }
}

fn of_provider(facts: &Facts, provider: &Provider) -> Vec<Attention> {
    let name = &provider.name;
    let href = format!("/providers/{}", provider.slug);
    let mut found = Vec::new();
    if !provider.enabled {
        found.push(item(
            Level::Note,
            format!("{name} is off: nobody can sign in through it."),
            "Look at it",
            href.clone(),
        ));
        return found;
    }
    let watched = facts.watched.get(&provider.id);
    let calibration = &provider.calibration;
    let probes = format!("{href}/calibration");
    let contradicted = watched.is_some_and(|watched| watched.contradiction.is_some());
    match calibration.standing() {
        _ if calibration.refuted.is_some() => found.push(item(
            Level::Caution,
            format!("A test showed that nothing {name} states can be believed. It cannot prove presence."),
            "See what it showed",
            probes,
        )),
        _ if contradicted => found.push(item(
            Level::Caution,
            format!("Sign-ins through {name} contradict its calibration. Until it is made again, it cannot prove presence."),
            "Make the control again",
            probes,
        )),
        Worth::Informative if calibration.is_stale(facts.now) => found.push(item(
            Level::Note,
            format!("Nobody tested what the times of {name} are worth for {STALE_DAYS} days."),
            "Make the control again",
            probes,
        )),
        Worth::Unknown if calibration.since.is_some() => found.push(item(
            Level::Caution,
            format!("How {name} is asked was changed. What its times are worth has to be tested again."),
            "Calibrate it",
            probes,
        )),
        Worth::Unknown => found.push(item(
            Level::Caution,
            format!("Nobody has tested what the times of {name} are worth."),
            "Re-authenticate with SSO",
            href.clone(),
        )),
        Worth::Uninformative => found.push(item(
            Level::Caution,
            format!("{name} states a new sign-in time although nobody signed in. It cannot prove presence."),
            "See the test",
            href.clone(),
        )),
        Worth::Silent => found.push(item(
            Level::Caution,
            format!("{name} does not state when people signed in. It cannot prove presence."),
            "See the test",
            href.clone(),
        )),
        Worth::Informative => {}
    }
    let measured = watched.and_then(|watched| watched.measured);
    if let Some(ahead) = measured
        .map(|measured| measured.ahead_ms)
        .or(calibration.clock_ahead_ms)
        .filter(|ms| ms.abs() > 30_000)
    {
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        found.push(item(
            Level::Caution,
            format!(
                "The clock of {name} is {} s {direction} ours.",
                ahead.abs() / 1000
            ),
            "Look at it",
            href,
        ));
    }
    found
}

fn of_people(facts: &Facts) -> Vec<Attention> {
    let mut found = Vec::new();
    match facts.superadmins {
        0 => found.push(item(
            Level::Problem,
            "No superadmin may sign in.",
            "Grant the role",
            "/roles",
        )),
        1 => found.push(item(
            Level::Caution,
            "There is only one superadmin. If they lose access, nobody can grant roles.",
            "Grant the role to a second person",
            "/roles",
        )),
        _ => {}
    }
    if facts.break_glass == 0 {
        found.push(item(
            Level::Caution,
            "There is no break-glass account. When every identity provider is down, nobody gets in.",
            "Choose one",
            "/users",
        ));
    }
    if facts.unseen > 0 {
        let people = if facts.unseen == 1 {
            "One person".to_owned()
        } else {
            format!("{} people", facts.unseen)
        };
        found.push(item(
            Level::Note,
            format!("{people} created at sign-in did not come back for {UNSEEN_DAYS} days. They may have left."),
            "Look at them",
            "/users?state=active&sort=last_sign_in",
        ));
    }
    found
}

fn of_uses(facts: &Facts) -> Vec<Attention> {
    const WHERE: &str = "/security/signin#break-glass";
    let used = facts.break_glass_uses.first().map(|newest| {
        let why = match &newest.reason {
            Some(reason) if newest.is_drill => format!("to try whether it works: {reason}"),
            Some(reason) => format!("for: {reason}"),
            None => "and nobody has said what for".to_owned(),
        };
        let name = &newest.username;
        let words = match facts.break_glass_uses.len() {
            1 => format!("The break-glass account {name} was used {why}"),
            many => {
                format!("Break-glass accounts were used {many} times, the last time {name}, {why}")
            }
        };
        item(Level::Problem, words, "Take note of it", WHERE)
    });
    let untried = facts.untried.iter().map(|account| {
        let days = (facts.now - account.worked_at).num_days();
        item(
            Level::Caution,
            format!(
                "Nobody has tried the break-glass account {} for {days} days. Whether it still works is not known.",
                account.username
            ),
            "Test it now",
            WHERE,
        )
    });
    used.into_iter().chain(untried).collect()
}

fn of_passkeys(copied: u64) -> Option<Attention> {
    let words = match copied {
        0 => return None,
        1 => "There may be a copy of a passkey.".to_owned(),
        many => format!("There may be copies of {many} passkeys."),
    };
    Some(item(
        Level::Problem,
        format!("{words} They are not accepted any more."),
        "See whose",
        "/activity?action=factor.suspected",
    ))
}

fn of_chain(facts: &Facts) -> Option<Attention> {
    match facts.verified {
        Some((_, false)) => Some(item(
            Level::Problem,
            "The audit log was changed after it was written.",
            "See where",
            "/activity",
        )),
        Some((at, true)) if facts.now - at < TimeDelta::days(VERIFY_DAYS) => None,
        _ => Some(item(
            Level::Note,
            format!("Nobody verified the audit log in the last {VERIFY_DAYS} days."),
            "Verify it",
            "/activity",
        )),
    }
}

/// Plain http is fine on this very machine and nowhere else.
fn of_url(url: &Url) -> Option<Attention> {
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    (url.scheme() != "https" && !is_local).then(|| {
        item(
            Level::Problem,
            "The public address uses plain http: sessions and passwords can be read on the way.",
            "Change it",
            "/settings",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Facts {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        Facts {
            now,
            providers: Vec::new(),
            watched: BTreeMap::new(),
            superadmins: 2,
            break_glass: 1,
            unseen: 0,
            break_glass_uses: Vec::new(),
            untried: Vec::new(),
            verified: Some((now, true)),
            copied_passkeys: 0,
            public_url: Url::parse("https://muster.example").ok(),
            setup_left: None,
            syncs: Vec::new(),
        }
    }

    fn texts(facts: &Facts) -> Vec<String> {
        attention(facts).into_iter().map(|item| item.text).collect()
    }

    #[test]
    fn a_calm_installation_asks_for_a_provider_alone() {
        assert_eq!(texts(&calm()), ["No identity provider is connected."]);
    }

    #[test]
    fn the_most_serious_comes_first() {
        let facts = Facts {
            superadmins: 1,
            verified: None,
            public_url: Url::parse("http://muster.example").ok(),
            ..calm()
        };
        let levels: Vec<_> = attention(&facts)
            .into_iter()
            .map(|item| item.level)
            .collect();
        assert_eq!(
            levels,
            [Level::Problem, Level::Caution, Level::Note, Level::Note]
        );
    }

    #[test]
    fn a_use_of_break_glass_and_a_drill_that_is_due_are_told() {
        let mut facts = calm();
        let account = Account {
            user: muster_domain::id::UserId(uuid::Uuid::nil()),
            username: "root".to_owned(),
            worked_at: facts.now - TimeDelta::days(91),
        };
        facts.break_glass_uses.push(Use {
            id: muster_domain::id::BreakGlassUseId(uuid::Uuid::nil()),
            user: account.user,
            username: account.username.clone(),
            at: facts.now,
            address: None,
            reason: None,
            is_drill: false,
        });
        facts.untried.push(account);
        let told = texts(&facts);
        assert!(
            told[0].starts_with("The break-glass account root was used and nobody"),
            "{told:?}"
        );
        assert!(told[1].contains("for 91 days"), "{told:?}");
    }

    #[test]
    fn a_copied_passkey_is_a_problem() {
        let facts = Facts {
            copied_passkeys: 2,
            ..calm()
        };
        let found = attention(&facts);
        assert_eq!(found[0].level, Level::Problem);
        assert!(
            found[0]
                .text
                .starts_with("There may be copies of 2 passkeys.")
        );
    }

    #[test]
    fn plain_http_is_fine_on_this_machine() {
        for local in [
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert!(of_url(&Url::parse(local).unwrap()).is_none(), "{local}");
        }
        assert!(of_url(&Url::parse("http://10.0.0.1").unwrap()).is_some());
    }
}
