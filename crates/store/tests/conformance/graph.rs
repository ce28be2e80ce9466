//! The graph that a room's events are, where it is not their line; and events that are set aside.

use im2_model::EventId;
use im2_store::{
    Error,
    rooms::{ResolvedEntry, SetAside, StateBase, Why},
};
use serde_json::json;

use crate::{account, append, case, event_id, message, room, state};

fn ids<const N: usize>(names: [&str; N]) -> [EventId; N] {
    names.map(event_id)
}

#[tokio::test]
async fn edges_are_those_that_were_noted_and_are_a_rooms_own() {
    case(|tx| {
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        tx.add_edges(here, &event_id("merge"), &ids(["a", "b"]))?;
        tx.add_edges(here, &event_id("merge"), &ids(["b"]))?;
        tx.add_edges(here, &event_id("late"), &ids(["b"]))?;
        assert_eq!(tx.events_going_on_from(here, &event_id("a"))?, ids(["merge"]));
        assert_eq!(tx.events_going_on_from(here, &event_id("b"))?, ids(["late", "merge"]));
        assert_eq!(tx.events_going_on_from(there, &event_id("b"))?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_ends_of_a_room_are_the_last_that_were_set() {
    case(|tx| {
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        tx.set_extremities(here, &ids(["b", "a"]))?;
        tx.set_extremities(there, &ids(["x"]))?;
        assert_eq!(tx.extremities(here)?, ids(["a", "b"]));
        tx.set_extremities(here, &ids(["c", "b"]))?;
        assert_eq!(tx.extremities(here)?, ids(["b", "c"]));
        tx.set_extremities(here, &[])?;
        assert_eq!((tx.extremities(here)?, tx.extremities(there)?), (vec![], vec![event_id("x")]));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_gap_is_there_until_it_is_closed() {
    case(|tx| {
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        for (before, missing) in [(7, "m"), (9, "m"), (9, "n"), (9, "n"), (3, "o")] {
            tx.add_gap(here, before, &event_id(missing))?;
        }
        let [m, n, o] = ids(["m", "n", "o"]);
        assert_eq!(tx.gaps(here, 4, 9)?, [(9, m.clone()), (9, n.clone()), (7, m.clone())], "newest first");
        assert_eq!((tx.gaps(here, 0, 1)?, tx.gaps(there, 0, 9)?), (vec![(9, m.clone())], vec![]));
        assert_eq!(tx.close_gap(there, &n)?, [0; 0]);
        assert_eq!(tx.close_gap(here, &m)?, [7, 9]);
        assert_eq!(tx.close_gap(here, &m)?, [0; 0]);
        assert_eq!(tx.gaps(here, 0, 9)?, [(9, n), (3, o)]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_event_is_set_aside_once_for_the_last_reason_and_in_its_room() {
    case(|tx| {
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let id = event_id("aside");
        let outlier = SetAside { event_id: id.clone(), pdu: "{}".into(), why: Why::Outlier, reason: None };
        let soft = SetAside { why: Why::SoftFailed, reason: Some("no longer a member".into()), ..outlier.clone() };
        let rejected = SetAside { why: Why::Rejected, ..outlier.clone() };
        for event in [outlier, soft, rejected] {
            tx.set_aside(here, &event)?;
            assert_eq!(tx.set_aside_event(here, &id)?, Some(event));
        }
        assert_eq!(tx.set_aside_event(there, &id)?, None);
        assert!(!tx.remove_set_aside(there, &id)?);
        assert!(tx.remove_set_aside(here, &id)?);
        assert_eq!(tx.set_aside_event(here, &id)?, None);
        assert!(!tx.remove_set_aside(here, &id)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_redaction_waits_for_what_it_redacts() {
    case(|tx| {
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let (target, other) = (event_id("target"), event_id("other"));
        for by in ["b", "a", "b"] {
            tx.add_redaction_ahead(here, &target, &event_id(by))?;
        }
        tx.add_redaction_ahead(here, &other, &event_id("c"))?;
        assert_eq!(tx.redactions_ahead(here, &target)?, ids(["a", "b"]));
        assert_eq!(tx.redactions_ahead(there, &target)?, []);
        tx.remove_redactions_ahead(here, &target)?;
        assert_eq!(tx.redactions_ahead(here, &target)?, []);
        assert_eq!(tx.redactions_ahead(here, &other)?, ids(["c"]));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_state_off_the_line_is_another_but_for_some_entries() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (here, there) = (room(tx, "here")?, room(tx, "there")?);
        let [one, topic, two] = [("name", 1), ("topic", 2), ("name", 3)]
            .map(|(kind, number)| state(ana, &format!("m.room.{kind}"), &json!({ "number": number })));
        for event in [&one, &topic, &two] {
            append(tx, here, event)?;
        }
        let plain = message(ana);
        append(tx, here, &plain)?;
        let (name, topic_kind) = ("m.room.name", "m.room.topic");

        let first = tx.add_state(here, StateBase::Line(2), &[(topic_kind, "", None)])?;
        let second = tx.add_state(here, StateBase::State(first), &[(name, "", Some(&two.event_id))])?;
        let third = tx.add_state(here, StateBase::Line(4), &[(name, "x", Some(&one.event_id))])?;
        let entry = |state, kind: &str, key: &str| {
            Ok::<_, Error>(tx.entry_of_state(here, state, kind, key)?.map(|row| row.event_id))
        };
        assert_eq!((entry(first, name, "")?, entry(first, topic_kind, "")?), (Some(one.event_id.clone()), None));
        assert_eq!((entry(second, name, "")?, entry(second, topic_kind, "")?), (Some(two.event_id.clone()), None));
        assert_eq!(entry(third, name, "")?, Some(two.event_id.clone()));
        assert_eq!(entry(third, name, "x")?, Some(one.event_id.clone()));
        let whole = |state| {
            let mut numbers: Vec<_> = tx.whole_state(here, state)?.into_iter().map(|row| row.seq).collect();
            numbers.sort_unstable();
            Ok::<_, Error>(numbers)
        };
        assert_eq!((whole(first)?, whole(second)?, whole(third)?), (vec![1], vec![3], vec![1, 2, 3]));
        assert!(matches!(tx.entry_of_state(there, first, name, ""), Err(Error::Corrupt(_))), "of another room");
        assert!(matches!(tx.whole_state(there, first), Err(Error::Corrupt(_))), "of another room");
        let unknown = event_id("unknown");
        let refused = tx.add_state(here, StateBase::Line(1), &[(name, "", Some(&unknown))]);
        assert!(matches!(refused, Err(Error::Corrupt(_))), "its events are stored");

        assert_eq!(tx.state_before(here, &plain.event_id)?, None, "it is on the line");
        for state in [first, second] {
            tx.set_state_before(here, &plain.event_id, state)?;
            assert_eq!(tx.state_before(here, &plain.event_id)?, Some(state));
        }
        assert_eq!(tx.state_before(there, &plain.event_id)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_purge_takes_what_a_room_has_off_the_line() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let named = state(ana, "m.room.name", &json!({}));
        let head = append(tx, here, &named)?.seq;
        let off = tx.add_state(here, StateBase::Line(head), &[("m.room.name", "", None)])?;
        tx.set_state_before(here, &named.event_id, off)?;
        tx.add_edges(here, &named.event_id, &ids(["prev"]))?;
        tx.set_extremities(here, &ids(["end"]))?;
        tx.add_gap(here, head, &event_id("missing"))?;
        tx.add_redaction_ahead(here, &event_id("missing"), &named.event_id)?;
        let aside = SetAside { event_id: event_id("aside"), pdu: "{}".into(), why: Why::Outlier, reason: None };
        tx.set_aside(here, &aside)?;
        let kind = "m.room.name".into();
        let gone = ResolvedEntry { kind, state_key: "".into(), event: None, membership: None, summary: None };
        tx.resolve_state(here, head, &[gone])?;
        tx.begin_purge(here)?;
        let left: Vec<_> = tx.rows_of_room(here)?.into_iter().map(|(table, _)| table).collect();
        for table in [
            "edges",
            "extremities",
            "gaps",
            "redactions_ahead",
            "resolutions",
            "set_aside",
            "state_deltas",
            "states",
            "states_before",
        ] {
            assert!(left.iter().any(|name| name == table), "{table}: {left:?}");
        }
        while tx.purge_room_step(here, 2, 0)? {}
        assert_eq!(tx.rows_of_room(here)?, []);
        Ok(())
    })
    .await;
}
