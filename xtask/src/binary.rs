//! Building the `im2` binary with its web client, and starting it for a developer.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::node;
use crate::process;
use crate::project::Project;
use crate::sbom;

/// `cargo xtask run`: builds both halves and starts `im2 serve`, whose exit code becomes ours.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    node::build_web(project)?;
    let mut command = Command::new(release(project)?);
    command.arg("serve").args(arguments);
    process::forward(command)
}

/// `cargo xtask build`: the release binary with the web client inside.
pub(crate) fn build_release(project: &Project) -> Result<ExitCode> {
    node::build_web(project)?;
    let binary = release(project)?;
    let bytes = binary.metadata().with_context(|| format!("cargo made no {}", binary.display()))?.len();
    println!("{} ({})", binary.display(), mebibytes(bytes));
    println!("{} (what it is made of)", sbom::write(project)?.display());
    Ok(ExitCode::SUCCESS)
}

/// The binary for the tests: the development profile, whose dependencies the Rust tests have built already. Chosen
/// with `--workspace` so that cargo resolves the same features as for the tests and builds nothing twice.
pub(crate) fn for_tests(project: &Project) -> Result<PathBuf> {
    let mut command = project.cargo();
    command.args(["build", "--locked", "--workspace", "--bin", "im2"]);
    process::run(command)?;
    Ok(project.target.join("debug/im2"))
}

/// The binary as it is released.
pub(crate) fn release(project: &Project) -> Result<PathBuf> {
    let mut command = project.cargo();
    command.args(["build", "--locked", "--release", "--package", "im2-server", "--bin", "im2"]);
    process::run(command)?;
    Ok(project.target.join("release/im2"))
}

fn mebibytes(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20)
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn sizes_are_readable() {
        assert_eq!(mebibytes(0), "0.0 MiB");
        assert_eq!(mebibytes(1 << 20), "1.0 MiB");
        assert_eq!(mebibytes((21 << 20) + (1 << 19)), "21.5 MiB");
    }
}
