//! The log, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::Stop;
use crate::settings::Settings;

/// What the server says where nothing else is asked for: every part at `info`, but for the database driver and for cookies
/// of sessions that are over.
pub(crate) const SERVER: &str = "info,sqlx=warn,sea_orm_migration=warn,tower_sessions_core=error";
/// What a command says beside its answer where nothing else is asked for.
pub(crate) const SHELL: &str = "warn";

/// Starts the log. `usual` is the filter where the settings name none.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(settings: &Settings, usual: &str) -> Result<(), Stop> {
    let wanted = settings.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        Stop::new(format!(
            "The log filter “{wanted}” (--log, MUSTER_LOG) cannot be read: {error}."
        ))
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = if settings.log_json {
        log.json().flatten_event(true).try_init()
    } else {
        log.try_init()
    };
    started.map_err(|error| Stop::new(format!("The log does not start: {error}.")))
}
