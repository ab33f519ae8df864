//! One error shape above every seam: a stable code, a kind that the edge turns into a status, words
//! for the admin, and a detail for the log.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What sort of failure it is; the edge maps it to an HTTP status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// The input cannot be accepted as it is (422).
    Invalid,
    /// Nobody is signed in (401, or a way to sign in).
    SignInNeeded,
    /// Signed in, but not allowed (403).
    Forbidden,
    /// Allowed, but only in a secure admin session (403 with a way to elevate).
    ElevationNeeded,
    /// There is no such thing, or none the caller may know of (404).
    NotFound,
    /// Something else changed or took the name first (409).
    Conflict,
    /// The request's body or a field is larger than accepted (413).
    TooLarge,
    /// Too many attempts (429).
    TooMany,
    /// An identity provider or directory did not answer as it should (502).
    Upstream,
    /// The database or another part of this installation cannot serve now (503).
    Unavailable,
    /// A defect of ours (500).
    Internal,
}

impl Kind {
    /// The HTTP status (RFC 9110 section 15) that tells this kind.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 422,
            Self::SignInNeeded => 401,
            Self::Forbidden | Self::ElevationNeeded => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Upstream => 502,
            Self::Unavailable => 503,
            Self::Internal => 500,
        }
    }
}

/// A message beside one field of a form.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name in the form.
    pub field: String,
    /// What to do, in words.
    pub message: String,
}

/// A failure that may be shown: `public` and `next` are for the person, `internal` for the log only.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {public}{}", .internal.as_deref().map(|d| format!(" ({d})")).unwrap_or_default())]
pub struct Error {
    /// Stable code such as `OIDC-004`; documented in docs/errors.md.
    pub code: &'static str,
    /// What sort of failure it is.
    pub kind: Kind,
    /// What happened and why. Never holds a secret.
    pub public: Cow<'static, str>,
    /// What to do next, if there is something to do.
    pub next: Option<Cow<'static, str>>,
    /// Detail for the log. Never holds a secret.
    pub internal: Option<String>,
    /// Messages beside the fields of the form that was sent.
    pub fields: Vec<FieldError>,
}

impl Error {
    /// A failure with its words.
    pub fn new(code: &'static str, kind: Kind, public: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            kind,
            public: public.into(),
            next: None,
            internal: None,
            fields: Vec::new(),
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<Cow<'static, str>>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Adds detail for the log.
    #[must_use]
    pub fn internal(mut self, detail: impl std::fmt::Display) -> Self {
        self.internal = Some(detail.to_string());
        self
    }

    /// Adds a message beside a field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// The error of a form with messages beside its fields. Code `FORM-001`.
    #[must_use]
    pub fn form(fields: Vec<FieldError>) -> Self {
        let mut error = Self::new("FORM-001", Kind::Invalid, "Some fields need another look.")
            .next("Each of them says what it needs. Nothing was saved.");
        error.fields = fields;
        error
    }

    /// There is no such thing. Code `WEB-404`.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            "WEB-404",
            Kind::NotFound,
            format!("There is no such {what}."),
        )
        .next("It may have been removed. Go back to the list and look for it there.")
    }
}
