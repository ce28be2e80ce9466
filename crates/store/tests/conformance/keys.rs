//! Keys of end-to-end encryption, and their backups.

use im2_store::{
    e2ee::{CrossSigningKey, FallbackKey, KeySignature, OneTimeKey},
    key_backup::{BackedUpSession, SessionPlace},
};

use crate::{account, account_with_device, case, committed, device_id, token, until, user_id};

fn one_time(key_id: &str) -> OneTimeKey {
    OneTimeKey { algorithm: "signed_curve25519".into(), key_id: key_id.into(), key: format!("\"{key_id}\"") }
}

#[tokio::test]
async fn one_time_keys_are_handed_out_once_in_the_order_of_their_uploads() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (first, second) = (tx.next_position(), tx.next_position());
        for (position, key) in [(second, "A"), (first, "C"), (first, "B")] {
            tx.add_one_time_key(ana, &device, &one_time(key), position)?;
        }
        tx.add_one_time_key(ana, &device, &OneTimeKey { algorithm: "other".into(), ..one_time("X") }, first)?;
        let ids: Vec<_> = tx.one_time_keys(ana, &device)?.into_iter().map(|key| key.key_id).collect();
        assert_eq!(ids, ["X", "B", "C", "A"]);
        let counts = tx.key_counts(ana, &device)?;
        assert_eq!(counts.one_time, [("other".to_owned(), 1), ("signed_curve25519".to_owned(), 3)]);
        for key in ["B", "C", "A"] {
            assert_eq!(tx.take_one_time_key(ana, &device, "signed_curve25519")?, Some(one_time(key)));
        }
        assert_eq!(tx.take_one_time_key(ana, &device, "signed_curve25519")?, None);
        assert_eq!(tx.one_time_keys(ana, &device)?.len(), 1);

        assert!(!tx.is_spent(ana, &[1; 16])?);
        tx.note_spent(ana, &[1; 16])?;
        tx.note_spent(ana, &[1; 16])?;
        assert!(tx.is_spent(ana, &[1; 16])?);
        assert!(!tx.is_spent(ana, &[2; 16])?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_fallback_key_stays_and_is_marked() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        assert_eq!(tx.fallback_key(ana, &device, "signed_curve25519")?, None);
        tx.set_fallback_key(ana, &device, &one_time("A"), true)?;
        tx.set_fallback_key(ana, &device, &one_time("B"), false)?;
        assert_eq!(tx.fallback_key_count(ana, &device)?, 1);
        let found = FallbackKey { key_id: "B".into(), key: "\"B\"".into(), used: false };
        assert_eq!(tx.fallback_key(ana, &device, "signed_curve25519")?, Some(found));
        assert_eq!(tx.key_counts(ana, &device)?.unused_fallback, ["signed_curve25519"]);
        tx.mark_fallback_used(ana, &device, "signed_curve25519")?;
        assert!(tx.fallback_key(ana, &device, "signed_curve25519")?.unwrap().used);
        assert!(tx.key_counts(ana, &device)?.unused_fallback.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn changes_of_key_counts_are_found_between_two_places() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (ben, other) = account_with_device(tx, "ben", "E")?;
        assert_eq!(tx.key_counts_changed(ana, &device)?, None);
        let at = [(); 4].map(|()| tx.next_position());
        tx.note_key_counts(ana, &device, at[0])?;
        tx.note_key_counts(ana, &device, at[1])?;
        tx.note_key_counts(ben, &other, at[3])?;
        assert_eq!(tx.key_counts_changed(ana, &device)?, Some(at[1]));
        let found = tx.key_counts_changed_between(&until(at[0]), &until(at[2]))?;
        assert_eq!(found, [(ana, device, at[1])]);
        assert_eq!(tx.key_counts_changed_between(&until(at[1]), &until(at[2]))?, []);
        assert_eq!(tx.key_counts_changed_between(&until(at[2]), &until(at[3]))?, [(ben, other, at[3])]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn device_keys_go_with_their_device() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "B")?;
        let second = device_id("A");
        tx.ensure_device(ana, &second, Some("Phone"), 1)?;
        tx.set_device_keys(ana, &device, "{}")?;
        tx.set_device_keys(ana, &device, "{\"a\":1}")?;
        tx.set_device_keys(ana, &second, "{}")?;
        let found = tx.device_keys(ana)?;
        let found: Vec<_> = found.iter().map(|one| (one.device_id.as_str(), one.display_name.as_deref())).collect();
        assert_eq!(found, [("A", Some("Phone")), ("B", None)]);
        assert_eq!(tx.keys_of_device(ana, &device)?.as_deref(), Some("{\"a\":1}"));

        let position = tx.next_position();
        tx.add_one_time_key(ana, &device, &one_time("A"), position)?;
        tx.set_fallback_key(ana, &device, &one_time("F"), false)?;
        let by_device = KeySignature {
            target_key: "A".into(),
            signer: user_id("ana"),
            key_id: "ed25519:B".into(),
            signature: "s".into(),
        };
        tx.add_key_signature(ana, ana, &by_device, position)?;
        tx.remove_device_identity(ana, &device)?;
        assert_eq!(tx.one_time_keys(ana, &device)?, []);
        assert_eq!(tx.fallback_key_count(ana, &device)?, 0);
        assert_eq!(tx.key_signatures(ana, ana)?, []);
        assert!(tx.keys_of_device(ana, &device)?.is_some(), "the keys themselves are replaced by the caller");
        tx.remove_device(ana, &device)?;
        assert_eq!(tx.keys_of_device(ana, &device)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_replaced_cross_signing_key_takes_its_signatures_with_it() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let key = |usage: &str, public: &str| CrossSigningKey {
            usage: usage.into(),
            public_key: public.into(),
            key: format!("{{\"key\":\"{public}\"}}"),
        };
        let signature = |target: &str, signer: &str, key_id: &str| KeySignature {
            target_key: target.into(),
            signer: user_id(signer),
            key_id: key_id.into(),
            signature: "s".into(),
        };
        tx.set_cross_signing_key(ana, &key("master", "M1"))?;
        tx.set_cross_signing_key(ana, &key("self_signing", "S1"))?;
        assert_eq!(tx.cross_signing_keys(ana)?.len(), 2);
        assert!(tx.is_cross_signing_key(ana, "M1")?);
        assert!(!tx.is_cross_signing_key(ben, "M1")?);
        let at = [(); 4].map(|()| tx.next_position());
        let on_master = signature("M1", "ben", "ed25519:B");
        assert!(tx.add_key_signature(ana, ben, &on_master, at[0])?);
        assert!(!tx.add_key_signature(ana, ben, &on_master, at[1])?, "nothing new");
        let changed = KeySignature { signature: "t".into(), ..on_master.clone() };
        assert!(tx.add_key_signature(ana, ben, &changed, at[1])?);
        let by_self = signature("D", "ana", "ed25519:S1");
        assert!(tx.add_key_signature(ana, ana, &by_self, at[2])?);
        assert_eq!(tx.key_signatures(ana, ana)?, [by_self.clone()], "not those of others");
        assert_eq!(tx.key_signatures(ana, ben)?.len(), 2);

        tx.set_cross_signing_key(ana, &key("master", "M1"))?;
        assert_eq!(tx.key_signatures(ana, ben)?.len(), 2, "the same key");
        tx.set_cross_signing_key(ana, &key("master", "M2"))?;
        assert_eq!(tx.key_signatures(ana, ben)?, [by_self]);
        tx.remove_cross_signing_key(ana, &key("self_signing", "S1"))?;
        assert_eq!(tx.key_signatures(ana, ben)?, [], "made by it");
        assert_eq!(tx.cross_signing_keys(ana)?, [key("master", "M2")]);
        tx.add_key_signature(ben, ana, &signature("X", "ana", "ed25519:M2"), at[3])?;
        tx.note_spent(ana, &[1; 16])?;
        tx.remove_cross_signing(ana)?;
        assert_eq!(tx.cross_signing_keys(ana)?, []);
        assert_eq!(tx.key_signatures(ben, ana)?, []);
        assert!(!tx.is_spent(ana, &[1; 16])?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn whoever_signed_hears_whose_keys_and_everybody_whose_devices_changed() {
    let write = |tx: &mut crate::Tx<'_>| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        let at = [(); 4].map(|()| tx.next_position());
        for (target, position) in [(ana, at[1]), (ben, at[2])] {
            let signature = KeySignature {
                target_key: "D".into(),
                signer: user_id("ben"),
                key_id: "ed25519:B".into(),
                signature: "s".into(),
            };
            tx.add_key_signature(target, ben, &signature, position)?;
        }
        tx.note_device_list_change(ana, at[0])?;
        tx.note_device_list_change(ana, at[2])?;
        tx.note_device_list_change(ben, at[1])?;
        Ok((ana, ben, at))
    };
    committed(write, |db, (ana, ben, at)| {
        assert_eq!(db.keys_signed(ben, &token(at[0]))?, [ana], "one's own do not count");
        assert_eq!(db.keys_signed(ben, &token(at[1]))?, []);
        assert_eq!(db.keys_signed(ana, &token(at[0]))?, []);
        let mut changed = db.device_lists_changed(&token(at[0]))?;
        changed.sort();
        assert_eq!(changed, [ana, ben]);
        assert_eq!(db.device_lists_changed(&token(at[1]))?, [ana], "each at its last change");
        assert_eq!(db.device_lists_changed(&token(at[2]))?, []);
        assert_eq!(db.device_lists_changed_between(&until(at[0]), &until(at[1]))?, [(ben, at[1])]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_dehydrated_device_is_one() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        assert_eq!(tx.dehydrated_device(ana)?, None);
        tx.set_dehydrated_device(ana, &device, "{}")?;
        assert_eq!(tx.dehydrated_device(ana)?, Some((device.clone(), "{}".into())));
        let second = tx.set_dehydrated_device(ana, &device, "{}");
        assert!(second.unwrap_err().is_duplicate());
        tx.remove_device(ana, &device)?;
        assert_eq!(tx.dehydrated_device(ana)?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_backup_has_versions_that_are_never_given_twice() {
    case(|tx| {
        let (ana, ben) = (account(tx, "ana")?, account(tx, "ben")?);
        assert_eq!(tx.current_key_backup(ana)?, None);
        assert_eq!(tx.create_key_backup(ana, "a1", "{}")?, 1);
        assert_eq!(tx.create_key_backup(ana, "a1", "{\"k\":1}")?, 2);
        assert_eq!(tx.create_key_backup(ben, "a1", "{}")?, 1);
        let current = tx.current_key_backup(ana)?.unwrap();
        assert_eq!((current.version, current.etag, current.sessions), (2, 0, 0));
        assert_eq!((current.algorithm.as_str(), current.auth_data.as_str()), ("a1", "{\"k\":1}"));
        assert_eq!(tx.key_backup(ana, 2)?, Some(current.clone()));
        assert_eq!(tx.key_backup(ana, 3)?, None);
        assert_eq!(tx.key_backup_count(ana)?, 2);
        tx.set_key_backup_auth_data(current.nid, "{\"k\":2}")?;
        assert_eq!(tx.key_backup(ana, 2)?.unwrap().auth_data, "{\"k\":2}");
        tx.note_key_backup_change(current.nid, 3, 40)?;
        let changed = tx.key_backup(ana, 2)?.unwrap();
        assert_eq!((changed.etag, changed.sessions), (1, 3));
        assert_eq!(tx.key_backup_bytes(ana)?, 40);
        assert!(!tx.is_deleted_key_backup(ana, 2)?);
        tx.delete_key_backup(current.nid)?;
        assert!(tx.is_deleted_key_backup(ana, 2)?);
        assert_eq!((tx.key_backup(ana, 2)?, tx.key_backup_bytes(ana)?), (None, 0));
        assert_eq!(tx.current_key_backup(ana)?.unwrap().version, 1);
        assert_eq!(tx.create_key_backup(ana, "a1", "{}")?, 3);
        assert_eq!(tx.delete_key_backups(ana)?.len(), 2);
        assert_eq!((tx.key_backup_count(ana)?, tx.key_backup_count(ben)?), (0, 1));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn backed_up_keys_come_in_pages_and_are_removed_in_steps() {
    case(|tx| {
        let ana = account(tx, "ana")?;
        tx.create_key_backup(ana, "a1", "{}")?;
        let backup = tx.current_key_backup(ana)?.unwrap().nid;
        let at = |room_id, session_id| SessionPlace { backup, room_id, session_id };
        let key = |number: i64| BackedUpSession {
            first_message_index: number,
            forwarded_count: 2,
            is_verified: number == 1,
            session_data: "{\"a\":\"ü\"}".into(),
        };
        for (number, (room, session)) in [("!a", "s1"), ("!a", "s2"), ("!b", "s1"), ("!b", "s3")].iter().enumerate() {
            tx.set_backed_up_session(at(room, session), &key(number as i64))?;
        }
        tx.set_backed_up_session(at("!a", "s1"), &key(1))?;
        assert_eq!(tx.backed_up_session(at("!a", "s1"))?, Some(key(1)));
        assert_eq!(tx.backed_up_session(at("!a", "s3"))?, None);
        assert_eq!(tx.stored_key_count()?, 4);
        let names = |found: Vec<im2_store::key_backup::ListedSession>| {
            found.into_iter().map(|one| format!("{}{}", one.room_id, one.session_id)).collect::<Vec<_>>()
        };
        assert_eq!(names(tx.backed_up_sessions(at("", ""), 9)?), ["!as1", "!as2", "!bs1", "!bs3"]);
        assert_eq!(names(tx.backed_up_sessions(at("!a", "s1"), 2)?), ["!as2", "!bs1"]);
        assert_eq!(names(tx.backed_up_sessions_of_room(at("!b", "s1"), 9)?), ["!bs3"]);
        assert_eq!(names(tx.backed_up_sessions_of_room(at("!b", ""), 1)?), ["!bs1"]);
        assert_eq!(tx.remove_backed_up_sessions(backup, "!a", Some("s2"))?, (1, 10), "bytes, not characters");
        assert_eq!(tx.remove_backed_up_sessions(backup, "!a", Some("s2"))?, (0, 0));

        tx.empty_key_backup(backup)?;
        let emptied = tx.current_key_backup(ana)?.unwrap();
        assert_ne!(emptied.nid, backup);
        assert_eq!((emptied.version, emptied.etag, emptied.sessions), (1, 1, 0));
        assert_eq!(tx.backed_up_session(SessionPlace { backup: emptied.nid, ..at("!a", "s1") })?, None);
        assert_eq!(tx.stored_key_count()?, 3, "they are still to be removed");
        assert!(!tx.remove_deleted_keys(backup, 2)?);
        assert!(tx.remove_deleted_keys(backup, 2)?);
        assert_eq!(tx.stored_key_count()?, 0);
        assert!(tx.remove_deleted_keys(emptied.nid, 2)?, "of a backup in use nothing is removed");
        assert!(tx.key_backup(ana, 1)?.is_some());
        tx.set_backed_up_session(SessionPlace { backup: emptied.nid, ..at("!a", "s1") }, &key(1))?;
        tx.set_backed_up_session(SessionPlace { backup: emptied.nid, ..at("!a", "s2") }, &key(1))?;
        assert_eq!(tx.remove_backed_up_sessions(emptied.nid, "!a", None)?, (2, 20), "a whole room");
        Ok(())
    })
    .await;
}
