//! Reading the configuration from a file and the environment, with errors that name the place and what is allowed.

use std::{fmt, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Config,
    keys::Key,
    value::{Kind, Value},
};

const PREFIX: &str = "IM2_";
/// Variables with our prefix that belong to the build, not to the server.
const NOT_OURS: [&str; 1] = ["IM2_WEB_DIST"];

/// Everything that is wrong with a configuration, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// The defaults, changed by the file, changed by the environment.
pub fn load(file: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, Problems> {
    let mut config = Config::default();
    let mut problems = Vec::new();
    if let Some(path) = file {
        match std::fs::read_to_string(path) {
            Ok(text) => read_file(&mut config, &path.display().to_string(), &text, &mut problems),
            Err(error) => problems.push(format!("{}: {error}", path.display())),
        }
    }
    let mut variables: Vec<_> = environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    for (name, text) in variables.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str())) {
        read_variable(&mut config, name, text, &mut problems);
    }
    if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
}

pub(super) fn set(config: &mut Config, path: &str, value: Value) -> Result<(), Problems> {
    let Some(key) = Key::find(path) else {
        return Err(Problems(vec![unknown(path)]));
    };
    assign(config, key, value).map_err(|problem| Problems(vec![problem]))
}

fn assign(config: &mut Config, key: &Key, value: Value) -> Result<(), String> {
    // A list of one may be written without its brackets.
    let value = match (key.kind, value) {
        (Kind::List, Value::Text(entry)) => Value::List(vec![entry]),
        (_, value) => value,
    };
    let shown = if key.secret { "this value".to_owned() } else { value.to_string() };
    let fits = value.kind() == key.kind;
    if fits && (key.set)(config, value).is_some() {
        return Ok(());
    }
    Err(format!("{}: {shown} is not allowed; allowed: {}", key.path, key.allowed))
}

fn read_file(config: &mut Config, name: &str, text: &str, problems: &mut Vec<String>) {
    let line = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            problems.push(format!("{name}, line {}: not TOML: {}", line(offset), error.message()));
            return;
        }
    };
    for (path, offset, value) in flatten(&table) {
        let outcome = match (Key::find(&path), value) {
            (None, _) => Err(unknown(&path)),
            (Some(key), Some(value)) => assign(config, key, value),
            (Some(key), None) => Err(format!("{path}: this kind of value is not allowed; allowed: {}", key.allowed)),
        };
        if let Err(problem) = outcome {
            problems.push(format!("{name}, line {}: {problem}", line(offset)));
        }
    }
}

/// The keys of a file with their sections, where they stand, and their values if they are of a kind we have.
fn flatten(table: &DeTable<'_>) -> Vec<(String, usize, Option<Value>)> {
    let mut found = Vec::new();
    for (name, value) in table {
        let (name, offset) = (name.get_ref().as_ref(), name.span().start);
        match value.get_ref() {
            DeValue::Table(section) if Key::find(name).is_none() => {
                if section.is_empty() && !is_section(name) {
                    found.push((name.to_owned(), offset, None));
                }
                let inner = section
                    .iter()
                    .map(|(key, value)| (format!("{name}.{}", key.get_ref()), key.span().start, convert(value)));
                found.extend(inner);
            }
            _ => found.push((name.to_owned(), offset, convert(value))),
        }
    }
    found.sort_by_key(|(_, offset, _)| *offset);
    found
}

fn convert(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    match value.get_ref() {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Integer),
        DeValue::Boolean(truth) => Some(Value::Boolean(*truth)),
        DeValue::Array(entries) => {
            let text = |entry: &Spanned<DeValue<'_>>| entry.get_ref().as_str().map(str::to_owned);
            entries.iter().map(text).collect::<Option<_>>().map(Value::List)
        }
        _ => None,
    }
}

fn read_variable(config: &mut Config, name: &str, text: &str, problems: &mut Vec<String>) {
    let path = name[PREFIX.len()..].replace("__", ".").to_ascii_lowercase();
    let Some(key) = Key::all().find(|key| key.variable() == name) else {
        problems.push(format!("environment variable {name}: {}", unknown(&path)));
        return;
    };
    let outcome = match Value::from_environment(key.kind, text) {
        Some(value) => assign(config, key, value),
        None => Err(format!("{}: {text:?} is not allowed; allowed: {}", key.path, key.allowed)),
    };
    if let Err(problem) = outcome {
        problems.push(format!("environment variable {name}: {problem}"));
    }
}

fn is_section(name: &str) -> bool {
    Key::all().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == name))
}

