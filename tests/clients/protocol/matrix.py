"""A plain client of the client-server API: a request, its answer, and a way to follow /sync.

Nothing here knows more than HTTP and the shape of a sync answer, so that a test shows exactly what is sent.
"""

import itertools
import json
import os
import secrets
import time
from urllib.parse import quote

import requests

BASE_URL = os.environ["IM2_BASE_URL"].rstrip("/")
SHARED_SECRET = os.environ.get("IM2_SHARED_SECRET", "")
PASSWORD = "correct horse battery staple"
DEADLINE_SECONDS = 30
FIRST_SYNCS = itertools.count(1)

V3 = "/_matrix/client/v3"
V1 = "/_matrix/client/v1"
MEDIA = "/_matrix/media/v3"
ABSOLUTE = ("/_matrix/", "/_synapse/", "/.well-known/")


def unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(6)}"


def path(*segments: str, prefix: str = V3) -> str:
    """A path whose segments are encoded one by one."""
    return prefix + "".join("/" + quote(segment, safe="") for segment in segments)


def ok(response: requests.Response) -> dict:
    """The body of an answer that must be 200 and a JSON object."""
    request = response.request
    assert response.status_code == 200, f"{request.method} {request.path_url}: {response.status_code} {response.text}"
    body = response.json()
    assert isinstance(body, dict), body
    return body


def fails(response: requests.Response, status: int, *errcodes: str) -> dict:
    """The body of an answer that must be an error in Matrix's form, with this status and one of these codes."""
    request = response.request
    told = f"{request.method} {request.path_url}: {response.status_code} {response.text[:500]}"
    assert response.status_code == status, told
    body = response.json()
    assert isinstance(body.get("errcode"), str), told
    assert isinstance(body.get("error"), str), told
    assert not errcodes or body["errcode"] in errcodes, told
    return body


def looks_right(response: requests.Response) -> None:
    """What holds for every answer, whatever it was asked: the headers of browsers, the form of errors."""
    request = response.request
    told = f"{request.method} {request.path_url}: {response.status_code} {response.text[:500]}"
    assert response.headers.get("Access-Control-Allow-Origin") == "*", told
    # 502 and 504 are said of others; whatever else is above 499 is a fault of the server itself.
    assert response.status_code < 500 or response.status_code in (502, 504), told
    if response.status_code < 400 or request.method == "HEAD":
        return
    assert response.headers["Content-Type"] == "application/json", told
    body = response.json()
    asks_for_more = response.status_code == 401 and "flows" in body
    assert asks_for_more or all(body.get(key) and isinstance(body[key], str) for key in ("errcode", "error")), told
    assert response.status_code != 429 or int(response.headers["Retry-After"]) > 0, told


class Client:
    """Somebody who sends requests: with an access token or without."""

    def __init__(self, access_token: str | None = None):
        self.access_token = access_token
        self.http = requests.Session()

    def request(self, method: str, where: str, body=None, *, headers: dict | None = None, **options):
        headers = dict(headers or {})
        if self.access_token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.access_token}"
        if isinstance(body, bytes):
            options["data"] = body
        elif body is not None:
            headers.setdefault("Content-Type", "application/json")
            options["data"] = json.dumps(body).encode()
        if not where.startswith(ABSOLUTE):
            where = V3 + where
        response = self.http.request(method, BASE_URL + where, headers=headers, timeout=60, **options)
        looks_right(response)
        return response

    def get(self, where: str, **params):
        return self.request("GET", where, params=params)

    def put(self, where: str, body=None, **params):
        return self.request("PUT", where, {} if body is None else body, params=params)

    def post(self, where: str, body=None, **params):
        return self.request("POST", where, {} if body is None else body, params=params)

    def delete(self, where: str, body=None, **params):
        return self.request("DELETE", where, body, params=params)


