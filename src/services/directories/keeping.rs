//! Declaring a directory, changing it, switching it off and on.

use std::collections::BTreeSet;

use muster_domain::audit::AuditEvent;
use muster_domain::directory::Preset;
use muster_domain::id::DirectoryId;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{Tx, directory_states, elevations, runs as rows, sessions};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::draft::{Checked, Draft, Kept, Known, checked, may_answer};
use super::{find, secret_place};
use crate::provisioning::lapsing;
use crate::sync::{rules, runs, shadowing};
use crate::{Call, Services, Who, guard};

/// A directory with what a page about it needs.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// The directory.
    pub directory: Directory,
    /// Whether a secret is stored.
    pub secret_is_set: bool,
    /// Whether something is read from it: its kind is one of [`Services::directory_kinds`].
    pub is_read: bool,
}

/// A system that can be declared.
#[derive(Clone, PartialEq, Debug)]
pub struct Offered {
    /// The word of its kind.
    pub kind: &'static str,
    /// The system, and what its form begins with.
    pub preset: Preset,
}

/// The systems that can be declared, in the order in which they are offered.
///
/// # Errors
/// Without permission.
pub fn kinds(services: &Services, call: &Call) -> Result<Vec<Offered>, Error> {
    call.may(Permission::ManageDirectories)?;
    let all = services.directory_kinds().iter();
    Ok(all
        .flat_map(|kind| {
            let presets = kind.presets().into_iter();
            presets.map(|preset| Offered {
                kind: kind.key(),
                preset,
            })
        })
        .collect())
}

/// One directory.
///
/// # Errors
/// Without permission, or `WEB-404`.
pub async fn get(services: &Services, call: &Call, id: DirectoryId) -> Result<Shown, Error> {
    call.may(Permission::ViewDirectories)?;
    let directory = directories::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    Ok(Shown {
        secret_is_set: directories::secret(services.db(), id).await?.is_some(),
        is_read: services.directory_kind(&directory.kind).is_ok(),
        directory,
    })
}

/// Declares a directory, last in the order. Nothing is read yet.
///
/// # Errors
/// Without permission or presence, with messages beside fields, `DIR-001` when the name is taken, `DIR-006` when people are
/// to sign in through it and the caller may not grant roles.
pub async fn add(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    draft: &Draft,
) -> Result<DirectoryId, Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, Some(elevated))?;
    insert(services, call, draft, json!({ "elevation": elevated.id() })).await
}

/// Changes a directory. Plans made before are out of date.
///
/// # Errors
/// As [`add`], `DIR-013` when somebody changed it since it was seen; a stored secret has to be entered again when the server or account it is for changes. `DIR-009`, `SHD-005` when
/// it is to go into the shadow or come out of it while a run is under way by which it cannot.
pub async fn save(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: DirectoryId,
    draft: &Draft,
) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    keep_still(&tx, id, draft).await?;
    let known = known(services, &tx, id).await?;
    let detail = json!({ "elevation": elevated.id() });
    change(services, call, tx, known, draft, detail).await
}

/// Declares or changes a directory as a configuration file says it. For parts of this program only.
///
/// # Errors
/// When a person calls it; otherwise as [`save`].
pub async fn declare(
    services: &Services,
    call: &Call,
    draft: &Draft,
) -> Result<DirectoryId, Error> {
    let Who::System(_) = call.who else {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only a part of this program may declare directories.",
        ));
    };
    let tx = services.db().begin().await?;
    let Some(found) = directories::by_name(&tx, &draft.name).await? else {
        tx.rollback().await?;
        return insert(services, call, draft, json!({})).await;
    };
    if found.kind != draft.kind {
        tx.rollback().await?;
        return Err(of_another_kind(&found));
    }
    keep_still(&tx, found.id, draft).await?;
    let known = known(services, &tx, found.id).await?;
    change(services, call, tx, known, draft, json!({})).await?;
    Ok(found.id)
}

/// Whether [`declare`] would take a draft, and whether a secret is stored for it already. Changes nothing.
pub(crate) async fn declarable(services: &Services, draft: &Draft) -> Result<bool, Error> {
    let tx = services.db().begin().await?;
    let known = match directories::by_name(&tx, &draft.name).await? {
        Some(found) if found.kind == draft.kind => Some(known(services, &tx, found.id).await?),
        Some(found) => return Err(of_another_kind(&found)),
        None => None,
    };
    tx.rollback().await?;
    checked(services, draft, known.as_ref())?;
    Ok(known.is_some_and(|known| known.secret.is_some()))
}

fn of_another_kind(found: &Directory) -> Error {
    Error::new(
        "DIR-007",
        Kind::Conflict,
        format!("“{}” is a directory of another kind.", found.name),
    )
    .next("Remove it first, or declare the new one under another name.")
}

/// The directory with its secret, inside a transaction.
pub(super) async fn known(services: &Services, tx: &Tx, id: DirectoryId) -> Result<Known, Error> {
    let directory = find(tx, id).await?;
    services.directory_kind(&directory.kind)?;
    let sealed = directories::secret(tx, id).await?;
    // One that cannot be opened any more counts as none: it has to be entered again.
    let secret = sealed.and_then(|sealed| services.sealer().open(&sealed, secret_place(id)).ok());
    Ok(Known { directory, secret })
}

