//! Developer commands, run as `cargo xtask COMMAND`; never shipped.
//!
//! A command is a module with one entry function. Everything that another tool already does well (cargo, npm, pip,
//! pytest, Playwright) is started with its own output visible; what is ours alone (`tidy`, `deny`, `coverage`) is a
//! pure check over files or over `cargo metadata`, so that it can be tested on small inputs.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod advisories;
mod binary;
mod browsers;
mod clients;
mod coverage;
mod deny;
mod metadata;
mod node;
mod process;
mod project;
mod routes;
mod running;
mod sbom;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use project::Project;

const HELP: &str = "\
Developer commands of IM2

usage: cargo xtask COMMAND [ARGUMENTS]

Working on IM2
  run [ARGS]        build the web client and the server, start it, print its address;
                    ARGS go to `im2 serve` (for example: cargo xtask run --config im2.toml)
  build             make the release binary with the web client inside; prints its path and size
  test [STEP...] [--long]
                    run the tests and sum up; without STEP, all of them, in this order:
                      rust      unit, property, conformance and whole-server tests (cargo nextest); then what other
                                implementations say to the same input (tests/oracles)
                      web       lints and unit tests of the web client
                      clients   matrix-js-sdk, matrix-rust-sdk, matrix-nio, the protocol suite and others against a server
                      browser   two people in Chromium against a real server
                      engines   the same client in Firefox and WebKit: where it is named, or with --long
                    --long adds what takes long: matrix-rust-sdk, livekit-client, the comparison with Synapse, the other engines, and
                    each screen in each look with the gallery of views
  e2e [ARGS]        only the browser tests; ARGS go to `npm run e2e`
  figures [ARGS]    what people wait for in the browser, measured with the release binary and held against its bounds;
                    for a machine that does nothing else

Checks
  ci                everything a change has to pass (.ci/run)
  tidy              crate edges, file and function sizes, documents, leftovers
  deny              licences, sources and duplicates of the dependencies, by deny.toml
  advisories        known vulnerabilities of the dependencies, by cargo-deny, which is installed if it is missing;
                    left out, and said so, where the advisory database cannot be reached
  sbom              write target/im2.cdx.json: what the binary is made of (CycloneDX)
  coverage [--check]
                    write docs/client-server-coverage.md: the routes served beside the specification's;
                    with --check, fail if the committed file is out of date
  spec-routes DIR   write docs/spec-routes.tsv from the specification's OpenAPI documents (*.json) in DIR

What is needed: Rust and Node 20 for `run` and `build`; Python 3.11, Chromium, Firefox and WebKitGTK's driver
with Xvfb as well for `test` (the browsers are installed with apt-get when they are missing and the user is root).
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    match dispatch(&command, &rest) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, arguments: &[String]) -> Result<ExitCode> {
    if matches!(command, "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let project = Project::locate()?;
    match command {
        "run" => binary::run(&project, arguments),
        "build" => binary::build_release(&project),
        "test" => test::run(&project, arguments),
        "e2e" => test::browser_only(&project, arguments),
        "figures" => test::figures(&project, arguments),
        "ci" => process::forward(project.command(".ci/run")),
        "tidy" => tidy::run(&project),
        "deny" => deny::run(&project),
        "advisories" => advisories::run(&project),
        "sbom" => {
            println!("{}", sbom::write(&project)?.display());
            Ok(ExitCode::SUCCESS)
        }
        "coverage" => coverage::run(&project, arguments),
        "spec-routes" => routes::write_from_specification(&project, arguments),
        other => anyhow::bail!("there is no command `{other}`; `cargo xtask help` lists them"),
    }
}
