//! People: finding, creating, editing, keeping out and letting in again.
//!
//! What a person may be changed in follows from where it is from: attributes here are those of the internal account;
//! what other directories state is changed there.

mod access;
mod bulk;
mod detail;

use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::error::FieldError;
use muster_domain::id::UserId;
use muster_domain::listing::Page;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::role::Permission;
use muster_domain::user::{Deactivation, User};
use muster_domain::{Error, Kind, name};
use muster_storage::{Tx, accounts, credentials, users};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::forced::{self, By};
use crate::{Call, Services, directories, guard, lockout, password, provisioning, roles};

pub(crate) use access::ways_in;
pub use access::{
    BreakGlass, Identity, link_identity, remove_local_password, set_break_glass,
    set_local_password, unlink_identity,
};
pub use bulk::{BulkAction, BulkDone, BulkLine, BulkPlan, CAP, Selection, apply_bulk, plan_bulk};
pub(crate) use detail::Words;
pub use detail::{
    AccountDetail, AttributeDetail, EffectiveDetail, IdentityDetail, MembershipDetail, RoleDetail,
    UserDetail, UserMay, detail,
};
pub use muster_storage::Paging;
pub use muster_storage::sign_ins::{Outcome, SignIn};
pub use muster_storage::users::{GroupReach, Shown, UserFilter, UserRow, UserSort};

/// Longest accepted reason of a deactivation, in characters.
const LONGEST_REASON: usize = 500;

/// One page of people, each with the directories they have accounts in and how many groups they are in directly.
///
/// # Errors
/// Without permission.
pub async fn list(
    services: &Services,
    call: &Call,
    filter: &UserFilter,
    paging: &Paging<UserSort>,
) -> Result<Page<UserRow>, Error> {
    call.may(Permission::ViewPeople)?;
    users::list(services.db(), filter, paging).await
}

/// The same page together with every directory in order, to filter by.
///
/// # Errors
/// Without permission.
pub async fn show(
    services: &Services,
    call: &Call,
    filter: &UserFilter,
    paging: &Paging<UserSort>,
) -> Result<Shown, Error> {
    call.may(Permission::ViewPeople)?;
    users::show(services.db(), filter, paging).await
}

/// People whose username, name or e-mail holds `q`, at most twenty: for choosing one.
///
/// # Errors
/// Without permission.
pub async fn search(services: &Services, call: &Call, q: &str) -> Result<Vec<User>, Error> {
    call.may(Permission::ViewPeople)?;
    let filter = UserFilter {
        q: Some(q.to_owned()),
        ..UserFilter::default()
    };
    let paging = Paging {
        rows: 20,
        ..Paging::default()
    };
    let page = users::list(services.db(), &filter, &paging).await?;
    Ok(page.rows.into_iter().map(|row| row.user).collect())
}

/// The person of exactly this username, upper and lower case being the same.
///
/// # Errors
/// Without permission.
pub async fn by_username(
    services: &Services,
    call: &Call,
    username: &str,
) -> Result<Option<User>, Error> {
    call.may(Permission::ViewPeople)?;
    users::by_username(services.db(), username).await
}

/// What people type about a person, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fields {
    /// Username.
    pub username: String,
    /// The name people read.
    pub display_name: String,
    /// E-mail address; none: unknown.
    pub email: Option<String>,
}

/// Checks what was typed about a person.
///
/// # Errors
/// With messages beside the fields `username`, `display_name`, `email`.
pub fn checked_fields(username: &str, display_name: &str, email: &str) -> Result<Fields, Error> {
    let mut refused: Vec<FieldError> = Vec::new();
    let mut keep = |checked: Result<String, FieldError>| {
        checked
            .map_err(|field| refused.push(field))
            .unwrap_or_default()
    };
    let fields = Fields {
        username: keep(name::check_username(username)),
        display_name: keep(name::check_display_name(display_name)),
        email: match email.trim() {
            "" => None,
            typed => Some(keep(name::check_email(typed))),
        },
    };
    if refused.is_empty() {
        Ok(fields)
    } else {
        Err(Error::form(refused))
    }
}

impl Fields {
    /// Writes them into the attributes of an account.
    fn write(&self, attributes: &mut Attributes) {
        attributes.insert("username".to_owned(), self.username.clone());
        attributes.insert("display_name".to_owned(), self.display_name.clone());
        match &self.email {
            Some(email) => attributes.insert("email".to_owned(), email.clone()),
            None => attributes.remove("email"),
        };
    }
}

/// Makes a person with an account in the internal directory. Gives their user and what goes on record.
///
/// # Errors
/// When the username is taken.
pub(crate) async fn insert_internal(
    services: &Services,
    call: &Call,
    tx: &Tx,
    fields: &Fields,
    break_glass: BreakGlass,
) -> Result<(User, Vec<AuditEvent>), Error> {
    free(tx, &fields.username, None).await?;
    let directory = directories::internal(services, call, tx).await?;
    let mut attributes = Attributes::new();
    fields.write(&mut attributes);
    let id: UserId = services.id();
    let action = Action::CreateUser {
        user: id,
        directory: directory.id,
        external_id: ExternalId(id.to_string()),
        attributes,
    };
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, call, tx, &[change]).await?;
    let mut user = users::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    if break_glass == BreakGlass::Yes {
        user.break_glass = true;
        users::update(tx, &user).await?;
    }
    Ok((user, events))
}