class User(Client):
    """A registered user on one device."""

    def __init__(self, user_id: str, access_token: str, device_id: str):
        super().__init__(access_token)
        self.id = user_id
        self.device_id = device_id

    @classmethod
    def register(cls, name: str, **more) -> "User":
        return cls.from_answer(ok(register(unique(name), **more)))

    @classmethod
    def from_answer(cls, answer: dict) -> "User":
        return cls(answer["user_id"], answer["access_token"], answer["device_id"])

    @property
    def localpart(self) -> str:
        return self.id[1:].split(":", 1)[0]

    @property
    def server_name(self) -> str:
        return self.id.split(":", 1)[1]

    def login(self, **more) -> "User":
        """The same user on another device."""
        return User.from_answer(ok(login(self.id, **more)))

    # Rooms

    def create_room(self, **options) -> str:
        return ok(self.post("/createRoom", options))["room_id"]

    def invite(self, room_id: str, user: "User", **more):
        return self.post(path("rooms", room_id, "invite"), {"user_id": user.id, **more})

    def join(self, room_id: str, **more):
        return self.post(path("join", room_id), more)

    def leave(self, room_id: str, **more):
        return self.post(path("rooms", room_id, "leave"), more)

    def room_with(self, *others: "User", **options) -> str:
        """Creates a room; the others are invited and join."""
        room_id = self.create_room(invite=[other.id for other in others], **options)
        for other in others:
            ok(other.join(room_id))
        return room_id

    def send(self, room_id: str, content: dict, event_type: str = "m.room.message", txn_id: str | None = None):
        return self.put(path("rooms", room_id, "send", event_type, txn_id or secrets.token_hex(8)), content)

    def say(self, room_id: str, body: str, **more) -> str:
        return ok(self.send(room_id, {"msgtype": "m.text", "body": body, **more}))["event_id"]

    def say_lines(self, room_id: str, count: int) -> list[str]:
        return [self.say(room_id, f"line {index}") for index in range(count)]

    def react(self, room_id: str, event_id: str, key: str):
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return self.send(room_id, {"m.relates_to": relation}, "m.reaction")

    def edit(self, room_id: str, event_id: str, body: str, **more) -> str:
        relation = {"rel_type": "m.replace", "event_id": event_id}
        new_content = {"msgtype": "m.text", "body": body, **more}
        return self.say(room_id, f"* {body}", **{"m.new_content": new_content, "m.relates_to": relation})

    def reply_in_thread(self, room_id: str, root: str, body: str) -> str:
        return self.say(room_id, body, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})

    def redact(self, room_id: str, event_id: str, txn_id: str | None = None, **more):
        return self.put(path("rooms", room_id, "redact", event_id, txn_id or secrets.token_hex(8)), more)

    def set_state(self, room_id: str, event_type: str, content: dict, state_key: str = ""):
        return self.put(path("rooms", room_id, "state", event_type, state_key), content)

    def state(self, room_id: str, event_type: str, state_key: str = ""):
        return self.get(path("rooms", room_id, "state", event_type, state_key))

    def full_state(self, room_id: str) -> dict[tuple[str, str], dict]:
        response = self.get(path("rooms", room_id, "state"))
        assert response.status_code == 200, response.text
        return {(event["type"], event["state_key"]): event for event in response.json()}

    def event(self, room_id: str, event_id: str):
        return self.get(path("rooms", room_id, "event", event_id))

    def messages(self, room_id: str, **params):
        return self.get(path("rooms", room_id, "messages"), **{"dir": "b", **params})

    def receipt(self, room_id: str, event_id: str, kind: str = "m.read", body: dict | None = None):
        return self.post(path("rooms", room_id, "receipt", kind, event_id), body or {})

    def change_power(self, room_id: str, change) -> str:
        levels = ok(self.state(room_id, "m.room.power_levels"))
        change(levels)
        return ok(self.set_state(room_id, "m.room.power_levels", levels))["event_id"]

    # Sync

    def sync(self, since: str | None = None, timeout: int = 0, **params) -> dict:
        if since is not None:
            params["since"] = since
        else:
            # A first sync never waits. A timeout of its own keeps a server from repeating an earlier answer.
            timeout = next(FIRST_SYNCS)
        if isinstance(params.get("filter"), dict):
            params["filter"] = json.dumps(params["filter"])
        return ok(self.get("/sync", timeout=timeout, **params))

    def follow(self, **params) -> "Stream":
        return Stream(self, params)


