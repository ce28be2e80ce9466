//! `cargo xtask advisories`: known vulnerabilities of the dependencies, by cargo-deny and the RustSec database.
//!
//! Where the database can be reached the check is mandatory, and cargo-deny is installed for it if need be. Elsewhere it
//! is left out, and says so.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process;
use crate::project::Project;

/// The database that cargo-deny reads.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";
/// The time for its server to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// Fails if a dependency has a known vulnerability.
pub(crate) fn run(project: &Project) -> Result<ExitCode> {
    if !is_reached()? {
        println!("advisories: left out, because {DATABASE} cannot be reached");
        return Ok(ExitCode::SUCCESS);
    }
    if process::find(&["cargo-deny"]).is_none() {
        let mut install = project.cargo();
        install.args(["install", "--locked", "cargo-deny"]);
        process::run(install)?;
    }
    let mut check = project.cargo();
    check.args(["deny", "--locked", "check", "advisories"]);
    process::run(check)?;
    Ok(ExitCode::SUCCESS)
}

fn is_reached() -> Result<bool> {
    let mut command = Command::new("git");
    command.args(["ls-remote", "--heads", DATABASE, "main"]);
    command.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut asking = command.spawn()?;
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = asking.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > deadline {
            asking.kill()?;
            asking.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