/// Creates a person with an internal account, and a local password if one is given.
///
/// # Errors
/// Without permission, or with messages beside the fields.
pub async fn create(
    services: &Services,
    call: &Call,
    fields: &Fields,
    password: Option<&SecretString>,
) -> Result<UserId, Error> {
    call.may(Permission::EditPeople)?;
    let hash = match password {
        Some(password) => {
            Some(password::make(services, password.expose_secret(), &about(fields)).await?)
        }
        None => None,
    };
    let tx = services.db().begin().await?;
    let (user, mut events) = insert_internal(services, call, &tx, fields, BreakGlass::No).await?;
    if let Some(hash) = hash {
        let opened_by = call.opens_for(user.id);
        let set_by = Some(call.actor());
        credentials::set_password(&tx, user.id, &hash, set_by, &opened_by, call.at).await?;
        if call.person().is_some() {
            forced::settled(services, call, &tx, &user, By::Other).await?;
        }
        events.push(call.event(
            "user.password.set",
            &user.username,
            Some(user.id.0),
            json!({}),
        ));
    }
    tx.commit(&events).await?;
    Ok(user.id)
}

fn about(fields: &Fields) -> Vec<&str> {
    [&fields.username, &fields.display_name]
        .into_iter()
        .chain(&fields.email)
        .map(String::as_str)
        .collect()
}

/// Changes the attributes of a person's internal account. The person stays the same one under a new username.
///
/// # Errors
/// Without permission, for somebody without an internal account, or with messages beside the fields.
pub async fn edit(
    services: &Services,
    call: &Call,
    id: UserId,
    fields: &Fields,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    find(&tx, id).await?;
    let standing = roles::standing_in(&tx).await?;
    guard::may_alter(call, &standing, id)?;
    let directory = directories::internal(services, call, &tx).await?;
    let accounts = accounts::of_user(&tx, id).await?;
    let Some(account) = accounts
        .into_iter()
        .find(|account| account.directory == directory.id)
    else {
        return Err(Error::new(
            "USR-004",
            Kind::Conflict,
            "This person has no internal account.",
        )
        .next("Their attributes come from other directories. Change them there."));
    };
    free(&tx, &fields.username, Some(id)).await?;
    let mut attributes = account.attributes;
    let entered = attributes.get("email").cloned();
    fields.write(&mut attributes);
    if entered != attributes.get("email").cloned() {
        // Links for a new password go to the address that was entered here: it is a way in.
        ways_in(call, &standing, call.elevated().ok().as_ref(), id)?;
    }
    let action = Action::UpdateAccount {
        user: id,
        directory: directory.id,
        external_id: account.external_id,
        attributes,
    };
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    if events.is_empty() {
        return tx.rollback().await;
    }
    tx.commit(&events).await
}

/// Keeps a person out: their sessions and secure sessions end in the same breath, and no sign-in, by whatever way,
/// brings them back. [`reactivate`] does.
///
/// # Errors
/// Without permission; for an unknown or deactivated person; for yourself, a superadmin you do not outrank, the last
/// superadmin, and break-glass accounts (see [`guard::deactivation_refused`]).
pub async fn deactivate(
    services: &Services,
    call: &Call,
    id: UserId,
    reason: &str,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let reason = checked_reason(reason)?;
    let tx = services.db().begin().await?;
    let user = find(&tx, id).await?;
    let ways_in = lockout::before(services, &tx).await?;
    let leaving = std::collections::BTreeSet::from([id]);
    let break_glass = access::break_glass(&tx).await?;
    if let Some(refused) =
        guard::deactivation_refused(call, ways_in.standing(), &user, &leaving, &break_glass)
    {
        return Err(refused);
    }
    if !user.is_active() {
        return Err(Error::new(
            "USR-014",
            Kind::Conflict,
            "This person is deactivated already.",
        ));
    }
    let change = Change::new(
        Action::Deactivate {
            user: id,
            by: deactivation(call, reason),
        },
        Cause::ByHand,
    );
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    ways_in.holds(&tx).await?;
    tx.commit(&events).await
}

/// Lets a person in again.
///
/// # Errors
/// Without permission; for an unknown or active person; for a superadmin you do not outrank.
pub async fn reactivate(services: &Services, call: &Call, id: UserId) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    find(&tx, id).await?;
    guard::may_alter(call, &roles::standing_in(&tx).await?, id)?;
    let change = Change::new(Action::Reactivate { user: id }, Cause::ByHand);
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    if events.is_empty() {
        return Err(Error::new(
            "USR-015",
            Kind::Conflict,
            "This person is active already.",
        ));
    }
    tx.commit(&events).await
}

fn deactivation(call: &Call, reason: Option<String>) -> Deactivation {
    Deactivation {
        directory: None,
        by: call.actor().to_owned(),
        at: call.at,
        reason,
    }
}

fn checked_reason(reason: &str) -> Result<Option<String>, Error> {
    let reason = reason.trim();
    if reason.chars().count() > LONGEST_REASON {
        let words = format!("Use at most {LONGEST_REASON} characters.");
        return Err(Error::form(Vec::new()).field("reason", words));
    }
    Ok((!reason.is_empty()).then(|| reason.to_owned()))
}

async fn find(tx: &Tx, id: UserId) -> Result<User, Error> {
    users::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))
}

async fn free(tx: &Tx, username: &str, own: Option<UserId>) -> Result<(), Error> {
    match users::by_username(tx, username).await? {
        Some(other) if Some(other.id) != own => Err(users::username_taken()),
        _ => Ok(()),
    }
}

/// Whether the caller has a password of the internal directory.
///
/// # Errors
/// When nobody is signed in.
pub async fn has_password(services: &Services, call: &Call) -> Result<bool, Error> {
    let person = call.signed_in()?;
    Ok(
        muster_storage::credentials::password(services.db(), person.user.id)
            .await?
            .is_some(),
    )
}
