//! Everything about one person, each piece with where it is from.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{AccountId, DirectoryId, GroupId, ProviderId, UserId};
use muster_domain::listing::Direction;
use muster_domain::membership::{Effective, Member, Origin, effective};
use muster_domain::record::{Attributes, ExternalId, KNOWN};
use muster_domain::role::{Permission, Role};
use muster_domain::shadow;
use muster_domain::user::User;
use muster_storage::memberships::{self, MembershipRow};
use muster_storage::sign_ins::{self, SignIn, SignInFilter};
use muster_storage::{
    Paging, accounts, credentials, directories, groups, providers, subjects, users,
};

use crate::sessions::{self, SessionRow};
use crate::standing::{Standing, Through};
use crate::{Call, Services, forced, guard, lockout, provisioning, roles, sign_in_policy};

/// Sign-ins shown on a person's page.
const SIGN_INS: u64 = 10;

/// Everything about one person.
#[derive(Clone, Debug)]
pub struct UserDetail {
    /// The person.
    pub user: User,
    /// Their accounts, in directory order.
    pub accounts: Vec<AccountDetail>,
    /// What is known of them, with the directory each value is from.
    pub attributes: Vec<AttributeDetail>,
    /// Groups they are in directly, with every origin.
    pub memberships: Vec<MembershipDetail>,
    /// Groups they are in, directly or through nested groups, nearest first, with the way.
    pub effective: Vec<EffectiveDetail>,
    /// Identities at providers.
    pub identities: Vec<IdentityDetail>,
    /// Sessions, newest first; none when the caller may not see them.
    pub sessions: Option<Vec<SessionRow>>,
    /// Roles, each with every way they come by it.
    pub roles: Vec<RoleDetail>,
    /// Last sign-ins, newest first.
    pub sign_ins: Vec<SignIn>,
    /// When the local password was set, if there is one.
    pub password_set_at: Option<DateTime<Utc>>,
    /// Whether they choose another password at their next sign-in.
    pub must_change_password: bool,
    /// What the caller may do here.
    pub may: UserMay,
    /// Why deactivating them would be refused, if it is because no superadmin would be known to get in.
    pub shuts_out: Option<String>,
}

/// One account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountDetail {
    /// Its id.
    pub id: AccountId,
    /// Its directory.
    pub directory: DirectoryId,
    /// The directory's name.
    pub directory_name: String,
    /// The directory's kind.
    pub kind: String,
    /// How accounts arrive in that directory.
    pub method: &'static str,
    /// The account's immutable id there.
    pub external_id: ExternalId,
    /// Whether the directory holds it active.
    pub active: bool,
    /// Whether the directory is in shadow: what it states counts for whom no other one names.
    pub in_shadow: bool,
    /// Its attributes as last applied.
    pub attributes: Attributes,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When the directory last stated it: brought along by a sign-in, or taken over by a sync that found it new or changed.
    pub last_confirmed_at: DateTime<Utc>,
    /// When the directory was last read as a whole, where it is read.
    pub read_at: Option<DateTime<Utc>>,
}

/// One attribute with the directory that wins and those that lose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttributeDetail {
    /// Its stable name.
    pub name: String,
    /// The words people read.
    pub label: String,
    /// The value that counts.
    pub value: String,
    /// The name of the directory it is from.
    pub from: String,
    /// What directories further down state instead: name and value.
    pub overruled: Vec<(String, String)>,
}

/// A direct membership.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipDetail {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// What put the person there: origin and words.
    pub origins: Vec<(Origin, String)>,
}

/// A group the person is in, with the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectiveDetail {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// From the group they are in directly to this one; one entry: directly.
    pub path: Vec<(GroupId, String)>,
    /// What put them into the first group of the path.
    pub origins: Vec<(Origin, String)>,
}

/// An identity at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityDetail {
    /// The provider.
    pub provider: ProviderId,
    /// Its name.
    pub provider_name: String,
    /// The issuer.
    pub issuer: String,
    /// The subject within the issuer.
    pub subject: String,
    /// When it was linked.
    pub linked_at: DateTime<Utc>,
    /// By whom.
    pub linked_by: String,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A role with one way the person comes by it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleDetail {
    /// The role.
    pub role: Role,
    /// From the person's own group to the one that carries the role; empty: granted to the person.
    pub path: Vec<(GroupId, String)>,
}

/// What the caller may do with this person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserMay {
    /// Edit, deactivate, change groups and ways in.
    pub edit: bool,
    /// End their sessions.
    pub end_sessions: bool,
    /// Grant and withdraw roles.
    pub manage_roles: bool,
    /// Changing their ways in (password, identities) needs a secure session.
    pub needs_elevation: bool,
    /// Their internal account, if there is one, can be edited and have a password.
    pub has_internal_account: bool,
    /// Whether the person may be given a password, by the sign-in policy.
    pub may_have_password: bool,
}

