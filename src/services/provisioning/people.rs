//! People through the door: created, updated, linked, deactivated, reactivated.

use std::collections::BTreeMap;

use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::mail::letters::About;
use muster_domain::opener::Openers;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::user::{State, User};
use muster_domain::{Error, Kind, name};
use muster_storage::accounts::{self, Account};
use muster_storage::subjects::{self, Subject};
use muster_storage::{elevations, providers, sessions, users};
use serde_json::{Value, json};

use super::Door;
use super::merge::{Merged, display_name, merge};
use crate::notices;

impl Door<'_> {
    pub(super) async fn create_users(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let (mut people, mut records, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for change in run {
            let Action::CreateUser {
                user,
                directory,
                external_id,
                attributes,
            } = &change.action
            else {
                continue;
            };
            let merged = merge([(*directory, attributes)]);
            let person = self.new_user(*user, &merged)?;
            let mut account = self.account(*user, *directory, external_id, attributes);
            account.raw.clone_from(&change.raw);
            records.push(account);
            if self.tells {
                let detail = json!({
                    "cause": change.cause.label(),
                    "directory": directory,
                    "attributes": attributes,
                });
                events.push(
                    self.call
                        .event("user.create", &person.username, Some(user.0), detail),
                );
            }
            people.push(person);
        }
        users::insert_many(self.tx, &people).await?;
        accounts::insert_many(self.tx, &records).await?;
        for change in run {
            if let Action::CreateUser {
                user, attributes, ..
            } = &change.action
            {
                self.entered(&change.cause, *user, &Attributes::new(), attributes)
                    .await?;
            }
        }
        Ok(events)
    }

    /// Keeps who could read what is mailed to an address that was entered by hand. One that is not changed keeps what was
    /// kept; in other letters' case it is the same mailbox. What a source states is not touched by it: no link goes there.
    async fn entered(
        self,
        cause: &Cause,
        user: UserId,
        before: &Attributes,
        after: &Attributes,
    ) -> Result<(), Error> {
        let (was, is) = (before.get("email"), after.get("email"));
        if *cause != Cause::ByHand || was == is {
            return Ok(());
        }
        let mut opened_by = match is {
            Some(_) => self.call.opens_for(user),
            None => Openers::nobody(),
        };
        if was.map(|was| name::key(was)) == is.map(|is| name::key(is)) {
            opened_by = opened_by.or(users::email_opened_by(self.tx, user).await?);
        }
        users::set_email_opened_by(self.tx, user, &opened_by).await
    }

    fn new_user(self, id: UserId, merged: &BTreeMap<String, Merged>) -> Result<User, Error> {
        let now = self.call.at;
        let mut user = User {
            id,
            username: String::new(),
            display_name: String::new(),
            email: None,
            state: State::Active,
            break_glass: false,
            created_at: now,
            updated_at: now,
            last_sign_in_at: None,
        };
        follow(&mut user, merged)?;
        Ok(user)
    }

    pub(super) fn account(
        self,
        user: UserId,
        directory: DirectoryId,
        external_id: &ExternalId,
        attributes: &Attributes,
    ) -> Account {
        Account {
            id: self.services.id(),
            user,
            directory,
            external_id: external_id.clone(),
            attributes: attributes.clone(),
            active: true,
            first_seen_at: self.call.at,
            last_confirmed_at: self.call.at,
            raw: None,
        }
    }

    pub(super) async fn update_accounts(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::UpdateAccount {
                user,
                directory,
                external_id,
                attributes,
            } = &change.action
            else {
                continue;
            };
            let Some(mut person) = users::get(self.tx, *user).await? else {
                return Err(Error::not_found("user"));
            };
            let known = accounts::by_external(self.tx, *directory, external_id).await?;
            let before = known.map(|account| account.attributes).unwrap_or_default();
            let mut account = self.account(*user, *directory, external_id, attributes);
            account.raw.clone_from(&change.raw);
            accounts::upsert(self.tx, &account).await?;
            self.entered(&change.cause, *user, &before, attributes)
                .await?;
            let effective = self.refresh(&mut person).await?;
            let fields = differences(&before, attributes);
            if fields.is_empty() && !effective {
                continue;
            }
            let detail = json!({
                "cause": change.cause.label(),
                "directory": directory,
                "fields": fields,
            });
            events.push(
                self.call
                    .event("user.update", &person.username, Some(user.0), detail),
            );
        }
        Ok(events)
    }

    /// Makes the effective user follow the accounts that count; says whether that changed anything.
    pub(super) async fn refresh(self, person: &mut User) -> Result<bool, Error> {
        let accounts = accounts::leading(self.tx, person.id).await?;
        let merged = merge(
            accounts
                .iter()
                .map(|account| (account.directory, &account.attributes)),
        );
        let before = person.clone();
        follow(person, &merged)?;
        if *person == before {
            return Ok(false);
        }
        if name::key(&person.username) != name::key(&before.username)
            && users::by_username(self.tx, &person.username)
                .await?
                .is_some()
        {
            return Err(users::username_taken());
        }
        person.updated_at = self.call.at;
        users::follow(self.tx, person).await?;
        notices::address_changed(self.services, self.call, self.tx, &before, person).await?;
        Ok(true)
    }

    pub(super) async fn link_identities(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::LinkIdentity {
                user,
                provider,
                issuer,
                subject,
            } = &change.action
            else {
                continue;
            };
            let Some(person) = users::get(self.tx, *user).await? else {
                return Err(Error::not_found("user"));
            };
            let identity = Subject {
                provider: *provider,
                issuer: issuer.clone(),
                subject: subject.clone(),
                user: *user,
                linked_at: self.call.at,
                linked_by: self.call.actor().to_owned(),
                // What a sign-in links, the provider vouched for, whoever sits at the browser.
                opened_by: match change.cause {
                    Cause::ByHand => self.call.opens_for(*user),
                    _ => Openers::nobody(),
                },
                last_used_at: None,
            };
            subjects::link(self.tx, &identity).await?;
            // Who arrives with an identity is told nothing: there was no account before.
            if person.created_at < self.call.at {
                let name = providers::get(self.tx, *provider)
                    .await?
                    .map(|one| one.name);
                let about = About::IdentityLinked(name.unwrap_or_else(|| issuer.clone()));
                notices::tell(self.services, self.call, self.tx, &person, about).await?;
            }
            let detail = json!({
                "cause": change.cause.label(),
                "provider": provider,
                "issuer": issuer,
                "subject": subject,
            });
            events.push(
                self.call
                    .event("user.link", &person.username, Some(user.0), detail),
            );
        }
        Ok(events)
    }

    /// Keeps people out, and ends their sessions and secure sessions in the same breath.
    pub(super) async fn deactivate(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::Deactivate { user, by } = &change.action else {
                continue;
            };
            let Some(person) = users::get(self.tx, *user).await? else {
                return Err(Error::not_found("user"));
            };
            let ended = sessions::revoke_of_user(self.tx, *user, None).await?;
            elevations::drop_of_user(self.tx, *user, self.call.at).await?;
            if !person.is_active() {
                continue;
            }
            users::set_state(
                self.tx,
                *user,
                &State::Deactivated(by.clone()),
                self.call.at,
            )
            .await?;
            let detail = json!({
                "cause": change.cause.label(),
                "by": by.by,
                "reason": by.reason,
                "sessions_ended": ended,
            });
            events.push(
                self.call
                    .event("user.deactivate", &person.username, Some(user.0), detail),
            );
        }
        Ok(events)
    }

    pub(super) async fn reactivate(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::Reactivate { user } = &change.action else {
                continue;
            };
            let Some(person) = users::get(self.tx, *user).await? else {
                return Err(Error::not_found("user"));
            };
            let State::Deactivated(was) = &person.state else {
                continue;
            };
            users::set_state(self.tx, *user, &State::Active, self.call.at).await?;
            let detail = json!({ "cause": change.cause.label(), "was": was });
            events.push(
                self.call
                    .event("user.reactivate", &person.username, Some(user.0), detail),
            );
        }
        Ok(events)
    }
}

/// Sets what is effective by what the accounts state.
fn follow(user: &mut User, merged: &BTreeMap<String, Merged>) -> Result<(), Error> {
    let Some(username) = merged.get("username") else {
        return Err(Error::new(
            "USR-002",
            Kind::Invalid,
            "No directory states a username for this person.",
        ));
    };
    user.username = name::check_username(&username.value).map_err(|field| {
        Error::new(
            "USR-003",
            Kind::Invalid,
            "The username stated for this person cannot be used here.",
        )
        .next(field.message)
    })?;
    user.display_name = display_name(merged)
        .chars()
        .take(name::LONGEST_DISPLAY_NAME)
        .collect();
    user.email = merged
        .get("email")
        .and_then(|email| name::check_email(&email.value).ok());
    Ok(())
}

/// Attributes that differ: name → before and after.
fn differences(before: &Attributes, after: &Attributes) -> BTreeMap<String, Value> {
    let names = before.keys().chain(after.keys());
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let values = json!({ "before": before.get(name), "after": after.get(name) });
            (name.clone(), values)
        })
        .collect()
}
