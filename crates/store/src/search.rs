//! The full-text index: which events have which terms.
//!
//! The engine decides what a term is; here it is a word without spaces. An event's terms are written with the event, as
//! one row. When enough rows have come together they move into the FTS5 table, which is small but expensive to add to
//! one by one. Searches look at both.

use std::collections::HashSet;

use im2_model::{Position, RoomNid};

use crate::{Result, Snapshot, Transaction, dialect::Sql};

/// Entries that come together before they move. More make moving cheaper and every search dearer.
const MOVED_AT_ONCE: i64 = 256;
/// Up to so many rooms are looked for by their terms. Each takes the index a step, so that for more of them it is
/// quicker to sort out the events of other rooms afterwards.
const ROOMS_AS_TERMS: usize = 128;
/// Entries looked at, at most, to sort those of other rooms out.
const LOOKED_AT: usize = 20_000;
/// Begins a room's number in the index. From the private use area, and no term of the engine's begins with it.
const ROOM: char = '\u{E000}';

/// A term to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The term: letters, digits and characters beyond ASCII only.
    pub text: String,
    /// Whether it stands for all that begin with it.
    pub open: bool,
}

/// A query of the index.
#[derive(Debug, Clone, Default)]
pub struct TermQuery {
    /// An event needs one of each of these.
    pub all: Vec<Vec<Term>>,
    /// Only events of these rooms.
    pub rooms: HashSet<RoomNid>,
    /// Only events before this position.
    pub before: Option<Position>,
}

/// Events that have the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermMatches {
    /// The events' positions, newest first.
    pub positions: Vec<Position>,
    /// The position from which to look on, if not everything was looked at.
    pub next: Option<Position>,
}

impl Term {
    fn matches(&self, term: &str) -> bool {
        if self.open { term.starts_with(&self.text) } else { term == self.text }
    }
}

impl Snapshot<'_> {
    /// The newest `limit` events that have what `query` asks for.
    pub fn events_with_terms(&self, query: &TermQuery, limit: usize) -> Result<TermMatches> {
        let before = query.before.map_or(i64::MAX, Position::to_i64);
        let mut found = self.pending_with_terms(query, before)?;
        if found.len() < limit {
            let missing = limit - found.len();
            let (more, next) = if query.rooms.len() <= ROOMS_AS_TERMS {
                self.indexed_in_rooms(query, before, missing)?
            } else {
                self.indexed_anywhere(query, before, missing)?
            };
            found.extend(more);
            return Ok(TermMatches { positions: found, next });
        }
        found.truncate(limit);
        let next = found.last().copied();
        Ok(TermMatches { positions: found, next })
    }

    /// Those whose entries have not moved yet.
    fn pending_with_terms(&self, query: &TermQuery, before: i64) -> Result<Vec<Position>> {
        let sql = "SELECT position, room_nid, terms FROM search_pending WHERE position < ?1 ORDER BY position DESC";
        let rows = self.rows(sql, [before], |row| Ok((row.get(0)?, RoomNid(row.get(1)?), row.get::<String>(2)?)))?;
        let has =
            |terms: &str, one_of: &[Term]| terms.split(' ').any(|term| one_of.iter().any(|one| one.matches(term)));
        let matching = rows
            .into_iter()
            .filter(|(_, room, terms)| query.rooms.contains(room) && query.all.iter().all(|one_of| has(terms, one_of)));
        Ok(matching.map(|(position, ..)| Position::from_i64(position)).collect())
    }

    fn indexed_in_rooms(
        &self,
        query: &TermQuery,
        before: i64,
        limit: usize,
    ) -> Result<(Vec<Position>, Option<Position>)> {
        let rooms = query.rooms.iter().map(|room| Term { text: format!("{ROOM}{}", room.0), open: false }).collect();
        let all: Vec<Vec<Term>> = query.all.iter().cloned().chain([rooms]).collect();
        let Some(expression) = expression(&all) else { return Ok((Vec::new(), None)) };
        let sql = "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT ?3";
        let found = self
            .rows(Sql::SqliteOnly(sql), (expression, before, limit as i64), |row| row.get(0).map(Position::from_i64))?;
        let next = found.last().copied().filter(|_| found.len() == limit);
        Ok((found, next))
    }

    fn indexed_anywhere(
        &self,
        query: &TermQuery,
        before: i64,
        limit: usize,
    ) -> Result<(Vec<Position>, Option<Position>)> {
        let Some(expression) = expression(&query.all) else { return Ok((Vec::new(), None)) };
        let sql = "SELECT s.rowid, e.room_nid FROM search s JOIN events e ON e.position = s.rowid
                   WHERE search MATCH ?1 AND s.rowid < ?2 ORDER BY s.rowid DESC LIMIT ?3";
        let mut statement = self.prepare(Sql::SqliteOnly(sql))?;
        let mut rows = statement.query((expression, before, LOOKED_AT as i64))?;
        let (mut found, mut looked_at, mut last) = (Vec::new(), 0, None);
        while let Some(row) = rows.next()? {
            looked_at += 1;
            last = Some(Position::from_i64(row.get(0)?));
            if query.rooms.contains(&RoomNid(row.get(1)?)) {
                found.extend(last);
                if found.len() == limit {
                    return Ok((found, last));
                }
            }
        }
        Ok((found, last.filter(|_| looked_at == LOOKED_AT)))
    }
}

/// Writes terms in FTS5's query language; `None` if there is nothing that could match.
fn expression(all: &[Vec<Term>]) -> Option<String> {
    let term = |term: &Term| format!("\"{}\"{}", term.text, if term.open { " *" } else { "" });
    let one_of = |terms: &Vec<Term>| format!("({})", terms.iter().map(term).collect::<Vec<_>>().join(" OR "));
    let possible = !all.is_empty() && all.iter().all(|terms| !terms.is_empty());
    possible.then(|| all.iter().map(one_of).collect::<Vec<_>>().join(" AND "))
}

impl Transaction<'_> {
    /// Enters an event into the index under these terms, which are separated by spaces.
    pub fn index_event(&self, at: Position, room: RoomNid, terms: &str) -> Result<()> {
        let sql = "INSERT INTO search_pending (position, room_nid, terms) VALUES (?1, ?2, ?3) RETURNING nid";
        let entries = self.insert(sql, (at.to_i64(), room.0, terms))?;
        if entries >= MOVED_AT_ONCE {
            let sql = "INSERT INTO search (rowid, terms)
                       SELECT position, ?1 || room_nid || ' ' || terms FROM search_pending ORDER BY position";
            self.execute(Sql::SqliteOnly(sql), [ROOM.to_string()])?;
            self.execute("DELETE FROM search_pending", [])?;
        }
        Ok(())
    }

    /// Takes an event out of the index. `terms` are those under which it was entered.
    pub fn unindex_event(&self, at: Position, room: RoomNid, terms: &str) -> Result<()> {
        let pending = self.execute("DELETE FROM search_pending WHERE position = ?1", [at.to_i64()])?;
        if pending == 0 {
            let sql = "INSERT INTO search (search, rowid, terms) VALUES ('delete', ?1, ?2)";
            self.execute(Sql::SqliteOnly(sql), (at.to_i64(), format!("{ROOM}{} {terms}", room.0)))?;
        }
        Ok(())
    }
}
