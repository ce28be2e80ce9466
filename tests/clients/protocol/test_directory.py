"""Aliases, the public directory, summaries, spaces, upgrades."""

import pytest

from matrix import V1, User, fails, ok, path, unique


def alias_of(user: User, name: str | None = None) -> str:
    return f"#{name or unique('alias')}:{user.server_name}"


class TestAliases:
    def test_made_found_and_deleted(self, ana, ben):
        room_id, alias = ana.create_room(), alias_of(ana)
        where = path("directory", "room", alias)
        ok(ana.put(where, {"room_id": room_id}))
        answer = ok(ben.get(where))
        assert answer["room_id"] == room_id
        assert ana.server_name in answer["servers"]
        assert ok(ana.get(path("rooms", room_id, "aliases"))) == {"aliases": [alias]}
        ok(ana.delete(where))
        fails(ben.get(where), 404, "M_NOT_FOUND")
        fails(ana.delete(where), 404, "M_NOT_FOUND")

    def test_found_without_a_token(self, ana, nobody):
        room_id, alias = ana.create_room(), alias_of(ana)
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        assert ok(nobody.get(path("directory", "room", alias)))["room_id"] == room_id

    def test_names_can_be_chinese(self, ana):
        room_id, alias = ana.create_room(), alias_of(ana, unique("花园"))
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        assert ok(ana.get(path("directory", "room", alias)))["room_id"] == room_id

    def test_a_taken_one(self, ana):
        room_id, alias = ana.create_room(), alias_of(ana)
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        fails(ana.put(path("directory", "room", alias), {"room_id": ana.create_room()}), 409, "M_UNKNOWN")

    @pytest.mark.parametrize("alias", ["nonsense", "#nothing", "!a:localhost"])
    def test_malformed_ones(self, ana, alias):
        room_id = ana.create_room()
        fails(ana.put(path("directory", "room", alias), {"room_id": room_id}), 400)

    def test_of_another_server(self, ana):
        response = ana.put(path("directory", "room", "#a:elsewhere.example.org"), {"room_id": ana.create_room()})
        assert response.status_code in (400, 403), response.text

    def test_nobody_deletes_anothers(self, ana, ben, eve):
        room_id, alias = ana.room_with(ben), alias_of(ana)
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        for person in (ben, eve):
            fails(person.delete(path("directory", "room", alias)), 403, "M_FORBIDDEN")

    def test_strangers_do_not_list_them(self, ana, eve):
        fails(eve.get(path("rooms", ana.create_room(), "aliases")), 403, "M_FORBIDDEN")


