//! Appending events, reading them, and finding them by their words.

use im2_model::{Position, Reached, RoomNid, UserNid};
use im2_store::{
    Error, Result,
    rooms::{Direction, EventRow, NewEvent, Redaction, TransactionKey},
    search::{Term, TermQuery},
};
use serde_json::json;

use crate::{Tx, account, append, case, committed, device_id, event, event_id, member, message, room, state, until};

fn seqs(found: &[EventRow]) -> Vec<i64> {
    found.iter().map(|row| row.seq).collect()
}

#[tokio::test]
async fn an_event_is_appended_after_the_last_one_only() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let (first, second) = (message(ana), message(ana));
        let one = tx.append_event(here, 0, &first)?;
        assert_eq!((one.seq, one.member), (1, None));
        assert!(matches!(tx.append_event(here, 0, &second), Err(Error::Conflict)));
        assert!(matches!(tx.append_event(here, 2, &second), Err(Error::Conflict)));
        assert!(matches!(tx.append_event(RoomNid(99), 0, &second), Err(Error::Conflict)));
        assert_eq!(tx.event(here, &second.event_id)?, None);
        let two = tx.append_event(here, 1, &second)?;
        assert!(two.position > one.position && two.seq == 2);
        assert_eq!(tx.room_by_nid(here)?.unwrap().head_seq, 2);
        assert_eq!(tx.last_position(here)?, Some(two.position));
        assert_eq!(tx.last_position(RoomNid(99))?, None);
        assert!(tx.append_event(there, 0, &first).unwrap_err().is_duplicate(), "an identifier is there once");

        let row = tx.event(here, &first.event_id)?.unwrap();
        assert_eq!((row.position, row.room, row.seq, row.sender), (one.position, here, 1, ana));
        assert_eq!((&row.event_id, &*row.pdu, &row.redacted_by), (&first.event_id, &*first.pdu, &None));
        assert_eq!(tx.event(there, &first.event_id)?, None, "of another room");
        assert_eq!(tx.room_of_event(&first.event_id)?, Some(here));
        assert_eq!(tx.room_of_event(&event_id("none"))?, None);
        assert_eq!(tx.event_anywhere(&first.event_id)?.as_ref(), Some(&row));
        assert_eq!(tx.event_at(one.position)?.as_ref(), Some(&row));
        assert_eq!(tx.event_at(Position::default())?, None);
        assert_eq!(tx.event_numbered(here, 1)?, Some(row));
        assert_eq!(tx.event_numbered(here, 3)?, None);
        tx.begin_purge(here)?;
        assert_eq!(tx.event_anywhere(&first.event_id)?, None, "its room is being purged");
        assert!(matches!(tx.append_event(here, 2, &message(ana)), Err(Error::Conflict)));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn nothing_of_an_event_remains_that_could_not_be_appended() {
    let opened = crate::open();
    let store = &opened.store;
    let set_up = |tx: &mut Tx<'_>| Ok((account(tx, "ana")?, room(tx, "here")?));
    let (ana, here) = store.write(set_up).await.unwrap();
    let key = TransactionKey { user: ana, device_id: device_id("D"), txn_id: "t".into() };
    let with = move |terms: &str| NewEvent {
        transaction: Some(key.clone()),
        terms: Some(terms.into()),
        media: vec![terms.into()],
        ..message(ana)
    };
    let (first, again) = (with("first"), with("again"));
    let (first_id, again_id) = (first.event_id.clone(), again.event_id.clone());
    store.write(move |tx| tx.append_event(here, 0, &first)).await.unwrap();
    let second = store.write(move |tx| tx.append_event(here, 1, &again)).await;
    assert!(second.unwrap_err().is_duplicate(), "the transaction was used before");
    let read = move |db: &im2_store::Snapshot<'_>| {
        assert_eq!(db.room_by_nid(here)?.unwrap().head_seq, 1);
        assert!(db.event(here, &first_id)?.is_some());
        assert_eq!(db.event(here, &again_id)?, None);
        assert_eq!(db.media_in_room(here, 9)?, ["first"]);
        let query = TermQuery { all: vec![vec![term("again")]], rooms: [here].into(), before: None };
        assert_eq!(db.events_with_terms(&query, 9)?.positions, []);
        Ok(())
    };
    store.read(read).await.unwrap();
}

