"""Simplified sliding sync (MSC4186), in the form of the proposal and in the unstable form that clients speak today."""

import secrets

import pytest

from matrix import Following, User, bodies, fails, ids, ok, path

UNSTABLE = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
STABLE = "/_matrix/client/v4/sync"
CREATE = ["m.room.create", ""]


class Old:
    """The unstable form: position and timeout in the query, state as pairs, several ranges."""

    name, expanded, invite_state = "unstable", "unstable_expanded_timeline", "invite_state"

    @staticmethod
    def post(user: User, body: dict, pos: str | None = None, timeout: int = 0):
        params = {"timeout": timeout, **({"pos": pos} if pos else {})}
        return user.post(UNSTABLE, body, **params)

    @staticmethod
    def rule(limit: int = 10, state=(CREATE,), window=None, lazy: bool = False, **more) -> dict:
        required = [list(pair) for pair in state] + ([["m.room.member", "$LAZY"]] if lazy else [])
        ranges = {"ranges": [list(window)]} if window else {}
        return {"timeline_limit": limit, "required_state": required, **ranges, **more}

    @staticmethod
    def filters(**filters) -> dict:
        return {"filters": {"is_invite" if name == "is_invited" else name: value for name, value in filters.items()}}


class New:
    """The proposal's form: everything in the body, state as objects, one range."""

    name, expanded, invite_state = "stable", "expanded_timeline", "stripped_state"

    @staticmethod
    def post(user: User, body: dict, pos: str | None = None, timeout: int = 0):
        return user.post(STABLE, {**body, "timeout": timeout, **({"pos": pos} if pos else {})})

    @staticmethod
    def rule(limit: int = 10, state=(CREATE,), window=None, lazy: bool = False, **more) -> dict:
        include = [
            {name: value for name, value in (("type", kind), ("state_key", key)) if value != "*"} for kind, key in state
        ]
        required = {"include": include, **({"lazy_members": True} if lazy else {})}
        return {"timeline_limit": limit, "required_state": required, **({"range": list(window)} if window else {}), **more}

    @staticmethod
    def filters(**filters) -> dict:
        return {"filters": filters}


@pytest.fixture(params=[Old, New], ids=lambda form: form.name)
def form(request):
    return request.param


class Follower(Following):
    """Follows a connection with a body that tests may change."""

    def __init__(self, form, user: User, **body):
        self.form, self.user, self.body, self.pos = form, user, body, None

    def step(self, timeout: int = 0) -> dict:
        answer = ok(self.form.post(self.user, self.body, self.pos, timeout))
        self.pos = answer["pos"]
        return answer


def all_rooms(form, user, window=(0, 19), **more) -> Follower:
    return Follower(form, user, lists={"all": form.rule(window=window, **more)})


def kinds(room: dict) -> set:
    return {(event["type"], event["state_key"]) for event in room.get("required_state", [])}


