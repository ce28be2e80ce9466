//! The parts of `cargo metadata` that our checks read.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A package of the resolved graph, ours or a dependency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression, if the package states one.
    pub(crate) licence: Option<String>,
    /// The source that it comes from; `None` is this workspace.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a package's `Cargo.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only for tests, examples and benches.
    pub(crate) development: bool,
}

/// Reads the packages out of cargo's answer.
pub(crate) fn packages(metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata has no packages")?;
    packages.iter().map(package).collect()
}

fn package(value: &Value) -> Result<Package> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let dependencies = value.get("dependencies").and_then(Value::as_array);
    Ok(Package {
        name: text("name").context("a package without a name")?,
        version: text("version").context("a package without a version")?,
        licence: text("license"),
        source: text("source"),
        dependencies: dependencies.into_iter().flatten().map(dependency).collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let name = value.get("name").and_then(Value::as_str).context("a dependency without a name")?;
    let kind = value.get("kind").and_then(Value::as_str);
    Ok(Dependency { name: name.to_owned(), development: kind == Some("dev") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_cargo_prints() -> Result<()> {
        let metadata = json!({"packages": [{
            "name": "a", "version": "1.0.0", "license": "MIT", "source": null,
            "dependencies": [{"name": "b", "kind": null}, {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"}],
        }]});
        let packages = packages(&metadata)?;
        let development: Vec<_> = packages[0].dependencies.iter().map(|each| each.development).collect();
        assert_eq!(development, [false, true, false]);
        assert_eq!((packages[0].licence.as_deref(), packages[0].source.as_deref()), (Some("MIT"), None));
        Ok(())
    }
}