/// Everything about one person.
///
/// # Errors
/// Without permission (one's own page is open to everybody who may use the console), for an unknown person.
pub async fn detail(services: &Services, call: &Call, id: UserId) -> Result<UserDetail, Error> {
    let own = call.user().is_some_and(|caller| caller.id == id);
    call.may(if own {
        Permission::UseConsole
    } else {
        Permission::ViewPeople
    })?;
    let db = services.db();
    let user = users::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let accounts = load_accounts(services, id).await?;
    let words = Words::load(services).await?;
    let direct = memberships::of_member(db, Member::User(id)).await?;
    let ways = effective(&memberships::edges_around(db, id).await?, id);
    let standing = roles::standing(db).await?;
    let names = group_names(services, &ways, &standing, id).await?;
    let roles = role_details(&standing, id, &names);
    let sees_sessions =
        own || call.can(Permission::EndSessions) || call.can(Permission::ViewSecurity);
    let sessions = if sees_sessions {
        Some(sessions::of_user(services, call, id).await?)
    } else {
        None
    };
    let may = may(call, &standing, &accounts, id);
    let shuts_out = if may.edit && standing.superadmins().contains(&id) {
        let gone = std::collections::BTreeSet::from([id]);
        let after = standing.clone().without_people(&gone);
        lockout::foretell(services, |is| is.standing = after).await?
    } else {
        None
    };
    Ok(UserDetail {
        shuts_out: shuts_out.map(|refused| refused.public.into_owned()),
        attributes: attributes_of(&accounts),
        memberships: direct_details(&direct, &words),
        effective: ways
            .iter()
            .map(|way| effective_detail(way, &words, &names))
            .collect(),
        identities: load_identities(services, id, &words).await?,
        sessions,
        may: UserMay {
            may_have_password: sign_in_policy::may_have(db, id).await.is_ok(),
            ..may
        },
        roles,
        sign_ins: last_sign_ins(services, id).await?,
        password_set_at: credentials::password(db, id)
            .await?
            .map(|password| password.changed_at),
        must_change_password: forced::is_wanted(services, id).await?,
        accounts,
        user,
    })
}

async fn last_sign_ins(services: &Services, id: UserId) -> Result<Vec<SignIn>, Error> {
    let filter = SignInFilter {
        user: Some(id),
        ..SignInFilter::default()
    };
    let paging = Paging {
        direction: Direction::Desc,
        rows: SIGN_INS,
        ..Paging::default()
    };
    Ok(sign_ins::list(services.db(), &filter, &paging).await?.rows)
}

fn may(call: &Call, standing: &Standing, accounts: &[AccountDetail], id: UserId) -> UserMay {
    UserMay {
        edit: call.can(Permission::EditPeople) && guard::may_alter(call, standing, id).is_ok(),
        end_sessions: call.can(Permission::EndSessions) || call.user().is_some_and(|u| u.id == id),
        manage_roles: call.can(Permission::ManageRoles),
        needs_elevation: guard::is_privileged(standing, id),
        has_internal_account: accounts
            .iter()
            .any(|account| account.kind == crate::directories::INTERNAL),
        may_have_password: false,
    }
}

/// Names of providers and directories, for the words of origins.
pub(crate) struct Words {
    providers: BTreeMap<ProviderId, String>,
    directories: BTreeMap<DirectoryId, String>,
}

impl Words {
    pub(crate) async fn load(services: &Services) -> Result<Self, Error> {
        let providers = providers::list(services.db()).await?;
        let directories = directories::list(services.db()).await?;
        Ok(Self {
            providers: providers.into_iter().map(|p| (p.id, p.name)).collect(),
            directories: directories.into_iter().map(|d| (d.id, d.name)).collect(),
        })
    }

    /// What put a member there, in words.
    pub(crate) fn of(&self, origin: Origin) -> String {
        let name = match origin {
            Origin::Manual => None,
            Origin::Claims(provider) | Origin::Default(provider) => self.providers.get(&provider),
            Origin::Directory(directory) => self.directories.get(&directory),
        };
        origin.words(name.map_or("a source that was removed", String::as_str))
    }

    pub(crate) fn all(&self, origins: &[Origin]) -> Vec<(Origin, String)> {
        origins
            .iter()
            .map(|origin| (*origin, self.of(*origin)))
            .collect()
    }
}

