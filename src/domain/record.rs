//! Users and groups as a source describes them, keyed by an id that is immutable at the source.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An id that the source never changes nor reassigns: `issuer|subject`, `objectGUID`, `entryUUID`, a SCIM id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExternalId(pub String);

/// Attributes by name: `username`, `display_name`, `given_name`, `family_name`, `email`, and any the source has besides.
pub type Attributes = BTreeMap<String, String>;

/// What a source says of one subject before mapping: the source's attributes, named in lower case, each with its values
/// in the order in which it gave them. Binary values are not among them.
pub type SourceValues = BTreeMap<String, Vec<String>>;

/// A person as a source describes them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UserRecord {
    /// Immutable id at the source.
    pub external_id: ExternalId,
    /// What the source says about the person.
    pub attributes: Attributes,
    /// Whether the source holds the person active.
    pub active: bool,
}

/// A group as a source describes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Immutable id at the source.
    pub external_id: ExternalId,
    /// Its name.
    pub name: String,
    /// Members by their ids at the source: people and groups.
    pub members: Vec<ExternalId>,
}

/// The attribute names Muster itself understands, with the words people read.
pub const KNOWN: [(&str, &str); 6] = [
    ("username", "Username"),
    ("display_name", "Name"),
    ("given_name", "Given name"),
    ("family_name", "Family name"),
    ("email", "E-mail"),
    ("locale", "Language"),
];
