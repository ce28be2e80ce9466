//! The `im2-bench` command: load generator and measurements.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use im2_bench::args::Cli;
use im2_bench::{report, scenario};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(faultless) => ExitCode::from(u8::from(!faultless)),
        Err(error) => {
            // Nobody to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "im2-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the scenarios on one thread, so that the server keeps the other cores; `false` when there were faults.
fn run(cli: &Cli) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all = Vec::new();
    let result = runtime.block_on(scenario::run(cli, &mut |reports| {
        let result = writeln!(std::io::stdout(), "{}", report::table(&reports));
        all.extend(reports);
        result.context("cannot write to standard output")
    }));
    // What was measured before a failure is worth keeping too.
    if let Some(path) = &cli.common.json {
        let json = serde_json::to_string_pretty(&all)?;
        std::fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    result?;
    Ok(all.iter().all(|report| report.faults.is_empty()))
}