/// Says that there is no such key, and which there are in its place.
fn unknown(path: &str) -> String {
    let section_of = |path: &'static str| path.split_once('.').map_or("", |(section, _)| section);
    let wanted = path.split_once('.').map_or("", |(section, _)| section);
    let section = if is_section(wanted) { wanted } else { "" };
    let mut allowed: Vec<_> =
        Key::all().map(|key| key.path).filter(|key| section_of(key) == section).map(str::to_owned).collect();
    if section.is_empty() {
        let mut sections: Vec<_> = Key::all().map(|key| section_of(key.path)).filter(|name| !name.is_empty()).collect();
        sections.dedup();
        allowed.extend(sections.into_iter().map(|name| format!("[{name}]")));
    }
    format!("{path}: there is no such key; allowed: {}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{Config, load, read_file};
    use crate::config::{Key, RegistrationMode};

    fn from_text(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        read_file(&mut config, "im2.toml", text, &mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems.join("\n")) }
    }

    fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        load(None, pairs).map_err(|problems| problems.0.join("\n"))
    }

    #[test]
    fn a_file_sets_keys() {
        let config = from_text(
            "server_name = \"example.org\"\n[http]\nbind = [\"127.0.0.1:1\", \"[::1]:2\"]\n\
             [registration]\nmode = \"token\"\n[media]\nmax_upload_bytes = 2048\n",
        )
        .unwrap();
        assert_eq!(config.server_name().as_str(), "example.org");
        assert_eq!((config.http.bind.len(), config.max_upload_bytes), (2, 2048));
        assert_eq!(config.registration_mode(), RegistrationMode::Token);
    }

    #[test]
    fn mistakes_name_key_line_and_what_is_allowed() {
        for (text, expected) in [
            ("\n[http]\nbnd = 1\n", "im2.toml, line 3: http.bnd: there is no such key; allowed: http.bind, "),
            ("nonsense = 1", "im2.toml, line 1: nonsense: there is no such key; allowed: server_name, "),
            ("\n\n[nowhere]\n", "im2.toml, line 3: nowhere: there is no such key; allowed: server_name, "),
            (
                "[registration]\nmode = \"maybe\"",
                "line 2: registration.mode: \"maybe\" is not allowed; allowed: \"open\"",
            ),
            ("[http]\nbind = \"here\"", "line 2: http.bind: [\"here\"] is not allowed; allowed: addresses"),
            ("[rate_limits]\nenabled = \"yes\"", "line 2: rate_limits.enabled: \"yes\" is not allowed; allowed: true"),
            ("[media]\nmax_upload_bytes = 0", "line 2: media.max_upload_bytes: 0 is not allowed"),
            ("http = 5", "line 1: http: there is no such key"),
            ("server_name = {}", "line 1: server_name: this kind of value is not allowed; allowed: a host name"),
            ("a = [", "line 1: not TOML: "),
            ("[log]\nlevel = \"loud\"", "line 2: log.level: \"loud\" is not allowed; allowed: \"error\""),
        ] {
            let problem = from_text(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?} gave {problem:?}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        assert_eq!(from_text("a = 1\nb = 2\n[http]\nbind = 3\n").unwrap_err().lines().count(), 3);
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let problem = from_text("[registration]\nshared_secret = 271828").unwrap_err();
        assert!(problem.contains("a string that is not empty") && !problem.contains("271828"), "{problem}");
    }

    #[test]
    fn the_environment_sets_every_key() {
        let config = from_environment(&[
            ("IM2_SERVER_NAME", "example.org"),
            ("IM2_HTTP__BIND", "127.0.0.1:1,[::1]:2"),
            ("IM2_METRICS__BIND", "[]"),
            ("IM2_RATE_LIMITS__ENABLED", "false"),
            ("IM2_WEB_DIST", "elsewhere"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!((config.http.bind.len(), config.metrics.bind.len(), config.rate_limits.enabled), (2, 0, false));
        let problem = from_environment(&[("IM2_HTTP__PORT", "80")]).unwrap_err();
        assert!(problem.starts_with("environment variable IM2_HTTP__PORT: http.port: there is no such key"));
        let problem = from_environment(&[("IM2_RATE_LIMITS__ENABLED", "2")]).unwrap_err();
        assert!(problem.contains("IM2_RATE_LIMITS__ENABLED") && problem.contains("true or false"), "{problem}");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let config = from_text("public_url = \"https://im.example.org/\"").unwrap();
        assert_eq!(config.server_name().as_str(), "im.example.org");
        for key in Key::all().filter(|key| !key.secret) {
            let Some(value) = key.shown(&config) else { continue };
            let mut again = config.clone();
            again.set(key.path, value.clone()).unwrap();
            assert_eq!(key.shown(&again), Some(value), "{}", key.path);
        }
    }

    #[test]
    fn registration_is_closed_by_default_where_others_can_connect() {
        let mut config = Config::default();
        assert_eq!(config.registration_mode(), RegistrationMode::Open);
        config.set("http.bind", "0.0.0.0:8008").unwrap();
        assert_eq!(config.registration_mode(), RegistrationMode::Closed);
    }

    #[test]
    fn both_readmes_have_a_row_for_every_key() {
        for readme in [include_str!("../../../../README.md"), include_str!("../../../../README.zh-CN.md")] {
            for key in Key::all() {
                assert!(readme.contains(&format!("\n| `{}` |", key.path)), "{} is missing", key.path);
            }
        }
    }
}
