//! What the database grows by, with a budget for each thing that makes it grow.

use std::{collections::BTreeMap, sync::Arc};

use im2_chat::rooms::{Actor, CreateRoom, Draft, Preset, Room, Transaction};
use im2_model::DeviceId;
use im2_store::{Snapshot, storage::Share};
use serde_json::json;

use crate::Fixture;

const MESSAGES: usize = 6_000;
const JOINS: usize = 600;
const STATE_CHANGES: usize = 600;

/// Bytes by table, without the room that is left in its pages: how many pages a thousand rows need depends on where the
/// last page happened to be split, what the rows take does not.
type Sizes = BTreeMap<String, u64>;

/// How much of its pages the database may leave empty, in percent: rows of 800 bytes do not fill pages of 4,096.
const EMPTY: u64 = 20;

fn shares(db: &Snapshot<'_>) -> im2_store::Result<Vec<Share>> {
    db.storage()
}

async fn sizes(fixture: &Fixture) -> Sizes {
    fixture.engine.core.store.flush().await.unwrap();
    let shares = fixture.engine.core.store.read(shares).await.unwrap();
    let sum = |bytes: fn(&Share) -> u64| shares.iter().map(bytes).sum::<u64>();
    let (used, whole) = (sum(|share| share.used), sum(|share| share.bytes));
    // A table has a page at least: only one of some size tells how well pages are filled.
    assert!(whole < 1 << 22 || used * 100 >= whole * (100 - EMPTY), "{used} of {whole} bytes are used: {shares:?}");
    shares.into_iter().map(|share| (share.name, share.used)).collect()
}

/// What tables have grown by, for each of `count` things, in bytes. Tables of the search index and the records of
/// transactions, which are forgotten after some days, are told apart.
struct Growth {
    lasting: u64,
    search: u64,
    transactions: u64,
    tables: Vec<(String, u64)>,
}

fn growth(before: &Sizes, after: &Sizes, count: usize) -> Growth {
    let grown = after.iter().map(|(name, bytes)| (name.clone(), bytes - before.get(name).copied().unwrap_or(0)));
    let mut tables: Vec<_> = grown.filter(|(_, bytes)| *bytes > 0).collect();
    tables.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let sum = |wanted: &dyn Fn(&str) -> bool| {
        tables.iter().filter(|(name, _)| wanted(name)).map(|(_, bytes)| bytes).sum::<u64>() / count as u64
    };
    let is_search = |name: &str| name.starts_with("search");
    let is_transactions = |name: &str| name.contains("transactions");
    Growth {
        lasting: sum(&|name| !is_search(name) && !is_transactions(name)),
        search: sum(&is_search),
        transactions: sum(&is_transactions),
        tables,
    }
}

/// A sentence of the corpus: English, Chinese and both, of usual lengths, in which words are as common as they are.
fn sentence(number: usize) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "ter", "mo", "lin", "ca", "res", "to", "ing", "pre", "sa", "un", "der", "vo", "mi", "ken", "ly"];
    const HAN: &str =
        "的一是不了人我在有他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后";
    let han: Vec<char> = HAN.chars().collect();
    let mut seed = number as u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Small numbers come up more often, as common words do.
        let unit = (seed >> 33) as usize;
        (((unit * unit) >> 31) * below) >> 31
    };
    let word = |next: &mut dyn FnMut(usize) -> usize| {
        let rank = next(4_096);
        let syllables = [rank % 16, rank / 16 % 16, rank / 256];
        syllables.into_iter().take(1 + rank % 3).map(|syllable| SYLLABLES[syllable]).collect::<String>()
    };
    let mut parts = Vec::new();
    if !number.is_multiple_of(3) {
        parts.extend((0..2 + next(18)).map(|_| word(&mut next)));
    }
    if number % 3 != 1 {
        parts.push((0..4 + next(24)).map(|_| han[next(han.len())]).collect());
    }
    parts.join(" ")
}

async fn say(fixture: &Fixture, rooms: &[(Arc<Room>, Actor)]) {
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..MESSAGES {
        let (rooms, (room, actor)) = (fixture.engine.chat.rooms.clone(), rooms[number % rooms.len()].clone());
        sending.spawn(async move {
            let content = json!({ "msgtype": "m.text", "body": sentence(number), "m.mentions": {} });
            let draft = Draft::message("m.room.message", serde_json::from_value(content).unwrap());
            let device_id = DeviceId::parse("ABCDEFGHIJ").unwrap();
            let txn_id = format!("m1700000000{number:05}.{number}").into();
            let transaction = Transaction { user: actor.user, device_id, txn_id };
            rooms.append(&room, &actor, draft, Some(transaction)).await.unwrap();
        });
        if number % 256 == 255 {
            fixture.clock.advance(700);
            while sending.join_next().await.is_some() {}
        }
    }
    while sending.join_next().await.is_some() {}
}

#[tokio::test]
async fn the_database_grows_within_its_budget() {
    let fixture = Fixture::new().await;
    let mut rooms = Vec::new();
    for name in ["ana", "ben", "cem", "dai"] {
        let actor = fixture.user(name).await;
        let public = CreateRoom { preset: Some(Preset::PublicChat), ..CreateRoom::default() };
        let room = fixture.engine.chat.rooms.create(&actor, public).await.unwrap();
        rooms.push((room, actor));
    }
    let start = sizes(&fixture).await;
    say(&fixture, &rooms).await;
    let said = sizes(&fixture).await;
    let message = growth(&start, &said, MESSAGES);

    for number in 0..JOINS {
        let actor = fixture.user(&format!("member{number}")).await;
        fixture.engine.chat.rooms.join(&actor, &rooms[0].0.id, None).await.unwrap();
    }
    let joined = sizes(&fixture).await;
    let join = growth(&said, &joined, JOINS);

    for number in 0..STATE_CHANGES {
        let (room, actor) = &rooms[number % 4];
        let content = json!({ "topic": sentence(number), "number": number });
        let draft = Draft::state("m.room.topic", "", serde_json::from_value(content).unwrap());
        fixture.engine.chat.rooms.append(room, actor, draft, None).await.unwrap();
    }
    let change = growth(&joined, &sizes(&fixture).await, STATE_CHANGES);

    for (what, growth, lasting, search, transactions) in [
        // A posting is the distance to the one before it, of which the number of the writer takes six bits.
        ("a message", message, 800, 54, 124),
        ("a join", join, 1_000, 10, 0),
        ("a change of state", change, 880, 80, 0),
    ] {
        let Growth { lasting: is, search: of_search, transactions: of_transactions, tables } = growth;
        let within = is <= lasting && of_search <= search && of_transactions <= transactions;
        assert!(
            within,
            "{what} takes {is} bytes, {of_search} in the search index, {of_transactions} in transactions: {tables:?}"
        );
    }
}
