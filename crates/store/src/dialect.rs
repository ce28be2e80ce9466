//! The SQL that statements are written in: what SQLite and PostgreSQL both read.
//!
//! Parameters are `?1`, `?2` …, each bound as what it is ([`crate::values`]). There is no engine for PostgreSQL yet, and
//! text that nothing runs is wrong sooner or later. So what has no common form is not paired with a guess but declared,
//! as [`Sql::SqliteOnly`], and counted below: those are the statements that another engine has to bring. A build with
//! debug assertions looks at each statement when it is prepared, so every test does that prepares one: nothing undeclared
//! is in SQLite's own dialect ([`differences`]), and nothing is declared without need.
//!
//! Forms that both read, in place of SQLite's own:
//!
//! | SQLite | both |
//! |---|---|
//! | `iif(a, b, c)`, `max(a, b)` | `CASE WHEN a THEN b ELSE c END` |
//! | `INSERT OR IGNORE`, `INSERT OR REPLACE` | `ON CONFLICT DO NOTHING`, `ON CONFLICT (key) DO UPDATE SET` |
//! | `excluded.a, a` in an upsert | `excluded.a, table.a` |
//! | `flag = 1`, `SET flag = 0` | `flag`, `SET flag = FALSE` |
//! | `max(a = b)` | `max(CASE WHEN a = b THEN 1 ELSE 0 END)` |
//! | `json_extract(pdu, '$.content.membership')` | `pdu -> 'content' ->> 'membership'` |
//! | `LIMIT -1 OFFSET n` | `LIMIT ?1 OFFSET n` with `i64::MAX` |
//! | `rowid` | a column |
//! | `last_insert_rowid()` | `RETURNING nid` |
//!
//! Uses of SQLite's own dialect, with the number of places in each file:
//!
//! | file | places | for |
//! |---|---|---|
//! | `account_list.rs` | 3 | `name_has`, which is ours ([`im2_model::NameSearch`]); `json_each`, `json_extract` |
//! | `media_admin.rs` | 1 | `instr` |
//! | `media_references.rs` | 1 | `instr` |
//! | `profiles.rs` | 1 | `json_type`: only text |
//! | `reports.rs` | 3 | `name_has`, `json_type` |
//! | `rooms/directory.rs` | 1 | `json_each` over a list |
//! | `rooms/listing.rs` | 3 | `name_has`, `json_type`, `COLLATE NOCASE` |
//! | `rooms/purge.rs` | 2 | the list of tables, `rowid` |
//! | `rooms/relations.rs` | 4 | `INDEXED BY` and `CROSS JOIN`, which tell SQLite the plan |
//! | `search.rs` | 4 | FTS5; another engine needs a table of postings |
//! | `statistics.rs` | 2 | `name_has`, `json_type`, `COLLATE NOCASE` |
//! | `storage.rs` | 1 | `dbstat` |
//! | `user_content.rs` | 1 | `json_type`, `json_extract` |
//! | `user_directory.rs` | 4 | FTS5; `json_extract` of a whole value |
//!
//! Beside statements, the engine has the schema (`schema/*.sql`), the view that appends an event (`rooms/append.sql`), and
//! everything in [`crate::sqlite`].

#[cfg(debug_assertions)]
use std::{
    cell::RefCell,
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// The text of a statement, in a dialect.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) enum Sql<'a> {
    /// Both engines.
    Common(&'a str),
    /// SQLite.
    SqliteOnly(&'a str),
}

impl<'a> From<&'a str> for Sql<'a> {
    fn from(text: &'a str) -> Self {
        Self::Common(text)
    }
}

impl<'a> From<&'a String> for Sql<'a> {
    fn from(text: &'a String) -> Self {
        Self::Common(text)
    }
}