async fn insert(
    services: &Services,
    call: &Call,
    draft: &Draft,
    mut detail: Value,
) -> Result<DirectoryId, Error> {
    let checked = checked(services, draft, None)?;
    may_answer(services, call, &draft.kind, None, &checked.settings)?;
    let tx = services.db().begin().await?;
    is_free(&tx, &checked.name, None).await?;
    let last = directories::list(&tx).await?;
    let directory = Directory {
        id: services.id(),
        name: checked.name,
        kind: draft.kind.clone(),
        position: last.last().map_or(0, |last| last.position + 1),
        enabled: true,
        settings: checked.settings,
        created_at: call.at,
        updated_at: call.at,
    };
    directories::insert(&tx, &directory).await?;
    if let Kept::Replaced(secret) = &checked.secret {
        store(services, &tx, directory.id, Some(secret)).await?;
    }
    put(&mut detail, "kind", json!(directory.kind));
    put(&mut detail, "settings", json!(directory.settings));
    let id = directory.id;
    let event = call.event("directory.create", &directory.name, Some(id.0), detail);
    tx.commit(&[event]).await?;
    Ok(id)
}

async fn change(
    services: &Services,
    call: &Call,
    tx: Tx,
    known: Known,
    draft: &Draft,
    mut detail: Value,
) -> Result<(), Error> {
    let draft = Draft {
        kind: known.directory.kind.clone(),
        ..draft.clone()
    };
    let Checked {
        name,
        settings,
        secret,
        ..
    } = checked(services, &draft, Some(&known))?;
    let before = &known.directory.settings;
    may_answer(services, call, &draft.kind, Some(before), &settings)?;
    is_free(&tx, &name, Some(known.directory.id)).await?;
    let other_secret = match &secret {
        Kept::AsItIs => false,
        Kept::Dropped => true,
        Kept::Replaced(given) => !is_same(known.secret.as_ref(), given),
    };
    let mut directory = known.directory;
    let goes = rules::in_shadow(&settings) && !rules::in_shadow(&directory.settings);
    let turns = goes || rules::in_shadow(&directory.settings) && !rules::in_shadow(&settings);
    if goes {
        is_idle(&tx, directory.id).await?;
    }
    if turns {
        shadowing::keeps_its_place(&tx, &directory).await?;
    }
    let answered = rules::signs_in(&directory.settings);
    let other_settings = directory.settings != settings;
    if directory.name == name && !other_settings && !other_secret {
        return tx.rollback().await;
    }
    if draft.seen.is_some_and(|seen| seen != directory.updated_at) {
        return Err(Error::new(
            "DIR-013",
            Kind::Conflict,
            "Somebody changed this directory after this form was opened. Look at it in another window, and save yours again if it shall count.",
        ));
    }
    put(
        &mut detail,
        "before",
        json!({ "name": directory.name, "settings": directory.settings }),
    );
    directory.name = name;
    directory.settings = settings;
    directory.updated_at = call.at;
    put(
        &mut detail,
        "after",
        json!({ "name": directory.name, "settings": directory.settings }),
    );
    put(&mut detail, "secret_replaced", json!(other_secret));
    directories::update(&tx, &directory).await?;
    match &secret {
        _ if !other_secret => {}
        Kept::Replaced(secret) => store(services, &tx, directory.id, Some(secret)).await?,
        Kept::Dropped | Kept::AsItIs => store(services, &tx, directory.id, None).await?,
    }
    if other_settings {
        out_of_date(&tx, directory.id).await?;
    }
    if turns {
        lapsing::shadow(&tx, directory.id).await?;
    }
    if answered && !rules::signs_in(&directory.settings) {
        let ended = end_sessions(&tx, call, directory.id).await?;
        put(&mut detail, "sessions_ended", json!(ended));
    }
    let id = Some(directory.id.0);
    let event = call.event("directory.update", &directory.name, id, detail);
    tx.commit(&[event]).await
}

/// Keeps everybody else from a directory before it is read to be changed, so that what they change is not written over; where
/// it goes into the shadow or comes out of it, from those behind it, too.
async fn keep_still(tx: &Tx, id: DirectoryId, draft: &Draft) -> Result<(), Error> {
    let directory = find(tx, id).await?;
    let mut all = BTreeSet::from([id]);
    if rules::in_shadow(&draft.settings) || rules::in_shadow(&directory.settings) {
        all.extend(lapsing::behind(tx, id).await?);
    }
    directory_states::ensure(tx, id).await?;
    directory_states::lock_all(tx, &all).await
}

/// That no run of the directory is under way. Its state is locked, so none begins meanwhile.
async fn is_idle(tx: &Tx, id: DirectoryId) -> Result<(), Error> {
    if rows::open_of(tx, id).await?.is_none() {
        return Ok(());
    }
    Err(Error::new(
        "DIR-009",
        Kind::Conflict,
        "A run of this directory is under way.",
    )
    .next("Wait for its end, or stop it. What it carries out cannot go on in shadow."))
}

