//! Where things lie in this repository.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The repository's root folder.
pub struct House {
    root: PathBuf,
}

impl House {
    /// The checkout this tool was compiled from.
    pub fn find() -> Result<Self, Failure> {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = xtask
            .parent()
            .ok_or_else(|| Failure::new("the folder xtask has no parent"))?;
        Ok(Self {
            root: root.to_path_buf(),
        })
    }

    /// The folder of the root `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `target/` of this checkout, whatever `CARGO_TARGET_DIR` says: the server finds its site here.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Where cargo puts the server: `CARGO_TARGET_DIR` if set, else `target/`.
    pub fn cargo_target(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => self.root.join(folder),
            None => self.target(),
        }
    }
}

/// A path that is a folder's or file's name below `root`, written with slashes.
pub fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
