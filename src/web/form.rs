//! Forms and queries as they arrive: strict UTF-8, bounded, and refused in words.
//!
//! `Form<T>` and `Query<T>` read into a struct (a repeated field needs a `Vec`); `Fields` keeps every pair for forms
//! whose fields are known only at run time.

use axum::RequestExt as _;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use muster_domain::settings::Values;
use muster_domain::{Error, Kind};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// Largest accepted body in bytes. The largest form is a list of groups; this holds ten thousand names.
pub const LARGEST_BODY: usize = 1024 * 1024;
/// Most pairs in one form.
const MOST_PAIRS: usize = 5000;

/// The fields of a posted form.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

/// The query of the address.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// Every pair of a posted form, in order. `Debug` shows names only: values may be secrets.
#[derive(Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first value of a field.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// As a settings schema checks them; of a repeated field the first value counts.
    #[must_use]
    pub fn values(&self) -> Values {
        let mut values = Values::new();
        for (key, value) in &self.0 {
            values.entry(key.clone()).or_insert_with(|| value.clone());
        }
        values
    }

    /// Every pair, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(key, _)| key))
            .finish()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        let body = body(request).await?;
        pairs(&body)?;
        Ok(Self(read(&body)?))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        Ok(Self(pairs(&body(request).await?)?))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        pairs(query)?;
        Ok(Self(read(query)?))
    }
}

async fn body(request: Request) -> Result<Bytes, Error> {
    let is_form = request.headers().get(CONTENT_TYPE).is_none_or(|value| {
        value
            .as_bytes()
            .to_ascii_lowercase()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if !is_form {
        return Err(Error::new(
            "WEB-415",
            Kind::Invalid,
            "This address takes a form, not a body of another type.",
        )
        .next("Send the form from the page itself."));
    }
    // A body that ends early and one that is too long look alike here; the declared length tells them apart before.
    to_bytes(request.into_limited_body(), LARGEST_BODY)
        .await
        .map_err(|error| too_large().internal(error))
}

/// The refusal of a body beyond [`LARGEST_BODY`].
#[must_use]
pub fn too_large() -> Error {
    Error::new(
        "WEB-413",
        Kind::TooLarge,
        "What was sent is larger than 1 MiB. Nothing was saved.",
    )
    .next("Send less at once.")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_html_form::from_bytes(bytes).map_err(|error| {
        Error::new(
            "WEB-003",
            Kind::Invalid,
            "Some fields are missing, repeated or of the wrong kind. Nothing was saved.",
        )
        .next("Go back, reload the page and try again.")
        .internal(error)
    })
}

/// Every pair, decoded strictly: a decoder that replaces what it cannot read would store something nobody typed.
fn pairs(bytes: &[u8]) -> Result<Vec<(String, String)>, Error> {
    let mut pairs = Vec::new();
    for pair in bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        if pairs.len() == MOST_PAIRS {
            return Err(Error::new(
                "WEB-413",
                Kind::TooLarge,
                "The form has more than 5000 fields. Nothing was saved.",
            )
            .next("Send less at once."));
        }
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let key = decoded(halves.next().unwrap_or_default())?;
        let value = decoded(halves.next().unwrap_or_default())?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn decoded(half: &[u8]) -> Result<String, Error> {
    let spaced: Vec<u8> = half
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let text = percent_decode(&spaced)
        .decode_utf8()
        .map_err(|error| unreadable().internal(error))?;
    if text.contains('\0') {
        return Err(unreadable().internal("NUL"));
    }
    Ok(text.into_owned())
}

fn unreadable() -> Error {
    Error::new(
        "WEB-003",
        Kind::Invalid,
        "What was sent is not text in UTF-8. Nothing was saved.",
    )
    .next("Type it anew instead of pasting it, or send it in UTF-8.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    struct Sample {
        name: String,
        #[serde(default)]
        ids: Vec<u32>,
    }

    async fn post(body: impl Into<Body>) -> Result<Sample, (&'static str, Kind)> {
        let request = Request::builder()
            .method("POST")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.into())
            .unwrap();
        Form::from_request(request, &())
            .await
            .map(|Form(sample)| sample)
            .map_err(|failure| (failure.0.code, failure.0.kind))
    }

    #[tokio::test]
    async fn a_form_is_read_with_lists_and_accents() {
        let sample = Sample {
            name: "Zoë & co".to_owned(),
            ids: vec![1, 2],
        };
        assert_eq!(
            post("name=Zo%C3%AB+%26+co&ids=1&ids=2&unknown=x").await,
            Ok(sample)
        );
        assert_eq!(
            post("name=a&ids=7").await,
            Ok(Sample {
                name: "a".to_owned(),
                ids: vec![7]
            })
        );
    }

    #[tokio::test]
    async fn bytes_that_are_no_text_are_refused_not_replaced() {
        for garbled in [
            "name=%FF",
            "name=%C3",
            "name=%ED%A0%80",
            "na%FEme=x",
            "name=a%00b",
        ] {
            assert_eq!(
                post(garbled).await,
                Err(("WEB-003", Kind::Invalid)),
                "{garbled}"
            );
        }
        assert_eq!(
            post(b"name=\xff".to_vec()).await,
            Err(("WEB-003", Kind::Invalid))
        );
    }

    #[tokio::test]
    async fn a_field_that_is_repeated_or_missing_is_refused() {
        assert_eq!(post("name=a&name=b").await, Err(("WEB-003", Kind::Invalid)));
        assert_eq!(post("ids=1").await, Err(("WEB-003", Kind::Invalid)));
        assert_eq!(post("name=a&ids=x").await, Err(("WEB-003", Kind::Invalid)));
    }

    #[tokio::test]
    async fn an_oversized_body_is_refused() {
        assert_eq!(
            post(format!("name={}", "a".repeat(LARGEST_BODY))).await,
            Err(("WEB-413", Kind::TooLarge))
        );
        assert_eq!(
            post("a&".repeat(MOST_PAIRS + 1)).await,
            Err(("WEB-413", Kind::TooLarge))
        );
    }

    #[test]
    fn values_stay_out_of_debug_output() {
        let fields = Fields(pairs(b"secret=hunter2&ids=1&ids=2").unwrap());
        assert_eq!(format!("{fields:?}"), r#"["secret", "ids", "ids"]"#);
        assert_eq!(fields.all("ids").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(fields.one("secret"), Some("hunter2"));
        assert_eq!(fields.values().len(), 2);
    }
}
