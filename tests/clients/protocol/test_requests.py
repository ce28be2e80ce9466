"""Bodies that are not what they should be."""

import pytest

from matrix import path, fails, ok

NOT_JSON = [b"{", b"not json", b"{'single': 'quotes'}", b"\xff\xfe", b'{"a": 1} trailing', b""]
NOT_AN_OBJECT = [b"[]", b'"text"', b"1", b"true", b"null"]


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_not_json_is_refused(ana, body):
    room_id = ana.create_room()
    fails(ana.request("PUT", path("rooms", room_id, "send", "m.room.message", "1"), body), 400, "M_NOT_JSON")
    fails(ana.request("PUT", path("rooms", room_id, "state", "org.example.x", ""), body), 400, "M_NOT_JSON")


@pytest.mark.parametrize("body", NOT_AN_OBJECT)
def test_what_is_not_an_object_is_refused(ana, body):
    room_id = ana.create_room()
    response = ana.request("PUT", path("rooms", room_id, "send", "m.room.message", "1"), body)
    fails(response, 400, "M_BAD_JSON", "M_NOT_JSON")
    fails(ana.request("POST", "/createRoom", body), 400, "M_BAD_JSON", "M_NOT_JSON")


@pytest.mark.parametrize(
    "number",
    [b"1.5", b"1e400", b"9007199254740992", b"-9007199254740992", b"123456789012345678901234567890"],
)
def test_numbers_outside_canonical_json_are_refused(ana, number):
    room_id = ana.create_room()
    body = b'{"msgtype": "m.text", "body": "x", "number": ' + number + b"}"
    response = ana.request("PUT", path("rooms", room_id, "send", "m.room.message", "1"), body)
    fails(response, 400, "M_BAD_JSON", "M_NOT_JSON")


def test_the_largest_allowed_numbers_are_kept(ana):
    room_id = ana.create_room()
    content = {"largest": 9007199254740991, "smallest": -9007199254740991}
    event_id = ok(ana.send(room_id, content, "org.example.numbers"))["event_id"]
    assert ok(ana.event(room_id, event_id))["content"] == content


def test_deep_nesting_never_breaks_the_server(ana):
    room_id = ana.create_room()
    depth = 20_000
    body = b'{"a":' * depth + b"{}" + b"}" * depth
    response = ana.request("PUT", path("rooms", room_id, "send", "m.room.message", "1"), body)
    assert 400 <= response.status_code < 500, response.status_code
    assert ok(ana.get("/account/whoami"))["user_id"] == ana.id


def test_text_of_every_kind_is_kept_exactly(ana):
    room_id = ana.create_room()
    text = "tab\t newline\n quote\" backslash\\ nul-free \u0001 é e\u0301 中文 👩‍👩‍👧 \u202e\uffff"
    event_id = ana.say(room_id, text)
    assert ok(ana.event(room_id, event_id))["content"]["body"] == text


def test_a_content_type_is_not_needed(ana):
    response = ana.request("POST", "/createRoom", b"{}", headers={"Content-Type": "text/plain"})
    assert ok(response)["room_id"].startswith("!")


def test_a_body_that_is_too_large_is_refused(ana):
    room_id = ana.create_room()
    body = {"msgtype": "m.text", "body": "x" * 3_000_000}
    response = ana.send(room_id, body)
    assert response.status_code == 413, response.status_code


def test_wrong_types_are_refused(ana):
    for body in ({"invite": "not a list"}, {"name": 5}, {"preset": "nothing"}, {"initial_state": [5]}, {"invite": [5]}):
        response = ana.post("/createRoom", body)
        assert 400 <= response.status_code < 500, (body, response.text)
        assert response.json()["errcode"].startswith("M_"), response.text


def test_an_encoded_slash_is_part_of_its_segment(ana):
    room_id = ana.create_room()
    ok(ana.set_state(room_id, "org.example/slash", {"a": 1}, "key/with/slashes"))
    assert ok(ana.state(room_id, "org.example/slash", "key/with/slashes")) == {"a": 1}


def test_unknown_query_parameters_are_ignored(ana):
    assert ok(ana.get("/account/whoami", nothing="here"))["user_id"] == ana.id


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", ""])
def test_a_limit_that_is_no_count_is_refused(ana, limit):
    room_id = ana.create_room()
    fails(ana.messages(room_id, limit=limit), 400, "M_INVALID_PARAM", "M_UNKNOWN", "M_BAD_JSON")
