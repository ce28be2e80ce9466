//! Limits the length of Rust functions.
//!
//! The scanner relies on rustfmt: a function that starts at some indentation ends at the first line that is a closing
//! brace at the same indentation.

use super::{File, Finding};

const WARNING: usize = 70;
const LIMIT: usize = 120;

/// Functions that may be longer than the limit, each with its reason. An entry that excuses nothing is an error.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// A function with its first line and its length, signature included.
#[derive(Debug, PartialEq, Eq)]
struct Function<'a> {
    name: &'a str,
    line: usize,
    length: usize,
}

/// Checks every Rust file.
pub(super) fn check(files: &[File<'_>]) -> Vec<Finding> {
    check_with(files, EXCEPTIONS)
}

fn check_with(files: &[File<'_>], exceptions: &[(&str, &str, &str)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = vec![false; exceptions.len()];
    for file in files.iter().filter(|file| file.is_rust()) {
        for Function { name, line, length } in functions(file.text).into_iter().filter(|each| each.length > WARNING) {
            let place = format!("{}:{line}", file.path);
            let exception = exceptions.iter().position(|(path, function, _)| *path == file.path && *function == name);
            if length <= LIMIT {
                findings.push(Finding::warning(
                    place,
                    format!("`{name}` has {length} lines; look for a reason to split it"),
                ));
            } else if let Some(index) = exception {
                used[index] = true;
            } else {
                findings.push(Finding::error(place, format!("`{name}` has {length} lines; the limit is {LIMIT}")));
            }
        }
    }
    let unused = exceptions.iter().zip(used).filter(|(_, used)| !used);
    findings.extend(unused.map(|((path, name, _), _)| Finding::error(*path, format!("`{name}` needs no exception"))));
    findings
}

fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line.trim_start()) else {
            continue;
        };
        let Some(length) = length(&lines[index..]) else {
            continue;
        };
        functions.push(Function { name, line: index + 1, length });
    }
    functions
}

/// The name, if the line starts a function: `fn` after nothing but qualifiers.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    loop {
        if let Some(after) = rest.strip_prefix("fn ") {
            return after.split(['(', '<']).next();
        }
        let (word, after) = rest.split_once(' ')?;
        let qualifier = matches!(word, "pub" | "async" | "const" | "unsafe" | "extern" | "\"C\"");
        if !qualifier && !word.starts_with("pub(") {
            return None;
        }
        rest = after;
    }
}

/// The number of lines to the closing brace; `None` for a declaration without a body.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?;
    let indentation = &first[..first.len() - first.trim_start().len()];
    let opening = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    match lines[opening].chars().last() {
        Some('{') => {
            let closing = format!("{indentation}}}");
            let end = lines[opening..].iter().position(|line| *line == closing)?;
            Some(opening + end + 1)
        }
        Some('}') => Some(opening + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Severity;

    fn long(name: &str, body: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    x();\n".repeat(body))
    }

    #[test]
    fn finds_functions_of_every_shape() {
        let text = "\
pub(crate) async fn one(\n    a: u8,\n) -> u8 {\n    if a {\n    }\n    a\n}
trait T {\n    fn declared(&self);\n    const fn short() -> u8 { 1 }\n    fn two<'a>()\n    where\n        Self: 'a,\n    {\n    }\n}
// fn in_a_comment() {\nlet f = |fn_name| {};\n";
        let found: Vec<_> = functions(text).into_iter().map(|each| (each.name, each.line, each.length)).collect();
        assert_eq!(found, [("one", 1, 7), ("short", 10, 1), ("two", 11, 5)]);
    }

    #[test]
    fn limits() {
        let severity = |body| {
            let text = long("f", body);
            check_with(&[File { path: "a.rs", text: &text }], &[]).first().map(|finding| finding.severity)
        };
        assert_eq!(severity(68), None);
        assert_eq!(severity(69), Some(Severity::Warning));
        assert_eq!(severity(118), Some(Severity::Warning));
        assert_eq!(severity(119), Some(Severity::Error));
    }

    #[test]
    fn exceptions_are_used_or_removed() {
        let text = long("f", 200);
        let files = [File { path: "a.rs", text: &text }];
        assert_eq!(check_with(&files, &[("a.rs", "f", "a table")]), []);
        let findings = check_with(&files, &[("a.rs", "f", "a table"), ("a.rs", "g", "gone")]);
        assert_eq!(findings, [Finding::error("a.rs", "`g` needs no exception")]);
    }
}
