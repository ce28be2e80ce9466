"""One scripted conversation, whose answers are kept under a name each.

It is the same for every server: two people, an administrator, direct and group rooms, everything that people do in them,
and then each reading route. An answer recorded twice under one name is the union of both: a server may tell in two
`/sync` answers what another tells in one.
"""

import hashlib
import hmac
import json
import struct
import time
import zlib
from urllib.parse import quote

import requests
from shape import Names, shape

V3 = "/_matrix/client/v3"
ADMIN = "/_synapse/admin"
PASSWORD = "correct horse battery staple"
SYNC_SECONDS = 20
# What most `/sync` requests ask for: nothing that comes and goes by itself, so that answers do not depend on timing.
LASTING = json.dumps({"presence": {"not_types": ["*"]}, "room": {"ephemeral": {"not_types": ["*"]}}})
EVERYTHING = json.dumps({})


def dot() -> bytes:
    """A PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def segments(*parts: str) -> str:
    return "".join("/" + quote(part, safe="") for part in parts)


class Conversation:
    """What was asked of one server, and the shapes of its answers."""

    def __init__(self, url: str, shared_secret: str):
        self.url = url
        self.shared_secret = shared_secret
        self.names = Names("localhost")
        self.answers: dict[str, set[str]] = {}

    def record(self, name: str, response: requests.Response):
        body = _body(response)
        lines = self.answers.setdefault(name, set())
        lines.add(f"status {response.status_code}")
        content_type = response.headers.get("Content-Type", "")
        lines.add(f"content-type {content_type.split(';')[0]}")
        lines |= shape(body, self.names)
        return body

    def register(self, name: str) -> "Person":
        body = {"username": name, "password": PASSWORD, "initial_device_display_name": f"{name}'s phone"}
        challenge = self.record("register: challenge", self.http("POST", V3 + "/register", body))
        body["auth"] = {"type": "m.login.dummy", "session": challenge.get("session")}
        answer = self.record("register", self.http("POST", V3 + "/register", body))
        return self.person(name, answer)

    def register_admin(self, name: str) -> "Person":
        nonce = self.record("admin: register nonce", self.http("GET", ADMIN + "/v1/register"))["nonce"]
        parts = [nonce, name, PASSWORD, "admin"]
        mac = hmac.new(self.shared_secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": True, "mac": mac}
        return self.person(name, self.record("admin: register", self.http("POST", ADMIN + "/v1/register", body)))

    def person(self, name: str, answer: dict) -> "Person":
        self.names.learn(answer["user_id"], "@" + name)
        if "device_id" in answer:
            self.names.learn(answer["device_id"], f"{{{name}'s device}}")
        return Person(self, name, answer)

    def http(self, method: str, path: str, body=None, token: str | None = None, params=None, headers=None):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, bytes):
            data = body
        else:
            data = None if body is None else json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        return requests.request(method, self.url + path, data=data, headers=headers, params=params, timeout=60)


class Person:
    """Somebody signed in on one device."""

    def __init__(self, conversation: Conversation, name: str, answer: dict):
        self.conversation = conversation
        self.name = name
        self.id = answer["user_id"]
        self.token = answer["access_token"]
        self.device = answer["device_id"]
        self.since = None
        self.transactions = 0

    def ask(self, name: str, method: str, path: str, body=None, params=None, headers=None):
        """A request whose answer is recorded under `name`."""
        return self.conversation.record(name, self.quietly(method, path, body, params, headers))

    def quietly(self, method: str, path: str, body=None, params=None, headers=None) -> requests.Response:
        path = path if path.startswith(("/_matrix", "/_synapse", "/.well-known")) else V3 + path
        return self.conversation.http(method, path, body, self.token, params, headers)

    def send(self, name: str, room: str, kind: str, content: dict) -> str:
        self.transactions += 1
        path = segments("rooms", room, "send", kind, f"{self.name}{self.transactions}")
        event_id = self.ask("send", "PUT", path, content)["event_id"]
        self.conversation.names.learn(event_id, f"${name}")
        return event_id

    def say(self, name: str, room: str, text: str, **more) -> str:
        return self.send(name, room, "m.room.message", {"msgtype": "m.text", "body": text, **more})

    def set_state(self, name: str, room: str, kind: str, content: dict, state_key: str = "") -> str:
        path = f"/rooms/{quote(room, safe='')}/state/{kind}/{quote(state_key, safe='')}"
        event_id = self.ask("set state", "PUT", path, content)["event_id"]
        self.conversation.names.learn(event_id, f"${name}")
        return event_id

    def create_room(self, name: str, called: str, options: dict) -> str:
        response = self.quietly("POST", "/createRoom", options)
        room = response.json()["room_id"]
        self.conversation.names.learn(room, called)
        self.conversation.record(name, response)
        return room

    def until_named(self, name: str, *rooms: str) -> None:
        """Waits until the member events of rooms have a name of the profile: it is carried there by a job."""
        deadline = time.monotonic() + SYNC_SECONDS
        for room in rooms:
            path = segments("rooms", room, "state", "m.room.member", self.id)
            while self.quietly("GET", path).json().get("displayname") != name:
                assert time.monotonic() < deadline, f"{name} is not in {room}"

    def sync(self, name: str, *until: str, kind: str = LASTING, **params) -> None:
        """Records `/sync` answers until all of `until`, texts or identifiers, have been in one."""
        deadline = time.monotonic() + SYNC_SECONDS
        missing = set(until)
        while missing:
            assert time.monotonic() < deadline, f"{name}: /sync of {self.conversation.url} never mentioned {missing}"
            asked = {"timeout": 1000, "filter": kind, **params}
            if self.since:
                asked["since"] = self.since
            response = self.quietly("GET", "/sync", params=asked)
            answer = self.conversation.record(name, response)
            self.since = answer["next_batch"]
            missing = {text for text in missing if text not in response.text}


def _body(response: requests.Response):
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response.json()
    return {"(bytes)": True}


def hold(conversation: Conversation) -> None:
    """The whole conversation."""
    nobody(conversation)
    admin = conversation.register_admin("root")
    ana, ben = conversation.register("ana"), conversation.register("ben")
    profiles(ana, ben)
    keys(ana, ben)
    direct = direct_chat(ana, ben)
    group = group_room(ana, ben)
    messages(ana, ben, group)
    membership(ana, ben, group, direct)
    account(ana)
    space(ana, group)
    media(ana)
    errors(ana, ben, group)
    administration(admin, ana, ben, group, direct)
    signing_out(ana)


def nobody(conversation: Conversation) -> None:
    for name, path in [
        ("versions", "/_matrix/client/versions"),
        ("login flows", V3 + "/login"),
        ("well-known", "/.well-known/matrix/client"),
        ("whoami without a token", V3 + "/account/whoami"),
        ("public rooms without a token", V3 + "/publicRooms"),
        ("an unknown route", V3 + "/no/such/route"),
        ("user name available", V3 + "/register/available?username=somebody"),
        ("user name not available", V3 + "/register/available?username=NOT%20VALID"),
        ("auth metadata", "/_matrix/client/v1/auth_metadata"),
    ]:
        conversation.record(name, conversation.http("GET", path))
    wrong = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "nobody"}, "password": "no"}
    conversation.record("wrong password", conversation.http("POST", V3 + "/login", wrong))


def profiles(ana: Person, ben: Person) -> None:
    conversation = ana.conversation
    login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": "ana"}, "password": PASSWORD}
    tablet = conversation.record("login", conversation.http("POST", V3 + "/login", login))
    conversation.names.learn(tablet["device_id"], "{ana's tablet}")
    refreshing = conversation.http("POST", V3 + "/login", {**login, "device_id": "WATCH", "refresh_token": True})
    conversation.record("login with a refresh token", refreshing)
    ana.ask("a new profile", "GET", segments("profile", ana.id))
    ana.ask("set display name", "PUT", segments("profile", ana.id, "displayname"), {"displayname": "Ana"})
    ana.ask("set avatar", "PUT", segments("profile", ana.id, "avatar_url"), {"avatar_url": "mxc://localhost/a"})
    ben.ask("profile", "GET", segments("profile", ana.id))
    ben.ask("display name", "GET", segments("profile", ana.id, "displayname"))
    ben.ask("profile of nobody", "GET", segments("profile", "@nobody:localhost"))
    ana.ask("whoami", "GET", "/account/whoami")
    ana.ask("capabilities", "GET", "/capabilities")
    ana.ask("devices", "GET", "/devices")
    ana.ask("device", "GET", segments("devices", ana.device))
    ana.ask("push rules", "GET", "/pushrules/")
    ana.ask("third-party identifiers", "GET", "/account/3pid")
    ana.ask("first sync of a new account", "GET", "/sync", params={"timeout": 0, "filter": LASTING})


def keys(ana: Person, ben: Person) -> None:
    for person in (ana, ben):
        identity = f"{person.name}+identity".ljust(43, "A")
        device_keys = {
            "user_id": person.id,
            "device_id": person.device,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {f"curve25519:{person.device}": identity, f"ed25519:{person.device}": identity},
            "signatures": {person.id: {f"ed25519:{person.device}": "A" * 86}},
        }
        signed = {"key": identity, "signatures": {person.id: {f"ed25519:{person.device}": "A" * 86}}}
        body = {
            "device_keys": device_keys,
            "one_time_keys": {"signed_curve25519:AAAAAA": signed},
            "fallback_keys": {"signed_curve25519:AAAAAB": {**signed, "fallback": True}},
        }
        person.ask("upload keys", "POST", "/keys/upload", body)
    ben.ask("query keys", "POST", "/keys/query", {"device_keys": {ana.id: [], "@nobody:localhost": []}})
    claim = {"one_time_keys": {ana.id: {ana.device: "signed_curve25519"}}}
    ben.ask("claim keys", "POST", "/keys/claim", claim)
    ben.ask("claim the fallback key", "POST", "/keys/claim", claim)
    version = {"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc"}}
    made = ana.ask("make a key backup", "POST", "/room_keys/version", version)
    session = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": {"a": "b"}}
    backup = {"rooms": {"!a:localhost": {"sessions": {"session": session}}}}
    ana.ask("back up keys", "PUT", "/room_keys/keys", backup, {"version": made["version"]})
    ana.ask("the key backup", "GET", "/room_keys/version")
    ana.ask("backed up keys", "GET", "/room_keys/keys", params={"version": made["version"]})
    message = {"messages": {ben.id: {"*": {"text": "between devices"}}}}
    ana.ask("send to device", "PUT", segments("sendToDevice", "org.example.note", "1"), message)
    ben.sync("sync: to-device message", "between devices")


def direct_chat(ana: Person, ben: Person) -> str:
    options = {"preset": "trusted_private_chat", "is_direct": True, "invite": [ben.id]}
    room = ana.create_room("create a direct chat", "!direct", options)
    content = {ben.id: [room]}
    ana.ask("set account data", "PUT", segments("user", ana.id, "account_data", "m.direct"), content)
    ana.sync("sync: first, with a direct chat", room)
    ben.sync("sync: an invitation", room)
    ben.ask("join a room", "POST", segments("join", room))
    ben.sync("sync: joined a direct chat", room)
    ana.sync("sync: the other joined", ben.id)
    return room


def group_room(ana: Person, ben: Person) -> str:
    options = {"name": "Tea", "topic": "Leaves", "preset": "public_chat", "room_alias_name": "tea", "visibility": "public"}
    room = ana.create_room("create a public room", "!tea", options)
    ben.ask("resolve an alias", "GET", segments("directory", "room", "#tea:localhost"))
    ben.ask("public rooms", "GET", "/publicRooms")
    ben.ask("room summary", "GET", "/_matrix/client/v1" + segments("room_summary", room))
    ben.ask("join by alias", "POST", segments("join", "#tea:localhost"))
    ben.sync("sync: joined a public room", room)
    ben.ask("joined rooms", "GET", "/joined_rooms")
    return room


def messages(ana: Person, ben: Person, room: str) -> None:
    first = ana.say("first", room, "hello")
    ben.sync("sync: a message", "hello")
    edit = {"m.new_content": {"msgtype": "m.text", "body": "hello all"}, "m.relates_to": {"rel_type": "m.replace", "event_id": first}}
    ana.say("edit", room, "* hello all", **edit)
    ben.send("reaction", room, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": first, "key": "👍"}})
    ben.say("reply", room, "hi", **{"m.relates_to": {"m.in_reply_to": {"event_id": first}}})
    thread = {"rel_type": "m.thread", "event_id": first, "is_falling_back": True, "m.in_reply_to": {"event_id": first}}
    ben.say("in thread", room, "in a thread", **{"m.relates_to": thread})
    ben.say("mention", room, "Ana, look", **{"m.mentions": {"user_ids": [ana.id]}})
    wrong = ben.say("wrong", room, "a word too much")
    redaction = ben.ask("redact", "PUT", segments("rooms", room, "redact", wrong, "r1"), {"reason": "sorry"})
    ben.conversation.names.learn(redaction["event_id"], "$redaction")
    ana.sync("sync: edits, reactions, threads, redactions", redaction["event_id"])
    ana.ask("receipt", "POST", segments("rooms", room, "receipt", "m.read", first), {})
    markers = {"m.fully_read": first, "m.read": first}
    ana.ask("read markers", "POST", segments("rooms", room, "read_markers"), markers)
    ana.ask("typing", "PUT", segments("rooms", room, "typing", ana.id), {"typing": True, "timeout": 30000})
    ben.sync("sync: typing and receipts", '"m.typing"', '"m.receipt"', kind=EVERYTHING)
    ana.ask("typing no more", "PUT", segments("rooms", room, "typing", ana.id), {"typing": False})
    ana.ask("set presence", "PUT", segments("presence", ana.id, "status"), {"presence": "online", "status_msg": "tea"})
    ben.ask("presence", "GET", segments("presence", ana.id, "status"))
    ana.ask("tag a room", "PUT", segments("user", ana.id, "rooms", room, "tags", "m.favourite"), {"order": 0.5})
    ana.sync("sync: a tag", "m.favourite")
    reading(ana, room, first, wrong)


def reading(ana: Person, room: str, first: str, redacted: str) -> None:
    here = segments("rooms", room)
    for name, path, params in [
        ("messages", f"{here}/messages", {"dir": "b", "limit": 50}),
        ("messages forwards", f"{here}/messages", {"dir": "f", "limit": 50}),
        ("event", here + segments("event", first), None),
        ("a redacted event", here + segments("event", redacted), None),
        ("context", here + segments("context", first), {"limit": 4}),
        ("state", f"{here}/state", None),
        ("state content", f"{here}/state/m.room.name/", None),
        ("state event", f"{here}/state/m.room.name/", {"format": "event"}),
        ("members", f"{here}/members", None),
        ("joined members", f"{here}/joined_members", None),
        ("aliases", f"{here}/aliases", None),
        ("initial sync of a room", f"{here}/initialSync", None),
        ("tags", segments("user", ana.id, "rooms", room, "tags"), None),
        ("notifications", "/notifications", None),
        ("relations", "/_matrix/client/v1" + here + segments("relations", first), None),
        ("threads", "/_matrix/client/v1" + here + "/threads", None),
        ("timestamp to event", "/_matrix/client/v1" + here + "/timestamp_to_event", {"ts": 0, "dir": "f"}),
    ]:
        ana.ask(name, "GET", path, params=params)
    everything = {"search_categories": {"room_events": {"search_term": "hello", "event_context": {"include_profile": True}}}}
    ana.ask("search", "POST", "/search", everything)
    ana.ask("search people", "POST", "/user_directory/search", {"search_term": "ben"})


def membership(ana: Person, ben: Person, room: str, direct: str) -> None:
    here = segments("rooms", room)
    ben.sync("sync: before", room, full_state="true", timeout=0)
    about = {"user_id": ben.id, "reason": "why not"}
    ana.set_state("topic", room, "m.room.topic", {"topic": "Leaves and water"})
    ana.ask("set display name", "PUT", segments("profile", ana.id, "displayname"), {"displayname": "Ana Maria"})
    # The name changes in both rooms.
    ana.until_named("Ana Maria", room, direct)
    ben.sync("sync: a changed topic and a changed name", "Leaves and water", "Ana Maria")
    for step in ["kick", "ban", "unban", "invite"]:
        ana.ask(step, "POST", f"{here}/{step}", about)
        ben.sync(f"sync: {step}", room)
    ben.ask("decline", "POST", f"{here}/leave", {})
    ben.sync("sync: declined", room)
    ben.ask("forget", "POST", f"{here}/forget", {})
    ben.ask("state of a room left", "GET", f"{here}/state")
    ben.ask("join again", "POST", f"{here}/join", {})
    ben.sync("sync: joined again", room)


def account(ana: Person) -> None:
    data = segments("user", ana.id, "account_data", "org.example.setting")
    ana.ask("set account data", "PUT", data, {"colour": "green"})
    ana.ask("account data", "GET", data)
    ana.ask("no such account data", "GET", segments("user", ana.id, "account_data", "org.example.none"))
    made = ana.ask("make a filter", "POST", segments("user", ana.id, "filter"), {"room": {"timeline": {"limit": 5}}})
    ana.ask("filter", "GET", segments("user", ana.id, "filter", made["filter_id"]))
    ana.ask("sync: lazy members", "GET", "/sync", params={"filter": json.dumps({"presence": {"not_types": ["*"]}, "room": {"ephemeral": {"not_types": ["*"]}, "state": {"lazy_load_members": True}}})})
    ana.ask("pushers", "GET", "/pushers")
    ana.ask("OpenID token", "POST", segments("user", ana.id, "openid", "request_token"), {})
    ana.ask("TURN servers", "GET", "/voip/turnServer")
    ana.ask("third-party protocols", "GET", "/thirdparty/protocols")
    ana.ask("key changes", "GET", "/keys/changes", params={"from": ana.since, "to": ana.since})
    rule = {"actions": ["notify"], "pattern": "tea"}
    ana.ask("add a push rule", "PUT", "/pushrules/global/content/tea", rule)
    ana.ask("push rule", "GET", "/pushrules/global/content/tea")
    sliding = {"lists": {"all": {"ranges": [[0, 9]], "required_state": [["*", "*"]], "timeline_limit": 3}}, "extensions": {"e2ee": {"enabled": True}, "to_device": {"enabled": True}, "account_data": {"enabled": True}, "receipts": {"enabled": True}, "typing": {"enabled": True}}}
    ana.ask("sliding sync", "POST", "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", sliding)


def space(ana: Person, room: str) -> None:
    options = {"name": "Kitchen", "creation_content": {"type": "m.space"}}
    made = ana.create_room("create a space", "!kitchen", options)
    ana.set_state("child", made, "m.space.child", {"via": ["localhost"], "suggested": True}, room)
    ana.ask("hierarchy", "GET", "/_matrix/client/v1" + segments("rooms", made, "hierarchy"))
    upgraded = ana.ask("upgrade", "POST", segments("rooms", made, "upgrade"), {"new_version": "11"})
    ana.conversation.names.learn(upgraded["replacement_room"], "!new kitchen")
    ana.sync("sync: an upgraded space", upgraded["replacement_room"])


def media(ana: Person) -> None:
    png = {"Content-Type": "image/png"}
    uploaded = ana.ask("upload", "POST", "/_matrix/media/v3/upload", dot(), {"filename": "dot.png"}, png)
    where = segments(*uploaded["content_uri"].removeprefix("mxc://").split("/"))
    ana.conversation.names.learn(uploaded["content_uri"].rsplit("/", 1)[1], "{dot}")
    ana.ask("media configuration", "GET", "/_matrix/client/v1/media/config")
    ana.ask("download", "GET", "/_matrix/client/v1/media/download" + where)
    size = {"width": 32, "height": 32, "method": "scale"}
    ana.ask("thumbnail", "GET", "/_matrix/client/v1/media/thumbnail" + where, params=size)
    ana.ask("no such media", "GET", "/_matrix/client/v1/media/download/localhost/none")
    ana.ask("reserve an upload", "POST", "/_matrix/media/v1/create")


def errors(ana: Person, ben: Person, room: str) -> None:
    here = segments("rooms", room)
    for name, person, method, path, body in [
        ("a message without a body", ana, "PUT", f"{here}/send/m.room.message/e1", "no object"),
        ("a state event without the right", ben, "PUT", f"{here}/state/m.room.name/", {"name": "Mine"}),
        ("kick without the right", ben, "POST", f"{here}/kick", {"user_id": ana.id}),
        ("an event that is not there", ana, "GET", here + segments("event", "$nothing"), None),
        ("a room that is not there", ana, "GET", segments("rooms", "!nothing:localhost", "state"), None),
        ("join a room that is not there", ana, "POST", segments("join", "!nothing:localhost"), {}),
        ("join an alias that is not there", ana, "POST", segments("join", "#nothing:localhost"), {}),
        ("an alias that is taken", ana, "PUT", segments("directory", "room", "#tea:localhost"), {"room_id": room}),
        ("a user of another's account data", ben, "GET", segments("user", ana.id, "account_data", "m.direct"), None),
        ("a state that is not there", ana, "GET", f"{here}/state/org.example.none/", None),
        ("an unknown room version", ana, "POST", "/createRoom", {"room_version": "unknown"}),
        ("administration without the right", ana, "GET", ADMIN + "/v2/users", None),
        ("delete a device without auth", ana, "DELETE", segments("devices", ana.device), {}),
    ]:
        person.ask(f"refused: {name}", method, path, body)


def administration(admin: Person, ana: Person, ben: Person, room: str, direct: str) -> None:
    ana.quietly("POST", segments("rooms", room, "report"), {"reason": "spam"})
    event = ana.say("reported", room, "buy")
    ben.ask("report an event", "POST", segments("rooms", room, "report", event), {"reason": "spam", "score": -100})
    token = {"uses_allowed": 3}
    reports = ADMIN + "/v1/event_reports"
    for name, method, path, body in [
        ("server version", "GET", "/v1/server_version", None),
        ("users", "GET", "/v2/users", None),
        ("users v3", "GET", "/v3/users", None),
        ("user", "GET", segments("v2", "users", ana.id), None),
        ("change a user", "PUT", segments("v2", "users", ben.id), {"displayname": "Ben"}),
        ("make a user", "PUT", "/v2/users/@made:localhost", {"password": PASSWORD}),
        ("whois", "GET", segments("v1", "whois", ana.id), None),
        ("is admin", "GET", segments("v1", "users", ana.id, "admin"), None),
        ("rooms of a user", "GET", segments("v1", "users", ana.id, "joined_rooms"), None),
        ("memberships of a user", "GET", segments("v1", "users", ana.id, "memberships"), None),
        ("account data of a user", "GET", segments("v1", "users", ana.id, "accountdata"), None),
        ("media of a user", "GET", segments("v1", "users", ana.id, "media"), None),
        ("pushers of a user", "GET", segments("v1", "users", ana.id, "pushers"), None),
        ("devices of a user", "GET", segments("v2", "users", ana.id, "devices"), None),
        ("rate limit of a user", "GET", segments("v1", "users", ana.id, "override_ratelimit"), None),
        ("sign in as a user", "POST", segments("v1", "users", ana.id, "login"), {}),
        ("invitations of a user", "GET", segments("v1", "users", ana.id, "sent_invite_count") + "?from_ts=0", None),
        ("joins of a user", "GET", segments("v1", "users", ana.id, "cumulative_joined_room_count") + "?from_ts=0", None),
        ("experimental features of a user", "GET", segments("v1", "experimental_features", ana.id), None),
        ("change experimental features", "PUT", segments("v1", "experimental_features", ana.id), {"features": {"msc3881": False}}),
        ("an account elsewhere", "GET", segments("v1", "auth_providers", "oidc", "users", "nobody"), None),
        ("an e-mail address", "GET", segments("v1", "threepid", "email", "users", "nobody@example.org"), None),
        ("changes of quarantine", "GET", "/v1/media/quarantine_changes", None),
        ("user name available", "GET", "/v1/username_available?username=somebody", None),
        ("rooms", "GET", "/v1/rooms", None),
        ("room", "GET", segments("v1", "rooms", room), None),
        ("members of a room", "GET", segments("v1", "rooms", room, "members"), None),
        ("state of a room", "GET", segments("v1", "rooms", room, "state"), None),
        ("messages of a room", "GET", segments("v1", "rooms", room, "messages"), None),
        ("context in a room", "GET", segments("v1", "rooms", room, "context", event), None),
        ("is a room blocked", "GET", segments("v1", "rooms", room, "block"), None),
        ("media of a room", "GET", segments("v1", "room", room, "media"), None),
        ("forward extremities", "GET", segments("v1", "rooms", room, "forward_extremities"), None),
        ("media of users", "GET", "/v1/statistics/users/media", None),
        ("size of rooms", "GET", "/v1/statistics/database/rooms", None),
        ("make a registration token", "POST", "/v1/registration_tokens/new", token),
        ("registration tokens", "GET", "/v1/registration_tokens", None),
        ("background updates", "GET", "/v1/background_updates/status", None),
        ("destinations", "GET", "/v1/federation/destinations", None),
        ("a user that is not there", "GET", "/v2/users/@nothing:localhost", None),
        ("a room that is not there", "GET", "/v1/rooms/!nothing:localhost", None),
        ("join a user to a room", "POST", segments("v1", "join", room), {"user_id": admin.id}),
        ("suspend", "PUT", segments("v1", "suspend", ben.id), {"suspend": True}),
        ("unsuspend", "PUT", segments("v1", "suspend", ben.id), {"suspend": False}),
        ("shadow-ban", "POST", segments("v1", "users", ben.id, "shadow_ban"), {}),
        ("end a shadow-ban", "DELETE", segments("v1", "users", ben.id, "shadow_ban"), None),
    ]:
        admin.ask(f"admin: {name}", method, ADMIN + path, body)
    listed = admin.ask("admin: event reports", "GET", reports)
    number = listed["event_reports"][0]["id"]
    admin.ask("admin: event report", "GET", f"{reports}/{number}")
    started = admin.ask("admin: delete a room", "DELETE", ADMIN + segments("v2", "rooms", direct), {"purge": True})
    status = ADMIN + segments("v2", "rooms", "delete_status", started["delete_id"])
    deadline = time.monotonic() + SYNC_SECONDS
    while admin.quietly("GET", status).json().get("status") != "complete":
        assert time.monotonic() < deadline, "the room was not deleted"
    admin.ask("admin: a deleted room", "GET", status)
    admin.ask("admin: deactivate", "POST", ADMIN + segments("v1", "deactivate", "@made:localhost"), {"erase": True})


def signing_out(ana: Person) -> None:
    challenge = ana.ask("deactivate: challenge", "POST", "/account/deactivate", {})
    wrong = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": ana.id}, "password": "wrong"}
    ana.ask("deactivate: wrong password", "POST", "/account/deactivate", {"auth": {**wrong, "session": challenge["session"]}})
    ana.ask("sign out", "POST", "/logout", {})
    ana.ask("whoami with an ended token", "GET", "/account/whoami")
