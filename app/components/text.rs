//! Optional words as a property of a component: a literal, a `String` or an `Option<String>` all fit.

/// Words that may be missing. Components take it with `#[prop(optional, into)]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaybeText(pub Option<String>);

impl MaybeText {
    /// Whether nothing was given.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.0.is_none()
    }
}

impl From<&str> for MaybeText {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for MaybeText {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<&String> for MaybeText {
    fn from(text: &String) -> Self {
        Self(Some(text.clone()))
    }
}

impl From<Option<String>> for MaybeText {
    fn from(text: Option<String>) -> Self {
        Self(text)
    }
}

impl From<Option<&str>> for MaybeText {
    fn from(text: Option<&str>) -> Self {
        Self(text.map(str::to_owned))
    }
}

impl From<std::borrow::Cow<'_, str>> for MaybeText {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        Self(Some(text.into_owned()))
    }
}
