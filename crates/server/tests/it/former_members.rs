//! Reading access of former members, invited and knocking users and strangers to a room: random membership histories,
//! every reading route, compared with a naive model. Each event carries a word of its own, so that whatever an answer
//! shows of it is found, wherever it stands in the answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use im2_model::{Random as _, SeededRandom};
use im2_testkit::{Answer, Client, Server, Setup, segment};
use serde_json::{Value, json};

const STEPS: usize = 60;
const MEMBER: &str = "m.room.member";
const VISIBILITY: &str = "m.room.history_visibility";
/// The state that a room shows to users who are invited or knock.
const INTRODUCTION: [&str; 3] = ["m.room.name", "m.room.topic", "m.room.join_rules"];

/// A room's events as its owner, who never leaves, sees them: the whole truth.
#[derive(Default)]
struct Log(Vec<Value>);

type State = BTreeMap<(String, String), usize>;

impl Log {
    fn text(&self, index: usize, key: &str) -> &str {
        self.0[index][key].as_str().unwrap_or_default()
    }

    /// The state right after the first `count` events.
    fn state(&self, count: usize) -> State {
        let entries = self.0[..count].iter().enumerate().filter_map(|(index, event)| {
            let key = event["state_key"].as_str()?.to_owned();
            Some(((event["type"].as_str()?.to_owned(), key), index))
        });
        entries.collect()
    }

    fn content(&self, count: usize, kind: &str, key: &str, member: &str) -> Option<&str> {
        let index = *self.state(count).get(&(kind.to_owned(), key.to_owned()))?;
        self.0[index]["content"][member].as_str()
    }

    fn membership(&self, count: usize, user: &str) -> &str {
        self.content(count, MEMBER, user, "membership").unwrap_or("leave")
    }

    fn visibility(&self, count: usize) -> &str {
        self.content(count, VISIBILITY, "", "history_visibility").unwrap_or("shared")
    }

    /// Whether `user` may see an event in timelines (the specification's five rules).
    fn sees(&self, index: usize, user: &str) -> bool {
        let later = (index + 1..=self.0.len()).any(|count| {
            count > index + 1
                && self.0[count - 1]["state_key"] == user
                && self.text(count - 1, "type") == MEMBER
                && self.membership(count, user) == "join"
        });
        let allows = |visibility: &str, membership: &str| match visibility {
            "world_readable" => true,
            "invited" => matches!(membership, "join" | "invite"),
            "shared" => membership == "join" || later,
            _ => membership == "join",
        };
        let (before, member) = (self.visibility(index), self.membership(index, user));
        let kind = self.text(index, "type");
        let is_own = kind == MEMBER && self.0[index]["state_key"] == user;
        allows(before, member)
            || (kind == VISIBILITY && allows(self.visibility(index + 1), member))
            || (is_own && allows(before, self.membership(index + 1, user)))
    }

    /// The number of events after which the state is the one that `user` may read.
    fn reach(&self, user: &str) -> Option<usize> {
        let all = self.0.len();
        if self.visibility(all) == "world_readable" || self.membership(all, user) == "join" {
            return Some(all);
        }
        let joined = |count: &usize| self.membership(*count, user) == "join";
        (1..all).rev().find(joined).map(|count| count + 1)
    }

    /// The events of which `user` may be shown anything by any route.
    fn allowed(&self, user: &str) -> BTreeSet<usize> {
        let all = self.0.len();
        let mut allowed: BTreeSet<usize> = (0..all).filter(|index| self.sees(*index, user)).collect();
        for count in 1..=all {
            let (before, now) = (self.membership(count - 1, user), self.membership(count, user));
            let state = self.state(count);
            if before == "join" || now == "join" {
                allowed.extend(state.values());
            }
            if self.text(count - 1, "type") == MEMBER && self.0[count - 1]["state_key"] == user {
                allowed.insert(count - 1);
                if matches!(now, "invite" | "knock") {
                    let introduced = state.iter().filter(|((kind, key), _)| {
                        INTRODUCTION.contains(&kind.as_str()) || *key == self.text(count - 1, "sender")
                    });
                    allowed.extend(introduced.map(|(_, index)| *index));
                }
            }
        }
        if let Some(reach) = self.reach(user) {
            allowed.extend(self.state(reach).values());
            // Timelines come with the state at their beginning.
            let seen = (0..reach).filter(|index| self.sees(*index, user));
            allowed.extend(seen.flat_map(|index| self.state(index).into_values()).collect::<Vec<_>>());
        }
        allowed
    }