/// Ends the sessions of people for whose password the directory answered, the secure ones in them too. Gives how many.
pub(super) async fn end_sessions(tx: &Tx, call: &Call, id: DirectoryId) -> Result<u64, Error> {
    let mut ended = 0;
    for session in sessions::of_directory(tx, id).await? {
        elevations::drop_of_session(tx, &session, call.at).await?;
        ended += u64::from(sessions::revoke(tx, &session).await?);
    }
    Ok(ended)
}

/// Makes plans of the directory that were made before out of date, also those that are being made and whatever else goes on
/// meanwhile.
pub(crate) async fn out_of_date(tx: &Tx, id: DirectoryId) -> Result<(), Error> {
    directory_states::ensure(tx, id).await?;
    directory_states::changed(tx, &[id]).await
}

fn put(detail: &mut Value, key: &str, value: Value) {
    if let Some(map) = detail.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}

fn is_same(stored: Option<&SecretString>, given: &SecretString) -> bool {
    stored.is_some_and(|stored| {
        let (stored, given) = (stored.expose_secret(), given.expose_secret());
        bool::from(stored.as_bytes().ct_eq(given.as_bytes()))
    })
}

async fn store(
    services: &Services,
    tx: &Tx,
    id: DirectoryId,
    secret: Option<&SecretString>,
) -> Result<(), Error> {
    let seal = |secret: &SecretString| {
        let (text, place) = (secret.expose_secret(), secret_place(id));
        services.sealer().seal(text, place, services.entropy())
    };
    directories::set_secret(tx, id, secret.map(seal).transpose()?).await
}

/// Whether a name is free, or its own.
///
/// # Errors
/// `DIR-001`.
pub(super) async fn is_free(tx: &Tx, name: &str, own: Option<DirectoryId>) -> Result<(), Error> {
    let other = directories::by_name(tx, name).await?;
    match other.filter(|other| Some(other.id) != own) {
        None => Ok(()),
        Some(other) => Err(Error::new(
            "DIR-001",
            Kind::Conflict,
            "Another directory has this name.",
        )
        .field(
            "name",
            format!("“{}” is taken. Choose another name.", other.name),
        )),
    }
}

/// Whether a directory is asked at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enabled {
    /// It is.
    Yes,
    /// It is not: nothing is read from it, and nobody signs in through it. Its accounts stay.
    No,
}

/// Switches a directory off or on.
///
/// # Errors
/// Without permission or presence, for an unknown directory; `DIR-005` for one that nothing is read from; to switch it off,
/// `SHD-003` and `SHD-005` while it changes places with another one.
pub async fn set_enabled(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: DirectoryId,
    enabled: Enabled,
) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    guard::present(call, Some(elevated))?;
    switch(
        services,
        call,
        id,
        enabled,
        json!({ "elevation": elevated.id() }),
    )
    .await
}

pub(crate) async fn switch(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    enabled: Enabled,
    mut detail: Value,
) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    is_read(services, &find(&tx, id).await?)?;
    directory_states::lock(&tx, id).await?;
    let mut directory = find(&tx, id).await?;
    let wanted = enabled == Enabled::Yes;
    if directory.enabled == wanted {
        return tx.rollback().await;
    }
    let mut events = Vec::new();
    if enabled == Enabled::No {
        shadowing::keeps_its_place(&tx, &directory).await?;
        events.extend(still(call, &tx, &directory).await?);
    }
    directory.enabled = wanted;
    directory.updated_at = call.at;
    directories::update(&tx, &directory).await?;
    let action = match enabled {
        Enabled::Yes => {
            // Whoever signs in by it from now on was not when a plan was made that tells who has another way in.
            out_of_date(&tx, id).await?;
            "directory.enable"
        }
        Enabled::No => {
            let ended = end_sessions(&tx, call, id).await?;
            put(&mut detail, "sessions_ended", json!(ended));
            "directory.disable"
        }
    };
    events.push(call.event(action, &directory.name, Some(id.0), detail));
    tx.commit(&events).await
}

/// From now on nothing happens on the word of a directory that is switched off: its run stops, and plans made before are
/// out of date. Its state is locked first, as whoever works on it does.
pub(super) async fn still(
    call: &Call,
    tx: &Tx,
    directory: &Directory,
) -> Result<Option<AuditEvent>, Error> {
    directory_states::lock(tx, directory.id).await?;
    out_of_date(tx, directory.id).await?;
    runs::stop_open(call, tx, directory).await
}

/// A directory that nothing is read from is not switched or removed: it belongs to its provider, or to this console.
pub(super) fn is_read(services: &Services, directory: &Directory) -> Result<(), Error> {
    services
        .directory_kind(&directory.kind)
        .map(drop)
        .map_err(|_| {
            Error::new(
                "DIR-005",
                Kind::Conflict,
                format!(
                    "“{}” is not read from anywhere, so it cannot be switched off or removed.",
                    directory.name
                ),
            )
            .next("The directory of an identity provider stays with what its people left here; the internal one always does.")
        })
}
