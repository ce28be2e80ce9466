//! The report of a scenario: the table that people read and the JSON that programs read.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use crate::process::Cpu;
use crate::stats::Summary;

/// The good direction of a figure; decides how a ratio of two servers is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Neither: context for other figures.
    Neither,
}

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// The unit of its value.
    pub unit: &'static str,
    /// Its value.
    pub value: f64,
    /// The good direction.
    pub better: Better,
}

/// A row of a report's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The thing that was measured.
    pub name: String,
    /// One for each column.
    pub figures: Vec<Figure>,
}

/// The measurements of one scenario on one server.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The server's name.
    pub target: String,
    /// The scenario.
    pub scenario: &'static str,
    /// The options that it was run with.
    pub settings: String,
    /// The figures of the whole scenario.
    pub figures: Vec<Figure>,
    /// The same figures of several things: a table of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    /// Errors, losses and duplicates, none of which may happen. Empty when all is well.
    pub faults: Vec<String>,
}

impl Report {
    /// A report without figures.
    pub fn new(target: &str, scenario: &'static str, settings: String) -> Self {
        Self { target: target.to_owned(), scenario, settings, ..Self::default() }
    }

    /// Adds a figure.
    pub fn add(&mut self, name: &str, unit: &'static str, better: Better, value: f64) {
        self.figures.push(Figure { name: name.to_owned(), unit, value, better });
    }

    /// Adds a figure of which less is better.
    pub fn lower(&mut self, name: &str, unit: &'static str, value: f64) {
        self.add(name, unit, Better::Lower, value);
    }

    /// Adds a count that is only context.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn count(&mut self, name: &str, value: u64) {
        self.add(name, "", Better::Neither, value as f64);
    }

    /// Adds a count that must be zero.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn must_be_zero(&mut self, name: &str, value: u64) {
        self.lower(name, "", value as f64);
        if value > 0 {
            self.faults.push(format!("{value} {name}"));
        }
    }

    /// Adds the percentiles of a latency.
    pub fn latency(&mut self, name: &str, summary: Summary) {
        for (percentile, value) in
            [("p50", summary.p50), ("p90", summary.p90), ("p99", summary.p99), ("max", summary.max)]
        {
            self.lower(&format!("{name} {percentile}"), "ms", millis(value));
        }
    }

    /// Adds CPU time per operation, of the server (where known) and of the generator.
    pub fn cpu_per(&mut self, operation: &str, cpu: &Cpu, operations: u64) {
        if let Some(server) = cpu.server {
            self.lower(&format!("server CPU per {operation}"), "µs", micros_each(server, operations));
        }
        let name = format!("generator CPU per {operation}");
        self.add(&name, "µs", Better::Neither, micros_each(cpu.generator, operations));
    }

    /// Adds the share of one core that server and generator used during `window`.
    pub fn cpu_share(&mut self, cpu: &Cpu, window: Duration) {
        let share = |used: Duration| 100.0 * used.as_secs_f64() / window.as_secs_f64().max(1e-9);
        if let Some(server) = cpu.server {
            self.add("server CPU", "% of a core", Better::Neither, share(server));
        }
        self.add("generator CPU", "% of a core", Better::Neither, share(cpu.generator));
    }

    /// Adds what went wrong, by kind.
    pub fn errors(&mut self, errors: &Errors) {
        self.must_be_zero("errors", errors.total());
        self.faults.extend(errors.describe());
    }
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn micros_each(used: Duration, operations: u64) -> f64 {
    used.as_secs_f64() * 1e6 / operations.max(1) as f64
}

/// Operations that failed, by kind. The number of kinds is bounded.
#[derive(Debug, Default, Clone)]
pub struct Errors {
    by_kind: BTreeMap<String, u64>,
}

impl Errors {
    const MAX_KINDS: usize = 16;

    /// Counts one failure.
    pub fn record(&mut self, kind: &str) {
        self.add(kind, 1);
    }

    /// Adds the failures of another worker.
    pub fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.by_kind {
            self.add(kind, *count);
        }
    }

    /// All failures.
    pub fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }

    /// Each kind with its number.
    pub fn describe(&self) -> impl Iterator<Item = String> {
        self.by_kind.iter().map(|(kind, count)| format!("{count} × {kind}"))
    }

    fn add(&mut self, kind: &str, count: u64) {
        let room = self.by_kind.len() < Self::MAX_KINDS;
        let kind = if room || self.by_kind.contains_key(kind) { kind } else { "other" };
        *self.by_kind.entry(kind.to_owned()).or_default() += count;
    }
}

