"""Sync: what is in an answer, what comes next, limits, filters, lazy loading, state_after."""

import threading
import time

import pytest

from matrix import User, bodies, events_of, fails, ids, joined, ok, path, rooms, timeline


class TestFirst:
    def test_an_empty_account(self, ana):
        answer = ana.sync()
        assert isinstance(answer["next_batch"], str)
        assert rooms(answer, "join") == rooms(answer, "invite") == rooms(answer, "leave") == {}
        assert "m.push_rules" in [each["type"] for each in events_of(answer, "account_data")]

    def test_a_room_comes_with_its_state_and_newest_events(self, ana, ben):
        room_id = ana.room_with(ben, name="Garden")
        sent = ana.say_lines(room_id, 15)
        room = ben.sync()["rooms"]["join"][room_id]
        assert ids(room["timeline"]["events"]) == sent[5:]
        assert room["timeline"]["limited"] is True
        assert room["timeline"]["prev_batch"]
        state = {(each["type"], each["state_key"]): each["content"] for each in room["state"]["events"]}
        assert state["m.room.name", ""] == {"name": "Garden"}
        assert {("m.room.create", ""), ("m.room.member", ana.id), ("m.room.member", ben.id)} <= set(state)
        older = ok(ben.messages(room_id, limit=5, **{"from": room["timeline"]["prev_batch"]}))["chunk"]
        assert ids(older) == sent[4::-1]

    def test_state_in_the_timeline_is_not_repeated(self, ana):
        room_id = ana.create_room(name="Garden")
        room = ana.sync(filter={"room": {"timeline": {"limit": 2}}})["rooms"]["join"][room_id]
        assert set(ids(room["timeline"]["events"])) & set(ids(room["state"]["events"])) == set()

    def test_the_summary_names_the_heroes(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        ok(ana.invite(room_id, eve))
        summary = ana.sync()["rooms"]["join"][room_id]["summary"]
        assert sorted(summary["m.heroes"]) == sorted([ben.id, eve.id])
        assert (summary["m.joined_member_count"], summary["m.invited_member_count"]) == (2, 1)

    def test_events_have_no_room_id_but_all_else(self, ana):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        event = timeline(ana.sync(), room_id)[-1]
        assert event["event_id"] == event_id
        assert {"type", "sender", "content", "event_id", "origin_server_ts"} <= set(event)
        assert set(event) <= {"type", "sender", "content", "event_id", "origin_server_ts", "unsigned", "state_key", "room_id"}


class TestNext:
    def test_nothing_new_is_nothing(self, ana):
        ana.create_room()
        stream = ana.follow()
        answer = stream.step()
        assert rooms(answer, "join") == {}

    def test_each_event_comes_once(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        seen = []
        sent = []
        for index in range(7):
            sent.append((ana, ben)[index % 2].say(room_id, f"line {index}"))
            if index % 3 == 0:
                seen += ids(timeline(stream.step(), room_id))
        seen += ids(timeline(stream.step(), room_id))
        assert seen == sent

    def test_the_same_token_gives_the_same_events(self, ana):
        room_id = ana.create_room()
        since = ana.sync()["next_batch"]
        sent = ana.say_lines(room_id, 3)
        for _ in range(2):
            assert ids(timeline(ana.sync(since=since), room_id)) == sent

    def test_a_gap_is_told(self, ana):
        room_id = ana.create_room()
        stream = ana.follow(filter={"room": {"timeline": {"limit": 2}}})
        ok(ana.set_state(room_id, "m.room.name", {"name": "In the gap"}))
        sent = ana.say_lines(room_id, 5)
        room = joined(stream.step(), room_id)
        assert room["timeline"]["limited"] is True
        assert ids(room["timeline"]["events"]) == sent[3:]
        assert [each["content"] for each in room["state"]["events"]] == [{"name": "In the gap"}]

    def test_no_gap_is_told_as_well(self, ana):
        room_id = ana.create_room()
        stream = ana.follow()
        sent = ana.say_lines(room_id, 3)
        room = joined(stream.step(), room_id)
        assert room["timeline"]["limited"] is False
        assert ids(room["timeline"]["events"]) == sent
        assert events_of(room, "state") == []

    def test_full_state_on_request(self, ana):
        room_id = ana.create_room(name="Garden")
        quiet = ana.create_room(name="Quiet")
        stream = ana.follow()
        ana.say(room_id, "x")
        answer = stream.step(full_state="true")
        for each in (room_id, quiet):
            types = {event["type"] for event in joined(answer, each)["state"]["events"]}
            assert {"m.room.create", "m.room.name", "m.room.member"} <= types

    def test_a_joined_room_comes_whole(self, ana, ben):
        room_id = ana.create_room(preset="public_chat", name="Square")
        sent = ana.say_lines(room_id, 3)
        stream = ben.follow()
        ok(ben.join(room_id))
        room = joined(stream.step(), room_id)
        everything = room["timeline"]["events"] + events_of(room, "state")
        assert {"m.room.create", "m.room.name", "m.room.power_levels"} <= {each["type"] for each in everything}
        assert set(sent) <= set(ids(room["timeline"]["events"]))

    def test_a_left_room_comes_once_with_its_end(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        last = ana.say(room_id, "before")
        ok(ben.leave(room_id))
        ana.say(room_id, "after")
        room = rooms(stream.step(), "leave")[room_id]
        assert ids(room["timeline"]["events"])[0] == last
        assert "after" not in bodies(room["timeline"]["events"])
        assert room_id not in rooms(stream.step(), "leave")

    def test_left_rooms_are_absent_unless_asked_for(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id))
        assert room_id not in rooms(ben.sync(), "leave")
        assert room_id in rooms(ben.sync(filter={"room": {"include_leave": True}}), "leave")

    @pytest.mark.parametrize("since", ["nonsense", "-1", "999999999999999999999"])
    def test_nonsense_is_refused(self, ana, since):
        response = ana.get("/sync", since=since, timeout=0)
        assert response.status_code == 400, response.text


class TestWaiting:
    def test_it_ends_with_an_event(self, ana, ben):
        room_id = ana.room_with(ben)
        since = ben.sync()["next_batch"]
        # Ben's own receipt stream may still hold something: wait until the line is quiet.
        since = ben.sync(since=since)["next_batch"]
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(ben.sync(since=since, timeout=30_000)))
        waiting.start()
        event_id = ana.say(room_id, "wake up")
        waiting.join(timeout=20)
        assert answers, "the waiting sync did not wake"
        assert event_id in ids(timeline(answers[0], room_id))

    def test_it_ends_with_the_time(self, ana):
        stream = ana.follow()
        stream.step()
        start = time.monotonic()
        answer = stream.step(timeout=700)
        took = time.monotonic() - start
        assert rooms(answer, "join") == {}
        assert 0.5 < took < 15

    def test_it_ends_with_an_invitation(self, ana, ben):
        stream = ben.follow()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(stream.until("an invitation", lambda each: rooms(each, "invite"))))
        waiting.start()
        room_id = ana.create_room(invite=[ben.id])
        waiting.join(timeout=20)
        assert list(answers[0]) == [room_id]

    def test_other_rooms_do_not_end_it(self, ana, ben):
        ana.room_with(ben)
        other = ana.create_room()
        stream = ben.follow()
        stream.step()
        ana.say(other, "not for Ben")
        assert rooms(stream.step(timeout=300), "join") == {}


