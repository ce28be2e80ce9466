"""Sending, and reading what was sent: send, event, messages, context, timestamp_to_event, redact."""

import secrets
import time

import pytest

from matrix import V1, bodies, fails, ids, ok, path, timeline, unique


class TestSend:
    def test_the_event_is_what_was_sent(self, ana, ben):
        room_id = ana.room_with(ben)
        content = {"msgtype": "m.text", "body": "hello", "org.example.extra": [1, {"a": None}]}
        before = int(time.time() * 1000)
        event_id = ok(ana.send(room_id, content))["event_id"]
        event = ok(ben.event(room_id, event_id))
        assert (event["type"], event["sender"], event["room_id"]) == ("m.room.message", ana.id, room_id)
        assert event["content"] == content
        assert event["event_id"] == event_id
        assert before - 5_000 <= event["origin_server_ts"] <= int(time.time() * 1000) + 5_000
        assert set(event) <= {"type", "sender", "room_id", "content", "event_id", "origin_server_ts", "unsigned", "user_id", "age"}

    def test_a_transaction_counts_once(self, ana):
        room_id = ana.create_room()
        first = ok(ana.send(room_id, {"msgtype": "m.text", "body": "once"}, txn_id="1"))
        again = ok(ana.send(room_id, {"msgtype": "m.text", "body": "changed"}, txn_id="1"))
        assert first == again
        assert bodies(ok(ana.messages(room_id, limit=10))["chunk"]) == ["once"]

    def test_transactions_belong_to_a_device_and_a_room(self, ana):
        room_id, other = ana.create_room(), ana.create_room()
        phone = ana.login()
        content = {"msgtype": "m.text", "body": "x"}
        sent = [
            ok(ana.send(room_id, content, txn_id="1"))["event_id"],
            ok(phone.send(room_id, content, txn_id="1"))["event_id"],
            ok(ana.send(other, content, txn_id="1"))["event_id"],
        ]
        assert len(set(sent)) == 3

    def test_a_transaction_survives_a_new_token_for_its_device(self, ana):
        room_id = ana.create_room()
        first = ok(ana.send(room_id, {"msgtype": "m.text", "body": "x"}, txn_id="1"))["event_id"]
        again = ana.login(device_id=ana.device_id)
        assert ok(again.send(room_id, {"msgtype": "m.text", "body": "x"}, txn_id="1"))["event_id"] == first

    def test_only_the_sending_device_sees_the_transaction(self, ana, ben):
        room_id = ana.room_with(ben)
        phone = ana.login()
        event_id = ok(ana.send(room_id, {"msgtype": "m.text", "body": "x"}, txn_id="mine"))["event_id"]
        seen = {}
        for name, reader in (("device", ana), ("phone", phone), ("ben", ben)):
            event = next(each for each in timeline(reader.sync(), room_id) if each["event_id"] == event_id)
            seen[name] = event.get("unsigned", {}).get("transaction_id")
        assert seen == {"device": "mine", "phone": None, "ben": None}

    def test_what_is_too_large_is_refused(self, ana):
        room_id = ana.create_room()
        fails(ana.send(room_id, {"msgtype": "m.text", "body": "x" * 65_536}), 413, "M_TOO_LARGE")
        fails(ana.send(room_id, {}, event_type="x" * 256), 413, "M_TOO_LARGE")
        fails(ana.set_state(room_id, "org.example.x", {}, "k" * 256), 413, "M_TOO_LARGE")

    def test_almost_too_large_is_kept(self, ana):
        room_id = ana.create_room()
        body = "x" * 60_000
        assert ok(ana.event(room_id, ana.say(room_id, body)))["content"]["body"] == body

    def test_a_room_that_does_not_exist(self, ana):
        response = ana.send(f"!nothing:{ana.server_name}", {"msgtype": "m.text", "body": "x"})
        assert response.status_code in (403, 404), response.text

    def test_state_types_without_a_key_are_no_state(self, ana):
        room_id = ana.create_room(name="Real")
        response = ana.send(room_id, {"name": "Fake"}, "m.room.name")
        assert response.status_code < 500
        assert ok(ana.state(room_id, "m.room.name")) == {"name": "Real"}


class TestEvent:
    def test_strangers_and_unknown_ids(self, ana, eve):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "secret")
        response = eve.event(room_id, event_id)
        assert response.status_code in (403, 404), response.text
        fails(ana.event(room_id, "$nothing"), 404, "M_NOT_FOUND")

    def test_an_event_of_another_room_is_not_found(self, ana):
        room_id, other = ana.create_room(), ana.create_room()
        event_id = ana.say(other, "elsewhere")
        fails(ana.event(room_id, event_id), 404, "M_NOT_FOUND")


