//! A forgotten password: whoever asks is given the same answer in the same time, and what becomes of it is decided
//! afterwards, in the background. And links to choose a password that administrators send or hand over.
//!
//! A link counts once and not for long; its token is kept as a hash. Using it sets the password and nothing else: it
//! signs nobody in, asks for the second factor as always, and every session of the account ends. A newer link voids an
//! older one; another address voids those that went to the old one.
//!
//! Decided: no link goes out for a break-glass account, for somebody whom the sign-in policy lets have no password, to
//! an address that no administrator entered, or for somebody who holds a role and has no second factor. They get a
//! message that says why and whom to ask. Somebody deactivated, and an address that several people have, get nothing.

mod link;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::audit::AuditEvent;
use muster_domain::factor::Enrolled;
use muster_domain::id::WishId;
use muster_domain::mail::letters::{About, Circumstances, Link, NoLink};
use muster_domain::opener::Openers;
use muster_domain::throttle::{self, ThrottlePolicy};
use muster_domain::user::User;
use muster_domain::{Error, Kind, name};
use muster_storage::password_links::Purpose;
use muster_storage::reset_wishes::{self as wishes, Wish};
use muster_storage::{
    Place, Quiet, Tx, accounts, directories as folders, factors, outbox as letters,
    throttle as counted, users,
};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::{Call, Services, directories, guard, mail, password, roles, sign_in_policy, site};

use link::{Detail, make};
pub use link::{Made, Opened, look, make_for, open, over, redeem, signed_in};

/// How long a link counts that somebody asked for.
pub const LASTS: TimeDelta = TimeDelta::minutes(30);
/// How long one counts that an administrator sends or hands over.
pub const SENT_LASTS: TimeDelta = TimeDelta::hours(24);
/// Wishes looked at in one round.
const ROUND: u32 = 20;
/// Messages about one account within a quarter of an hour, whoever asks from wherever.
const LETTERS: u32 = 3;

/// Limits of asking. Strangers keep nobody from asking: only their own network is slowed down.
const ASKING: ThrottlePolicy = ThrottlePolicy {
    per_pair: 3,
    per_network: 10,
    per_account_from_strangers: u32::MAX,
    window_seconds: 900,
};

/// Whether the sign-in page offers a new password: messages are sent, and passwords count.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_offered(services: &Services) -> Result<bool, Error> {
    Ok(mail::is_configured(services.db()).await?
        && sign_in_policy::offers_passwords(services).await?)
}

/// Takes somebody's wish for a new password, by username or address. Costs the same whoever it is.
///
/// # Errors
/// `RST-001` where it is not offered, `RST-002` after too many wishes; with a message beside the field `login`.
pub async fn ask(services: &Services, call: &Call, typed: &str) -> Result<(), Error> {
    if !is_offered(services).await? {
        return Err(not_offered());
    }
    let typed = typed.trim();
    if typed.is_empty() || typed.chars().count() > 254 {
        return Err(
            Error::form(Vec::new()).field("login", "Enter your username or your e-mail address.")
        );
    }
    let (key, network) = (
        format!("RESET {}", password::key_of(typed)),
        format!("RESET {}", call.network()),
    );
    let since = call.at - TimeDelta::seconds(i64::from(ASKING.window_seconds));
    let id: WishId = services.id();
    let wish = Wish {
        id,
        typed: services
            .sealer()
            .seal(typed, place(id), services.entropy())?,
        address: call.address.map(|address| address.to_string()),
        created_at: call.at,
    };
    let tx = services.db().begin().await?;
    let before = counted::failures(&tx, &key, &network, since).await?;
    if !throttle::may_try(&ASKING, &before) {
        tx.rollback().await?;
        return Err(Error::new("RST-002", Kind::TooMany, "A new password was asked for too often.")
            .next("Look into your mailbox, also among what it takes for spam. Ask again after 15 minutes, or ask an administrator."));
    }
    counted::record_failure(&tx, &key, &network, call.at).await?;
    wishes::insert(&tx, &wish).await?;
    tx.commit_quiet(Quiet::Mail).await
}

/// A new password is not to be had by e-mail here.
#[must_use]
pub fn not_offered() -> Error {
    Error::new(
        "RST-001",
        Kind::NotFound,
        "A new password is not to be had here.",
    )
    .next("Ask an administrator of this console, or sign in through an identity provider.")
}

const fn place(id: WishId) -> Place<'static> {
    Place {
        table: "reset_wishes",
        column: "typed",
        id: id.0,
    }
}

/// Looks at what was wished for, the newest first: a flood of wishes keeps nobody waiting who asks after it. One that
/// cannot be settled is forgotten, and the others go on.
pub(crate) async fn settle(services: &Services, now: DateTime<Utc>) -> Result<(), Error> {
    let waiting = wishes::newest(services.db(), ROUND).await?;
    if waiting.is_empty() {
        return Ok(());
    }
    for wish in waiting {
        if let Err(error) = settle_one(services, &wish, now).await {
            tracing::warn!(%error, "a wish for a new password could not be settled and is forgotten");
            let tx = services.db().begin().await?;
            wishes::take(&tx, wish.id).await?;
            tx.commit_quiet(Quiet::Mail).await?;
        }
    }
    let tx = services.db().begin().await?;
    wishes::forget(&tx, now - LASTS).await?;
    tx.commit_quiet(Quiet::Mail).await
}

