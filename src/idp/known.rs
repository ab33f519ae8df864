//! What is known of a provider, kept for ten minutes: its discovery document and its keys.
//!
//! Whoever asks while a fetch is under way shares its outcome, so that a thousand people at the door of
//! a provider that is down wait once and not in turn. Failures are not kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use muster_domain::Error;
use muster_domain::id::ProviderId;
use openidconnect::core::CoreJsonWebKey;

use crate::codes;
use crate::discovery::{self, Metadata};
use crate::http::Http;
use crate::jws::Jws;
use crate::keys::{KeyFault, KeySet};

/// How long a document counts as current.
const KEPT: TimeDelta = TimeDelta::minutes(10);
/// How often an unknown key may make us fetch the keys again (O61: anybody can send unknown keys).
const REFETCH: TimeDelta = TimeDelta::seconds(30);

/// A provider's document and keys.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) metadata: Metadata,
    keys: RwLock<Arc<KeySet>>,
    refetched: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

impl Known {
    async fn fetch(http: Http, issuer: String) -> Result<Arc<Self>, Error> {
        let document = discovery::fetch(&http, &issuer).await?;
        let metadata = Metadata::of(&document, &issuer, http.guard())?;
        let keys = KeySet::fetch(&http, &metadata.keys).await?;
        Ok(Arc::new(Self {
            metadata,
            keys: RwLock::new(Arc::new(keys)),
            refetched: tokio::sync::Mutex::default(),
        }))
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Verifies a token's signature. A key we do not know makes us look for new keys, at most every 30 s:
    /// providers change keys at any moment (O63), and anybody can invent one (O61).
    pub(crate) async fn verify(
        &self,
        http: &Http,
        now: DateTime<Utc>,
        jws: &Jws<'_>,
    ) -> Result<CoreJsonWebKey, Error> {
        let seen = self.current();
        let fault = match verify(&seen, jws) {
            Ok(key) => return Ok(key),
            Err(fault) => fault,
        };
        let Some(newer) = self.newer(http, now, &seen).await? else {
            return Err(refusal(fault, &seen));
        };
        verify(&newer, jws).map_err(|fault| refusal(fault, &newer))
    }

    /// Keys newer than those just tried, if somebody fetched them meanwhile or it is time to.
    async fn newer(
        &self,
        http: &Http,
        now: DateTime<Utc>,
        seen: &Arc<KeySet>,
    ) -> Result<Option<Arc<KeySet>>, Error> {
        let mut refetched = self.refetched.lock().await;
        let current = self.current();
        if !Arc::ptr_eq(&current, seen) {
            return Ok(Some(current));
        }
        if refetched.is_some_and(|at| (now - at).abs() < REFETCH) {
            return Ok(None);
        }
        *refetched = Some(now);
        let fetched = Arc::new(KeySet::fetch(http, &self.metadata.keys).await?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fetched);
        Ok(Some(fetched))
    }
}

fn verify(keys: &KeySet, jws: &Jws<'_>) -> Result<CoreJsonWebKey, KeyFault> {
    keys.verify(
        jws.kid.as_deref(),
        &jws.alg,
        jws.message.as_bytes(),
        &jws.signature,
    )
    .cloned()
}

fn refusal(fault: KeyFault, keys: &KeySet) -> Error {
    match fault {
        KeyFault::Unknown if keys.census().usable + keys.census().weak == 0 => {
            codes::KEYS_UNUSABLE.error()
        }
        KeyFault::Unknown => codes::KEY_UNKNOWN.error(),
        KeyFault::Wrong => codes::SIGNATURE.error(),
        KeyFault::Weak => codes::KEY_WEAK.error(),
    }
}

type Fetching = Shared<BoxFuture<'static, Result<Arc<Known>, Error>>>;

struct Entry {
    issuer: String,
    since: DateTime<Utc>,
    fetching: Fetching,
}

/// What is known of all providers.
#[derive(Default)]
pub(crate) struct Shelf {
    entries: Mutex<HashMap<ProviderId, Entry>>,
}

impl Shelf {
    /// What is known of a provider, fetched if it is unknown, older than ten minutes, or of another issuer.
    pub(crate) async fn get(
        &self,
        http: &Http,
        now: DateTime<Utc>,
        provider: ProviderId,
        issuer: &str,
    ) -> Result<Arc<Known>, Error> {
        let fetching = self.fetching(http, now, provider, issuer);
        let outcome = fetching.clone().await;
        if outcome.is_err() {
            let mut entries = self.locked();
            if entries
                .get(&provider)
                .is_some_and(|entry| entry.fetching.ptr_eq(&fetching))
            {
                entries.remove(&provider);
            }
        }
        outcome
    }

    fn fetching(
        &self,
        http: &Http,
        now: DateTime<Utc>,
        provider: ProviderId,
        issuer: &str,
    ) -> Fetching {
        let mut entries = self.locked();
        if let Some(entry) = entries.get(&provider)
            && entry.issuer == issuer
            && (now - entry.since).abs() < KEPT
        {
            return entry.fetching.clone();
        }
        let fetching = Known::fetch(http.clone(), issuer.to_owned())
            .boxed()
            .shared();
        entries.insert(
            provider,
            Entry {
                issuer: issuer.to_owned(),
                since: now,
                fetching: fetching.clone(),
            },
        );
        fetching
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<ProviderId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
