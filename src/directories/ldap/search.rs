//! Searches, one page at a time (RFC 2696). The caller sees the end of a search and why it ended.
//!
//! A reading of everybody is a search [`Ahead`]: the server is asked for a page while those before it are worked on.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ldap3::asn1::{StructureTag, parse_tag};
use ldap3::controls::{PagedResults, RawControl};
use ldap3::{Ldap as Handle, LdapError, Scope};
use muster_domain::snapshot::Doubt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::connect::{Broken, Connection, shown};
use super::entry::{Raw, Unusable};
use super::settings::{LdapSettings, Limits};

const PAGED: &str = "1.2.840.113556.1.4.319";

/// A page of a search.
#[derive(Debug)]
pub(crate) struct Page {
    /// What was found; some of it may be unreadable.
    pub(crate) entries: Vec<Result<Raw, Unusable>>,
    /// How it goes on.
    pub(crate) then: Then,
}

/// How a search goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    /// There is more.
    More,
    /// That was everything.
    Done,
    /// It ended early.
    Failed(Doubt),
}

/// What is searched for.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) base: String,
    pub(crate) scope: Scope,
    pub(crate) filter: String,
    pub(crate) attributes: Vec<String>,
    /// Entries a page.
    pub(crate) page: u16,
}

/// A search under way. It lives no longer than its connection answers.
pub(crate) struct Search {
    handle: Handle,
    broken: Broken,
    limits: Limits,
    question: Question,
    token: Vec<u8>,
    seen: BTreeSet<u64>,
    pages: u32,
}

impl Search {
    /// Begins; nothing is sent yet.
    pub(crate) fn new(
        connection: &mut Connection,
        settings: &LdapSettings,
        question: Question,
    ) -> Self {
        Self {
            handle: connection.handle.clone(),
            broken: connection.broken.clone(),
            limits: settings.limits,
            question,
            token: Vec::new(),
            seen: BTreeSet::new(),
            pages: 0,
        }
    }

    /// The next page.
    pub(crate) async fn page(&mut self) -> Page {
        let mut entries = Vec::new();
        let then = match self.ask(&mut entries).await {
            Ok(then) => then,
            Err(error) => Then::Failed(self.doubt(&error)),
        };
        Page { entries, then }
    }

    async fn ask(&mut self, entries: &mut Vec<Result<Raw, Unusable>>) -> Result<Then, LdapError> {
        if self.pages >= self.limits.pages {
            return Ok(Then::Failed(Doubt::PageCap(self.limits.pages)));
        }
        self.pages += 1;
        let size = i32::from(self.question.page);
        let paging: RawControl = PagedResults {
            size,
            cookie: std::mem::take(&mut self.token),
        }
        .into();
        let question = self.question.clone();
        let mut stream = self
            .handle
            .with_timeout(self.limits.answer)
            .with_controls(vec![paging])
            .streaming_search(
                &question.base,
                question.scope,
                &question.filter,
                &question.attributes,
            )
            .await?;
        while let Some(entry) = stream.next().await? {
            // Referrals point elsewhere (RFC 4511 section 4.5.3): never followed, a server could send us anywhere.
            if !entry.is_ref() && !entry.is_intermediate() {
                entries.push(Raw::read(entry));
            }
        }
        let result = stream.finish().await;
        drop(stream);
        if let Some(doubt) = refusal(result.rc, &result.text) {
            return Ok(Then::Failed(doubt));
        }
        let paging = result.ctrls.iter().find(|control| control.1.ctype == PAGED);
        match paging.map(|control| token(control.1.val.as_deref().unwrap_or_default())) {
            None => Ok(Then::Done),
            Some(None) => Ok(Then::Failed(Doubt::Refused(
                "its page token cannot be read".to_owned(),
            ))),
            Some(Some(token)) if token.is_empty() => Ok(Then::Done),
            Some(Some(token)) => {
                let first = entries.first().and_then(|entry| entry.as_ref().ok());
                Ok(self.go_on(token, first.map_or("", |entry| entry.dn.as_str())))
            }
        }
    }