impl<'a> Sql<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Common(text) | Self::SqliteOnly(text) => text,
        }
    }

    /// Panics if the text is not in the dialect that it is declared to be in. Each thread looks at a text once.
    #[cfg(debug_assertions)]
    pub(crate) fn check(self) {
        thread_local! {
            static SEEN: RefCell<HashSet<u64>> = RefCell::default();
        }
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        if !SEEN.with_borrow_mut(|seen| seen.insert(hasher.finish())) {
            return;
        }
        let found = differences(self.text());
        match self {
            Self::Common(text) => assert!(found.is_empty(), "SQLite's own dialect, undeclared, {found:?}: {text}"),
            Self::SqliteOnly(text) => assert!(!found.is_empty(), "declared to be SQLite's own without need: {text}"),
        }
    }
}

/// Words that only SQLite knows, or that it alone reads in this way.
#[cfg(debug_assertions)]
const WORDS: &[&str] = &[
    "char",
    "collate",
    "cross",
    "dbstat",
    "glob",
    "group_concat",
    "ifnull",
    "iif",
    "indexed",
    "instr",
    "json_each",
    "json_extract",
    "json_type",
    "json_valid",
    "last_insert_rowid",
    "match",
    "name_has",
    "pragma",
    "pragma_table_info",
    "pragma_table_list",
    "printf",
    "replace",
    "rowid",
    "strftime",
    "total",
    "unixepoch",
];

/// Columns that are true or false: SQLite has them as numbers.
#[cfg(debug_assertions)]
const FLAGS: &[&str] = &[
    "animated",
    "automatic",
    "by_self",
    "deleted",
    "encrypted",
    "erased",
    "forgotten",
    "grants_admin",
    "is_admin",
    "is_guest",
    "is_verified",
    "live",
    "locked",
    "protected",
    "purging",
    "quarantined",
    "shadow_banned",
    "subscribed",
    "suspended",
    "used",
    "vanishes",
    "was_joined",
];

/// Constructs of a statement that PostgreSQL does not read, or reads otherwise.
#[cfg(debug_assertions)]
fn differences(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let at = |index: usize| tokens.get(index).map_or("", String::as_str);
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let token = at(index);
        let column = token.rsplit('.').next().unwrap_or_default();
        let is_number = |text: &str| text.starts_with(|char: char| char.is_ascii_digit());
        if WORDS.contains(&column) {
            found.push(token.to_owned());
        }
        match (token, at(index + 1)) {
            ("max" | "min", "(") if has_two_arguments(&tokens[index + 2..]) => found.push(format!("{token}(a, b)")),
            ("max" | "min", "(") if compares(&tokens[index + 2..]) => found.push(format!("{token}(a = b)")),
            ("insert", "or") | ("limit", "-") => found.push(format!("{token} {}", at(index + 1))),
            ("conflict", "do") if at(index + 2) == "update" => found.push("an upsert without its key".into()),
            ("is", next) if !["not", "null", "true", "false", "distinct"].contains(&next) => found.push("IS".into()),
            (_, "=") if FLAGS.contains(&column) && is_number(at(index + 2)) => found.push(format!("{token} = 0 or 1")),
            _ => {}
        }
    }
    found
}

/// Whether arguments, up to their closing bracket, are more than one.
#[cfg(debug_assertions)]
fn has_two_arguments(tokens: &[String]) -> bool {
    arguments(tokens).any(|(depth, token)| depth == 0 && token == ",")
}

/// Whether an argument is itself a comparison.
#[cfg(debug_assertions)]
fn compares(tokens: &[String]) -> bool {
    let is_case = tokens.first().is_some_and(|token| token == "case");
    !is_case && arguments(tokens).any(|(depth, token)| depth == 0 && token == "=")
}

