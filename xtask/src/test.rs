//! `cargo xtask test`: every test there is, step by step, with a summary at the end.
//!
//! A step that fails does not keep the later ones from running. Each prints what its own runner prints.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::binary;
use crate::browsers::{self, CHROMIUM, DISPLAY, FIREFOX, TURN_CLIENT, WEBKIT};
use crate::clients::{self, CLIENTS, Client};
use crate::node;
use crate::process;
use crate::project::Project;
use crate::running::{Server, Settings};

/// Implementations of others beside which ours run, in `tests/oracles`.
const ORACLES: [&str; 1] = ["state-res"];

/// A group of tests that can be chosen on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Rust,
    Web,
    Clients,
    Browser,
    Engines,
}

const GROUPS: [(&str, Group); 5] = [
    ("rust", Group::Rust),
    ("web", Group::Web),
    ("clients", Group::Clients),
    ("browser", Group::Browser),
    ("engines", Group::Engines),
];

/// The outcome of one step.
struct Outcome {
    name: String,
    took: Duration,
    result: Result<()>,
}

/// Asks for the long forms too.
const LONG: &str = "--long";

/// What a run is to do.
#[derive(Debug, PartialEq, Eq)]
struct Chosen {
    groups: Vec<Group>,
    /// Also what takes long and seldom finds what the rest does not: clients that take minutes to build or install,
    /// engines beside Chromium, and every screen in every look.
    long: bool,
}

/// Runs the chosen steps and sums up.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let Chosen { groups, long } = chosen(arguments)?;
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
            Group::Rust => {
                step("rust", &mut || rust(project));
                for name in ORACLES {
                    step(&format!("oracle {name}"), &mut || oracle(project, name));
                }
            }
            Group::Web => step("web", &mut || web(project)),
            Group::Clients => {
                for client in CLIENTS {
                    if client.long && !long {
                        println!("\n=== client {} is left out: {LONG} runs it", client.name);
                        continue;
                    }
                    if let Some((variable, meaning)) = client.needs.filter(|(name, _)| std::env::var_os(name).is_none())
                    {
                        println!("\n=== client {} is left out: {variable} has to name {meaning}", client.name);
                        continue;
                    }
                    step(&format!("client {}", client.name), &mut || outside(project, client));
                }
            }
            Group::Browser => step("browser", &mut || browser(project, &[], long)),
            Group::Engines => step("engines", &mut || engines(project)),
        }
    }
    Ok(summary(&outcomes))
}