    /// A circle is a token that comes again behind a page that begins alike. The token alone says nothing: 389 Directory
    /// Server sends the same one with every page.
    fn go_on(&mut self, token: Vec<u8>, first: &str) -> Then {
        let mut hasher = DefaultHasher::new();
        (&token, first).hash(&mut hasher);
        self.token = token;
        if self.seen.insert(hasher.finish()) {
            Then::More
        } else {
            Then::Failed(Doubt::CyclingToken)
        }
    }

    fn doubt(&self, error: &LdapError) -> Doubt {
        if let Some(why) = self.broken.get() {
            return Doubt::CutOff(why.to_owned());
        }
        match error {
            LdapError::Timeout { .. } => {
                let seconds = self.limits.answer.as_secs();
                Doubt::CutOff(format!("no answer within {seconds} seconds"))
            }
            LdapError::EndOfStream | LdapError::OpSend { .. } | LdapError::ResultRecv { .. } => {
                Doubt::CutOff("the server closed it".to_owned())
            }
            other => Doubt::CutOff(shown(&other.to_string())),
        }
    }
}

/// A search whose pages are asked for before anybody waits for them: one is worked on, one waits, one comes. It ends when it
/// is dropped.
pub(crate) struct Ahead {
    pages: mpsc::Receiver<Page>,
    task: JoinHandle<()>,
}

impl Ahead {
    /// Begins.
    pub(crate) fn of(search: Search) -> Self {
        let (keep, pages) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut search = search;
            loop {
                let page = search.page().await;
                let is_last = page.then != Then::More;
                if keep.send(page).await.is_err() || is_last {
                    break;
                }
            }
        });
        Self { pages, task }
    }

    /// The next page. Behind the last one there is none.
    pub(crate) async fn page(&mut self) -> Page {
        self.pages.recv().await.unwrap_or_else(|| Page {
            entries: Vec::new(),
            then: Then::Failed(Doubt::CutOff("reading it ended early".to_owned())),
        })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a result code says about what was found (RFC 4511 appendix A); none: all is well.
fn refusal(code: u32, text: &str) -> Option<Doubt> {
    match code {
        0 => None,
        3 => Some(Doubt::TimeLimit),
        // 11: administrative limit.
        4 | 11 => Some(Doubt::SizeLimit),
        10 => Some(Doubt::ReferredElsewhere),
        32 => Some(Doubt::Refused("there is no such entry".to_owned())),
        50 => Some(Doubt::Refused("the account may not read there".to_owned())),
        other => Some(Doubt::Refused(format!("code {other} {}", shown(text)))),
    }
}

/// The token in a paging control's value: SEQUENCE { size INTEGER, cookie OCTET STRING }.
fn token(value: &[u8]) -> Option<Vec<u8>> {
    // The value is a message within a message: measured like one.
    if !matches!(
        super::wire::frame(value, value.len()),
        super::wire::Frame::Whole(_)
    ) {
        return None;
    }
    let (_, control) = parse_tag(value).ok()?;
    control
        .expect_constructed()?
        .into_iter()
        .nth(1)
        .and_then(StructureTag::expect_primitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_is_read_and_junk_is_none() {
        assert_eq!(
            token(&[0x30, 0x06, 0x02, 0x01, 0x00, 0x04, 0x01, 0x2a]),
            Some(vec![0x2a])
        );
        assert_eq!(
            token(&[0x30, 0x05, 0x02, 0x01, 0x00, 0x04, 0x00]),
            Some(vec![])
        );
        for junk in [
            &b""[..],
            b"\x30",
            b"\x30\x03\x02\x01\x00",
            b"\x04\x00",
            b"\x30\x80\x00\x00",
        ] {
            assert_eq!(token(junk), None);
        }
    }

    #[test]
    fn l19_every_limit_is_a_doubt() {
        assert_eq!(refusal(0, ""), None);
        assert_eq!(refusal(4, ""), Some(Doubt::SizeLimit));
        assert_eq!(refusal(11, ""), Some(Doubt::SizeLimit));
        assert_eq!(refusal(3, ""), Some(Doubt::TimeLimit));
        assert_eq!(refusal(10, ""), Some(Doubt::ReferredElsewhere));
        assert!(
            matches!(refusal(80, "x\r\ny"), Some(Doubt::Refused(words)) if !words.contains('\n'))
        );
    }
}
