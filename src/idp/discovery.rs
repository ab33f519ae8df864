//! The provider's published configuration (OpenID Connect Discovery 1.0, RFC 8414).
//!
//! [`Document`] is read leniently, for the examination; [`Metadata`] is what sign-in relies on.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use serde_json::{Map, Value};
use url::Url;

use crate::address::Guard;
use crate::codes;
use crate::http::{Answer, Http, Proof};
use crate::words::clean;

/// Where the document lies below the issuer (Discovery 1.0 section 4.1).
pub(crate) const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// A discovery document as it was published.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    map: Map<String, Value>,
    /// The provider's clock, by the HTTP header.
    pub(crate) date: Option<DateTime<Utc>>,
}

impl Document {
    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.map.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A list of texts; none if it is absent.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<&str>> {
        Some(
            self.map
                .get(key)?
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .collect(),
        )
    }

    /// Whether a list names something.
    pub(crate) fn names(&self, key: &str, value: &str) -> bool {
        self.list(key).is_some_and(|list| list.contains(&value))
    }

    /// A truth value, if it is stated.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.map.get(key)?.as_bool()
    }
}

/// What sign-in relies on.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) keys: Url,
    pub(crate) userinfo: Option<Url>,
    pub(crate) end_session: Option<Url>,
    pub(crate) push: Option<Url>,
    pub(crate) client_auth: Option<Vec<String>>,
    pub(crate) takes_claims: bool,
    pub(crate) states_issuer: bool,
}

/// The address of the document of an issuer.
pub(crate) fn address(issuer: &str) -> Result<Url, Error> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    // The issuer must be an address by itself: `https://` would become one only by what is added.
    let has_host = Url::parse(issuer).is_ok_and(|url| url.host().is_some());
    match Url::parse(&format!("{base}{WELL_KNOWN}")) {
        Ok(url) if has_host && !issuer.contains(['?', '#']) => Ok(url),
        _ => Err(codes::SETTINGS
            .saying("The issuer is not a full address without query.")
            .field("issuer", "Enter a full address, beginning with https://.")),
    }
}

/// Fetches the document of an issuer, whoever it says it is.
pub(crate) async fn fetch(http: &Http, issuer: &str) -> Result<Document, Error> {
    let url = address(issuer)?;
    let answer = http.get(&url, Proof::Form).await?;
    read(&url, answer)
}

fn read(url: &Url, answer: Answer) -> Result<Document, Error> {
    match answer.status {
        200 => {}
        300..=399 => {
            let to = answer.location.as_deref().unwrap_or("an unnamed address");
            return Err(
                codes::REDIRECT.saying(format!("{url} redirects to {to}, which is not followed."))
            );
        }
        404 => {
            return Err(
                codes::DISCOVERY_STATUS.saying(format!("There is no discovery document at {url}."))
            );
        }
        _ => {
            return Err(codes::DISCOVERY_STATUS
                .saying(format!("{url} answered with {}.", answer.described())));
        }
    }
    match answer.object() {
        Some(map) => Ok(Document {
            map,
            date: answer.date,
        }),
        None if answer.is_page() => Err(codes::DISCOVERY_UNREADABLE
            .saying(format!("{url} answered with a web page instead of JSON."))),
        None => Err(codes::DISCOVERY_UNREADABLE.saying(format!(
            "{url} answered with something that is no JSON object."
        ))),
    }
}

/// Holds the document against the configured issuer: exactly equal, or not at all (O13, O27).
pub(crate) fn same_issuer(document: &Document, issuer: &str) -> Result<(), Error> {
    let Some(stated) = document.text("issuer") else {
        return Err(codes::DISCOVERY_INCOMPLETE
            .saying("The provider's discovery document states no issuer."));
    };
    if stated == issuer {
        return Ok(());
    }
    let shown = clean(stated);
    let error = codes::ISSUER_DIFFERS.saying(format!(
        "The provider calls itself {shown}, but {issuer} is configured here."
    ));
    Err(if stated.contains("{tenantid}") {
        error.next("This address of Microsoft Entra ID serves every tenant. Enter the one of your tenant: https://login.microsoftonline.com/, your tenant's id, /v2.0.")
    } else if stated
        .trim_end_matches('/')
        .eq_ignore_ascii_case(issuer.trim_end_matches('/'))
    {
        error.next(format!(
            "Only a slash at the end or the case of letters differs. Enter it exactly so: {shown}"
        ))
    } else {
        error
    })
}

impl Metadata {
    /// What sign-in relies on, from a document that was held against its issuer.
    pub(crate) fn of(document: &Document, issuer: &str, guard: Guard) -> Result<Self, Error> {
        same_issuer(document, issuer)?;
        let needed = |key: &str| {
            endpoint(document, key, guard)?.ok_or_else(|| {
                codes::DISCOVERY_INCOMPLETE
                    .saying(format!("The provider's discovery document names no {key}."))
            })
        };
        let flag = |key: &str| document.flag(key).unwrap_or(false);
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization: needed("authorization_endpoint")?,
            token: needed("token_endpoint")?,
            keys: needed("jwks_uri")?,
            userinfo: endpoint(document, "userinfo_endpoint", guard)?,
            end_session: endpoint(document, "end_session_endpoint", guard)?,
            push: endpoint(document, "pushed_authorization_request_endpoint", guard)?,
            client_auth: document
                .list("token_endpoint_auth_methods_supported")
                .map(|methods| methods.into_iter().map(str::to_owned).collect()),
            takes_claims: flag("claims_parameter_supported"),
            states_issuer: flag("authorization_response_iss_parameter_supported"),
        })
    }
}

/// An endpoint, refused if it is no address that may be called: a provider must not lead browsers or
/// this server to `javascript:`, plain http or a metadata address.
pub(crate) fn endpoint(document: &Document, key: &str, guard: Guard) -> Result<Option<Url>, Error> {
    let Some(text) = document.text(key) else {
        return Ok(None);
    };
    let refused = |why: &str| {
        codes::ADDRESS_REFUSED.saying(format!(
            "The provider's {key} ({}) may not be called: {why}.",
            clean(text)
        ))
    };
    let url = Url::parse(text).map_err(|_| refused("it is no address"))?;
    guard.admits(&url).map_err(refused)?;
    Ok(Some(url))
}
