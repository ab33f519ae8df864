//! Adding a passkey: a question to the browser, whose answer is a new public key. Asked for without attestation, since
//! any make will do, and with verification of its user, always.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::factor::{self, Enrolled, Factor, FactorKind};
use muster_domain::id::{CeremonyId, FactorId, UserId};
use muster_domain::opener::Openers;
use muster_domain::{Error, Kind};
use muster_storage::ceremonies::{self, Ceremony, Purpose};
use muster_storage::factors::{self as rows, Keyed, place};
use muster_storage::{Quiet, Sealer};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use webauthn_rs::prelude::{
    CredentialID, Passkey, PasskeyRegistration, RegisterPublicKeyCredential,
};

use super::check::passkey::{LASTS, over, refusal, unreadable};
use super::party::party;
use super::permit::Ground;
use super::{Added, codes_made, event, new_codes, own_name, too_many};
use crate::{Call, Services, lockout, notices};
use muster_domain::mail::letters::About;

/// Largest answer of a browser, in bytes. Without attestation they are about one kilobyte.
pub(super) const LARGEST: usize = 16 * 1024;

/// A question to a browser about passkeys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Its id, to be sent back with the answer.
    pub id: CeremonyId,
    /// The options for `navigator.credentials`, as JSON; bytes are in base 64 for addresses.
    pub options: String,
}

/// Begins to add a passkey. Gives the name it will have, and the question.
///
/// # Errors
/// Without ground; with a message beside the field `name`; `FAC-006` when there are too many; `FAC-019` when passkeys
/// cannot be used at the public address.
pub async fn begin(
    services: &Services,
    call: &Call,
    ground: impl Into<Ground<'_>>,
    name: &str,
) -> Result<(String, Asked), Error> {
    let user = ground.into().holds(services.db(), call).await?;
    let known = rows::keyed(services.db(), user.id).await?;
    if known.len() >= factor::MOST {
        return Err(too_many());
    }
    let others: Vec<Factor> = known.iter().map(|keyed| keyed.factor.clone()).collect();
    let name = own_name(&others, None, name)?;
    let party = party(services).await?;
    let exclude = known.iter().filter_map(|keyed| keyed.credential.as_deref());
    let exclude: Vec<CredentialID> = exclude
        .filter_map(|id| URL_SAFE_NO_PAD.decode(id).ok())
        .map(CredentialID::from)
        .collect();
    let (question, state) = party
        .webauthn
        .start_passkey_registration(user.id.0, &user.username, &user.display_name, Some(exclude))
        .map_err(|error| unreadable().internal(error))?;
    let person = call.signed_in()?;
    let asked = keep(
        services,
        call,
        (user.id, &person.session.key, Purpose::Add),
        &name,
        (&question, &state),
    )
    .await?;
    Ok((name, asked))
}

/// Remembers what an answer will be checked against.
pub(super) async fn keep(
    services: &Services,
    call: &Call,
    (user, session, purpose): (UserId, &muster_domain::session::SessionKey, Purpose),
    name: &str,
    (question, state): (&impl Serialize, &impl Serialize),
) -> Result<Asked, Error> {
    let id = services.id::<CeremonyId>();
    let sealed =
        services
            .sealer()
            .seal(&written(state)?, ceremonies::place(id), services.entropy())?;
    let ceremony = Ceremony {
        id,
        user,
        session: session.clone(),
        purpose,
        name: name.to_owned(),
        sealed,
        begun_at: call.at,
    };
    let tx = services.db().begin().await?;
    ceremonies::begin(&tx, &ceremony).await?;
    tx.commit_quiet(Quiet::SignInPending).await?;
    Ok(Asked {
        id,
        options: written(question)?,
    })
}