/// The table of one scenario: a column for each server and, for two, how many times better the first is.
pub fn table(reports: &[Report]) -> String {
    let Some(first) = reports.first() else { return String::new() };
    let mut names: Vec<(&str, &str)> = Vec::new();
    for figure in reports.iter().flat_map(|report| &report.figures) {
        if !names.contains(&(figure.name.as_str(), figure.unit)) {
            names.push((&figure.name, figure.unit));
        }
    }
    let mut rows = vec![header(reports)];
    for (name, unit) in names {
        let figures: Vec<Option<&Figure>> = reports
            .iter()
            .map(|report| report.figures.iter().find(|figure| (figure.name.as_str(), figure.unit) == (name, unit)))
            .collect();
        let mut row = vec![if unit.is_empty() { name.to_owned() } else { format!("{name} ({unit})") }];
        row.extend(figures.iter().map(|figure| figure.map_or_else(|| "–".to_owned(), |figure| number(figure.value))));
        if let [Some(one), Some(two)] = figures[..] {
            row.push(ratio(one, two).map_or_else(String::new, |ratio| format!("{}×", number(ratio))));
        }
        rows.push(row);
    }
    let mut text = format!("{} — {}\n", first.scenario, first.settings);
    text.push_str(&align(&rows));
    for report in reports {
        text.push_str(&align(&grid(&report.rows)));
    }
    for report in reports.iter().filter(|report| !report.faults.is_empty()) {
        let _ = writeln!(text, "FAULTS on {}: {}", report.target, report.faults.join("; "));
    }
    text
}

/// The rows of one report, under the names of their columns.
fn grid(rows: &[Row]) -> Vec<Vec<String>> {
    let Some(first) = rows.first() else { return Vec::new() };
    let column = |figure: &Figure| match figure.unit {
        "" => figure.name.clone(),
        unit => format!("{} ({unit})", figure.name),
    };
    let heads = std::iter::once(String::new()).chain(first.figures.iter().map(column));
    let cells = |row: &Row| {
        std::iter::once(row.name.clone()).chain(row.figures.iter().map(|figure| number(figure.value))).collect()
    };
    std::iter::once(heads.collect()).chain(rows.iter().map(cells)).collect()
}

fn header(reports: &[Report]) -> Vec<String> {
    let mut row = vec![String::new()];
    row.extend(reports.iter().map(|report| report.target.clone()));
    if reports.len() == 2 {
        row.push("better by".to_owned());
    }
    row
}

/// How many times better the first is; `None` where that means nothing.
fn ratio(one: &Figure, two: &Figure) -> Option<f64> {
    let (above, below) = match one.better {
        Better::Higher => (one.value, two.value),
        Better::Lower => (two.value, one.value),
        Better::Neither => return None,
    };
    (above > 0.0 && below > 0.0).then(|| above / below)
}

/// Three significant digits, and whole numbers as they are.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        _ if value.fract() == 0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

fn align(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let _ = if column == 0 { write!(text, "  {cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_significant_digits() {
        let cases = [
            (0.0, "0"),
            (0.12345, "0.123"),
            (1.5, "1.50"),
            (12.34, "12.3"),
            (123.4, "123"),
            (1_234_567.8, "1,234,568"),
            (-4321.0, "-4,321"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn two_servers_are_compared_in_the_good_direction() {
        let mut one = Report::new("one", "sends", "2 rooms".to_owned());
        one.add("sends", "/s", Better::Higher, 300.0);
        one.lower("latency", "ms", 2.0);
        one.count("messages", 5);
        let mut two = Report::new("two", "sends", "2 rooms".to_owned());
        two.add("sends", "/s", Better::Higher, 100.0);
        two.lower("latency", "ms", 1.0);
        two.must_be_zero("lost", 3);
        let expected = "\
sends — 2 rooms
                one  two  better by
  sends (/s)    300  100         3×
  latency (ms)    2    1     0.500×
  messages        5    –
  lost            –    3
FAULTS on two: 3 lost
";
        assert_eq!(table(&[one, two]), expected);
    }

    #[test]
    fn rows_are_a_table_of_their_own() {
        let mut report = Report::new("one", "hostile", "2 attacks".to_owned());
        report.count("talkers", 5);
        for (name, value) in [("first", 1.0), ("second", 1234.5)] {
            let figure = Figure { name: "ack".to_owned(), unit: "ms", value, better: Better::Lower };
            report.rows.push(Row { name: name.to_owned(), figures: vec![figure] });
        }
        let expected = "\
hostile — 2 attacks
           one
  talkers    5
          ack (ms)
  first          1
  second     1,234
";
        assert_eq!(table(&[report]), expected);
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let mut errors = Errors::default();
        for kind in 0..100 {
            errors.record(&format!("kind {kind}"));
        }
        let mut sum = Errors::default();
        sum.merge(&errors);
        sum.merge(&errors);
        assert_eq!(sum.total(), 200);
        assert!(sum.by_kind.len() <= Errors::MAX_KINDS + 1);
    }
}
