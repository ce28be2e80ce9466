//! Verifies that every acknowledged event is stored exactly once: pages through the rooms and compares.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};

use crate::client::Connection;
use crate::matrix::{Session, encode, expect_ok, get};
use crate::wire::MessagesAnswer;

const PAGE: usize = 500;

/// The events that were acknowledged in one room, and those that were found there.
#[derive(Debug, Default)]
pub struct Ledger {
    acknowledged: HashSet<String>,
    found: HashMap<String, u64>,
    sequences: HashSet<u64>,
    duplicates: u64,
}

/// The comparison of acknowledged and found messages.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Messages that the server acknowledged.
    pub acknowledged: u64,
    /// Acknowledged messages that are not there.
    pub lost: u64,
    /// Messages there more than once: listed twice, acknowledged twice, or stored under two event ids.
    pub duplicated: u64,
    /// Messages that are there though their requests failed.
    pub unacknowledged: u64,
}

impl Ledger {
    /// Notes that the server acknowledged this event.
    pub fn acknowledge(&mut self, event_id: String) {
        if !self.acknowledged.insert(event_id) {
            self.duplicates += 1;
        }
    }

    /// Notes that the room's history lists this event, which carries message `sequence` of the run.
    pub fn find(&mut self, event_id: &str, sequence: u64) {
        if self.found.insert(event_id.to_owned(), sequence).is_some() || !self.sequences.insert(sequence) {
            self.duplicates += 1;
        }
    }

    /// Compares.
    pub fn outcome(&self) -> Outcome {
        let missing = self.acknowledged.iter().filter(|id| !self.found.contains_key(*id)).count();
        let surplus = self.found.keys().filter(|id| !self.acknowledged.contains(*id)).count();
        Outcome {
            acknowledged: self.acknowledged.len() as u64,
            lost: missing as u64,
            duplicated: self.duplicates,
            unacknowledged: surplus as u64,
        }
    }
}

impl Outcome {
    /// Adds the outcome of another room.
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.unacknowledged += other.unacknowledged;
    }
}

/// Pages through a whole room from its end to its beginning and notes every message of the run.
pub async fn read_room(
    connection: &mut Connection,
    session: &Session,
    room_id: &str,
    run: &str,
    ledger: &mut Ledger,
) -> Result<()> {
    let path = format!("/_matrix/client/v3/rooms/{}/messages?dir=b&limit={PAGE}", encode(room_id));
    let mut from: Option<String> = None;
    // More pages than the messages could fill, even for a server that caps pages at ten events, mean a server
    // that sends its reader in circles.
    let most_pages = ledger.acknowledged.len() / 10 + 1000;
    for _ in 0..most_pages {
        let page = match &from {
            Some(from) => format!("{path}&from={}", encode(from)),
            None => path.clone(),
        };
        let body = expect_ok(connection, &get(page, session)).await?;
        let answer: MessagesAnswer<'_> = serde_json::from_slice(&body).context("/messages has an unexpected form")?;
        for event in &answer.chunk {
            if let Some(sequence) = event.sequence_in(run) {
                ledger.find(&event.event_id.0, sequence);
            }
        }
        let Some(end) = answer.end else { return Ok(()) };
        ensure!(from.as_deref() != Some(end.0.as_ref()), "/messages leads from {} to itself", end.0);
        from = Some(end.0.into_owned());
    }
    anyhow::bail!("/messages of {room_id} has no end after {most_pages} pages")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(acknowledged: &[&str], found: &[(&str, u64)]) -> Outcome {
        let mut ledger = Ledger::default();
        for id in acknowledged {
            ledger.acknowledge((*id).to_owned());
        }
        for (id, sequence) in found {
            ledger.find(id, *sequence);
        }
        ledger.outcome()
    }

    #[test]
    fn what_is_there_once_is_fine() {
        let expected = Outcome { acknowledged: 2, ..Outcome::default() };
        assert_eq!(ledger(&["$a", "$b"], &[("$b", 2), ("$a", 1)]), expected);
    }

    #[test]
    fn what_is_missing_is_lost() {
        assert_eq!(ledger(&["$a", "$b"], &[("$b", 2)]).lost, 1);
    }

    #[test]
    fn duplicates_are_found_by_id_by_text_and_by_acknowledgement() {
        assert_eq!(ledger(&["$a"], &[("$a", 1), ("$a", 1)]).duplicated, 1);
        assert_eq!(ledger(&["$a"], &[("$a", 1), ("$x", 1)]).duplicated, 1);
        assert_eq!(ledger(&["$a", "$a"], &[("$a", 1)]).duplicated, 1);
    }

    #[test]
    fn a_stored_message_of_a_failed_request_is_no_fault() {
        let expected = Outcome { acknowledged: 1, unacknowledged: 1, ..Outcome::default() };
        assert_eq!(ledger(&["$a"], &[("$a", 1), ("$b", 2)]), expected);
    }
}
