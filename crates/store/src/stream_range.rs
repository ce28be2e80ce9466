//! Ranges of the stream, for queries: the one place that makes SQL of tokens.
//!
//! A token is a vector, a column a number. A query looks through a range of numbers that has everything that is wanted,
//! and of its rows those are left out that are not. With one writer the range is exact; with several it has, beside
//! what is wanted, what the others wrote meanwhile that has been seen.

use im2_model::{Position, PositionClock, Reached, WriterId};

use crate::{Result, Row, Snapshot, sqlite::Connection, values::Params};

/// The changes after one place in the stream and not after another.
#[derive(Debug, Clone)]
pub(crate) struct StreamRange {
    after: Reached,
    until: Reached,
    /// Everything that is wanted is above this number …
    pub(crate) low: i64,
    /// … and not above this one.
    pub(crate) high: i64,
}

impl StreamRange {
    pub(crate) fn has(&self, position: Position) -> bool {
        self.until.includes(position) && !self.after.includes(position)
    }
}

/// A writer, as the database knows it.
#[derive(Debug, Clone, Copy)]
struct WriterRow {
    writer: WriterId,
    /// Nothing of it is at or before this.
    began: Position,
    /// Nothing that it will commit is at or before this: what it gave last, or has seen of others since.
    position: Position,
}

impl Snapshot<'_> {
    /// Everybody who has ever written, in the order of their numbers.
    fn writers(&self) -> Result<Vec<WriterRow>> {
        let sql = "SELECT writer, began, position FROM stream_writers ORDER BY writer";
        self.rows(sql, [], |row| {
            let position = |column| row.get(column).map(Position::from_i64);
            Ok(WriterRow { writer: row.get(0)?, began: position(1)?, position: position(2)? })
        })
    }

    /// The end of the stream: everything that is committed.
    pub(crate) fn reached(&self) -> Result<Reached> {
        let mut reached = Reached::default();
        for WriterRow { writer, began, position } in self.writers()? {
            match writer {
                0 => reached.pass(position),
                _ if position > began => position.last_of(writer).into_iter().for_each(|last| reached.advance(last)),
                _ => {}
            }
        }
        Ok(reached)
    }

    /// The range of everything committed after a place.
    pub(crate) fn range_after(&self, after: &Reached) -> Result<StreamRange> {
        self.range(after, &self.reached()?)
    }

    /// The range of everything committed after a place and not after another.
    pub(crate) fn range(&self, after: &Reached, until: &Reached) -> Result<StreamRange> {
        let wanted = || until.entries().iter().copied().filter(|end| !after.includes(*end));
        let mut low = if until.base() > after.base() { after.base() } else { Position::LAST };
        if wanted().all(|end| after.entry(end.writer()).is_some()) {
            low = wanted().map(|end| after.of(end.writer())).min().map_or(low, |start| low.min(start));
        } else {
            // A token from before a writer began says nothing of it.
            let writers = self.writers()?;
            for end in wanted() {
                let began = writers.iter().find(|row| row.writer == end.writer()).map(|row| row.began);
                low = low.min(began.unwrap_or(Position::LAST).max(after.of(end.writer())));
            }
        }
        let high = wanted().max().unwrap_or_default().max(until.base());
        Ok(StreamRange { after: after.clone(), until: until.clone(), low: low.to_i64(), high: high.to_i64() })
    }

    /// The highest position up to which `reached` includes everything that there is.
    pub(crate) fn whole_until(&self, reached: &Reached) -> Result<Position> {
        let starts = self.writers()?.into_iter().filter(|row| row.writer > 0);
        let whole = starts.map(|row| reached.of(row.writer).max(row.began)).min();
        Ok(whole.unwrap_or_default().max(reached.base()))
    }

    /// The first `limit` rows of a query whose position, which is in its column number `column`, lies in a stretch.
    /// `params` bind the stretch's bounds. The limit counts what is wanted, so it is not in the SQL.
    pub(crate) fn rows_in_range<T>(
        &self,
        sql: &str,
        params: impl Params,
        (range, column): (&StreamRange, usize),
        limit: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        if range.low >= range.high {
            return Ok(found);
        }
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        while found.len() < limit
            && let Some(row) = rows.next()?
        {
            if range.has(Position::from_i64(row.get(column)?)) {
                found.push(read(&row)?);
            }
        }
        Ok(found)
    }
}

/// The clock of a writer that goes on from everything that the database has, which knows the writer from now on.
pub(crate) fn open_clock(connection: &Connection, writer: WriterId) -> Result<PositionClock> {
    let db = Snapshot { connection };
    let mut clock = PositionClock::new(writer, Position::default());
    let writers = db.writers()?;
    for row in &writers {
        clock.see(row.position);
    }
    if writers.iter().all(|row| row.writer != writer) {
        let sql = "INSERT INTO stream_writers (writer, began, position) VALUES (?1, ?2, ?2)";
        connection.execute(sql, (writer, clock.latest().to_i64()))?;
    }
    Ok(clock)
}

/// Has a clock go on from everything that is committed, and gives how far that is.
pub(crate) fn see_others(connection: &Connection, clock: &mut PositionClock) -> Result<Reached> {
    let db = Snapshot { connection };
    for writer in db.writers()? {
        clock.see(writer.position);
    }
    db.reached()
}

/// Notes how far a writer has got, as part of the commit that got there.
pub(crate) fn save(connection: &Connection, clock: &PositionClock) -> Result<()> {
    let sql = "UPDATE stream_writers SET position = ?2 WHERE writer = ?1";
    connection.execute(sql, (clock.writer(), clock.latest().to_i64())).map(drop)
}

#[cfg(test)]
mod tests;