/// Adds the passkey that the browser made. It counts at once.
///
/// # Errors
/// Without ground; `FAC-010` when the question does not wait any more; `FAC-011` to `FAC-017` when the answer does not
/// hold; `FAC-018` when it is known already; `LOCK-001` when policy would not take the password of the last superadmin any
/// more together with it. The question is used up in any case.
pub async fn finish(
    services: &Services,
    call: &Call,
    ground: impl Into<Ground<'_>>,
    id: CeremonyId,
    answer: &str,
) -> Result<Added, Error> {
    let ground = ground.into();
    let user = ground.holds(services.db(), call).await?;
    let asker = (user.id, &call.signed_in()?.session.key, Purpose::Add);
    let ceremony = take(services, call, id, asker).await?;
    let state: PasskeyRegistration = opened(services.sealer(), &ceremony)?;
    let party = party(services).await?;
    let answer: RegisterPublicKeyCredential = read(answer)?;
    let passkey = party
        .webauthn
        .finish_passkey_registration(&answer, &state)
        .map_err(|error| refusal(&error))?;
    let mut keyed = keyed(services, call, (user.id, ceremony.name), &passkey)?;
    keyed.factor.bound_to = Some(party.name);
    let tx = services.db().begin().await?;
    let known = rows::of_user(&tx, user.id).await?;
    if known.len() >= factor::MOST {
        return Err(too_many());
    }
    own_name(&known, None, &keyed.factor.name)?;
    if rows::knows(&tx, keyed.credential.as_deref().unwrap_or_default()).await? {
        return Err(Error::new(
            "FAC-018",
            Kind::Conflict,
            "This passkey is known here already.",
        )
        .next("Choose another device, or use the one you have."));
    }
    let is_first = rows::enrolled(&tx, user.id).await? == Enrolled::No;
    let ways_in = lockout::before(services, &tx).await?;
    (keyed.factor.permitted_by, keyed.factor.opened_by) = ground.spend(&tx, call).await?;
    rows::add(&tx, &keyed).await?;
    ways_in.holds(&tx).await?;
    let mut events = vec![event(call, "factor.add", user, &keyed.factor)];
    let mut codes = Vec::new();
    if is_first {
        codes = new_codes(services, call, &tx, (user.id, &keyed.factor.opened_by)).await?;
        events.push(codes_made(call, user));
    }
    notices::tell(
        services,
        call,
        &tx,
        user,
        About::FactorAdded(keyed.factor.name.clone()),
    )
    .await?;
    tx.commit(&events).await?;
    Ok(Added {
        name: keyed.factor.name,
        codes,
    })
}

fn keyed(
    services: &Services,
    call: &Call,
    (user, name): (UserId, String),
    passkey: &Passkey,
) -> Result<Keyed, Error> {
    let id = services.id::<FactorId>();
    Ok(Keyed {
        sealed: services
            .sealer()
            .seal(&written(passkey)?, place(id), services.entropy())?,
        factor: Factor {
            id,
            user,
            kind: FactorKind::Passkey,
            name,
            created_at: call.at,
            last_used_at: None,
            bound_to: None,
            suspected_at: None,
            permitted_by: None,
            opened_by: Openers::nobody(),
        },
        counter: Some(0),
        credential: Some(credential_of(passkey.cred_id())),
    })
}

/// A passkey's id as it is stored.
pub(super) fn credential_of(id: &CredentialID) -> String {
    URL_SAFE_NO_PAD.encode(id.as_slice())
}

/// Takes a question out of waiting, if it is the asker's own.
pub(super) async fn take(
    services: &Services,
    call: &Call,
    id: CeremonyId,
    asker: (UserId, &muster_domain::session::SessionKey, Purpose),
) -> Result<Ceremony, Error> {
    let tx = services.db().begin().await?;
    let found = ceremonies::find(&tx, id, asker, call.at - LASTS).await?;
    let Some(found) = found else {
        tx.rollback().await?;
        return Err(over());
    };
    if !ceremonies::use_up(&tx, id).await? {
        return Err(over());
    }
    tx.commit_quiet(Quiet::SignInPending).await?;
    Ok(found)
}

pub(super) fn opened<T: DeserializeOwned>(
    sealer: &Sealer,
    ceremony: &Ceremony,
) -> Result<T, Error> {
    let state = sealer.open(&ceremony.sealed, ceremonies::place(ceremony.id))?;
    serde_json::from_str(state.expose_secret()).map_err(|error| over().internal(error))
}

/// An answer as the browser wrote it down.
pub(super) fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Error> {
    if answer.len() > LARGEST {
        return Err(unreadable());
    }
    serde_json::from_str(answer).map_err(|error| unreadable().internal(error))
}

pub(super) fn written(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| unreadable().internal(error))
}
