//! Who asks, from where, when, in which request: on every path, so that no service can forget to check or record it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use muster_domain::audit::AuditEvent;
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use muster_domain::role::{Level, Permission, Role};
use muster_domain::session::{ElevatedSession, Session};
use muster_domain::throttle;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::SignedIn;

/// One call of a service.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub who: Who,
    /// From which address.
    pub address: Option<IpAddr>,
    /// With which program, as it says.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody signed in.
    Anonymous,
    /// A browser that entered the setup code, before there is an administrator.
    Setup,
    /// A signed-in person.
    Person(Box<SignedIn>),
    /// A part of this program: `cli`, `job`.
    System(&'static str),
}

impl Call {
    /// A call by a part of this program.
    #[must_use]
    pub fn system(name: &'static str, at: DateTime<Utc>) -> Self {
        Self {
            who: Who::System(name),
            address: None,
            user_agent: None,
            request_id: name.to_owned(),
            at,
        }
    }

    /// The signed-in person.
    #[must_use]
    pub fn person(&self) -> Option<&SignedIn> {
        match &self.who {
            Who::Person(signed_in) => Some(signed_in),
            _ => None,
        }
    }

    /// The signed-in person.
    ///
    /// # Errors
    /// `WEB-401` when nobody is signed in.
    pub fn signed_in(&self) -> Result<&SignedIn, Error> {
        self.person().ok_or_else(sign_in_needed)
    }

    /// The signed-in person's user.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        self.person().map(|person| &person.user)
    }

    /// The signed-in person's session.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        self.person().map(|person| &person.session)
    }

    /// Their effective roles.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        self.person()
            .map(|person| person.roles.as_slice())
            .unwrap_or_default()
    }

    /// Whether the caller has `permission`. Parts of this program have all.
    #[must_use]
    pub fn can(&self, permission: Permission) -> bool {
        match &self.who {
            Who::Anonymous | Who::Setup => false,
            Who::Person(person) => person.roles.iter().any(|role| role.allows(permission)),
            Who::System(_) => true,
        }
    }

    /// Goes on only if the caller has `permission`.
    ///
    /// # Errors
    /// `WEB-401` when nobody is signed in, `WEB-403` when the person's roles do not carry it, `ELV-001` when policy asks
    /// for a secure session at its level and none runs.
    pub fn may(&self, permission: Permission) -> Result<(), Error> {
        if self.can(permission) {
            return self.secured(permission.level());
        }
        self.signed_in()?;
        Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            format!("Your roles do not let you {}.", permission.verb()),
        )
        .next("A superadmin can grant you a role that does, under People → Roles."))
    }

    /// Goes on only in a secure session, if policy asks for one at this level.
    fn secured(&self, level: Level) -> Result<(), Error> {
        match self.person() {
            Some(person) if level >= person.secured_from => self.elevated().map(drop),
            _ => Ok(()),
        }
    }

    /// The secure admin session that runs now.
    ///
    /// # Errors
    /// `WEB-401` when nobody is signed in, `ELV-001` when no secure session runs.
    pub fn elevated(&self) -> Result<ElevatedSession<'_>, Error> {
        let person = self.signed_in()?;
        let running = person.session.elevated(self.at).filter(|elevated| {
            let elevation = elevated.elevation();
            elevation.runs_from(&self.network()) && !elevation.is_idle(self.at)
        });
        running.ok_or_else(|| {
            Error::new(
                "ELV-001",
                Kind::ElevationNeeded,
                "This needs a secure session.",
            )
            .next("Prove that it is you, and what you were doing goes on.")
        })
    }

    /// Who, beside `owner`, could use what this call opens for them: the caller, unless it is for themselves, and whoever
    /// could be sitting there instead. Parts of this program, and people who are not signed in, open for nobody else.
    #[must_use]
    pub fn opens_for(&self, owner: UserId) -> Openers {
        let Some(person) = self.person() else {
            return Openers::nobody();
        };
        match self.elevated() {
            Ok(elevated) => Openers::of_what(person.user.id, owner, elevated.opened_by()),
            Err(_) => Openers::of_what(person.user.id, owner, &person.session.opened_by),
        }
    }

    /// The network the call comes from, as failures are counted and secure sessions are bound.
    #[must_use]
    pub fn network(&self) -> String {
        self.address
            .map_or_else(|| "unknown".to_owned(), throttle::network_of)
    }

    /// The name that goes on record.
    #[must_use]
    pub fn actor(&self) -> &str {
        match &self.who {
            Who::Anonymous => "anonymous",
            Who::Setup => "setup",
            Who::Person(person) => &person.user.username,
            Who::System(name) => name,
        }
    }

    /// An event of this call for the audit log.
    #[must_use]
    pub fn event(
        &self,
        action: &str,
        target: &str,
        target_id: Option<uuid::Uuid>,
        detail: serde_json::Value,
    ) -> AuditEvent {
        AuditEvent {
            actor: self.actor().to_owned(),
            actor_id: self.user().map(|user| user.id.0),
            action: action.to_owned(),
            target: target.to_owned(),
            target_id,
            detail,
            address: self.address.map(|address| address.to_string()),
            request_id: self.request_id.clone(),
            at: self.at,
        }
    }
}

fn sign_in_needed() -> Error {
    Error::new("WEB-401", Kind::SignInNeeded, "Sign in to see this.")
}
