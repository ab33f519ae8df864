//! The parameters of a request, from its query or its form. Sent twice is an error (RFC 6749,
//! section 3.1); sent empty is not sent.

use std::collections::BTreeMap;

use url::form_urlencoded;

/// Name to value, each name once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters(BTreeMap<String, String>);

/// The name of a parameter that was sent more than once.
#[derive(Debug)]
pub(crate) struct SentTwice(pub(crate) String);

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, SentTwice> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if found.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(SentTwice(name.into_owned()));
            }
        }
        Ok(Self(found))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str)?;
        (!value.is_empty()).then_some(value)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn set_if_missing(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}