class TestFilters:
    def test_they_are_stored(self, ana, eve):
        definition = {"room": {"timeline": {"limit": 1}}, "event_fields": ["type", "content"]}
        filter_id = ok(ana.post(path("user", ana.id, "filter"), definition))["filter_id"]
        assert not filter_id.startswith("{")
        assert ok(ana.get(path("user", ana.id, "filter", filter_id))) == definition
        fails(eve.get(path("user", ana.id, "filter", filter_id)), 403, "M_FORBIDDEN")
        fails(eve.post(path("user", ana.id, "filter"), definition), 403, "M_FORBIDDEN")
        fails(ana.get(path("user", ana.id, "filter", "999999")), 404, "M_NOT_FOUND")

    def test_a_stored_one_is_used(self, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 3)
        filter_id = ok(ana.post(path("user", ana.id, "filter"), {"room": {"timeline": {"limit": 1}}}))["filter_id"]
        assert ids(timeline(ana.sync(filter=filter_id), room_id)) == sent[-1:]

    def test_nonsense_is_refused(self, ana):
        fails(ana.get("/sync", filter="999999"), 400)
        fails(ana.get("/sync", filter="{nonsense"), 400)
        response = ana.post(path("user", ana.id, "filter"), {"room": "nonsense"})
        assert response.status_code == 400, response.text
        response = ana.post(path("user", ana.id, "filter"), {"room": {"timeline": {"limit": "x"}}})
        assert response.status_code == 400, response.text

    def test_types_and_senders_of_the_timeline(self, ana, ben):
        room_id = ana.room_with(ben)
        mine = ana.say(room_id, "Ana's")
        his = ben.say(room_id, "Ben's")
        ok(ana.react(room_id, mine, "👍"))
        shown = lambda part: ids(timeline(ana.sync(filter={"room": {"timeline": part}}), room_id))
        assert shown({"types": ["m.room.message"]}) == [mine, his]
        assert shown({"types": ["m.room.message"], "not_senders": [ben.id]}) == [mine]
        assert shown({"types": ["m.room.message"], "senders": [ben.id]}) == [his]
        assert shown({"types": ["m.room.message"], "not_types": ["m.room.*"]}) == []

    def test_types_of_the_state(self, ana):
        room_id = ana.create_room(name="Garden", topic="What grows")
        ana.say_lines(room_id, 3)
        definition = {"room": {"timeline": {"limit": 1}, "state": {"types": ["m.room.name", "m.room.t*"]}}}
        state = ana.sync(filter=definition)["rooms"]["join"][room_id]["state"]["events"]
        assert {each["type"] for each in state} == {"m.room.name", "m.room.topic"}

    def test_rooms(self, ana):
        one, two = ana.create_room(), ana.create_room()
        assert set(rooms(ana.sync(filter={"room": {"rooms": [one]}}), "join")) == {one}
        assert set(rooms(ana.sync(filter={"room": {"not_rooms": [one]}}), "join")) == {two}
        assert rooms(ana.sync(filter={"room": {"rooms": []}}), "join") == {}

    def test_account_data_and_presence(self, ana):
        ok(ana.put(path("user", ana.id, "account_data", "org.example.a"), {"a": 1}))
        answer = ana.sync(filter={"account_data": {"types": ["org.example.*"]}, "presence": {"not_types": ["*"]}})
        assert [each["type"] for each in events_of(answer, "account_data")] == ["org.example.a"]
        assert events_of(answer, "presence") == []

    def test_fields_of_events(self, ana):
        room_id = ana.create_room()
        ana.say(room_id, "hello")
        events = timeline(ana.sync(filter={"event_fields": ["type", "content.body"]}), room_id)
        assert events[-1] == {"type": "m.room.message", "content": {"body": "hello"}}


