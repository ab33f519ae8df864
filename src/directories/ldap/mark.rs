//! From where changes are read: what a server counts or dates them by.
//!
//! - Active Directory numbers every change it stores (`uSNChanged`), each domain controller for itself: a number means
//!   something only beside the `invocationId` of the database that gave it, which changes when one is restored.
//! - OpenLDAP stamps every change (`entryCSN`); `contextCSN` says up to which stamp of each writing server everything is in.
//! - Others date changes to the second by a clock nobody can vouch for (`modifyTimestamp`). So the clock here is asked only
//!   how long ago the latest date was first seen; until that is [`OVERLAP`], what was dated shortly before is read again, and
//!   nothing is ever taken for read by a date from the future.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};
use muster_domain::directory::Cursor;
use muster_domain::snapshot::Doubt;

use super::connect::Connection;
use super::entry::Raw;
use super::schema::Mark;
use super::settings::LdapSettings;
use super::standing::Moment;
use super::{dn, groups, root};

/// How far clocks may differ, and replicas lag behind, in seconds.
pub(super) const OVERLAP: i64 = 300;
/// The longest cursor that is read, in bytes.
const LONGEST: usize = 4096;

/// A place in the sequence of a server's changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Active Directory: whose numbers, the last one, and the server's time, by which accounts expire without a change.
    Usn {
        server: String,
        last: u64,
        time: Option<Moment>,
    },
    /// OpenLDAP: the last stamp of each writing server.
    Csn(BTreeMap<String, String>),
    /// Others: everything before the second `from` is read; `latest` is the latest date of all, first seen at `seen`.
    Time {
        from: Moment,
        latest: Moment,
        seen: Moment,
    },
}

/// What is new since a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Nothing: nobody has to be searched for.
    None,
    /// Whatever this filter finds is, or may be.
    Among(String),
}

impl Place {
    /// Where the server is now. None: it does not tell.
    pub(super) async fn now(
        connection: &mut Connection,
        settings: &LdapSettings,
        clock: Option<DateTime<Utc>>,
    ) -> Result<Option<Self>, Doubt> {
        let by_clock = || Some(Self::dated(clock.and_then(Moment::of)?));
        match settings.schema.mark {
            Mark::Usn => usn(connection, settings).await,
            Mark::Csn => Ok(csn(connection, settings).await?.or_else(by_clock)),
            Mark::Time => Ok(by_clock()),
        }
    }

    /// What is new from here on; `now` is where the server is now. None: that cannot be asked for.
    pub(super) fn news(&self, now: &Self) -> Option<News> {
        match (self, now) {
            (
                Self::Usn { server, last, time },
                Self::Usn {
                    server: current,
                    last: reached,
                    time: until,
                },
            ) => {
                // Another database, or an older state of it: its numbers say nothing about ours.
                if server != current || reached < last {
                    return None;
                }
                let changed = (reached > last)
                    .then(|| Some(format!("(uSNChanged>={})", last.checked_add(1)?)));
                let expired = time.zip(*until).map(|(from, until)| {
                    let (from, until) = (from.0, until.0);
                    format!("(&(accountExpires>={from})(accountExpires<={until}))")
                });
                Some(match (changed, expired) {
                    (None, None) => News::None,
                    (None, Some(expired)) => News::Among(expired),
                    (Some(changed), None) => News::Among(changed?),
                    (Some(changed), Some(expired)) => {
                        News::Among(format!("(|{}{expired})", changed?))
                    }
                })
            }
            (Self::Csn(known), Self::Csn(reached)) => {
                // A server that lacks what was read already is another one, or an older state of it.
                let is_behind = known
                    .iter()
                    .any(|(writer, stamp)| reached.get(writer).is_none_or(|now| now < stamp));
                let first = known.values().min().filter(|_| !is_behind)?;
                Some(if known == reached {
                    News::None
                } else {
                    News::Among(format!("(entryCSN>={})", behind(first)))
                })
            }
            (Self::Time { from, .. }, Self::Time { .. }) => {
                let from = from.written();
                Some(News::Among(format!("(modifyTimestamp>={from})")))
            }
            _ => None,
        }
    }

