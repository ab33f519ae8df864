//! The settings a server starts with: a flag wins over a variable, a variable over the file, the file over the default.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use muster_web::address::parse_network;
use serde::Deserialize;
use url::Url;

use crate::Stop;
use crate::cli::SettingsArgs;

const FILE: &str = "muster.toml";
const DATA_DIR: &str = "muster-data";
const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3000);

/// What the server was told. `Debug` leaves out the database's password.
pub(crate) struct Settings {
    pub listen: SocketAddr,
    pub url: Option<Url>,
    pub database_url: String,
    pub data_dir: PathBuf,
    pub key_file: PathBuf,
    pub trusted_proxies: Vec<IpNet>,
    /// What goes to the log; none: what is usual where it starts.
    pub log: Option<String>,
    pub log_json: bool,
    pub site_dir: Option<PathBuf>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("url", &self.url.as_ref().map(Url::as_str))
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

/// `muster.toml`: the same names as the flags, with underscores.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    url: Option<String>,
    database_url: Option<String>,
    data_dir: Option<PathBuf>,
    key_file: Option<PathBuf>,
    trusted_proxies: Option<Vec<String>>,
    log: Option<String>,
    log_json: Option<bool>,
    site_dir: Option<PathBuf>,
}

impl Settings {
    /// Puts flags, variables, file and defaults together.
    ///
    /// # Errors
    /// When one of them cannot be read or makes no sense, with what to change.
    pub(crate) fn read(args: SettingsArgs) -> Result<Self, Stop> {
        let file = match &args.config {
            Some(path) => file(path)?,
            None if Path::new(FILE).exists() => file(Path::new(FILE))?,
            None => File::default(),
        };
        Self::merge(args, file)
    }

    /// The file of an embedded database.
    pub(crate) fn database_file(&self) -> Option<PathBuf> {
        let path = self.database_url.strip_prefix("sqlite://")?;
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }

    fn merge(args: SettingsArgs, file: File) -> Result<Self, Stop> {
        let data_dir = args
            .data_dir
            .or(file.data_dir)
            .unwrap_or_else(|| DATA_DIR.into());
        let proxies = args
            .trusted_proxies
            .or(file.trusted_proxies)
            .unwrap_or_default();
        Ok(Self {
            listen: args.listen.or(file.listen).unwrap_or(LISTEN),
            url: args
                .url
                .or(file.url)
                .map(|url| public_url(&url))
                .transpose()?,
            database_url: args
                .database_url
                .or(file.database_url)
                .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("muster.db").display())),
            key_file: args
                .key_file
                .or(file.key_file)
                .unwrap_or_else(|| data_dir.join("master.key")),
            data_dir,
            trusted_proxies: proxies
                .iter()
                .filter(|text| !text.trim().is_empty())
                .map(|text| network(text))
                .collect::<Result<_, _>>()?,
            log: args.log.or(file.log),
            log_json: args.log_json || file.log_json.unwrap_or_default(),
            site_dir: args.site_dir.or(file.site_dir),
        })
    }
}

fn file(path: &Path) -> Result<File, Stop> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Stop::new(format!("{}: {error}", path.display())))?;
    settings_of(&text).map_err(|why| Stop::new(format!("{}: {why}", path.display())))
}

/// Settings are values, one beside the other: a table is what `muster config` reads and writes.
fn settings_of(text: &str) -> Result<File, String> {
    let all: toml::Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let is_table = |value: &toml::Value| match value {
        toml::Value::Array(some) => some.iter().any(toml::Value::is_table),
        value => value.is_table(),
    };
    if let Some((name, _)) = all.iter().find(|(_, value)| is_table(value)) {
        return Err(format!(
            "[{name}] is no setting of the server. What `muster config apply` reads is kept in a file of another name: \
             this one is read by every command."
        ));
    }
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

fn public_url(text: &str) -> Result<Url, Stop> {
    muster_services::site::check(text).map_err(|error| {
        let why = error
            .fields
            .first()
            .map_or_else(|| error.public.to_string(), |field| field.message.clone());
        Stop::new(format!(
            "The public address {text} (--url, MUSTER_URL) does not do. {why}"
        ))
    })
}

fn network(text: &str) -> Result<IpNet, Stop> {
    parse_network(text).map_err(|_| {
        Stop::new(format!("“{text}” (--trusted-proxies, MUSTER_TRUSTED_PROXIES) is neither an address nor a network such as 10.0.0.0/8."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(args: SettingsArgs, file: &str) -> Result<Settings, String> {
        Settings::merge(args, toml::from_str(file).unwrap()).map_err(|stop| stop.0)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let args = SettingsArgs {
            listen: Some("127.0.0.1:1".parse().unwrap()),
            ..SettingsArgs::default()
        };
        let settings = merge(args, "listen = '127.0.0.1:2'\ndata_dir = '/srv/muster'").unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.database_url, "sqlite:///srv/muster/muster.db");
        assert_eq!(settings.key_file, Path::new("/srv/muster/master.key"));
        assert_eq!(merge(SettingsArgs::default(), "").unwrap().listen, LISTEN);
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        let url = merge(SettingsArgs::default(), "url = 'http://muster.example.org'").unwrap_err();
        assert!(url.contains("https"), "{url}");
        let proxy = merge(SettingsArgs::default(), "trusted_proxies = ['proxy']").unwrap_err();
        assert!(proxy.contains("10.0.0.0/8"), "{proxy}");
        assert!(settings_of("lissten = 'x'").is_err());
        for text in [
            "[[directories]]\nname = 'x'",
            "[directories.'HR']\nkind = 'ldap'",
        ] {
            let why = settings_of(text).err().unwrap();
            assert!(why.starts_with("[directories] is no setting"), "{why}");
        }
        assert!(settings_of("trusted_proxies = []").is_ok());
    }

    #[test]
    fn the_database_password_is_not_in_debug_output() {
        let settings = merge(
            SettingsArgs::default(),
            "database_url = 'postgres://u:hunter2@h/d'",
        )
        .unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
