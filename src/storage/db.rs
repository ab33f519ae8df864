//! Opening the database, and keeping it open.
//!
//! SQLite: one writer connection, handed out in turn, and a few readers (WAL lets them read while it writes).
//! `synchronous=FULL`, so that what was answered, its audit event above all, survives a power cut; it costs half
//! of the writes per second that NORMAL gives (7 800 against 14 800 measured), far more than a console needs.
//! PostgreSQL: one pool. Connections that break are replaced at the next use, so nothing needs a restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use muster_domain::application::Application;
use muster_domain::session::SessionKey;
use muster_domain::{Error, Kind};
use muster_migrations::Migrator;
use sea_orm::ConnectionTrait as _;
use sea_orm::sqlx::Executor as _;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseExecutor, DbBackend,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use crate::failure::fail;
use crate::passages::Entered;
use crate::reader::sealed::Source;
use crate::recent::{Recent, Writes, Writing};
use crate::{SignedIn, Tx, applications, failure, passages, sessions};

/// Readers of SQLite, at most. Each works on a thread of its own, so more than there are cores take turns.
const READERS: usize = 8;
/// Connections to PostgreSQL.
const POOL: u32 = 16;

/// The database.
#[derive(Clone, Debug)]
pub struct Db {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    write: DatabaseConnection,
    read: DatabaseConnection,
    writes: Writes,
    recent: Recent<SignedIn>,
    entered: Recent<Entered>,
    applications: Recent<Vec<Application>>,
}

/// How to open a database, where the defaults do not fit.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// How long a question waits for a connection.
    pub acquire: Duration,
    /// SQLite: how long to wait while another program holds the file's lock.
    pub busy: Duration,
    /// SQLite: the file grows to at most so many pages of 4096 bytes.
    pub max_pages: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            acquire: Duration::from_secs(5),
            busy: Duration::from_secs(2),
            max_pages: None,
        }
    }
}

impl Db {
    /// Opens `sqlite://path/of/file` (made if it is missing) or `postgres://user:password@host/database`.
    ///
    /// # Errors
    /// `DB-009` for an address that is neither; otherwise why the database cannot be reached.
    pub async fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, OpenOptions::default()).await
    }

    /// Opens with other than the default patience and size.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn open_with(url: &str, options: OpenOptions) -> Result<Self, Error> {
        let inner = if url.starts_with("sqlite:") && !url.contains(":memory:") {
            open_sqlite(url, options).await?
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url, options).await?
        } else {
            return Err(Error::new(
                "DB-009",
                Kind::Invalid,
                "The database address is neither SQLite nor PostgreSQL.",
            )
            .next("Use sqlite://path/to/muster.db or postgres://user:password@host/database."));
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Brings the tables to this version's shape. Does nothing when they have it.
    ///
    /// # Errors
    /// Why a step failed; it leaves nothing half-done.
    pub async fn migrate(&self) -> Result<(), Error> {
        Migrator::up(&self.inner.write, None)
            .await
            .map_err(failure::migration)
    }

    /// Takes every step back, with all data. For tests.
    ///
    /// # Errors
    /// Why a step failed.
    pub async fn migrate_down(&self) -> Result<(), Error> {
        Migrator::down(&self.inner.write, None)
            .await
            .map_err(failure::migration)
    }

    /// Asks the database whether it is there.
    ///
    /// # Errors
    /// Why it cannot serve now.
    pub async fn ping(&self) -> Result<(), Error> {
        self.inner
            .read
            .execute_unprepared("SELECT 1")
            .await
            .map_err(fail)?;
        Ok(())
    }

    /// Has PostgreSQL count anew what a run changes by the thousands: until its own upkeep comes by, a minute later or
    /// more, it plans for tables of another size (its manual, "Updating Planner Statistics"). Does nothing on SQLite,
    /// whose questions state their order themselves.
    ///
    /// # Errors
    /// Why the database cannot serve now.
    pub async fn count_anew(&self) -> Result<(), Error> {
        let write = &self.inner.write;
        if write.get_database_backend() == DbBackend::Postgres {
            let sql = "ANALYZE users, accounts, groups, group_sources, memberships, plan_changes";
            write.execute_unprepared(sql).await.map_err(fail)?;
        }
        Ok(())
    }

    /// Begins a transaction. Others that want to write wait their turn (SQLite) or for the rows (PostgreSQL).
    ///
    /// # Errors
    /// Why the database cannot serve now.
    pub async fn begin(&self) -> Result<Tx, Error> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begun = self.inner.write.begin_with_options(options).await;
        let writing = Writing(self.inner.writes.clone());
        begun.map(|tx| Tx::new(tx, writing)).map_err(fail)
    }

    /// Who is signed in there, for a page that changes nothing: what this process itself wrote counts at once, what
    /// another one wrote after a second. Everything else asks [`sessions::load_signed_in`].
    ///
    /// # Errors
    /// Why the database cannot answer.
    pub async fn recently_signed_in(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<SignedIn>, Error> {
        let (writes, at) = (self.inner.writes.so_far(), Instant::now());
        if let Some(found) = self.inner.recent.get(&key.0, writes) {
            return Ok(Some(found).filter(|found| now < found.expires_at));
        }
        let found = sessions::load_signed_in(self, key, now).await?;
        if let Some(found) = &found {
            self.inner.recent.keep(&key.0, writes, at, found.clone());
        }
        Ok(found)
    }

    /// Who came in at an application with this token, for a request that changes nothing; as
    /// [`Db::recently_signed_in`].
    ///
    /// # Errors
    /// Why the database cannot answer.
    pub async fn recently_entered(
        &self,
        token_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Entered>, Error> {
        let (writes, at) = (self.inner.writes.so_far(), Instant::now());
        if let Some(found) = self.inner.entered.get(token_hash, writes) {
            return Ok(Some(found).filter(|found| now < found.person.expires_at));
        }
        let found = passages::entered(self, token_hash, now).await?;
        if let Some(found) = &found {
            let kept = found.clone();
            self.inner.entered.keep(token_hash, writes, at, kept);
        }
        Ok(found)
    }

    /// Every application, as it was read a moment ago: what this process itself wrote counts at once, what another one
    /// wrote after a second.
    ///
    /// # Errors
    /// Why the database cannot answer.
    pub async fn recent_applications(&self) -> Result<Vec<Application>, Error> {
        let (writes, at) = (self.inner.writes.so_far(), Instant::now());
        if let Some(found) = self.inner.applications.get("", writes) {
            return Ok(found);
        }
        let found = applications::list(self).await?;
        self.inner.applications.keep("", writes, at, found.clone());
        Ok(found)
    }

    /// Closes every connection; what is under way ends first.
    ///
    /// # Errors
    /// Why closing failed.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.read.close_by_ref().await.map_err(fail)?;
        self.inner.write.close_by_ref().await.map_err(fail)
    }

    /// Which of the two it is, for people: `SQLite` or `PostgreSQL`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.inner.write.get_database_backend() {
            DbBackend::Sqlite => "SQLite",
            _ => "PostgreSQL",
        }
    }
}

