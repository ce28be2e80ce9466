//! `cargo xtask sbom`: the software bill of materials of the binary, in CycloneDX 1.5 JSON
//! (<https://cyclonedx.org/docs/1.5/json/>): each crate and each npm package that is in it, with version, licence and
//! checksum. The same sources give the same bytes, so two releases can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::project::{Project, cargo_metadata};

const BINARY: &str = "im2-server";

/// Writes the document and returns its path.
pub(crate) fn write(project: &Project) -> Result<PathBuf> {
    let lock = std::fs::read_to_string(project.root.join("Cargo.lock")).context("reading Cargo.lock")?;
    let npm = std::fs::read_to_string(project.web().join("package-lock.json")).context("reading package-lock.json")?;
    let metadata = cargo_metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"])?;
    let document = document(&metadata, &checksums(&lock)?, &serde_json::from_str(&npm)?)?;
    let file = project.target.join("im2.cdx.json");
    std::fs::create_dir_all(&project.target)?;
    std::fs::write(&file, format!("{document:#}\n"))?;
    Ok(file)
}

fn document(metadata: &Value, checksums: &BTreeMap<String, String>, npm: &Value) -> Result<Value> {
    let (version, crates) = crates(metadata, checksums)?;
    let components: Vec<Value> = crates.into_iter().chain(npm_packages(npm)?).collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": "im2", "name": "im2", "version": version,
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
    }))
}

/// The version of the binary, and the crates from outside that are linked into it: reached by other dependencies than
/// those for tests and builds.
fn crates(metadata: &Value, checksums: &BTreeMap<String, String>) -> Result<(String, Vec<Value>)> {
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let packages: BTreeMap<String, &Value> =
        list(metadata, "packages")?.iter().filter_map(|package| Some((text(package, "id")?, package))).collect();
    let nodes: BTreeMap<String, &Value> =
        list(&metadata["resolve"], "nodes")?.iter().filter_map(|node| Some((text(node, "id")?, node))).collect();
    let (root, binary) =
        packages.iter().find(|(_, package)| package["name"] == BINARY).context("cargo knows no im2-server")?;
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![root.clone()]);
    while let Some(id) = ahead.pop() {
        let node = nodes.get(&id).with_context(|| format!("{id} is not resolved"))?;
        if reached.insert(id) {
            ahead.extend(
                list(node, "deps")?.iter().filter(|dependency| is_linked(dependency)).filter_map(|d| text(d, "pkg")),
            );
        }
    }
    let mut components = Vec::new();
    for package in reached.iter().filter_map(|id| packages.get(id)).filter(|package| !package["source"].is_null()) {
        let (name, version) =
            (text(package, "name").context("no name")?, text(package, "version").context("no version")?);
        let checksum = checksums.get(&format!("{name} {version}")).map(|sum| ("SHA-256", sum.clone()));
        // The `/` of old manifests means OR.
        let licence = text(package, "license").map(|licence| licence.replace('/', " OR "));
        components.push(component("cargo", (&name, &version), licence, checksum));
    }
    Ok((text(binary, "version").unwrap_or_default(), components))
}

