//! Keyset paging: a page begins where a cursor stands, so the last costs what the first costs.

use muster_domain::listing::{At, Count, Cursor, Direction, PAGE, Page};
use sea_orm::Value;
use uuid::Uuid;

use crate::sql::Where;

/// Which page of a list, in which order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paging<S> {
    /// The sorted column.
    pub sort: S,
    /// Its direction.
    pub direction: Direction,
    /// Which page.
    pub at: At,
    /// With [`At::After`]: how many rows stand up to and including the cursor. With [`At::Before`]: how many stand
    /// before it, which is the `before` of the page it came from. Otherwise of no meaning.
    pub position: u64,
    /// Rows on a page.
    pub rows: u64,
}

impl<S: Default> Default for Paging<S> {
    fn default() -> Self {
        Self {
            sort: S::default(),
            direction: Direction::default(),
            at: At::First,
            position: 0,
            rows: PAGE,
        }
    }
}

impl<S: Default> Paging<S> {
    /// A page in the list's own order.
    #[must_use]
    pub fn at(at: At, position: u64) -> Self {
        Self {
            at,
            position,
            ..Self::default()
        }
    }
}

/// The columns of an order: what is sorted, and the id that ends ties.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub column: &'static str,
    pub tie: Tie,
    pub numeric: bool,
}

/// What ends ties between rows with the same value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tie {
    /// There are none.
    None,
    /// A column of UUIDs.
    Id(&'static str),
    /// 32 hexadecimal digits, which a cursor carries as a UUID.
    Digits(&'static str),
}

impl Tie {
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Id(column) | Self::Digits(column) => Some(column),
        }
    }

    fn value(self, id: Uuid) -> Value {
        match self {
            Self::Digits(_) => id.simple().to_string().into(),
            Self::Id(_) | Self::None => id.into(),
        }
    }
}

impl<S> Paging<S> {
    /// Whether rows are fetched from the end and turned around afterwards.
    fn is_backward(&self) -> bool {
        matches!(self.at, At::Last | At::Before(_))
    }

    /// Adds the cursor's condition and gives ` ORDER BY … LIMIT …`, asking for one row more than a page.
    pub(crate) fn apply(&self, order: Order, conditions: &mut Where) -> String {
        let (_, sign) = self.way();
        if let At::After(cursor) | At::Before(cursor) = &self.at {
            let key = conditions.bind(cursor_value(cursor, order));
            let condition = match order.tie.column() {
                Some(column) => {
                    let tie = conditions.bind(order.tie.value(cursor.id));
                    format!("({}, {column}) {sign} ({key}, {tie})", order.column)
                }
                None => format!("{} {sign} {key}", order.column),
            };
            conditions.and(condition);
        }
        format!(" ORDER BY {} LIMIT {}", self.order_by(order), self.rows + 1)
    }

    /// The columns of the order as rows are fetched, each with its direction.
    pub(crate) fn order_by(&self, order: Order) -> String {
        let (word, _) = self.way();
        let tie = order.tie.column();
        let tie = tie
            .map(|column| format!(", {column} {word}"))
            .unwrap_or_default();
        format!("{} {word}{tie}", order.column)
    }

    fn way(&self) -> (&'static str, &'static str) {
        let ascending = (self.direction == Direction::Asc) != self.is_backward();
        if ascending {
            ("ASC", ">")
        } else {
            ("DESC", "<")
        }
    }

    /// Makes the page of what was fetched.
    pub(crate) fn page<T>(
        &self,
        mut rows: Vec<T>,
        total: Count,
        cursor: impl Fn(&T) -> Cursor,
    ) -> Page<T> {
        let wanted = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        if self.is_backward() {
            rows.reverse();
        }
        let len = rows.len() as u64;
        let first = rows.first().map(&cursor);
        let last = rows.last().map(&cursor);
        let (before, previous, next) = match &self.at {
            At::First => (0, None, last.filter(|_| more)),
            At::Last => (
                total.value().saturating_sub(len),
                first.filter(|_| more),
                None,
            ),
            At::After(from) => (
                self.position,
                Some(first.unwrap_or_else(|| from.clone())),
                last.filter(|_| more),
            ),
            At::Before(from) => (
                if more {
                    self.position.saturating_sub(len)
                } else {
                    0
                },
                first.filter(|_| more),
                Some(last.unwrap_or_else(|| from.clone())),
            ),
        };
        Page {
            rows,
            before,
            total,
            previous,
            next,
        }
    }
}

fn cursor_value(cursor: &Cursor, order: Order) -> Value {
    if order.numeric {
        cursor.key.parse::<i64>().unwrap_or_default().into()
    } else {
        cursor.key.clone().into()
    }
}

/// A row's place by a column of text.
pub(crate) fn by_text(key: &str, id: Uuid) -> Cursor {
    Cursor {
        key: key.to_owned(),
        id,
    }
}

/// A row's place by a column of numbers.
pub(crate) fn by_number(key: i64, id: Uuid) -> Cursor {
    Cursor {
        key: key.to_string(),
        id,
    }
}
