//! Forward-auth: a reverse proxy asks, for each request of an application, who is there and whether they may.
//!
//! The session of this console never leaves its own origin. An application's host gets a *passage*: the browser is led
//! here, and back with a code that counts once, for a minute, for this application, in this browser; it is exchanged
//! for a token that names the session here. Everything that decides is read anew for every request, so a passage ends
//! with its session, and nobody who loses a role or group keeps the way in.

use std::net::IpAddr;

use chrono::TimeDelta;
use muster_domain::application::{Application, Found, Origin, Readings, Target, find};
use muster_domain::id::ApplicationId;
use muster_domain::{Error, Kind};
use muster_storage::passages::{self, Code, Entered};
use muster_storage::{Quiet, applications as rows};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::applications::unknown;
use crate::digest::sha256_hex;
use crate::visit::Sign;
use crate::{Call, Services, Who, visit};

/// How long a code counts: the browser follows two redirects.
const CODE_LASTS: TimeDelta = TimeDelta::seconds(60);
/// Paths on an application's host that the proxy leads here.
pub const OWN: &str = "/.muster/";

/// What is asked for at the proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The address.
    pub target: Target,
    /// Whether the proxy itself demands a secure session.
    pub elevated: bool,
    /// Whether the request only looks: then what another process wrote may count up to a second later.
    pub reads: bool,
    /// Whether somebody opened a page by hand: only that counts as use of a secure session. Pages ask for the rest by
    /// themselves, as long as they are open.
    pub by_hand: bool,
}

/// Who asks, as far as a request tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Visitor {
    /// The address of the browser.
    pub address: Option<IpAddr>,
    /// The browser, as it calls itself.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: String,
}

/// The answer to the proxy.
#[derive(Clone, PartialEq, Debug)]
pub enum Passage {
    /// Let through.
    Open(Box<Entered>),
    /// Signed in, and not let through.
    Denied(Box<Application>),
    /// To be led here first: nobody came in, or a secure session is demanded and none runs.
    Ask(Box<Asking>),
}

/// Where to lead a browser that has to come here first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    /// The application.
    pub application: Application,
    /// Whether a secure session is demanded.
    pub elevated: bool,
}

impl Asking {
    /// The first step, on the application's own host.
    #[must_use]
    pub fn start(&self, to: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("to", to);
        if self.elevated {
            query.append_pair("elevated", "1");
        }
        let origin = self.application.origin.as_str();
        format!("{origin}{OWN}start?{}", query.finish())
    }
}

/// Decides about one request at a proxy.
///
/// # Errors
/// `FWD-002` for a path nobody can read, `FWD-003` where no application is.
pub async fn verify(
    services: &Services,
    wanted: &Wanted,
    token: Option<&str>,
    from: &Visitor,
) -> Result<Passage, Error> {
    let all = services.db().recent_applications().await?;
    let found = place(&all, &wanted.target)?;
    let elevated = wanted.elevated || found.is_elevated;
    let asking = || {
        Passage::Ask(Box::new(Asking {
            application: found.first.clone(),
            elevated,
        }))
    };
    let Some((entered, call)) = here(services, wanted, token, from).await? else {
        return Ok(asking());
    };
    if let Some(closed) = closed(&found, &entered) {
        return Ok(Passage::Denied(Box::new(closed.clone())));
    }
    if elevated && call.elevated().is_err() {
        return Ok(asking());
    }
    Ok(Passage::Open(Box::new(entered)))
}

fn place<'a>(all: &'a [Application], target: &Target) -> Result<Found<'a>, Error> {
    let readings = Readings::of(target.path()).map_err(|_| unreadable())?;
    find(all, &target.origin, &readings).ok_or_else(|| unknown(target.origin.as_str()))
}

/// The refusal of an address that cannot be read, or is told in two ways.
#[must_use]
pub fn unreadable() -> Error {
    Error::new(
        "FWD-002",
        Kind::Forbidden,
        "The address that was asked for cannot be read in one way alone.",
    )
    .next("Open the application's first page and follow its links. Behind a new proxy, compare its configuration with the documentation.")
}

