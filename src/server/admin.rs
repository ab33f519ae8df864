//! Ways in when nobody can sign in, and people to try things with.

use std::io::{IsTerminal as _, Read as _};

use muster_services::demo;
use muster_services::setup::{self, FirstAdmin};
use secrecy::SecretString;

use crate::cli::Admin;
use crate::settings::Settings;
use crate::{Stop, say, wiring};

/// Does what was asked.
///
/// # Errors
/// When the account cannot be made, and why.
pub(crate) async fn run(settings: Settings, action: Admin) -> Result<(), Stop> {
    let Admin::Create {
        username,
        name,
        email,
    } = action;
    let password = password()?;
    let services = wiring::services(&settings, settings.listen).await?;
    let admin = FirstAdmin {
        display_name: name.unwrap_or_else(|| username.clone()),
        username,
        email,
        password,
    };
    let (user, _) = setup::create_admin(&services, &wiring::shell(&services), &admin).await?;
    services.db().close().await?;
    say(format_args!(
        "{} is a superadmin now and can sign in with this password.",
        user.username
    ));
    Ok(())
}

/// Asks twice on a terminal; otherwise reads the first line of standard input.
fn password() -> Result<SecretString, Stop> {
    let cannot =
        |error: std::io::Error| Stop::new(format!("The password cannot be read: {error}."));
    if !std::io::stdin().is_terminal() {
        let mut text = String::new();
        std::io::stdin()
            .take(4096)
            .read_to_string(&mut text)
            .map_err(cannot)?;
        return Ok(text.lines().next().unwrap_or_default().to_owned().into());
    }
    let first = rpassword::prompt_password("Password (15 characters or more): ").map_err(cannot)?;
    let again = rpassword::prompt_password("The same again: ").map_err(cannot)?;
    if first == again {
        Ok(first.into())
    } else {
        Err(Stop::new("The two passwords differ."))
    }
}

/// Adds made-up people and groups, once.
///
/// # Errors
/// When they are there already or the database cannot be written.
pub(crate) async fn demo(settings: Settings, users: u32) -> Result<(), Stop> {
    let services = wiring::services(&settings, settings.listen).await?;
    let filled = demo::fill(&services, &wiring::shell(&services), users).await?;
    services.db().close().await?;
    say(format_args!(
        "Added {} users and {} groups.",
        filled.users, filled.groups
    ));
    Ok(())
}
