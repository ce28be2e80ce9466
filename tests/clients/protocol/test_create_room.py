"""Creating rooms: presets, options, versions, and what the first events look like."""

import pytest

from matrix import User, bodies, fails, joined, ok, path, unique

PRESETS = {
    "private_chat": {"join_rule": "invite", "history_visibility": "shared", "guest_access": "can_join"},
    "trusted_private_chat": {"join_rule": "invite", "history_visibility": "shared", "guest_access": "can_join"},
    "public_chat": {"join_rule": "public", "history_visibility": "shared", "guest_access": "forbidden"},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(ana, preset):
    room_id = ana.create_room(preset=preset)
    expected = PRESETS[preset]
    assert ok(ana.state(room_id, "m.room.join_rules"))["join_rule"] == expected["join_rule"]
    assert ok(ana.state(room_id, "m.room.history_visibility"))["history_visibility"] == expected["history_visibility"]
    guests = ana.state(room_id, "m.room.guest_access")
    guest_access = guests.json()["guest_access"] if guests.status_code == 200 else "forbidden"
    assert guest_access == expected["guest_access"]


@pytest.mark.parametrize(("visibility", "join_rule"), [("public", "public"), ("private", "invite")])
def test_visibility_chooses_the_preset(ana, visibility, join_rule):
    room_id = ana.create_room(visibility=visibility)
    assert ok(ana.state(room_id, "m.room.join_rules"))["join_rule"] == join_rule
    assert ok(ana.get(path("directory", "list", "room", room_id)))["visibility"] == visibility


def test_name_and_topic(ana):
    room_id = ana.create_room(name="Garden 花园", topic="What grows")
    assert ok(ana.state(room_id, "m.room.name")) == {"name": "Garden 花园"}
    assert ok(ana.state(room_id, "m.room.topic"))["topic"] == "What grows"


def test_the_first_events_have_the_prescribed_order(ana):
    name = unique("ordered")
    room_id = ana.create_room(
        name="Name",
        topic="Topic",
        room_alias_name=name,
        preset="private_chat",
        initial_state=[{"type": "org.example.initial", "content": {"a": 1}}],
    )
    events = ok(ana.messages(room_id, dir="f", limit=50))["chunk"]
    types = [event["type"] for event in events]
    order = [
        "m.room.create",
        "m.room.member",
        "m.room.power_levels",
        "m.room.canonical_alias",
        "m.room.join_rules",
        "org.example.initial",
        "m.room.name",
        "m.room.topic",
    ]
    places = [types.index(each) for each in order]
    assert places[:3] == [0, 1, 2]
    assert places == sorted(places), types


def test_initial_state_wins_over_the_preset(ana):
    rule = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}
    room_id = ana.create_room(preset="public_chat", initial_state=[rule])
    assert ok(ana.state(room_id, "m.room.join_rules"))["join_rule"] == "knock"


def test_creation_content_is_kept_and_the_servers_fields_are_its_own(ana):
    room_id = ana.create_room(
        room_version="11",
        creation_content={"type": "org.example.kind", "m.federate": False, "room_version": "1"},
    )
    create = ok(ana.state(room_id, "m.room.create"))
    assert create["type"] == "org.example.kind"
    assert create["m.federate"] is False
    assert create["room_version"] == "11"


def test_power_levels_can_be_overridden(ana):
    override = {"users_default": 10, "events": {"m.room.name": 10}}
    room_id = ana.create_room(room_version="11", power_level_content_override=override)
    levels = ok(ana.state(room_id, "m.room.power_levels"))
    assert levels["users_default"] == 10
    assert levels["events"] == {"m.room.name": 10}
    assert levels["users"] == {ana.id: 100}


def test_an_override_that_takes_the_creators_power_is_refused(ana):
    response = ana.post(
        "/createRoom",
        {"room_version": "11", "name": "x", "power_level_content_override": {"users": {ana.id: 0}}},
    )
    assert response.status_code in (400, 403), response.text


def test_direct_invitations_say_so(ana, ben):
    room_id = ana.create_room(is_direct=True, invite=[ben.id], preset="trusted_private_chat")
    assert ok(ana.state(room_id, "m.room.member", ben.id))["is_direct"] is True


def test_trusted_chats_give_everybody_the_same_power(ana, ben):
    for version in ("11", "12"):
        room_id = ana.create_room(invite=[ben.id], preset="trusted_private_chat", room_version=version)
        ok(ben.join(room_id))
        ok(ben.set_state(room_id, "m.room.name", {"name": "Ben's name for it"}))
        ok(ben.set_state(room_id, "m.room.encryption_like", {"x": 1}))


def test_an_alias_is_made(ana, ben):
    name = unique("square")
    room_id = ana.create_room(room_alias_name=name)
    alias = f"#{name}:{ana.server_name}"
    assert ok(ben.get(path("directory", "room", alias)))["room_id"] == room_id
    assert ok(ana.state(room_id, "m.room.canonical_alias"))["alias"] == alias


