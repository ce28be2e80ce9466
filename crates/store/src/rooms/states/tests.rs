//! States off the line are what a map says that is copied whole for each of them.

use std::collections::BTreeMap;

use im2_model::{EventId, Random as _, RoomId, RoomNid, SeededRandom, UserId, UserNid};

use super::{DEPTH, StateBase, StateId};
use crate::{Options, Result, Snapshot, Store, Transaction, rooms::NewEvent};

type State = BTreeMap<String, EventId>;

fn id(number: i64) -> EventId {
    EventId::parse(&format!("$event{number}")).unwrap()
}

fn event(number: i64, key: &str, sender: UserNid) -> NewEvent {
    NewEvent {
        event_id: id(number),
        sender,
        kind: "m.x".into(),
        state_key: Some(key.into()),
        ts: 0,
        pdu: "{}".into(),
        membership: None,
        relation: None,
        redaction: None,
        terms: None,
        media: Vec::new(),
        transaction: None,
        bumps: false,
        summary: None,
    }
}

fn below(random: &SeededRandom, end: usize) -> usize {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    u32::from_le_bytes(bytes) as usize % end
}

fn check(db: &Snapshot<'_>, room: RoomNid, state: StateId, expected: &State) -> Result<()> {
    let mut whole: Vec<_> = db.whole_state(room, state)?.into_iter().map(|row| row.event_id).collect();
    whole.sort_unstable();
    let mut events: Vec<_> = expected.values().cloned().collect();
    events.sort_unstable();
    assert_eq!(whole, events, "{state:?}");
    for key in ["a", "b", "c", "d"] {
        let found = db.entry_of_state(room, state, "m.x", key)?.map(|row| row.event_id);
        assert_eq!(found.as_ref(), expected.get(key), "{key} in {state:?}");
    }
    Ok(())
}

/// A line of events, and states that are different from it or from each other.
fn grow(tx: &mut Transaction<'_>, seed: u64) -> Result<(RoomNid, Vec<(StateId, State)>)> {
    let random = SeededRandom::new(seed);
    let room = tx.create_room(&RoomId::parse(&format!("!room{seed}:example.org")).unwrap(), "12", 0)?;
    let sender = tx.ensure_user(&UserId::parse("@ana:example.org").unwrap())?;
    let first = seed as i64 * 1_000;
    let (mut line, mut states) = (vec![State::new()], Vec::<(StateId, State)>::new());
    for number in 0..60 {
        let key = ["a", "b", "c"][below(&random, 3)];
        tx.append_event(room, number, &event(first + number, key, sender))?;
        let mut now = line.last().cloned().unwrap_or_default();
        now.insert(key.to_owned(), id(first + number));
        line.push(now);
        let (base, mut state) = match states.len() {
            0 => (StateBase::Line(0), State::new()),
            // Mostly on the newest, so that chains get long.
            count if below(&random, 5) > 0 => {
                let back = if below(&random, 4) > 0 { 1 } else { 1 + below(&random, count) };
                let (base, state) = &states[count - back];
                (StateBase::State(*base), state.clone())
            }
            _ => {
                let seq = below(&random, line.len());
                (StateBase::Line(seq as i64), line[seq].clone())
            }
        };
        let mut different = BTreeMap::new();
        for _ in 0..below(&random, 3) {
            let event_id = id(first + below(&random, number as usize + 1) as i64);
            different.insert(["a", "b", "c", "d"][below(&random, 4)], (below(&random, 3) > 0).then_some(event_id));
        }
        for (key, event_id) in &different {
            match event_id {
                Some(event_id) => drop(state.insert((*key).to_owned(), event_id.clone())),
                None => drop(state.remove(*key)),
            }
        }
        let different: Vec<_> = different.iter().map(|(key, event_id)| ("m.x", *key, event_id.as_ref())).collect();
        states.push((tx.add_state(room, base, &different)?, state));
    }
    Ok((room, states))
}

#[tokio::test]
async fn a_state_off_the_line_is_what_a_copy_of_it_would_be() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::<()>::open(&Options::new(directory.path())).unwrap();
    let mut deepest = 0;
    for seed in 0..20 {
        let (room, states) = store.write(move |tx| grow(tx, seed)).await.unwrap();
        let read = move |db: &Snapshot<'_>| {
            let mut deepest = 0;
            for (state, expected) in &states {
                check(db, room, *state, expected)?;
                deepest = deepest.max(db.base_of(room, *state)?.1);
            }
            Ok(deepest)
        };
        deepest = deepest.max(store.read(read).await.unwrap());
    }
    assert_eq!(deepest, DEPTH, "chains are as long as they may be and no longer");
}