class TestMessages:
    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    def test_every_page_size_gives_everything_once(self, ana, limit):
        room_id = ana.create_room()
        ana.say_lines(room_id, 10)
        events, start = [], None
        while True:
            page = ok(ana.messages(room_id, limit=limit, **({"from": start} if start else {})))
            assert len(page["chunk"]) <= limit
            events += page["chunk"]
            start = page.get("end")
            if start is None:
                break
        assert bodies(events) == [f"line {index}" for index in reversed(range(10))]
        assert events[-1]["type"] == "m.room.create"
        assert len(set(ids(events))) == len(events)

    def test_forwards_from_a_sync_token(self, ana):
        room_id = ana.create_room()
        start = ana.sync()["next_batch"]
        sent = ana.say_lines(room_id, 5)
        first = ok(ana.messages(room_id, dir="f", limit=3, **{"from": start}))
        assert ids(first["chunk"]) == sent[:3]
        second = ok(ana.messages(room_id, dir="f", limit=3, **{"from": first["end"]}))
        assert ids(second["chunk"]) == sent[3:]

    def test_forwards_from_the_beginning(self, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 3)
        events = ok(ana.messages(room_id, dir="f", limit=100))["chunk"]
        assert events[0]["type"] == "m.room.create"
        assert ids(events)[-3:] == sent

    def test_backwards_then_forwards_meet(self, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 6)
        back = ok(ana.messages(room_id, limit=4))
        assert ids(back["chunk"]) == sent[:1:-1]
        forth = ok(ana.messages(room_id, dir="f", limit=4, **{"from": back["end"]}))
        assert ids(forth["chunk"]) == sent[2:]

    def test_the_gap_of_a_limited_sync_is_filled(self, ana):
        room_id = ana.create_room()
        since = ana.sync()["next_batch"]
        sent = ana.say_lines(room_id, 8)
        room = ana.sync(since=since, filter={"room": {"timeline": {"limit": 3}}})["rooms"]["join"][room_id]["timeline"]
        assert room["limited"] is True
        assert ids(room["events"]) == sent[5:]
        gap = ok(ana.messages(room_id, limit=50, to=since, **{"from": room["prev_batch"]}))["chunk"]
        assert ids(gap) == sent[4::-1]

    def test_filters(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say(room_id, "Ana's")
        ben.say(room_id, "Ben's")
        ana.send(room_id, {"url": "mxc://a/b", "body": "picture", "msgtype": "m.image"})
        filtered = lambda text: ok(ana.messages(room_id, limit=50, filter=text))["chunk"]
        assert bodies(filtered(f'{{"senders": ["{ben.id}"], "types": ["m.room.message"]}}')) == ["Ben's"]
        assert bodies(filtered(f'{{"not_senders": ["{ben.id}"], "types": ["m.room.message"]}}')) == ["picture", "Ana's"]
        assert bodies(filtered('{"contains_url": true}')) == ["picture"]
        assert {each["type"] for each in filtered('{"types": ["m.room.m*"]}')} == {"m.room.message", "m.room.member"}
        assert "m.room.message" not in {each["type"] for each in filtered('{"not_types": ["m.room.message"]}')}

    def test_strangers_get_nothing(self, ana, eve):
        fails(eve.messages(ana.create_room()), 403, "M_FORBIDDEN")

    @pytest.mark.parametrize("params", [{"dir": "sideways"}, {"from": "nonsense"}, {"filter": "nonsense"}])
    def test_nonsense_is_refused(self, ana, params):
        room_id = ana.create_room()
        response = ana.messages(room_id, **params)
        assert response.status_code == 400, response.text

    def test_lazily_loaded_members(self, ana, ben):
        room_id = ana.room_with(ben)
        ben.say(room_id, "hello")
        page = ok(ana.messages(room_id, limit=1, filter='{"lazy_load_members": true}'))
        assert bodies(page["chunk"]) == ["hello"]
        assert [each["state_key"] for each in page["state"]] == [ben.id]


class TestContext:
    def test_the_limit_is_shared_by_both_sides(self, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 9)
        context = ok(ana.get(path("rooms", room_id, "context", sent[4]), limit=4))
        assert context["event"]["event_id"] == sent[4]
        assert ids(context["events_before"]) == [sent[3], sent[2]]
        assert ids(context["events_after"]) == [sent[5], sent[6]]
        before = ok(ana.messages(room_id, limit=2, **{"from": context["start"]}))["chunk"]
        after = ok(ana.messages(room_id, dir="f", limit=2, **{"from": context["end"]}))["chunk"]
        assert ids(before) == [sent[1], sent[0]]
        assert ids(after) == [sent[7], sent[8]]

    def test_the_state_is_that_of_the_last_event_shown(self, ana):
        room_id = ana.create_room(name="First")
        sent = ana.say_lines(room_id, 3)
        ok(ana.set_state(room_id, "m.room.name", {"name": "Second"}))
        state = ok(ana.get(path("rooms", room_id, "context", sent[1]), limit=2))["state"]
        names = [each["content"]["name"] for each in state if each["type"] == "m.room.name"]
        assert names == ["First"]

    def test_no_limit_at_all(self, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 3)
        context = ok(ana.get(path("rooms", room_id, "context", sent[1]), limit=0))
        assert (context["events_before"], context["events_after"]) == ([], [])

    def test_unknown_events_and_strangers(self, ana, eve):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "secret")
        fails(ana.get(path("rooms", room_id, "context", "$nothing")), 404, "M_NOT_FOUND")
        response = eve.get(path("rooms", room_id, "context", event_id))
        assert response.status_code in (403, 404), response.text


