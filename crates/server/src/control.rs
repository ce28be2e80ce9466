//! Administration of accounts from the command line: on the data directory itself, or through the server that runs
//! on it.
//!
//! A running server listens on a socket in its data directory, which only the folder's owner can reach. A command is
//! one JSON text, its outcome another; the connection ends with it. Both sides are the same executable, so the form
//! of the texts is nobody else's business.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use im2_accounts::NewRegistrationToken;
use im2_engine::Engine;
use im2_model::{Millis, UserId};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::{sleep, timeout},
};

use crate::{
    config::Config,
    server::{self, World},
};

/// The longest command: a password and a name.
const LONGEST: u64 = 64 << 10;
/// How long a command may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time to let files be closed after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A command of the control socket.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the engine's parameters")]
pub enum Command {
    /// Makes an account.
    CreateUser { name: String, password: String, admin: bool },
    /// A page of accounts.
    ListUsers { after: Option<UserId> },
    /// Sets a password and ends all sessions.
    ResetPassword { user: String, password: String },
    /// Ends an account.
    DeactivateUser { user: String, erase: bool },
    /// Says whether an account administers the server.
    SetAdmin { user: String, admin: bool },
    /// Makes a registration token that works for `lifetime` milliseconds.
    CreateToken { token: Option<String>, uses: Option<u32>, lifetime: Option<Millis>, admin: bool },
    /// A page of registration tokens.
    ListTokens { after: String },
    /// Removes a registration token.
    RevokeToken { token: String },
}

impl Command {
    /// The entry in the record of administration: the action, `None` for a command that changes nothing, and the user
    /// it is done to. No secrets.
    fn audited(&self) -> (Option<&'static str>, String) {
        let (action, subject) = match self {
            Self::CreateUser { name, .. } => (Some("create user"), name.as_str()),
            Self::ResetPassword { user, .. } => (Some("reset password"), user.as_str()),
            Self::DeactivateUser { user, .. } => (Some("deactivate user"), user.as_str()),
            Self::SetAdmin { user, admin: true } => (Some("make administrator"), user.as_str()),
            Self::SetAdmin { user, admin: false } => (Some("make ordinary user"), user.as_str()),
            Self::CreateToken { .. } => (Some("create registration token"), ""),
            Self::RevokeToken { .. } => (Some("revoke registration token"), ""),
            Self::ListUsers { .. } | Self::ListTokens { .. } => (None, ""),
        };
        (action, subject.to_owned())
    }
}

/// The result of a command.
#[derive(Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The account it was done to.
    User(UserId),
    /// Accounts.
    Users(Vec<User>),
    /// Registration tokens.
    Tokens(Vec<Token>),
    /// Nothing to tell.
    Done,
}

/// An account in a list.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as the engine has it")]
pub struct User {
    pub user_id: UserId,
    pub is_admin: bool,
    pub created_ts: Millis,
    pub is_deactivated: bool,
}

/// A registration token in a list.
#[derive(Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as the engine has it")]
pub struct Token {
    pub token: String,
    pub uses: u32,
    pub uses_allowed: Option<u32>,
    pub expires_at: Option<Millis>,
    pub grants_admin: bool,
}

/// Carries out commands, on an engine of our own or through a running server.
#[derive(Debug)]
pub enum Control {
    /// No server runs.
    Offline(Box<Engine>),
    /// A server runs and listens here.
    Running(PathBuf),
}

impl Control {
    /// Opens the data directory, or finds the server that has it open.
    pub async fn connect(config: &Config) -> Result<Self> {
        let error = match server::open(config, World::default()).await {
            Ok(engine) => return Ok(Self::Offline(Box::new(engine))),
            Err(error) => error,
        };
        if !matches!(error.downcast_ref(), Some(im2_store::Error::Locked(_))) {
            return Err(error);
        }
        let path = socket_path(&config.data_dir);
        if path.exists() {
            return Ok(Self::Running(path));
        }
        Err(error.context("a server runs here that takes no commands: stop it first"))
    }

    /// Carries out a command.
    pub async fn run(&self, command: Command) -> Result<Outcome> {
        match self {
            Self::Offline(engine) => execute(engine, command).await,
            Self::Running(path) => ask(path, &command).await.with_context(|| format!("through {}", path.display()))?,
        }
    }

    /// Makes sure that everything is on disk.
    pub async fn finish(self) -> Result<()> {
        match self {
            Self::Offline(engine) => Ok(engine.core.store.flush().await.map(drop)?),
            Self::Running(_) => Ok(()),
        }
    }
}

