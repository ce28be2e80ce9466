//! Finds leftovers that must not stay in a committed file: unfinished code, and traces of one person's machine.

use super::{File, Finding};

/// Left behind in Rust code by somebody who meant to come back.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!("), concat!("dbg", "!(")];

/// The beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/"), concat!("C:\\Us", "ers\\")];

/// Settings that point a package manager somewhere else than everybody's: in lock files, npm, pip and cargo settings.
const REGISTRIES: &[&str] = &[
    concat!("\"resol", "ved\": \"http"),
    concat!("registry", "=http"),
    concat!("registry", " = http"),
    concat!("index-", "url"),
    concat!("replace-", "with"),
];

/// Checks one file, line by line.
pub(super) fn check(file: File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let place = || format!("{}:{}", file.path, index + 1);
        if file.is_rust() && !line.trim_start().starts_with("//") {
            let unfinished = UNFINISHED.iter().filter(|mark| line.contains(**mark));
            findings.extend(unfinished.map(|mark| Finding::error(place(), format!("`{mark}` is unfinished"))));
        }
        if let Some(path) = MACHINE_PATHS.iter().find(|path| contains_path(line, path)) {
            findings.push(Finding::error(place(), format!("`{path}…` is a path on one machine")));
        }
        if let Some(setting) = REGISTRIES.iter().find(|setting| line.contains(**setting)) {
            findings.push(Finding::error(place(), format!("`{setting}` names a package registry")));
        }
    }
    findings
}

/// Whether the path stands in the line as an absolute path, not in the middle of a longer one.
fn contains_path(line: &str, path: &str) -> bool {
    let absolute =
        |at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "-_.}~*)".contains(before));
    line.match_indices(path).any(|(at, _)| absolute(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(File { path, text }).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn unfinished_code() {
        let text = format!("    {}\"later\");\n// {}) in prose\n", UNFINISHED[0], UNFINISHED[0]);
        assert_eq!(messages("a.rs", &text).len(), 1);
        assert_eq!(messages("a.md", &text).len(), 0);
    }

    #[test]
    fn machine_paths() {
        let path = MACHINE_PATHS[0];
        assert_eq!(messages("a.md", &format!("cd {path}ana/im2")).len(), 1);
        assert_eq!(messages("a.ts", &format!("import x from \"..{path}screen\"")).len(), 0);
        assert_eq!(messages("a.ts", &format!("`https://example.org{path}`")).len(), 0);
    }

    #[test]
    fn registries() {
        assert_eq!(
            messages("package-lock.json", &format!("      {}s://npm.example.org/a.tgz\",", REGISTRIES[0])).len(),
            1
        );
        assert_eq!(messages(".npmrc", &format!("{}s://npm.example.org", REGISTRIES[1])).len(), 1);
        assert_eq!(messages(".npmrc", "omit-lockfile-registry-resolved=true").len(), 0);
    }
}