    /// What is new, with whoever may sign in no more since then, which changes no entry; `until` is the attribute that says
    /// until when they might. Active Directory's is among its news.
    pub(super) fn with_expired(&self, news: String, now: &Self, until: Option<&str>) -> String {
        match (self, now, until) {
            (Self::Time { from, .. }, Self::Time { seen: now, .. }, Some(until)) => {
                let (from, now) = (from.written(), now.written());
                format!("(|{news}(&({until}>={from})({until}<={now})))")
            }
            _ => news,
        }
    }

    /// The attribute that says of each entry when it changed, where that has to be known.
    pub(super) const fn asked(&self) -> Option<&'static str> {
        match self {
            Self::Usn { .. } => None,
            Self::Csn(_) => Some("entryCSN"),
            Self::Time { .. } => Some("modifyTimestamp"),
        }
    }

    /// Whether an entry was read already.
    pub(super) fn is_read(&self, raw: &Raw) -> bool {
        let Self::Csn(known) = self else { return false };
        let stamp = raw.text("entryCSN", 64).ok().flatten();
        stamp.is_some_and(|stamp| {
            writer(stamp)
                .and_then(|writer| known.get(writer))
                .is_some_and(|last| stamp <= last.as_str())
        })
    }

    /// A time of which nothing is known but that it is now.
    const fn dated(now: Moment) -> Self {
        Self::Time {
            from: now,
            latest: Moment(0),
            seen: now,
        }
    }

    /// Until when a date may be believed, if dates are what counts.
    pub(super) const fn horizon(&self) -> Option<Moment> {
        match self {
            Self::Time { seen, .. } => Some(*seen),
            Self::Usn { .. } | Self::Csn(_) => None,
        }
    }

    /// From where to go on behind a reading from `before` that began when the server was at `began`, and in which `latest`
    /// was the latest date within the [horizon](Self::horizon).
    pub(super) fn next(before: Option<&Self>, began: Self, latest: Option<Moment>) -> Self {
        let Self::Time { seen: now, .. } = began else {
            return began;
        };
        let known = match before {
            Some(Self::Time { latest, seen, .. }) => Some((*latest, *seen)),
            _ => None,
        };
        let (latest, seen) = match (known, latest) {
            (Some((known, seen)), latest) if latest.is_none_or(|latest| latest <= known) => {
                (known, seen)
            }
            (_, latest) => (latest.unwrap_or(Moment(0)), now),
        };
        let is_settled = seen <= now.before(OVERLAP);
        let from = latest.before(if is_settled { -1 } else { OVERLAP });
        Self::Time {
            from: from.min(now.before(OVERLAP)),
            latest,
            seen,
        }
    }

    /// As it is kept.
    pub(super) fn write(&self, settings: &LdapSettings) -> Cursor {
        let questions = questions(settings);
        Cursor(match self {
            Self::Usn { server, last, time } => {
                let time = time.map_or_else(|| "-".to_owned(), Moment::written);
                format!("usn {questions:016x} {server} {last} {time}")
            }
            Self::Csn(stamps) => {
                let stamps: Vec<&str> = stamps.values().map(String::as_str).collect();
                format!("csn {questions:016x} {}", stamps.join(" "))
            }
            Self::Time { from, latest, seen } => {
                let [from, latest, seen] = [from, latest, seen].map(|moment| moment.written());
                format!("time {questions:016x} {from} {latest} {seen}")
            }
        })
    }

    /// What was kept; none: it is not one of ours, or the directory is asked for something else since.
    pub(super) fn read(cursor: &Cursor, settings: &LdapSettings) -> Option<Self> {
        if cursor.0.len() > LONGEST {
            return None;
        }
        let mut words = cursor.0.split(' ');
        let kind = words.next()?;
        if words.next()? != format!("{:016x}", questions(settings)) {
            return None;
        }
        let place = match kind {
            "usn" => {
                let server = uuid::Uuid::parse_str(words.next()?).ok()?.to_string();
                let last = words.next()?.parse().ok()?;
                let time = words.next()?;
                let time = match time {
                    "-" => None,
                    time => Some(Moment::read(time)?),
                };
                Self::Usn { server, last, time }
            }
            "csn" => Self::Csn(stamps(words.by_ref())?),
            "time" => {
                let mut moment = || Moment::read(words.next()?);
                let (from, latest, seen) = (moment()?, moment()?, moment()?);
                Self::Time { from, latest, seen }
            }
            _ => return None,
        };
        words.next().is_none().then_some(place)
    }
}

