//! A redacted word is gone from everywhere: from every answer to everybody, at once and after a restart, and from the
//! files on disk once the write-ahead log is folded into the database.

use std::path::Path;

use im2_testkit::{Client, Server, Setup, segment};
use serde_json::{Value, json};

/// Messages after which the first entries of the search index have moved into their final place, and the planted events
/// are no longer in memory after a restart.
const FILLING: usize = 300;

/// A word, and the event that says it.
struct Planted {
    what: &'static str,
    word: String,
    event_id: String,
}

struct World {
    server: Server,
    /// Owns the room and administers the server.
    ana: Client,
    ben: Client,
    /// Leaves.
    cem: Client,
    /// Is invited.
    dan: Client,
    /// Knocks.
    eve: Client,
    room: String,
    /// Tokens from before anything was planted.
    since: Vec<String>,
    planted: Vec<Planted>,
}

/// A word that shares no beginning with others, which the search index would store once.
fn word(number: usize) -> String {
    let letters = (0..16_u64).map(|place| {
        let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(4 * place as u32);
        char::from(b'a' + (mixed % 26) as u8)
    });
    letters.collect()
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let ana = server.register_admin("ana").await;
        let (ben, cem) = (server.register("ben").await, server.register("cem").await);
        let (dan, eve) = (server.register("dan").await, server.register("eve").await);
        let knock = json!({ "type": "m.room.join_rules", "content": { "join_rule": "knock" } });
        let invite = json!([ben.user_id(), cem.user_id()]);
        let room = json!({ "visibility": "public", "preset": "private_chat", "invite": invite,
            "initial_state": [knock], "creation_content": { "type": "m.space" } });
        let room = ana.create_room(room).await;
        ben.join(&room).await;
        cem.join(&room).await;
        let mut since = Vec::new();
        for client in [&ana, &ben, &cem, &dan, &eve] {
            since.push(segment(client.sync(None).await["next_batch"].as_str().unwrap()));
        }
        Self { server, ana, ben, cem, dan, eve, room, since, planted: Vec::new() }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v3/rooms/{}/{rest}", segment(&self.room))
    }

    fn next(&self) -> String {
        word(self.planted.len())
    }

    fn note(&mut self, what: &'static str, word: String, event_id: String) -> String {
        self.planted.push(Planted { what, word, event_id: event_id.clone() });
        event_id
    }

    /// Sends a message that says a word; `make` makes its content of the text.
    async fn message(&mut self, what: &'static str, kind: &str, make: impl Fn(&str) -> Value) -> String {
        let word = self.next();
        let event_id = self.ben.send(&self.room, kind, make(&word)).await;
        self.note(what, word, event_id)
    }

    async fn state(&mut self, what: &'static str, kind: &str, key: &str, make: impl Fn(&str) -> Value) -> String {
        let word = self.next();
        let event_id = self.ana.set_state(&self.room, kind, key, make(&word)).await;
        self.note(what, word, event_id)
    }

    async fn redact(&self, event_id: &str, reason: &str) -> String {
        let path = self.path(&format!("redact/{}/{}", segment(event_id), self.ana.transaction()));
        let answer = self.ana.put(&path, json!({ "reason": reason })).await.ok();
        answer["event_id"].as_str().unwrap().to_owned()
    }

    async fn plant_messages(&mut self) {
        let text = |body: &str| json!({ "msgtype": "m.text", "body": body });
        let relates = |body: &str, rel_type: &str, target: &str| json!({ "msgtype": "m.text", "body": body, "m.relates_to": { "rel_type": rel_type, "event_id": target } });
        let root = self.ana.send_text(&self.room, "root").await;
        self.message("message", "m.room.message", text).await;
        self.message("edited message", "m.room.message", text).await;
        self.message("encrypted", "m.room.encrypted", |word| json!({ "ciphertext": word })).await;
        self.message("sticker", "m.sticker", |word| json!({ "body": word, "url": "mxc://x/y" })).await;
        let edited = self.ben.send_text(&self.room, "edited").await;
        let edit = |word: &str| {
            let mut edit = relates(&format!("* {word}"), "m.replace", &edited);
            edit["m.new_content"] = text(word);
            edit
        };
        self.message("edit", "m.room.message", edit).await;
        self.message("thread reply", "m.room.message", |word| relates(word, "m.thread", &root)).await;
        self.message("latest thread reply", "m.room.message", |word| relates(word, "m.thread", &root)).await;
        self.message("reference", "m.room.message", |word| relates(word, "m.reference", &root)).await;
        let reaction =
            |word: &str| json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": root, "key": word } });
        self.message("reaction", "m.reaction", reaction).await;
        let reply = |word: &str| json!({ "msgtype": "m.text", "body": word, "m.relates_to": { "m.in_reply_to": { "event_id": root } } });
        self.message("reply", "m.room.message", reply).await;
        let thread_root = self.message("thread root", "m.room.message", text).await;
        let in_thread = relates("stays", "m.thread", &thread_root);
        self.ana.send(&self.room, "m.room.message", in_thread).await;
        let (word, target) = (self.next(), self.ben.send_text(&self.room, "redacted early").await);
        let redaction = self.redact(&target, &word).await;
        self.note("reason of a redaction", word, redaction);
    }

    async fn plant_state(&mut self) {
        for turn in ["first", "second"] {
            // What is replaced is shown with what replaces it.
            let [name, topic, custom, rules] = match turn {
                "first" => ["replaced name", "replaced topic", "replaced state", "replaced join rules"],
                _ => ["name", "topic", "state", "join rules"],
            };
            self.state(name, "m.room.name", "", |word| json!({ "name": word })).await;
            self.state(topic, "m.room.topic", "", |word| json!({ "topic": word })).await;
            self.state(custom, "org.example.custom", "key", |word| json!({ "value": word })).await;
            let join_rules = |word: &str| json!({ "join_rule": "knock", "word": word });
            self.state(rules, "m.room.join_rules", "", join_rules).await;
            if turn == "first" {
                self.ana.invite(&self.room, self.dan.user_id()).await;
                self.eve.post(&format!("/v3/knock/{}", segment(&self.room)), json!({})).await.ok();
            }
        }
        let own = json!({ "via": ["x"], "order": self.next() });
        let event_id = self.ana.set_state(&self.room, "m.space.child", &self.room, own).await;
        let word = self.next();
        self.note("child", word, event_id);
        for what in ["replaced display name", "display name"] {
            let word = self.next();
            let content = json!({ "membership": "join", "displayname": word });
            let event_id = self.ben.set_state(&self.room, "m.room.member", self.ben.user_id(), content).await;
            self.note(what, word, event_id);
        }
        let word = self.next();
        self.cem.post(&self.path("leave"), json!({ "reason": word })).await.ok();
        let left = self.ana.get(&self.path(&format!("state/m.room.member/{}?format=event", self.cem.user_id()))).await;
        let event_id = left.ok()["event_id"].as_str().unwrap().to_owned();
        self.note("reason for leaving", word, event_id);
    }

    /// All that can be read, by everybody, by name of who and what.
    async fn answers(&self) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        let clients = [&self.ana, &self.ben, &self.cem, &self.dan, &self.eve];
        for (client, since) in clients.into_iter().zip(&self.since) {
            let name = client.user_id();
            for path in self.paths(since) {
                answers.push((format!("{name} {path}"), client.get(&path).await));
            }
            let list = json!({ "ranges": [[0, 9]], "timeline_limit": 400, "required_state": [["*", "*"]] });
            let sliding = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
            let answer = client.post(sliding, json!({ "lists": { "all": list } })).await;
            answers.push((format!("{name} sliding sync"), answer));
            for planted in &self.planted {
                let room_events = json!({ "search_term": planted.word, "include_state": true, "event_context": {} });
                let search = json!({ "search_categories": { "room_events": room_events } });
                let mut answer = client.post("/v3/search", search).await;
                // It repeats what was looked for.
                let results = &answer.json()["search_categories"]["room_events"]["results"];
                answer.bytes = results.to_string().into_bytes();
                answers.push((format!("{name} search for the {}", planted.what), answer));
                let event = segment(&planted.event_id);
                for path in [self.path(&format!("event/{event}")), format!("/v3/events/{event}")] {
                    answers.push((format!("{name} {path}"), client.get(&path).await));
                }
            }
        }
        let text = |answer: im2_testkit::Answer| String::from_utf8_lossy(&answer.bytes).into_owned();
        answers.into_iter().map(|(name, answer)| (name, text(answer))).collect()
    }

    fn paths(&self, since: &str) -> Vec<String> {
        let room = segment(&self.room);
        let stored = segment(r#"{"event_format":"federation","room":{"timeline":{"limit":400}}}"#);
        let whole = segment(r#"{"room":{"include_leave":true,"timeline":{"limit":400}}}"#);
        let mut paths: Vec<String> = [
            "state",
            "members",
            "joined_members",
            "initialSync?limit=100",
            "aliases",
            "messages?dir=f&limit=1000",
            "messages?dir=b&limit=1000",
            "state/m.room.name/?format=event",
        ]
        .map(|rest| self.path(rest))
        .into();
        for filter in [stored, whole] {
            for more in [String::new(), format!("&since={since}"), "&use_state_after=true&full_state=true".into()] {
                paths.push(format!("/v3/sync?timeout=0&filter={filter}{more}"));
            }
        }
        for planted in &self.planted {
            let event = segment(&planted.event_id);
            paths.push(self.path(&format!("context/{event}?limit=20")));
            paths.push(format!("/v1/rooms/{room}/relations/{event}?recurse=true"));
        }
        paths.extend([
            format!("/v1/rooms/{room}/threads"),
            format!("/v3/events?timeout=0&from={since}"),
            "/v3/initialSync?archived=true&limit=100".into(),
            "/v3/notifications?limit=100".into(),
            "/v3/publicRooms".into(),
            format!("/_matrix/client/v1/room_summary/{room}"),
            format!("/v1/rooms/{room}/hierarchy"),
            format!("/_synapse/admin/v1/rooms/{room}"),
            format!("/_synapse/admin/v1/rooms/{room}/state"),
            format!("/_synapse/admin/v1/rooms/{room}/messages?dir=f&limit=1000&from=t0"),
        ]);
        paths
    }

    async fn restart(mut self) -> Self {
        let anonymous = self.server.anonymous().clone();
        self.server = Setup::default().start_in(self.server.stop().await).await;
        drop(anonymous);
        let fresh = self.server.anonymous().clone();
        for client in [&mut self.ana, &mut self.ben, &mut self.cem, &mut self.dan, &mut self.eve] {
            let (user_id, device_id, access_token) = (client.user_id(), client.device_id(), client.token());
            let answer = json!({ "user_id": user_id, "device_id": device_id, "access_token": access_token });
            *client = fresh.signed_in(&answer);
        }
        self
    }

    /// The planted words that answers show, each with the answer.
    async fn shown(&self) -> Vec<(&'static str, String)> {
        let answers = self.answers().await;
        let shown = self.planted.iter().flat_map(|planted| {
            let by = answers.iter().filter(|(_, text)| text.contains(&planted.word));
            by.map(|(name, _)| (planted.what, name.clone())).collect::<Vec<_>>()
        });
        shown.collect()
    }

    /// The planted words in the files of the data folder, each with the file.
    async fn on_disk(&self) -> Vec<(&'static str, String)> {
        self.server.engine().core.store.flush().await.unwrap();
        let mut files = Vec::new();
        read_files(self.server.engine().core.store.directory(), &mut files);
        let found = self.planted.iter().flat_map(|planted| {
            // The index stores of a term what it does not share with the one before it.
            let end = &planted.word.as_bytes()[6..];
            let with = files.iter().filter(|(_, bytes)| bytes.windows(end.len()).any(|part| part == end));
            with.map(|(name, _)| (planted.what, name.clone())).collect::<Vec<_>>()
        });
        found.collect()
    }
}

fn read_files(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_files(&path, files);
        } else if path.is_file() {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn a_redacted_word_is_gone_from_everywhere() {
    let mut world = World::new().await;
    Box::pin(world.plant_messages()).await;
    Box::pin(world.plant_state()).await;
    let (shown, on_disk) = (world.shown().await, world.on_disk().await);
    for Planted { what, .. } in &world.planted {
        assert!(shown.iter().any(|(found, _)| found == what), "the {what} is not shown before it is redacted");
        assert!(on_disk.iter().any(|(found, _)| found == what), "the {what} is not stored");
    }
    for number in 0..FILLING {
        world.ana.send_text(&world.room, &format!("filling {number}")).await;
        if number == FILLING / 2 {
            for planted in world.planted.iter().step_by(2) {
                world.redact(&planted.event_id, "").await;
            }
        }
    }
    for planted in world.planted.iter().skip(1).step_by(2) {
        world.redact(&planted.event_id, "").await;
    }
    assert_eq!(world.shown().await, [], "shown after the redactions");
    assert_eq!(world.on_disk().await, [], "stored after the redactions");
    let world = Box::pin(world.restart()).await;
    assert_eq!(world.shown().await, [], "shown after a restart");
    assert_eq!(world.on_disk().await, [], "stored after a restart");
}
