//! `cargo xtask coverage`: the table of the specification's client-server API beside what the binary serves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::binary;
use crate::project::Project;
use crate::routes::{self, ServedRoute, SpecRoute, shape};

const PAGE: &str = "docs/client-server-coverage.md";
const API: &str = "client-server";
const SPECIFICATION: &str = "https://spec.matrix.org/v1.19/client-server-api/";

/// Writes the page, or with `--check` compares it with what it should be.
pub(crate) fn run(project: &Project, arguments: &[String]) -> Result<ExitCode> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => bail!("usage: cargo xtask coverage [--check]"),
    };
    let served = routes::served(&binary::for_tests(project)?)?;
    let page = page(&routes::specification(project)?, &served);
    let file = project.root.join(PAGE);
    if check {
        if std::fs::read_to_string(&file).unwrap_or_default() != page {
            bail!("{PAGE} is out of date: run `cargo xtask coverage` and commit the result");
        }
        println!("{PAGE} is up to date");
    } else {
        std::fs::write(&file, page)?;
        println!("wrote {PAGE}");
    }
    Ok(ExitCode::SUCCESS)
}

fn page(specification: &[SpecRoute], served: &[ServedRoute]) -> String {
    let ours: BTreeMap<_, _> = served.iter().map(|route| (shape(&route.method, &route.path), route)).collect();
    let theirs: Vec<&SpecRoute> = specification.iter().filter(|route| route.api == API).collect();
    let mut sections: BTreeMap<&str, Vec<&SpecRoute>> = BTreeMap::new();
    for route in &theirs {
        sections.entry(&route.section).or_default().push(route);
    }
    let is_served = |route: &&&SpecRoute| ours.contains_key(&shape(&route.method, &route.path));
    let mut out = introduction(theirs.iter().filter(is_served).count(), theirs.len());
    for (section, routes) in &sections {
        let count = routes.iter().filter(is_served).count();
        let _ = writeln!(out, "| {section} | {count} | {} |", routes.len());
    }
    for (section, routes) in &sections {
        let _ = write!(out, "\n## {section}\n\n| route | served | access |\n|---|---|---|\n");
        for route in routes {
            out.push_str(&row(route, ours.get(&shape(&route.method, &route.path)).copied()));
        }
    }
    out.push_str(&beyond(&theirs, served));
    out
}

fn introduction(served: usize, total: usize) -> String {
    format!(
        "# Coverage of the client-server API\n\n\
         Written by `cargo xtask coverage` from the routes of the binary (`im2 routes --json`) and the operations of\n\
         [Matrix v1.19]({SPECIFICATION}); `.ci/run` fails when it is out of date. A route that is\n\
         served is served completely; what is not served yet answers `M_UNRECOGNIZED`.\n\n\
         **{served} of {total} operations are served.**\n\n\
         | section | served | operations |\n|---|---|---|\n"
    )
}

fn row(route: &SpecRoute, ours: Option<&ServedRoute>) -> String {
    let SpecRoute { method, path, deprecated, .. } = route;
    let deprecated = if *deprecated { " (deprecated)" } else { "" };
    let (served, access) = ours.map_or(("not yet", ""), |route| ("yes", route.access.as_str()));
    format!("| [`{method} {path}`]({SPECIFICATION}#{}){deprecated} | {served} | {access} |\n", anchor(method, path))
}

/// The routes that we serve and that the specification's definitions do not list, as a section; empty if there are
/// none.
fn beyond(specification: &[&SpecRoute], served: &[ServedRoute]) -> String {
    let known: BTreeSet<_> = specification.iter().map(|route| shape(&route.method, &route.path)).collect();
    let others: Vec<_> = served.iter().filter(|route| !known.contains(&shape(&route.method, &route.path))).collect();
    if others.is_empty() {
        return String::new();
    }
    let mut out = String::from("\n## Beyond the definitions\n\n| route | access |\n|---|---|\n");
    for ServedRoute { method, path, access } in others {
        let _ = writeln!(out, "| `{method} {path}` | {access} |");
    }
    out
}

/// The name of an operation's heading on the specification's page.
fn anchor(method: &str, path: &str) -> String {
    let kept = path.chars().filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    format!("{method}{}", kept.collect::<String>()).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(method: &str, path: &str, section: &str) -> SpecRoute {
        SpecRoute {
            api: API.to_owned(),
            section: section.to_owned(),
            path: path.to_owned(),
            method: method.to_owned(),
            deprecated: false,
        }
    }

    fn ours(method: &str, path: &str) -> ServedRoute {
        ServedRoute { path: path.to_owned(), method: method.to_owned(), access: "user".to_owned() }
    }

    #[test]
    fn the_page_counts_and_lists() {
        let specification = [
            spec("GET", "/v3/sync", "Sync"),
            spec("GET", "/v3/rooms/{roomId}/state", "Rooms"),
            spec("PUT", "/a", "Rooms"),
        ];
        let page = page(&specification, &[ours("GET", "/v3/rooms/{room_id}/state"), ours("GET", "/health")]);
        assert!(page.contains("**1 of 3 operations are served.**"), "{page}");
        assert!(page.contains("| Rooms | 1 | 2 |"), "{page}");
        assert!(page.contains("#getv3roomsroomidstate) | yes | user |"), "{page}");
        assert!(page.contains("[`GET /v3/sync`]") && page.contains("| not yet |"), "{page}");
        assert!(page.contains("## Beyond the definitions") && page.contains("| `GET /health` | user |"), "{page}");
    }

    #[test]
    fn other_apis_are_not_counted() {
        let mut federation = spec("GET", "/f", "Federation");
        federation.api = "server-server".to_owned();
        assert!(page(&[federation], &[]).contains("**0 of 0 operations"));
    }

    #[test]
    fn anchors_are_those_of_the_specification() {
        let path = "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}";
        assert_eq!(anchor("PUT", path), "put_matrixclientv3roomsroomidstateeventtypestatekey");
        assert_eq!(anchor("GET", "/.well-known/matrix/client"), "getwell-knownmatrixclient");
    }
}
