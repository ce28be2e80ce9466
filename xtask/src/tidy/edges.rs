//! The dependencies that crates may have: on our own layers, and on the outside crates that belong to one layer only.

use super::{File, Finding};
use crate::metadata::{Dependency, Package};

/// The crates that each of our crates may depend on, bottom first; only the server wires the layers together, so only
/// it sees all of them. A crate of use cases names those below it and none beside it.
const EDGES: &[(&str, &[&str])] = &[
    ("im2-model", &[]),
    ("im2-kernel", &["im2-model"]),
    ("im2-fair", &["im2-model"]),
    ("im2-turn", &["im2-model"]),
    ("im2-pictures", &[]),
    ("im2-av1", &["im2-pictures"]),
    ("im2-store", &["im2-model", "im2-fair"]),
    ("im2-bus", &["im2-model"]),
    ("im2-core", &["im2-model", "im2-fair", "im2-kernel", "im2-store", "im2-bus"]),
    ("im2-accounts", &["im2-model", "im2-fair", "im2-store", "im2-core"]),
    ("im2-media", &["im2-model", "im2-fair", "im2-kernel", "im2-pictures", "im2-store", "im2-core"]),
    ("im2-chat", &["im2-model", "im2-fair", "im2-kernel", "im2-store", "im2-bus", "im2-core", "im2-accounts"]),
    ("im2-sync", &["im2-model", "im2-fair", "im2-kernel", "im2-store", "im2-core", "im2-chat"]),
    ("im2-followers", &["im2-model", "im2-fair", "im2-kernel", "im2-store", "im2-core", "im2-chat"]),
    (
        "im2-admin",
        &["im2-model", "im2-fair", "im2-kernel", "im2-store", "im2-core", "im2-accounts", "im2-media", "im2-chat"],
    ),
    (
        "im2-engine",
        &[
            "im2-model",
            "im2-fair",
            "im2-store",
            "im2-core",
            "im2-accounts",
            "im2-media",
            "im2-chat",
            "im2-sync",
            "im2-followers",
            "im2-admin",
        ],
    ),
    ("im2-rtc", &[]),
    ("im2-edge", &["im2-model", "im2-fair", "im2-core", "im2-accounts", "im2-engine"]),
    (
        "im2-api",
        &[
            "im2-model",
            "im2-kernel",
            "im2-core",
            "im2-accounts",
            "im2-media",
            "im2-chat",
            "im2-sync",
            "im2-followers",
            "im2-admin",
            "im2-edge",
        ],
    ),
    (
        "im2-server",
        &[
            "im2-model",
            "im2-fair",
            "im2-kernel",
            "im2-av1",
            "im2-turn",
            "im2-store",
            "im2-bus",
            "im2-core",
            "im2-accounts",
            "im2-media",
            "im2-chat",
            "im2-followers",
            "im2-engine",
            "im2-edge",
            "im2-api",
            "im2-rtc",
        ],
    ),
    // For its participant of calls alone; of everything else it knows what clients know.
    ("im2-bench", &["im2-rtc"]),
    ("im2-fuzz", &[]),
    ("xtask", &[]),
];

/// The crate for tests: it may name every other, and none may ship it.
const TESTKIT: &str = "im2-testkit";

/// Outside crates that stand for a layer's business, and who may use them.
const RESERVED: &[(&str, &[&str])] = &[
    ("rusqlite", &["im2-store"]),
    ("axum", &["im2-edge", "im2-api", "im2-rtc", "im2-server"]),
    // The core makes requests to others; it serves nothing.
    ("hyper", &["im2-core", "im2-media", "im2-server", "im2-bench"]),
    ("clap", &["im2-server", "im2-bench"]),
    (
        "tokio",
        &[
            "im2-fair",
            "im2-turn",
            "im2-store",
            "im2-bus",
            "im2-core",
            "im2-accounts",
            "im2-media",
            "im2-chat",
            "im2-sync",
            "im2-followers",
            "im2-admin",
            "im2-engine",
            "im2-edge",
            "im2-api",
            "im2-rtc",
            "im2-server",
            "im2-bench",
        ],
    ),
    // Media of calls.
    ("str0m", &["im2-rtc"]),
];

/// Dependencies that no edge of Cargo's shows: a field through which type inference brings a layer to a crate that does
/// not depend on it. The crate's folder, and the field that its code must not reach for.
const OUT_OF_REACH: &[(&str, &str)] = &[("crates/edge/src/", ".store"), ("crates/api/src/", ".store")];

/// Checks that a file does not reach past the layers that its crate depends on.
pub(super) fn check_reach(file: File<'_>) -> Vec<Finding> {
    let rules = OUT_OF_REACH.iter().filter(|(folder, _)| file.path.starts_with(folder));
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let reaches = |line: &str, field: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.match_indices(field).any(|(at, _)| !code[at + field.len()..].starts_with(is_word))
    };
    rules
        .filter(|(_, field)| file.text.lines().any(|line| reaches(line, field)))
        .map(|(_, field)| Finding::error(file.path, format!("reaches for `{field}`, which belongs to a layer below")))
        .collect()
}

/// Outside crates that one folder of a crate stands for: the crate's folder, what only the folder names, and the folder.
const IN_ONE_FOLDER: &[(&str, &str, &str)] = &[("crates/store/", "rusqlite", "crates/store/src/sqlite/")];

/// Checks that a file does not name an outside crate that only another folder of its crate may name.
pub(super) fn check_folder(file: File<'_>) -> Vec<Finding> {
    let rules = IN_ONE_FOLDER
        .iter()
        .filter(|(root, _, folder)| file.is_rust() && file.path.starts_with(root) && !file.path.starts_with(folder));
    rules
        .filter(|(_, name, _)| {
            file.text.lines().any(|line| line.split("//").next().is_some_and(|code| code.contains(name)))
        })
        .map(|(_, name, folder)| Finding::error(file.path, format!("names `{name}`, which only {folder} may")))
        .collect()
}

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
    fn nobody_reaches_past_a_layer() {
        let found = |path, text| check_reach(File { path, text }).len();
        assert_eq!(found("crates/edge/src/health.rs", "engine.core.store.read(f)"), 1);
        assert_eq!(found("crates/edge/src/health.rs", "// core.store\nself.stored.storey()"), 0);
        assert_eq!(found("crates/sync/src/lib.rs", "self.core.store.read(f)"), 0);
    }

    #[test]
    fn only_one_folder_knows_the_library_of_the_database() {
        let found = |path, text| check_folder(File { path, text }).len();
        assert_eq!(found("crates/store/src/rooms/events.rs", "use rusqlite::Row;"), 1);
        assert_eq!(found("crates/store/tests/it/main.rs", "fn read(row: &rusqlite::Row<'_>) {}"), 1);
        assert_eq!(found("crates/store/src/rooms/events.rs", "// as rusqlite does\nuse crate::Row;"), 0);
        assert_eq!(found("crates/store/src/sqlite/error.rs", "use rusqlite::ffi;"), 0);
        assert_eq!(found("crates/store/Cargo.toml", "rusqlite.workspace = true"), 0);
    }

    #[test]
    fn every_crate_has_a_layer() {
        assert_eq!(messages(&[package("im2-new", &[])]).len(), 1);
    }
}
