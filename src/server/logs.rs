//! The log, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::Stop;
use crate::settings::Settings;

/// Starts the log.
///
/// # Errors
/// When the filter cannot be read.
pub(crate) fn start(settings: &Settings) -> Result<(), Stop> {
    let filter = EnvFilter::try_new(&settings.log).map_err(|error| {
        Stop::new(format!(
            "The log filter “{}” (--log, MUSTER_LOG) cannot be read: {error}.",
            settings.log
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
