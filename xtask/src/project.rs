//! Paths of the project: the workspace, cargo's target folder, the web client, the outside clients.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

/// The workspace this command was started in.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the environment or the configuration puts it.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Asks cargo for the workspace of the current folder.
    pub(crate) fn locate() -> Result<Self> {
        let metadata = cargo_metadata(&["--no-deps"])?;
        let path = |key: &str| -> Result<PathBuf> {
            let value = metadata.get(key).and_then(Value::as_str);
            Ok(PathBuf::from(value.with_context(|| format!("cargo metadata gives no `{key}`"))?))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")? })
    }

    /// The web client's folder.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The folder of one outside client.
    pub(crate) fn client(&self, name: &str) -> PathBuf {
        self.root.join("tests/clients").join(name)
    }

    /// A command that runs in the workspace's root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that started us, in the workspace's root, with the environment that a person's own call would have:
    /// what cargo told us about ourselves makes build scripts that look at it run again.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command(&cargo());
        let told = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in told.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
        command
    }

    /// Every file that is in version control or would be added to it, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut git = self.command("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
        let listing = process::output(git)?;
        let present = |name: &&str| !name.is_empty() && self.root.join(name).is_file();
        Ok(listing.split('\0').filter(present).map(str::to_owned).collect())
    }
}

/// The answer of `cargo metadata` with these further arguments.
pub(crate) fn cargo_metadata(arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--format-version", "1", "--locked"]).args(arguments);
    serde_json::from_str(&process::output(command)?).context("cargo metadata is not JSON")
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
