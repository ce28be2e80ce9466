//! Relations between events, and threads.

use im2_model::{EventId, Reached, RoomNid, UserNid};
use im2_store::{
    Result,
    rooms::{Direction, NewEvent, RelatedQuery, Relation},
};
use serde_json::json;

use crate::{Tx, account, append, case, event, event_id, message, room, until};

/// An event that refers to another.
fn relating(sender: UserNid, kind: &str, rel_type: &str, target: &EventId, key: Option<&str>) -> NewEvent {
    let relation = Relation { target: target.clone(), rel_type: rel_type.into(), key: key.map(Into::into) };
    NewEvent { relation: Some(relation), ..event(sender, kind, &json!({})) }
}

/// A room of two users with a message (1), a reply in its thread by Ben (2), a reaction by Ana (3), an edit (4), a
/// reference (5), a reaction to the reply (6), and a second reply by Ben (7).
fn conversation(tx: &mut Tx<'_>) -> Result<(RoomNid, UserNid, UserNid, Vec<EventId>)> {
    let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
    let here = room(tx, "here")?;
    let root = message(ana);
    let mut ids = vec![root.event_id.clone()];
    append(tx, here, &root)?;
    let reply = relating(ben, "m.room.message", "m.thread", &root.event_id, None);
    let all = [
        reply.clone(),
        relating(ana, "m.reaction", "m.annotation", &root.event_id, Some("+1")),
        relating(ana, "m.room.message", "m.replace", &root.event_id, None),
        relating(ben, "m.poll", "m.reference", &root.event_id, None),
        relating(ana, "m.reaction", "m.annotation", &reply.event_id, Some("+1")),
        relating(ben, "m.room.message", "m.thread", &root.event_id, None),
    ];
    for event in all {
        append(tx, here, &event)?;
        ids.push(event.event_id);
    }
    Ok((here, ana, ben, ids))
}

#[tokio::test]
async fn relations_are_found_by_type_kind_and_place() {
    case(|tx| {
        let (here, .., ids) = conversation(tx)?;
        let query = RelatedQuery {
            target: ids[0].clone(),
            rel_type: None,
            kind: None,
            from_seq: None,
            direction: Direction::Forward,
            recurse: false,
            limit: 9,
        };
        let find = |query: RelatedQuery| {
            let found = tx.related(here, &query)?.into_iter().filter(|one| one.is_wanted).map(|one| one.seq);
            Ok::<_, im2_store::Error>(found.collect::<Vec<_>>())
        };
        assert_eq!(find(query.clone())?, [2, 3, 4, 5, 7]);
        assert_eq!(find(RelatedQuery { recurse: true, ..query.clone() })?, [2, 3, 4, 5, 6, 7]);
        assert_eq!(find(RelatedQuery { direction: Direction::Backward, ..query.clone() })?, [7, 5, 4, 3, 2]);
        assert_eq!(find(RelatedQuery { from_seq: Some(3), limit: 2, ..query.clone() })?, [4, 5]);
        assert_eq!(find(RelatedQuery { rel_type: Some("m.thread".into()), ..query.clone() })?, [2, 7]);
        assert_eq!(find(RelatedQuery { kind: Some("m.poll".into()), ..query.clone() })?, [5]);
        assert_eq!(find(RelatedQuery { target: event_id("none"), ..query })?, [0; 0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn relations_are_told_by_what_they_mean() {
    case(|tx| {
        let (here, ana, ben, ids) = conversation(tx)?;
        let referring = tx.referring_events(here, &ids[0], 9)?;
        let referring: Vec<_> = referring.iter().map(|one| (one.seq, one.rel_type.as_str())).collect();
        assert_eq!(referring, [(3, "m.annotation"), (4, "m.replace"), (5, "m.reference")], "but for the thread's");
        let first = tx.referring_events(here, &ids[0], 1)?.remove(0);
        assert_eq!((first.event_id, first.sender), (ids[2].clone(), ana));
        let children = |rel_type: &str, limit| {
            let found = tx.newest_children(here, &ids[0], rel_type, limit)?;
            Ok::<_, im2_store::Error>(found.into_iter().map(|row| row.seq).collect::<Vec<_>>())
        };
        assert_eq!(children("m.thread", 9)?, [7, 2]);
        assert_eq!(children("m.thread", 1)?, [7]);
        assert_eq!((children("m.replace", 9)?, children("m.reference", 9)?), (vec![4], vec![5]));
        assert_eq!(children("m.annotation", 9)?, [0; 0], "not bundled");
        assert!(tx.is_annotated(here, &ids[0], "m.reaction", "+1", ana)?);
        assert!(!tx.is_annotated(here, &ids[0], "m.reaction", "-1", ana)?);
        assert!(!tx.is_annotated(here, &ids[0], "m.reaction", "+1", ben)?);
        let more = tx.conversation_events(here, 2, 7, 9)?;
        assert_eq!(more.into_iter().map(|row| row.seq).collect::<Vec<_>>(), [5, 7]);
        assert_eq!(tx.conversation_events(here, 0, 7, 1)?.remove(0).seq, 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn threads_have_roots_and_replies() {
    case(|tx| {
        let (here, ana, ben, ids) = conversation(tx)?;
        let summary = tx.thread_summary(here, &ids[0], ben)?;
        assert_eq!((summary.count, summary.by_user), (2, true));
        assert!(!tx.thread_summary(here, &ids[0], ana)?.by_user);
        assert_eq!(tx.thread_summary(here, &ids[1], ana)?.count, 0);
        append(tx, here, &relating(ana, "m.room.message", "m.thread", &ids[3], None))?; // 8
        let roots = |until, from, taken_part, limit| {
            let found = tx.thread_roots(here, until, from, taken_part, limit)?;
            Ok::<_, im2_store::Error>(found.into_iter().map(|(row, latest)| (row.seq, latest)).collect::<Vec<_>>())
        };
        assert_eq!(roots(9, 9, None, 9)?, [(4, 8), (1, 7)], "the latest first");
        assert_eq!(roots(9, 9, None, 1)?, [(4, 8)]);
        assert_eq!(roots(9, 7, None, 9)?, [(1, 7)]);
        assert_eq!(roots(6, 9, None, 9)?, [(1, 2)], "later replies do not count");
        assert_eq!(roots(9, 9, Some(ben), 9)?, [(1, 7)]);
        assert_eq!(roots(9, 9, Some(ana), 9)?, [(4, 8), (1, 7)], "she started the one");
        let replies = tx.thread_replies(here, 8, 9)?;
        let found: Vec<_> = replies.iter().map(|one| (one.seq, &one.root, &one.event_id)).collect();
        assert_eq!(found, [(7, &ids[0], &ids[6]), (2, &ids[0], &ids[1])]);
        assert_eq!(tx.thread_replies(here, 9, 1)?.remove(0).seq, 8);
        let (first, last) = (replies[1].position, replies[0].position);
        assert_eq!(tx.newest_reply(here, &ids[0], &until(last))?, Some(last));
        assert_eq!(tx.newest_reply(here, &ids[0], &until(first))?, Some(first));
        assert_eq!(tx.newest_reply(here, &ids[0], &Reached::default())?, None);
        Ok(())
    })
    .await;
}
