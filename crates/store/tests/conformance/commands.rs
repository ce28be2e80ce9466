//! Commands: what each does, and that a set of them does what each does alone.

use std::{
    fmt::Debug,
    pin::Pin,
    sync::{Arc, Mutex, mpsc},
};

use im2_model::{DeviceId, Position, Random as _, Reached, RoomNid, SeededRandom, UserNid};
use im2_store::{
    Change, Command, Error, Options, Result, Snapshot, Store, Transaction,
    account_data::{AccountDataSet, SetAccountData},
    accounts::NewAccount,
    devices::{NoteSeen, Seen},
    e2ee::{ClaimKeys, KeyDigest, OneTimeKey},
    presence::{PresenceRow, SavePresence},
    receipts::{MarkRead, MarkedRead, ReadMarker, Receipt},
    rooms::{Append, Direction, NewEvent, Relation},
    to_device::{InboxLimits, SendToDevice, SentToDevice, ToDeviceTransaction},
};
use tempfile::TempDir;

use crate::{
    account_with_device, append, case, device_id, event_id, member, message, open, room, room_id, until, user_id,
};

const LIMITS: InboxLimits = InboxLimits { messages: 3, bytes: 1_000 };

fn reaction(sender: UserNid, key: &str) -> NewEvent {
    let relation = Relation { target: event_id("target"), rel_type: "m.annotation".into(), key: Some(key.into()) };
    NewEvent { relation: Some(relation), kind: "m.reaction".into(), ..message(sender) }
}

fn receipt((room, user, name): (RoomNid, UserNid, &str), thread: Option<&str>, seq: i64) -> Receipt {
    Receipt {
        room,
        user,
        user_id: user_id(name),
        kind: "m.read".into(),
        thread_id: thread.map(Into::into),
        event_id: event_id(&seq.to_string()),
        event_seq: seq,
        ts: 5,
        position: Position::default(),
    }
}

fn digest(key: &str) -> KeyDigest {
    let mut digest = KeyDigest::default();
    digest[..key.len()].copy_from_slice(key.as_bytes());
    digest
}

