//! The order of modules inside the large crates: which may name which. Cargo knows the edges between crates only.

use super::{File, Finding};

/// A crate whose modules have an order.
struct Order {
    /// Its folder.
    root: &'static str,
    /// Its modules, bottom first. A module may name those of the lines above its own in this table, and none of its own
    /// line or below.
    lines: &'static [&'static [&'static str]],
    /// The first line whose modules may name what `lib.rs` itself defines.
    whole: usize,
}

const ORDERS: [Order; 4] = [
    Order { root: "crates/core/src/", lines: CORE, whole: CORE.len() },
    // What a later module has to know of an earlier one it learns from rows and from the stream.
    Order { root: "crates/chat/src/", lines: CHAT, whole: CHAT.len() },
    // What is told is not known to what tells it.
    Order { root: "crates/followers/src/", lines: FOLLOWERS, whole: FOLLOWERS.len() },
    // Everything in the edge is given an `Api`.
    Order { root: "crates/edge/src/", lines: EDGE, whole: 0 },
];

const EDGE: &[&[&str]] = &[
    // What is known of requests and answers.
    &["calls", "cors", "error", "paths", "request_id", "token"],
    &[
        "audit",
        "compression",
        "guests",
        "headers",
        "limits",
        "observe",
        "panics",
        "peer",
        "small_bodies",
        "suspended",
        "web",
    ],
    &["auth", "body"],
    &["base_url", "counting", "fallback"],
    &["routes"],
    &["health", "interactive"],
    &["middleware"],
];

const FOLLOWERS: &[&[&str]] = &[&["follower"], &["appservices", "push"]];

const CORE: &[&[&str]] = &[
    // What knows nothing of this server.
    &[
        "panics",
        "ephemeral",
        "error",
        "features",
        "lease",
        "memory",
        "names",
        "outbound",
        "session_ends",
        "shutdown",
        "user_set",
        "search_terms",
    ],
    // What the core holds: who and what is known, in memory.
    &["asserted_identities", "blocked", "event", "key_count_cache", "rate_limits", "services"],
    &["session", "stream"],
    &["committed", "typists"],
    &["core"],
    &["jobs", "signing_key"],
];

const CHAT: &[&[&str]] = &[
    // What needs no room.
    &["account_data", "filters", "key_counts", "to_device", "turn"],
    &["push_rules", "rooms"],
    // What needs rooms.
    &[
        "upgrade_job",
        "calls",
        "delayed_events",
        "presence",
        "search",
        "server_notices",
        "thread_subscriptions",
        "thread_updates",
        "threads",
        "typing",
    ],
    &["e2ee", "profile", "receipts", "reports"],
    &["account_jobs", "caches", "unread"],
    // What tells people of all that.
    &["notifications"],
];

/// Checks all modules that have an order.
pub(super) fn check(files: &[File<'_>]) -> Vec<Finding> {
    ORDERS.iter().flat_map(|order| order.check(files)).collect()
}

impl Order {
    fn check(&self, files: &[File<'_>]) -> Vec<Finding> {
        let ours = files.iter().filter(|file| file.is_rust());
        let ours: Vec<(&str, File<'_>)> = ours.filter_map(|file| Some((self.module_of(file.path)?, *file))).collect();
        let library = files.iter().find(|file| file.path.strip_prefix(self.root) == Some("lib.rs"));
        let exports = library.map(|library| exports(library.text)).unwrap_or_default();
        let mut findings = Vec::new();
        for (module, file) in ours {
            let Some(line) = self.line(module) else {
                findings.push(Finding::error(file.path, "is in no line of the table in xtask/src/tidy/modules.rs"));
                continue;
            };
            let is_top = !file.path[self.root.len()..].contains('/');
            for name in named(&shipped(file.text), is_top) {
                let target = exports.iter().find(|(export, _)| *export == name).map_or(&*name, |(_, module)| module);
                let allowed = self.line(target).map_or(line >= self.whole, |target| target < line);
                if target != module && !allowed {
                    let message = format!("names `{target}`, which is not below `{module}` in the order of modules");
                    findings.push(Finding::error(file.path, message));
                }
            }
        }
        findings.dedup();
        findings
    }

    fn line(&self, module: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.contains(&module))
    }

    /// The module that a file belongs to, if it is one of this crate's.
    fn module_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        let path = path.strip_prefix(self.root)?;
        let module = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
        (module != "lib").then_some(module)
    }
}

/// The code without comments and without the tests at its end.
fn shipped(text: &str) -> String {
    let code = text.split_once("#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code);
    code.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// The names directly after `crate::`, and after `super::` in a file that is itself a module of the first level.
fn named(code: &str, is_top: bool) -> Vec<String> {
    let mut names = Vec::new();
    for path in ["crate::", "super::"].iter().take(if is_top { 2 } else { 1 }) {
        for (at, _) in code.match_indices(path) {
            let rest = &code[at + path.len()..];
            match rest.strip_prefix('{') {
                Some(group) => names.extend(group_names(group)),
                None => names.push(identifier(rest).to_owned()),
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    names
}

/// The first names of the members of `{a::b, c::{d, e}, f}`, whose opening brace is gone.
fn group_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut member) = (0_usize, Vec::new(), String::new());
    for char in group.chars() {
        match char {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut member)),
            _ => {}
        }
        if char != ',' || depth > 0 {
            member.push(char);
        }
    }
    names.push(member);
    names.iter().map(|member| identifier(member.trim_start()).to_owned()).collect()
}

fn identifier(text: &str) -> &str {
    let end = text.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(text.len());
    &text[..end]
}

/// The names that `lib.rs` exports from modules, each with its module.
fn exports(library: &str) -> Vec<(String, String)> {
    let mut exports = Vec::new();
    for line in library.lines() {
        let Some(path) = line.trim_start().strip_prefix("pub use ") else { continue };
        let Some((module, names)) = path.trim_start_matches("crate::").split_once("::") else { continue };
        let names = names.trim_end_matches(';');
        let group = names.strip_prefix('{').map_or_else(|| vec![identifier(names).to_owned()], group_names);
        exports.extend(group.into_iter().map(|name| (name, module.to_owned())));
    }
    exports
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: File<'_> = File {
        path: "crates/core/src/lib.rs",
        text: "pub use crate::core::Core;\npub use error::{Code, Error, Result};\npub struct Options;\n",
    };

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&[LIBRARY, File { path, text }]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_module_may_name_those_below() {
        let text = "use crate::{Code, Core, memory::{Cache, Share}, stream::Stream};\n";
        assert_eq!(messages("crates/core/src/jobs.rs", text), [] as [&str; 0]);
    }

    #[test]
    fn and_none_beside_or_above() {
        let above = messages("crates/core/src/stream.rs", "use crate::{\n    Core,\n    event::RoomEvent,\n};\n");
        assert_eq!(above, ["names `core`, which is not below `stream` in the order of modules"]);
        let beside = messages("crates/chat/src/rooms/room.rs", "fn f(_: crate::push_rules::PushRules) {}\n");
        assert_eq!(beside, ["names `push_rules`, which is not below `rooms` in the order of modules"]);
        let whole = messages("crates/chat/src/rooms/room.rs", "use crate::Chat;\n");
        assert_eq!(whole, ["names `Chat`, which is not below `rooms` in the order of modules"]);
        let edge = messages("crates/edge/src/limits.rs", "use crate::{Api, auth::User};\n");
        assert_eq!(edge, ["names `auth`, which is not below `limits` in the order of modules"]);
        let neighbour = messages("crates/core/src/core.rs", "use super::jobs::Handlers;\n");
        assert_eq!(neighbour.len(), 1);
    }

    #[test]
    fn comments_tests_and_what_is_inside_a_module_do_not_count() {
        let text = "//! See [`crate::unread`].\nuse super::append;\n#[cfg(test)]\nmod tests {\n use crate::unread::Unread;\n}\n";
        assert_eq!(messages("crates/chat/src/rooms/room.rs", text), [] as [&str; 0]);
    }

    #[test]
    fn every_module_has_a_line() {
        assert_eq!(messages("crates/chat/src/new/mod.rs", "").len(), 1);
    }
}