class TestPublicRooms:
    def search(self, user, term: str, **more) -> dict:
        return ok(user.post("/publicRooms", {"filter": {"generic_search_term": term}, **more}))

    def test_only_published_rooms_are_listed(self, ana, ben):
        name = unique("Square")
        shown = ana.create_room(name=name, topic="Talk", visibility="public", preset="public_chat")
        ana.create_room(name=name, preset="public_chat")
        ok(ben.join(shown))
        rooms = self.search(ben, name)["chunk"]
        assert [each["room_id"] for each in rooms] == [shown]
        assert (rooms[0]["name"], rooms[0]["topic"], rooms[0]["num_joined_members"]) == (name, "Talk", 2)
        assert (rooms[0]["world_readable"], rooms[0]["guest_can_join"], rooms[0].get("join_rule", "public")) == (False, False, "public")

    def test_publishing_and_withdrawing(self, ana, eve):
        name = unique("Square")
        room_id = ana.create_room(name=name, preset="public_chat")
        where = path("directory", "list", "room", room_id)
        assert ok(eve.get(where)) == {"visibility": "private"}
        fails(eve.put(where, {"visibility": "public"}), 403, "M_FORBIDDEN")
        ok(ana.put(where, {"visibility": "public"}))
        assert [each["room_id"] for each in self.search(eve, name)["chunk"]] == [room_id]
        ok(ana.put(where, {"visibility": "private"}))
        assert self.search(eve, name)["chunk"] == []
        fails(ana.put(where, {"visibility": "sideways"}), 400)
        fails(ana.get(path("directory", "list", "room", f"!nothing:{ana.server_name}")), 404, "M_NOT_FOUND")

    def test_the_search_looks_at_name_topic_and_alias_in_any_case(self, ana):
        word = unique("word").replace("-", "")
        by_name = ana.create_room(name=f"The {word.upper()} room", visibility="public")
        by_topic = ana.create_room(topic=f"about {word}", visibility="public")
        by_alias = ana.create_room(room_alias_name=word, visibility="public")
        found = {each["room_id"] for each in self.search(ana, word)["chunk"]}
        assert found == {by_name, by_topic, by_alias}

    def test_paging_forth_and_back(self, ana):
        name = unique("Page")
        made = {ana.create_room(name=name, visibility="public") for _ in range(5)}
        pages, since = [], {}
        while True:
            page = self.search(ana, name, limit=2, **since)
            assert len(page["chunk"]) <= 2
            pages.append([each["room_id"] for each in page["chunk"]])
            if "next_batch" not in page:
                break
            since = {"since": page["next_batch"]}
        seen = [room_id for page in pages for room_id in page]
        assert len(seen) == len(set(seen)) and set(seen) == made

    def test_room_types(self, ana):
        name = unique("Kind")
        space = ana.create_room(name=name, visibility="public", creation_content={"type": "m.space"})
        room = ana.create_room(name=name, visibility="public")
        found = lambda types: {
            each["room_id"]
            for each in ok(ana.post("/publicRooms", {"filter": {"generic_search_term": name, "room_types": types}}))["chunk"]
        }
        assert found(["m.space"]) == {space}
        assert found([None]) == {room}
        assert found([None, "m.space"]) == {space, room}

    def test_the_simple_way(self, nobody, ana):
        ana.create_room(name=unique("Square"), visibility="public")
        answer = ok(nobody.get("/publicRooms", limit=1))
        assert len(answer["chunk"]) == 1
        assert {"room_id", "num_joined_members", "world_readable", "guest_can_join"} <= set(answer["chunk"][0])

    def test_searching_takes_a_token(self, nobody):
        fails(nobody.post("/publicRooms", {}), 401, "M_MISSING_TOKEN")


class TestSummary:
    def summary(self, reader, room: str):
        return reader.get(path("room_summary", room, prefix=V1))

    def test_of_ones_own_room(self, ana, ben):
        room_id = ana.room_with(ben, name="Garden", topic="What grows")
        answer = ok(self.summary(ana, room_id))
        assert (answer["room_id"], answer["name"], answer["topic"], answer["num_joined_members"]) == (room_id, "Garden", "What grows", 2)
        assert (answer["membership"], answer["join_rule"], answer["world_readable"]) == ("join", "invite", False)
        assert answer["room_version"] == ok(ana.state(room_id, "m.room.create"))["room_version"]

    def test_of_a_public_room_by_its_alias(self, ana, eve):
        name = unique("square")
        room_id = ana.create_room(preset="public_chat", room_alias_name=name, name="Square")
        answer = ok(self.summary(eve, alias_of(ana, name)))
        assert (answer["room_id"], answer["name"], answer.get("membership", "leave")) == (room_id, "Square", "leave")

    def test_of_a_room_one_is_invited_to(self, ana, ben):
        room_id = ana.create_room(name="Garden", invite=[ben.id])
        assert ok(self.summary(ben, room_id))["membership"] == "invite"

    def test_not_of_strangers_rooms(self, ana, eve):
        fails(self.summary(eve, ana.create_room(name="Secret")), 404, "M_NOT_FOUND")
        fails(self.summary(eve, alias_of(ana)), 404, "M_NOT_FOUND")


