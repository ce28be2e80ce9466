//! The documents at the root: that they exist, that both READMEs tell the same story, that every dependency is named.

use super::{File, Finding};
use crate::metadata::Package;

const REQUIRED: &[&str] = &[
    "README.md",
    "README.zh-CN.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// Checks the documents against each other and against the dependencies of our packages.
pub(super) fn check(files: &[File<'_>], packages: &[Package]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text);
    let missing = REQUIRED.iter().filter(|path| text(path).is_none());
    let mut findings: Vec<Finding> = missing.map(|path| Finding::error(*path, "is missing")).collect();
    if let (Some(english), Some(chinese)) = (text("README.md"), text("README.zh-CN.md")) {
        findings.extend(compare_headings(english, chinese));
    }
    if let Some(architecture) = text("ARCHITECTURE.md") {
        findings.extend(unnamed_dependencies(architecture, packages));
    }
    findings
}

fn compare_headings(english: &str, chinese: &str) -> Option<Finding> {
    let (english, chinese) = (heading_levels(english), heading_levels(chinese));
    let differ = english.iter().zip(&chinese).position(|(one, other)| one != other);
    let at = differ.or_else(|| (english.len() != chinese.len()).then(|| english.len().min(chinese.len())))?;
    Some(Finding::error("README.zh-CN.md", format!("its headings differ from README.md's from heading {} on", at + 1)))
}

/// The level of each heading, outside code blocks.
fn heading_levels(text: &str) -> Vec<usize> {
    let mut levels = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let level = line.len() - line.trim_start_matches('#').len();
        if !in_code && level > 0 && line[level..].starts_with(' ') {
            levels.push(level);
        }
    }
    levels
}

/// Direct dependencies of what we ship that no table row of ARCHITECTURE.md names.
fn unnamed_dependencies(architecture: &str, packages: &[Package]) -> Vec<Finding> {
    let rows: Vec<&str> = architecture.lines().filter(|line| line.starts_with('|')).collect();
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    let shipped = dependencies.filter(|dependency| !dependency.development && !ours(&dependency.name));
    let mut names: Vec<&str> = shipped.map(|dependency| dependency.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !rows.iter().any(|row| row.contains(&format!("`{name}`"))));
    let finding = |name| {
        Finding::error("ARCHITECTURE.md", format!("its table of dependencies does not say why `{name}` is there"))
    };
    names.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    #[test]
    fn headings_correspond() {
        let english = "# IM2\n\n## Start\n```\n# a comment\n```\n### More\n#no heading\n";
        assert_eq!(heading_levels(english), [1, 2, 3]);
        assert_eq!(compare_headings(english, "# IM2\n## 开始\n### 更多\n"), None);
        let shorter = compare_headings(english, "# IM2\n## 开始\n").expect("a finding");
        assert!(shorter.message.ends_with("from heading 3 on"), "{}", shorter.message);
        assert!(compare_headings(english, "# IM2\n### 开始\n## 更多\n").is_some());
    }

    #[test]
    fn documents_have_to_exist() {
        let findings = check(&[File { path: "README.md", text: "" }], &[]);
        assert_eq!(findings.len(), REQUIRED.len() - 1);
    }

    #[test]
    fn dependencies_have_a_row() {
        let dependency = |name: &str, development| Dependency { name: name.to_owned(), development };
        let package = Package {
            name: "im2-api".to_owned(),
            version: "0.1.0".to_owned(),
            licence: None,
            source: None,
            dependencies: vec![
                dependency("axum", false),
                dependency("serde", false),
                dependency("tempfile", true),
                dependency("im2-api", false),
            ],
        };
        let findings = unnamed_dependencies("`axum` in prose\n| `serde` | JSON |\n", &[package]);
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages, ["its table of dependencies does not say why `axum` is there"]);
    }
}
