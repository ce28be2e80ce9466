"""Requests made up from the specification's own OpenAPI, right and wrong ones, as somebody signed in and as nobody.

Whatever is asked, the server answers with what the specification allows: no internal error, errors in Matrix's form, and
what it answers with 200 has the form that the specification gives. The requests are the same in each run: their seed is the
operation's name. `SCHEMA_EXAMPLES` asks for more of them than the few of the daily run.
"""

import json
import os
import secrets
import zlib
from functools import cache
from pathlib import Path

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

BASE_URL = os.environ["IM2_BASE_URL"].rstrip("/")
SPECIFICATION = Path(os.environ["MATRIX_SPECIFICATION"])
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "12"))
PASSWORD = "correct horse battery staple"
# A gateway or another server is at fault, as far as anybody can know.
OTHERS_AT_FAULT = (502, 504)
# Parameters that would only make the test wait.
WAITING = {"timeout": 0, "timeout_ms": 0}


# What is answered otherwise than the schema says, because clients are used to it.
OTHERWISE = {
    "/_matrix/client/v3/rooms/{roomId}/joined_members": "null for members without a name or a picture",
    "/_matrix/client/v3/voip/turnServer": "an empty object where there are no TURN servers",
}


class World:
    """A user with a room, an event, a device and a file: what paths can name."""

    def __init__(self):
        name = f"schema-{secrets.token_hex(6)}"
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        answer = requests.post(f"{BASE_URL}/_matrix/client/v3/register", json=body, timeout=60).json()
        self.token = answer["access_token"]
        room = self.post("createRoom", {"name": "Room", "preset": "public_chat"})["room_id"]
        event = self.put(f"rooms/{room}/send/m.room.message/1", {"msgtype": "m.text", "body": "hello"})["event_id"]
        self.known = {
            "roomId": room,
            "roomIdOrAlias": room,
            "userId": answer["user_id"],
            "eventId": event,
            "deviceId": answer["device_id"],
            "serverName": answer["user_id"].split(":", 1)[1],
            "eventType": "m.room.message",
            "type": "m.direct",
            "keyName": "displayname",
            "receiptType": "m.read",
            "stateKey": "",
        }

    def post(self, path: str, body: dict) -> dict:
        return self._ask("POST", path, body)

    def put(self, path: str, body: dict) -> dict:
        return self._ask("PUT", path, body)

    def _ask(self, method: str, path: str, body: dict) -> dict:
        where = f"{BASE_URL}/_matrix/client/v3/{path}"
        response = requests.request(method, where, json=body, headers=self.headers(), timeout=60)
        assert response.ok, response.text
        return response.json()

    def headers(self) -> dict:
        return {"Authorization": f"Bearer {self.token}"}


@cache
def schema():
    return schemathesis.openapi.from_path(SPECIFICATION / "client-server-v1.19.json")


def operations() -> list:
    return [found.ok() for found in schema().get_all_operations()]


def check(response: requests.Response, case) -> None:
    """What holds for every answer."""
    told = f"{case.method} {response.request.url} {response.request.body!r:.500}: {response.status_code} {response.text:.500}"
    assert response.status_code < 500 or response.status_code in OTHERS_AT_FAULT, told
    if response.status_code >= 400 and case.method != "HEAD":
        body = response.json()
        asks_for_more = response.status_code == 401 and "flows" in body
        assert asks_for_more or all(isinstance(body.get(key), str) for key in ("errcode", "error")), told
    if response.status_code == 200 and case.operation.path not in OTHERWISE:
        case.validate_response(response, checks=[schemathesis.checks.response_schema_conformance])


def send(case, headers: dict) -> requests.Response:
    query = {**(case.query or {})}
    query.update({name: value for name, value in WAITING.items() if name in query})
    case.query = query
    return case.call(base_url=BASE_URL, headers=headers, timeout=60)


@pytest.mark.parametrize("signed_in", [True, False], ids=["somebody", "nobody"])
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: f"{operation.method.upper()} {operation.path}")
def test_every_answer_is_one_of_the_specification(operation, signed_in):
    world = World()

    @seed(zlib.crc32(f"{operation.method} {operation.path}".encode()))
    @settings(
        max_examples=EXAMPLES if signed_in else max(EXAMPLES // 4, 1),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), case=operation.as_strategy())
    def asked(data, case):
        parameters = case.path_parameters or {}
        for name in parameters:
            # Names that mean something, so that more than the look-up is tried.
            if name in world.known and data.draw(st.integers(0, 3)):
                parameters[name] = world.known[name]
        check(send(case, world.headers() if signed_in else {}), case)

    asked()


def test_the_schema_was_read():
    assert len(operations()) > 150
    assert json.loads((SPECIFICATION / "client-server-v1.19.json").read_text())["openapi"].startswith("3.")