/// What is asked of the server, in short: with other questions, what was not asked for before is not new. It differs between
/// versions of the program now and then, which costs a whole reading.
fn questions(settings: &LdapSettings) -> u64 {
    let schema = &settings.schema;
    let mut hasher = DefaultHasher::new();
    (&settings.users_base, &settings.groups_base, &schema.id).hash(&mut hasher);
    (&schema.users, &schema.groups, &schema.group_name).hash(&mut hasher);
    (&schema.members, &schema.member_names).hash(&mut hasher);
    (&schema.attributes, &schema.extra, schema.until).hash(&mut hasher);
    hasher.finish()
}

async fn usn(connection: &mut Connection, settings: &LdapSettings) -> Result<Option<Place>, Doubt> {
    let asked = ["highestCommittedUSN", "dsServiceName", "currentTime"];
    let Some(said) = told(root::entry(connection, settings, "", &asked).await)? else {
        return Ok(None);
    };
    let text = |name: &str| said.text(name, 4096).ok().flatten();
    let Some((last, service)) = text("highestCommittedUSN")
        .and_then(|last| last.parse().ok())
        .zip(text("dsServiceName"))
    else {
        return Ok(None);
    };
    let service = root::entry(connection, settings, service, &["invocationId"]).await;
    let server = told(service)?.and_then(|service| service.guid("invocationId"));
    Ok(server.map(|server| Place::Usn {
        server: server.to_string(),
        last,
        time: text("currentTime").and_then(Moment::read),
    }))
}

async fn csn(connection: &mut Connection, settings: &LdapSettings) -> Result<Option<Place>, Doubt> {
    let said = told(root::entry(connection, settings, "", &["namingContexts"]).await)?;
    let Some(context) = said.and_then(|said| context(&said, settings)) else {
        return Ok(None);
    };
    let said = told(root::entry(connection, settings, &context, &["contextCSN"]).await)?;
    let values = said.as_ref().map_or(&[][..], |said| said.all("contextCSN"));
    let texts: Option<Vec<&str>> = values
        .iter()
        .map(|value| std::str::from_utf8(value).ok())
        .collect();
    Ok(texts
        .and_then(|texts| stamps(texts.into_iter()))
        .map(Place::Csn))
}

/// The database that holds both bases, if one does.
fn context(said: &Raw, settings: &LdapSettings) -> Option<String> {
    let bases = [&settings.users_base, &settings.groups_base].map(|base| dn::normalised(base));
    let contexts = said.all("namingContexts").iter();
    contexts
        .filter_map(|context| std::str::from_utf8(context).ok())
        .find(|context| {
            dn::normalised(context).is_some_and(|context| {
                let holds = |base: &Option<String>| {
                    base.as_deref()
                        .is_some_and(|base| dn::is_within(base, &context))
                };
                bases.iter().all(holds)
            })
        })
        .map(str::to_owned)
}

/// What a server says of itself is not needed; that the connection is gone has to be known.
fn told(said: Result<Option<Raw>, Doubt>) -> Result<Option<Raw>, Doubt> {
    match said {
        Err(doubt) if !groups::is_cut(&doubt) => Ok(None),
        said => said,
    }
}

/// Stamps by the server that wrote them; none: there is none, or one is no stamp.
fn stamps<'a>(texts: impl Iterator<Item = &'a str>) -> Option<BTreeMap<String, String>> {
    let mut stamps = BTreeMap::new();
    for text in texts {
        stamps.insert(writer(text)?.to_owned(), text.to_owned());
    }
    let has_few = (1..=50).contains(&stamps.len());
    has_few.then_some(stamps)
}

/// Which server wrote what bears this stamp, `20261122085454.123456Z#000000#001#000000`: when, how many in that
/// microsecond, who, and the part of the change. They sort as text.
fn writer(stamp: &str) -> Option<&str> {
    let mut parts = stamp.split('#');
    let (time, count, writer, part) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_stamp = time.len() == 22
        && Moment::read(time).is_some()
        && is_hex(count, 6)
        && is_hex(writer, 3)
        && is_hex(part, 6)
        && parts.next().is_none();
    is_stamp.then_some(writer)
}

/// The next stamp that could be: parts are counted from 0 and hardly ever reach 1.
fn behind(stamp: &str) -> String {
    stamp
        .strip_suffix("#000000")
        .map_or_else(|| stamp.to_owned(), |start| format!("{start}#000001"))
}

#[cfg(test)]
#[path = "mark_tests.rs"]
mod tests;
