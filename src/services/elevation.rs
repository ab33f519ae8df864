//! The secure admin session: granted against a proof that policy accepts, dropped at will, over when its time is.

use muster_domain::credential::{Imprint, PasswordChecked};
use muster_domain::factor::Enrolled;
use muster_domain::id::{ElevationId, ReceiptId, UserId};
use muster_domain::policy::{ElevationPolicy, FactorRule, PasswordRule, Reason};
use muster_domain::session::{Elevation, Means, Proof, ProofKind, Session, SessionKey, Terms};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::receipts::{self, Earned};
use muster_storage::{Place, Tx, credentials, elevations, passages};
use serde_json::json;
use uuid::Uuid;

use crate::factors::Kinds;
use crate::{Call, Services, Who, factors, password, policies};

mod own;

/// Longest reason, in characters.
const LONGEST_REASON: usize = 300;

/// What a secure session is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Aim<'a> {
    /// What the person was about to do, in our words.
    pub action: Option<&'a str>,
    /// Why, in theirs.
    pub reason: Option<&'a str>,
}

/// What stands at the caller's door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Door {
    /// The strictest policy of their roles.
    pub policy: ElevationPolicy,
    /// Whether they have a second factor.
    pub enrolled: Enrolled,
    /// Which of them can answer now.
    pub kinds: Kinds,
}

impl Door {
    /// Whether a password is taken at all.
    #[must_use]
    pub fn takes_password(&self) -> bool {
        self.policy.password != PasswordRule::Never
    }

    /// Whether a second factor is asked for beside the password.
    #[must_use]
    pub fn asks_code(&self) -> bool {
        !self.policy.accepts(ProofKind::Password, self.enrolled)
    }

    /// Whether a code counts beside the password, and there is one.
    #[must_use]
    pub fn takes_code(&self) -> bool {
        let accepts = self
            .policy
            .accepts(ProofKind::PasswordAndFactor, self.enrolled);
        self.enrolled == Enrolled::Yes && accepts
    }

    /// Whether a passkey counts without anything beside it, for an account with a password here.
    #[must_use]
    pub fn takes_passkey_alone(&self) -> bool {
        self.kinds.passkey && self.policy.accepts(ProofKind::Passkey, self.enrolled)
    }

    /// Whether a passkey counts beside the password.
    #[must_use]
    pub fn takes_passkey(&self) -> bool {
        let accepts = self
            .policy
            .accepts(ProofKind::PasswordAndPasskey, self.enrolled);
        self.kinds.passkey && accepts
    }

    /// Whether passkeys are the only second factors that count.
    #[must_use]
    pub fn wants_passkeys(&self) -> bool {
        self.policy.factors == FactorRule::Passkey
    }

    /// Whether a reason is asked for.
    #[must_use]
    pub fn asks_reason(&self) -> bool {
        self.policy.reason == Reason::Asked
    }
}

/// What stands at the caller's door.
///
/// # Errors
/// When nobody is signed in.
pub async fn door(services: &Services, call: &Call) -> Result<Door, Error> {
    let person = call.signed_in()?;
    let (policy, enrolled) = policies::binding(services.db(), person).await?;
    let kinds = factors::kinds(services, person.user.id).await?;
    Ok(Door {
        policy,
        enrolled,
        kinds,
    })
}

/// The reason as it goes on record; none where nobody asks.
///
/// # Errors
/// With a message beside the field `reason` when policy asks for one and none was given.
pub fn reason(door: &Door, typed: &str) -> Result<Option<String>, Error> {
    let reason: String = typed
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST_REASON)
        .collect();
    match (reason.is_empty(), door.asks_reason()) {
        (true, true) => Err(Error::form(Vec::new()).field(
            "reason",
            "Write down what you need it for. It goes on record.",
        )),
        (true, false) => Ok(None),
        (false, _) => Ok(Some(reason)),
    }
}

/// Whether a secure session would be granted. Asked before the browser session's id is changed.
///
/// # Errors
/// As [`grant`].
pub async fn may_grant(
    services: &Services,
    call: &Call,
    proof: &Proof,
    aim: Aim<'_>,
) -> Result<Door, Error> {
    let person = call.signed_in()?;
    if proof.user() != person.user.id || *proof.session() != person.session.key {
        return Err(foreign());
    }
    let door = door(services, call).await?;
    if !door.policy.accepts(proof.kind(), door.enrolled) {
        return Err(not_accepted());
    }
    if door.asks_reason() && aim.reason.is_none() {
        return Err(Error::new(
            "ELV-007",
            Kind::Invalid,
            "Your roles ask for a reason, and none was given.",
        )
        .next("Begin again and write down what you need the secure session for."));
    }
    Ok(door)
}

fn foreign() -> Error {
    Error::new(
        "ELV-002",
        Kind::Forbidden,
        "This proof belongs to another session.",
    )
}

fn not_accepted() -> Error {
    Error::new(
        "ELV-006",
        Kind::Forbidden,
        "The policy of your roles does not accept this proof of presence.",
    )
    .next("Choose another way. A superadmin sets what counts, under Secure sessions → Policies.")
}

