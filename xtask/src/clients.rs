//! Clients that we did not write, and the protocol suite: how each is installed and started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::browsers::{self, CHROMIUM};
use crate::node;
use crate::process;
use crate::project::Project;

/// A test suite under `tests/clients/` that talks to a running server.
#[derive(Debug)]
pub(crate) struct Client {
    /// The suite's name in the summary.
    pub(crate) name: &'static str,
    folder: &'static str,
    runner: Runner,
    /// An environment variable without which the suite cannot run, and what it should name.
    pub(crate) needs: Option<(&'static str, &'static str)>,
    /// Takes minutes to build or install, and runs where the long forms are asked for.
    pub(crate) long: bool,
}

#[derive(Debug)]
enum Runner {
    /// `npm test`.
    Npm,
    /// `npm test` with a browser, against the forwarding unit of calls alone: an example of its crate, which gives anybody
    /// a token.
    Calls,
    /// `npm test` with a browser.
    Browser,
    /// pytest in the Python environment that most suites share.
    Pytest,
    /// pytest in an environment of its own, for suites that bring much.
    PytestAlone,
    /// `cargo test`, in a workspace of its own, so that the client's dependencies are not part of this workspace.
    Cargo,
}

/// All of them, in the order in which they run.
pub(crate) const CLIENTS: &[Client] = &[
    Client { name: "matrix-js-sdk", folder: "js-sdk", runner: Runner::Npm, needs: None, long: false },
    Client { name: "livekit-client", folder: "livekit", runner: Runner::Calls, needs: None, long: true },
    Client { name: "Element Call", folder: "element-call", runner: Runner::Browser, needs: None, long: true },
    Client { name: "matrix-rust-sdk", folder: "rust-sdk", runner: Runner::Cargo, needs: None, long: true },
    Client { name: "matrix-nio", folder: "nio", runner: Runner::Pytest, needs: None, long: false },
    Client { name: "mautrix", folder: "appservice", runner: Runner::Pytest, needs: None, long: false },
    Client { name: "protocol", folder: "protocol", runner: Runner::Pytest, needs: None, long: false },
    Client { name: "compare", folder: "compare", runner: Runner::PytestAlone, needs: None, long: true },
    Client { name: "schema", folder: "schema", runner: Runner::PytestAlone, needs: Some(SPECIFICATION), long: false },
];

/// The specification's OpenAPI, from which requests are made up.
const SPECIFICATION: (&str, &str) = (
    "MATRIX_SPECIFICATION",
    "the folder of client-server-v1.19.json, which is <https://spec.matrix.org/v1.19/client-server-api/api.json>",
);

/// Installs what the suite needs and gives the command that runs it.
pub(crate) fn prepare(project: &Project, client: &Client) -> Result<Command> {
    let folder = project.client(client.folder);
    match client.runner {
        Runner::Npm => {
            node::install(&folder)?;
            Ok(node::script_command(&folder, "test", &[]))
        }
        Runner::Calls => {
            let mut build = project.cargo();
            build.args(["build", "--locked", "-p", "im2-rtc", "--example", "unit"]);
            process::run(build)?;
            let [chromium] = browsers::find_or_install([&CHROMIUM])?;
            node::install(&folder)?;
            let mut command = node::script_command(&folder, "test", &[]);
            command.env("IM2_CHROMIUM", chromium).env("IM2_RTC_UNIT", project.target.join("debug/examples/unit"));
            Ok(command)
        }
        Runner::Browser => {
            let [chromium] = browsers::find_or_install([&CHROMIUM])?;
            node::install(&folder)?;
            let mut command = node::script_command(&folder, "test", &[]);
            command.env("IM2_CHROMIUM", chromium);
            Ok(command)
        }
        Runner::Cargo => {
            let mut command = project.cargo();
            command.current_dir(folder).env("CARGO_TARGET_DIR", project.target.join("clients-rust"));
            command.args(["test", "--locked"]);
            Ok(command)
        }
        Runner::Pytest => {
            let shared = CLIENTS.iter().filter(|client| matches!(client.runner, Runner::Pytest));
            let folders: Vec<_> = shared.map(|client| client.folder).collect();
            Ok(pytest(&environment(project, "clients-python", &folders)?, &folder))
        }
        Runner::PytestAlone => {
            let place = format!("clients-python-{}", client.folder);
            Ok(pytest(&environment(project, &place, &[client.folder])?, &folder))
        }
    }
}

fn pytest(environment: &Path, folder: &Path) -> Command {
    let mut command = Command::new(environment.join("bin/python"));
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").args(["-m", "pytest"]);
    command
}

/// A Python environment under cargo's target folder with what the suites in `folders` require; made anew when a
/// requirement changes.
fn environment(project: &Project, name: &str, folders: &[&str]) -> Result<PathBuf> {
    let place = project.target.join(name);
    let stamp = place.join("requirements.txt");
    let mut requirements = String::new();
    for folder in folders {
        let file = project.client(folder).join("requirements.txt");
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        requirements.push_str(&text);
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) {
        return Ok(place);
    }
    let python = process::find(&["python3.11", "python3"]).context("these tests need Python 3.11 or newer")?;
    let mut create = Command::new(python);
    create.args(["-m", "venv", "--clear"]).arg(&place);
    process::run(create)?;
    let wanted = place.join("wanted.txt");
    std::fs::write(&wanted, &requirements)?;
    let mut install = Command::new(place.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(wanted);
    process::run(install)?;
    std::fs::write(stamp, requirements)?;
    Ok(place)
}
