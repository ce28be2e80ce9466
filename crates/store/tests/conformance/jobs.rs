//! Jobs, delayed events, and deliveries to application services.

use im2_model::{RoomNid, UserNid};
use im2_store::{
    Result,
    appservices::Delivery,
    delayed_events::{DelayedEvent, Outcome},
    jobs::Job,
};

use crate::{Tx, account, case, device_id, event_id, room, room_id, until};

fn kinds(jobs: Vec<Job>) -> Vec<String> {
    jobs.into_iter().map(|job| job.kind).collect()
}

#[tokio::test]
async fn jobs_are_due_in_the_order_of_their_times() {
    case(|tx| {
        tx.add_job("late", "{}", 30)?;
        tx.add_job("early", "{\"a\":1}", 10)?;
        let numbered = tx.add_numbered_job("middle", "{}", 20)?;
        assert_eq!(kinds(tx.due_jobs(20, 9)?), ["early", "middle"]);
        assert_eq!(kinds(tx.due_jobs(99, 1)?), ["early"]);
        assert_eq!(kinds(tx.due_jobs(9, 9)?), [""; 0]);
        let job = tx.due_jobs(10, 1)?.remove(0);
        assert_eq!((job.payload.as_str(), job.attempts), ("{\"a\":1}", 0));
        let named = |name: &str, id: i64| (id, name.to_owned());
        assert_eq!(tx.unclaimed_jobs(20, 9)?, [named("early", job.id), named("middle", numbered)]);
        assert_eq!(tx.unclaimed_jobs(20, 1)?, [named("early", job.id)]);
        assert_eq!(tx.unclaimed_jobs_of("middle", 20, 9)?, [numbered]);
        assert_eq!(tx.unclaimed_jobs_of("middle", 20, 0)?, [0; 0]);
        assert_eq!(tx.unclaimed_jobs_of("middle", 19, 9)?, [0; 0]);
        assert!(tx.is_job_waiting("late", 29)?);
        assert!(!tx.is_job_waiting("late", 30)?);
        assert_eq!((tx.next_job_after(10)?, tx.next_job_after(30)?), (Some(20), None));
        tx.remove_job(numbered)?;
        tx.remove_job(numbered)?;
        assert_eq!(kinds(tx.due_jobs(99, 9)?), ["early", "late"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_job_is_one_nodes_until_its_claim_runs_out_or_is_given_up() {
    case(|tx| {
        let [first, second, later] = [1, 1, 50].map(|run_at| tx.add_numbered_job("work", "{}", run_at).unwrap());
        let claim = |tx: &Tx<'_>, node, now| -> Result<Vec<i64>> {
            let claimed = tx.claim_jobs(&[second, first, later], node, now, now + 100)?;
            Ok(claimed.into_iter().map(|job| job.id).collect())
        };
        assert_eq!(tx.claim_jobs(&[], 1, 10, 110)?, []);
        assert_eq!(tx.claim_jobs(&[first], 1, 10, 110)?, tx.due_jobs(10, 1)?);
        assert_eq!(claim(tx, 2, 10)?, [second], "another has claimed the first, and the last is not due");
        assert_eq!(claim(tx, 1, 10)?, [0; 0], "each has been claimed");
        assert_eq!(tx.due_jobs(10, 9)?.len(), 2, "who runs them makes no difference to that");
        assert_eq!((tx.unclaimed_jobs(10, 9)?, tx.unclaimed_jobs_of("work", 10, 9)?), (vec![], vec![]));
        assert_eq!(tx.unclaimed_jobs_of("work", 109, 9)?, [later]);
        assert_eq!(tx.unclaimed_jobs_of("work", 110, 9)?, [first, second, later]);

        assert_eq!(tx.renew_claims(&[], 1, 500)?, [0; 0]);
        assert_eq!(tx.renew_claims(&[first, second], 1, 500)?, [first], "the second is not its own");
        assert_eq!(claim(tx, 3, 499)?, [second, later], "of those, one was renewed");
        assert_eq!(tx.renew_claims(&[second], 2, 600)?, [0; 0], "it was taken over");
        assert_eq!(tx.renew_claims(&[first], 1, 550)?, [first]);
        assert_eq!(tx.give_up_claims(3)?, 2);
        assert_eq!(tx.give_up_claims(3)?, 0);
        assert_eq!(claim(tx, 2, 510)?, [second, later], "they were given up, and the first was not");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn many_jobs_are_claimed_at_once() {
    case(|tx| {
        let jobs: Vec<i64> = (0..150).map(|_| tx.add_numbered_job("work", "{}", 1).unwrap()).collect();
        let claimed: Vec<i64> = tx.claim_jobs(&jobs, 1, 1, 9)?.into_iter().map(|job| job.id).collect();
        assert_eq!(claimed, jobs);
        let mut renewed = tx.renew_claims(&jobs, 1, 99)?;
        renewed.sort_unstable();
        assert_eq!(renewed, jobs);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn only_the_claimant_records_what_became_of_a_job() {
    case(|tx| {
        let job = tx.add_numbered_job("work", "{}", 1)?;
        assert!(!tx.finish_job(job, 1)?, "nobody has claimed it");
        assert!(!tx.retry_job(job, 1, "no", 5)?);
        tx.claim_jobs(&[job], 1, 1, 100)?;
        tx.claim_jobs(&[job], 2, 100, 200)?;
        assert!(!tx.finish_job(job, 1)?, "too late: another runs it");
        assert!(!tx.retry_job(job, 1, "no", 5)?, "too late: another runs it");
        assert_eq!(tx.unclaimed_jobs(199, 9)?, [], "the claim stands");
        assert_eq!(tx.due_jobs(100, 9)?.remove(0).attempts, 0);
        assert!(tx.retry_job(job, 2, "no", 500)?);
        assert!(!tx.finish_job(job, 2)?, "its claim ended with the attempt");
        assert_eq!(tx.due_jobs(499, 9)?, []);
        assert_eq!(tx.due_jobs(500, 9)?.remove(0).attempts, 1);
        assert_eq!(tx.claim_jobs(&[job], 1, 500, 600)?.len(), 1);
        assert!(tx.finish_job(job, 1)?);
        assert!(!tx.finish_job(job, 1)?);
        assert_eq!(tx.due_jobs(999, 9)?, []);
        Ok(())
    })
    .await;
}

fn delayed(user: UserNid, room: RoomNid, delay_id: &str, scheduled_at: u64, job: i64) -> DelayedEvent {
    DelayedEvent {
        delay_id: delay_id.into(),
        user,
        device_id: device_id("D"),
        room,
        room_id: room_id("here"),
        kind: "m.x".into(),
        state_key: Some(String::new()),
        txn_id: Some(format!("txn{delay_id}")),
        content: "{\"a\":1}".into(),
        ts: Some(5),
        delay: 10,
        scheduled_at,
        job,
        outcome: None,
    }
}

fn ids(events: Vec<DelayedEvent>) -> Vec<String> {
    events.into_iter().map(|event| event.delay_id).collect()
}

#[tokio::test]
async fn a_delayed_event_is_scheduled_until_it_has_an_outcome() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        let here = room(tx, "here")?;
        let first = delayed(ana, here, "one", 200, 1);
        tx.add_delayed_event(&first)?;
        tx.add_delayed_event(&delayed(ana, here, "two", 100, 2))?;
        let same = DelayedEvent { delay_id: "x".into(), ..first.clone() };
        assert!(tx.add_delayed_event(&same).unwrap_err().is_duplicate(), "its transaction was used before");
        assert_eq!(tx.delayed_event("one")?, Some(first));
        assert_eq!(tx.delayed_event("none")?, None);
        assert_eq!(tx.delayed_event_of(ana, &device_id("D"), here, "m.x", "txntwo")?.as_deref(), Some("two"));
        assert_eq!(tx.delayed_event_of(ana, &device_id("D"), here, "m.y", "txntwo")?, None);
        assert_eq!(ids(tx.scheduled_events_of(ana)?), ["two", "one"], "the next first");
        assert_eq!(tx.scheduled_events_count(ana)?, (2, Some(110)));
        assert_eq!(ids(tx.due_events(110, 9)?), ["two"]);
        assert_eq!(ids(tx.due_events(999, 1)?), ["two"]);
        assert_eq!(ids(tx.events_scheduled_after(150, 9)?), ["one"]);
        tx.restart_delayed_event("two", 300, 7)?;
        let found = tx.delayed_event("two")?.unwrap();
        assert_eq!((found.scheduled_at, found.job, found.due_at()), (300, 7, 310));

        let sent = Outcome { at: 400, event_id: Some(event_id("sent")), error: None };
        tx.finalise_delayed_event("two", &sent)?;
        tx.finalise_delayed_event("two", &Outcome { at: 500, event_id: None, error: Some("{}".into()) })?;
        let found = tx.delayed_event("two")?.unwrap();
        assert_eq!((found.content.as_str(), found.outcome), ("{}", Some(sent)), "the first outcome counts");
        tx.finalise_delayed_event("one", &Outcome { at: 600, event_id: None, error: None })?;
        assert_eq!(tx.delayed_event("one")?.unwrap().content, "{\"a\":1}", "it was not sent");
        assert_eq!(tx.scheduled_events_count(ana)?, (0, None));
        assert_eq!(ids(tx.finalised_events_of(ana, 9)?), ["one", "two"], "the last first");
        assert_eq!(ids(tx.finalised_events_of(ana, 1)?), ["one"]);
        tx.forget_finalised_events_before(500)?;
        assert_eq!(ids(tx.finalised_events_of(ana, 9)?), ["one"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn delayed_events_are_forgotten_with_their_jobs() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let here = room(tx, "here")?;
        for (number, name) in (1..).zip(["a", "b", "c"]) {
            tx.add_delayed_event(&delayed(ana, here, name, 100, 0))?;
            tx.finalise_delayed_event(name, &Outcome { at: number, event_id: None, error: None })?;
        }
        tx.forget_finalised_events_of(ana, 2)?;
        assert_eq!(ids(tx.finalised_events_of(ana, 9)?), ["c", "b"]);
        tx.forget_finalised_events_of(ben, 0)?;
        let (job, other) = (tx.add_numbered_job("send", "{}", 1)?, tx.add_numbered_job("send", "{}", 1)?);
        tx.add_delayed_event(&delayed(ana, here, "d", 100, job))?;
        tx.add_delayed_event(&delayed(ben, here, "e", 100, other))?;
        tx.forget_delayed_events_of(ana)?;
        assert_eq!((ids(tx.finalised_events_of(ana, 9)?), ids(tx.scheduled_events_of(ana)?)), (vec![], vec![]));
        assert_eq!(tx.due_jobs(9, 9)?.into_iter().map(|job| job.id).collect::<Vec<_>>(), [other]);
        assert_eq!(ids(tx.scheduled_events_of(ben)?), ["e"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_service_goes_on_where_it_was() {
    case(|tx| {
        let (first_place, place) = (until(tx.next_position()), until(tx.next_position()));
        assert_eq!(tx.service_delivery("irc")?, None);
        tx.begin_service("irc", "to/", (1, &first_place))?;
        let new = Delivery { began_ts: 1, number: 0, body: None };
        assert_eq!(tx.service_delivery("irc")?, Some(new.clone()));
        assert_eq!(tx.follower_reached("to/irc")?, Some(first_place));
        let first = Delivery { number: 1, body: Some("{}".into()), ..new };
        tx.put_service_delivery("irc", &first)?;
        tx.put_service_delivery("xmpp", &first)?;
        for name in ["to/irc", "to/xmpp", "from/xmpp"] {
            tx.save_follower(name, &place)?;
        }
        let later = until(tx.next_position());
        tx.begin_service("irc", "to/", (5, &later))?;
        assert_eq!((tx.service_delivery("irc")?, tx.follower_reached("to/irc")?), (Some(first), Some(place.clone())));
        let second = Delivery { began_ts: 9, number: 2, body: None };
        tx.put_service_delivery("irc", &second)?;
        assert_eq!(tx.service_delivery("irc")?, Some(Delivery { began_ts: 1, ..second }), "it began once");
        tx.forget_other_services(&["irc", "other"], "to/")?;
        assert!(tx.service_delivery("irc")?.is_some() && tx.follower_reached("to/irc")?.is_some());
        assert_eq!((tx.service_delivery("xmpp")?, tx.follower_reached("to/xmpp")?), (None, None));
        assert_eq!(tx.follower_reached("from/xmpp")?, Some(place), "of no service");
        tx.forget_other_services(&[], "to/")?;
        assert_eq!((tx.service_delivery("irc")?, tx.follower_reached("to/irc")?), (None, None));
        Ok(())
    })
    .await;
}
