//! `cargo xtask tidy`: the rules of the code base that no compiler checks.
//!
//! Each module holds pure checks from text to findings; this one reads the files, runs them all and prints what they
//! found. An error fails the command, a warning is there to be seen.

mod documents;
mod edges;
mod features;
mod functions;
mod leftovers;
mod modules;
mod sizes;

use std::process::ExitCode;

use anyhow::Result;

use crate::metadata::packages;
use crate::process;
use crate::project::{Project, cargo_metadata};

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    severity: Severity,
    /// The place, as `file`, `file:line` or a crate's name.
    place: String,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

/// A file of the project with its text.
#[derive(Debug, Clone, Copy)]
struct File<'a> {
    path: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn is_rust(&self) -> bool {
        self.has_extension(&["rs"])
    }

    fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// Checks the whole project.
pub(crate) fn run(project: &Project) -> Result<ExitCode> {
    let mut findings = edges::check(&packages(&cargo_metadata(&["--no-deps"])?)?);
    let mut texts = Vec::new();
    for path in project.files()? {
        // What is not UTF-8 is a picture or a font, and no rule here is about those.
        if let Ok(text) = std::fs::read_to_string(project.root.join(&path)) {
            texts.push((path, text));
        }
    }
    let files: Vec<File<'_>> = texts.iter().map(|(path, text)| File { path, text }).collect();
    for file in &files {
        findings.extend(sizes::check(*file));
        findings.extend(leftovers::check(*file));
        findings.extend(edges::check_reach(*file));
        findings.extend(edges::check_folder(*file));
    }
    let tree = |edges| {
        let mut cargo = project.cargo();
        cargo.args(features::arguments(edges));
        process::output(cargo)
    };
    findings.extend(features::check(&tree("normal,build")?, &tree("normal,build,dev")?));
    findings.extend(functions::check(&files));
    findings.extend(modules::check(&files));
    findings.extend(documents::check(&files, &packages(&cargo_metadata(&["--no-deps"])?)?));
    report(&findings, files.len())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every command's last expression")]
fn report(findings: &[Finding], files: usize) -> Result<ExitCode> {
    for Finding { severity, place, message } in findings {
        let word = match severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        println!("tidy {word}: {place}: {message}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    println!("tidy: {files} files, {errors} errors, {} warnings", findings.len() - errors);
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
