//! Just-in-time provisioning: attacks by their catalogue id, the rules one by one, and idempotence.

mod groups;
mod persons;
mod properties;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::calibration::Calibration;
use crate::change::{Action, Change};
use crate::claims::Claims;
use crate::id::{DirectoryId, GroupId, ProviderId, UserId};
use crate::membership::{Member, Origin};
use crate::name::key;
use crate::provider::Provider;
use crate::record::Attributes;
use crate::user::{Deactivation, State};
use crate::vendor::Vendor;

const ISSUER: &str = "https://idp.example";
const PROVIDER: ProviderId = ProviderId(Uuid::from_u128(0xF0));
const DIRECTORY: DirectoryId = DirectoryId(Uuid::from_u128(0xD0));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_285_795 + seconds, 0).unwrap()
}

fn group_id(n: u128) -> GroupId {
    GroupId(Uuid::from_u128(0x6000 + n))
}

fn user_id(n: u128) -> UserId {
    UserId(Uuid::from_u128(0x1000 + n))
}

/// One arrival and what is known, ready to be bent by a test.
struct World {
    provider: Provider,
    subject: String,
    claims: Claims,
    known: Known,
    rules: JitRules,
    made: u128,
}

impl World {
    fn new(claims: Value) -> Self {
        Self {
            provider: Provider {
                id: PROVIDER,
                slug: "lab".to_owned(),
                name: "Lab".to_owned(),
                vendor: Vendor::Generic,
                kind: "oidc".to_owned(),
                enabled: true,
                settings: BTreeMap::new(),
                secret_is_set: true,
                directory: DIRECTORY,
                domains: vec!["example.com".to_owned()],
                jit: JitRules::default(),
                calibration: Calibration::default(),
                created_at: at(0),
                updated_at: at(0),
            },
            subject: "00u1a2b3c4".to_owned(),
            claims: serde_json::from_value(claims).unwrap(),
            known: Known::default(),
            rules: JitRules::default(),
            made: 0,
        }
    }

    fn arrival(&self) -> Arrival<'_> {
        Arrival {
            provider: &self.provider,
            issuer: ISSUER,
            subject: &self.subject,
            claims: &self.claims,
        }
    }

    fn decide(&mut self) -> Decision {
        let mut made = self.made;
        let decision = decide(&self.arrival(), &self.known, &self.rules, &mut || {
            made += 1;
            Uuid::from_u128(made)
        });
        self.made = made;
        decision
    }

    fn refusal(&mut self) -> Refusal {
        let decision = self.decide();
        assert!(decision.changes.is_empty(), "a refusal changes nothing");
        match decision.outcome {
            Outcome::Refused(refusal) => refusal,
            other => panic!("let in: {other:?}"),
        }
    }

    fn link(&mut self, username: &str) -> &mut KnownUser {
        self.known.linked.insert(KnownUser {
            id: user_id(1),
            username: username.to_owned(),
            state: State::Active,
            attributes: Some(Attributes::from([
                ("username".to_owned(), username.to_owned()),
                ("display_name".to_owned(), username.to_owned()),
            ])),
            memberships: Vec::new(),
        })
    }

    fn has_group(&mut self, n: u128, name: &str) {
        let group = KnownGroup {
            id: group_id(n),
            name: name.to_owned(),
        };
        self.known.groups_by_key.insert(key(name), group);
    }

    fn is_in(&mut self, n: u128, name: &str, origin: Origin) {
        let linked = self.known.linked.as_mut().expect("link first");
        linked.memberships.push(KnownMembership {
            group: group_id(n),
            name: name.to_owned(),
            origin,
        });
    }

    /// Does what the single door would do.
    fn apply(&mut self, changes: &[Change]) {
        for Change { action, .. } in changes {
            match action.clone() {
                Action::CreateUser {
                    user, attributes, ..
                } => {
                    self.known.username_taken_by = Some(Taken {
                        user,
                        username: attributes["username"].clone(),
                    });
                    let linked = self.link(&attributes["username"]);
                    linked.id = user;
                    linked.attributes = Some(attributes);
                }
                Action::UpdateAccount { attributes, .. } => {
                    let linked = self.known.linked.as_mut().unwrap();
                    if let Some(username) = attributes.get("username") {
                        linked.username.clone_from(username);
                    }
                    linked.attributes = Some(attributes);
                }
                Action::LinkIdentity { .. } => {}
                Action::CreateGroup { group, name, .. } => {
                    let known = KnownGroup {
                        id: group,
                        name: name.clone(),
                    };
                    assert!(
                        self.known.groups_by_key.insert(key(&name), known).is_none(),
                        "created twice"
                    );
                }
                Action::AddMember {
                    group,
                    member,
                    origin,
                } => {
                    let known = self
                        .known
                        .groups_by_key
                        .values()
                        .find(|known| known.id == group);
                    let name = known.expect("a group that exists").name.clone();
                    let linked = self.known.linked.as_mut().unwrap();
                    assert_eq!(member, Member::User(linked.id));
                    let row = KnownMembership {
                        group,
                        name,
                        origin,
                    };
                    assert!(!linked.memberships.contains(&row), "added twice");
                    linked.memberships.push(row);
                }
                Action::RemoveMember {
                    group,
                    member,
                    origin,
                } => {
                    let linked = self.known.linked.as_mut().unwrap();
                    assert_eq!(member, Member::User(linked.id));
                    let before = linked.memberships.len();
                    linked
                        .memberships
                        .retain(|row| !(row.group == group && row.origin == origin));
                    assert!(
                        linked.memberships.len() < before,
                        "removed what is not there"
                    );
                }
                other => panic!("sign-ins never make {other:?}"),
            }
        }
    }
}

fn anna() -> Value {
    json!({
        "preferred_username": "anna", "name": "Anna Weiß", "given_name": "Anna", "family_name": "Weiß",
        "email": "anna@example.com", "email_verified": true, "locale": "de-DE",
    })
}