/// Who came in with this token at this very origin, if they are still signed in here.
async fn here(
    services: &Services,
    wanted: &Wanted,
    token: Option<&str>,
    from: &Visitor,
) -> Result<Option<(Entered, Call)>, Error> {
    let Some(token) = token else {
        return Ok(None);
    };
    let (hash, now) = (sha256_hex(token), services.now());
    let entered = if wanted.reads {
        services.db().recently_entered(&hash, now).await?
    } else {
        passages::entered(services.db(), &hash, now).await?
    };
    let Some(entered) = entered.filter(|entered| entered.origin == wanted.target.origin) else {
        return Ok(None);
    };
    let sign = if wanted.by_hand {
        Sign::Use
    } else {
        Sign::Seen
    };
    let visit::Found::Person(person) = visit::admit(services, entered.person, sign, now).await?
    else {
        return Ok(None);
    };
    let call = Call {
        who: Who::Person(person.clone()),
        address: from.address,
        user_agent: from.user_agent.clone(),
        request_id: from.request_id.clone(),
        at: now,
    };
    let entered = Entered {
        person: *person,
        ..entered
    };
    Ok(Some((entered, call)))
}

/// The application that does not admit them, if one of those that decide does not.
fn closed<'a>(found: &Found<'a>, entered: &Entered) -> Option<&'a Application> {
    let groups: Vec<_> = entered.groups.iter().map(|(id, _)| *id).collect();
    found
        .all
        .iter()
        .find(|one| !one.entry.admits(&entered.person.roles, &groups))
        .copied()
}

/// Where the first step leads: to this console, with the hash of what the browser keeps at the application's host.
///
/// # Errors
/// `FWD-002` and `FWD-003` as [`verify`].
pub async fn leave(
    services: &Services,
    target: &Target,
    flow: &str,
    elevated: bool,
) -> Result<Url, Error> {
    let all = services.db().recent_applications().await?;
    let found = place(&all, target)?;
    let mut url = crate::site::join(&crate::site::url(services).await?, "auth/enter")?;
    url.query_pairs_mut()
        .append_pair("application", &found.first.id.to_string())
        .append_pair("flow", &sha256_hex(flow))
        .append_pair("to", &target.to);
    if elevated {
        url.query_pairs_mut().append_pair("elevated", "1");
    }
    Ok(url)
}

/// What a browser that was led here wants.
#[derive(Clone, PartialEq, Eq, Debug, serde::Deserialize)]
pub struct Wish {
    /// Into which application.
    pub application: ApplicationId,
    /// The hash of what the browser keeps there.
    pub flow: String,
    /// Path and query to go on to.
    pub to: String,
    /// Whether a secure session is demanded.
    #[serde(default)]
    pub elevated: String,
}

/// An application somebody may enter, and the way in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Its name.
    pub name: String,
    /// The address that lets the browser in.
    pub to: Url,
}

/// Hands the caller over to an application: keeps a code for this browser and gives the address that exchanges it.
///
/// # Errors
/// When nobody is signed in; `FWD-003` where no application is; `FWD-004` when the caller may not enter; `ELV-001` when
/// a secure session is demanded and none runs.
pub async fn enter(services: &Services, call: &Call, wish: &Wish) -> Result<Way, Error> {
    let person = call.signed_in()?;
    let all = rows::list(services.db()).await?;
    let (target, found) = wished(&all, wish)?;
    let groups = passages::groups_of(services.db(), person.user.id).await?;
    let entered = Entered {
        person: person.clone(),
        groups,
        origin: target.origin.clone(),
    };
    if let Some(closed) = closed(&found, &entered) {
        return Err(denied(closed));
    }
    if found.is_elevated || !wish.elevated.is_empty() {
        call.elevated()?;
    }
    let token = services.token();
    let code = Code {
        hash: sha256_hex(&token),
        application: found.first.id,
        session: person.session.key.clone(),
        flow: wish.flow.clone(),
        return_to: target.to.clone(),
        expires_at: call.at + CODE_LASTS,
    };
    let tx = services.db().begin().await?;
    passages::keep_code(&tx, &code).await?;
    tx.commit_quiet(Quiet::SignInPending).await?;
    let base = format!("{}{OWN}return", target.origin.as_str());
    let mut to = Url::parse(&base).map_err(|error| unknown(&base).internal(error))?;
    to.query_pairs_mut().append_pair("code", &token);
    Ok(Way {
        name: found.first.name.clone(),
        to,
    })
}