class TestTimestampToEvent:
    def test_the_nearest_in_each_direction(self, ana):
        room_id = ana.create_room()
        sent = []
        for index in range(3):
            sent.append(ana.say(room_id, f"line {index}"))
            moment = ok(ana.event(room_id, sent[-1]))["origin_server_ts"]
            while int(time.time() * 1000) <= moment + 2:
                pass
        times = [ok(ana.event(room_id, each))["origin_server_ts"] for each in sent]
        at = lambda ts, direction: ana.get(path("rooms", room_id, "timestamp_to_event", prefix=V1), ts=ts, dir=direction)
        assert ok(at(times[1], "f")) == {"event_id": sent[1], "origin_server_ts": times[1]}
        assert ok(at(times[1], "b")) == {"event_id": sent[1], "origin_server_ts": times[1]}
        assert ok(at(times[1] + 1, "f"))["event_id"] == sent[2]
        assert ok(at(times[1] - 1, "b"))["event_id"] == sent[0]
        fails(at(times[2] + 100_000, "f"), 404, "M_NOT_FOUND")
        fails(at(1, "b"), 404, "M_NOT_FOUND")

    def test_strangers(self, ana, eve):
        room_id = ana.create_room()
        fails(eve.get(path("rooms", room_id, "timestamp_to_event", prefix=V1), ts=0, dir="f"), 403, "M_FORBIDDEN")


class TestRedaction:
    def test_the_content_is_gone_everywhere(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "forget this")
        redaction_id = ok(ana.redact(room_id, event_id, reason="a mistake"))["event_id"]
        event = ok(ben.event(room_id, event_id))
        assert event["content"] == {}
        because = event["unsigned"]["redacted_because"]
        assert (because["event_id"], because["content"]["reason"], because["sender"]) == (redaction_id, "a mistake", ana.id)
        assert "forget this" not in str(ok(ben.messages(room_id, limit=50)))
        assert "forget this" not in str(ben.sync())

    @pytest.mark.parametrize("version", ["10", "11", "12"])
    def test_the_redaction_names_its_event_where_the_version_says(self, ana, version):
        room_id = ana.create_room(room_version=version)
        event_id = ana.say(room_id, "x")
        redaction = ok(ana.event(room_id, ok(ana.redact(room_id, event_id))["event_id"]))
        assert redaction["redacts"] == event_id
        if version != "10":
            assert redaction["content"]["redacts"] == event_id

    def test_members_redact_their_own_only(self, ana, ben):
        room_id = ana.room_with(ben)
        mine, hers = ben.say(room_id, "Ben's"), ana.say(room_id, "Ana's")
        fails(ben.redact(room_id, hers), 403, "M_FORBIDDEN")
        ok(ben.redact(room_id, mine))
        assert ok(ana.event(room_id, hers))["content"]["body"] == "Ana's"

    def test_power_redacts_everything(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ben.say(room_id, "Ben's")
        ok(ana.redact(room_id, event_id))
        assert ok(ben.event(room_id, event_id))["content"] == {}

    def test_a_transaction_counts_once(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        assert ok(ana.redact(room_id, event_id, txn_id="1")) == ok(ana.redact(room_id, event_id, txn_id="1"))

    def test_strangers_and_unknown_events(self, ana, eve):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        fails(eve.redact(room_id, event_id), 403, "M_FORBIDDEN")
        assert ok(ana.event(room_id, event_id))["content"]["body"] == "x"

    def test_redacted_state_keeps_what_the_rules_need(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.set_state(room_id, "m.room.member", {"membership": "join", "displayname": "Secret"}, ben.id))
        member = ana.full_state(room_id)[("m.room.member", ben.id)]
        ok(ana.redact(room_id, member["event_id"]))
        assert ok(ana.state(room_id, "m.room.member", ben.id)) == {"membership": "join"}
        ben.say(room_id, "still here")

    def test_as_an_event_of_its_own(self, ana):
        room_id = ana.create_room(room_version="11")
        event_id = ana.say(room_id, unique("gone"))
        ok(ana.send(room_id, {"redacts": event_id, "reason": "why not"}, "m.room.redaction", secrets.token_hex(4)))
        assert ok(ana.event(room_id, event_id))["content"] == {}
