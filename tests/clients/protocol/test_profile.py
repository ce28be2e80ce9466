"""Profiles, presence, and finding people."""

import pytest

from matrix import User, fails, joined, ok, path, unique


class TestProfile:
    def test_it_begins_with_the_localpart_or_empty(self, ana, nobody):
        profile = ok(nobody.get(path("profile", ana.id)))
        assert profile.get("displayname") in (ana.localpart, None)
        assert profile.get("avatar_url") is None

    @pytest.mark.parametrize(
        ("field", "value"),
        [("displayname", "Ana 安娜"), ("avatar_url", "mxc://localhost/picture"), ("m.tz", "Europe/Madrid")],
    )
    def test_a_field_is_set_read_and_deleted(self, ana, ben, field, value):
        where = path("profile", ana.id, field)
        ok(ana.put(where, {field: value}))
        assert ok(ben.get(where)) == {field: value}
        assert ok(ben.get(path("profile", ana.id)))[field] == value
        ok(ana.delete(where))
        response = ben.get(where)
        assert response.status_code == 404 or response.json().get(field) is None, response.text

    def test_fields_of_ones_own_hold_any_json(self, ana, ben):
        value = {"pronouns": ["she", "her"], "nested": {"a": [1, None, True]}}
        where = path("profile", ana.id, "org.example.about")
        ok(ana.put(where, {"org.example.about": value}))
        assert ok(ben.get(where)) == {"org.example.about": value}
        assert ok(ben.get(path("profile", ana.id)))["org.example.about"] == value
        ok(ana.delete(where))
        fails(ben.get(where), 404, "M_NOT_FOUND")
        ok(ana.delete(where))

    def test_the_field_has_to_be_in_the_body(self, ana):
        response = ana.put(path("profile", ana.id, "org.example.about"), {"something": "else"})
        fails(response, 400, "M_MISSING_PARAM")

    def test_a_key_may_not_be_too_long(self, ana):
        key = "org.example." + "x" * 250
        fails(ana.put(path("profile", ana.id, key), {key: 1}), 400, "M_KEY_TOO_LARGE")

    def test_a_profile_may_not_be_too_large(self, ana):
        key = "org.example.large"
        response = ana.put(path("profile", ana.id, key), {key: "x" * 66_000})
        fails(response, 400, "M_PROFILE_TOO_LARGE")
        fails(ana.get(path("profile", ana.id, key)), 404, "M_NOT_FOUND")

    def test_nobody_changes_anothers(self, ana, eve):
        response = eve.put(path("profile", ana.id, "displayname"), {"displayname": "Eve was here"})
        fails(response, 403, "M_FORBIDDEN")
        fails(eve.delete(path("profile", ana.id, "displayname")), 403, "M_FORBIDDEN")

    def test_who_does_not_exist_has_none(self, ana):
        stranger = f"@{unique('nobody')}:{ana.server_name}"
        fails(ana.get(path("profile", stranger)), 404, "M_NOT_FOUND")
        fails(ana.get(path("profile", stranger, "displayname")), 404, "M_NOT_FOUND")

    def test_a_new_name_reaches_the_rooms(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        ok(ana.put(path("profile", ana.id, "displayname"), {"displayname": "Ana"}))
        ok(ana.put(path("profile", ana.id, "avatar_url"), {"avatar_url": "mxc://localhost/a"}))

        def renamed(answer):
            events = joined(answer, room_id).get("timeline", {}).get("events", [])
            contents = [each["content"] for each in events if each["type"] == "m.room.member"]
            return any(each.get("displayname") == "Ana" and each.get("avatar_url") == "mxc://localhost/a" for each in contents)

        stream.until("the new profile", renamed)
        member = ok(ben.state(room_id, "m.room.member", ana.id))
        assert member["membership"] == "join"

    def test_the_profile_is_part_of_joining(self, ana, ben):
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": "Benjamín"}))
        room_id = ana.room_with(ben)
        assert ok(ana.state(room_id, "m.room.member", ben.id))["displayname"] == "Benjamín"
        members = ok(ana.get(path("rooms", room_id, "joined_members")))["joined"]
        assert members[ben.id]["display_name"] == "Benjamín"

    def test_other_fields_cause_no_events(self, ana):
        room_id = ana.create_room()
        stream = ana.follow()
        ok(ana.put(path("profile", ana.id, "m.tz"), {"m.tz": "Asia/Shanghai"}))
        marker = ana.say(room_id, "after")
        answers = []
        stream.until("the marker", lambda answer: answers.append(answer) or marker in str(answer))
        assert not any(each["type"] == "m.room.member" for answer in answers for each in joined(answer, room_id)["timeline"]["events"])


class TestPresence:
    def test_it_is_set_and_read(self, ana, ben):
        ana.room_with(ben)
        where = path("presence", ana.id, "status")
        ok(ana.put(where, {"presence": "unavailable", "status_msg": "at lunch"}))
        answer = ok(ben.get(where))
        assert (answer["presence"], answer["status_msg"]) == ("unavailable", "at lunch")

    def test_it_reaches_those_who_share_a_room(self, ana, ben):
        ana.room_with(ben)
        stream = ben.follow()
        ok(ana.put(path("presence", ana.id, "status"), {"presence": "online", "status_msg": "here"}))

        def told(answer):
            events = answer.get("presence", {}).get("events", [])
            return [each for each in events if each["sender"] == ana.id and each["content"].get("status_msg") == "here"]

        event = stream.until("Ana's presence", told)[0]
        assert (event["type"], event["content"]["presence"]) == ("m.presence", "online")

    def test_strangers_learn_nothing(self, ana, eve):
        ok(ana.put(path("presence", ana.id, "status"), {"presence": "online"}))
        fails(eve.get(path("presence", ana.id, "status")), 403, "M_FORBIDDEN")

    def test_nobody_sets_anothers(self, ana, eve):
        fails(eve.put(path("presence", ana.id, "status"), {"presence": "offline"}), 403, "M_FORBIDDEN")

    def test_there_are_three_states(self, ana):
        response = ana.put(path("presence", ana.id, "status"), {"presence": "dancing"})
        assert response.status_code == 400, response.text

    def test_sync_can_leave_it_alone(self, ana, ben):
        ana.room_with(ben)
        ok(ana.put(path("presence", ana.id, "status"), {"presence": "unavailable", "status_msg": "away"}))
        ana.sync(set_presence="unavailable")
        assert ok(ben.get(path("presence", ana.id, "status")))["presence"] == "unavailable"


class TestPeopleSearch:
    def search(self, user: User, term: str, **more) -> dict:
        return ok(user.post("/user_directory/search", {"search_term": term, **more}))

    def found(self, user: User, term: str) -> set[str]:
        return {each["user_id"] for each in self.search(user, term)["results"]}

    def test_by_name_of_those_one_shares_a_room_with(self, ana, ben):
        name = unique("Benjamín")
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": name}))
        ana.room_with(ben)
        results = self.search(ana, name)["results"]
        assert [(each["user_id"], each["display_name"]) for each in results] == [(ben.id, name)]

    def test_the_case_does_not_matter(self, ana, ben):
        name = unique("MixedCase")
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": name}))
        ana.room_with(ben)
        assert ben.id in self.found(ana, name.upper())

    def test_by_the_beginning_of_the_name(self, ana, ben):
        name = unique("Wilhelmina")
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": name}))
        ana.room_with(ben)
        assert ben.id in self.found(ana, name[:-3])

    def test_by_user_id(self, ana, ben):
        ana.room_with(ben)
        assert ben.id in self.found(ana, ben.localpart)

    def test_chinese_names_by_character(self, ana, ben):
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": "欧阳修远"}))
        ana.room_with(ben)
        for term in ("欧阳修远", "欧阳", "修远", "远"):
            assert ben.id in self.found(ana, term), term

    def test_members_of_public_rooms_are_found_by_all(self, ana, eve):
        ana.create_room(preset="public_chat")
        assert ana.id in self.found(eve, ana.localpart)

    def test_the_limit_is_kept_and_told(self, ana):
        name = unique("Twin")
        twins = [User.register("twin") for _ in range(3)]
        for twin in twins:
            ok(twin.put(path("profile", twin.id, "displayname"), {"displayname": name}))
        ana.room_with(*twins)
        answer = self.search(ana, name, limit=2)
        assert len(answer["results"]) == 2
        assert answer["limited"] is True
        answer = self.search(ana, name)
        assert len(answer["results"]) == 3
        assert answer["limited"] is False

    def test_a_term_is_needed(self, ana):
        fails(ana.post("/user_directory/search", {}), 400)

    def test_a_new_name_replaces_the_old_one(self, ana, ben):
        ana.room_with(ben)
        old, new = unique("Former"), unique("Latter")
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": old}))
        ok(ben.put(path("profile", ben.id, "displayname"), {"displayname": new}))
        assert self.found(ana, new) == {ben.id}
        assert self.found(ana, old) == set()
