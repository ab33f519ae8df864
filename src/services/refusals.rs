//! Refused sign-ins on record, without letting strangers fill the audit log.
//!
//! Of each network the first refusals within a quarter of an hour go on record one by one. The others are counted, and
//! one event tells how many they were as soon as the quarter of an hour is over. What concerns a break-glass account
//! or somebody who is signed in always goes on record.
//!
//! The counts are in memory: a restart forgets how many were left out, never one that was on record.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::throttle::network_of;
use muster_storage::{Quiet, throttle};
use serde_json::json;

use crate::{Call, Services};

/// Refusals of one network that go on record one by one: more than the wrong passwords one network is allowed.
const ONE_BY_ONE: u32 = 40;
/// How long they are counted together.
const LASTS: TimeDelta = TimeDelta::minutes(15);
/// Networks counted apart from each other; about a megabyte. The others share one count.
const NETWORKS: usize = 10_000;
const OTHERS: &str = "other networks";

/// What was refused lately, by network.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<String, Window>>);

#[derive(Debug)]
struct Window {
    began: DateTime<Utc>,
    recorded: u32,
    left_out: u64,
}

/// How many refusals of a network are not on record one by one.
#[derive(Clone, PartialEq, Eq, Debug)]
struct LeftOut {
    network: String,
    since: DateTime<Utc>,
    many: u64,
}

/// Whether a refusal may be counted instead of recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Concerns {
    /// A break-glass account, or somebody who is signed in.
    SomebodyHere,
    /// Whoever it is.
    Strangers,
}

impl Concerns {
    /// A refusal of this call.
    pub(crate) fn of(call: &Call) -> Self {
        if call.person().is_some() {
            Self::SomebodyHere
        } else {
            Self::Strangers
        }
    }
}

impl Refusals {
    /// Counts one. Whether it goes on record by itself.
    fn admit(&self, network: &str, now: DateTime<Utc>) -> bool {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let apart = windows.len() < NETWORKS || windows.contains_key(network);
        let network = if apart { network } else { OTHERS };
        let window = windows.entry(network.to_owned()).or_insert(Window {
            began: now,
            recorded: 0,
            left_out: 0,
        });
        let goes = window.recorded < ONE_BY_ONE;
        if goes {
            window.recorded += 1;
        } else {
            window.left_out += 1;
        }
        goes
    }

    /// Forgets what is over, and gives what has not been told of it.
    fn over(&self, now: DateTime<Utc>) -> Vec<LeftOut> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut untold = Vec::new();
        windows.retain(|network, window| {
            let runs = now - window.began < LASTS;
            if !runs && window.left_out > 0 {
                untold.push(LeftOut {
                    network: network.clone(),
                    since: window.began,
                    many: window.left_out,
                });
            }
            runs
        });
        untold
    }

    /// Takes back what could not be written: the next time tells it.
    fn take_back(&self, untold: Vec<LeftOut>) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for left_out in untold {
            let window = windows.entry(left_out.network).or_insert(Window {
                began: left_out.since,
                recorded: ONE_BY_ONE,
                left_out: 0,
            });
            window.began = window.began.min(left_out.since);
            window.left_out += left_out.many;
        }
    }
}

/// Puts a refusal on record, or counts it.
///
/// # Errors
/// When the database cannot be written.
pub(crate) async fn put(
    services: &Services,
    call: &Call,
    concerns: Concerns,
    event: AuditEvent,
) -> Result<(), Error> {
    tell(services, call.at).await?;
    let network = call
        .address
        .map_or_else(|| "unknown".to_owned(), network_of);
    let goes = concerns == Concerns::SomebodyHere || services.refusals().admit(&network, call.at);
    let tx = services.db().begin().await?;
    if goes {
        return tx.commit(&[event]).await;
    }
    // It takes the time that an event takes: otherwise time would tell which names are break-glass accounts (W50).
    throttle::record_failure(&tx, "REFUSAL", "LEFT OUT", call.at).await?;
    tx.commit_quiet(Quiet::Counted).await
}

/// Tells how many were left out of the record, of networks whose time is over.
///
/// # Errors
/// When the database cannot be written; then it is told the next time.
pub(crate) async fn tell(services: &Services, now: DateTime<Utc>) -> Result<(), Error> {
    let untold = services.refusals().over(now);
    if untold.is_empty() {
        return Ok(());
    }
    let call = Call::system("job", now);
    let events: Vec<AuditEvent> = untold
        .iter()
        .map(|left_out| event(&call, left_out))
        .collect();
    let told = match services.db().begin().await {
        Ok(tx) => tx.commit(&events).await,
        Err(error) => Err(error),
    };
    if told.is_err() {
        services.refusals().take_back(untold);
    }
    told
}

fn event(call: &Call, left_out: &LeftOut) -> AuditEvent {
    let detail = json!({"more": left_out.many, "since": left_out.since});
    let mut event = call.event("signin.refused", &left_out.network, None, detail);
    event.address = Some(left_out.network.clone());
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn the_first_of_each_network_go_on_record_and_the_others_are_told_afterwards() {
        let refusals = Refusals::default();
        let goes = (0..ONE_BY_ONE + 5)
            .filter(|_| refusals.admit("192.0.2.1", minutes(0)))
            .count();
        assert_eq!(goes, ONE_BY_ONE as usize);
        assert!(refusals.admit("192.0.2.2", minutes(1)));
        assert_eq!(refusals.over(minutes(14)), []);
        let told = refusals.over(minutes(15));
        assert_eq!((told[0].network.as_str(), told[0].many), ("192.0.2.1", 5));
        refusals.take_back(told.clone());
        assert_eq!(refusals.over(minutes(15)), told);
        assert_eq!(refusals.over(minutes(15)), []);
        assert!(refusals.admit("192.0.2.1", minutes(15)));
    }

    #[test]
    fn many_networks_fill_neither_the_memory_nor_the_record() {
        let refusals = Refusals::default();
        for n in 0..NETWORKS * 2 {
            refusals.admit(&n.to_string(), minutes(0));
        }
        assert_eq!(refusals.0.lock().unwrap().len(), NETWORKS + 1);
        assert!(!refusals.admit("203.0.113.9", minutes(0)));
    }
}