async fn settle_one(services: &Services, wish: &Wish, now: DateTime<Utc>) -> Result<(), Error> {
    let mut call = Call::system("job", now);
    call.address = wish
        .address
        .as_deref()
        .and_then(|address| address.parse().ok());
    let tx = services.db().begin().await?;
    // Two nodes looked: the other one has it.
    if !wishes::take(&tx, wish.id).await? {
        return tx.rollback().await;
    }
    let event = match whose(services, &tx, wish, now).await? {
        Some(user) => granted(services, &call, &tx, &user).await?,
        None => None,
    };
    match event {
        Some(event) => tx.commit(&[event]).await,
        None => tx.commit_quiet(Quiet::Mail).await,
    }
}

/// Whom a wish is about, if that is one active person.
async fn whose(
    services: &Services,
    tx: &Tx,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<Option<User>, Error> {
    if now - wish.created_at > LASTS {
        return Ok(None);
    }
    // One that was sealed under a key that is gone is nobody's.
    let Ok(typed) = services.sealer().open(&wish.typed, place(wish.id)) else {
        return Ok(None);
    };
    let typed = typed.expose_secret();
    let found = match users::by_username(tx, typed).await? {
        Some(user) => vec![user],
        None => users::by_email(tx, typed).await?,
    };
    let mut active = found.into_iter().filter(User::is_active);
    let one = active.next();
    Ok(one.filter(|_| active.next().is_none()))
}

/// Sends a link or says why not; neither if the person has no address or was written to often enough.
async fn granted(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
) -> Result<Option<AuditEvent>, Error> {
    let Some(address) = user.email.clone() else {
        return Ok(None);
    };
    let key = format!("RESET LETTERS {}", user.id);
    let since = call.at - TimeDelta::seconds(i64::from(ASKING.window_seconds));
    if counted::failures(tx, &key, "RESET LETTERS", since)
        .await?
        .pair
        >= LETTERS
    {
        return Ok(None);
    }
    counted::record_failure(tx, &key, "RESET LETTERS", call.at).await?;
    let refused = refused(tx, user).await?;
    let about = match refused {
        Some(why) => About::NoLink(why),
        None => {
            let detail = Detail {
                address: Some(address.clone()),
                by: None,
                roles: Vec::new(),
                opened_by: readers(tx, user).await?,
            };
            let (url, until) = make(services, call, tx, user.id, Purpose::Reset, detail).await?;
            About::Reset {
                link: Link {
                    url: url.into(),
                    until,
                },
            }
        }
    };
    post(services, call, tx, (user, &address), &about).await?;
    let why = refused.map(|why| format!("{why:?}"));
    Ok(Some(call.event(
        "password.asked",
        &user.username,
        Some(user.id.0),
        json!({"link": refused.is_none(), "refused": why}),
    )))
}

async fn post(
    services: &Services,
    call: &Call,
    tx: &Tx,
    to: (&User, &str),
    about: &About,
) -> Result<(), Error> {
    let base = site::url_in(services, tx).await?;
    let until = match about {
        About::Reset { link } | About::Sent { link, .. } => link.until,
        _ => call.at + LASTS,
    };
    let told: Circumstances<'_> = mail::circumstances(base.as_str(), &to.0.username, call);
    // An older link is void: its message is no use any more.
    letters::take_back(tx, to.0.id, about.kind()).await?;
    mail::post(services, tx, to, about, &told, until).await
}

/// Why somebody gets no link by asking for one, if so.
async fn refused(tx: &Tx, user: &User) -> Result<Option<NoLink>, Error> {
    if user.break_glass {
        return Ok(Some(NoLink::BreakGlass));
    }
    if sign_in_policy::may_have(tx, user.id).await.is_err() {
        return Ok(Some(NoLink::Policy));
    }
    if !has_entered_address(tx, user).await? {
        return Ok(Some(NoLink::Address));
    }
    let holds_role = guard::is_privileged(&roles::standing(tx).await?, user.id);
    if holds_role && factors::enrolled(tx, user.id).await? == Enrolled::No {
        return Ok(Some(NoLink::RoleWithoutFactor));
    }
    Ok(None)
}

/// Who, beside the person, could read what is mailed to them, by the address that was entered here.
async fn readers(tx: &Tx, user: &User) -> Result<Openers, Error> {
    match has_entered_address(tx, user).await? {
        true => users::email_opened_by(tx, user.id).await,
        false => Ok(Openers::nobody()),
    }
}

/// Whether an administrator entered the person's address here. What a provider states about somebody is its word alone.
async fn has_entered_address(tx: &Tx, user: &User) -> Result<bool, Error> {
    let Some(address) = &user.email else {
        return Ok(false);
    };
    let internal: Vec<_> = folders::list(tx)
        .await?
        .into_iter()
        .filter(|directory| directory.kind == directories::INTERNAL)
        .map(|directory| directory.id)
        .collect();
    let accounts = accounts::of_user(tx, user.id).await?;
    Ok(accounts.iter().any(|account| {
        let stated = account.attributes.get("email");
        internal.contains(&account.directory)
            && stated.is_some_and(|stated| name::key(stated) == name::key(address))
    }))
}
