//! The command line.

mod accounts;
mod check;
mod doctor;
mod routes;
mod serve;
mod time;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::config::{self, Config};

/// IM2: a messaging server that speaks Matrix.
///
/// Start it with `im2 serve`. Without a configuration file it listens on http://127.0.0.1:8008, keeps its data in the
/// folder im2-data, and lets everybody on this machine register.
#[derive(Debug, Parser)]
#[command(name = "im2", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    #[command(after_help = "Examples:\n  \
        im2 serve\n  \
        im2 serve --config /etc/im2.toml\n  \
        IM2_SERVER_NAME=example.org IM2_HTTP__BIND=0.0.0.0:8008 im2 serve\n\n\
        The first start prints a link with which the first administrator is created. SIGTERM and Ctrl-C end the \
        server in order: requests under way are answered, everything is on disk.")]
    Serve(ConfigFile),
    /// Manage accounts, also while the server runs
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// Manage registration tokens, with which people may register while registration.mode is "token"
    #[command(subcommand)]
    RegistrationToken(accounts::TokenCommand),
    /// Look for what would keep the server from working well
    #[command(after_help = "Looks at the data directory, free space, limits, addresses, and who can connect. Fails \
        if something must be solved.")]
    Doctor(ConfigFile),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the version
    Version,
    /// Decode the AVIF picture on standard input; the server calls this for itself
    #[command(hide = true)]
    PictureDecoder {
        /// Bytes that it may take
        memory: u64,
    },
    /// Print the table of routes
    #[command(hide = true)]
    Routes {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether the configuration is valid, and every mistake with its place
    #[command(after_help = "Example:\n  im2 config check --config /etc/im2.toml")]
    Check(ConfigFile),
    /// Print the configuration in effect, with defaults, as a file that could be used
    #[command(
        after_help = "Every key is shown with what it is for and the environment variable that sets it. Secrets \
        are masked.\n\nExample:\n  im2 config show > im2.toml"
    )]
    Show(ConfigFile),
}

/// The file that the configuration comes from.
#[derive(Debug, Clone, Args)]
struct ConfigFile {
    /// The configuration file (TOML). Environment variables (IM2_SECTION__KEY) override it
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> Result<Config> {
        Ok(config::load(self.config.as_deref(), std::env::vars())?)
    }
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    // What the program makes, whichever part of it, is for the user alone whom it runs as.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are "errors" to clap, with exit code 0; its real errors have 2.
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    if let Command::PictureDecoder { memory } = cli.command {
        return im2_av1::run(memory);
    }
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "im2: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(file) => serve::run(&file.load()?),
        Command::User(command) => command.run(),
        Command::RegistrationToken(command) => command.run(),
        Command::Doctor(file) => doctor::run(&file.load()?),
        Command::Config(ConfigCommand::Check(file)) => check::check(&file.load()?),
        Command::Config(ConfigCommand::Show(file)) => check::show(&file.load()?),
        Command::Version => say(format_args!("im2 {}", env!("CARGO_PKG_VERSION"))),
        Command::PictureDecoder { .. } => Ok(()), // in `main`: its end says more than that it failed
        Command::Routes { json } => routes::run(json),
    }
}

/// Prints a line on standard output.
fn say(line: impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}
