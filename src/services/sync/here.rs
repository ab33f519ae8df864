//! What is here of one directory, as the plan sees it.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::id::{DirectoryId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::group::HereGroup;
use muster_domain::plan::person::HerePerson;
use muster_domain::plan::{Here, Owner, Protection};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::Snapshot;
use muster_domain::standing::Standing;
use muster_domain::user::User;
use muster_domain::{Error, name};
use muster_storage::accounts::{self, Account};
use muster_storage::{Reader, directories, directory_states, groups, memberships, users};

use super::planning::was_applied;
use super::{Rules, rules};
use crate::roles;

/// Rows that are read at once.
const PAGE: u64 = 500;

/// Everything of a directory, and who has the names that its source states.
pub(super) async fn of(
    reader: &impl Reader,
    directory: DirectoryId,
    snapshot: &Snapshot,
    rules: &Rules,
) -> Result<Here, Error> {
    let standing = roles::standing(reader).await?;
    let mut here = Here {
        revision: directory_states::revision(reader, directory).await?,
        ..Here::default()
    };
    people(reader, directory, snapshot, (&standing, rules), &mut here).await?;
    groups_and_members(reader, directory, (&standing, rules), &mut here).await?;
    names(reader, snapshot, rules, &mut here).await?;
    Ok(here)
}

async fn people(
    reader: &impl Reader,
    directory: DirectoryId,
    snapshot: &Snapshot,
    (standing, rules): (&Standing, &Rules),
    here: &mut Here,
) -> Result<(), Error> {
    // Of one in shadow nothing is carried out: it leads nobody.
    let order: Vec<DirectoryId> = directories::list(reader)
        .await?
        .into_iter()
        .filter(|known| known.id == directory || !rules::in_shadow(&known.settings))
        .map(|known| known.id)
        .collect();
    let privileged = standing.privileged_people();
    let mut after: Option<ExternalId> = None;
    loop {
        let page = accounts::page_of_directory(reader, directory, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.external_id.clone());
        let ids: Vec<UserId> = page.iter().map(|account| account.user).collect();
        let known: BTreeMap<UserId, User> = users::get_many(reader, &ids)
            .await?
            .into_iter()
            .map(|user| (user.id, user))
            .collect();
        let all = accounts::of_users(reader, &ids).await?;
        let known_as: Vec<ExternalId> = page.iter().map(|one| one.external_id.clone()).collect();
        let digests: BTreeMap<ExternalId, Option<String>> =
            accounts::close(reader, directory, &known_as)
                .await?
                .into_iter()
                .map(|(account, digest)| (account.external_id, digest))
                .collect();
        let members: Vec<Member> = ids.iter().copied().map(Member::User).collect();
        let rows = memberships::of_members(reader, &members).await?;
        for account in page {
            let Some(user) = known.get(&account.user) else {
                continue;
            };
            let others: Vec<&Account> = all
                .iter()
                .filter(|other| other.user == user.id && other.directory != directory)
                .collect();
            let stated = snapshot.users.get(&account.external_id);
            let kept = digests.get(&account.external_id).and_then(Option::as_deref);
            let applied = match stated {
                Some(record) if was_applied(record, kept) => record.attributes.clone(),
                _ => account.attributes.clone(),
            };
            let person = HerePerson {
                user: user.id,
                username: user.username.clone(),
                state: user.state.clone(),
                applied,
                now: account.attributes,
                record: account.raw,
                owner: owner(&order, directory, &others),
                elsewhere: !others.is_empty(),
                protected: protection(user, &privileged, rules),
                replaces: None,
                memberships: rows
                    .iter()
                    .filter(|row| row.member == Member::User(user.id))
                    .copied()
                    .collect(),
            };
            here.people.insert(account.external_id, person);
        }
    }
}

/// The first directory of the order that has an account of the person.
fn owner(order: &[DirectoryId], directory: DirectoryId, others: &[&Account]) -> Owner {
    let first = order.iter().find(|known| {
        **known == directory || others.iter().any(|other| other.directory == **known)
    });
    match first {
        Some(first) if *first != directory => Owner::Before(*first),
        _ => Owner::Own,
    }
}

fn protection(user: &User, privileged: &BTreeSet<UserId>, rules: &Rules) -> Option<Protection> {
    if user.break_glass {
        Some(Protection::BreakGlass)
    } else if privileged.contains(&user.id) {
        Some(Protection::Administrator)
    } else {
        let is_chosen = rules.protects_user(&user.username);
        is_chosen.then_some(Protection::Chosen)
    }
}

async fn groups_and_members(
    reader: &impl Reader,
    directory: DirectoryId,
    (standing, rules): (&Standing, &Rules),
    here: &mut Here,
) -> Result<(), Error> {
    let ours = Origin::Directory(directory);
    let privileged = standing.privileged_groups();
    let mut after: Option<ExternalId> = None;
    loop {
        let page = groups::page_of_directory(reader, directory, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.external_id.clone());
        for known in page {
            let group = known.group;
            let inside = memberships::in_group(reader, group.id).await?;
            let around = memberships::of_members(reader, &[Member::Group(group.id)]).await?;
            let foreign = inside.iter().chain(&around).any(|row| row.origin != ours);
            let rows = inside.iter().filter(|row| row.origin == ours);
            here.members.extend(rows.map(|row| (row.group, row.member)));
            let carries = privileged.contains(&group.id);
            let is_chosen = rules.protects_group(&group.name);
            let fresh = HereGroup {
                group: group.id,
                name: group.name,
                description: group.description,
                held: known.elsewhere || carries || foreign || group.directory != Some(directory),
                protected: if carries {
                    Some(Protection::Administrator)
                } else {
                    is_chosen.then_some(Protection::Chosen)
                },
            };
            here.groups.insert(known.external_id, fresh);
        }
    }
}

/// Who has the names that the source states, of whatever directory.
async fn names(
    reader: &impl Reader,
    snapshot: &Snapshot,
    rules: &Rules,
    here: &mut Here,
) -> Result<(), Error> {
    let stated = snapshot
        .users
        .values()
        .filter_map(|user| user.attributes.get("username"));
    let protected = stated.clone().filter(|name| rules.protects_user(name));
    here.protected_usernames = protected.cloned().collect();
    let keys: BTreeSet<String> = stated.map(|username| name::key(username)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    for user in users::by_keys(reader, &keys).await? {
        here.usernames
            .insert(name::key(&user.username), (user.id, user.username));
    }
    let stated = snapshot.groups.values().map(|group| &group.name);
    let protected = stated.clone().filter(|name| rules.protects_group(name));
    here.protected_group_names = protected.cloned().collect();
    let keys: BTreeSet<String> = stated.map(|name| name::key(name)).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    for group in groups::by_keys(reader, &keys).await? {
        here.group_names
            .insert(name::key(&group.name), (group.id, group.name));
    }
    Ok(())
}