impl Source for Db {
    fn source(&self) -> DatabaseExecutor<'_> {
        DatabaseExecutor::Connection(&self.inner.read)
    }
}

fn inner(write: DatabaseConnection, read: DatabaseConnection) -> Inner {
    Inner {
        write,
        read,
        writes: Writes::default(),
        recent: Recent::default(),
        entered: Recent::default(),
        applications: Recent::default(),
    }
}

async fn open_sqlite(url: &str, options: OpenOptions) -> Result<Inner, Error> {
    let mut writer = sqlite(url, options);
    writer
        .max_connections(1)
        .map_sqlx_sqlite_opts(move |sqlite| {
            let sqlite = tuned(sqlite, options)
                // Indexes of a first sync are written all over: what does not fit is written again and again.
                .pragma("cache_size", "-65536")
                // 64 MiB of the log before its pages are copied: those that change again and again are copied once.
                .pragma("wal_autocheckpoint", "16384")
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            match options.max_pages {
                Some(pages) => sqlite.pragma("max_page_count", pages.to_string()),
                None => sqlite,
            }
        });
    let write = Database::connect(writer).await.map_err(fail)?;
    let mut reader = sqlite(url, options);
    reader
        .max_connections(readers())
        .connect_lazy(true)
        .map_sqlx_sqlite_opts(move |sqlite| tuned(sqlite, options).read_only(true));
    let read = Database::connect(reader).await.map_err(fail)?;
    Ok(inner(write, read))
}

fn readers() -> u32 {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    u32::try_from(cores.clamp(2, READERS)).unwrap_or(2)
}

fn sqlite(url: &str, options: OpenOptions) -> ConnectOptions {
    let mut connect = ConnectOptions::new(url);
    connect
        .min_connections(0)
        .acquire_timeout(options.acquire)
        .connect_timeout(options.acquire)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .test_before_acquire(false);
    connect
}

fn tuned(sqlite: SqliteConnectOptions, options: OpenOptions) -> SqliteConnectOptions {
    sqlite
        .busy_timeout(options.busy)
        .foreign_keys(true)
        // 4 MiB for each connection. Mapped memory would hold the file once for all, but SQLite reads a mapped page's
        // header anew at every visit.
        .pragma("cache_size", "-4096")
        .pragma("temp_store", "memory")
        .statement_cache_capacity(64)
}

async fn open_postgres(url: &str, options: OpenOptions) -> Result<Inner, Error> {
    let url = url.replacen("postgresql://", "postgres://", 1);
    let mut connect = ConnectOptions::new(url);
    connect
        .max_connections(POOL)
        .min_connections(0)
        .acquire_timeout(options.acquire)
        .connect_timeout(options.acquire)
        .sqlx_logging(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(5))
        // Compiling a question takes longer than any of ours: PostgreSQL does it where it thinks that a table is large,
        // and after a first sync it thinks so of every table.
        .map_sqlx_postgres_pool_opts(|pool| {
            pool.after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET jit = off").await?;
                    Ok(())
                })
            })
        });
    let write = Database::connect(connect).await.map_err(fail)?;
    Ok(inner(write.clone(), write))
}
