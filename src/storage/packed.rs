//! Many rows in one.
//!
//! SQLite's driver runs each connection on a thread of its own and hands every row over to the one that asked:
//! fifty rows cost fifty wake-ups, far more than finding them. Packed as JSON arrays into one value they cost one.

use muster_domain::Error;
use serde::de::DeserializeOwned;

use crate::row::from_json;
use crate::sql::Where;

impl Where {
    /// An id as text inside of [`Where::packed`].
    pub(crate) fn id_text(&self, column: &str) -> String {
        if self.is_sqlite() {
            format!("hex({column})")
        } else {
            format!("CAST({column} AS text)")
        }
    }

    /// An expression that packs every row's `fields` in this order, which must be that of the sub-select they come
    /// from: SQLite packs rows as they come, and sorting them once more would make it build a table for the time being.
    pub(crate) fn packed(&self, fields: &str, order: &str) -> String {
        if self.is_sqlite() {
            format!("json_group_array(json_array({fields}))")
        } else {
            format!(
                "CAST(coalesce(json_agg(json_build_array({fields}) ORDER BY {order}), '[]') AS text)"
            )
        }
    }
}

/// What was packed; `T` lists the fields in their order.
pub(crate) fn unpacked<T: DeserializeOwned>(table: &str, packed: &str) -> Result<Vec<T>, Error> {
    from_json(table, packed)
}
