//! The configuration as a file: out, compared, in.

use std::path::Path;

use muster_domain::{Error, Kind};
use muster_services::config::{self, Difference};
use secrecy::SecretString;

use crate::cli::Config;
use crate::settings::Settings;
use crate::{Stop, say, wiring};

/// Does what was asked.
///
/// # Errors
/// When the file or the database cannot be read, or the file does not hold.
pub(crate) async fn run(settings: Settings, action: Config) -> Result<(), Stop> {
    let services = wiring::services(&settings, settings.listen).await?;
    let call = wiring::shell(&services);
    match action {
        Config::Export => say(config::export(&services, &call).await?.trim_end()),
        Config::Diff { file } => {
            let wanted = config::parse(&read(&file)?)?;
            tell(
                &config::diff(&services, &call, &wanted).await?,
                "Nothing differs.",
            );
            if let Some(refused) = config::foretell(&services, &call, &wanted).await? {
                say(format_args!(
                    "Applying this would be refused: {} ({})",
                    refused.public, refused.code
                ));
            }
        }
        Config::Apply { file } => {
            let wanted = config::parse(&read(&file)?)?;
            tell(
                &config::apply(&services, &call, &wanted, &resolve).await?,
                "Nothing differed; nothing was changed.",
            );
        }
    }
    services.db().close().await?;
    Ok(())
}

fn read(file: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(file).map_err(|error| Stop::new(format!("{}: {error}", file.display())))
}

fn tell(differences: &[Difference], none: &str) {
    if differences.is_empty() {
        say(none);
    }
    for difference in differences {
        let here = difference.here.as_deref().unwrap_or("(nothing)");
        let wanted = difference.wanted.as_deref().unwrap_or("(nothing)");
        say(format_args!("{}: {here} -> {wanted}", difference.path));
    }
}

/// A secret by reference: `env:NAME` or `file:PATH`.
fn resolve(reference: &str) -> Result<SecretString, Error> {
    let value = match reference.split_once(':') {
        Some(("env", name)) => variable(name)?,
        Some(("file", path)) => std::fs::read_to_string(path).map_err(|error| {
            refuse(format!("The secret's file {path} cannot be read.")).internal(error)
        })?,
        _ => {
            return Err(refuse(
                "A secret is named by reference: env:NAME or file:PATH.".to_owned(),
            ));
        }
    };
    let value = value.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        return Err(refuse(format!("The secret {reference} is empty.")));
    }
    Ok(value.to_owned().into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the file names a variable, known only now"
)]
fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| {
        refuse(format!("The variable {name} with a secret cannot be read.")).internal(error)
    })
}

fn refuse(words: String) -> Error {
    Error::new("CFG-020", Kind::Invalid, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_secret_comes_by_reference_alone() {
        let file = std::env::temp_dir().join(format!("muster-secret-{}", std::process::id()));
        std::fs::write(&file, "s3cret\n").unwrap();
        assert_eq!(
            resolve(&format!("file:{}", file.display()))
                .unwrap()
                .expose_secret(),
            "s3cret"
        );
        std::fs::write(&file, "\n").unwrap();
        assert!(resolve(&format!("file:{}", file.display())).is_err());
        std::fs::remove_file(&file).unwrap();
        assert!(resolve(&format!("file:{}", file.display())).is_err());
        assert!(resolve("env:MUSTER_NO_SUCH_VARIABLE").is_err());
        assert!(resolve("s3cret").is_err());
    }
}
