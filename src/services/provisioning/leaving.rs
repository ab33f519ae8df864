//! What a directory alone does: people and accounts that go, groups that it knows, renames and removes.

use std::collections::BTreeMap;

use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::{Error, Kind, name};
use muster_storage::groups::{self, Group};
use muster_storage::{accounts, memberships, users};
use serde_json::json;

use super::{Door, lapsing};

impl Door<'_> {
    /// Takes accounts away from people who have others.
    pub(super) async fn remove_accounts(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        let mut without: BTreeMap<DirectoryId, Vec<UserId>> = BTreeMap::new();
        for change in run {
            let Action::RemoveAccount {
                user,
                directory,
                external_id,
            } = &change.action
            else {
                continue;
            };
            let Some(mut person) = users::get(self.tx, *user).await? else {
                return Err(Error::not_found("user"));
            };
            let Some(account) = accounts::by_external(self.tx, *directory, external_id)
                .await?
                .filter(|account| account.user == *user)
            else {
                continue;
            };
            accounts::delete(self.tx, account.id).await?;
            self.refresh(&mut person).await?;
            without.entry(*directory).or_default().push(*user);
            let detail = json!({
                "cause": change.cause.label(),
                "directory": directory,
                "attributes": account.attributes,
            });
            events.push(self.call.event(
                "user.account.remove",
                &person.username,
                Some(user.0),
                detail,
            ));
        }
        for (front, people) in without {
            lapsing::accounts_in(self.tx, front, &people).await?;
        }
        Ok(events)
    }

    /// Removes people altogether. What cannot be brought back (means to sign in) goes, too.
    pub(super) async fn delete_users(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::DeleteUser { user } = &change.action else {
                continue;
            };
            let Some(person) = users::get(self.tx, *user).await? else {
                continue;
            };
            let kept: Vec<_> = accounts::of_user(self.tx, *user)
                .await?
                .into_iter()
                .map(|account| {
                    json!({
                        "directory": account.directory,
                        "external_id": account.external_id,
                        "attributes": account.attributes,
                    })
                })
                .collect();
            users::delete(self.tx, *user).await?;
            let detail = json!({ "cause": change.cause.label(), "accounts": kept });
            events.push(
                self.call
                    .event("user.delete", &person.username, Some(user.0), detail),
            );
        }
        Ok(events)
    }

    /// Notes, or forgets, which group of a directory a group here is.
    pub(super) async fn point_groups(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let (action, group, directory, external_id) = match &change.action {
                Action::LinkGroup {
                    group,
                    directory,
                    external_id,
                } => {
                    if groups::by_source(self.tx, *directory, external_id).await? == Some(*group) {
                        continue;
                    }
                    groups::add_source(self.tx, *group, *directory, external_id).await?;
                    let mut known = self.group(*group).await?;
                    if known.directory.is_none() {
                        known.directory = Some(*directory);
                        known.updated_at = self.call.at;
                        groups::update(self.tx, &known).await?;
                    }
                    ("group.link", *group, directory, external_id)
                }
                Action::UnlinkGroup {
                    group,
                    directory,
                    external_id,
                } => {
                    if !groups::remove_source(self.tx, *group, *directory, external_id).await? {
                        continue;
                    }
                    let mut known = self.group(*group).await?;
                    if known.directory == Some(*directory) {
                        known.directory = None;
                        known.updated_at = self.call.at;
                        groups::update(self.tx, &known).await?;
                    }
                    ("group.unlink", *group, directory, external_id)
                }
                _ => continue,
            };
            let detail = json!({
                "cause": change.cause.label(),
                "directory": directory,
                "external_id": external_id,
            });
            let name = self.group(group).await?.name;
            events.push(self.call.event(action, &name, Some(group.0), detail));
        }
        Ok(events)
    }

    pub(super) async fn rename_groups(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::RenameGroup { group, name } = &change.action else {
                continue;
            };
            let name = name::check_group_name(name).map_err(|field| Error::form(vec![field]))?;
            let mut known = self.group(*group).await?;
            if known.name == name {
                continue;
            }
            let before = std::mem::replace(&mut known.name, name);
            known.updated_at = self.call.at;
            groups::update(self.tx, &known).await?;
            let detail = json!({
                "cause": change.cause.label(),
                "before": { "name": before },
                "after": { "name": known.name },
            });
            events.push(
                self.call
                    .event("group.edit", &known.name, Some(group.0), detail),
            );
        }
        Ok(events)
    }

    /// Removes groups that nobody is in.
    pub(super) async fn delete_groups(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let mut events = Vec::new();
        for change in run {
            let Action::DeleteGroup { group } = &change.action else {
                continue;
            };
            let Some(known) = groups::get(self.tx, *group).await? else {
                continue;
            };
            if !memberships::is_empty(self.tx, *group).await? {
                return Err(Error::new(
                    "GRP-008",
                    Kind::Conflict,
                    "Somebody is in this group still.",
                )
                .next("Make the plan again and look at it."));
            }
            groups::delete(self.tx, *group).await?;
            let detail = json!({ "cause": change.cause.label() });
            events.push(
                self.call
                    .event("group.delete", &known.name, Some(group.0), detail),
            );
        }
        Ok(events)
    }

    async fn group(self, id: GroupId) -> Result<Group, Error> {
        groups::get(self.tx, id)
            .await?
            .ok_or_else(|| Error::not_found("group"))
    }
}
