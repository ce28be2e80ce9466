"""State events and the power to set them."""

import pytest

from matrix import bodies, fails, ok, path, timeline


class TestState:
    def test_it_is_set_and_read(self, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ok(ana.set_state(room_id, "org.example.thing", {"colour": "绿色"}, "key"))["event_id"]
        assert ok(ben.state(room_id, "org.example.thing", "key")) == {"colour": "绿色"}
        event = ben.full_state(room_id)[("org.example.thing", "key")]
        assert (event["event_id"], event["sender"], event["room_id"]) == (event_id, ana.id, room_id)
        assert isinstance(event["origin_server_ts"], int)

    def test_the_event_format_has_everything(self, ana):
        room_id = ana.create_room(name="Garden")
        where = path("rooms", room_id, "state", "m.room.name", "")
        event = ok(ana.get(where, format="event"))
        assert (event["type"], event["state_key"], event["content"]) == ("m.room.name", "", {"name": "Garden"})
        assert event["sender"] == ana.id and event["event_id"].startswith("$")
        assert ok(ana.get(where, format="content")) == {"name": "Garden"}

    def test_the_empty_key_may_be_left_out(self, ana):
        room_id = ana.create_room()
        for where in (path("rooms", room_id, "state", "m.room.topic"), path("rooms", room_id, "state", "m.room.topic") + "/"):
            ok(ana.put(where, {"topic": where[-5:]}))
            assert ok(ana.get(where)) == {"topic": where[-5:]}

    def test_what_was_never_set_is_not_found(self, ana):
        room_id = ana.create_room()
        fails(ana.state(room_id, "org.example.nothing"), 404, "M_NOT_FOUND")
        fails(ana.state(room_id, "m.room.member", f"@nobody:{ana.server_name}"), 404, "M_NOT_FOUND")

    def test_strangers_neither_read_nor_write(self, ana, eve):
        room_id = ana.create_room()
        fails(eve.state(room_id, "m.room.create"), 403, "M_FORBIDDEN")
        fails(eve.get(path("rooms", room_id, "state")), 403, "M_FORBIDDEN")
        fails(eve.set_state(room_id, "m.room.name", {"name": "Eve's"}), 403, "M_FORBIDDEN")

    def test_the_same_again_changes_nothing(self, ana):
        room_id = ana.create_room()
        first = ok(ana.set_state(room_id, "org.example.thing", {"a": [1, {"b": 2}]}))["event_id"]
        again = ok(ana.set_state(room_id, "org.example.thing", {"a": [1, {"b": 2}]}))["event_id"]
        assert first == again

    def test_the_timeline_shows_what_was_before(self, ana):
        room_id = ana.create_room(name="Before")
        before = ana.full_state(room_id)[("m.room.name", "")]["event_id"]
        stream = ana.follow()
        ok(ana.set_state(room_id, "m.room.name", {"name": "After"}))
        event = timeline(stream.step(), room_id)[-1]
        assert event["unsigned"]["prev_content"] == {"name": "Before"}
        assert event["unsigned"]["replaces_state"] == before

    def test_a_key_that_is_a_user_belongs_to_them(self, ana, ben):
        room_id = ana.room_with(ben)
        fails(ana.set_state(room_id, "org.example.thing", {}, ben.id), 403, "M_FORBIDDEN")
        ok(ana.set_state(room_id, "org.example.thing", {"a": 1}, ana.id))

    def test_content_may_be_empty(self, ana):
        room_id = ana.create_room()
        ok(ana.set_state(room_id, "m.room.avatar", {"url": "mxc://localhost/a"}))
        ok(ana.set_state(room_id, "m.room.avatar", {}))
        assert ok(ana.state(room_id, "m.room.avatar")) == {}

    def test_the_creation_cannot_be_repeated(self, ana):
        room_id = ana.create_room()
        response = ana.set_state(room_id, "m.room.create", {"room_version": "10"})
        assert response.status_code in (400, 403), response.text

    def test_an_alias_that_does_not_lead_here_is_refused(self, ana):
        room_id = ana.create_room()
        alias = f"#leads-nowhere-{room_id[1:7].lower()}:{ana.server_name}"
        fails(ana.set_state(room_id, "m.room.canonical_alias", {"alias": alias}), 400, "M_BAD_ALIAS")
        fails(ana.set_state(room_id, "m.room.canonical_alias", {"alt_aliases": ["nonsense"]}), 400, "M_INVALID_PARAM")
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        ok(ana.set_state(room_id, "m.room.canonical_alias", {"alias": alias, "alt_aliases": [alias]}))


class TestPowerLevels:
    def test_messages_and_state_have_their_levels(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.send(room_id, {"msgtype": "m.text", "body": "hello"}))
        fails(ben.set_state(room_id, "m.room.topic", {"topic": "x"}), 403, "M_FORBIDDEN")
        ana.change_power(room_id, lambda levels: levels.update({"events_default": 10, "state_default": 0}))
        fails(ben.send(room_id, {"msgtype": "m.text", "body": "hello"}), 403, "M_FORBIDDEN")
        ok(ben.set_state(room_id, "org.example.open", {"a": 1}))

    def test_levels_of_one_type(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.change_power(room_id, lambda levels: levels["events"].update({"m.room.topic": 0, "org.example.rare": 60}))
        ok(ben.set_state(room_id, "m.room.topic", {"topic": "Ben's"}))
        fails(ben.send(room_id, {}, "org.example.rare"), 403, "M_FORBIDDEN")
        ok(ana.send(room_id, {}, "org.example.rare"))

    def test_nobody_rises_above_themselves(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        ana.change_power(room_id, lambda levels: levels.setdefault("users", {}).update({ben.id: 50, eve.id: 50}))
        ana.change_power(room_id, lambda levels: levels["events"].update({"m.room.power_levels": 50}))
        levels = ok(ben.state(room_id, "m.room.power_levels"))
        for users in ({ben.id: 51}, {ben.id: 50, eve.id: 49}, {ben.id: 50, eve.id: 100}):
            attempt = {**levels, "users": {**levels["users"], **users}}
            fails(ben.set_state(room_id, "m.room.power_levels", attempt), 403, "M_FORBIDDEN")
        lowered = {**levels, "users": {**levels["users"], ben.id: 20}}
        ok(ben.set_state(room_id, "m.room.power_levels", lowered))

    def test_levels_above_ones_own_are_out_of_reach(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.change_power(room_id, lambda levels: levels.setdefault("users", {}).update({ben.id: 50}))
        ana.change_power(room_id, lambda levels: levels["events"].update({"m.room.power_levels": 50}))
        levels = ok(ben.state(room_id, "m.room.power_levels"))
        for change in ({"ban": 51}, {"events_default": 99}, {"events": {**levels["events"], "org.example.x": 51}}):
            fails(ben.set_state(room_id, "m.room.power_levels", {**levels, **change}), 403, "M_FORBIDDEN")
        ok(ben.set_state(room_id, "m.room.power_levels", {**levels, "events_default": 50}))

    @pytest.mark.parametrize("wrong", ["50", 1.5, None, [], {}])
    def test_levels_are_integers(self, ana, wrong):
        room_id = ana.create_room()
        levels = ok(ana.state(room_id, "m.room.power_levels"))
        response = ana.set_state(room_id, "m.room.power_levels", {**levels, "ban": wrong})
        assert response.status_code in (400, 403), response.text

    def test_users_are_user_ids(self, ana):
        room_id = ana.create_room()
        levels = ok(ana.state(room_id, "m.room.power_levels"))
        response = ana.set_state(room_id, "m.room.power_levels", {**levels, "users": {"nonsense": 5}})
        assert response.status_code in (400, 403), response.text

    def test_notifying_the_room_takes_power(self, ana, ben):
        room_id = ana.room_with(ben)
        since = ana.sync()["next_batch"]
        ben.say(room_id, "@room listen", **{"m.mentions": {"room": True}})
        counts = ana.sync(since=since)["rooms"]["join"][room_id]["unread_notifications"]
        assert counts["highlight_count"] == 0
        ana.say(room_id, "@room listen", **{"m.mentions": {"room": True}})
        counts = ben.sync()["rooms"]["join"][room_id]["unread_notifications"]
        assert counts["highlight_count"] == 1

    def test_what_was_said_before_stays(self, ana, ben):
        room_id = ana.room_with(ben)
        ben.say(room_id, "while I may")
        ana.change_power(room_id, lambda levels: levels.update({"events_default": 50}))
        chunk = ok(ana.messages(room_id, limit=50))["chunk"]
        assert "while I may" in bodies(chunk)
