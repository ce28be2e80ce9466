"""Who may read what of a room's past, on every path that shows it."""

import pytest

from matrix import User, bodies, ids, joined, ok, path, timeline


def visible(reader: User, room_id: str) -> list[str]:
    """The texts that the reader finds by paging back."""
    response = reader.messages(room_id, limit=100)
    return bodies(response.json()["chunk"])[::-1] if response.status_code == 200 else []


def room_with_history(ana: User, visibility: str) -> str:
    rule = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": visibility}}
    return ana.create_room(preset="public_chat", initial_state=[rule])


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        ("world_readable", ["before", "invited", "joined"]),
        ("shared", ["before", "invited", "joined"]),
        ("invited", ["invited", "joined"]),
        ("joined", ["joined"]),
    ],
)
def test_what_a_new_member_reads(ana, ben, visibility, expected):
    room_id = room_with_history(ana, visibility)
    sent = {"before": ana.say(room_id, "before")}
    ok(ana.invite(room_id, ben))
    sent["invited"] = ana.say(room_id, "invited")
    ok(ben.join(room_id))
    sent["joined"] = ana.say(room_id, "joined")
    assert visible(ben, room_id) == expected
    assert bodies(timeline(ben.sync(), room_id)) == expected
    for name, event_id in sent.items():
        response = ben.event(room_id, event_id)
        assert response.status_code == (200 if name in expected else 404), (name, response.text)
    context = ok(ben.get(path("rooms", room_id, "context", sent["joined"]), limit=50))
    assert bodies(context["events_before"])[::-1] == [each for each in expected if each != "joined"]


@pytest.mark.parametrize("visibility", ["shared", "invited", "joined"])
def test_a_stranger_reads_nothing(ana, eve, visibility):
    room_id = room_with_history(ana, visibility)
    event_id = ana.say(room_id, "secret")
    assert eve.messages(room_id).status_code == 403
    assert eve.event(room_id, event_id).status_code in (403, 404)
    assert eve.get(path("rooms", room_id, "context", event_id)).status_code in (403, 404)
    assert eve.get(path("rooms", room_id, "state")).status_code == 403


def test_the_world_reads_what_is_readable_by_the_world(ana, eve):
    room_id = room_with_history(ana, "world_readable")
    event_id = ana.say(room_id, "public")
    assert visible(eve, room_id) == ["public"]
    assert ok(eve.event(room_id, event_id))["content"]["body"] == "public"
    assert ok(eve.state(room_id, "m.room.history_visibility")) == {"history_visibility": "world_readable"}


def test_what_was_closed_stays_closed(ana, ben):
    room_id = room_with_history(ana, "joined")
    ana.say(room_id, "closed")
    ok(ana.set_state(room_id, "m.room.history_visibility", {"history_visibility": "shared"}))
    ana.say(room_id, "open")
    ok(ben.join(room_id))
    assert visible(ben, room_id) == ["open"]


def test_who_left_and_came_back_misses_what_was_between(ana, ben):
    room_id = room_with_history(ana, "joined")
    ok(ben.join(room_id))
    ana.say(room_id, "first")
    ok(ben.leave(room_id))
    ana.say(room_id, "between")
    ok(ben.join(room_id))
    ana.say(room_id, "last")
    assert visible(ben, room_id) == ["first", "last"]


def test_the_invited_read_nothing_before_they_join(ana, ben):
    room_id = room_with_history(ana, "invited")
    ok(ana.invite(room_id, ben))
    event_id = ana.say(room_id, "not yet")
    response = ben.messages(room_id)
    assert response.status_code == 403 or bodies(response.json()["chunk"]) == [], response.text
    assert ben.event(room_id, event_id).status_code in (200, 403, 404)


def test_relations_and_threads_are_hidden_like_their_events(ana, ben):
    room_id = room_with_history(ana, "joined")
    root = ana.say(room_id, "hidden root")
    ana.reply_in_thread(room_id, root, "hidden reply")
    ok(ben.join(room_id))
    threads = ok(ben.get(path("rooms", room_id, "threads", prefix="/_matrix/client/v1")))["chunk"]
    assert threads == []
    response = ben.get(path("rooms", room_id, "relations", root, prefix="/_matrix/client/v1"))
    assert response.status_code in (403, 404) or ids(response.json()["chunk"]) == [], response.text


def test_a_sync_after_joining_shows_no_hidden_event(ana, ben):
    room_id = room_with_history(ana, "joined")
    stream = ben.follow()
    ana.say_lines(room_id, 5)
    ok(ben.join(room_id))
    last = ana.say(room_id, "welcome")
    events = joined(stream.step(), room_id)["timeline"]["events"]
    assert bodies(events) == ["welcome"]
    assert ids(events)[-1] == last