class TestSpaces:
    def child(self, user: User, space: str, room_id: str, **more):
        ok(user.set_state(space, "m.space.child", {"via": [user.server_name], **more}, room_id))

    def space(self, user: User, **options) -> str:
        return user.create_room(creation_content={"type": "m.space"}, preset="public_chat", **options)

    def hierarchy(self, reader, space: str, **params):
        return reader.get(path("rooms", space, "hierarchy", prefix=V1), **params)

    def listed(self, reader, space: str, **params) -> list[str]:
        return [each["room_id"] for each in ok(self.hierarchy(reader, space, **params))["rooms"]]

    def test_children_in_depth_first_order(self, ana):
        space, inner = self.space(ana, name="Space"), self.space(ana, name="Inner")
        one, two, deep = (ana.create_room(preset="public_chat") for _ in range(3))
        self.child(ana, space, one, order="c")
        self.child(ana, space, inner, order="a")
        self.child(ana, space, two, order="b")
        self.child(ana, inner, deep)
        assert self.listed(ana, space) == [space, inner, deep, two, one]
        assert self.listed(ana, space, max_depth=1) == [space, inner, two, one]

    def test_an_entry_tells_about_its_room(self, ana):
        space = self.space(ana, name="Space")
        room_id = ana.create_room(preset="public_chat", name="Child", topic="Topic")
        self.child(ana, space, room_id, suggested=True)
        rooms = ok(self.hierarchy(ana, space))["rooms"]
        assert rooms[0]["room_type"] == "m.space"
        link = rooms[0]["children_state"][0]
        assert (link["state_key"], link["type"], link["content"]["suggested"]) == (room_id, "m.space.child", True)
        assert "origin_server_ts" in link and "sender" in link
        assert (rooms[1]["name"], rooms[1]["topic"], rooms[1]["num_joined_members"]) == ("Child", "Topic", 1)
        assert rooms[1]["children_state"] == []

    def test_only_what_is_suggested(self, ana):
        space = self.space(ana)
        one, two = (ana.create_room(preset="public_chat") for _ in range(2))
        self.child(ana, space, one, suggested=True)
        self.child(ana, space, two)
        assert self.listed(ana, space, suggested_only="true") == [space, one]

    def test_what_one_may_not_see_is_left_out(self, ana, eve):
        space = self.space(ana)
        public, private = ana.create_room(preset="public_chat"), ana.create_room()
        self.child(ana, space, public)
        self.child(ana, space, private)
        assert set(self.listed(eve, space)) == {space, public}
        assert set(self.listed(ana, space)) == {space, public, private}

    def test_links_without_via_are_no_links(self, ana):
        space = self.space(ana)
        room_id = ana.create_room(preset="public_chat")
        ok(ana.set_state(space, "m.space.child", {}, room_id))
        assert self.listed(ana, space) == [space]

    def test_circles_end(self, ana):
        one, two = self.space(ana), self.space(ana)
        self.child(ana, one, two)
        self.child(ana, two, one)
        assert self.listed(ana, one) == [one, two]

    def test_paging(self, ana):
        space = self.space(ana)
        children = [ana.create_room(preset="public_chat") for _ in range(5)]
        for index, room_id in enumerate(children):
            self.child(ana, space, room_id, order=f"{index}")
        seen, params = [], {"limit": 2}
        while True:
            page = ok(self.hierarchy(ana, space, **params))
            seen += [each["room_id"] for each in page["rooms"]]
            if "next_batch" not in page:
                break
            params["from"] = page["next_batch"]
        assert seen == [space, *children]

    def test_no_space_for_strangers(self, ana, eve):
        secret = ana.create_room(creation_content={"type": "m.space"})
        fails(self.hierarchy(eve, secret), 403, "M_FORBIDDEN")
        fails(self.hierarchy(ana, self.space(ana), **{"from": "nonsense"}), 400)


