//! `cargo xtask deny`: licences, sources and duplicates of the dependencies, by the policy in `deny.toml`.
//!
//! The file is cargo-deny's, so that those who have cargo-deny run it on the same policy; this command needs nothing
//! installed. Only advisories are left to cargo-deny, because they need a database from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use crate::metadata::{Package, packages};
use crate::project::{Project, cargo_metadata};

/// The policy, as far as we check it ourselves.
#[derive(Debug, Default)]
struct Policy {
    targets: BTreeSet<String>,
    licences: BTreeSet<String>,
    registries: BTreeSet<String>,
    /// Versions that may stand beside another version of the same crate, as `name@version`.
    duplicates: BTreeSet<String>,
}

/// Prints every violation; fails if there is one.
pub(crate) fn run(project: &Project) -> Result<ExitCode> {
    let text = std::fs::read_to_string(project.root.join("deny.toml")).context("reading deny.toml")?;
    let policy = Policy::parse(&text)?;
    let mut packages = Vec::new();
    for target in &policy.targets {
        packages.extend(self::packages(&cargo_metadata(&["--filter-platform", target])?)?);
    }
    packages.sort();
    packages.dedup();
    let violations = check(&policy, &packages);
    for violation in &violations {
        println!("deny: {violation}");
    }
    println!("deny: {} packages, {} violations", packages.len(), violations.len());
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Policy {
    fn parse(text: &str) -> Result<Self> {
        let policy: Table = text.parse().context("deny.toml")?;
        Ok(Self {
            targets: strings(&policy, "graph", "targets")?,
            licences: strings(&policy, "licenses", "allow")?,
            registries: strings(&policy, "sources", "allow-registry")?,
            duplicates: strings(&policy, "bans", "skip")?,
        })
    }
}

/// A list of strings, or of tables with the string under `crate`.
fn strings(policy: &Table, section: &str, key: &str) -> Result<BTreeSet<String>> {
    let list = policy.get(section).and_then(|section| section.get(key)).and_then(Value::as_array);
    let entries = list.with_context(|| format!("deny.toml has no list {section}.{key}"))?;
    let text = |entry: &Value| entry.as_str().or_else(|| entry.get("crate")?.as_str()).map(str::to_owned);
    entries.iter().map(|entry| text(entry).with_context(|| format!("{section}.{key}: {entry}"))).collect()
}

fn check(policy: &Policy, packages: &[Package]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, .. } = package;
        versions.entry(name).or_default().insert(version);
        match &package.licence {
            None => violations.push(format!("{name} {version} states no licence")),
            Some(licence) if !allows(&policy.licences, licence) => {
                violations.push(format!("{name} {version} has the licence {licence}"));
            }
            Some(_) => {}
        }
        if let Some(source) = &package.source {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            if !policy.registries.contains(registry) {
                violations.push(format!("{name} {version} comes from {source}"));
            }
        }
    }
    violations.extend(duplicates(policy, &versions));
    violations
}

fn duplicates(policy: &Policy, versions: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut violations = Vec::new();
    let mut excused = BTreeSet::new();
    for (name, versions) in versions {
        let (skipped, counted): (Vec<_>, Vec<_>) =
            versions.iter().map(|version| format!("{name}@{version}")).partition(|id| policy.duplicates.contains(id));
        if counted.len() > 1 {
            violations.push(format!("{} stand beside each other", counted.join(" and ")));
        }
        if versions.len() > 1 {
            excused.extend(skipped);
        }
    }
    let stale = policy.duplicates.difference(&excused);
    violations.extend(stale.map(|id| format!("deny.toml skips {id}, which stands beside no other version")));
    violations
}

/// Whether an SPDX expression can be fulfilled with the allowed licences only.
fn allows(allowed: &BTreeSet<String>, expression: &str) -> bool {
    // The `/` of old manifests means OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Expression { allowed, words: &words };
    let allowed = parser.alternatives();
    allowed && parser.words.is_empty()
}

/// Recursive descent over an SPDX expression: OR binds weaker than AND, WITH strongest.
struct Expression<'a> {
    allowed: &'a BTreeSet<String>,
    words: &'a [&'a str],
}

impl Expression<'_> {
    fn alternatives(&mut self) -> bool {
        let mut any = self.conjunction();
        while self.take("OR") {
            any |= self.conjunction();
        }
        any
    }

    fn conjunction(&mut self) -> bool {
        let mut all = self.licence();
        while self.take("AND") {
            all &= self.licence();
        }
        all
    }

    fn licence(&mut self) -> bool {
        if self.take("(") {
            let inner = self.alternatives();
            return self.take(")") && inner;
        }
        let Some((name, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        if self.take("WITH") {
            let exception = self.words.split_first();
            self.words = exception.map_or(&[][..], |(_, rest)| rest);
            return exception.is_some_and(|(exception, _)| self.allowed.contains(&format!("{name} WITH {exception}")));
        }
        self.allowed.contains(*name)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "registry+https://example.org/index";

    fn policy() -> Policy {
        Policy::parse(
            r#"
            [graph]
            targets = ["x86_64-unknown-linux-gnu"]
            [licenses]
            allow = ["MIT", "Apache-2.0", "Unicode-3.0"]
            [bans]
            skip = [{ crate = "old@1.0.0", reason = "a test" }]
            [sources]
            allow-registry = ["https://example.org/index"]
            "#,
        )
        .expect("a policy")
    }

    fn package(name: &str, version: &str, licence: &str, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: Some(licence.to_owned()),
            source: Some(source.to_owned()),
            dependencies: Vec::new(),
        }
    }

    #[test]
    fn expressions() {
        let policy = policy();
        for (expression, expected) in [
            ("MIT", true),
            ("MPL-2.0", false),
            ("GPL-3.0 OR MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("MIT OR Apache-2.0 AND GPL-3.0", true),
            ("Apache-2.0 WITH LLVM-exception", false),
            ("Apache-2.0 WITH LLVM-exception OR MIT", true),
            ("", false),
            ("MIT)", false),
        ] {
            assert_eq!(allows(&policy.licences, expression), expected, "{expression}");
        }
    }

    #[test]
    fn violations_are_named() {
        let packages = [
            package("old", "1.0.0", "MIT", INDEX),
            package("old", "2.0.0", "MIT", INDEX),
            package("copyleft", "1.0.0", "GPL-3.0", INDEX),
            package("elsewhere", "1.0.0", "MIT", "git+https://example.org/elsewhere"),
            package("twice", "1.0.0", "MIT", INDEX),
            package("twice", "2.0.0", "MIT", INDEX),
        ];
        let violations = check(&policy(), &packages);
        assert_eq!(
            violations,
            [
                "copyleft 1.0.0 has the licence GPL-3.0",
                "elsewhere 1.0.0 comes from git+https://example.org/elsewhere",
                "twice@1.0.0 and twice@2.0.0 stand beside each other",
            ]
        );
    }

    #[test]
    fn an_excuse_that_excuses_nothing_is_a_violation() {
        let violations = check(&policy(), &[package("old", "1.0.0", "MIT", INDEX)]);
        assert_eq!(violations, ["deny.toml skips old@1.0.0, which stands beside no other version"]);
    }
}
