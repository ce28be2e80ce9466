"""Account data, tags, push rules."""

import pytest

from matrix import User, events_of, fails, joined, ok, path


class TestAccountData:
    def test_it_is_kept_and_synced(self, ana):
        where = path("user", ana.id, "account_data", "org.example.settings")
        stream = ana.follow()
        ok(ana.put(where, {"colour": "绿色"}))
        assert ok(ana.get(where)) == {"colour": "绿色"}
        assert events_of(stream.step(), "account_data") == [{"type": "org.example.settings", "content": {"colour": "绿色"}}]
        assert {"type": "org.example.settings", "content": {"colour": "绿色"}} in events_of(ana.sync(), "account_data")

    def test_the_last_one_counts(self, ana):
        where = path("user", ana.id, "account_data", "org.example.settings")
        for value in range(3):
            ok(ana.put(where, {"value": value}))
        assert ok(ana.get(where)) == {"value": 2}
        mine = [each for each in events_of(ana.sync(), "account_data") if each["type"] == "org.example.settings"]
        assert mine == [{"type": "org.example.settings", "content": {"value": 2}}]

    def test_it_belongs_to_a_room_or_to_none(self, ana):
        room_id = ana.create_room()
        everywhere = path("user", ana.id, "account_data", "org.example.settings")
        here = path("user", ana.id, "rooms", room_id, "account_data", "org.example.settings")
        ok(ana.put(everywhere, {"a": 1}))
        fails(ana.get(here), 404, "M_NOT_FOUND")
        ok(ana.put(here, {"b": 2}))
        assert (ok(ana.get(everywhere)), ok(ana.get(here))) == ({"a": 1}, {"b": 2})
        assert {"type": "org.example.settings", "content": {"b": 2}} in events_of(joined(ana.sync(), room_id), "account_data")

    def test_what_was_never_set(self, ana):
        fails(ana.get(path("user", ana.id, "account_data", "org.example.nothing")), 404, "M_NOT_FOUND")

    def test_it_is_private(self, ana, eve):
        where = path("user", ana.id, "account_data", "org.example.settings")
        ok(ana.put(where, {"secret": 1}))
        fails(eve.get(where), 403, "M_FORBIDDEN")
        fails(eve.put(where, {"secret": 2}), 403, "M_FORBIDDEN")
        assert ok(ana.get(where)) == {"secret": 1}

    @pytest.mark.parametrize("event_type", ["m.fully_read", "m.push_rules"])
    def test_some_is_the_servers_own(self, ana, event_type):
        where = path("user", ana.id, "account_data", event_type)
        fails(ana.put(where, {"a": 1}), 405, "M_BAD_JSON")

    def test_it_is_an_object(self, ana):
        where = path("user", ana.id, "account_data", "org.example.settings")
        for body in (b"[]", b'"x"', b"5", b"nonsense"):
            fails(ana.request("PUT", where, body), 400, "M_BAD_JSON", "M_NOT_JSON")

    def test_other_devices_see_it(self, ana):
        stream = ana.login().follow()
        ok(ana.put(path("user", ana.id, "account_data", "m.direct"), {"@ben:localhost": ["!a:localhost"]}))
        assert [each["type"] for each in events_of(stream.step(), "account_data")] == ["m.direct"]


class TestTags:
    def tags(self, user: User, room_id: str, *rest: str) -> str:
        return path("user", user.id, "rooms", room_id, "tags", *rest)

    def test_they_are_set_listed_and_deleted(self, ana):
        room_id = ana.create_room()
        assert ok(ana.get(self.tags(ana, room_id))) == {"tags": {}}
        ok(ana.put(self.tags(ana, room_id, "m.favourite"), {"order": 0.25}))
        ok(ana.put(self.tags(ana, room_id, "u.work"), {}))
        assert ok(ana.get(self.tags(ana, room_id))) == {"tags": {"m.favourite": {"order": 0.25}, "u.work": {}}}
        ok(ana.delete(self.tags(ana, room_id, "u.work")))
        assert ok(ana.get(self.tags(ana, room_id))) == {"tags": {"m.favourite": {"order": 0.25}}}

    def test_they_are_synced(self, ana):
        room_id = ana.create_room()
        stream = ana.follow()
        ok(ana.put(self.tags(ana, room_id, "m.lowpriority"), {}))
        events = events_of(joined(stream.step(), room_id), "account_data")
        assert events == [{"type": "m.tag", "content": {"tags": {"m.lowpriority": {}}}}]
        ok(ana.delete(self.tags(ana, room_id, "m.lowpriority")))
        events = events_of(joined(stream.step(), room_id), "account_data")
        assert events == [{"type": "m.tag", "content": {"tags": {}}}]

    def test_they_are_ones_own(self, ana, ben):
        room_id = ana.room_with(ben)
        fails(ben.get(self.tags(ana, room_id)), 403, "M_FORBIDDEN")
        fails(ben.put(self.tags(ana, room_id, "u.x"), {}), 403, "M_FORBIDDEN")
        ok(ana.put(self.tags(ana, room_id, "u.x"), {}))
        assert ok(ben.get(self.tags(ben, room_id))) == {"tags": {}}