class TestLazyMembers:
    LAZY = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}
    REDUNDANT = {"room": {"state": {"lazy_load_members": True, "include_redundant_members": True}, "timeline": {"limit": 1}}}

    @pytest.fixture(scope="class")
    def crowd(self) -> list[User]:
        """The first members of a room: its heroes, whose memberships a server may always send."""
        return [User.register("crowd") for _ in range(5)]

    def members(self, answer: dict, room_id: str) -> set[str]:
        room = joined(answer, room_id)
        events = events_of(room, "state") + events_of(room, "timeline")
        return {each["state_key"] for each in events if each["type"] == "m.room.member"}

    def test_only_senders_and_oneself(self, ana, ben, eve, crowd):
        room_id = ana.room_with(*crowd, ben, eve, name="Named")
        ben.say(room_id, "hello")
        members = self.members(ana.sync(filter=self.LAZY), room_id)
        assert ben.id in members and ana.id in members and eve.id not in members

    def test_they_follow_when_they_speak(self, ana, ben, eve, crowd):
        room_id = ana.room_with(*crowd, ben, eve, name="Named")
        ben.say(room_id, "hello")
        stream = ana.follow(filter=self.LAZY)
        eve.say(room_id, "me too")
        assert eve.id in self.members(stream.step(), room_id)

    def test_known_ones_are_not_repeated_unless_asked_for(self, ana, ben):
        room_id = ana.room_with(ben, name="Named")
        ben.say(room_id, "one")
        stream = ana.follow(filter=self.LAZY)
        ben.say(room_id, "two")
        assert ben.id not in self.members(stream.step(), room_id)
        stream = ana.follow(filter=self.REDUNDANT)
        ben.say(room_id, "three")
        assert ben.id in self.members(stream.step(), room_id)

    def test_changes_are_always_told(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve, name="Named")
        ana.say(room_id, "hello")
        stream = ana.follow(filter=self.LAZY)
        ok(eve.leave(room_id))
        assert eve.id in self.members(stream.step(), room_id)

    def test_the_heroes_of_a_nameless_room_are_sent(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say_lines(room_id, 3)
        assert ben.id in self.members(ana.sync(filter=self.LAZY), room_id)


class TestStateAfter:
    def test_the_state_at_the_end_of_the_timeline(self, ana):
        room_id = ana.create_room(name="Before")
        stream = ana.follow(use_state_after="true")
        first = joined(stream.first, room_id)
        assert "state" not in first
        assert {"m.room.create", "m.room.name"} <= {each["type"] for each in first["state_after"]["events"]}
        ok(ana.set_state(room_id, "m.room.name", {"name": "After"}))
        room = joined(stream.step(), room_id)
        assert "state" not in room
        assert [each["content"] for each in room["state_after"]["events"]] == [{"name": "After"}]
        assert [each["content"] for each in room["timeline"]["events"]] == [{"name": "After"}]

    def test_without_it_state_is_used(self, ana):
        room_id = ana.create_room()
        assert "state_after" not in joined(ana.sync(), room_id)


class TestConcurrent:
    def test_many_writers_no_loss_no_repetition(self, ana):
        people = [User.register("writer") for _ in range(4)]
        room_id = ana.room_with(*people)
        stream = ana.follow(filter={"room": {"timeline": {"limit": 100}}})
        sent: list[str] = []
        lock = threading.Lock()

        def write(person: User):
            for index in range(10):
                event_id = person.say(room_id, f"{person.localpart} {index}")
                with lock:
                    sent.append(event_id)

        writers = [threading.Thread(target=write, args=(person,)) for person in people]
        for writer in writers:
            writer.start()
        seen: list[str] = []
        while any(writer.is_alive() for writer in writers):
            seen += ids(timeline(stream.step(timeout=200), room_id))
        seen += ids(timeline(stream.step(), room_id))
        assert len(seen) == len(set(seen))
        assert set(seen) == set(sent)
        assert len(sent) == 40
        for person in people:
            mine = [body for body in bodies(ok(ana.messages(room_id, limit=100))["chunk"]) if body.startswith(person.localpart + " ")]
            assert mine == [f"{person.localpart} {index}" for index in reversed(range(10))]