async fn execute(engine: &Engine, command: Command) -> Result<Outcome> {
    let (action, subject) = command.audited();
    let outcome = carry_out(engine, command).await;
    if let Some(action) = action {
        tracing::info!(target: "audit", user = "command line", action, subject, ok = outcome.is_ok(), "administration");
    }
    outcome
}

async fn carry_out(engine: &Engine, command: Command) -> Result<Outcome> {
    let accounts = &engine.people.accounts;
    Ok(match command {
        Command::CreateUser { name, password, admin } => {
            Outcome::User(accounts.create_user(&name, &password, admin).await?)
        }
        Command::ListUsers { after } => {
            let users = accounts.list_users(after.as_ref()).await?.into_iter().map(|account| User {
                user_id: account.user_id,
                is_admin: account.is_admin,
                created_ts: account.created_ts,
                is_deactivated: account.is_deactivated,
            });
            Outcome::Users(users.collect())
        }
        Command::ResetPassword { user, password } => Outcome::User(accounts.reset_password(&user, &password).await?),
        Command::DeactivateUser { user, erase } => Outcome::User(accounts.deactivate_user(&user, erase).await?),
        Command::SetAdmin { user, admin } => Outcome::User(accounts.set_admin(&user, admin).await?),
        Command::CreateToken { token, uses, lifetime, admin } => {
            let new = NewRegistrationToken {
                token,
                uses_allowed: uses,
                expires_at: lifetime.map(|lifetime| engine.core.now().saturating_add(lifetime)),
                grants_admin: admin,
            };
            Outcome::Tokens(vec![accounts.create_registration_token(new).await?.into()])
        }
        Command::ListTokens { after } => {
            let tokens = accounts.registration_tokens(&after).await?;
            Outcome::Tokens(tokens.into_iter().map(Token::from).collect())
        }
        Command::RevokeToken { token } => {
            accounts.revoke_registration_token(&token).await?;
            Outcome::Done
        }
    })
}

impl From<im2_store::registration_tokens::RegistrationToken> for Token {
    fn from(token: im2_store::registration_tokens::RegistrationToken) -> Self {
        Self {
            token: token.token,
            uses: token.uses,
            uses_allowed: token.uses_allowed,
            expires_at: token.expires_at,
            grants_admin: token.grants_admin,
        }
    }
}

fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("im2.sock")
}

/// Sends a command to a running server. The outer error says that it was not heard, the inner one is its answer.
async fn ask(path: &Path, command: &Command) -> Result<Result<Outcome>> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(&serde_json::to_vec(command)?).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer: Result<Outcome, String> = serde_json::from_slice(&answer).context("the server's answer is damaged")?;
    Ok(answer.map_err(anyhow::Error::msg))
}

/// Takes commands for a running server until its shutdown begins. Without a socket, commands tell people to stop the
/// server first, so a failure to listen is not one to start.
pub(crate) async fn listen(engine: Arc<Engine>, data_dir: PathBuf) {
    let path = socket_path(&data_dir);
    let listener = match bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "commands beside the running server will not work");
            engine.core.shutdown.begun().await;
            return;
        }
    };
    let shutdown = engine.core.shutdown.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.begun() => break,
        };
        // One after another: commands are rare, and an operator waits for each.
        match accepted {
            Ok((stream, _)) => {
                if let Err(error) = answer(stream, &engine).await {
                    tracing::warn!(%error, "a command could not be answered");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a command could not be accepted");
                sleep(ACCEPT_PAUSE).await; // no file descriptor is left
            }
        }
    }
    drop(std::fs::remove_file(&path)); // the next start removes it as well
}

fn bind(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    // We hold the directory's lock, so a socket that is there belongs to a process that is not any more.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn answer(stream: UnixStream, engine: &Engine) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut text = Vec::new();
    timeout(PATIENCE, reader.take(LONGEST).read_to_end(&mut text)).await.context("it did not arrive in time")??;
    if text.is_empty() {
        bail!("it was empty");
    }
    let command = serde_json::from_slice(&text).context("it is from another release of the program")?;
    let outcome = execute(engine, command).await.map_err(|error| format!("{error:#}"));
    timeout(PATIENCE, writer.write_all(&serde_json::to_vec(&outcome)?)).await.context("its sender is stuck")??;
    Ok(writer.shutdown().await?)
}