class TestPushRules:
    def rule(self, kind: str, rule_id: str, *rest: str) -> str:
        return path("pushrules", "global", kind, rule_id, *rest)

    def test_the_default_rules(self, ana):
        rules = ok(ana.get("/pushrules/"))["global"]
        named = {kind: [each["rule_id"] for each in rules[kind]] for kind in rules}
        for rule_id in (
            ".m.rule.master",
            ".m.rule.suppress_notices",
            ".m.rule.invite_for_me",
            ".m.rule.member_event",
            ".m.rule.is_user_mention",
            ".m.rule.is_room_mention",
            ".m.rule.tombstone",
            ".m.rule.reaction",
            ".m.rule.room.server_acl",
            ".m.rule.suppress_edits",
        ):
            assert rule_id in named["override"], rule_id
        assert named["override"][0] == ".m.rule.master"
        underride = [".m.rule.call", ".m.rule.encrypted_room_one_to_one", ".m.rule.room_one_to_one", ".m.rule.message", ".m.rule.encrypted"]
        assert [each for each in named["underride"] if each in underride] == underride
        assert all(each["default"] is True for each in rules["override"])
        master = rules["override"][0]
        assert (master["enabled"], master["actions"]) == (False, [])

    def test_both_ways_to_list_them(self, ana):
        assert ok(ana.get("/pushrules/global/")) == ok(ana.get("/pushrules/"))["global"]

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("override", {"conditions": [{"kind": "event_match", "key": "type", "pattern": "x"}], "actions": ["notify"]}),
            ("underride", {"conditions": [], "actions": []}),
            ("content", {"pattern": "cake*lie", "actions": ["notify", {"set_tweak": "sound", "value": "default"}]}),
        ],
    )
    def test_a_rule_is_made_read_and_deleted(self, ana, kind, body):
        ok(ana.put(self.rule(kind, "mine"), body))
        rule = ok(ana.get(self.rule(kind, "mine")))
        assert {key: rule[key] for key in body} == body
        assert (rule["rule_id"], rule["enabled"], rule["default"]) == ("mine", True, False)
        ok(ana.delete(self.rule(kind, "mine")))
        fails(ana.get(self.rule(kind, "mine")), 404, "M_NOT_FOUND")
        fails(ana.delete(self.rule(kind, "mine")), 404, "M_NOT_FOUND")

    def test_rules_for_rooms_and_senders(self, ana, ben):
        room_id = ana.create_room()
        ok(ana.put(self.rule("room", room_id), {"actions": []}))
        ok(ana.put(self.rule("sender", ben.id), {"actions": ["notify"]}))
        rules = ok(ana.get("/pushrules/"))["global"]
        assert [each["rule_id"] for each in rules["room"]] == [room_id]
        assert [each["rule_id"] for each in rules["sender"]] == [ben.id]

    def test_order(self, ana):
        body = {"pattern": "x", "actions": ["notify"]}
        named = lambda: [each["rule_id"] for each in ok(ana.get("/pushrules/"))["global"]["content"] if not each["default"]]
        for rule_id in ("a", "b", "c"):
            ok(ana.put(self.rule("content", rule_id), body))
        assert named() == ["c", "b", "a"]
        ok(ana.put(self.rule("content", "d"), body, after="b"))
        assert named() == ["c", "b", "d", "a"]
        ok(ana.put(self.rule("content", "e"), body, before="c"))
        assert named() == ["e", "c", "b", "d", "a"]

    def test_a_neighbour_has_to_exist(self, ana):
        body = {"pattern": "x", "actions": ["notify"]}
        response = ana.put(self.rule("content", "a"), body, before="nothing")
        assert response.status_code in (400, 404), response.text

    def test_own_rules_come_before_the_defaults_but_after_master(self, ana):
        ok(ana.put(self.rule("override", "mine"), {"conditions": [], "actions": []}))
        named = [each["rule_id"] for each in ok(ana.get("/pushrules/"))["global"]["override"]]
        assert named[:2] == [".m.rule.master", "mine"]

    def test_switching(self, ana):
        where = self.rule("override", ".m.rule.master", "enabled")
        assert ok(ana.get(where)) == {"enabled": False}
        ok(ana.put(where, {"enabled": True}))
        assert ok(ana.get(where)) == {"enabled": True}
        fails(ana.put(self.rule("override", "nothing", "enabled"), {"enabled": True}), 404, "M_NOT_FOUND")

    def test_actions(self, ana):
        where = self.rule("underride", ".m.rule.message", "actions")
        assert "notify" in ok(ana.get(where))["actions"]
        ok(ana.put(where, {"actions": []}))
        assert ok(ana.get(where)) == {"actions": []}
        fails(ana.get(self.rule("underride", "nothing", "actions")), 404, "M_NOT_FOUND")

    def test_names_of_rules(self, ana):
        body = {"conditions": [], "actions": ["notify"]}
        for bad in (".m.rule.mine", "with/slash", "back\\slash"):
            fails(ana.put(self.rule("override", bad), body), 400)
        assert ana.delete(self.rule("override", ".m.rule.master")).status_code in (400, 403, 404)
        ok(ana.get(self.rule("override", ".m.rule.master")))

    def test_kinds_and_bodies(self, ana):
        fails(ana.put(self.rule("nothing", "mine"), {"actions": []}), 400)
        fails(ana.put(self.rule("content", "mine"), {"actions": ["notify"]}), 400)
        fails(ana.put(self.rule("override", "mine"), {"conditions": []}), 400)
        fails(ana.put(self.rule("override", "mine"), {"conditions": [], "actions": ["dance"]}), 400)

    def test_changes_are_synced(self, ana):
        stream = ana.follow()
        ok(ana.put(self.rule("content", "mine"), {"pattern": "cake", "actions": ["notify"]}))
        events = events_of(stream.step(), "account_data")
        assert [each["type"] for each in events] == ["m.push_rules"]
        assert "mine" in [each["rule_id"] for each in events[0]["content"]["global"]["content"]]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("I like cake.", (1, 1)), ("CAKE!", (1, 1)), ("pancakes", (1, 0)), ("cheesecake", (1, 0)), ("a cake-walk", (1, 1))],
    )
    def test_words_are_matched_as_words(self, ana, ben, text, expected):
        room_id = ana.room_with(ben)
        rule = {"pattern": "cake", "actions": ["notify", {"set_tweak": "highlight"}]}
        ok(ben.put(self.rule("content", "cake"), rule))
        ana.say(room_id, text)
        counts = joined(ben.sync(), room_id)["unread_notifications"]
        assert (counts["notification_count"], counts["highlight_count"]) == expected

    def test_master_silences_everything(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.put(self.rule("override", ".m.rule.master", "enabled"), {"enabled": True}))
        ana.say(room_id, "hello", **{"m.mentions": {"user_ids": [ben.id]}})
        counts = joined(ben.sync(), room_id)["unread_notifications"]
        assert (counts["notification_count"], counts["highlight_count"]) == (0, 0)

    def test_notices_are_quiet(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ana.send(room_id, {"msgtype": "m.notice", "body": "a robot speaks"}))
        assert joined(ben.sync(), room_id)["unread_notifications"]["notification_count"] == 0

    def test_a_muted_sender(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.put(self.rule("sender", ana.id), {"actions": []}))
        ana.say(room_id, "hello")
        assert joined(ben.sync(), room_id)["unread_notifications"]["notification_count"] == 0