class TestUpgrades:
    def upgrade(self, user: User, room_id: str, version: str = "11", **more):
        return user.post(path("rooms", room_id, "upgrade"), {"new_version": version, **more})

    def test_both_rooms_point_to_each_other(self, ana, ben):
        old = ana.room_with(ben, room_version="10", name="Garden")
        new = ok(self.upgrade(ana, old))["replacement_room"]
        tombstone = ok(ben.state(old, "m.room.tombstone"))
        assert tombstone["replacement_room"] == new
        create = ok(ana.state(new, "m.room.create"))
        assert (create["room_version"], create["predecessor"]["room_id"]) == ("11", old)

    def test_what_describes_the_room_is_copied(self, ana, ben):
        old = ana.room_with(ben, room_version="10", name="Garden", topic="What grows", preset="public_chat")
        ok(ana.set_state(old, "m.room.avatar", {"url": "mxc://localhost/a"}))
        ok(ana.set_state(old, "m.room.history_visibility", {"history_visibility": "joined"}))
        ok(ana.post(path("rooms", old, "ban"), {"user_id": ben.id}))
        ana.change_power(old, lambda levels: levels["events"].update({"m.room.topic": 7}))
        new = ok(self.upgrade(ana, old))["replacement_room"]
        assert ok(ana.state(new, "m.room.name")) == {"name": "Garden"}
        assert ok(ana.state(new, "m.room.topic"))["topic"] == "What grows"
        assert ok(ana.state(new, "m.room.avatar")) == {"url": "mxc://localhost/a"}
        assert ok(ana.state(new, "m.room.join_rules"))["join_rule"] == "public"
        assert ok(ana.state(new, "m.room.history_visibility")) == {"history_visibility": "joined"}
        assert ok(ana.state(new, "m.room.power_levels"))["events"]["m.room.topic"] == 7
        assert ok(ana.state(new, "m.room.member", ben.id))["membership"] == "ban"

    def test_the_old_room_is_closed(self, ana, ben):
        old = ana.room_with(ben, room_version="10")
        ok(self.upgrade(ana, old))
        fails(ben.send(old, {"msgtype": "m.text", "body": "still here?"}), 403, "M_FORBIDDEN")

    def test_aliases_move(self, ana):
        name = unique("square")
        old = ana.create_room(room_version="10", room_alias_name=name, preset="public_chat")
        new = ok(self.upgrade(ana, old))["replacement_room"]
        assert ok(ana.get(path("directory", "room", alias_of(ana, name))))["room_id"] == new
        assert ok(ana.state(new, "m.room.canonical_alias"))["alias"] == alias_of(ana, name)

    def test_the_kind_of_room_stays(self, ana):
        old = ana.create_room(room_version="10", creation_content={"type": "m.space", "m.federate": False})
        new = ok(self.upgrade(ana, old))["replacement_room"]
        create = ok(ana.state(new, "m.room.create"))
        assert (create["type"], create["m.federate"]) == ("m.space", False)

    def test_power_is_needed(self, ana, ben, eve):
        old = ana.room_with(ben, room_version="10")
        for person in (ben, eve):
            fails(self.upgrade(person, old), 403, "M_FORBIDDEN")
        assert ana.state(old, "m.room.tombstone").status_code == 404

    def test_unknown_versions(self, ana):
        old = ana.create_room(room_version="10")
        fails(self.upgrade(ana, old, "9000"), 400, "M_UNSUPPORTED_ROOM_VERSION")
        fails(ana.post(path("rooms", old, "upgrade"), {}), 400)

    def test_to_version_12_with_more_creators(self, ana, ben):
        old = ana.room_with(ben, room_version="11")
        new = ok(self.upgrade(ana, old, "12", additional_creators=[ben.id]))["replacement_room"]
        assert ok(ana.state(new, "m.room.create"))["additional_creators"] == [ben.id]
        levels = ok(ana.state(new, "m.room.power_levels"))
        assert not {ana.id, ben.id} & set(levels.get("users", {}))

    def test_the_directory_lists_the_new_room(self, ana):
        name = unique("Square")
        old = ana.create_room(room_version="10", name=name, preset="public_chat", visibility="public")
        new = ok(self.upgrade(ana, old))["replacement_room"]
        found = ok(ana.post("/publicRooms", {"filter": {"generic_search_term": name}}))["chunk"]
        assert [each["room_id"] for each in found] == [new]