#[tokio::test]
async fn a_transaction_is_known_by_its_device_and_type() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let key = TransactionKey { user: ana, device_id: device_id("D"), txn_id: "t".into() };
        let sent = NewEvent { transaction: Some(key.clone()), ..message(ana) };
        let at = append(tx, here, &sent)?;
        append(tx, here, &message(ana))?;
        assert_eq!(tx.transaction_event(here, "m.room.message", &key)?, Some(sent.event_id.clone()));
        assert_eq!(tx.transaction_event(here, "m.other", &key)?, None);
        let other = TransactionKey { device_id: device_id("E"), ..key.clone() };
        assert_eq!(tx.transaction_event(here, "m.room.message", &other)?, None);
        assert_eq!(tx.transaction_at(at.position)?, Some(key.clone()));
        assert_eq!(tx.transaction_at(Position::default())?, None);
        let timeline = tx.timeline_from(here, 0, Direction::Forward, 9)?;
        let of: Vec<_> = timeline.into_iter().map(|row| (row.event.seq, row.transaction)).collect();
        assert_eq!(of, [(1, Some(key)), (2, None)]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn transactions_are_forgotten_after_a_week() {
    const WEEK: u64 = 7 * 24 * 60 * 60 * 1_000;
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let at = |ts: u64, txn_id: String| {
            let transaction = Some(TransactionKey { user: ana, device_id: device_id("D"), txn_id: txn_id.into() });
            NewEvent { ts, transaction, ..message(ana) }
        };
        let first = append(tx, here, &at(0, "old".into()))?;
        let young = append(tx, here, &at(WEEK, "young".into()))?;
        for number in 0..64 {
            append(tx, here, &at(WEEK + 1, format!("new{number}")))?;
        }
        assert_eq!(tx.transaction_at(first.position)?, None);
        assert!(tx.transaction_at(young.position)?.is_some());
        Ok(())
    })
    .await;
}

/// A room with eight messages, of which each was sent a second after the one before it but the last two, which were
/// sent at the same time.
fn messages(tx: &mut Tx<'_>) -> Result<(RoomNid, UserNid, Vec<Position>)> {
    let ana = account(tx, "ana")?;
    let here = room(tx, "here")?;
    let mut positions = Vec::new();
    for ts in [1, 2, 3, 4, 5, 6, 7, 7] {
        positions.push(append(tx, here, &NewEvent { ts: ts * 1_000, ..message(ana) })?.position);
    }
    Ok((here, ana, positions))
}