fn wished<'a>(all: &'a [Application], wish: &Wish) -> Result<(Target, Found<'a>), Error> {
    let named = all.iter().find(|one| one.id == wish.application);
    let named = named.ok_or_else(|| unknown("an application that is gone"))?;
    let is_hash = wish.flow.len() == 64 && wish.flow.bytes().all(|b| b.is_ascii_hexdigit());
    let address = format!("{}{}", named.origin.as_str(), wish.to);
    let target = Target::new(&address)
        .filter(|_| is_hash && wish.to.starts_with('/'))
        .ok_or_else(unreadable)?;
    let found = place(all, &target)?;
    Ok((target, found))
}

/// The refusal of somebody who is signed in.
fn denied(application: &Application) -> Error {
    Error::new(
        "FWD-004",
        Kind::Forbidden,
        format!("You may not open {}.", application.name),
    )
    .next("Whoever manages it can let one of your groups in. If you have another account, sign out here first.")
}

/// What a browser on its way into an application is about to do, in words; none where it may not or there is nothing
/// to prove.
///
/// # Errors
/// When the applications cannot be read.
pub async fn action(services: &Services, wish: &Wish) -> Result<Option<String>, Error> {
    let all = services.db().recent_applications().await?;
    Ok(wished(&all, wish)
        .ok()
        .map(|(_, found)| format!("open protected pages of {}", found.first.name)))
}

/// Somebody who was let in.
#[derive(Clone, PartialEq, Eq)]
pub struct LetIn {
    /// What the browser keeps at the application's host.
    pub token: String,
    /// Path and query to go on to there.
    pub to: String,
}

/// Exchanges a code for a passage. It counts once, and only in the browser that set out.
///
/// # Errors
/// `FWD-005` when the code does not count here and now.
pub async fn let_in(
    services: &Services,
    origin: &Origin,
    code: &str,
    flow: &str,
    from: &Visitor,
) -> Result<LetIn, Error> {
    let now = services.now();
    // A stranger's guess is not worth a turn at writing.
    if !passages::is_kept(services.db(), &sha256_hex(code)).await? {
        return Err(spent());
    }
    let tx = services.db().begin().await?;
    let Some(code) = passages::take_code(&tx, &sha256_hex(code)).await? else {
        return Err(spent());
    };
    let at_home = rows::get(&tx, code.application)
        .await?
        .is_some_and(|application| application.origin == *origin);
    let own: bool = sha256_hex(flow)
        .as_bytes()
        .ct_eq(code.flow.as_bytes())
        .into();
    let person = muster_storage::sessions::load_signed_in(&tx, &code.session, now).await?;
    let person = person.filter(|person| person.user.is_active());
    let Some(person) = person.filter(|_| at_home && own && now < code.expires_at) else {
        // Whoever tried used it up.
        tx.commit_quiet(Quiet::SignInPending).await?;
        return Err(spent());
    };
    let token = services.token();
    passages::open(&tx, &sha256_hex(&token), &code.session, origin, now).await?;
    let call = Call {
        who: Who::Person(Box::new(person)),
        address: from.address,
        user_agent: from.user_agent.clone(),
        request_id: from.request_id.clone(),
        at: now,
    };
    let event = call.event(
        "application.enter",
        origin.as_str(),
        Some(code.application.0),
        json!({}),
    );
    tx.commit(&[event]).await?;
    Ok(LetIn {
        token,
        to: code.return_to,
    })
}

fn spent() -> Error {
    Error::new(
        "FWD-005",
        Kind::Conflict,
        "This way in was used before, took longer than a minute, or began in another browser.",
    )
    .next("Open the application again.")
}
