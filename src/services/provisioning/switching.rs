//! One directory in the place of another: people and memberships change hands, and the two directories their standing.
//! Only a plan that a person approved does this.

use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::DirectoryId;
use muster_domain::shadow::SETTING;
use muster_storage::directories;
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
            let Action::SwitchDirectory {
                from,
                to,
                by,
                place,
                ..
            } = &change.action
            else {
                continue;
            };
            directories::take_turns(self.tx).await?;
            let before = directories::list(self.tx).await?;
            let ids: Vec<DirectoryId> = before.iter().map(|one| one.id).collect();
            let after = reordered(&ids, (*from, *to), *place).ok_or_else(shadowing::gone)?;
            let mut names = (String::new(), String::new());
            for mut directory in before.clone() {
                if directory.id == *from {
                    let on = (SETTING.to_owned(), "on".to_owned());
                    directory.settings.extend([on]);
                    names.0.clone_from(&directory.name);
                } else if directory.id == *to {
                    directory.settings.remove(SETTING);
                    names.1.clone_from(&directory.name);
                } else {
                    continue;
                }
                directory.updated_at = self.call.at;
                directories::update(self.tx, &directory).await?;
            }
            for known in &before {
                let place = after.iter().position(|id| *id == known.id);
                let place = place.and_then(|place| i64::try_from(place).ok());
                if let Some(place) = place.filter(|place| *place != known.position) {
                    directories::set_position(self.tx, known.id, place, self.call.at).await?;
                }
            }
            for other in passed(&ids, &after, *to) {
                if !accounts::shared(self.tx, *to, other).await?.is_empty() {
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

/// The order in which `to` stands directly before `from`, unless it stood before it already; where `from` goes back to a
/// `place`, it alone moves. None: one of them is not there.
fn reordered(
    order: &[DirectoryId],
    (from, to): (DirectoryId, DirectoryId),
    place: Option<usize>,
) -> Option<Vec<DirectoryId>> {
    let at = |id| order.iter().position(|known| *known == id);
    let (going, coming) = (at(from)?, at(to)?);
    let mut after = order.to_vec();
    match place {
        Some(place) => {
            after.remove(going);
            after.insert(place.min(after.len()), from);
        }
        None if coming > going => {
            after.remove(coming);
            after.insert(going, to);
        }
        None => {}
    }
    Some(after)
}

/// Those before which `one` stands and did not, or the other way round.
fn passed(before: &[DirectoryId], after: &[DirectoryId], one: DirectoryId) -> Vec<DirectoryId> {
    let at = |order: &[DirectoryId], id| order.iter().position(|known| *known == id);
    let others = before.iter().copied().filter(|other| *other != one);
    others
        .filter(|other| {
            (at(before, one) < at(before, *other)) != (at(after, one) < at(after, *other))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn whoever_takes_a_place_stands_before_it_and_goes_back_to_where_they_stood() {
        let all = [1_u128, 2, 3, 4].map(|id| DirectoryId(Uuid::from_u128(id)));
        let [a, b, c, d] = all;
        let switched = reordered(&all, (a, d), None).unwrap();
        assert_eq!(switched, [d, a, b, c]);
        assert_eq!(passed(&all, &switched, d), [a, b, c]);
        assert_eq!(reordered(&switched, (d, a), Some(3)).unwrap(), all);
        assert_eq!(passed(&switched, &all, a), [d]);
        // One that stood in front stays there, and its way back moves nobody.
        assert_eq!(reordered(&all, (c, a), None).unwrap(), all);
        assert_eq!(reordered(&all, (a, c), Some(0)).unwrap(), all);
        assert_eq!(reordered(&all, (a, c), Some(99)).unwrap(), [b, c, d, a]);
        assert_eq!(reordered(&[a, b], (a, d), None), None);
    }
}
