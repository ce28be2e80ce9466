//! Routes as facts: the specification's (kept in `docs/spec-routes.tsv`) and those our binary serves.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;
use crate::project::Project;

/// The committed facts, relative to the workspace.
const FACTS: &str = "docs/spec-routes.tsv";
const HEADER: &str = "api\tmethod\tpath\tsection\tdeprecated";
const METHODS: [&str; 6] = ["get", "put", "post", "delete", "head", "patch"];

/// One operation of one of the specification's APIs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SpecRoute {
    /// The document's name without its version: `client-server`.
    pub(crate) api: String,
    pub(crate) section: String,
    pub(crate) path: String,
    pub(crate) method: String,
    pub(crate) deprecated: bool,
}

/// One of our routes, as `im2 routes --json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServedRoute {
    pub(crate) path: String,
    pub(crate) method: String,
    /// The callers that it is for.
    pub(crate) access: String,
}

/// A method and a path without the names of its parameters: what two descriptions of one route have in common.
pub(crate) fn shape(method: &str, path: &str) -> (String, String) {
    let segments = path.trim_end_matches('/').split('/');
    let blank = |segment: &str| {
        if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() }
    };
    (method.to_ascii_uppercase(), segments.map(blank).collect::<Vec<_>>().join("/"))
}

/// `cargo xtask spec-routes DIR`: draws the facts from the OpenAPI documents in a folder.
pub(crate) fn write_from_specification(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let [folder] = arguments else { bail!("usage: cargo xtask spec-routes DIR") };
    let mut routes = Vec::new();
    for entry in Path::new(folder).read_dir().with_context(|| format!("cannot read {folder}"))? {
        let file = entry?.path();
        let Some(api) = api_of(&file) else { continue };
        let text = std::fs::read_to_string(&file)?;
        let document = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
        routes.extend(operations(&api, &document));
    }
    routes.sort();
    routes.dedup();
    std::fs::write(project.root.join(FACTS), to_tsv(&routes))?;
    println!("{FACTS}: {} operations", routes.len());
    Ok(ExitCode::SUCCESS)
}

/// The committed facts.
pub(crate) fn specification(project: &Project) -> Result<Vec<SpecRoute>> {
    let text = std::fs::read_to_string(project.root.join(FACTS)).with_context(|| format!("reading {FACTS}"))?;
    from_tsv(&text)
}

/// The routes that the binary says it serves, sorted.
pub(crate) fn served(binary: &Path) -> Result<Vec<ServedRoute>> {
    let mut command = Command::new(binary);
    command.args(["routes", "--json"]);
    let listing: Value = serde_json::from_str(&process::output(command)?).context("`im2 routes` printed no JSON")?;
    let routes = listing.as_array().context("`im2 routes` printed no array")?;
    let mut served = routes.iter().map(served_route).collect::<Result<Vec<_>>>()?;
    served.sort();
    Ok(served)
}

fn served_route(route: &Value) -> Result<ServedRoute> {
    let field = |key: &str| -> Result<String> {
        let value = route.get(key).and_then(Value::as_str);
        Ok(value.with_context(|| format!("a route without `{key}`: {route}"))?.to_owned())
    };
    Ok(ServedRoute { path: field("path")?, method: field("method")?.to_ascii_uppercase(), access: field("access")? })
}

/// `client-server-v1.19.json` describes the API `client-server`.
fn api_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
    Some(name.rsplit_once("-v").map_or(name, |(api, _)| api).to_owned())
}

fn operations(api: &str, document: &Value) -> Vec<SpecRoute> {
    let paths = document.get("paths").and_then(Value::as_object);
    let mut routes = Vec::new();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let section = operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("Other");
            routes.push(SpecRoute {
                api: api.to_owned(),
                section: section.to_owned(),
                path: path.trim().to_owned(),
                method: method.to_ascii_uppercase(),
                deprecated: operation.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
            });
        }
    }
    routes
}

fn to_tsv(routes: &[SpecRoute]) -> String {
    let mut text = format!("{HEADER}\n");
    for SpecRoute { api, section, path, method, deprecated } in routes {
        let deprecated = if *deprecated { "deprecated" } else { "" };
        let _ = writeln!(text, "{api}\t{method}\t{path}\t{section}\t{deprecated}");
    }
    text
}

fn from_tsv(text: &str) -> Result<Vec<SpecRoute>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        bail!("{FACTS} has another header than `{HEADER}`");
    }
    let route = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
        [api, method, path, section, deprecated] => Ok(SpecRoute {
            api: api.to_owned(),
            section: section.to_owned(),
            path: path.to_owned(),
            method: method.to_owned(),
            deprecated: deprecated == "deprecated",
        }),
        _ => bail!("{FACTS}: not five columns: {line}"),
    };
    lines.map(route).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_compare_by_place_not_by_name() {
        let ours = shape("get", "/_matrix/client/v3/rooms/{room_id}/state");
        assert_eq!(ours, shape("GET", "/_matrix/client/v3/rooms/{roomId}/state"));
        assert_eq!(shape("GET", "/pushrules/"), shape("GET", "/pushrules"));
        assert_ne!(ours, shape("PUT", "/_matrix/client/v3/rooms/{roomId}/state"));
    }

    #[test]
    fn facts_survive_the_file() -> Result<()> {
        let document = json!({"paths": {
            "/a/{id} ": {"get": {"tags": ["Things"], "summary": "x"}, "parameters": []},
            "/b": {"post": {"deprecated": true}},
        }});
        let routes = operations("client-server", &document);
        assert_eq!(routes.len(), 2);
        assert_eq!(routes[0].path, "/a/{id}");
        assert_eq!((routes[1].section.as_str(), routes[1].deprecated), ("Other", true));
        assert_eq!(from_tsv(&to_tsv(&routes))?, routes);
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_refused() {
        assert!(from_tsv("something else\n").is_err());
        assert!(from_tsv(&format!("{HEADER}\nclient-server\tGET\t/a\n")).is_err());
    }

    #[test]
    fn documents_are_named_after_their_api() {
        assert_eq!(api_of(Path::new("x/client-server-v1.19.json")).as_deref(), Some("client-server"));
        assert_eq!(api_of(Path::new("x/README.md")), None);
    }
}