#[tokio::test]
async fn an_event_is_appended_where_it_was_built_and_some_only_once() {
    case(|tx| {
        let (ana, _) = account_with_device(tx, "ana", "D")?;
        let here = room(tx, "here")?;
        let first = Append { room: here, head_seq: 0, event: Arc::new(message(ana)), once: false };
        assert_eq!(first.carry_out(tx)?.seq, 1);
        assert!(matches!(first.carry_out(tx), Err(Error::Conflict)), "the room has moved on");
        let like = |head_seq, key| Append { room: here, head_seq, event: Arc::new(reaction(ana, key)), once: true };
        assert_eq!(like(1, "+1").carry_out(tx)?.seq, 2);
        assert!(matches!(like(2, "+1").carry_out(tx), Err(Error::AlreadyThere)));
        assert_eq!(like(2, "-1").carry_out(tx)?.seq, 3);
        assert_eq!(Append { once: false, ..like(3, "+1") }.carry_out(tx)?.seq, 4);
        tx.refuse_annotated(here, &message(ana))?;
        assert!(matches!(tx.refuse_annotated(here, &reaction(ana, "+1")), Err(Error::AlreadyThere)));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn receipts_move_forward_and_there_are_not_too_many() {
    case(|tx| {
        let (user, _) = account_with_device(tx, "ana", "D")?;
        let room = room(tx, "here")?;
        let whose = (room, user, "ana");
        let mut moved = |receipts: &[Receipt]| {
            let marked = MarkRead { room, user, receipts: receipts.to_vec(), marker: None, most: 2 }.carry_out(tx)?;
            let all = |marked: MarkedRead| marked.receipts.iter().map(|one| (one.event_seq, one.position)).collect();
            Ok::<Option<Vec<_>>, Error>(marked.map(all))
        };
        let first = moved(&[receipt(whose, None, 4), receipt(whose, Some("main"), 5)])?.unwrap();
        assert!(first[0].1 < first[1].1, "each has a place of its own");
        assert_eq!(moved(&[receipt(whose, None, 3), receipt(whose, Some("main"), 5)])?, Some(Vec::new()));
        assert_eq!(moved(&[receipt(whose, None, 9), receipt(whose, Some("$root"), 1)])?, None, "all or none");
        let further = moved(&[receipt(whose, None, 6), receipt(whose, Some("main"), 5)])?.unwrap();
        assert_eq!(further.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [6], "and not to 9 before");
        assert_eq!(tx.receipt_seq(room, user, "m.read", None)?, Some(6));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_marker_moves_forward_with_receipts_or_without() {
    case(|tx| {
        let (user, _) = account_with_device(tx, "ana", "D")?;
        let room = room(tx, "here")?;
        let events = [message(user), message(user)];
        let seqs = [append(tx, room, &events[0])?.seq, append(tx, room, &events[1])?.seq];
        let mut mark = |index: usize, receipts: Vec<Receipt>| {
            let (content, names) = (events[index].event_id.to_string(), |content: &str| content.parse().ok());
            let marker = ReadMarker { kind: "m.place", content, event_seq: seqs[index], names };
            let marked = MarkRead { room, user, receipts, marker: Some(marker), most: 1 }.carry_out(tx)?;
            Ok::<_, Error>((marked, tx.account_data(user, Some(room), "m.place")?))
        };
        let (first, second) = (Some(events[0].event_id.to_string()), Some(events[1].event_id.to_string()));
        let (marked, kept) = mark(0, Vec::new())?;
        assert!(kept == first && marked.unwrap().marker.is_some());
        let (marked, kept) = mark(1, vec![receipt((room, user, "ana"), Some("main"), 2)])?;
        let marked = marked.unwrap();
        assert!(kept == second && marked.marker > Some(marked.receipts[0].position));
        for index in [0, 1] {
            let (marked, kept) = mark(index, vec![receipt((room, user, "ana"), None, 9)])?;
            assert!(kept == second && marked.unwrap().marker.is_none(), "it never moves back");
        }
        let (marked, kept) = mark(1, vec![receipt((room, user, "ana"), Some("$root"), 9)])?;
        assert!(kept == second && marked.is_none());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn messages_reach_the_devices_that_are_there_once() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let (ben, other) = account_with_device(tx, "ben", "E")?;
        let transaction =
            ToDeviceTransaction { device_id: device.clone(), txn_id: "t".into(), now: 9, forget_before: 0 };
        let to = |user, device: &DeviceId| (user, device.clone(), Arc::from("{}"));
        let messages = vec![to(ben, &device_id("GONE")), to(ben, &other), to(ana, &device)];
        let send =
            SendToDevice { sender: ana, kind: "m.x".into(), messages, completes: Some(transaction), limits: LIMITS };
        let sent = send.carry_out(tx)?;
        assert_eq!(sent.devices, [(ben, other.clone()), (ana, device.clone())]);
        assert!(sent.dropped.is_empty());
        assert_eq!(send.carry_out(tx)?, SentToDevice::default(), "the same request again");
        assert!(tx.is_to_device_transaction(ana, &device, "m.x", "t")?);
        let inbox = tx.to_device(ben, &other, &Reached::default(), &until(sent.position), 9)?;
        assert_eq!(inbox.iter().map(|one| one.position).collect::<Vec<_>>(), [sent.position]);
        let more = SendToDevice { completes: None, ..send };
        assert!(more.carry_out(tx)?.position > sent.position);
        more.carry_out(tx)?;
        assert_eq!(more.carry_out(tx)?.dropped, [(ben, other, 1), (ana, device, 1)]);
        let to_nobody = SendToDevice { messages: vec![to(ben, &device_id("GONE"))], ..more };
        assert_eq!(to_nobody.carry_out(tx)?, SentToDevice::default());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn account_data_is_set_within_limits() {
    case(|tx| {
        let (ana, _) = account_with_device(tx, "ana", "D")?;
        let here = room(tx, "here")?;
        append(tx, here, &member(ana, "ana", "join"))?;
        let data = |room: Option<&str>, kind: &str, content: &str| {
            let (room, kind, content) = (room.map(room_id), kind.to_owned(), content.to_owned());
            SetAccountData { user: ana, room, kind, content, most_bytes: 20, most_types: 2 }
        };
        assert!(matches!(data(None, "m.a", "{\"a\":1}").carry_out(tx)?, AccountDataSet::Done(None, _)));
        let set = data(Some("here"), "m.a", "{}").carry_out(tx)?;
        assert!(matches!(set, AccountDataSet::Done(Some(room), _) if room == here));
        assert_eq!(data(Some("other"), "m.a", "{}").carry_out(tx)?, AccountDataSet::NoRoom);
        assert_eq!(data(None, "m.b", "{\"b\":1}").carry_out(tx)?, AccountDataSet::TooManyBytes, "10 + 5 + 10 bytes");
        assert!(matches!(data(None, "m.b", "{}").carry_out(tx)?, AccountDataSet::Done(..)), "10 + 5 + 5");
        assert_eq!(
            SetAccountData { most_bytes: 99, ..data(None, "m.c", "{}") }.carry_out(tx)?,
            AccountDataSet::TooManyTypes
        );
        let shorter = SetAccountData { most_bytes: 0, ..data(None, "m.a", "{}") };
        assert!(matches!(shorter.carry_out(tx)?, AccountDataSet::Done(..)), "what does not grow is not counted");
        assert_eq!(tx.account_data(ana, None, "m.a")?.as_deref(), Some("{}"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn keys_are_handed_out_to_one_each() {
    case(|tx| {
        let (ana, device) = account_with_device(tx, "ana", "D")?;
        let key = |key_id: &str| OneTimeKey { algorithm: "x".into(), key_id: key_id.into(), key: key_id.into() };
        let at = tx.next_position();
        tx.add_one_time_key(ana, &device, &key("A"), at)?;
        tx.set_fallback_key(ana, &device, &key("F"), false)?;
        let wanted = |name: &str, device: &DeviceId| (user_id(name), device.clone(), "x".to_owned());
        let wanted = vec![wanted("nobody", &device), wanted("ana", &device_id("E")), wanted("ana", &device)];
        let claim = ClaimKeys { wanted, digest };
        let mut claimed = || {
            let claimed = claim.carry_out(tx)?;
            let ids: Vec<_> = claimed.keys.into_iter().map(|key| key.key_id).collect();
            Ok::<_, Error>((ids, claimed.changed.into_iter().map(|(user, id, _)| (user, id)).collect::<Vec<_>>()))
        };
        let changed = vec![(ana, device.clone())];
        assert_eq!(claimed()?, (vec!["A".to_owned()], changed.clone()));
        assert_eq!(claimed()?, (vec!["F".to_owned()], changed));
        assert_eq!(claimed()?, (vec!["F".to_owned()], vec![]), "it stays, and was marked before");
        assert!(tx.is_spent(ana, &digest("A"))? && !tx.is_spent(ana, &digest("F"))?);
        assert!(tx.key_counts_changed(ana, &device)? > Some(at));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_command_is_durable_and_told_when_it_is_answered() {
    let opened = open();
    let (ana, _) = opened.store.write(|tx| account_with_device(tx, "ana", "D")).await.unwrap();
    let data = SetAccountData {
        user: ana,
        room: None,
        kind: "m.a".into(),
        content: "{}".into(),
        most_bytes: 99,
        most_types: 9,
    };
    let done = opened.store.carry_out(data.clone(), |_, _| Ok(Vec::new())).await.unwrap();
    assert!(matches!(done, AccountDataSet::Done(None, _)));
    let refused =
        opened.store.carry_out(SetAccountData { content: "{\"a\":1}".into(), ..data }, |_, _| Err(Error::Conflict));
    assert!(matches!(refused.await, Err(Error::Conflict)), "whoever tells of it may find that it must not be");
    let kept = opened.store.read(move |db| db.account_data(ana, None, "m.a")).await.unwrap();
    assert_eq!(kept.as_deref(), Some("{}"));
}

/// A command of some kind, or a change that is a function.
#[derive(Debug, Clone)]
enum Asked {
    Append(Append),
    Read(MarkRead),
    ToDevice(SendToDevice),
    AccountData(SetAccountData),
    Claim(ClaimKeys),
    Seen(NoteSeen),
    Presence(SavePresence),
    Function(UserNid),
}

type Answer = Pin<Box<dyn Future<Output = String> + Send>>;

const NAMES: [&str; 3] = ["ana", "ben", "cem"];

/// A store in which something is asked for, and what is published there.
struct World {
    store: Store<String>,
    published: Arc<Mutex<Vec<String>>>,
    rooms: Vec<RoomNid>,
    users: Vec<UserNid>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::<String>::open(&Options::new(folder.path())).unwrap();
        let published: Arc<Mutex<Vec<String>>> = Arc::default();
        let of_store = Arc::clone(&published);
        store.apply_with(move |told| of_store.lock().unwrap().push(told));
        let made = store.write(|tx| {
            let rooms = ["here", "there"].map(|name| tx.create_room(&room_id(name), "12", 1));
            let users = NAMES.map(|name| user_with_keys(tx, name));
            Ok((rooms.into_iter().collect::<Result<_>>()?, users.into_iter().collect::<Result<_>>()?))
        });
        let (rooms, users) = made.await.unwrap();
        Self { store, published, rooms, users, _folder: folder }
    }

    async fn command<W: Command<Outcome: Debug>>(&self, command: W) -> Answer {
        let turn = self.store.write_turn().await.unwrap();
        let tell = |_: &W, outcome: &W::Outcome| Ok(vec![format!("{outcome:?}")]);
        let queued = self.store.enqueue_command(turn, command, tell).await.unwrap();
        Box::pin(async move { format!("{:?}", queued.durable().await) })
    }

    async fn ask(&self, asked: Asked) -> Answer {
        match asked {
            Asked::Append(command) => self.command(command).await,
            Asked::Read(command) => self.command(command).await,
            Asked::ToDevice(command) => self.command(command).await,
            Asked::AccountData(command) => self.command(command).await,
            Asked::Claim(command) => self.command(command).await,
            Asked::Seen(command) => self.command(command).await,
            Asked::Presence(command) => self.command(command).await,
            Asked::Function(user) => {
                let turn = self.store.write_turn().await.unwrap();
                let change = move |tx: &mut Change<'_, String>| {
                    let position = tx.next_position();
                    let seen = format!(
                        "{:?} {:?}",
                        tx.all_account_data(user)?,
                        tx.rooms_by_id(&[room_id("here"), room_id("there")])?
                    );
                    tx.publish(seen);
                    Ok(position)
                };
                let queued = self.store.enqueue(turn, change).await.unwrap();
                Box::pin(async move { format!("{:?}", queued.durable().await) })
            }
        }
    }

    /// Everything that commands write, as it can be read.
    async fn contents(&self) -> Vec<String> {
        let (rooms, users) = (self.rooms.clone(), self.users.clone());
        let read = move |db: &Snapshot<'_>| {
            let mut found = Vec::new();
            for room in &rooms {
                found.push(format!("{:?}", db.events_from(*room, 0, Direction::Forward, 999)?));
            }
            let (nothing, all) = (Reached::default(), Reached::everything_until(Position::LAST));
            for user in &users {
                found.push(format!("{:?}", db.receipts_of(&rooms, *user)?));
                found.push(format!("{:?}", db.all_account_data(*user)?));
                found.push(format!("{:?}", db.to_device(*user, &device_id("D"), &nothing, &all, 999)?));
                found.push(format!("{:?}", db.one_time_keys(*user, &device_id("D"))?));
                found.push(format!("{:?} {:?}", db.devices(*user)?, db.presence(*user)?));
            }
            Ok(found)
        };
        self.store.read(read).await.unwrap()
    }
}

fn user_with_keys(tx: &mut Transaction<'_>, name: &str) -> Result<UserNid> {
    let account = NewAccount { user_id: user_id(name), password_hash: None, is_admin: false, created_ts: 1 };
    let (user, device) = (tx.create_account(&account)?.unwrap(), device_id("D"));
    tx.ensure_device(user, &device, None, 1)?;
    for number in 0..3 {
        let key_id = format!("{name}{number}");
        let at = tx.next_position();
        tx.add_one_time_key(user, &device, &OneTimeKey { algorithm: "x".into(), key: key_id.clone(), key_id }, at)?;
    }
    Ok(user)
}

fn no_digest(key: &str) -> KeyDigest {
    panic!("{key}: on purpose")
}

/// What many callers might ask for at the same time. Some of it fails, and some of it is refused.
fn anything(seed: u64, count: usize, rooms: &[RoomNid], users: &[UserNid]) -> Vec<Asked> {
    let random = SeededRandom::new(seed);
    let below = |end: usize| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % end as u64).unwrap()
    };
    let mut heads = vec![0; rooms.len()];
    let mut one = |number: usize| {
        let (room, user) = (below(rooms.len()), below(users.len()));
        let (nid, sender, number) = (rooms[room], users[user], number as i64);
        match below(12) {
            0 => Asked::Function(sender),
            1 => Asked::Read(MarkRead {
                room: nid,
                user: sender,
                receipts: vec![receipt(
                    (nid, sender, NAMES[user]),
                    [None, Some("main"), Some("$a")][below(3)],
                    number % 7,
                )],
                marker: None,
                most: 2,
            }),
            2 => Asked::AccountData(SetAccountData {
                user: sender,
                room: [None, Some(room_id("nowhere"))][below(4) / 3].clone(),
                kind: format!("m.{}", below(4)),
                content: format!("{{\"number\":{number}}}"),
                most_bytes: 60,
                most_types: 3,
            }),
            3 => {
                let (device_id, txn_id) = (device_id("D"), below(4).to_string().into());
                let to = users[below(users.len())];
                Asked::ToDevice(SendToDevice {
                    sender,
                    kind: "m.x".into(),
                    messages: vec![(to, device_id.clone(), number.to_string().into())],
                    completes: Some(ToDeviceTransaction { device_id, txn_id, now: 9, forget_before: 0 }),
                    limits: LIMITS,
                })
            }
            4 => Asked::Claim(ClaimKeys {
                wanted: vec![(user_id(NAMES[user]), device_id("D"), "x".to_owned())],
                digest: [digest, no_digest][below(6) / 5],
            }),
            5 => Asked::Seen(NoteSeen(vec![Seen {
                user: sender,
                device_id: device_id("D"),
                ts: number as u64,
                ip: None,
                user_agent: None,
            }])),
            6 => Asked::Presence(SavePresence(vec![PresenceRow {
                user: sender,
                user_id: user_id(NAMES[user]),
                status_msg: Some(number.to_string()),
                last_active_ts: 5,
                live: true,
            }])),
            kind => {
                let event = if kind == 7 { reaction(sender, ["a", "b"][below(2)]) } else { message(sender) };
                let event_id = event_id(&format!("event{number}-{seed}"));
                let head_seq = heads[room] - i64::from(below(8) == 0);
                if head_seq == heads[room] {
                    heads[room] += 1;
                }
                Asked::Append(Append {
                    room: nid,
                    head_seq,
                    event: Arc::new(NewEvent { event_id, ..event }),
                    once: kind == 7,
                })
            }
        }
    };
    (0..count).map(&mut one).collect()
}

#[tokio::test]
async fn a_set_of_commands_does_what_each_does_alone() {
    let (mut failed, mut done) = (0, 0);
    for seed in 0..6 {
        let (alone, together) = (World::new().await, World::new().await);
        assert_eq!((&alone.rooms, &alone.users), (&together.rooms, &together.users));
        let asked = anything(seed, 50, &alone.rooms, &alone.users);
        let mut expected = Vec::new();
        for one in asked.clone() {
            expected.push(alone.ask(one).await.await);
        }
        // Nothing is begun before all of it is queued.
        let (go_on, stopped) = mpsc::channel::<()>();
        let turn = together.store.write_turn().await.unwrap();
        let wait = move |_: &mut Change<'_, String>| {
            let _ = stopped.recv(); // fails once there is nobody to send
            Ok(())
        };
        let stop = together.store.enqueue(turn, wait).await.unwrap();
        let mut answers = Vec::new();
        for one in asked {
            answers.push(together.ask(one).await);
        }
        let before = together.store.load().commits;
        drop(go_on);
        stop.durable().await.unwrap();
        let mut answered = Vec::new();
        for answer in answers {
            answered.push(answer.await);
        }
        together.store.answers().await.unwrap();
        assert_eq!(together.store.load().commits, before + 1);
        assert_eq!(answered, expected, "seed {seed}");
        assert_eq!(*together.published.lock().unwrap(), *alone.published.lock().unwrap());
        assert_eq!(together.contents().await, alone.contents().await);
        failed += answered.iter().filter(|answer| answer.starts_with("Err")).count();
        done += answered.iter().filter(|answer| answer.starts_with("Ok")).count();
    }
    assert!(failed > 15 && done > 100, "{failed} failed, {done} did not");
}
