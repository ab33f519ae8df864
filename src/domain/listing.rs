//! Lists with stable order, filters and keyset paging: the last page costs what the first costs.

use serde::{Deserialize, Serialize};

/// Ascending or descending.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// Which page of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The first.
    #[default]
    First,
    /// The last.
    Last,
    /// The one after this cursor.
    After(Cursor),
    /// The one before this cursor.
    Before(Cursor),
}

/// The place of one row in the order: its sort key and, for ties, its id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The row's value in the sorted column, as text.
    pub key: String,
    /// The row's id.
    pub id: uuid::Uuid,
}

impl Cursor {
    /// As it stands in an address: URL-safe, opaque.
    #[must_use]
    pub fn encode(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(format!("{}\u{1f}{}", self.id, self.key))
    }

    /// Reads one from an address; anything unreadable is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (id, key) = text.split_once('\u{1f}')?;
        Some(Self {
            id: uuid::Uuid::parse_str(id).ok()?,
            key: key.to_owned(),
        })
    }
}

/// One page of a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// How many rows stand before the first of these.
    pub before: u64,
    /// How many rows match the filters.
    pub total: Count,
    /// Leads to the previous page, if there is one.
    pub previous: Option<Cursor>,
    /// Leads to the next page, if there is one.
    pub next: Option<Cursor>,
}

/// A number of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Count {
    /// Exactly so many.
    Exact(u64),
    /// At least so many; counting stopped there.
    AtLeast(u64),
}

impl Count {
    /// The number.
    #[must_use]
    pub const fn value(self) -> u64 {
        match self {
            Self::Exact(n) | Self::AtLeast(n) => n,
        }
    }
}

/// Rows on one page.
pub const PAGE: u64 = 50;