class Following:
    """Whoever asks again and again for what is new: a step is one request, which may wait."""

    user: User

    def step(self, timeout: int = 0) -> dict:
        raise NotImplementedError

    def until(self, what: str, look):
        """Steps until `look` finds something truthy in an answer, and returns that."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = look(self.step(timeout=5_000))
            if found:
                return found
            assert time.monotonic() < deadline, f"{self.user.id} waited in vain for {what}"


class Stream(Following):
    """Follows /sync: every call continues where the last one ended."""

    def __init__(self, user: User, params: dict):
        self.user = user
        self.params = params
        self.first = user.sync(**params)
        self.next_batch = self.first["next_batch"]

    def step(self, timeout: int = 0, **params) -> dict:
        answer = self.user.sync(since=self.next_batch, timeout=timeout, **{**self.params, **params})
        self.next_batch = answer["next_batch"]
        return answer

    def event(self, room_id: str, event_id: str) -> dict:
        """Waits for an event in the room's timeline."""
        return self.until(
            f"the event {event_id}",
            lambda answer: next((each for each in timeline(answer, room_id) if each["event_id"] == event_id), None),
        )

    def ephemeral(self, room_id: str, event_type: str, look=lambda content: True) -> dict:
        """Waits for an ephemeral event whose content `look` accepts, and returns that content."""

        def find(answer):
            events = joined(answer, room_id).get("ephemeral", {}).get("events", [])
            fitting = [each["content"] for each in events if each["type"] == event_type and look(each["content"])]
            return fitting and [fitting[-1]]

        return self.until(event_type, find)[0]


def joined(answer: dict, room_id: str) -> dict:
    """The part of a sync answer about a joined room; empty if there is none."""
    return answer.get("rooms", {}).get("join", {}).get(room_id, {})


def rooms(answer: dict, membership: str) -> dict:
    return answer.get("rooms", {}).get(membership, {})


def timeline(answer: dict, room_id: str) -> list[dict]:
    return joined(answer, room_id).get("timeline", {}).get("events", [])


def events_of(answer: dict, *place: str) -> list[dict]:
    """The events under a place of an answer; none if the place is not there."""
    for key in place:
        answer = answer.get(key, {})
    return answer.get("events", [])


def bodies(events: list[dict]) -> list[str]:
    return [event["content"]["body"] for event in events if "body" in event.get("content", {})]


def ids(events: list[dict]) -> list[str]:
    return [event["event_id"] for event in events]


def register(username: str | None = None, password: str = PASSWORD, kind: str | None = None, **more):
    """Registers through the dummy stage."""
    body = {"auth": {"type": "m.login.dummy"}, "password": password, **more}
    if username is not None:
        body["username"] = username
    params = {"kind": kind} if kind else {}
    return Client().post("/register", body, **params)


def login(user: str, password: str = PASSWORD, **more):
    identifier = {"type": "m.id.user", "user": user}
    return Client().post("/login", {"type": "m.login.password", "identifier": identifier, "password": password, **more})


def password_stage(user: User, session: str | None = None, password: str = PASSWORD) -> dict:
    """The authentication of a request by its user's password."""
    stage = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user.id}, "password": password}
    return {**stage, "session": session} if session else stage


def challenge(response: requests.Response) -> dict:
    """The body of the 401 that asks for user-interactive authentication."""
    assert response.status_code == 401, f"{response.status_code} {response.text}"
    body = response.json()
    assert body["flows"] and all(flow["stages"] for flow in body["flows"]), body
    assert isinstance(body["session"], str), body
    return body
