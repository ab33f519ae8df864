//! Rules against taking more power than one has, and against losing the last one who has it all.
//!
//! They need the whole picture of roles ([`Standing`]); services load it inside the transaction that writes.

use std::collections::BTreeSet;

use muster_domain::id::{GroupId, UserId};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::user::User;
use muster_domain::{Error, Kind};

use crate::call::{Call, Who};
use crate::standing::Standing;

/// The caller proved presence: the secure session that was handed in is the one of this very call.
/// Parts of this program have no presence to prove.
///
/// # Errors
/// `ELV-001` when none was handed in, `ELV-002` when it belongs to another session.
pub fn present(call: &Call, elevated: Option<&ElevatedSession<'_>>) -> Result<(), Error> {
    if matches!(call.who, Who::System(_)) {
        return Ok(());
    }
    let Some(elevated) = elevated else {
        return Err(Error::new(
            "ELV-001",
            Kind::ElevationNeeded,
            "This needs a secure session.",
        )
        .next("Prove that it is you, and what you were doing goes on."));
    };
    let own = call.session().is_some_and(|session| {
        session.key == elevated.session().key && session.user == elevated.session().user
    });
    if own && elevated.counts_at(call.at) {
        Ok(())
    } else {
        Err(Error::new(
            "ELV-002",
            Kind::ElevationNeeded,
            "That secure session belongs to another sign-in or is over.",
        )
        .next("Prove that it is you in this browser."))
    }
}

/// The secure session of this very call, where somebody who has to prove presence calls; none for parts of this program.
///
/// # Errors
/// `WEB-401` when nobody is signed in, `ELV-001` when no secure session runs.
pub fn proven(call: &Call) -> Result<Option<ElevatedSession<'_>>, Error> {
    match call.who {
        Who::System(_) => Ok(None),
        _ => call.elevated().map(Some),
    }
}

/// A person who holds superadmin is altered by those alone who manage roles.
///
/// # Errors
/// `ROLE-002` when the caller may not.
pub fn may_alter(call: &Call, standing: &Standing, user: UserId) -> Result<(), Error> {
    let outranks = standing.roles_of(user).contains(&Role::Superadmin);
    if outranks && !call.can(Permission::ManageRoles) {
        return Err(Error::new(
            "ROLE-002",
            Kind::Forbidden,
            "This person is a superadmin. Only a superadmin may change a superadmin.",
        )
        .next("Ask a superadmin to do it."));
    }
    Ok(())
}

/// Whether presence must be proven before this person's ways in are changed: they hold a role.
#[must_use]
pub fn is_privileged(standing: &Standing, user: UserId) -> bool {
    !standing.roles_of(user).is_empty()
}

/// Changing who is in a group that carries a role grants or withdraws that role: it takes the permission and the
/// presence that granting takes.
///
/// # Errors
/// `ROLE-003` when the caller may not manage roles, `ELV-001` when presence is not proven.
pub fn may_change_members(
    call: &Call,
    standing: &Standing,
    elevated: Option<&ElevatedSession<'_>>,
    group: GroupId,
) -> Result<(), Error> {
    let carried = standing.carried_by(group);
    let Some(strongest) = carried.first() else {
        return Ok(());
    };
    if !call.can(Permission::ManageRoles) {
        return Err(Error::new(
            "ROLE-003",
            Kind::Forbidden,
            format!(
                "This group carries the role {}. Changing it changes who holds the role.",
                strongest.label()
            ),
        )
        .next("Ask a superadmin to do it."));
    }
    present(call, elevated)
}

/// A change may not take away the last superadmin who may sign in. Where there was none before, nothing is lost.
///
/// # Errors
/// `ROLE-001`.
pub fn keeps_a_superadmin(before: &Standing, after: &Standing) -> Result<(), Error> {
    if after.superadmins().is_empty() && !before.superadmins().is_empty() {
        return Err(last_superadmin());
    }
    Ok(())
}

fn last_superadmin() -> Error {
    Error::new(
        "ROLE-001",
        Kind::Conflict,
        "This would leave no superadmin who may sign in.",
    )
    .next("Grant the role to somebody else first.")
}

/// Why a person may not be deactivated by this caller, or none. The order is the order of what matters.
///
/// `leaving` are the people who would be deactivated together, this one included; `break_glass` the active
/// break-glass accounts.
#[must_use]
pub fn deactivation_refused(
    call: &Call,
    standing: &Standing,
    user: &User,
    leaving: &BTreeSet<UserId>,
    break_glass: &BTreeSet<UserId>,
) -> Option<Error> {
    if call.user().is_some_and(|caller| caller.id == user.id) {
        return Some(
            Error::new("USR-010", Kind::Invalid, "You cannot deactivate yourself.")
                .next("Ask another admin to do it."),
        );
    }
    if user.break_glass && !call.can(Permission::ManageRoles) {
        return Some(
            Error::new(
                "USR-011",
                Kind::Forbidden,
                "This is a break-glass account. Only a superadmin may deactivate it.",
            )
            .next("Ask a superadmin to do it."),
        );
    }
    if user.break_glass && user.is_active() && break_glass.is_subset(leaving) {
        return Some(
            Error::new(
                "USR-012",
                Kind::Conflict,
                "This is the last break-glass account. Without it nobody gets in when every identity provider is down.",
            )
            .next("Make another account break-glass first."),
        );
    }
    if let Err(error) = may_alter(call, standing, user.id) {
        return Some(error);
    }
    let holds = standing.superadmins().contains(&user.id);
    let after = standing.clone().without_people(leaving);
    (holds && after.superadmins().is_empty()).then(last_superadmin)
}