#[tokio::test]
async fn a_rooms_events_are_read_in_both_directions() {
    case(|tx| {
        let (here, ana, positions) = messages(tx)?;
        assert_eq!(seqs(&tx.events_from(here, 2, Direction::Forward, 3)?), [3, 4, 5]);
        assert_eq!(seqs(&tx.events_from(here, 2, Direction::Backward, 9)?), [1]);
        assert_eq!(seqs(&tx.events_from(here, i64::MAX, Direction::Backward, 2)?), [8, 7]);
        assert_eq!(seqs(&tx.events_from(here, 8, Direction::Forward, 9)?), [0; 0]);
        let timeline = tx.timeline_from(here, 5, Direction::Backward, 2)?;
        assert_eq!(timeline.iter().map(|row| row.event.seq).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(seqs(&tx.events_with_numbers(here, [7, 1, 99, 3])?), [7, 1, 3], "in the order asked for");
        let mut told = Vec::new();
        tx.events_numbered(here, &[7, 1, 99, 3], |text| {
            assert!(text.pdu.contains("hello") && text.redacted_by.is_none() && text.event_id.starts_with('$'));
            told.push(text.seq);
            Ok(())
        })?;
        assert_eq!(told, [7, 1, 3]);
        let stopped = tx.events_numbered(here, &[7, 1], |_| Err(Error::Conflict));
        assert!(matches!(stopped, Err(Error::Conflict)));

        let by_time = |ts, direction| Ok::<_, Error>(tx.event_by_time(here, ts, direction)?.map(|row| row.seq));
        assert_eq!(by_time(2_500, Direction::Forward)?, Some(3));
        assert_eq!(by_time(2_500, Direction::Backward)?, Some(2));
        assert_eq!(by_time(7_000, Direction::Forward)?, Some(7));
        assert_eq!(by_time(7_000, Direction::Backward)?, Some(8));
        assert_eq!(by_time(7_001, Direction::Forward)?, None);
        assert_eq!(by_time(999, Direction::Backward)?, None);
        let before = tx.events_before(here, (7_000, positions[7]), 2)?;
        assert_eq!(before.iter().map(|(ts, row)| (*ts, row.seq)).collect::<Vec<_>>(), [(7_000, 7), (6_000, 6)]);

        assert_eq!(tx.position_before_newest(2)?, Some(positions[5]));
        assert_eq!(tx.position_before_newest(8)?, None);
        for (index, position) in positions.iter().enumerate() {
            assert_eq!(tx.seq_behind(here, |at| at <= *position)?, index as i64 + 1);
        }
        assert_eq!(tx.seq_behind(here, |_| false)?, 0);
        assert_eq!(tx.seq_behind(RoomNid(99), |_| false)?, 0);
        append(tx, here, &message(ana))?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_stream_is_read_from_place_to_place() {
    case(|tx| {
        let (_, _, positions) = messages(tx)?;
        let between = |after: &Reached, to: &Reached, limit| {
            let found = tx.events_between(after, to, limit)?;
            Ok::<_, Error>((seqs(&found.rows), found.reached, found.is_complete))
        };
        let (start, end) = (until(positions[1]), until(positions[5]));
        assert_eq!(between(&start, &end, 9)?, (vec![3, 4, 5, 6], end.clone(), true));
        assert_eq!(between(&start, &end, 2)?, (vec![3, 4], until(positions[3]), false));
        assert_eq!(between(&end, &end, 9)?, (vec![], end, true));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_redaction_leaves_what_is_to_be_left() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let target = NewEvent { terms: Some("secret".into()), media: vec!["m1".into()], ..message(ana) };
        append(tx, here, &target)?;
        let redacting = |pdu: &str, terms: Option<&str>| NewEvent {
            redaction: Some(Redaction {
                target: target.event_id.clone(),
                pdu: pdu.into(),
                terms: terms.map(Into::into),
                summary: None,
            }),
            ..event(ana, "m.room.redaction", &json!({}))
        };
        let first = redacting("{\"content\":{}}", Some("secret"));
        append(tx, here, &first)?;
        let row = tx.event(here, &target.event_id)?.unwrap();
        assert_eq!((row.pdu.as_str(), row.redacted_by), ("{\"content\":{}}", Some(first.event_id.clone())));
        assert_eq!(tx.media_in_room(here, 9)?, [""; 0]);
        assert_eq!(positions(tx, here, &[&["secret"]], 9)?, []);
        append(tx, here, &redacting("{}", None))?;
        let row = tx.event(here, &target.event_id)?.unwrap();
        assert_eq!(row.redacted_by, Some(first.event_id), "the first one counts");
        Ok(())
    })
    .await;
}

fn term(text: &str) -> Term {
    Term { text: text.trim_end_matches('*').into(), open: text.ends_with('*') }
}

fn positions(tx: &Tx<'_>, room: RoomNid, all: &[&[&str]], limit: usize) -> Result<Vec<Position>> {
    let all = all.iter().map(|one_of| one_of.iter().map(|text| term(text)).collect()).collect();
    Ok(tx.events_with_terms(&TermQuery { all, rooms: [room].into(), before: None }, limit)?.positions)
}

#[tokio::test]
async fn events_are_found_by_their_terms_before_and_after_their_entries_move() {
    for others in [0, 600] {
        case(move |tx| {
            let (here, there) = (room(tx, "here")?, room(tx, "there")?);
            let at = [(); 4].map(|()| tx.next_position());
            tx.index_event(at[0], here, "red apple")?;
            tx.index_event(at[1], here, "green apple")?;
            tx.index_event(at[2], there, "red apple")?;
            tx.index_event(at[3], here, "red pear")?;
            for _ in 0..others {
                let position = tx.next_position();
                tx.index_event(position, there, "filler")?;
            }
            assert_eq!(positions(tx, here, &[&["apple"]], 9)?, [at[1], at[0]], "the newest first");
            assert_eq!(positions(tx, here, &[&["app*"], &["red"]], 9)?, [at[0]]);
            assert_eq!(positions(tx, here, &[&["pear", "green"]], 9)?, [at[3], at[1]]);
            assert_eq!(positions(tx, here, &[&["app"]], 9)?, []);
            assert_eq!(positions(tx, here, &[&["filler"]], 9)?, []);
            let query = TermQuery { all: vec![vec![term("red")]], rooms: [here, there].into(), before: None };
            let page = tx.events_with_terms(&query, 2)?;
            assert_eq!((&page.positions[..], page.next), (&[at[3], at[2]][..], Some(at[2])));
            let page = tx.events_with_terms(&TermQuery { before: page.next, ..query }, 2)?;
            assert_eq!((&page.positions[..], page.next), (&[at[0]][..], None));
            tx.unindex_event(at[0], here, "red apple")?;
            assert_eq!(positions(tx, here, &[&["apple"]], 9)?, [at[1]]);
            Ok(())
        })
        .await;
    }
}

#[tokio::test]
async fn terms_are_found_in_very_many_rooms() {
    let write = |tx: &mut Tx<'_>| {
        let ana = account(tx, "ana")?;
        let mut rooms = Vec::new();
        for number in 0..200 {
            rooms.push(room(tx, &format!("room{number}"))?);
        }
        for round in 0..2 {
            for room in &rooms {
                let terms = Some(format!("word round{round}").into());
                append(tx, *room, &NewEvent { terms, ..message(ana) })?;
            }
        }
        append(tx, rooms[0], &member(ana, "ana", "join"))?;
        append(tx, rooms[0], &state(ana, "m.room.name", &json!({ "name": "n" })))?;
        Ok(rooms)
    };
    committed(write, |db, rooms| {
        let all = vec![vec![term("word")]];
        let query = TermQuery { all, rooms: rooms[50..].iter().copied().collect(), before: None };
        let first = db.events_with_terms(&query, 250)?;
        assert_eq!(first.positions.len(), 250);
        assert!(first.positions.is_sorted_by(|one, other| one > other));
        let rest = db.events_with_terms(&TermQuery { before: first.next, ..query }, 250)?;
        assert_eq!((rest.positions.len(), rest.next), (50, None));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_newest_events_of_several_rooms_are_read_at_once() {
    case(|tx| {
        let (here, ana, _) = messages(tx)?;
        let (there, empty) = (room(tx, "there")?, room(tx, "empty")?);
        let key = TransactionKey { user: ana, device_id: device_id("D"), txn_id: "t".into() };
        let sent = NewEvent { transaction: Some(key.clone()), ..message(ana) };
        append(tx, there, &sent)?;
        append(tx, there, &message(ana))?;
        let (target, pdu) = (sent.event_id.clone(), "{}".into());
        let redaction = Some(Redaction { target, pdu, terms: None, summary: None });
        let redaction = NewEvent { redaction, ..event(ana, "m.room.redaction", &json!({})) };
        append(tx, there, &redaction)?;

        let newest = |rooms: &[RoomNid], limit| {
            let found = tx.newest_timelines(rooms, limit)?;
            Ok::<_, Error>(found.iter().map(|row| (row.event.room, row.event.seq)).collect::<Vec<_>>())
        };
        let of_there = [1, 2, 3].map(|seq| (there, seq));
        assert_eq!(newest(&[there], 9)?, of_there);
        assert_eq!(newest(&[there], 3)?, of_there);
        assert_eq!(newest(&[there], 2)?, of_there[1..]);
        let expected: Vec<_> = [6, 7, 8].map(|seq| (here, seq)).into_iter().chain(of_there).collect();
        assert_eq!(newest(&[there, empty, here], 3)?, expected);
        assert_eq!((newest(&[there], 0)?, newest(&[], 9)?), (vec![], vec![]));
        let found = tx.newest_timelines(&[here, there], 9)?;
        assert_eq!(found[8..], tx.timeline_from(there, 0, Direction::Forward, 9)?, "and each as if read alone");
        let (first, last) = (&found[8], &found[10]);
        assert_eq!(first.transaction, Some(key));
        let by = first.redaction.as_ref().map(|by| (&by.event_id, &by.pdu));
        assert_eq!((by, &last.redaction), (Some((&last.event.event_id, &last.event.pdu)), &None));
        Ok(())
    })
    .await;
}
