//! Reports, blocked rooms, tasks, notices, and lists of events and media by user.

use im2_store::{
    blobs::Digest,
    media::Content,
    reports::{NewReport, ReportKind, ReportsQuery},
    rooms::{NewEvent, Redaction},
    statistics::{UserMediaOrder, UserMediaQuery},
    tasks::Task,
    user_content::SentQuery,
};
use serde_json::json;

use crate::{account, append, case, event, event_id, member, message, room, room_id, state, user_id};

#[tokio::test]
async fn a_room_is_blocked_by_whoever_did_it_first() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        assert_eq!(tx.room_blocked_by(&room_id("bad"))?, None);
        tx.block_room(&room_id("bad"), ana, 1)?;
        tx.block_room(&room_id("bad"), ben, 2)?;
        assert_eq!(tx.room_blocked_by(&room_id("bad"))?, Some(user_id("ana")));
        assert_eq!(tx.blocked_rooms()?, ["!bad:example.org"]);
        tx.unblock_room(&room_id("bad"))?;
        assert_eq!(tx.blocked_rooms()?, [""; 0]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn reports_are_listed_by_what_they_are_about() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        append(tx, here, &state(ana, "m.room.name", &json!({ "name": "Zoo" })))?;
        append(tx, here, &state(ana, "m.room.canonical_alias", &json!({ "alias": "#zoo:example.org" })))?;
        let new = |kind, reporter, target| NewReport {
            kind,
            reporter,
            room: Some(here),
            event_id: Some(event_id("bad")),
            target,
            reason: Some("spam".into()),
            score: Some(-50),
            received_ts: 9,
        };
        let first = tx.add_report(&new(ReportKind::Event, ana, Some(ben)))?;
        let second = tx.add_report(&new(ReportKind::Event, ben, None))?;
        let user = NewReport { room: None, event_id: None, ..new(ReportKind::User, ana, Some(ben)) };
        tx.add_report(&user)?;
        let report = tx.report(ReportKind::Event, first)?.unwrap();
        assert_eq!((report.id, report.kind.as_str(), report.reporter.as_str()), (first, "event", "@ana:example.org"));
        assert_eq!((report.room, report.room_id.as_deref()), (Some(here), Some("!here:example.org")));
        assert_eq!(
            (report.room_name.as_deref(), report.canonical_alias.as_deref()),
            (Some("Zoo"), Some("#zoo:example.org"))
        );
        assert_eq!((report.event_id.as_deref(), report.target.as_deref()), (Some("$bad"), Some("@ben:example.org")));
        assert_eq!((report.reason.as_deref(), report.score, report.received_ts), (Some("spam"), Some(-50), 9));
        assert_eq!(tx.report(ReportKind::User, first)?, None);

        let find = |query: ReportsQuery| {
            let (found, total) = tx.reports(ReportKind::Event, &query)?;
            Ok::<_, im2_store::Error>((found.into_iter().map(|one| one.id).collect::<Vec<_>>(), total))
        };
        let all = ReportsQuery { limit: 9, ..ReportsQuery::default() };
        assert_eq!(find(all.clone())?, (vec![second, first], 2));
        assert_eq!(find(ReportsQuery { oldest_first: true, limit: 1, ..all.clone() })?, (vec![first], 2));
        assert_eq!(find(ReportsQuery { from: 1, ..all.clone() })?, (vec![first], 2));
        assert_eq!(find(ReportsQuery { reporter: Some("BEN".into()), ..all.clone() })?, (vec![second], 1));
        assert_eq!(find(ReportsQuery { target: Some("ben".into()), ..all.clone() })?, (vec![first], 1));
        assert_eq!(find(ReportsQuery { room_id: Some("!other".into()), ..all })?, (vec![], 0));
        assert_eq!((tx.reports_by(ana)?, tx.reports_by(ben)?), (2, 1));
        assert!(tx.is_reported_room(here)?);
        assert!(!tx.delete_report(ReportKind::User, first)?);
        assert!(tx.delete_report(ReportKind::Event, first)?);
        assert!(tx.delete_report(ReportKind::Event, second)?);
        assert!(!tx.is_reported_room(here)?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn tasks_have_a_status_and_are_forgotten_when_they_have_ended() {
    case(|tx| {
        let task = |id: &str, kind: &str, ts| Task {
            id: id.into(),
            kind: kind.into(),
            resource: "!here:example.org".into(),
            status: "active".into(),
            request: "{\"a\":1}".into(),
            result: "{}".into(),
            error: None,
            changed_ts: ts,
        };
        tx.add_task(&task("one", "delete_room", 1))?;
        tx.add_task(&task("two", "delete_room", 2))?;
        tx.add_task(&Task { resource: "!x".into(), ..task("three", "purge_history", 3) })?;
        assert!(tx.add_task(&task("one", "delete_room", 1)).unwrap_err().is_duplicate());
        assert_eq!(tx.task("one")?, Some(task("one", "delete_room", 1)));
        assert_eq!(tx.task("none")?, None);
        let names = |tasks: Vec<Task>| tasks.into_iter().map(|task| task.id).collect::<Vec<_>>();
        assert_eq!(names(tx.tasks(None, None, 9)?), ["three", "two", "one"]);
        assert_eq!(names(tx.tasks(Some("delete_room"), None, 1)?), ["two"]);
        assert_eq!(names(tx.tasks(None, Some("!x"), 9)?), ["three"]);
        tx.set_task("one", "failed", "{\"n\":1}", Some("no"), 5)?;
        let found = tx.task("one")?.unwrap();
        assert_eq!((found.status.as_str(), found.result.as_str()), ("failed", "{\"n\":1}"));
        assert_eq!((found.error.as_deref(), found.changed_ts), (Some("no"), 5));
        assert_eq!(tx.forget_tasks_before(5)?, 0);
        assert_eq!(tx.forget_tasks_before(6)?, 1, "only those that have ended");
        assert_eq!(names(tx.tasks(None, None, 9)?), ["three", "two"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_user_sent_is_listed_without_redactions() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        append(tx, here, &NewEvent { ts: 1, ..member(ana, "ana", "join") })?;
        let said = NewEvent { ts: 2, ..message(ana) };
        append(tx, here, &said)?;
        append(tx, here, &NewEvent { ts: 3, ..event(ana, "m.room.message", &json!({ "membership": 7 })) })?;
        append(tx, here, &NewEvent { ts: 4, ..message(ben) })?;
        let redaction = Redaction {
            target: said.event_id.clone(),
            pdu: json!({ "type": "m.room.message" }).to_string().into(),
            terms: None,
            summary: None,
        };
        append(
            tx,
            here,
            &NewEvent { ts: 5, redaction: Some(redaction), ..event(ana, "m.room.redaction", &json!({})) },
        )?;
        let query = SentQuery { room: here, sender: ana, after: None, before: None, limit: 9 };
        let found = tx.sent_events(query)?;
        assert_eq!(
            found.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(),
            ["m.room.message", "m.room.message", "m.room.member"]
        );
        assert_eq!((&found[1].event_id, found[1].is_redacted, found[1].is_state), (&said.event_id, true, false));
        assert_eq!(found[0].membership, None, "it is no text");
        assert_eq!((found[2].membership.as_deref(), found[2].is_state), (Some("join"), true));
        assert_eq!(tx.sent_events(SentQuery { after: Some(2), before: Some(2), ..query })?.len(), 1);
        assert_eq!(tx.sent_events(SentQuery { limit: 2, ..query })?.len(), 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_media_of_users_is_summed_up() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        tx.set_profile_field(ana, "displayname", "\"Zora\"")?;
        let content = |size| Content { digest: Digest([size as u8; 32]), size, content_type: None, filename: None };
        tx.add_media("one", Some(ana), &content(10), 100)?;
        tx.add_media("two", Some(ana), &content(20), 200)?;
        tx.add_media("three", Some(ben), &content(90), 300)?;
        tx.add_media("server", None, &content(50), 300)?;
        let all = UserMediaQuery { limit: 9, ..UserMediaQuery::default() };
        let (found, total) = tx.users_media(&all)?;
        assert_eq!((found.len(), total), (2, 2));
        assert_eq!((found[0].user_id.as_str(), found[0].displayname.as_deref()), ("@ana:example.org", Some("Zora")));
        assert_eq!((found[0].media_count, found[0].media_length), (2, 30));
        let find = |query: UserMediaQuery| {
            let (found, total) = tx.users_media(&query)?;
            Ok::<_, im2_store::Error>((found.into_iter().map(|one| one.media_length).collect::<Vec<_>>(), total))
        };
        let by_length = UserMediaQuery { order: UserMediaOrder::MediaLength, reversed: true, ..all.clone() };
        assert_eq!(find(by_length)?, (vec![90, 30], 2));
        assert_eq!(find(UserMediaQuery { from: 1, limit: 1, ..all.clone() })?, (vec![90], 2));
        assert_eq!(find(UserMediaQuery { from_ts: Some(200), until_ts: Some(200), ..all.clone() })?, (vec![20], 1));
        assert_eq!(find(UserMediaQuery { search: Some("zor".into()), ..all.clone() })?, (vec![30], 1));
        assert_eq!(find(UserMediaQuery { search: Some("ben".into()), ..all })?, (vec![90], 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn notices_have_a_room_of_their_own_and_storage_is_known() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let (one, two) = (room(tx, "one")?, room(tx, "two")?);
        assert_eq!(tx.server_notice_room(ana)?, None);
        tx.set_server_notice_room(ana, one)?;
        tx.set_server_notice_room(ana, two)?;
        assert_eq!(tx.server_notice_room(ana)?, Some(two));
        let shares = tx.storage()?;
        assert!(shares.iter().any(|share| share.name == "events" && share.bytes >= share.used));
        assert!(shares.is_sorted_by(|one, other| one.bytes >= other.bytes), "the largest first");
        Ok(())
    })
    .await;
}
