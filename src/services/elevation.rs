//! The secure admin session: granted against proof, dropped at will, over after ten minutes.

use muster_domain::credential::PasswordChecked;
use muster_domain::id::ElevationId;
use muster_domain::session::{Elevation, ElevationPolicy, Means, Proof, Session, SessionKey};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{Place, elevations};
use serde_json::json;
use uuid::Uuid;

use crate::{Call, Services};

/// Grants a secure session. `rotated` is the stored name of the browser session after its id was changed (W3).
///
/// # Errors
/// `ELV-002` when the proof is somebody else's.
pub async fn grant(
    services: &Services,
    call: &Call,
    proof: Proof,
    rotated: &SessionKey,
    action: Option<&str>,
) -> Result<Elevation, Error> {
    let person = call.signed_in()?;
    if proof.user() != person.user.id || *proof.session() != person.session.key {
        return Err(Error::new(
            "ELV-002",
            Kind::Forbidden,
            "This proof belongs to another session.",
        ));
    }
    let elevation = Elevation::earn(
        services.id::<ElevationId>(),
        proof,
        rotated.clone(),
        ElevationPolicy::default(),
    );
    let row = elevation.to_row();
    let tx = services.db().begin().await?;
    elevations::insert(&tx, &elevation).await?;
    let detail =
        json!({"by": row.kind, "provider": row.provider, "ends_at": row.ends_at, "for": action});
    tx.commit(&[call.event(
        "elevation.grant",
        &person.user.username,
        Some(row.id.0),
        detail,
    )])
    .await?;
    Ok(elevation)
}

/// Grants the first administrator's first secure session: they chose their password in this very request.
///
/// # Errors
/// `ELV-002` when the witness is somebody else's.
pub async fn first(
    services: &Services,
    call: &Call,
    user: &User,
    checked: PasswordChecked,
    key: &SessionKey,
) -> Result<(), Error> {
    let session = Session {
        key: key.clone(),
        user: user.id,
        signed_in_at: call.at,
        means: Means::Password,
        elevation: None,
    };
    let proof = Proof::password(&session, checked, call.at).ok_or_else(|| {
        Error::new(
            "ELV-002",
            Kind::Forbidden,
            "This proof belongs to another session.",
        )
    })?;
    let elevation = Elevation::earn(
        services.id::<ElevationId>(),
        proof,
        key.clone(),
        ElevationPolicy::default(),
    );
    let tx = services.db().begin().await?;
    elevations::insert(&tx, &elevation).await?;
    let detail = json!({"by": "password", "for": "setup"});
    tx.commit(&[call.event("elevation.grant", &user.username, Some(user.id.0), detail)])
        .await
}

/// Ends the caller's secure session now (W24).
///
/// # Errors
/// When nobody is signed in.
pub async fn drop_now(services: &Services, call: &Call) -> Result<(), Error> {
    let person = call.signed_in()?;
    let Some(elevation) = &person.session.elevation else {
        return Ok(());
    };
    let id = elevation.to_row().id;
    let tx = services.db().begin().await?;
    elevations::drop_of_session(&tx, &person.session.key, call.at).await?;
    tx.commit(&[call.event(
        "elevation.drop",
        &person.user.username,
        Some(id.0),
        json!({}),
    )])
    .await
}

/// Seals a form that waits for a secure session: it may hold secrets.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_form(services: &Services, id: Uuid, body: &str) -> Result<String, Error> {
    services
        .sealer()
        .seal(body, form_place(id), services.entropy())
}

/// Opens a form that waited.
///
/// # Errors
/// When it is not what was sealed.
pub fn open_form(services: &Services, id: Uuid, sealed: &str) -> Result<String, Error> {
    use secrecy::ExposeSecret as _;
    services
        .sealer()
        .open(sealed, form_place(id))
        .map(|body| body.expose_secret().to_owned())
}

const fn form_place(id: Uuid) -> Place<'static> {
    Place {
        table: "sessions",
        column: "kept_form",
        id,
    }
}