fn is_linked(dependency: &Value) -> bool {
    let kinds = dependency["dep_kinds"].as_array();
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

/// The packages of the web client, without what only builds and tests it.
fn npm_packages(lock: &Value) -> Result<Vec<Value>> {
    let packages = lock["packages"].as_object().context("package-lock.json has no packages")?;
    let shipped = packages.iter().filter(|(place, package)| !place.is_empty() && package["dev"] != true);
    let mut components = Vec::new();
    for (place, package) in shipped {
        let name = place.rsplit("node_modules/").next().unwrap_or(place);
        let version = package["version"].as_str().with_context(|| format!("{name} has no version"))?;
        let checksum =
            package["integrity"].as_str().and_then(|sum| sum.strip_prefix("sha512-")).and_then(hex_of_base64);
        let licence = package["license"].as_str().map(str::to_owned);
        components.push(component("npm", (name, version), licence, checksum.map(|sum| ("SHA-512", sum))));
    }
    Ok(components)
}

fn component(
    ecosystem: &str,
    (name, version): (&str, &str),
    licence: Option<String>,
    checksum: Option<(&str, String)>,
) -> Value {
    // A scope's `@` is percent-encoded in package URLs.
    let reference = format!("pkg:{ecosystem}/{}@{version}", name.replacen('@', "%40", 1));
    let mut component = Map::new();
    component.insert("type".into(), "library".into());
    component.insert("bom-ref".into(), reference.clone().into());
    component.insert("name".into(), name.into());
    component.insert("version".into(), version.into());
    component.insert("purl".into(), reference.into());
    if let Some(licence) = licence {
        component.insert("licenses".into(), json!([{ "expression": licence }]));
    }
    if let Some((algorithm, sum)) = checksum {
        component.insert("hashes".into(), json!([{ "alg": algorithm, "content": sum }]));
    }
    component.into()
}

/// The checksums in Cargo.lock, by name and version.
fn checksums(lock: &str) -> Result<BTreeMap<String, String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("Cargo.lock has no packages")?;
    let entry = |package: &toml::Value| {
        let text = |key: &str| package.get(key)?.as_str().map(str::to_owned);
        Some((format!("{} {}", text("name")?, text("version")?), text("checksum")?))
    };
    Ok(packages.iter().filter_map(entry).collect())
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("cargo metadata has no {key}"))
}

/// Lower-case hexadecimal digits of what is written in base64.
fn hex_of_base64(text: &str) -> Option<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut hex, mut bits, mut count) = (String::new(), 0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        bits = bits << 6 | u32::try_from(digit).ok()?;
        count += 6;
        while count >= 4 {
            count -= 4;
            hex.push(char::from_digit(bits >> count & 0xf, 16)?);
        }
    }
    hex.truncate(hex.len() / 2 * 2);
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_linked_is_listed() -> Result<()> {
        let package = |name: &str, source: Option<&str>| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": source });
        let dependency = |name: &str, kind: Option<&str>| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [
                package(BINARY, None), package("linked", Some("registry")), package("deep", Some("registry")),
                package("tests", Some("registry")), package("builds", Some("registry")), package("unused", Some("registry")),
            ],
            "resolve": { "nodes": [
                { "id": BINARY, "deps": [dependency("linked", None), dependency("tests", Some("dev")), dependency("builds", Some("build"))] },
                { "id": "linked", "deps": [dependency("deep", None)] },
                { "id": "deep", "deps": [dependency("linked", None)] },
            ] },
        });
        let sums = checksums("[[package]]\nname = \"deep\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n")?;
        let npm = json!({ "packages": {
            "": {}, "node_modules/@a/b": { "version": "2.0.0", "license": "MIT", "integrity": "sha512-q80=" },
            "node_modules/vite": { "version": "1.0.0", "dev": true },
        } });
        let document = document(&metadata, &sums, &npm)?;
        let components = document["components"].as_array().context("a list")?;
        let urls: Vec<_> = components.iter().filter_map(|component| component["purl"].as_str()).collect();
        assert_eq!(urls, ["pkg:cargo/deep@1.0.0", "pkg:cargo/linked@1.0.0", "pkg:npm/%40a/b@2.0.0"]);
        assert_eq!(components[0]["hashes"], json!([{ "alg": "SHA-256", "content": "ab" }]));
        assert_eq!(components[0]["licenses"], json!([{ "expression": "MIT OR Apache-2.0" }]));
        assert_eq!(components[2]["hashes"], json!([{ "alg": "SHA-512", "content": "abcd" }]));
        Ok(())
    }

    #[test]
    fn base64_is_told_in_hexadecimal() {
        for (text, hex) in
            [("", Some("")), ("AA==", Some("00")), ("/+8=", Some("ffef")), ("AQID", Some("010203")), ("!", None)]
        {
            assert_eq!(hex_of_base64(text).as_deref(), hex, "{text}");
        }
    }
}