/// `cargo xtask e2e`: the browser tests alone, with arguments for Playwright.
pub(crate) fn browser_only(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    node::build_web(project)?;
    browser(project, arguments, false)?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask figures`: the browser tests that measure, held against their bounds, on the release binary.
pub(crate) fn figures(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    node::build_web(project)?;
    let binary = binary::release(project)?;
    let chosen =
        if arguments.is_empty() { &["figures.spec.ts".to_owned(), "many.spec.ts".to_owned()] } else { arguments };
    let mut command = playwright(project, chosen)?;
    command.env("IM2_TIMED", "1");
    against_server(project, "figures", &binary, command)?;
    Ok(ExitCode::SUCCESS)
}

fn chosen(arguments: &[String]) -> Result<Chosen> {
    let (flags, names): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.as_str() == LONG);
    let long = !flags.is_empty();
    let wanted = |argument: &String| {
        let group = GROUPS.iter().find(|(name, _)| name == argument);
        group.map(|(_, group)| *group).with_context(|| {
            format!("there is no step `{argument}`; the steps are {}", GROUPS.map(|(name, _)| name).join(", "))
        })
    };
    let wanted = names.into_iter().map(wanted).collect::<Result<Vec<_>>>()?;
    let usual =
        |group: &Group| if wanted.is_empty() { long || *group != Group::Engines } else { wanted.contains(group) };
    Ok(Chosen { groups: GROUPS.into_iter().map(|(_, group)| group).filter(usual).collect(), long })
}

fn summary(outcomes: &[Outcome]) -> ExitCode {
    println!("\n=== summary");
    for Outcome { name, took, result } in outcomes {
        let word = if result.is_ok() { "ok    " } else { "FAILED" };
        println!("{word} {:>7.1} s  {name}", took.as_secs_f64());
    }
    for Outcome { name, result, .. } in outcomes {
        let failed = result.as_ref().err().and_then(|error| error.downcast_ref::<process::Failed>());
        let last = failed.map(|failed| failed.last.as_slice()).unwrap_or_default();
        if !last.is_empty() {
            println!("--- {name} ended with\n{}", last.join("\n"));
        }
    }
    let total: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    println!("{} steps, {failed} failed, {:.1} s", outcomes.len(), total.as_secs_f64());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rust(project: &Project) -> Result<()> {
    // Without it the tests of the relay with a client that we did not write say that they are left out.
    if let Err(error) = browsers::find_or_install([&TURN_CLIENT]) {
        println!("=== the relay is tried without coturn's client: {error:#}");
    }
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

/// `cargo test` in a workspace of its own, so that the other implementation is no dependency of this workspace.
fn oracle(project: &Project, name: &str) -> Result<()> {
    let mut tests = project.cargo();
    tests.current_dir(project.root.join("tests/oracles").join(name));
    tests.env("CARGO_TARGET_DIR", project.target.join("oracles")).args(["test", "--locked"]);
    process::run(tests)
}

fn web(project: &Project) -> Result<()> {
    // Both, whatever the first finds: one run says all.
    let [lint, test] = ["lint", "test"].map(|script| node::run_script(&project.web(), script, &[]));
    lint.and(test)
}

fn outside(project: &Project, client: &Client) -> Result<()> {
    let command = clients::prepare(project, client)?;
    against_server(project, client.name, &binary::for_tests(project)?, command)
}

fn browser(project: &Project, arguments: &[String], long: bool) -> Result<()> {
    let mut command = playwright(project, arguments)?;
    if long {
        command.env("IM2_LOOK", "all").env("IM2_GALLERY", "1");
    }
    against_server(project, "browser", &binary::for_tests(project)?, command)
}

fn playwright(project: &Project, arguments: &[String]) -> Result<Command> {
    let [chromium] = browsers::find_or_install([&CHROMIUM])?;
    let mut command = node::script_command(&project.web(), "e2e", arguments);
    command.env("IM2_CHROMIUM", chromium);
    Ok(command)
}

/// The web client in Firefox and WebKit.
fn engines(project: &Project) -> Result<()> {
    let [firefox, webkit, _display] = browsers::find_or_install([&FIREFOX, &WEBKIT, &DISPLAY])?;
    let mut command = node::script_command(&project.web(), "engines", &[]);
    command.env("IM2_FIREFOX", firefox).env("IM2_WEBKIT_DRIVER", webkit);
    against_server(project, "engines", &binary::for_tests(project)?, command)
}

/// Runs a command against a server of its own, which has to stop cleanly afterwards.
fn against_server(project: &Project, name: &str, binary: &Path, mut command: Command) -> Result<()> {
    let server = Server::start(project, binary, &Settings::for_tests(name))?;
    command.env("IM2_BASE_URL", server.url());
    // For what only a server of the test's own can show: that it is killed and started again.
    command.env("IM2_BINARY", binary);
    command.env("IM2_SHARED_SECRET", Settings::SHARED_SECRET);
    let result = process::run(command);
    let stopped = server.stop();
    result.and(stopped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn steps_keep_their_order_and_unknown_ones_are_refused() -> Result<()> {
        let usual = [Group::Rust, Group::Web, Group::Clients, Group::Browser].to_vec();
        assert_eq!(chosen(&[])?, Chosen { groups: usual, long: false });
        assert_eq!(chosen(&words(&["--long"]))?.groups.len(), GROUPS.len());
        assert_eq!(chosen(&words(&["browser", "rust"]))?.groups, [Group::Rust, Group::Browser]);
        let clients = Chosen { groups: vec![Group::Clients], long: true };
        assert_eq!(chosen(&words(&["clients", "--long"]))?, clients);
        assert_eq!(chosen(&words(&["engines"]))?.groups, [Group::Engines]);
        let error = chosen(&words(&["e2e"])).expect_err("no such step");
        assert!(error.to_string().contains("rust, web, clients, browser, engines"), "{error}");
        Ok(())
    }
}
