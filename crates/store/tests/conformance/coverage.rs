//! A check that every public method has a case.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The types whose methods are the store's.
const TYPES: [&str; 4] = ["Store", "Snapshot", "Transaction", "Change"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found.sort();
    found
}

/// The type that a line begins methods of.
fn type_of_block(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.trim_start() };
    (!rest.contains(" for ")).then(|| rest.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default())
}

/// The public methods of the store's types in a file, as `rustfmt` writes it.
fn methods(text: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("impl") {
            is_inside = type_of_block(line).is_some_and(|name| TYPES.contains(&name));
        } else if line == "}" {
            is_inside = false;
        }
        let method = line.strip_prefix("    pub fn ").or_else(|| line.strip_prefix("    pub async fn "));
        if let Some(method) = method.filter(|_| is_inside) {
            found.extend(method.split(|char: char| !(char.is_alphanumeric() || char == '_')).next().map(Into::into));
        }
    }
    found
}

#[test]
fn every_method_has_a_case() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all: BTreeSet<_> =
        sources(&root.join("src")).iter().flat_map(|path| methods(&std::fs::read_to_string(path).unwrap())).collect();
    assert!(all.len() > 300, "only {} methods were found", all.len());
    let cases: String =
        sources(&root.join("tests")).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_called = |name: &str| {
        let calls = [format!(".{name}("), format!("::{name}("), format!("::<()>::{name}(")];
        calls.iter().any(|call| cases.contains(call))
    };
    let missing: Vec<_> = all.iter().filter(|name| !is_called(name)).collect();
    assert!(missing.is_empty(), "no case calls {missing:?}");
}

#[test]
fn methods_are_found_where_they_are() {
    let text = "impl Snapshot<'_> {\n    pub fn one(&self) {}\n    fn two() {}\n    pub(crate) fn three() {}\n}\n\
                impl<C: Send> Store<C> {\n    pub async fn four(\n}\nimpl Other {\n    pub fn five() {}\n}\n\
                impl Drop for Store<()> {\n    pub fn six() {}\n}\n";
    assert_eq!(methods(text), ["one", "four"]);
}
