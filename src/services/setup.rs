//! The first visit: a one-time code from the console opens it, the first administrator closes it for good.
//!
//! Until an administrator exists the code is the only key. Afterwards the wizard's steps are ordinary pages that a
//! superadmin walks through; leaving and coming back continues where it was.

use muster_domain::credential::{Imprint, PasswordChecked};
use muster_domain::membership::Member;
use muster_domain::opener::Openers;
use muster_domain::role::{Permission, Role};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{credentials, roles, settings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::digest::sha256_hex;
use crate::refusals::{self, Concerns};
use crate::{Call, Services, Who, password, users};

const CODE: &str = "setup.code";
const PROGRESS: &str = "setup.progress";
const CLAIM: &str = "setup.administrator";

/// How far the wizard has come, beyond what the data itself tells.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The public address was confirmed.
    pub address: bool,
    /// Short name of the provider that is being connected.
    pub provider: Option<String>,
    /// A test sign-in through it came back well.
    pub signin: bool,
    /// The answers about how accounts shall arrive were given.
    pub arrival: Option<muster_domain::methods::Answers>,
    /// The re-authentication test was made.
    pub reauth: bool,
    /// The last page was seen.
    pub finished: bool,
}

/// Whether there is an administrator already.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_open(services: &Services) -> Result<bool, Error> {
    Ok(settings::get::<serde_json::Value>(services.db(), CLAIM)
        .await?
        .is_none())
}

/// A new one-time code for the console to print, while there is no administrator. Only its hash is kept.
///
/// # Errors
/// When the database cannot be written.
pub async fn code_for_console(services: &Services, call: &Call) -> Result<Option<String>, Error> {
    if !is_open(services).await? {
        return Ok(None);
    }
    let code = readable(&services.token());
    let tx = services.db().begin().await?;
    settings::set(&tx, CODE, &digest(&code)).await?;
    tx.commit(&[call.event("setup.code", "setup", None, json!({}))])
        .await?;
    Ok(Some(code))
}

/// Four groups of five letters and digits that cannot be confused: about 99 bits.
fn readable(token: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let bytes = Sha256::digest(token.as_bytes());
    let mut code = String::new();
    for (place, byte) in bytes.iter().take(20).enumerate() {
        if place > 0 && place % 5 == 0 {
            code.push('-');
        }
        code.push(
            LETTERS
                .get(usize::from(byte % 32))
                .map_or('A', |letter| char::from(*letter)),
        );
    }
    code
}

fn digest(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    sha256_hex(&plain)
}

/// What a browser holds that entered the setup code. Worth something as long as that code counts: another code, or an
/// administrator, ends it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entered(String);

impl Entered {
    /// Whether the code it was given for still counts.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn counts(&self, services: &Services) -> Result<bool, Error> {
        let stored: Option<String> = settings::get(services.db(), CODE).await?;
        Ok(stored.is_some_and(|stored| fits(&stored, &self.0)) && is_open(services).await?)
    }
}

fn fits(stored: &str, digest: &str) -> bool {
    !stored.is_empty() && bool::from(stored.as_bytes().ct_eq(digest.as_bytes()))
}

/// Checks the setup code.
///
/// # Errors
/// `SET-001` when it does not fit, `SET-002` when setup is over.
pub async fn enter(services: &Services, call: &Call, typed: &str) -> Result<Entered, Error> {
    if !is_open(services).await? {
        return Err(over());
    }
    let stored: String = settings::get(services.db(), CODE)
        .await?
        .unwrap_or_default();
    if fits(&stored, &digest(typed)) {
        services
            .db()
            .begin()
            .await?
            .commit(&[call.event("setup.enter", "setup", None, json!({}))])
            .await?;
        return Ok(Entered(stored));
    }
    let event = call.event("setup.refused", "setup", None, json!({}));
    refusals::put(services, call, Concerns::of(call), event).await?;
    Err(Error::new("SET-001", Kind::Invalid, "This is not the setup code.")
        .field("code", "This is not the setup code. Copy the newest one from the terminal or the service's log. A restart makes a new one."))
}

