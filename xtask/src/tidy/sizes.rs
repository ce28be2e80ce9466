//! Limits the length of hand-written files, and checks that a Rust file opens by saying what it is for.

use super::{File, Finding};

const WARNING: usize = 600;
const LIMIT: usize = 1_000;
const HAND_WRITTEN: &[&str] = &["rs", "ts", "tsx", "css", "py", "js", "mjs"];

/// Checks one file.
pub(super) fn check(file: File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.has_extension(HAND_WRITTEN) {
        let lines = file.text.lines().count();
        if lines > LIMIT {
            findings.push(Finding::error(file.path, format!("{lines} lines; the limit is {LIMIT}")));
        } else if lines > WARNING {
            findings.push(Finding::warning(file.path, format!("{lines} lines; does it still tell one story?")));
        }
    }
    if file.is_rust() && !file.text.starts_with("//! ") {
        findings.push(Finding::error(file.path, "does not start with module documentation (`//! …`)"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Severity;

    fn severities(path: &str, text: &str) -> Vec<Severity> {
        check(File { path, text }).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn long_files() {
        let lines = |count: usize| "//! x\n".repeat(count);
        assert_eq!(severities("a.rs", &lines(600)), []);
        assert_eq!(severities("a.rs", &lines(601)), [Severity::Warning]);
        assert_eq!(severities("web/a.tsx", &lines(1_001)), [Severity::Error]);
        assert_eq!(severities("Cargo.lock", &lines(5_000)), []);
    }

    #[test]
    fn module_documentation() {
        assert_eq!(severities("a.rs", "//! What it is for.\n"), []);
        assert_eq!(severities("a.rs", "use std::fs;\n"), [Severity::Error]);
        assert_eq!(severities("a.py", "import os\n"), []);
    }
}
