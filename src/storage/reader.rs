//! Where a question is asked: at the database, or inside a transaction that is under way.

use crate::{Db, Tx};

pub(crate) mod sealed {
    use sea_orm::DatabaseExecutor;

    /// Gives the connection to ask on.
    pub trait Source {
        /// The connection.
        fn source(&self) -> DatabaseExecutor<'_>;
    }
}

/// [`Db`] or [`Tx`]: whatever can answer a question. Inside a [`Tx`] its own changes are seen.
pub trait Reader: sealed::Source + Sync {}

impl Reader for Db {}
impl Reader for Tx {}
