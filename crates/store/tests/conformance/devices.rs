//! Devices and their inboxes.

use im2_model::Reached;
use im2_store::{
    devices::Seen,
    to_device::{InboxLimits, NewToDeviceMessage},
};

use crate::{account, account_with_device, case, device_id, until, user_id};

#[tokio::test]
async fn a_device_is_added_named_seen_and_removed() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let (one, two) = (device_id("ONE"), device_id("TWO"));
        assert!(tx.ensure_device(ana, &two, Some("Phone"), 5)?);
        assert!(!tx.ensure_device(ana, &two, Some("Other"), 6)?, "it is left as it is");
        assert!(tx.ensure_device(ana, &one, None, 7)?);
        assert!(tx.ensure_device(ben, &one, None, 8)?);
        assert_eq!(tx.device_count(ana)?, 2);
        let mut ids = tx.device_ids(ana)?;
        ids.sort();
        assert_eq!(ids, [one.clone(), two.clone()]);
        assert_eq!(tx.devices(ana)?.into_iter().map(|found| found.device_id).collect::<Vec<_>>(), ids);
        let found = tx.device(ana, &two)?.unwrap();
        assert_eq!(
            (found.display_name.as_deref(), found.last_seen_ts, found.last_seen_ip),
            (Some("Phone"), None, None)
        );

        assert!(tx.rename_device(ana, &two, Some("Tele\u{202e}phone"))?);
        assert!(!tx.rename_device(ben, &two, None)?);
        assert_eq!(tx.device(ana, &two)?.unwrap().display_name.as_deref(), Some("Telephone"), "as it is shown");
        assert!(tx.rename_device(ana, &two, None)?);
        assert_eq!(tx.device(ana, &two)?.unwrap().display_name, None);

        let seen = |ts, ip: Option<&str>, agent: Option<&str>| Seen {
            user: ana,
            device_id: two.clone(),
            ts,
            ip: ip.map(Into::into),
            user_agent: agent.map(Into::into),
        };
        let gone = Seen { device_id: device_id("GONE"), ..seen(1, None, None) };
        tx.note_seen(&[seen(20, Some("1.2.3.4"), Some("client")), gone, seen(30, None, None)])?;
        let found = tx.device(ana, &two)?.unwrap();
        assert_eq!(found.last_seen_ts, Some(30));
        assert_eq!(found.last_seen_ip.as_deref(), Some("1.2.3.4"), "what is not known is left");
        assert_eq!(found.last_seen_user_agent.as_deref(), Some("client"));

        assert_eq!(tx.oldest_device(ana, 100)?, Some(one.clone()), "seen when it was made");
        assert_eq!(tx.oldest_device(ana, 7)?, None);
        assert!(tx.remove_device(ana, &one)?);
        assert!(!tx.remove_device(ana, &one)?);
        assert_eq!(tx.device(ana, &one)?, None);
        assert_eq!(tx.device_count(ben)?, 1);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_inbox_keeps_messages_in_order_until_they_are_acknowledged() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (ben, other) = account_with_device(tx, "ben", "D")?;
        let limits = InboxLimits { messages: 3, bytes: 100 };
        assert!(!tx.has_to_device(ana, &device)?);
        let mut at = Vec::new();
        for number in 0..4 {
            let (position, content) = (tx.next_position(), format!("{{\"n\":{number}}}"));
            let message = NewToDeviceMessage { position, sender: ben, kind: "m.x", content: &content };
            assert_eq!(tx.add_to_device(ana, &device, message, limits)?, usize::from(number == 3));
            at.push(position);
        }
        assert!(tx.has_to_device(ana, &device)?);
        assert!(!tx.has_to_device(ben, &other)?);
        let contents = |tx: &crate::Tx<'_>, after: &Reached, to: &Reached, limit| {
            let found = tx.to_device(ana, &device, after, to, limit)?;
            Ok::<_, im2_store::Error>(found.into_iter().map(|message| message.content).collect::<Vec<_>>())
        };
        let (nothing, all) = (Reached::default(), until(at[3]));
        assert_eq!(contents(tx, &nothing, &all, 9)?, ["{\"n\":1}", "{\"n\":2}", "{\"n\":3}"], "the oldest was dropped");
        assert_eq!(contents(tx, &nothing, &all, 1)?, ["{\"n\":1}"]);
        assert_eq!(contents(tx, &until(at[1]), &until(at[2]), 9)?, ["{\"n\":2}"]);
        let first = tx.to_device(ana, &device, &nothing, &all, 1)?.remove(0);
        assert_eq!((first.position, first.sender, first.kind.as_str()), (at[1], user_id("ben"), "m.x"));
        let message = NewToDeviceMessage { position: at[3], sender: ben, kind: "m.x", content: "{}" };
        assert!(tx.add_to_device(ana, &device, message, limits).unwrap_err().is_duplicate(), "one at a position");

        assert_eq!(tx.remove_to_device(ana, &device, &until(at[2]))?, 2);
        assert_eq!(contents(tx, &nothing, &all, 9)?, ["{\"n\":3}"]);
        let position = tx.next_position();
        let long = format!("{{\"n\":\"{}\"}}", "x".repeat(95));
        let message = NewToDeviceMessage { position, sender: ben, kind: "m.x", content: &long };
        assert_eq!(tx.add_to_device(ana, &device, message, limits)?, 1, "there is no room for others beside it");
        let position = tx.next_position();
        assert_eq!(contents(tx, &nothing, &until(position), 9)?, [long]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_request_to_devices_is_carried_out_once() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        assert!(!tx.is_to_device_transaction(ana, &device, "m.x", "t1")?);
        assert!(tx.begin_to_device_transaction(ana, &device, "m.x", "t1", 10, 0)?);
        assert!(!tx.begin_to_device_transaction(ana, &device, "m.x", "t1", 11, 0)?);
        assert!(tx.begin_to_device_transaction(ana, &device, "m.y", "t1", 12, 0)?, "another type");
        assert!(tx.is_to_device_transaction(ana, &device, "m.x", "t1")?);
        assert!(tx.begin_to_device_transaction(ana, &device, "m.x", "t2", 20, 11)?);
        assert!(!tx.is_to_device_transaction(ana, &device, "m.x", "t1")?, "forgotten");
        assert!(tx.is_to_device_transaction(ana, &device, "m.y", "t1")?);
        tx.remove_device(ana, &device)?;
        assert!(!tx.is_to_device_transaction(ana, &device, "m.y", "t1")?, "gone with the device");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn filled_inboxes_are_of_those_who_are_wanted() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (ben, other) = account_with_device(tx, "ben", "E")?;
        let limits = InboxLimits { messages: 9, bytes: 100 };
        for (user, device) in [(ana, &device), (ana, &device), (ben, &other)] {
            let message = NewToDeviceMessage { position: tx.next_position(), sender: ana, kind: "m.x", content: "{}" };
            tx.add_to_device(user, device, message, limits)?;
        }
        assert_eq!(tx.filled_inboxes(|user| *user == user_id("ben"))?, [(ben, other)]);
        assert_eq!(tx.filled_inboxes(|_| true)?.len(), 2, "each device once");
        assert_eq!(tx.filled_inboxes(|_| false)?.len(), 0);
        Ok(())
    })
    .await;
}
