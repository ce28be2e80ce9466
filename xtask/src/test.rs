//! `cargo xtask test`: every test there is, step by step, with a summary at the end.
//!
//! A step that fails does not keep the later ones from running. Each prints what its own runner prints.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::binary;
use crate::clients::{self, CLIENTS, Client};
use crate::node;
use crate::process;
use crate::project::Project;
use crate::running::{Server, Settings};

/// Debian's name of the browser, and what others call it.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A group of tests that can be chosen on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Rust,
    Web,
    Clients,
    Browser,
}

const GROUPS: [(&str, Group); 4] =
    [("rust", Group::Rust), ("web", Group::Web), ("clients", Group::Clients), ("browser", Group::Browser)];

/// What became of one step.
struct Outcome {
    name: String,
    took: Duration,
    result: Result<()>,
}

/// Runs the chosen steps and sums up.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let groups = chosen(arguments)?;
    let mut outcomes = Vec::new();
    let mut step = |name: &str, work: &mut dyn FnMut() -> Result<()>| {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        if let Err(error) = &result {
            println!("=== {name}: {error:#}");
        }
        outcomes.push(Outcome { name: name.to_owned(), took: start.elapsed(), result });
    };
    // The server embeds the web client, so that is built first and the server only once.
    step("build the web client", &mut || node::build_web(project));
    for group in groups {
        match group {
            Group::Rust => step("rust", &mut || rust(project)),
            Group::Web => step("web", &mut || web(project)),
            Group::Clients => {
                for client in CLIENTS {
                    if let Some((variable, meaning)) = client.needs.filter(|(name, _)| std::env::var_os(name).is_none())
                    {
                        println!("\n=== client {} is left out: {variable} has to name {meaning}", client.name);
                        continue;
                    }
                    step(&format!("client {}", client.name), &mut || outside(project, client));
                }
            }
            Group::Browser => step("browser", &mut || browser(project, &[])),
        }
    }
    Ok(summary(&outcomes))
}

/// `cargo xtask e2e`: the browser tests alone, with arguments for Playwright.
pub(crate) fn browser_only(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    node::build_web(project)?;
    browser(project, arguments)?;
    Ok(ExitCode::SUCCESS)
}

fn chosen(arguments: &[String]) -> Result<Vec<Group>> {
    let wanted = |argument: &String| {
        let group = GROUPS.iter().find(|(name, _)| name == argument);
        group.map(|(_, group)| *group).with_context(|| {
            format!("there is no step `{argument}`; the steps are {}", GROUPS.map(|(name, _)| name).join(", "))
        })
    };
    let wanted = arguments.iter().map(wanted).collect::<Result<Vec<_>>>()?;
    let all = GROUPS.into_iter().map(|(_, group)| group);
    Ok(all.filter(|group| wanted.is_empty() || wanted.contains(group)).collect())
}

fn summary(outcomes: &[Outcome]) -> ExitCode {
    println!("\n=== summary");
    for Outcome { name, took, result } in outcomes {
        let word = if result.is_ok() { "ok    " } else { "FAILED" };
        println!("{word} {:>7.1} s  {name}", took.as_secs_f64());
    }
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    println!("{} steps, {failed} failed, {:.1} s", outcomes.len(), total.as_secs_f64());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rust(project: &Project) -> Result<()> {
    let mut tests = project.cargo();
    if process::find(&["cargo-nextest"]).is_some() {
        tests.args(["nextest", "run", "--locked", "--workspace", "--no-fail-fast"]);
        process::run(tests)?;
        // nextest leaves the examples in the documentation to cargo.
        let mut examples = project.cargo();
        examples.args(["test", "--locked", "--workspace", "--doc", "--quiet"]);
        process::run(examples)
    } else {
        println!("cargo-nextest is not installed: falling back to `cargo test`");
        tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
        process::run(tests)
    }
}

fn web(project: &Project) -> Result<()> {
    for script in ["lint", "test"] {
        node::run_script(&project.web(), script, &[])?;
    }
    Ok(())
}

fn outside(project: &Project, client: &Client) -> Result<()> {
    let command = clients::prepare(project, client)?;
    against_server(project, client.name, command)
}

fn browser(project: &Project, arguments: &[String]) -> Result<()> {
    let chromium = chromium()?;
    let mut command = node::script_command(&project.web(), "e2e", arguments);
    command.env("IM2_CHROMIUM", chromium);
    against_server(project, "browser", command)
}

/// Runs a command against a server of its own, which has to stop cleanly afterwards.
fn against_server(project: &Project, name: &str, mut command: Command) -> Result<()> {
    let binary = binary::for_tests(project)?;
    let server = Server::start(project, &binary, &Settings::for_tests(name))?;
    command.env("IM2_BASE_URL", server.url());
    // For what only a server of the test's own can show: that it is killed and started again.
    command.env("IM2_BINARY", binary);
    command.env("IM2_SHARED_SECRET", Settings::SHARED_SECRET);
    let result = process::run(command);
    let stopped = server.stop();
    result.and(stopped)
}

/// The browser's path; it is installed where we may install it.
fn chromium() -> Result<PathBuf> {
    if let Some(found) = process::find(&BROWSERS) {
        return Ok(found);
    }
    if process::find(&["apt-get"]).is_none() || !is_root()? {
        bail!("the browser tests need Chromium on PATH (as one of {}); please install it", BROWSERS.join(", "));
    }
    for arguments in [&["update"][..], &["install", "-y", "chromium", "fonts-noto-cjk"]] {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(command)?;
    }
    process::find(&BROWSERS).context("apt-get installed chromium, but PATH does not have it")
}

fn is_root() -> Result<bool> {
    let mut command = Command::new("id");
    command.arg("-u");
    Ok(process::output(command)?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn steps_keep_their_order_and_unknown_ones_are_refused() -> Result<()> {
        assert_eq!(chosen(&[])?.len(), GROUPS.len());
        assert_eq!(chosen(&words(&["browser", "rust"]))?, [Group::Rust, Group::Browser]);
        let error = chosen(&words(&["e2e"])).expect_err("no such step");
        assert!(error.to_string().contains("rust, web, clients, browser"), "{error}");
        Ok(())
    }
}
