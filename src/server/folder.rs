//! The data folder and the master key in it: made on first start, for the server's own user alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use muster_domain::Entropy;
use muster_storage::Sealer;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Stop;
use crate::settings::Settings;

/// Nobody but the owner reads or writes.
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;
/// Bits that let group or others in.
const OTHERS: u32 = 0o077;

/// Makes the data folder if it is missing.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make(folder: &Path) -> Result<(), Stop> {
    DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder).map_err(|error| {
        Stop::new(format!("The data folder {} cannot be made: {error}. Name another with --data-dir or MUSTER_DATA_DIR.", folder.display()))
    })
}

/// Looks whether there is an installation, for what must not make a new one: a command that is run in the wrong place.
///
/// # Errors
/// When there is none.
pub(crate) fn is_there(settings: &Settings) -> Result<(), Stop> {
    let kept = settings.database_file();
    let kept = kept.as_deref().unwrap_or(&settings.key_file);
    if kept.exists() {
        return Ok(());
    }
    Err(Stop::new(format!(
        "there is no Muster at {}. Name its data folder with --data-dir or MUSTER_DATA_DIR; a new one is made by starting the server",
        kept.display()
    )))
}

/// Reads the master key, making it on first start.
///
/// # Errors
/// When it cannot be read or made, or when others may read it.
pub(crate) fn sealer(file: &Path, entropy: &dyn Entropy) -> Result<Sealer, Stop> {
    match fs::read_to_string(file) {
        Ok(text) => read(file, text.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => create(file, entropy),
        Err(error) => Err(unreadable(file, &error)),
    }
}

/// Refuses a key that group or others may read.
///
/// # Errors
/// When they may, or when the file cannot be asked.
pub(crate) fn is_private(file: &Path) -> Result<(), Stop> {
    let mode = fs::metadata(file)
        .map_err(|error| unreadable(file, &error))?
        .permissions()
        .mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(Stop::new(format!(
        "Others than its owner may read the master key {file} (mode {mode:o}). Run: chmod 600 {file}",
        file = file.display(),
        mode = mode & 0o777,
    )))
}

fn read(file: &Path, text: SecretString) -> Result<Sealer, Stop> {
    is_private(file)?;
    Ok(Sealer::from_key_file_text(text.expose_secret())?)
}

fn create(file: &Path, entropy: &dyn Entropy) -> Result<Sealer, Stop> {
    let cannot = |error: std::io::Error| {
        Stop::new(format!(
            "The master key {} cannot be made: {error}.",
            file.display()
        ))
    };
    // Written whole under another name and linked into place: a start that is interrupted leaves no half key, and of
    // two first starts at once the second reads what the first made.
    let draft = file.with_extension(format!("{}.new", std::process::id()));
    let (_, text) = Sealer::generate(entropy)?;
    let mut key = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE_FILE)
        .open(&draft)
        .map_err(cannot)?;
    key.write_all(text.expose_secret().as_bytes())
        .and_then(|()| key.sync_all())
        .map_err(cannot)?;
    let linked = fs::hard_link(&draft, file);
    fs::remove_file(&draft).map_err(cannot)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(cannot(error)),
        _ => read(
            file,
            fs::read_to_string(file)
                .map_err(|error| unreadable(file, &error))?
                .into(),
        ),
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Stop {
    Stop::new(format!(
        "The master key {} cannot be read: {error}.",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    fn scratch(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("muster-folder-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        make(&folder).map_err(|stop| stop.0).unwrap();
        folder
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let folder = scratch("once");
        let file = folder.join("master.key");
        assert!(sealer(&file, &SystemEntropy).is_ok());
        let made = fs::read(&file).unwrap();
        assert!(sealer(&file, &SystemEntropy).is_ok());
        assert_eq!(fs::read(&file).unwrap(), made);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "no draft is left behind"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = scratch("open");
        let file = folder.join("master.key");
        assert!(sealer(&file, &SystemEntropy).is_ok());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let stop = sealer(&file, &SystemEntropy)
            .map_err(|stop| stop.0)
            .err()
            .unwrap();
        assert!(stop.contains("chmod 600"), "{stop}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_key_that_was_cut_is_refused_and_not_repeated() {
        let folder = scratch("cut");
        let file = folder.join("master.key");
        assert!(sealer(&file, &SystemEntropy).is_ok());
        let cut: String = fs::read_to_string(&file)
            .unwrap()
            .trim()
            .chars()
            .rev()
            .skip(4)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        fs::write(&file, &cut).unwrap();
        let stop = sealer(&file, &SystemEntropy)
            .map_err(|stop| stop.0)
            .err()
            .unwrap();
        assert!(stop.contains("KEY-001") && !stop.contains(&cut), "{stop}");
        fs::remove_dir_all(folder).unwrap();
    }
}