def test_a_taken_alias_is_refused(ana):
    name = unique("square")
    ana.create_room(room_alias_name=name)
    fails(ana.post("/createRoom", {"room_alias_name": name}), 400, "M_ROOM_IN_USE")


@pytest.mark.parametrize("name", ["has:colon", "nul\u0000"])
def test_a_bad_alias_is_refused(ana, name):
    fails(ana.post("/createRoom", {"room_alias_name": name}), 400)


def test_an_invitation_to_nobody_real_is_refused(ana):
    fails(ana.post("/createRoom", {"invite": ["not a user id"]}), 400)


def test_an_unknown_version_is_refused(ana):
    fails(ana.post("/createRoom", {"room_version": "9000"}), 400, "M_UNSUPPORTED_ROOM_VERSION")
    fails(ana.post("/createRoom", {"room_version": 11}), 400)


def test_a_broken_room_is_not_left_behind(ana):
    before = ok(ana.get("/joined_rooms"))["joined_rooms"]
    response = ana.post("/createRoom", {"initial_state": [{"type": "m.room.power_levels", "content": {"users": "x"}}]})
    assert 400 <= response.status_code < 500, response.text
    assert ok(ana.get("/joined_rooms"))["joined_rooms"] == before


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_every_version_carries_a_conversation(ana, ben, version):
    room_id = ana.room_with(ben, room_version=version)
    create = ana.full_state(room_id)[("m.room.create", "")]
    assert create["content"]["room_version"] == version
    assert create["content"].get("creator") == (ana.id if version == "10" else None)
    assert (":" in room_id) == (version != "12")
    event_id = ana.say(room_id, "hello")
    assert ok(ben.event(room_id, event_id))["content"]["body"] == "hello"
    ok(ana.redact(room_id, event_id))
    assert ok(ben.event(room_id, event_id))["content"] == {}


class TestVersion12:
    def test_the_room_is_named_after_its_first_event(self, ana):
        room_id = ana.create_room(room_version="12")
        create = ana.full_state(room_id)[("m.room.create", "")]
        assert create["event_id"][1:] == room_id[1:]

    def test_the_creator_is_not_in_the_power_levels_and_has_all_power(self, ana, ben):
        room_id = ana.room_with(ben, room_version="12")
        levels = ok(ana.state(room_id, "m.room.power_levels"))
        assert ana.id not in levels.get("users", {})
        ana.change_power(room_id, lambda levels: levels.setdefault("users", {}).update({ben.id: 2**53 - 1}))
        response = ben.post(path("rooms", room_id, "kick"), {"user_id": ana.id})
        fails(response, 403, "M_FORBIDDEN")

    def test_the_creator_cannot_be_put_into_the_power_levels(self, ana):
        room_id = ana.create_room(room_version="12")
        levels = ok(ana.state(room_id, "m.room.power_levels"))
        levels.setdefault("users", {})[ana.id] = 100
        response = ana.set_state(room_id, "m.room.power_levels", levels)
        assert response.status_code in (400, 403), response.text

    def test_additional_creators_share_the_power(self, ana, ben):
        room_id = ana.room_with(ben, room_version="12", creation_content={"additional_creators": [ben.id]})
        assert ok(ana.state(room_id, "m.room.create"))["additional_creators"] == [ben.id]
        ok(ben.set_state(room_id, "m.room.name", {"name": "Ben's"}))

    def test_additional_creators_are_checked(self, ana):
        for wrong in ("no list", ["not a user id"], [5]):
            body = {"room_version": "12", "creation_content": {"additional_creators": wrong}}
            fails(ana.post("/createRoom", body), 400)

    def test_trusted_chats_make_the_invited_creators(self, ana, ben):
        room_id = ana.create_room(room_version="12", preset="trusted_private_chat", invite=[ben.id])
        assert ok(ana.state(room_id, "m.room.create"))["additional_creators"] == [ben.id]

    def test_upgrading_takes_more_than_an_administrator(self, ana):
        room_id = ana.create_room(room_version="12")
        levels = ok(ana.state(room_id, "m.room.power_levels"))
        assert levels["events"]["m.room.tombstone"] > 100


def test_the_new_room_is_in_the_next_sync(ana):
    stream = ana.follow()
    room_id = ana.create_room(name="Garden")
    room = joined(stream.step(), room_id)
    types = [event["type"] for event in room["timeline"]["events"]] + [each["type"] for each in room.get("state", {}).get("events", [])]
    assert {"m.room.create", "m.room.member", "m.room.name"} <= set(types)
    assert bodies(room["timeline"]["events"]) == []


def test_many_invitations_at_once(ana):
    others = [User.register("guest") for _ in range(5)]
    room_id = ana.create_room(invite=[other.id for other in others])
    for other in others:
        invited = other.sync()["rooms"]["invite"]
        assert room_id in invited
