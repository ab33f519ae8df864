//! The doors an answer has to pass. Each looks at one thing, writes a row of the evidence table, and refuses or not.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Arrival, Challenge, Holds, ReauthPolicy, Row, Verdict};
use crate::calibration::{Allowance, Calibration, Worth, meter};
use crate::evidence::{AuthEvidence, StatedTime};

/// A refusal with its reason, or nothing.
pub(super) type Door = Option<(Verdict, String)>;

pub(super) fn refused(code: &str, rows: &mut Vec<Row>) -> (Verdict, String) {
    rows.push(row(
        "Answer",
        "a sign-in",
        &format!("error {code}"),
        "Nobody signed in again",
        Holds::No,
    ));
    match code {
        "access_denied" => (
            Verdict::Cancelled,
            "The sign-in was cancelled at the provider.".to_owned(),
        ),
        "unmet_authentication_requirements" => (
            Verdict::WeakContext,
            "The provider cannot meet the strength that was asked for.".to_owned(),
        ),
        other => (
            Verdict::Cancelled,
            format!("The provider answered with the error “{other}” instead of a sign-in."),
        ),
    }
}

pub(super) fn who(challenge: &Challenge, evidence: &AuthEvidence, rows: &mut Vec<Row>) -> Door {
    let expected = challenge.expected.as_ref();
    let same = evidence.provider() == challenge.provider
        && expected.is_some_and(|(issuer, subject)| {
            issuer == evidence.issuer() && subject == evidence.subject()
        });
    let sent = expected.map_or("nobody known there", |(_, subject)| subject);
    let proves = if same {
        "The person we asked for"
    } else {
        "Another person than we asked for"
    };
    rows.push(row(
        "Who",
        sent,
        evidence.subject(),
        proves,
        if same { Holds::Yes } else { Holds::No },
    ));
    (!same).then(|| {
        (
            Verdict::WrongUser,
            if expected.is_some() {
                "Somebody else signed in at the provider than the person we asked for.".to_owned()
            } else {
                "You are not linked to an identity at this provider, so its answer cannot be about you."
                    .to_owned()
            },
        )
    })
}

pub(super) fn when(
    challenge: &Challenge,
    evidence: &AuthEvidence,
    arrival: &Arrival,
    allowance: &Allowance,
    rows: &mut Vec<Row>,
) -> Door {
    let sent = challenge.sent.max_age.map_or_else(
        || "auth_time asked for".to_owned(),
        |age| format!("max_age={age}"),
    );
    let mut tell = |received: &str, proves: &str, holds| {
        rows.push(row("Signed in", &sent, received, proves, holds))
    };
    let at = match evidence.stated() {
        StatedTime::Absent => {
            tell("no auth_time", "Nothing about when", Holds::Open);
            return Some((
                Verdict::Unprovable,
                "The provider does not state when the person signed in.".to_owned(),
            ));
        }
        StatedTime::Malformed(text) => {
            tell(text, "No time at all", Holds::No);
            return Some((
                Verdict::Malformed,
                "The stated time of sign-in cannot be read.".to_owned(),
            ));
        }
        StatedTime::At(at) => *at,
    };
    let shown = format!(
        "auth_time {}",
        at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    );
    let by_our_clock = at - allowance.ahead;
    if by_our_clock > arrival.at + allowance.within {
        tell(&shown, "A time that has not come yet", Holds::No);
        return Some((
            Verdict::Malformed,
            "The stated time of sign-in lies in the future.".to_owned(),
        ));
    }
    let distance = distance(challenge.asked_at, at, allowance);
    if by_our_clock < challenge.asked_at - allowance.within {
        tell(&shown, &distance, Holds::No);
        return Some((Verdict::Stale, format!("It states a sign-in {distance}.")));
    }
    if challenge.signed_in.is_some_and(|before| at <= before) {
        tell(&shown, "A sign-in from before we asked", Holds::No);
        return Some((
            Verdict::Stale,
            "It repeats a sign-in from before we asked.".to_owned(),
        ));
    }
    tell(&shown, &distance, Holds::Yes);
    None
}

/// When a stated sign-in was, seen from the question: by our clock, where the provider's is known to differ.
fn distance(asked: DateTime<Utc>, stated: DateTime<Utc>, allowance: &Allowance) -> String {
    let words = words_between(asked, stated - allowance.ahead);
    if allowance.ahead.abs() < TimeDelta::seconds(1) {
        words
    } else {
        format!("{words} by our clock")
    }
}

/// Why a sign-in counts as an answer to the question.
pub(super) fn answers(
    asked: DateTime<Utc>,
    stated: DateTime<Utc>,
    allowance: &Allowance,
) -> String {
    let words = distance(asked, stated, allowance);
    let earlier = asked - (stated - allowance.ahead);
    if earlier < TimeDelta::seconds(1) {
        format!("It states a sign-in {words}.")
    } else {
        format!("It states a sign-in {words}, which is within what clocks may differ.")
    }
}

pub(super) fn forced(challenge: &Challenge, rows: &mut Vec<Row>) -> Door {
    let sent = &challenge.sent;
    let mut parts: Vec<String> = sent
        .prompt
        .iter()
        .map(|prompt| format!("prompt={prompt}"))
        .collect();
    parts.extend(
        sent.acr_values
            .iter()
            .map(|acr| format!("acr_values={acr}")),
    );
    let (way, proves) = match (sent.pushed, sent.signed.is_empty()) {
        (true, true) => ("pushed (RFC 9126)", "The browser could not strip it"),
        (true, false) => (
            "pushed (RFC 9126) and signed (RFC 9101)",
            "The browser could not strip it",
        ),
        (false, false) => (
            "signed (RFC 9101)",
            "The browser could not change it, only leave it away, so the time decides",
        ),
        (false, true) => (
            "through the browser",
            "The browser could have stripped it, so the time decides",
        ),
    };
    rows.push(row("Forced", &parts.join(", "), way, proves, Holds::Open));
    None
}