class TestLists:
    def test_the_newest_rooms_within_the_range(self, form, ana):
        rooms = [ana.create_room() for _ in range(5)]
        ana.say(rooms[1], "up")
        follow = all_rooms(form, ana, window=(0, 1))
        answer = follow.step()
        assert answer["lists"]["all"]["count"] == 5
        assert set(answer["rooms"]) == {rooms[1], rooms[4]}
        follow.body = all_rooms(form, ana, window=(0, 4)).body
        assert set(follow.step()["rooms"]) == {rooms[0], rooms[2], rooms[3]}

    def test_a_room_in_full(self, form, ana, ben):
        room_id = ana.room_with(ben, name="Garden", topic="Roses")
        ana.say(room_id, "hello")
        room = all_rooms(form, ben, limit=1, state=[CREATE, ["m.room.name", ""]]).step()["rooms"][room_id]
        assert room["initial"] is True and room["name"] == "Garden"
        assert room["joined_count"] == 2 and room["invited_count"] == 0
        assert bodies(room["timeline"]) == ["hello"] and room["limited"] is True
        assert kinds(room) == {("m.room.create", ""), ("m.room.name", "")}
        assert isinstance(room["bump_stamp"], int) and not room.get("is_dm")
        older = ok(ben.messages(room_id, **{"from": room["prev_batch"]}))["chunk"]
        assert "hello" not in bodies(older) and older

    def test_news_alone_after_that(self, form, ana, ben):
        room_id = ana.room_with(ben)
        follow = all_rooms(form, ben)
        follow.step()
        event_id = ana.say(room_id, "news")
        room = follow.until("the message", lambda answer: answer["rooms"].get(room_id))
        assert ids(room["timeline"]) == [event_id] and not room.get("initial") and not room.get("limited")
        assert room["num_live"] == 1
        assert follow.step()["rooms"] == {}

    def test_a_repeated_position_is_answered_alike(self, form, ana):
        room_id = ana.create_room()
        follow = all_rooms(form, ana)
        follow.step()
        before, event_id = follow.pos, ana.say(room_id, "once")
        for _ in range(2):
            follow.pos = before
            assert ids(follow.step()["rooms"][room_id]["timeline"]) == [event_id]

    def test_more_than_the_limit_leaves_a_gap(self, form, ana):
        room_id = ana.create_room()
        follow = all_rooms(form, ana, limit=2)
        follow.step()
        sent = ana.say_lines(room_id, 5)
        room = follow.step()["rooms"][room_id]
        assert ids(room["timeline"]) == sent[-2:] and room["limited"] is True

    def test_a_higher_limit_brings_older_events(self, form, ana):
        room_id = ana.create_room()
        sent = ana.say_lines(room_id, 5)
        follow = all_rooms(form, ana, limit=1)
        assert ids(follow.step()["rooms"][room_id]["timeline"]) == sent[-1:]
        follow.body = all_rooms(form, ana, limit=4).body
        room = follow.step()["rooms"][room_id]
        assert ids(room["timeline"]) == sent[-4:] and room[form.expanded] is True

    def test_required_state(self, form, ana, ben):
        room_id = ana.room_with(ben, name="Name", topic="Topic")
        everything = all_rooms(form, ana, state=[["*", "*"]]).step()["rooms"][room_id]
        assert {("m.room.topic", ""), ("m.room.member", ben.id)} <= kinds(everything)
        members = all_rooms(form, ana, state=[["m.room.member", "*"]]).step()["rooms"][room_id]
        assert kinds(members) == {("m.room.member", ana.id), ("m.room.member", ben.id)}

    def test_state_that_changes(self, form, ana):
        room_id = ana.create_room(name="One")
        follow = all_rooms(form, ana, state=[["m.room.name", ""]])
        follow.step()
        ok(ana.set_state(room_id, "m.room.name", {"name": "Two"}))
        room = follow.step()["rooms"][room_id]
        assert room["name"] == "Two" and room["required_state"][0]["content"] == {"name": "Two"}

    def test_members_as_they_speak(self, form, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        ben.say(room_id, "hello")
        follow = all_rooms(form, ana, limit=1, lazy=True)
        assert ("m.room.member", ben.id) in kinds(room := follow.step()["rooms"][room_id])
        assert ("m.room.member", eve.id) not in kinds(room)
        eve.say(room_id, "hello")
        assert ("m.room.member", eve.id) in kinds(follow.step()["rooms"][room_id])

    def test_heroes_where_there_is_no_name(self, form, ana, ben):
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": "Ben"}))
        room_id = ana.room_with(ben)
        room = all_rooms(form, ana).step()["rooms"][room_id]
        assert [hero["user_id"] for hero in room["heroes"]] == [ben.id]
        assert room["heroes"][0]["displayname"] == "Ben"

    def test_filters(self, form, ana, ben):
        plain, space = ana.create_room(name="Plain"), ana.create_room(creation_content={"type": "m.space"})
        state = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        secret = ana.create_room(initial_state=[state])
        direct, invited = ana.room_with(ben, is_direct=True), ben.create_room(invite=[ana.id])
        ok(ana.put(f"/user/{ana.id}/account_data/m.direct", {ben.id: [direct]}))
        ok(ana.put(path("user", ana.id, "rooms", plain, "tags", "m.favourite"), {"order": 0.1}))

        def shown(**filters):
            return set(all_rooms(form, ana, **form.filters(**filters)).step()["rooms"])

        assert shown(is_dm=True) == {direct}
        assert direct not in shown(is_dm=False)
        assert shown(is_encrypted=True) == {secret}
        assert shown(is_invited=True) == {invited}
        assert invited not in shown(is_invited=False)
        assert shown(room_types=["m.space"]) == {space}
        assert space not in shown(not_room_types=["m.space"])
        assert space not in shown(room_types=[None])
        assert shown(tags=["m.favourite"]) == {plain}
        assert plain not in shown(not_tags=["m.favourite"])

    def test_an_invite_shows_what_an_invite_shows(self, form, ana, ben):
        room_id = ana.create_room(name="Party", invite=[ben.id])
        ana.say(room_id, "secret")
        room = all_rooms(form, ben).step()["rooms"][room_id]
        assert ("m.room.name", "") in {(event["type"], event["state_key"]) for event in room[form.invite_state]}
        assert not room.get("timeline") and not room.get("required_state")

    def test_who_is_kicked_is_told_and_hears_no_more(self, form, ana, ben):
        room_id = ana.room_with(ben)
        follow = all_rooms(form, ben)
        follow.step()
        ok(ana.post(path("rooms", room_id, "kick"), {"user_id": ben.id}))
        ana.say(room_id, "afterwards")
        room = follow.until("the kick", lambda answer: answer["rooms"].get(room_id))
        assert "afterwards" not in bodies(room.get("timeline", []))
        assert room_id not in follow.step()["rooms"]

    def test_joining(self, form, ana, ben):
        room_id = ana.create_room(invite=[ben.id])
        event_id = ana.say(room_id, "hello")
        follow = all_rooms(form, ben)
        follow.step()
        ok(ben.join(room_id))
        room = follow.until("the room", lambda answer: answer["rooms"].get(room_id))
        assert room["initial"] is True and event_id in ids(room["timeline"])


class TestSubscriptions:
    def test_a_room_outside_the_range(self, form, ana):
        first, second = ana.create_room(), ana.create_room()
        subscription = {first: form.rule(limit=1)}
        body = {"lists": {"all": form.rule(window=(0, 0))}, "room_subscriptions": subscription}
        assert set(Follower(form, ana, **body).step()["rooms"]) == {first, second}

    def test_a_room_one_is_not_in(self, form, ana, eve):
        room_id = ana.create_room(preset="public_chat")
        ana.say(room_id, "hello")
        answer = Follower(form, eve, room_subscriptions={room_id: form.rule()}).step()
        assert room_id not in answer.get("rooms", {})


class TestPositions:
    def test_unknown_ones(self, form, ana):
        fails(form.post(ana, {"lists": {}}, "nonsense"), 400, "M_UNKNOWN_POS")

    def test_those_of_others(self, form, ana, eve):
        follow = all_rooms(form, ana)
        follow.step()
        fails(form.post(eve, follow.body, follow.pos), 400, "M_UNKNOWN_POS")

    def test_connections_are_apart(self, form, ana):
        room_id = ana.create_room()
        for name in ("one", "two"):
            follow = all_rooms(form, ana)
            follow.body["conn_id"] = name
            assert room_id in follow.step()["rooms"]

    def test_malformed(self, form, ana):
        for wrong in ({"lists": 5}, {"lists": {"a": 5}}, {"room_subscriptions": []}, {"extensions": 5}):
            fails(form.post(ana, wrong), 400)

    def test_nobody_may(self, nobody):
        for where in (STABLE, UNSTABLE):
            fails(nobody.post(where), 401, "M_MISSING_TOKEN")


class TestExtensions:
    def test_to_device(self, form, ana, ben):
        follow = Follower(form, ben, extensions={"to_device": {"enabled": True}})
        follow.step()
        message = {ben.id: {ben.device_id: {"n": 1}}}
        ok(ana.put(path("sendToDevice", "org.example.note", secrets.token_hex(8)), {"messages": message}))

        def find(answer):
            found = answer["extensions"].get("to_device")
            return found if found and found["events"] else None

        found = follow.until("the message", find)
        assert found["events"][0]["content"] == {"n": 1}
        follow.body = {"extensions": {"to_device": {"enabled": True, "since": found["next_batch"]}}}
        again = follow.step()["extensions"].get("to_device", {})
        assert again.get("events", []) == []

    def test_account_data(self, form, ana):
        room_id = ana.create_room()
        follow = all_rooms(form, ana)
        follow.body["extensions"] = {"account_data": {"enabled": True}}
        follow.step()
        ok(ana.put(f"/user/{ana.id}/account_data/org.example.a", {"a": 1}))
        ok(ana.put(path("user", ana.id, "rooms", room_id, "account_data", "org.example.b"), {"b": 2}))
        answer = follow.step()["extensions"]["account_data"]
        assert [event["type"] for event in answer["global"]] == ["org.example.a"]
        assert [event["type"] for event in answer["rooms"][room_id]] == ["org.example.b"]

    def test_receipts_and_typing(self, form, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "hello")
        follow = all_rooms(form, ana)
        follow.body["extensions"] = {"receipts": {"enabled": True}, "typing": {"enabled": True}}
        follow.step()
        ok(ben.receipt(room_id, event_id))
        receipts = follow.until("the receipt", lambda answer: answer["extensions"].get("receipts", {}).get("rooms"))
        assert ben.id in receipts[room_id]["content"][event_id]["m.read"]
        ok(ben.put(path("rooms", room_id, "typing", ben.id), {"typing": True, "timeout": 30_000}))
        typing = follow.until("the typing", lambda answer: answer["extensions"].get("typing", {}).get("rooms"))
        assert typing[room_id]["content"]["user_ids"] == [ben.id]

    def test_encryption(self, form, ana):
        answer = Follower(form, ana, extensions={"e2ee": {"enabled": True}}).step()["extensions"]["e2ee"]
        assert "device_unused_fallback_key_types" in answer
        assert answer.get("device_one_time_keys_count", {}).get("signed_curve25519", 0) == 0

    def test_what_is_not_asked_for_is_not_told(self, form, ana):
        ana.create_room()
        assert all_rooms(form, ana).step().get("extensions", {}) == {}
