//! What can be asked on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Who has an account here, who put it there, and is the admin at the keyboard really the admin?
#[derive(Debug, Parser)]
#[command(name = "muster", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the console (also without any command)
    Serve(Serve),
    /// Bring the database to this version's shape and stop
    Migrate(SettingsArgs),
    /// Look whether everything this server needs is in order
    Doctor(SettingsArgs),
    /// Serve only the lab: identity providers to try things with, on this machine alone
    Lab {
        /// Loopback address and port; port 0 takes any free one
        #[arg(long, env = "MUSTER_LAB_LISTEN", default_value = "127.0.0.1:3080")]
        listen: SocketAddr,
    },
    /// Read or change the configuration as a file
    Config {
        #[command(flatten)]
        settings: SettingsArgs,
        #[command(subcommand)]
        action: Config,
    },
    /// Manage administrators when nobody can sign in
    Admin {
        #[command(flatten)]
        settings: SettingsArgs,
        #[command(subcommand)]
        action: Admin,
    },
    /// Sync a directory now. Ends with 0 when that is done, 2 when the plan waits for a person, 1 when it failed
    Sync {
        #[command(flatten)]
        settings: SettingsArgs,
        /// The directory's name
        directory: String,
        /// Make the plan and print it; change nothing
        #[arg(long)]
        plan: bool,
        /// Carry out the plan of this identity: the one that --plan printed, and no other
        #[arg(long, value_name = "IDENTITY", conflicts_with = "plan")]
        approve: Option<String>,
        /// Only this person, by the name they sign in with there; nobody is removed by it
        #[arg(long, value_name = "NAME", conflicts_with_all = ["plan", "approve"])]
        person: Option<String>,
    },
    /// Fill an empty database with made-up people and groups
    Demo {
        #[command(flatten)]
        settings: SettingsArgs,
        /// How many people
        #[arg(long, default_value_t = 10_000)]
        users: u32,
        /// How many rows the plan has that it leaves to look at
        #[arg(long, default_value_t = 40, hide = true)]
        plan: u32,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Serve the lab too, and connect its providers
    #[arg(long, env = "MUSTER_LAB")]
    pub lab: bool,
    /// Loopback address and port of the lab; port 0 takes any free one
    #[arg(
        long,
        env = "MUSTER_LAB_LISTEN",
        default_value = "127.0.0.1:3080",
        requires = "lab"
    )]
    pub lab_listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the configuration that is in force
    Export,
    /// Print what a file would change
    Diff {
        /// The file, in TOML
        file: PathBuf,
    },
    /// Change what differs from a file
    Apply {
        /// The file, in TOML
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Create a superadmin with a password, read from the terminal or standard input
    Create {
        /// Username
        username: String,
        /// Name people read; the username when left out
        #[arg(long)]
        name: Option<String>,
        /// E-mail address
        #[arg(long, default_value = "")]
        email: String,
    },
    /// Print a link that sets a superadmin's password and lets them in: once, within 15 minutes
    Recover {
        /// Username, or an e-mail address that one person alone has
        name: String,
        /// Make them superadmin, if they are not
        #[arg(long)]
        grant: bool,
        /// Make a new superadmin of this name
        #[arg(long, conflicts_with = "grant")]
        create: bool,
        /// Remove their second factors when the link is used, because they are lost
        #[arg(long)]
        remove_factors: bool,
    },
}

/// Settings that flags and variables give; what is left open comes from the file, then from defaults.
#[derive(Args, Debug, Default)]
pub(crate) struct SettingsArgs {
    /// Settings file in TOML [default: muster.toml, if it exists]
    #[arg(long, env = "MUSTER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:3000]
    #[arg(long, env = "MUSTER_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Address people use; overrides the one set in the console
    #[arg(long, env = "MUSTER_URL", value_name = "URL")]
    pub url: Option<String>,
    /// sqlite://path or postgres://user:password@host/database [default: SQLite in the data folder]
    #[arg(
        long,
        env = "MUSTER_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// Folder for database and key [default: muster-data]
    #[arg(long, env = "MUSTER_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Master key, made on first start [default: master.key in the data folder]
    #[arg(long, env = "MUSTER_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    #[arg(
        long,
        env = "MUSTER_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<String>>,
    /// What goes to the log: error, warn, info, debug, or a filter by part of the program [default: info; of a command: warn]
    #[arg(long, env = "MUSTER_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// One JSON object a line instead of text
    #[arg(long, env = "MUSTER_LOG_JSON")]
    pub log_json: bool,
    /// Folder of script and stylesheet, for development
    #[arg(long, env = "MUSTER_SITE_DIR", value_name = "FOLDER", hide = true)]
    pub site_dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_it_serves() {
        let cli = Cli::try_parse_from(["muster", "--listen", "127.0.0.1:0"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(
            cli.serve.settings.listen,
            Some("127.0.0.1:0".parse().unwrap())
        );
        let cli = Cli::try_parse_from(["muster", "serve", "--lab"]).unwrap();
        assert!(matches!(
            cli.command,
            Some(Command::Serve(Serve { lab: true, .. }))
        ));
    }
}