pub(super) fn worth(
    calibration: &Calibration,
    evidence: &AuthEvidence,
    policy: &ReauthPolicy,
    rows: &mut Vec<Row>,
) -> Door {
    let standing = calibration.standing();
    let (received, proves, holds) = match standing {
        Worth::Uninformative if calibration.refuted.is_some() => (
            "was refuted",
            "Its time stamps are worth nothing",
            Holds::No,
        ),
        Worth::Informative => (
            "repeats the old time without force",
            "Its time stamps carry information",
            Holds::Yes,
        ),
        Worth::Uninformative => (
            "states “now” without any sign-in",
            "Its time stamps are worth nothing",
            Holds::No,
        ),
        Worth::Silent => ("states no time", "There is nothing to believe", Holds::Open),
        Worth::Unknown => (
            "not tested yet",
            "Whether its time stamps can be believed is not known",
            Holds::Open,
        ),
    };
    rows.push(row(
        "Calibration",
        "a control without force",
        received,
        proves,
        holds,
    ));
    let doubt = match standing {
        Worth::Informative => return None,
        Worth::Uninformative if calibration.refuted.is_some() => {
            "The provider's times were refuted by a test or by its own answers, so its time proves nothing."
        }
        Worth::Uninformative => {
            "The provider states “now” even when nobody signs in, so its time proves nothing."
        }
        // The control can be called off by the browser that brings its answer: silence must not help whoever does.
        Worth::Silent | Worth::Unknown if policy.believes_untested => return None,
        Worth::Silent => {
            "The provider states a time only when it is forced, so nobody can tell whether that time is invented."
        }
        Worth::Unknown => {
            "No control has shown yet whether this provider's times can be believed. Now that you are signed in there, try again."
        }
    };
    evidence
        .stated()
        .instant()
        .map(|_| (Verdict::Unprovable, doubt.to_owned()))
}

pub(super) fn context(challenge: &Challenge, evidence: &AuthEvidence, rows: &mut Vec<Row>) -> Door {
    let received = match (evidence.acr(), evidence.amr()) {
        (None, []) => "nothing".to_owned(),
        (acr, amr) => [
            acr.map(|acr| format!("acr {acr}")),
            (!amr.is_empty()).then(|| format!("amr {}", amr.join(", "))),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · "),
    };
    let classes = required(challenge);
    if classes.is_empty() {
        rows.push(row(
            "Method",
            "not required",
            &received,
            "How the person signed in",
            Holds::Open,
        ));
        return None;
    }
    let met = evidence.acr().is_some_and(|acr| classes.contains(&acr));
    let proves = if met {
        "As strong as required"
    } else {
        "Not as strong as required"
    };
    rows.push(row(
        "Method",
        &format!("acr {}", classes.join(" or ")),
        &received,
        proves,
        if met { Holds::Yes } else { Holds::No },
    ));
    (!met).then(|| {
        (
            Verdict::WeakContext,
            format!(
                "The provider did not state the required strength “{}”.",
                classes.join("” or “")
            ),
        )
    })
}

/// The context classes one of which must be stated: the required one, else those that were asked for. Providers leave
/// out silently what they do not know (OIDC Core 3.1.2.1 makes `acr_values` voluntary).
fn required(challenge: &Challenge) -> Vec<&str> {
    match (&challenge.required_acr, &challenge.sent.acr_values) {
        (Some(required), _) => vec![required.as_str()],
        (None, Some(asked)) => asked.split_whitespace().collect(),
        (None, None) => Vec::new(),
    }
}

pub(super) fn clock(evidence: &AuthEvidence, allowance: &Allowance, rows: &mut Vec<Row>) -> Door {
    let ahead = evidence.clock_ahead();
    let within = ahead.abs() <= allowance.limit;
    let told = meter::words(ahead.num_milliseconds());
    let limit = allowance.limit.num_seconds();
    let proves = match (within, allowance.measured) {
        (true, Some(measured)) => format!(
            "As over its last {} answers, so {} s are allowed",
            measured.answers,
            allowance.within.num_seconds()
        ),
        (true, None) => format!("Within the allowance of {limit} s"),
        (false, _) => format!("Beyond the allowance of {limit} s"),
    };
    rows.push(row(
        "Clock",
        "ours",
        &told,
        &proves,
        if within { Holds::Yes } else { Holds::No },
    ));
    (!within).then(|| {
        (
            Verdict::Malformed,
            format!("The provider's clock is {told}, more than the {limit} s that clocks may differ. Set both by the network (NTP)."),
        )
    })
}

pub(super) fn row(claim: &str, sent: &str, received: &str, proves: &str, holds: Holds) -> Row {
    Row {
        claim: claim.to_owned(),
        sent: sent.to_owned(),
        received: received.to_owned(),
        proves: proves.to_owned(),
        holds,
    }
}

/// "8 s after we asked", "2 h 15 min before we asked".
#[must_use]
pub fn words_between(asked: DateTime<Utc>, stated: DateTime<Utc>) -> String {
    let distance = stated - asked;
    let seconds = distance.num_seconds().abs();
    let amount = match seconds {
        0 => return "at the very second we asked".to_owned(),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    };
    format!(
        "{amount} {} we asked",
        if distance < TimeDelta::zero() {
            "before"
        } else {
            "after"
        }
    )
}