/// Grants a secure session. `rotated` is the stored name of the browser session after its id was changed (W3).
///
/// # Errors
/// `ELV-002` when the proof is somebody else's or was exchanged before, `ELV-006` when policy does not accept such a proof, `ELV-007` when it asks
/// for a reason; `AUTH-001` when the password was replaced since it was compared.
pub async fn grant(
    services: &Services,
    call: &Call,
    proof: Proof,
    rotated: &SessionKey,
    aim: Aim<'_>,
) -> Result<Elevation, Error> {
    let person = call.signed_in()?;
    let door = may_grant(services, call, &proof, aim).await?;
    let compared = proof.password_compared().cloned();
    let confirmed = proof.confirmed().cloned();
    let (key, kept) = (proof.session().clone(), proof.receipt());
    let own = own::receipt(services, call, &person.user, &proof, aim.action);
    let terms = Terms {
        policy: &door.policy,
        enrolled: door.enrolled,
        network: &call.network(),
    };
    let elevation = Elevation::earn(services.id::<ElevationId>(), proof, rotated.clone(), terms)
        .ok_or_else(not_accepted)?;
    let row = elevation.to_row();
    let tx = services.db().begin().await?;
    still(&tx, row.user, compared.as_ref()).await?;
    let receipt = match (kept, row.provider) {
        (Some(receipt), _) => receipt,
        (None, Some(_)) => return Err(foreign()),
        (None, None) => keep(&tx, &own).await?,
    };
    let earned = Earned {
        elevation: row.id,
        proof: row.kind,
    };
    // An answer is exchanged once, in the session that brought it.
    if !receipts::exchange(&tx, receipt, (row.user, &key), earned).await? {
        return Err(foreign());
    }
    elevations::insert(&tx, &elevation).await?;
    passages::follow(&tx, &person.session.key, rotated).await?;
    let detail = json!({
        "by": row.kind, "provider": row.provider, "ends_at": row.ends_at, "for": aim.action, "reason": aim.reason,
        "factor": confirmed.map(|confirmed| confirmed.words()), "receipt": receipt,
    });
    tx.commit(&[call.event(
        "elevation.grant",
        &person.user.username,
        Some(row.id.0),
        detail,
    )])
    .await?;
    Ok(elevation)
}

/// The password that a proof rests on still is theirs.
async fn still(tx: &Tx, user: UserId, compared: Option<&Imprint>) -> Result<(), Error> {
    match compared {
        Some(compared) if !credentials::is_still(tx, user, compared).await? => {
            Err(password::wrong())
        }
        _ => Ok(()),
    }
}

async fn keep(tx: &Tx, receipt: &receipts::Receipt) -> Result<ReceiptId, Error> {
    receipts::insert(tx, receipt).await?;
    Ok(receipt.id)
}

/// Grants the first administrator's first secure session: they chose their password in this very request.
///
/// # Errors
/// `ELV-002` when the witness is somebody else's; `AUTH-001` when the password was replaced since.
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
        opened_by: checked.opened_by().clone(),
        elevation: None,
    };
    let proof = Proof::password(&session, checked, call.at).ok_or_else(foreign)?;
    let compared = proof.password_compared().cloned();
    // Nobody has set a policy or added a second factor yet.
    let terms = Terms {
        policy: &ElevationPolicy::default(),
        enrolled: Enrolled::No,
        network: &call.network(),
    };
    let mut receipt = own::receipt(services, call, user, &proof, Some("set this console up"));
    let elevation = Elevation::earn(services.id::<ElevationId>(), proof, key.clone(), terms)
        .ok_or_else(not_accepted)?;
    let row = elevation.to_row();
    receipt.earned = Some(Earned {
        elevation: row.id,
        proof: row.kind,
    });
    let tx = services.db().begin().await?;
    still(&tx, row.user, compared.as_ref()).await?;
    let receipt = keep(&tx, &receipt).await?;
    elevations::insert(&tx, &elevation).await?;
    let detail = json!({"by": "password", "for": "setup", "receipt": receipt});
    tx.commit(&[call.event("elevation.grant", &user.username, Some(row.id.0), detail)])
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

/// What a form carries that is drawn while a secure session runs; none otherwise. It says nothing but that.
///
/// # Errors
/// When it cannot be sealed.
pub fn mark(services: &Services, call: &Call) -> Result<Option<String>, Error> {
    let Ok(elevated) = call.elevated() else {
        return Ok(None);
    };
    let place = mark_place(elevated.id());
    services
        .sealer()
        .seal("drawn", place, services.entropy())
        .map(Some)
}

/// The call of a form that carries the mark of the secure session that runs, or ended within the last minute: for it
/// that session still counts. None: the mark is of another one, or made up.
#[must_use]
pub fn on_screen(services: &Services, call: &Call, mark: &str) -> Option<Call> {
    let mut call = call.clone();
    let Who::Person(person) = &mut call.who else {
        return None;
    };
    let id = person.session.elevation.as_ref()?.to_row().id;
    services.sealer().open(mark, mark_place(id)).ok()?;
    person.session.form_was_on_screen(id);
    Some(call)
}

const fn mark_place(id: ElevationId) -> Place<'static> {
    Place {
        table: "elevations",
        column: "form",
        id: id.0,
    }
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