async fn load_accounts(services: &Services, id: UserId) -> Result<Vec<AccountDetail>, Error> {
    let directories = directories::list(services.db()).await?;
    let mut details = Vec::new();
    for account in accounts::of_user(services.db(), id).await? {
        let directory = directories.iter().find(|d| d.id == account.directory);
        let kind = directory.map(|d| d.kind.clone()).unwrap_or_default();
        let read = directory.filter(|d| services.directory_kind(&d.kind).is_ok());
        details.push(AccountDetail {
            id: account.id,
            directory: account.directory,
            directory_name: directory.map(|d| d.name.clone()).unwrap_or_default(),
            method: crate::directories::method_of(&kind),
            kind,
            external_id: account.external_id,
            active: account.active,
            in_shadow: directory.is_some_and(|d| shadow::is_on(&d.settings)),
            attributes: account.attributes,
            first_seen_at: account.first_seen_at,
            last_confirmed_at: account.last_confirmed_at,
            read_at: match read {
                Some(read) => crate::directories::confirmed_at(services, read).await?,
                None => None,
            },
        });
    }
    Ok(details)
}

/// Known attributes first, in their order, then the others by name.
fn attributes_of(accounts: &[AccountDetail]) -> Vec<AttributeDetail> {
    let leading = shadow::leading(
        accounts.iter().collect(),
        |account| account.in_shadow,
        |account| &account.attributes,
    );
    let merged = provisioning::merge::merge(leading.iter().map(|a| (a.directory, &a.attributes)));
    let directory = |id: DirectoryId| {
        let account = accounts.iter().find(|account| account.directory == id);
        account
            .map(|account| account.directory_name.clone())
            .unwrap_or_default()
    };
    let known = |name: &str| KNOWN.iter().position(|(known, _)| *known == name);
    let mut rows: Vec<AttributeDetail> = merged
        .into_iter()
        .map(|(name, merged)| AttributeDetail {
            label: KNOWN
                .iter()
                .find(|(known, _)| *known == name)
                .map_or_else(|| name.clone(), |(_, label)| (*label).to_owned()),
            value: merged.value,
            from: directory(merged.from),
            overruled: merged
                .overruled
                .into_iter()
                .map(|(id, value)| (directory(id), value))
                .collect(),
            name,
        })
        .collect();
    rows.sort_by_key(|row| known(&row.name).unwrap_or(KNOWN.len()));
    rows
}

type GroupNames = BTreeMap<GroupId, String>;

async fn group_names(
    services: &Services,
    ways: &[Effective<GroupId>],
    standing: &Standing,
    user: UserId,
) -> Result<GroupNames, Error> {
    let mut wanted: Vec<GroupId> = ways.iter().flat_map(|way| way.path.clone()).collect();
    for role in Role::ALL {
        for through in standing.holders(role).remove(&user).into_iter().flatten() {
            if let Through::Group { path, .. } = through {
                wanted.extend(path);
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let groups = groups::get_many(services.db(), &wanted).await?;
    Ok(groups
        .into_iter()
        .map(|group| (group.id, group.name))
        .collect())
}

fn named(path: &[GroupId], names: &GroupNames) -> Vec<(GroupId, String)> {
    path.iter()
        .map(|id| (*id, names.get(id).cloned().unwrap_or_default()))
        .collect()
}

fn direct_details(rows: &[MembershipRow], words: &Words) -> Vec<MembershipDetail> {
    let mut details: Vec<MembershipDetail> = Vec::new();
    for row in rows {
        let origin = (row.membership.origin, words.of(row.membership.origin));
        match details
            .last_mut()
            .filter(|last| last.group == row.membership.group)
        {
            Some(last) => last.origins.push(origin),
            None => details.push(MembershipDetail {
                group: row.membership.group,
                name: row.group_name.clone(),
                origins: vec![origin],
            }),
        }
    }
    details
}

fn effective_detail(
    way: &Effective<GroupId>,
    words: &Words,
    names: &GroupNames,
) -> EffectiveDetail {
    EffectiveDetail {
        group: way.of,
        name: names.get(&way.of).cloned().unwrap_or_default(),
        path: named(&way.path, names),
        origins: words.all(&way.origins),
    }
}

fn role_details(standing: &Standing, user: UserId, names: &GroupNames) -> Vec<RoleDetail> {
    let mut details = Vec::new();
    for role in Role::ALL {
        for through in standing.holders(role).remove(&user).into_iter().flatten() {
            let path = match through {
                Through::Direct(_) => Vec::new(),
                Through::Group { path, .. } => named(&path, names),
            };
            details.push(RoleDetail { role, path });
        }
    }
    details
}

async fn load_identities(
    services: &Services,
    id: UserId,
    words: &Words,
) -> Result<Vec<IdentityDetail>, Error> {
    let subjects = subjects::of_user(services.db(), id).await?;
    Ok(subjects
        .into_iter()
        .map(|subject| IdentityDetail {
            provider: subject.provider,
            provider_name: words
                .providers
                .get(&subject.provider)
                .cloned()
                .unwrap_or_default(),
            issuer: subject.issuer,
            subject: subject.subject,
            linked_at: subject.linked_at,
            linked_by: subject.linked_by,
            last_used_at: subject.last_used_at,
        })
        .collect())
}
