//! Prepared statements, and the rows that they find.

use std::cell::Cell;

use rusqlite::{
    CachedStatement, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use crate::{
    Error, Result,
    values::{FromValue, Params, Value},
};

thread_local! {
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

/// How many statements this thread has run.
pub(crate) fn statements() -> usize {
    STATEMENTS.get()
}

/// A statement of a connection, prepared once and then kept with it.
pub(crate) struct Statement<'c>(CachedStatement<'c>);

/// The rows that a statement finds, read one by one.
pub(crate) struct Rows<'s>(rusqlite::Rows<'s>);

/// A row, until the next one is read.
pub(crate) struct Row<'r>(&'r rusqlite::Row<'r>);

impl<'c> Statement<'c> {
    pub(super) fn new(statement: CachedStatement<'c>) -> Self {
        Self(statement)
    }

    fn bind(&mut self, params: impl Params) -> Result<()> {
        let mut given = 0;
        params.for_each(|value| {
            given += 1;
            Ok(self.0.raw_bind_parameter(given, value)?)
        })?;
        let wanted = self.0.parameter_count();
        if given != wanted {
            return Err(rusqlite::Error::InvalidParameterCount(given, wanted).into());
        }
        STATEMENTS.set(STATEMENTS.get() + 1);
        Ok(())
    }

    /// Runs it and returns how many rows it changed.
    pub(super) fn execute(&mut self, params: impl Params) -> Result<usize> {
        self.bind(params)?;
        Ok(self.0.raw_execute()?)
    }

    /// Runs it and reads its rows as they are asked for.
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        self.bind(params)?;
        Ok(Rows(self.0.raw_query()))
    }

    /// The first row, if there is one.
    pub(crate) fn row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.query(params)?.next()?.map(|row| read(&row)).transpose()
    }

    /// All rows.
    pub(crate) fn rows<T>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = self.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(&row)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
impl Drop for Statement<'_> {
    fn drop(&mut self) {
        work::note_steps(&self.0);
    }
}

impl Rows<'_> {
    /// The next row, if there is another.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        Ok(self.0.next()?.map(Row))
    }
}

impl<'r> Row<'r> {
    /// The value in a column, from 0.
    pub(crate) fn get<T: FromValue<'r>>(&self, column: usize) -> Result<T> {
        let value = value(self.0.get_ref(column)?).ok_or_else(|| self.corrupt(column, "is text that is no UTF-8"))?;
        T::from_value(value).ok_or_else(|| {
            let is = match value {
                Value::Null => "is NULL",
                Value::Boolean(_) | Value::Integer(_) => "is a number that is too large, or is to be none",
                Value::Real(_) => "is a fraction",
                Value::Text(_) => "is text",
                Value::Bytes(_) => "is bytes",
            };
            self.corrupt(column, is)
        })
    }

    /// An identifier that the program wrote, in a column.
    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> std::result::Result<T, E>,
    ) -> Result<T> {
        parse(self.get(column)?).map_err(|error| self.corrupt(column, error))
    }

    fn corrupt(&self, column: usize, problem: impl std::fmt::Display) -> Error {
        let name = self.0.as_ref().column_name(column).unwrap_or("?");
        Error::Corrupt(format!("column {column}, {name}: {problem}"))
    }
}

fn value(value: ValueRef<'_>) -> Option<Value<'_>> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Boolean(value) => ValueRef::Integer(value.into()),
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Real(number) => ValueRef::Real(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The work of this thread's statements, for tests of what something costs: the same however busy the machine is.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::Cell;

    use rusqlite::StatementStatus;

    thread_local! {
        static STEPS: Cell<i64> = const { Cell::new(0) };
    }

    pub(super) fn note_steps(statement: &rusqlite::Statement<'_>) {
        STEPS.set(STEPS.get() + i64::from(statement.reset_status(StatementStatus::VmStep)));
    }

    /// The outcome of `work`, and the steps of SQLite's virtual machine that its statements took.
    pub(crate) fn steps<T>(work: impl FnOnce() -> T) -> (T, i64) {
        STEPS.set(0);
        (work(), STEPS.get())
    }

    /// The outcome of `work`, and how many statements it ran.
    pub(crate) fn statements<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = super::statements();
        (work(), super::statements() - before)
    }
}