fn over() -> Error {
    Error::new("SET-002", Kind::Conflict, "Setup has been done: there is an administrator.")
        .next("Sign in. If nobody can, make a new administrator on the server's shell with “muster admin create”.")
}

/// The first administrator, as the form gives them.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// Username.
    pub username: String,
    /// Name.
    pub display_name: String,
    /// E-mail; may be empty.
    pub email: String,
    /// Password, typed once and shown on demand.
    pub password: secrecy::SecretString,
}

/// Makes the first administrator: internal, superadmin, break-glass. Of two setups at once one wins (W31).
///
/// # Errors
/// Without the setup code, when setup is over, or with messages beside fields.
pub async fn create_admin(
    services: &Services,
    call: &Call,
    admin: &FirstAdmin,
) -> Result<(User, PasswordChecked), Error> {
    use secrecy::ExposeSecret as _;
    if !matches!(call.who, Who::Setup | Who::System(_)) {
        return Err(Error::new(
            "SET-003",
            Kind::Forbidden,
            "Enter the setup code first.",
        ));
    }
    let typed = admin.password.expose_secret();
    let about = [&*admin.username, &admin.display_name, &admin.email];
    let fields = users::checked_fields(&admin.username, &admin.display_name, &admin.email);
    let fields = match (fields, password::check(typed, &about)) {
        (Ok(fields), Ok(())) => fields,
        // Whatever is wrong is told at once.
        (refused, weak) => {
            let mut all = refused.err().map(|error| error.fields).unwrap_or_default();
            all.extend(weak.err());
            return Err(Error::form(all));
        }
    };
    let phc = password::make(services, typed, &about).await?;
    let tx = services.db().begin().await?;
    if !matches!(call.who, Who::System(_)) && !settings::claim(&tx, CLAIM, &call.at).await? {
        return Err(over());
    }
    let (user, mut events) =
        users::insert_internal(services, call, &tx, &fields, users::BreakGlass::Yes).await?;
    let nobody = Openers::nobody();
    credentials::set_password(&tx, user.id, &phc, None, &nobody, call.at).await?;
    roles::grant(&tx, &standing(services, call, &user)).await?;
    if settings::claim(&tx, CLAIM, &call.at).await? {
        // Made on the server's shell: nobody walks through the wizard.
        let finished = Progress {
            finished: true,
            ..Progress::default()
        };
        settings::set(&tx, PROGRESS, &finished).await?;
    }
    settings::remove(&tx, CODE).await?;
    events.push(call.event(
        "setup.administrator",
        &user.username,
        Some(user.id.0),
        json!({"role": "superadmin"}),
    ));
    tx.commit(&events).await?;
    // They typed it a moment ago: what was hashed is what was typed.
    let checked = PasswordChecked::witness(user.id, Openers::nobody(), Imprint::of(&phc));
    Ok((user, checked))
}

fn standing(services: &Services, call: &Call, user: &User) -> roles::Assignment {
    roles::Assignment {
        id: services.id(),
        role: Role::Superadmin,
        principal: Member::User(user.id),
        scope: None,
        granted_by: call.actor().to_owned(),
        granted_at: call.at,
    }
}

/// How far the wizard has come.
///
/// # Errors
/// When the database cannot be read.
pub async fn progress(services: &Services) -> Result<Progress, Error> {
    Ok(settings::get(services.db(), PROGRESS)
        .await?
        .unwrap_or_default())
}

/// Keeps how far the wizard has come.
///
/// # Errors
/// Without permission.
pub async fn keep(services: &Services, call: &Call, progress: &Progress) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    let tx = services.db().begin().await?;
    settings::set(&tx, PROGRESS, progress).await?;
    tx.commit(&[call.event("setup.progress", "setup", None, json!(progress))])
        .await
}
