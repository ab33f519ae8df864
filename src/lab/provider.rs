//! One provider of the lab: what it is called, how it behaves, and what it remembers.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;

use crate::behaviour::Behaviour;
use crate::character::Character;
use crate::keys::{Algorithm, KeySet};
use crate::parameters::Parameters;
use crate::people::Person;
use crate::request::AuthorizationRequest;
use crate::shelf::{Shelf, locked};
use crate::tamper::{Armed, Stage, Tamper};

/// A provider as the outside sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LabProvider {
    /// Its part of the path, for example `bounce-now`.
    pub slug: &'static str,
    /// Its name on pages.
    pub name: &'static str,
    /// Its issuer: discovery is at this address plus `/.well-known/openid-configuration`.
    pub issuer: String,
    /// What it does, in one sentence.
    pub sentence: &'static str,
    /// The verdict a re-authentication test must reach: the word in Muster's glossary.
    pub expected_verdict: &'static str,
    /// Why that verdict is the right one.
    pub reason: &'static str,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// How it signs.
    pub algorithm: Algorithm,
    /// Whether it shows one of the four answers everybody should have seen, so that a console beside the lab connects it.
    pub is_essential: bool,
    /// The context class an application has to demand to see the verdict, if one.
    pub acr: Option<&'static str>,
}

/// A browser that is signed in at a provider.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) person: Person,
    pub(crate) signed_in: DateTime<Utc>,
    pub(crate) sid: String,
}

/// What a code stands for.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) session: Session,
    pub(crate) request: AuthorizationRequest,
    /// The access token this code was already exchanged for.
    pub(crate) spent: Option<String>,
}

/// What an access token opens.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) person: Person,
    pub(crate) scopes: std::collections::BTreeSet<String>,
}

/// A provider with its memory.
pub(crate) struct Provider {
    pub(crate) character: &'static Character,
    pub(crate) issuer: String,
    keys: Mutex<Option<KeySet>>,
    pub(crate) armed: Mutex<Armed>,
    pub(crate) sessions: Shelf<Session>,
    pub(crate) interactions: Shelf<AuthorizationRequest>,
    pub(crate) pushed: Shelf<Parameters>,
    pub(crate) codes: Shelf<Grant>,
    pub(crate) access: Shelf<Access>,
}

impl Provider {
    pub(crate) fn new(character: &'static Character, base: &str) -> Self {
        Self {
            character,
            issuer: format!("{base}/{}", character.slug),
            keys: Mutex::default(),
            armed: Mutex::default(),
            sessions: Shelf::default(),
            interactions: Shelf::default(),
            pushed: Shelf::default(),
            codes: Shelf::default(),
            access: Shelf::default(),
        }
    }

    /// Does something with the keys, making them if nobody needed them before.
    pub(crate) fn with_keys<T>(
        &self,
        work: impl FnOnce(&mut KeySet) -> Result<T, ErrorStack>,
    ) -> Result<T, ErrorStack> {
        let mut kept = locked(&self.keys);
        let mut keys = match kept.take() {
            Some(keys) => keys,
            None => KeySet::generate(self.character.algorithm)?,
        };
        let done = work(&mut keys);
        *kept = Some(keys);
        done
    }

    /// The tamper for the answer being made, disarming it unless it holds.
    pub(crate) fn tamper(&self, stage: Stage) -> Option<Tamper> {
        let tamper = locked(&self.armed).take(stage);
        if let Some(tamper) = tamper {
            tracing::warn!(provider = self.character.slug, ?tamper, "answer tampered");
        }
        tamper
    }

    /// The name of this provider's session cookie.
    pub(crate) fn cookie(&self) -> String {
        format!("muster-lab-{}", self.character.slug)
    }

    pub(crate) fn describe(&self) -> LabProvider {
        LabProvider {
            slug: self.character.slug,
            name: self.character.name,
            issuer: self.issuer.clone(),
            sentence: self.character.sentence,
            expected_verdict: self.character.expected_verdict,
            reason: self.character.reason,
            behaviour: self.character.behaviour,
            algorithm: self.character.algorithm,
            is_essential: self.character.is_essential,
            acr: self.character.acr,
        }
    }
}
