//! `im2 user` and `im2 registration-token`: accounts and who may make them.

use std::io::{self, BufRead as _};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use im2_model::{Millis, Random as _, SystemRandom, UserId};

use super::{ConfigFile, say, time};
use crate::control::{Command, Control, Outcome, Token, User};

/// Letters and digits of a password that we choose: 119 bits.
const PASSWORD_LENGTH: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make an account
    #[command(after_help = "Without --password-stdin a password is chosen and printed.\n\nExamples:\n  \
        im2 user create ana\n  \
        im2 user create ben --admin\n  \
        pass show im2/ana | im2 user create ana --password-stdin")]
    Create {
        /// The user's name: the part of @name:example.org before the colon
        name: String,
        /// Let the account administer the server
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// List the accounts
    List(ConfigFile),
    /// Set a new password; all sessions of the account end
    #[command(after_help = "Without --password-stdin a password is chosen and printed.\n\nExample:\n  \
        im2 user reset-password ana")]
    ResetPassword {
        /// The user's name or identifier
        user: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// End an account for ever: its sessions end, it leaves its rooms, its name is not given again
    #[command(after_help = "Example:\n  im2 user deactivate ana --erase")]
    Deactivate {
        /// The user's name or identifier
        user: String,
        /// Also hide the messages from who joins later, as the user asked to be forgotten
        #[arg(long)]
        erase: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Let an account administer the server, or no longer
    #[command(after_help = "Examples:\n  im2 user set-admin ana\n  im2 user set-admin ana --remove")]
    SetAdmin {
        /// The user's name or identifier
        user: String,
        /// Take the right away
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a registration token
    #[command(after_help = "Who opens the link /register?token=… of the web client, or enters the token in another \
        client, may register once (or --uses times) while registration.mode is \"token\".\n\nExamples:\n  \
        im2 registration-token create\n  \
        im2 registration-token create spring-party --uses 50 --expires-in 7d")]
    Create {
        /// The token: 1 to 64 letters, digits or characters of - . = _ ~ (default: one is drawn)
        token: Option<String>,
        /// How many accounts may be made with it
        #[arg(long, default_value_t = 1, value_name = "NUMBER", conflicts_with = "unlimited")]
        uses: u32,
        /// Let any number of accounts be made with it
        #[arg(long)]
        unlimited: bool,
        /// How long it works: 30m, 12h, 7d
        #[arg(long, value_name = "TIME", value_parser = time::lifetime)]
        expires_in: Option<Millis>,
        /// Let the accounts made with it administer the server
        #[arg(long)]
        admin: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
    /// List the registration tokens
    List(ConfigFile),
    /// Make a registration token invalid
    Revoke {
        /// The token
        token: String,
        #[command(flatten)]
        file: ConfigFile,
    },
}

impl UserCommand {
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::Create { name, admin, password, file } => {
                let (password, chosen) = password.get()?;
                let user = one(&file, Command::CreateUser { name, password: password.clone(), admin })?;
                let role = if admin { ", an administrator" } else { "" };
                say(format_args!("{} has been created{role}.", user_of(user)?))?;
                if chosen { say(format_args!("Password: {password}")) } else { Ok(()) }
            }
            Self::List(file) => list_users(&file),
            Self::ResetPassword { user, password, file } => {
                let (password, chosen) = password.get()?;
                let user = one(&file, Command::ResetPassword { user, password: password.clone() })?;
                say(format_args!("{} has a new password, and has to sign in again everywhere.", user_of(user)?))?;
                if chosen { say(format_args!("Password: {password}")) } else { Ok(()) }
            }
            Self::Deactivate { user, erase, file } => {
                let user = one(&file, Command::DeactivateUser { user, erase })?;
                say(format_args!("{} has been deactivated.", user_of(user)?))
            }
            Self::SetAdmin { user, remove, file } => {
                let user = one(&file, Command::SetAdmin { user, admin: !remove })?;
                let word = if remove { "no longer administers" } else { "administers" };
                say(format_args!("{} {word} the server.", user_of(user)?))
            }
        }
    }
}

impl TokenCommand {
    pub(super) fn run(self) -> Result<()> {
        match self {
            Self::Create { token, uses, unlimited, expires_in, admin, file } => {
                let uses = (!unlimited).then_some(uses);
                let outcome = one(&file, Command::CreateToken { token, uses, lifetime: expires_in, admin })?;
                let Outcome::Tokens(tokens) = outcome else { return unexpected() };
                tokens.iter().try_for_each(|token| say(&token.token))
            }
            Self::List(file) => list_tokens(&file),
            Self::Revoke { token, file } => {
                one(&file, Command::RevokeToken { token })?;
                say("The token is no longer valid.")
            }
        }
    }
}

impl PasswordSource {
    /// The password, and whether it was chosen here.
    fn get(self) -> Result<(String, bool)> {
        if !self.password_stdin {
            return Ok((SystemRandom.alphanumeric(PASSWORD_LENGTH), true));
        }
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
        let password = line.trim_end_matches(['\r', '\n']).to_owned();
        if password.is_empty() {
            bail!("there is no password on standard input");
        }
        Ok((password, false))
    }
}

/// Runs one command.
fn one(file: &ConfigFile, command: Command) -> Result<Outcome> {
    with_control(file, async |control| control.run(command).await)
}

fn with_control<T>(file: &ConfigFile, work: impl AsyncFnOnce(&Control) -> Result<T>) -> Result<T> {
    let config = file.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let control = Control::connect(&config).await?;
        let outcome = work(&control).await?;
        control.finish().await?;
        Ok(outcome)
    })
}

fn list_users(file: &ConfigFile) -> Result<()> {
    with_control(file, async |control| {
        let mut after: Option<UserId> = None;
        loop {
            let Outcome::Users(users) = control.run(Command::ListUsers { after }).await? else { return unexpected() };
            users.iter().try_for_each(|user| say(user_line(user)))?;
            let Some(last) = users.into_iter().next_back() else { return Ok(()) };
            after = Some(last.user_id);
        }
    })
}

fn user_line(user: &User) -> String {
    let state = match (user.is_deactivated, user.is_admin) {
        (true, _) => "deactivated",
        (false, true) => "administrator",
        (false, false) => "user",
    };
    format!("{:40} {state:14} since {}", user.user_id.as_str(), time::date(user.created_ts))
}

fn list_tokens(file: &ConfigFile) -> Result<()> {
    with_control(file, async |control| {
        let mut after = String::new();
        loop {
            let Outcome::Tokens(tokens) = control.run(Command::ListTokens { after }).await? else {
                return unexpected();
            };
            tokens.iter().try_for_each(|token| say(token_line(token)))?;
            let Some(last) = tokens.into_iter().next_back() else { return Ok(()) };
            after = last.token;
        }
    })
}

fn token_line(token: &Token) -> String {
    let allowed = token.uses_allowed.map_or_else(|| "any number".into(), |allowed| allowed.to_string());
    let until = token.expires_at.map(|at| format!(", until {}", time::date_time(at))).unwrap_or_default();
    let admin = if token.grants_admin { ", for administrators" } else { "" };
    format!("{:40} used {} of {allowed}{until}{admin}", token.token, token.uses)
}

fn user_of(outcome: Outcome) -> Result<UserId> {
    if let Outcome::User(user) = outcome { Ok(user) } else { unexpected() }
}

fn unexpected<T>() -> Result<T> {
    bail!("the running server gave an answer of another kind: is it the same release?")
}
