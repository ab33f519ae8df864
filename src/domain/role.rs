//! Who may do what: four roles, and the permissions each of them carries.

use serde::{Deserialize, Serialize};

/// A role. Granted to users or to groups; a person's roles are the union of both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and exports, changes nothing.
    Auditor,
    /// Finds people, sees why they are (not) in a group, ends their sessions.
    Helpdesk,
    /// Configures providers and provisioning, manages users and groups.
    Admin,
    /// Everything, including who else may do what.
    Superadmin,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 4] = [Self::Superadmin, Self::Admin, Self::Helpdesk, Self::Auditor];

    /// The stable name in configuration and database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Superadmin => "superadmin",
            Self::Admin => "admin",
            Self::Helpdesk => "helpdesk",
            Self::Auditor => "auditor",
        }
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Superadmin => "Superadmin",
            Self::Admin => "Admin",
            Self::Helpdesk => "Helpdesk",
            Self::Auditor => "Auditor",
        }
    }

    /// What the role is for, in one sentence.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Superadmin => "Everything, including who else may do what.",
            Self::Admin => "Configures providers and provisioning, manages users and groups.",
            Self::Helpdesk => {
                "Finds people, sees why they are in a group or not, ends their sessions."
            }
            Self::Auditor => "Reads and exports everything, changes nothing.",
        }
    }

    /// The role with this stable name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }

    /// Whether the role carries `permission`.
    #[must_use]
    pub const fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Superadmin => true,
            Self::Admin => !matches!(permission, P::ManageRoles | P::ManageSettings),
            Self::Helpdesk => matches!(permission, P::UseConsole | P::ViewPeople | P::EndSessions),
            Self::Auditor => matches!(
                permission,
                P::UseConsole
                    | P::ViewPeople
                    | P::ViewRoles
                    | P::ViewProviders
                    | P::ViewDirectories
                    | P::ViewSecurity
                    | P::ViewActivity
                    | P::ExportActivity
                    | P::ViewSettings
            ),
        }
    }
}

/// How sensitive something is. What is dangerous always takes a secure session; policy says whether the others do.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Looking.
    View,
    /// Changing what can be changed back.
    Change,
    /// Ways in, roles, providers, settings: whoever changes them can take over everything.
    #[default]
    Dangerous,
}

impl Level {
    /// Every level, the least sensitive first.
    pub const ALL: [Self; 3] = [Self::View, Self::Change, Self::Dangerous];

    /// The stable name in configuration and database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Change => "change",
            Self::Dangerous => "dangerous",
        }
    }
}

/// One thing a person may be allowed to do. Checked in services, never only in a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Permission {
    /// Open the console at all.
    UseConsole,
    /// Read users and groups.
    ViewPeople,
    /// Create and edit users, local groups and memberships.
    EditPeople,
    /// End other people's sessions.
    EndSessions,
    /// Read who holds which role.
    ViewRoles,
    /// Grant and withdraw roles, and change what would grant one.
    ManageRoles,
    /// Read identity providers and their test results.
    ViewProviders,
    /// Create, change, test and remove identity providers.
    ManageProviders,
    /// Read directories and how accounts arrive.
    ViewDirectories,
    /// Change directories and how accounts arrive.
    ManageDirectories,
    /// Read sessions, elevations and receipts of everybody.
    ViewSecurity,
    /// Read the audit log.
    ViewActivity,
    /// Download the audit log and other exports.
    ExportActivity,
    /// Read settings.
    ViewSettings,
    /// Change settings and policies.
    ManageSettings,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 15] = [
        Self::UseConsole,
        Self::ViewPeople,
        Self::EditPeople,
        Self::EndSessions,
        Self::ViewRoles,
        Self::ManageRoles,
        Self::ViewProviders,
        Self::ManageProviders,
        Self::ViewDirectories,
        Self::ManageDirectories,
        Self::ViewSecurity,
        Self::ViewActivity,
        Self::ExportActivity,
        Self::ViewSettings,
        Self::ManageSettings,
    ];

    /// How sensitive using it is at least. What it is used for may be more so: then the service demands an
    /// [`crate::session::ElevatedSession`], whatever policy says.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::UseConsole
            | Self::ViewPeople
            | Self::ViewRoles
            | Self::ViewProviders
            | Self::ViewDirectories
            | Self::ViewSecurity
            | Self::ViewActivity
            | Self::ExportActivity
            | Self::ViewSettings => Level::View,
            Self::EditPeople
            | Self::EndSessions
            | Self::ManageRoles
            | Self::ManageProviders
            | Self::ManageDirectories
            | Self::ManageSettings => Level::Change,
        }
    }

    /// The words used where it is missing: "You may not …".
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::UseConsole => "use this console",
            Self::ViewPeople => "see users and groups",
            Self::EditPeople => "change users and groups",
            Self::EndSessions => "end other people's sessions",
            Self::ViewRoles => "see who holds which role",
            Self::ManageRoles => "grant or withdraw roles",
            Self::ViewProviders => "see identity providers",
            Self::ManageProviders => "change identity providers",
            Self::ViewDirectories => "see directories",
            Self::ManageDirectories => "change directories",
            Self::ViewSecurity => "see secure sessions",
            Self::ViewActivity => "see the activity log",
            Self::ExportActivity => "export the activity log",
            Self::ViewSettings => "see settings",
            Self::ManageSettings => "change settings",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auditor_and_a_helpdesk_person_change_nothing_but_sessions() {
        for permission in Permission::ALL {
            let changes =
                permission.verb().starts_with("change") || permission.verb().starts_with("grant");
            assert!(
                !(changes && Role::Auditor.allows(permission)),
                "{permission:?}"
            );
            assert!(
                !(changes && Role::Helpdesk.allows(permission)),
                "{permission:?}"
            );
        }
    }

    #[test]
    fn what_changes_something_is_more_sensitive_than_looking() {
        for permission in Permission::ALL {
            let looks = ["use", "see", "export"]
                .iter()
                .any(|verb| permission.verb().starts_with(verb));
            assert_eq!(permission.level() == Level::View, looks, "{permission:?}");
        }
        for level in Level::ALL {
            let text = serde_json::to_string(&level).unwrap();
            assert_eq!(text, format!("\"{}\"", level.key()));
        }
    }

    #[test]
    fn only_a_superadmin_grants_roles() {
        let holders: Vec<_> = Role::ALL
            .into_iter()
            .filter(|r| r.allows(Permission::ManageRoles))
            .collect();
        assert_eq!(holders, [Role::Superadmin]);
    }
}