    /// Whether `user` may be told what the room is called now.
    fn is_introduced(&self, user: &str) -> bool {
        let all = self.0.len();
        let rule = self.content(all, "m.room.join_rules", "", "join_rule").unwrap_or("invite");
        match self.membership(all, user) {
            "join" | "invite" => true,
            "ban" => false,
            _ => matches!(rule, "public" | "knock"),
        }
    }

    fn words(&self, events: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
        events.into_iter().flat_map(|index| words(&self.0[index].to_string())).collect()
    }
}

/// The words of events in a text: `w<number>w`.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_word = |part: &&str| {
        let number = part.strip_prefix('w').and_then(|part| part.strip_suffix('w'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    parts.filter(is_word).map(str::to_owned).collect()
}

/// Somebody who comes and goes, and what their devices remember.
struct Looker {
    client: Client,
    user_id: String,
    sync: Vec<String>,
    events: String,
    sliding: HashMap<&'static str, String>,
}

impl Looker {
    fn new(client: Client) -> Self {
        let user_id = client.user_id().to_owned();
        Self { client, user_id, sync: Vec::new(), events: String::new(), sliding: HashMap::new() }
    }
}

struct World {
    server: Server,
    random: SeededRandom,
    owner: Client,
    lookers: Vec<Looker>,
    room: String,
    log: Log,
    after: String,
    serial: usize,
}

impl World {
    async fn new(seed: u64) -> Self {
        let server = Server::start().await;
        let owner = server.register("owner").await;
        let mut lookers = Vec::new();
        for name in ["ana", "ben"] {
            lookers.push(Looker::new(server.register(name).await));
        }
        let room = owner.create_room(json!({ "preset": "private_chat" })).await;
        let random = SeededRandom::new(seed);
        let mut world =
            Self { server, random, owner, lookers, room, log: Log::default(), after: "t0".into(), serial: 0 };
        world.follow().await;
        world
    }

    fn pick(&self, below: usize) -> usize {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        u32::from_le_bytes(bytes) as usize % below
    }

    fn word(&mut self) -> String {
        self.serial += 1;
        format!("w{}w", self.serial)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v3/rooms/{}/{rest}", segment(&self.room))
    }

    fn event_id(&self) -> String {
        self.log.0[self.pick(self.log.0.len())]["event_id"].as_str().unwrap().to_owned()
    }

    /// Reads what has happened, as the owner.
    async fn follow(&mut self) {
        loop {
            let page = self.owner.get(&self.path(&format!("messages?dir=f&limit=100&from={}", self.after))).await.ok();
            let chunk = page["chunk"].as_array().unwrap();
            if chunk.is_empty() {
                return;
            }
            self.log.0.extend(chunk.iter().map(|event| {
                let mut event = event.clone();
                event.as_object_mut().unwrap().remove("unsigned");
                event
            }));
            page["end"].as_str().unwrap().clone_into(&mut self.after);
        }
    }

    /// Does something. What the rules refuse is refused; the test does not care.
    async fn act(&mut self) {
        let number = self.pick(self.lookers.len());
        let (word, choice) = (self.word(), self.pick(22));
        let (looker, owner) = (self.lookers[number].client.clone(), self.owner.clone());
        let user_id = self.lookers[number].user_id.clone();
        let about = |name: &str, member: &str| (self.path(name), json!({ "user_id": member, "reason": word }));
        let member = |membership: &str| json!({ "membership": membership, "displayname": word });
        let own = self.path(&format!("state/{MEMBER}/{}", segment(&user_id)));
        let kind = ["m.thread", "m.reference"][self.pick(2)];
        let reply = json!({ "msgtype": "m.text", "body": format!("{word} everybody"), "m.relates_to":
            { "rel_type": kind, "event_id": self.event_id() } });
        let message = json!({ "msgtype": "m.text", "body": format!("{word} everybody") });
        let answer = match choice {
            0..=2 => looker.post(&self.path("join"), json!({ "reason": word })).await,
            3 => looker.post(&self.path("leave"), json!({ "reason": word })).await,
            4 | 5 => looker.post(&format!("/v3/knock/{}", segment(&self.room)), json!({ "reason": word })).await,
            6..=8 => {
                let (path, body) = about(["invite", "kick", "ban"][choice - 6], &user_id);
                owner.post(&path, body).await
            }
            9 => {
                let (path, body) = about("unban", &user_id);
                owner.post(&path, body).await
            }
            10 => owner.put(&own, json!({ "membership": "leave", "reason": word })).await,
            11 => looker.put(&own, member("join")).await,
            12 => {
                let visibility = ["joined", "invited", "shared", "shared", "world_readable"][self.pick(5)];
                let content = json!({ "history_visibility": visibility, "word": word });
                owner.put(&self.path(&format!("state/{VISIBILITY}/")), content).await
            }
            13 => {
                let rule = ["knock", "knock", "invite", "public"][self.pick(4)];
                owner.put(&self.path("state/m.room.join_rules/"), json!({ "join_rule": rule, "word": word })).await
            }
            14 => owner.put(&self.path("state/m.room.name/"), json!({ "name": word })).await,
            15 => owner.put(&self.path("state/m.room.topic/"), json!({ "topic": word })).await,
            16 => owner.put(&self.path("state/org.example.custom/"), json!({ "value": word })).await,
            17 => {
                let own = self.path(&format!("state/{MEMBER}/{}", segment(owner.user_id())));
                owner.put(&own, member("join")).await
            }
            _ => {
                let sender = if choice < 20 { &owner } else { &looker };
                let path = self.path(&format!("send/m.room.message/{word}"));
                sender.put(&path, if choice % 2 == 0 { reply } else { message }).await
            }
        };
        assert!(answer.status < 500, "{answer:?}");
        self.follow().await;
    }

    async fn restart(&mut self) {
        // A server cannot be taken out of a field without putting another there.
        let server = std::mem::replace(&mut self.server, Server::start().await);
        self.server = Setup::default().start_in(server.stop().await).await;
        let anonymous = self.server.anonymous().clone();
        let again = |client: &Client| {
            let (user_id, device_id, access_token) = (client.user_id(), client.device_id(), client.token());
            let answer = json!({ "user_id": user_id, "device_id": device_id, "access_token": access_token });
            anonymous.signed_in(&answer)
        };
        self.owner = again(&self.owner);
        for looker in &mut self.lookers {
            looker.client = again(&looker.client);
            looker.sliding.clear();
        }
    }

    /// Compares what somebody reads with what they may.
    async fn compare(&mut self, number: usize, case: &str) {
        let (client, user_id) = (self.lookers[number].client.clone(), self.lookers[number].user_id.clone());
        let case = format!("{case}, {user_id}");
        self.compare_state(&client, &user_id, &case).await;
        self.compare_timeline(&client, &user_id, &case).await;
        let allowed = self.log.words(self.log.allowed(&user_id));
        let shows_no_more = |name: &str, answer: &Answer, allowed: &BTreeSet<String>| {
            assert!(answer.status < 500, "{case}: {name}: {answer:?}");
            let more: Vec<_> = words(&String::from_utf8_lossy(&answer.bytes)).difference(allowed).cloned().collect();
            assert!(more.is_empty(), "{case}: {name} shows {more:?}: {}", String::from_utf8_lossy(&answer.bytes));
        };
        for path in self.paths(number) {
            shows_no_more(&path, &client.get(&path).await, &allowed);
        }
        let search = json!({ "search_categories": { "room_events": { "search_term": "everybody", "include_state": true,
            "event_context": { "before_limit": 3, "after_limit": 3, "include_profile": true } } } });
        shows_no_more("search", &client.post("/v3/search", search).await, &allowed);
        for (name, answer) in self.sliding(number).await {
            shows_no_more(name, &answer, &allowed);
        }
        let mut introduced = allowed;
        if self.log.is_introduced(&user_id) {
            let now = self.log.state(self.log.0.len());
            let named = now.iter().filter(|((kind, _), _)| INTRODUCTION.contains(&kind.as_str()));
            introduced.extend(self.log.words(named.map(|(_, index)| *index)));
        }
        let room = segment(&self.room);
        for path in [
            format!("/_matrix/client/v1/room_summary/{room}"),
            format!("/v1/rooms/{room}/hierarchy"),
            "/v3/publicRooms".to_owned(),
        ] {
            shows_no_more(&path, &client.get(&path).await, &introduced);
        }
        self.remember(number).await;
    }

    async fn compare_state(&self, client: &Client, user_id: &str, case: &str) {
        let answer = client.get(&self.path("state")).await;
        let members = client.get(&self.path("members")).await;
        let Some(count) = self.log.reach(user_id) else {
            assert_eq!((answer.status, members.status), (403, 403), "{case}");
            return;
        };
        let state = self.log.state(count);
        let ids = |answer: &Value| -> BTreeSet<String> {
            answer.as_array().unwrap().iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
        };
        let expected = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
            let wanted = state.iter().filter(|((kind, _), _)| wanted(kind));
            wanted.map(|(_, index)| self.log.text(*index, "event_id").to_owned()).collect()
        };
        assert_eq!(ids(&answer.ok()), expected(&|_| true), "{case}: state");
        assert_eq!(ids(&members.ok()["chunk"]), expected(&|kind| kind == MEMBER), "{case}: members");
        for kind in ["m.room.topic", "org.example.custom"] {
            let answer = client.get(&self.path(&format!("state/{kind}/"))).await;
            match state.get(&(kind.to_owned(), String::new())) {
                Some(index) => assert_eq!(answer.ok(), self.log.0[*index]["content"], "{case}: {kind}"),
                None => assert_eq!(answer.status, 404, "{case}: {kind}"),
            }
        }
    }

    async fn compare_timeline(&self, client: &Client, user_id: &str, case: &str) {
        let answer = client.get(&self.path("messages?dir=f&from=t0&limit=1000")).await;
        if self.log.reach(user_id).is_none() {
            assert_eq!(answer.status, 403, "{case}");
            return;
        }
        let shown = answer.ok();
        let shown: Vec<_> = shown["chunk"].as_array().unwrap().iter().map(|event| &event["event_id"]).collect();
        let seen = (0..self.log.0.len()).filter(|index| self.log.sees(*index, user_id));
        let seen: Vec<_> = seen.map(|index| &self.log.0[index]["event_id"]).collect();
        assert_eq!(shown, seen, "{case}: messages");
    }

    /// Requests that may show anything that is allowed.
    fn paths(&self, number: usize) -> Vec<String> {
        let looker = &self.lookers[number];
        let lazy = segment(r#"{"lazy_load_members":true}"#);
        let left = segment(r#"{"room":{"include_leave":true,"timeline":{"limit":7}}}"#);
        let lazily =
            segment(r#"{"room":{"include_leave":true,"state":{"lazy_load_members":true},"timeline":{"limit":2}}}"#);
        let stored = segment(r#"{"event_format":"federation","room":{"include_leave":true}}"#);
        let mut paths: Vec<String> = [
            "members?membership=join",
            "members?at=t3",
            "members?at=t9999",
            "joined_members",
            "initialSync?limit=20",
            "aliases",
            "messages?dir=b&limit=30",
            "state/m.room.name/?format=event",
            "timestamp_to_event?ts=0&dir=f",
            "timestamp_to_event?ts=9999999999999&dir=b",
        ]
        .map(|rest| self.path(rest))
        .into();
        paths.push(self.path(&format!("messages?dir=b&from=t9999&limit=1000&filter={lazy}")));
        for _ in 0..3 {
            let event_id = segment(&self.event_id());
            paths.push(self.path(&format!("context/{event_id}?limit=8")));
            paths.push(self.path(&format!("context/{event_id}?limit=8&filter={lazy}")));
            paths.push(self.path(&format!("event/{event_id}")));
            paths.push(format!("/v3/events/{event_id}"));
            paths.push(format!("/v1/rooms/{}/relations/{event_id}?recurse=true", segment(&self.room)));
        }
        paths.push(format!("/v1/rooms/{}/threads", segment(&self.room)));
        paths.extend(["/v3/initialSync?archived=true", "/v3/notifications", "/v3/sync?timeout=0"].map(str::to_owned));
        for filter in [left, lazily, stored] {
            for more in ["", "&use_state_after=true", "&full_state=true"] {
                paths.push(format!("/v3/sync?timeout=0&filter={filter}{more}"));
            }
            let since = (!looker.sync.is_empty()).then(|| &looker.sync[self.pick(looker.sync.len())]);
            for more in ["", "&use_state_after=true", "&full_state=true"] {
                paths.extend(since.map(|since| format!("/v3/sync?timeout=0&filter={filter}&since={since}{more}")));
            }
        }
        if !looker.events.is_empty() {
            paths.push(format!("/v3/events?timeout=0&from={}", looker.events));
            paths.push(format!("/v3/events?timeout=0&from={}&room_id={}", looker.events, segment(&self.room)));
        }
        paths
    }

    /// A first answer of a sliding sync, and one of a connection that goes on.
    async fn sliding(&mut self, number: usize) -> Vec<(&'static str, Answer)> {
        let room = self.room.clone();
        let looker = &mut self.lookers[number];
        let mut answers = Vec::new();
        for (name, goes_on) in [("a new sliding sync", false), ("a sliding sync that goes on", true)] {
            let wanted = json!({ "timeline_limit": 9, "required_state": [["*", "*"]] });
            let mut list = wanted.clone();
            list["ranges"] = json!([[0, 9]]);
            let body = json!({ "conn_id": name, "lists": { "all": list },
                "room_subscriptions": { room.as_str(): wanted } });
            let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
            let pos = looker.sliding.get(name).map(|pos| format!("&pos={pos}")).unwrap_or_default();
            let answer = looker.client.post(&format!("{path}{pos}"), body).await;
            if goes_on && answer.status == 200 {
                looker.sliding.insert(name, answer.json()["pos"].as_str().unwrap().to_owned());
            }
            answers.push((name, answer));
        }
        answers
    }

    /// Tokens to come back with.
    async fn remember(&mut self, number: usize) {
        let looker = &mut self.lookers[number];
        let sync = looker.client.sync(None).await;
        looker.sync.push(segment(sync["next_batch"].as_str().unwrap()));
        looker.events.clone_from(&looker.sync[looker.sync.len() / 2]);
    }
}

async fn run(seed: u64) {
    let mut world = World::new(seed).await;
    for step in 1..=STEPS {
        world.act().await;
        if step % 6 == 0 {
            for number in 0..world.lookers.len() {
                world.compare(number, &format!("seed {seed}, step {step}")).await;
            }
        }
        if step == STEPS / 2 {
            world.restart().await;
        }
    }
}

#[tokio::test]
async fn former_members_read_what_was_when_they_left() {
    for seed in 0..8 {
        Box::pin(run(seed)).await;
    }
}
