//! Sets as parameters: `IN (?2, ?3, …)` and `VALUES (?1, ?2), …`, which both engines read.
//!
//! A statement is prepared once for each text. So a set is filled up to one of few sizes, and what is larger than all of
//! them is asked for in parts.

use crate::{Result, Row, Snapshot, values::Value};

/// Values in a set. For one the statement is that for one.
const VALUES: [usize; 3] = [1, 8, 64];
/// Rows in a list of values.
const ROWS: [usize; 4] = [1, 8, 64, 512];

impl Snapshot<'_> {
    /// All rows of a query that is about a set of values, in parts. `sql` makes its text of the set's parameters, which
    /// come after those of `before`.
    pub(crate) fn rows_of_set<'s, T>(
        &self,
        before: &[Value<'_>],
        set: impl IntoIterator<Item = Value<'s>>,
        sql: impl Fn(&str) -> String,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let set: Vec<Value<'_>> = set.into_iter().collect();
        let mut found = Vec::new();
        for part in set.chunks(VALUES[VALUES.len() - 1]) {
            let size = size(part.len(), &VALUES);
            let last = part.last().into_iter().cycle().take(size - part.len());
            let values: Vec<_> = before.iter().chain(part).chain(last).copied().collect();
            found.extend(self.rows(&sql(&slots(before.len() + 1, size)), &values[..], &mut read)?);
        }
        Ok(found)
    }

    /// All rows of a query that is about a list of `N` values each, in parts. `sql` makes its text of what stands behind
    /// `VALUES`. The list is filled up with rows of NULLs, which must find nothing.
    pub(crate) fn rows_of_values<'v, const N: usize, T>(
        &self,
        list: impl IntoIterator<Item = [Value<'v>; N]>,
        sql: impl Fn(&str) -> String,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let list: Vec<_> = list.into_iter().collect();
        let mut found = Vec::new();
        for part in list.chunks(ROWS[ROWS.len() - 1]) {
            let size = size(part.len(), &ROWS);
            let rows: Vec<_> = (0..size).map(|row| format!("({})", slots(row * N + 1, N))).collect();
            let mut values: Vec<Value<'_>> = part.iter().flatten().copied().collect();
            values.resize(size * N, Value::Null);
            found.extend(self.rows(&sql(&rows.join(", ")), &values[..], &mut read)?);
        }
        Ok(found)
    }
}

/// So many parameters, of which the first is `?first`.
fn slots(first: usize, count: usize) -> String {
    let slots: Vec<_> = (first..first + count).map(|number| format!("?{number}")).collect();
    slots.join(", ")
}

/// The smallest of `sizes` that `count` fits into. It fits into the last.
fn size(count: usize, sizes: &[usize]) -> usize {
    sizes.iter().copied().find(|size| *size >= count).unwrap_or(count)
}

#[cfg(test)]
mod tests {
    use crate::{
        Snapshot,
        sqlite::{Connection, work::statements},
        values::Value,
    };

    #[test]
    fn a_set_is_asked_for_in_parts_and_found_as_a_whole() {
        let connection = Connection::in_memory();
        connection.run("CREATE TABLE t (a INTEGER PRIMARY KEY)").unwrap();
        for number in 0..200 {
            connection.execute("INSERT INTO t (a) VALUES (?1)", [number * 2_i64]).unwrap();
        }
        let db = Snapshot { connection: &connection };
        let find = |from: i64, numbers: std::ops::Range<i64>| {
            let sql = |slots: &str| format!("SELECT a FROM t WHERE a >= ?1 AND a IN ({slots}) ORDER BY a");
            db.rows_of_set(&[Value::Integer(from)], numbers.map(Value::Integer), sql, |row| row.get::<i64>(0)).unwrap()
        };
        for (numbers, expected_statements) in [(0..0, 0), (0..1, 1), (3..6, 1), (0..64, 1), (0..65, 2), (0..399, 7)] {
            let expected: Vec<i64> = numbers.clone().filter(|number| number % 2 == 0 && *number >= 2).collect();
            assert_eq!(statements(|| find(2, numbers.clone())), (expected, expected_statements), "{numbers:?}");
        }
    }

    #[test]
    fn a_list_of_values_is_asked_for_in_parts_and_found_as_a_whole() {
        let connection = Connection::in_memory();
        let db = Snapshot { connection: &connection };
        let find = |count: i64| {
            let list = (0..count).map(|number| [Value::Integer(number), Value::Text("x")]);
            let sql = |rows: &str| {
                format!("WITH wanted (number, text) AS (VALUES {rows}) SELECT number FROM wanted WHERE text = 'x'")
            };
            db.rows_of_values(list, sql, |row| row.get::<i64>(0)).unwrap()
        };
        for (count, expected) in [(0, 0), (1, 1), (5, 1), (64, 1), (65, 1), (512, 1), (513, 2)] {
            assert_eq!(statements(|| find(count)), ((0..count).collect(), expected));
        }
    }
}
