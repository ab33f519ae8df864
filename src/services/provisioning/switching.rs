//! One directory in the place of another: people and memberships change hands, and the two directories their standing.
//! Only a plan that a person approved does this.

use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::DirectoryId;
use muster_domain::shadow::SETTING;
use muster_storage::directories::{self, Directory};
use muster_storage::shadows::{self, Choice};
use muster_storage::{accounts, elevations, groups, readings, sessions, users};
use serde_json::json;

use super::{Door, lapsing, remerge};
use crate::sync::shadowing;

impl Door<'_> {
    /// An account of one directory in the place of another's: the person is at no moment without one.
    pub(super) async fn move_accounts(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::MoveAccount {
                user,
                from,
                former_id,
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
            let former = accounts::by_external(self.tx, *from, former_id)
                .await?
                .filter(|account| account.user == *user)
                .ok_or_else(|| Error::not_found("account"))?;
            let mut account = self.account(*user, *directory, external_id, attributes);
            account.raw.clone_from(&change.raw);
            accounts::upsert(self.tx, &account).await?;
            accounts::delete(self.tx, former.id).await?;
            self.refresh(&mut person).await?;
            let detail = json!({
                "cause": change.cause.label(),
                "from": { "directory": from, "external_id": former_id, "attributes": former.attributes },
                "to": { "directory": directory, "external_id": external_id, "attributes": attributes },
            });
            events.push(self.call.event(
                "user.account.move",
                &person.username,
                Some(user.0),
                detail,
            ));
        }
        Ok(events)
    }

    /// Memberships of one directory are another's, as far as whoever they are of is: a membership goes only with the
    /// account.
    pub(super) async fn move_members(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::MoveMembers {
                group,
                members,
                from,
                to,
            } = &change.action
            else {
                continue;
            };
            let known = groups::get(self.tx, *group)
                .await?
                .ok_or_else(|| Error::not_found("group"))?;
            let moved = shadows::move_members(self.tx, *group, members, *from, *to).await?;
            if moved == 0 {
                continue;
            }
            let detail = json!({
                "cause": change.cause.label(), "from": from, "to": to, "memberships": moved,
            });
            events.push(
                self.call
                    .event("group.members.move", &known.name, Some(group.0), detail),
            );
        }
        Ok(events)
    }

    /// The one in shadow becomes active, directly before the one that goes into the shadow. Nobody signs in by that one any
    /// more.
    pub(super) async fn switch_directories(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::SwitchDirectory { from, to, by, .. } = &change.action else {
                continue;
            };
            directories::take_turns(self.tx).await?;
            let mut order = directories::list(self.tx).await?;
            let going = place(&order, *from)?;
            let coming = place(&order, *to)?;
            if coming > going {
                let moved = order.remove(coming);
                order.insert(going, moved);
            }
            let mut names = (String::new(), String::new());
            for (position, directory) in order.iter_mut().enumerate() {
                let position = i64::try_from(position).unwrap_or(i64::MAX);
                if directory.id == *from {
                    directory
                        .settings
                        .insert(SETTING.to_owned(), "on".to_owned());
                    names.0.clone_from(&directory.name);
                } else if directory.id == *to {
                    directory.settings.remove(SETTING);
                    names.1.clone_from(&directory.name);
                } else {
                    if directory.position != position {
                        let id = directory.id;
                        directories::set_position(self.tx, id, position, self.call.at).await?;
                    }
                    continue;
                }
                directory.position = position;
                directory.updated_at = self.call.at;
                directories::update(self.tx, directory).await?;
            }
            if coming > going {
                let passed = order.iter().take(coming + 1).skip(going + 1);
                let passed: Vec<DirectoryId> = passed.map(|directory| directory.id).collect();
                for other in passed {
                    if accounts::shared(self.tx, *to, other).await?.is_empty() {
                        continue;
                    }
                    remerge(self.services, self.call, self.tx, (*to, other)).await?;
                }
            }
            for id in [*from, *to] {
                lapsing::shadow(self.tx, id).await?;
            }
            // What was read of either before is nothing to go on from.
            for id in [*from, *to] {
                readings::forget(self.tx, id).await?;
            }
            shadows::forget(self.tx, *to).await?;
            let back = Choice {
                beside: *to,
                by: *by,
            };
            shadows::put(self.tx, *from, back).await?;
            let ended = self.end_sessions(*from).await?;
            let detail = json!({
                "cause": change.cause.label(),
                "in_place_of": names.0,
                "directory": from,
                "matched_by": by.word(),
                "sessions_ended": ended,
            });
            events.push(
                self.call
                    .event("directory.switch", &names.1, Some(to.0), detail),
            );
        }
        Ok(events)
    }

    /// Ends the sessions of people for whose password a directory answered.
    async fn end_sessions(self, directory: DirectoryId) -> Result<u64, Error> {
        let mut ended = 0;
        for session in sessions::of_directory(self.tx, directory).await? {
            elevations::drop_of_session(self.tx, &session, self.call.at).await?;
            ended += u64::from(sessions::revoke(self.tx, &session).await?);
        }
        Ok(ended)
    }
}

/// Where a directory stands that can be switched: it is read from somewhere.
fn place(order: &[Directory], id: DirectoryId) -> Result<usize, Error> {
    order
        .iter()
        .position(|directory| directory.id == id)
        .ok_or_else(shadowing::gone)
}