/// The tokens up to the bracket that closes them, each with how many are open within.
#[cfg(debug_assertions)]
fn arguments(tokens: &[String]) -> impl Iterator<Item = (i32, &str)> {
    tokens.iter().scan(0, |depth, token| {
        *depth += match token.as_str() {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        (*depth >= 0).then_some((*depth, token.as_str()))
    })
}

/// The words, numbers, parameters and signs of a statement, in lower case and without what is quoted.
#[cfg(debug_assertions)]
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_alphanumeric() || "_.?".contains(char);
        let length = match first {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            _ if is_word(first) => rest.find(|char| !is_word(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(if first == '\'' { "'".into() } else { token.to_ascii_lowercase() });
        rest = after.trim_start();
    }
    tokens
}

#[cfg(test)]
#[cfg(debug_assertions)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use super::{Sql, differences};

    #[test]
    fn what_only_sqlite_reads_is_recognised() {
        let cases = [
            ("SELECT iif(a, 1, 2) FROM t", "iif"),
            ("SELECT json_extract(t.pdu, '$.a') FROM t", "json_extract"),
            ("INSERT OR IGNORE INTO t VALUES (?1)", "insert or"),
            ("INSERT INTO t (a) VALUES (?1) ON CONFLICT DO UPDATE SET a = excluded.a", "an upsert without its key"),
            ("SELECT t.rowid FROM t", "t.rowid"),
            ("SELECT max(a, (SELECT b FROM u)) FROM t", "max(a, b)"),
            ("SELECT coalesce(max(a = ?1), 0) FROM t", "max(a = b)"),
            ("SELECT a FROM t LIMIT -1 OFFSET 3", "limit -"),
            ("SELECT a FROM t WHERE search MATCH ?1", "match"),
            ("SELECT a FROM t WHERE t.deleted = 0", "t.deleted = 0 or 1"),
            ("SELECT a FROM t WHERE b IS ?1", "IS"),
            ("SELECT a FROM t INDEXED BY i", "indexed"),
        ];
        for (sql, difference) in cases {
            assert_eq!(differences(sql), [difference], "{sql}");
        }
    }

    #[test]
    fn what_both_read_is_left_alone() {
        let cases = [
            "SELECT max(a), min((SELECT max(b) FROM u)), coalesce(max(c), 0) FROM t WHERE NOT deleted AND number = 0",
            "INSERT INTO t (a) VALUES ('match, iif(') ON CONFLICT (a) DO UPDATE SET a = t.a OR excluded.a RETURNING nid",
            "SELECT max(CASE WHEN a = ?1 THEN 1 ELSE 0 END) FROM t WHERE b IS NULL OR b IS NOT NULL OR c = 1",
            "SELECT e.pdu -> 'content' ->> 'membership' FROM e LIMIT ?1 OFFSET ?2",
        ];
        for sql in cases {
            assert_eq!(differences(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    #[should_panic = "undeclared"]
    fn an_undeclared_difference_is_refused() {
        Sql::from("SELECT rowid FROM t").check();
    }

    #[test]
    #[should_panic = "without need"]
    fn a_needless_declaration_is_refused() {
        Sql::SqliteOnly("SELECT a FROM t").check();
    }

    /// The files below a folder, by their path from it, with their text.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let below = entries.flat_map(|entry| {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                files(&path).into_iter().map(|(below, text)| (format!("{name}/{below}"), text)).collect()
            } else {
                vec![(name, std::fs::read_to_string(&path).unwrap())]
            }
        });
        below.collect()
    }

    #[test]
    fn the_list_above_is_that_of_the_code() {
        let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let here = |name: &str| name == "dialect.rs";
        let mut declared = BTreeMap::new();
        for (name, text) in files.iter().filter(|(name, _)| !here(name)) {
            let places = text.matches("Sql::SqliteOnly(").count();
            if places > 0 {
                declared.insert(name.as_str(), places);
            }
        }
        let (_, text) = files.iter().find(|(name, _)| here(name)).unwrap();
        let rows = text.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("//! | `")?.split(" | ");
            Some((cells.next()?.strip_suffix(".rs`")?, cells.next()?.parse::<usize>().ok()?))
        });
        let listed: BTreeMap<String, usize> = rows.map(|(name, places)| (format!("{name}.rs"), places)).collect();
        let listed: BTreeMap<&str, usize> = listed.iter().map(|(name, places)| (name.as_str(), *places)).collect();
        assert_eq!(listed, declared);
    }
}
