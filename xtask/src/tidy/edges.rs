//! Which crate may name which: our own layers, and the outside crates that belong to one layer only.

use super::Finding;
use crate::metadata::{Dependency, Package};

/// What each of our crates may depend on, bottom first. `server → api → engine → {rooms, pictures, store, bus} → fair → model`;
/// only the server wires the layers together, so only it sees all of them.
const EDGES: &[(&str, &[&str])] = &[
    ("im2-model", &[]),
    ("im2-rooms", &["im2-model"]),
    ("im2-fair", &["im2-model"]),
    ("im2-pictures", &[]),
    ("im2-store", &["im2-model", "im2-fair"]),
    ("im2-bus", &["im2-model"]),
    ("im2-engine", &["im2-model", "im2-fair", "im2-rooms", "im2-pictures", "im2-store", "im2-bus"]),
    ("im2-api", &["im2-model", "im2-fair", "im2-rooms", "im2-engine"]),
    ("im2-server", &["im2-model", "im2-fair", "im2-rooms", "im2-store", "im2-bus", "im2-engine", "im2-api"]),
    ("im2-bench", &[]),
    ("im2-fuzz", &[]),
    ("xtask", &[]),
];

/// The crate for tests: it may name every other, and none may ship it.
const TESTKIT: &str = "im2-testkit";

/// Outside crates that stand for a layer's business, and who may use them.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["im2-store"]),
    ("axum", &["im2-api", "im2-server"]),
    // The engine fetches URL previews; it serves nothing.
    ("hyper", &["im2-engine", "im2-api", "im2-server", "im2-bench"]),
    ("clap", &["im2-server", "im2-bench"]),
    ("tokio", &["im2-fair", "im2-store", "im2-bus", "im2-engine", "im2-api", "im2-server", "im2-bench"]),
];

/// Checks every dependency of every package of the workspace. Development dependencies are free: a test may see all.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.name != TESTKIT) {
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package.name) else {
            findings
                .push(Finding::error(&package.name, "is in no layer: add it to the table in xtask/src/tidy/edges.rs"));
            continue;
        };
        for Dependency { name, .. } in package.dependencies.iter().filter(|dependency| !dependency.development) {
            if ours(name) && !allowed.contains(&name.as_str()) {
                findings.push(Finding::error(&package.name, format!("may not depend on {name}")));
            }
            let reserved = RESERVED.iter().find(|(outside, _)| outside == name);
            if reserved.is_some_and(|(_, users)| !users.contains(&package.name.as_str())) {
                findings.push(Finding::error(
                    &package.name,
                    format!("may not depend on {name}: it belongs to another layer"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependency =
            |(name, development): &(&str, bool)| Dependency { name: (*name).to_owned(), development: *development };
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            licence: None,
            source: None,
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    fn messages(packages: &[Package]) -> Vec<String> {
        check(packages).into_iter().map(|finding| format!("{} {}", finding.place, finding.message)).collect()
    }

    #[test]
    fn down_is_allowed_and_up_is_not() {
        let packages = [
            package("im2-model", &[("im2-engine", false)]),
            package("im2-engine", &[("im2-model", false), ("serde", false)]),
        ];
        assert_eq!(messages(&packages), ["im2-model may not depend on im2-engine"]);
    }

    #[test]
    fn the_testkit_is_for_tests() {
        let packages = [
            package("im2-testkit", &[("im2-api", false)]),
            package("im2-api", &[("im2-testkit", true)]),
            package("im2-engine", &[("im2-testkit", false)]),
        ];
        assert_eq!(messages(&packages), ["im2-engine may not depend on im2-testkit"]);
    }

    #[test]
    fn only_the_store_knows_sql() {
        let packages = [package("im2-store", &[("rusqlite", false)]), package("im2-api", &[("rusqlite", false)])];
        assert_eq!(messages(&packages), ["im2-api may not depend on rusqlite: it belongs to another layer"]);
    }

    #[test]
    fn every_crate_has_a_layer() {
        assert_eq!(messages(&[package("im2-new", &[])]).len(), 1);
    }
}
