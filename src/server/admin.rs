//! Ways in when nobody can sign in, and people to try things with.

use std::io::{IsTerminal as _, Read as _};

use muster_services::demo;
use muster_services::recover::{self, Factors, For};
use muster_services::setup::{self, FirstAdmin};
use secrecy::SecretString;

use crate::cli::Admin;
use crate::settings::Settings;
use crate::{Stop, folder, say, wiring};

/// Does what was asked.
///
/// # Errors
/// When the account cannot be made, and why.
pub(crate) async fn run(settings: Settings, action: Admin) -> Result<(), Stop> {
    match action {
        Admin::Create {
            username,
            name,
            email,
        } => create(settings, username, name, email).await,
        Admin::Recover {
            name,
            grant,
            create,
            remove_factors,
        } => {
            let wanted = match (grant, create) {
                (_, true) => For::New,
                (true, false) => For::Grant,
                (false, false) => For::Superadmin,
            };
            let factors = if remove_factors {
                Factors::Removed
            } else {
                Factors::Kept
            };
            recover(settings, &name, wanted, factors).await
        }
    }
}

async fn recover(
    settings: Settings,
    name: &str,
    wanted: For,
    factors: Factors,
) -> Result<(), Stop> {
    folder::is_there(&settings)?;
    let services = wiring::services(&settings, settings.listen).await?;
    let made = recover::make(&services, &wiring::shell(&services), name, wanted, factors).await?;
    services.db().close().await?;
    say(format_args!("{}", made.link));
    let until = made.until.format("%H:%M UTC");
    say(format_args!(
        "Whoever opens it sets a new password for {} and is in. It counts once, until {until}.",
        made.user.username
    ));
    if made.asks_factor {
        say(format_args!(
            "After that the second factor is asked for. If it is lost, run this again with --remove-factors."
        ));
    }
    Ok(())
}

async fn create(
    settings: Settings,
    username: String,
    name: Option<String>,
    email: String,
) -> Result<(), Stop> {
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
pub(crate) async fn demo(settings: Settings, users: u32, plan: u32) -> Result<(), Stop> {
    let services = wiring::services(&settings, settings.listen).await?;
    let filled = demo::fill(&services, &wiring::shell(&services), users).await?;
    if plan > 0 {
        demo::leave_plans(&services, &wiring::shell(&services), plan).await?;
    }
    services.db().close().await?;
    say(format_args!(
        "Added {} users and {} groups.",
        filled.users, filled.groups
    ));
    Ok(())
}
