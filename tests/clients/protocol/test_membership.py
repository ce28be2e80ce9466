"""Invite, join, leave, kick, ban, knock, forget; members; restricted rooms."""

import pytest

from matrix import User, fails, ok, path, rooms, timeline


def membership(reader: User, room_id: str, user: User) -> dict:
    return ok(reader.state(room_id, "m.room.member", user.id))


class TestInvite:
    def test_it_is_seen_with_stripped_state(self, ana, ben):
        room_id = ana.create_room(name="Garden", topic="What grows", invite=[ben.id])
        invited = ben.sync()["rooms"]["invite"][room_id]["invite_state"]["events"]
        state = {(event["type"], event["state_key"]): event for event in invited}
        assert state["m.room.name", ""]["content"]["name"] == "Garden"
        assert state["m.room.member", ben.id]["content"]["membership"] == "invite"
        assert state["m.room.member", ben.id]["sender"] == ana.id
        assert state["m.room.create", ""]["sender"] == ana.id
        assert ("m.room.join_rules", "") in state

    def test_a_reason_is_kept(self, ana, ben):
        room_id = ana.create_room()
        ok(ana.invite(room_id, ben, reason="we need you"))
        assert membership(ana, room_id, ben)["reason"] == "we need you"

    def test_a_stranger_cannot_invite(self, ana, ben, eve):
        room_id = ana.create_room()
        fails(eve.invite(room_id, ben), 403, "M_FORBIDDEN")

    def test_one_who_left_cannot_invite(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id))
        fails(ben.invite(room_id, eve), 403, "M_FORBIDDEN")

    def test_power_is_needed(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        ana.change_power(room_id, lambda levels: levels.update({"invite": 50}))
        fails(ben.invite(room_id, eve), 403, "M_FORBIDDEN")
        ok(ana.invite(room_id, eve))

    def test_a_member_is_not_invited_again(self, ana, ben):
        room_id = ana.room_with(ben)
        fails(ana.invite(room_id, ben), 403)
        assert membership(ana, room_id, ben)["membership"] == "join"

    def test_twice_is_once(self, ana, ben):
        room_id = ana.create_room()
        ok(ana.invite(room_id, ben))
        ok(ana.invite(room_id, ben))
        ok(ben.join(room_id))

    def test_whom_is_needed(self, ana):
        room_id = ana.create_room()
        fails(ana.post(path("rooms", room_id, "invite"), {}), 400)
        fails(ana.post(path("rooms", room_id, "invite"), {"user_id": "nonsense"}), 400)

    def test_declining_takes_it_from_sync(self, ana, ben):
        room_id = ana.create_room(invite=[ben.id])
        stream = ben.follow()
        assert room_id in rooms(stream.first, "invite")
        ok(ben.leave(room_id, reason="no time"))
        answer = stream.step()
        assert room_id in rooms(answer, "leave")
        assert room_id not in rooms(answer, "invite")
        assert membership(ana, room_id, ben) == {**membership(ana, room_id, ben), "membership": "leave", "reason": "no time"}

    def test_it_can_be_withdrawn(self, ana, ben):
        room_id = ana.create_room(invite=[ben.id])
        ok(ana.post(path("rooms", room_id, "kick"), {"user_id": ben.id}))
        fails(ben.join(room_id), 403, "M_FORBIDDEN")
        assert room_id not in rooms(ben.sync(), "invite")


class TestJoin:
    def test_by_invitation_only(self, ana, ben):
        room_id = ana.create_room()
        fails(ben.join(room_id), 403, "M_FORBIDDEN")
        ok(ana.invite(room_id, ben))
        assert ok(ben.join(room_id)) == {"room_id": room_id}
        assert room_id in ok(ben.get("/joined_rooms"))["joined_rooms"]

    def test_both_ways_of_joining(self, ana, ben):
        for where in ("join/{}", "rooms/{}/join"):
            room_id = ana.create_room(preset="public_chat")
            segments = [room_id if part == "{}" else part for part in where.split("/")]
            assert ok(ben.post(path(*segments), {"reason": "curious"})) == {"room_id": room_id}
            assert membership(ana, room_id, ben)["reason"] == "curious"

    def test_twice_is_once(self, ana):
        room_id = ana.create_room(preset="public_chat")
        before = ana.full_state(room_id)[("m.room.member", ana.id)]["event_id"]
        ok(ana.join(room_id))
        assert ana.full_state(room_id)[("m.room.member", ana.id)]["event_id"] == before

    def test_what_does_not_exist(self, ana):
        fails(ana.join(f"#nothing-here:{ana.server_name}"), 404, "M_NOT_FOUND")
        response = ana.join(f"!nothing:{ana.server_name}")
        assert response.status_code in (403, 404), response.text
        fails(ana.join("nonsense"), 400)

    def test_coming_back(self, ana, ben):
        room_id = ana.create_room(preset="public_chat")
        ok(ben.join(room_id))
        ok(ben.leave(room_id))
        ok(ben.join(room_id))
        assert membership(ana, room_id, ben)["membership"] == "join"


class TestLeave:
    def test_a_stranger_cannot(self, ana, eve):
        room_id = ana.create_room()
        fails(eve.leave(room_id), 403, "M_FORBIDDEN")

    def test_the_reason_and_the_previous_membership_are_kept(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id, reason="too loud"))
        event = timeline(ana.sync(), room_id)[-1]
        assert (event["state_key"], event["content"]["reason"]) == (ben.id, "too loud")
        assert event["unsigned"]["prev_content"]["membership"] == "join"

    def test_afterwards_the_room_is_closed(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id))
        fails(ben.send(room_id, {"msgtype": "m.text", "body": "still here"}), 403, "M_FORBIDDEN")
        fails(ben.set_state(room_id, "m.room.topic", {"topic": "x"}), 403, "M_FORBIDDEN")
        fails(ben.put(path("rooms", room_id, "typing", ben.id), {"typing": True, "timeout": 1000}), 403, "M_FORBIDDEN")
        assert room_id not in ok(ben.get("/joined_rooms"))["joined_rooms"]

    def test_the_state_stays_as_it_was(self, ana, ben):
        room_id = ana.room_with(ben, name="Before")
        ok(ben.leave(room_id))
        ok(ana.set_state(room_id, "m.room.name", {"name": "After"}))
        assert ok(ben.state(room_id, "m.room.name")) == {"name": "Before"}
        assert ben.full_state(room_id)[("m.room.name", "")]["content"] == {"name": "Before"}

    def test_history_ends_there(self, ana, ben):
        room_id = ana.room_with(ben)
        ana.say(room_id, "before")
        ok(ben.leave(room_id))
        ana.say(room_id, "after")
        chunk = ok(ben.messages(room_id, limit=50))["chunk"]
        assert [each["content"]["body"] for each in chunk if each["type"] == "m.room.message"] == ["before"]


class TestForget:
    def test_not_while_one_is_in(self, ana):
        room_id = ana.create_room()
        fails(ana.post(path("rooms", room_id, "forget")), 400, "M_UNKNOWN")

    def test_afterwards_the_room_is_gone(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id))
        ok(ben.post(path("rooms", room_id, "forget")))
        fails(ben.messages(room_id), 403, "M_FORBIDDEN")
        fails(ben.get(path("rooms", room_id, "state")), 403, "M_FORBIDDEN")
        answer = ben.sync(filter={"room": {"include_leave": True}})
        assert room_id not in rooms(answer, "leave")

    def test_one_can_be_invited_again(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ben.leave(room_id))
        ok(ben.post(path("rooms", room_id, "forget")))
        ok(ana.invite(room_id, ben))
        assert room_id in rooms(ben.sync(), "invite")
        ok(ben.join(room_id))
        ok(ben.messages(room_id))


class TestKickAndBan:
    def test_kick(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ana.post(path("rooms", room_id, "kick"), {"user_id": ben.id, "reason": "a pause"}))
        assert membership(ana, room_id, ben)["membership"] == "leave"
        assert membership(ana, room_id, ben)["reason"] == "a pause"
        event = ana.full_state(room_id)[("m.room.member", ben.id)]
        assert event["sender"] == ana.id

    def test_kick_takes_power(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        fails(ben.post(path("rooms", room_id, "kick"), {"user_id": eve.id}), 403, "M_FORBIDDEN")
        fails(ben.post(path("rooms", room_id, "kick"), {"user_id": ana.id}), 403, "M_FORBIDDEN")

    def test_who_is_not_there_is_not_kicked(self, ana, eve):
        room_id = ana.create_room()
        fails(ana.post(path("rooms", room_id, "kick"), {"user_id": eve.id}), 403)

    def test_a_ban_keeps_out(self, ana, ben):
        room_id = ana.room_with(ben, preset="public_chat")
        ok(ana.post(path("rooms", room_id, "ban"), {"user_id": ben.id, "reason": "spam"}))
        assert membership(ana, room_id, ben) == {**membership(ana, room_id, ben), "membership": "ban", "reason": "spam"}
        fails(ben.join(room_id), 403)
        fails(ana.invite(room_id, ben), 403)
        fails(ana.post(path("rooms", room_id, "kick"), {"user_id": ben.id}), 403)

    def test_one_may_ban_in_advance(self, ana, eve):
        room_id = ana.create_room(preset="public_chat")
        ok(ana.post(path("rooms", room_id, "ban"), {"user_id": eve.id}))
        fails(eve.join(room_id), 403)

    def test_unban(self, ana, ben):
        room_id = ana.room_with(ben, preset="public_chat")
        ok(ana.post(path("rooms", room_id, "ban"), {"user_id": ben.id}))
        ok(ana.post(path("rooms", room_id, "unban"), {"user_id": ben.id}))
        assert membership(ana, room_id, ben)["membership"] == "leave"
        ok(ben.join(room_id))

    def test_who_is_not_banned_is_not_unbanned(self, ana, ben):
        room_id = ana.room_with(ben)
        response = ana.post(path("rooms", room_id, "unban"), {"user_id": ben.id})
        assert response.status_code in (400, 403), response.text
        assert membership(ana, room_id, ben)["membership"] == "join"

    def test_equal_power_does_not_ban(self, ana, ben, eve):
        room_id = ana.room_with(ben, eve)
        ana.change_power(room_id, lambda levels: levels.setdefault("users", {}).update({ben.id: 50, eve.id: 50}))
        fails(ben.post(path("rooms", room_id, "ban"), {"user_id": eve.id}), 403, "M_FORBIDDEN")

    def test_the_banned_see_it_in_sync(self, ana, ben):
        room_id = ana.room_with(ben)
        stream = ben.follow()
        ok(ana.post(path("rooms", room_id, "ban"), {"user_id": ben.id}))
        left = rooms(stream.step(), "leave")[room_id]
        events = left.get("timeline", {}).get("events", []) + left.get("state", {}).get("events", [])
        own = [each for each in events if each["type"] == "m.room.member" and each["state_key"] == ben.id]
        assert own[-1]["content"]["membership"] == "ban"


class TestKnock:
    def knockable(self, ana: User, rule: str = "knock", **options) -> str:
        rules = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": rule, **options}}
        return ana.create_room(name="Door", initial_state=[rules])

    def test_it_is_shown_on_both_sides(self, ana, ben):
        room_id = self.knockable(ana)
        assert ok(ben.post(path("knock", room_id), {"reason": "it is me"})) == {"room_id": room_id}
        event = ana.full_state(room_id)[("m.room.member", ben.id)]
        assert event["content"] == {**event["content"], "membership": "knock", "reason": "it is me"}
        state = ben.sync()["rooms"]["knock"][room_id]["knock_state"]["events"]
        found = {(each["type"], each["state_key"]): each["content"] for each in state}
        assert found["m.room.name", ""] == {"name": "Door"}
        assert found["m.room.member", ben.id]["membership"] == "knock"
        assert ("m.room.create", "") in found

    def test_it_does_not_open_the_door(self, ana, ben):
        room_id = self.knockable(ana)
        ok(ben.post(path("knock", room_id)))
        fails(ben.join(room_id), 403, "M_FORBIDDEN")
        fails(ben.messages(room_id), 403, "M_FORBIDDEN")

    def test_it_can_be_answered_refused_and_withdrawn(self, ana, ben, eve):
        room_id = self.knockable(ana)
        for person in (ben, eve):
            ok(person.post(path("knock", room_id)))
        ok(ana.invite(room_id, ben))
        ok(ben.join(room_id))
        ok(ana.post(path("rooms", room_id, "kick"), {"user_id": eve.id}))
        assert membership(ana, room_id, eve)["membership"] == "leave"
        ok(eve.post(path("knock", room_id)))
        ok(eve.leave(room_id))
        assert membership(ana, room_id, eve)["membership"] == "leave"

    def test_only_where_the_rules_say_so(self, ana, ben):
        fails(ben.post(path("knock", ana.create_room())), 403, "M_FORBIDDEN")
        fails(ben.post(path("knock", ana.create_room(preset="public_chat"))), 403, "M_FORBIDDEN")

    def test_not_by_members_nor_the_banned(self, ana, ben):
        room_id = self.knockable(ana)
        fails(ana.post(path("knock", room_id)), 403, "M_FORBIDDEN")
        ok(ana.post(path("rooms", room_id, "ban"), {"user_id": ben.id}))
        fails(ben.post(path("knock", room_id)), 403)

    def test_by_alias(self, ana, ben):
        room_id = self.knockable(ana)
        alias = f"#{room_id[1:9].lower()}-door:{ana.server_name}"
        ok(ana.put(path("directory", "room", alias), {"room_id": room_id}))
        assert ok(ben.post(path("knock", alias)))["room_id"] == room_id
        fails(ben.post(path("knock", f"#nothing-here:{ana.server_name}")), 404, "M_NOT_FOUND")


class TestRestricted:
    def pair(self, ana: User, rule: str = "restricted", **options) -> tuple[str, str]:
        """A club and a room for its members."""
        club = ana.create_room(preset="public_chat")
        allow = [{"type": "m.room_membership", "room_id": club}]
        rules = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": rule, "allow": allow}}
        return club, ana.create_room(initial_state=[rules], **options)

    @pytest.mark.parametrize("version", ["10", "11", "12"])
    def test_members_of_the_other_room_get_in(self, ana, ben, version):
        club, room_id = self.pair(ana, room_version=version)
        fails(ben.join(room_id), 403, "M_FORBIDDEN")
        ok(ben.join(club))
        ok(ben.join(room_id))
        content = membership(ana, room_id, ben)
        assert content["membership"] == "join"
        assert content["join_authorised_via_users_server"] == ana.id

    def test_who_left_the_other_room_stays_out(self, ana, ben):
        club, room_id = self.pair(ana)
        ok(ben.join(club))
        ok(ben.leave(club))
        fails(ben.join(room_id), 403, "M_FORBIDDEN")

    def test_an_invitation_works_as_well(self, ana, ben):
        _, room_id = self.pair(ana)
        ok(ana.invite(room_id, ben))
        ok(ben.join(room_id))

    def test_knock_restricted_does_both(self, ana, ben, eve):
        club, room_id = self.pair(ana, "knock_restricted")
        ok(ben.join(club))
        ok(ben.join(room_id))
        ok(eve.post(path("knock", room_id)))
        fails(eve.join(room_id), 403, "M_FORBIDDEN")

    def test_conditions_that_make_no_sense_let_nobody_in(self, ana, ben):
        for allow in ("no list", [5], [{"type": "org.example.unknown"}], [{"type": "m.room_membership", "room_id": 5}]):
            rules = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "restricted", "allow": allow}}
            room_id = ana.create_room(initial_state=[rules])
            response = ben.join(room_id)
            assert response.status_code in (403, 404), response.text
            assert ok(ben.get("/joined_rooms"))["joined_rooms"] == []


class TestMembers:
    def test_joined_members(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        ok(ana.invite(room_id, eve))
        assert set(ok(ana.get(path("rooms", room_id, "joined_members")))["joined"]) == {ana.id, ben.id}
        fails(eve.get(path("rooms", room_id, "joined_members")), 403, "M_FORBIDDEN")

    def test_members_by_membership(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        ok(ana.invite(room_id, eve))
        members = lambda **params: {
            each["state_key"]: each["content"]["membership"]
            for each in ok(ana.get(path("rooms", room_id, "members"), **params))["chunk"]
        }
        assert members() == {ana.id: "join", ben.id: "join", eve.id: "invite"}
        assert members(membership="join") == {ana.id: "join", ben.id: "join"}
        assert members(not_membership="join") == {eve.id: "invite"}
        ok(ben.leave(room_id))
        assert members(membership="leave") == {ben.id: "leave"}

    def test_members_at_a_moment(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        moment = ana.sync()["next_batch"]
        ok(ana.invite(room_id, eve))
        ok(eve.join(room_id))
        chunk = ok(ana.get(path("rooms", room_id, "members"), at=moment))["chunk"]
        assert {each["state_key"] for each in chunk} == {ana.id, ben.id}

    def test_strangers_and_those_who_left(self, ana, ben, eve):
        room_id = ana.room_with(ben)
        fails(eve.get(path("rooms", room_id, "members")), 403, "M_FORBIDDEN")
        ok(ben.leave(room_id))
        ok(ana.invite(room_id, eve))
        chunk = ok(ben.get(path("rooms", room_id, "members")))["chunk"]
        assert {each["state_key"]: each["content"]["membership"] for each in chunk} == {ana.id: "join", ben.id: "leave"}


class TestMembershipAsState:
    """Membership set through the state endpoint obeys the same rules."""

    def set(self, who: User, room_id: str, whom: User, value: str):
        return who.set_state(room_id, "m.room.member", {"membership": value}, whom.id)

    def test_joining_and_leaving(self, ana, ben):
        room_id = ana.create_room(preset="public_chat")
        ok(self.set(ben, room_id, ben, "join"))
        assert room_id in ok(ben.get("/joined_rooms"))["joined_rooms"]
        ok(self.set(ben, room_id, ben, "leave"))
        assert room_id not in ok(ben.get("/joined_rooms"))["joined_rooms"]

    def test_nobody_joins_another(self, ana, ben):
        room_id = ana.create_room(preset="public_chat")
        fails(self.set(ana, room_id, ben, "join"), 403, "M_FORBIDDEN")

    def test_unknown_memberships_are_refused(self, ana):
        room_id = ana.create_room()
        response = self.set(ana, room_id, ana, "dancing")
        assert response.status_code in (400, 403), response.text
        assert membership(ana, room_id, ana)["membership"] == "join"

    def test_a_state_key_that_is_no_user_is_refused(self, ana):
        room_id = ana.create_room()
        response = ana.set_state(room_id, "m.room.member", {"membership": "invite"}, "nonsense")
        assert response.status_code in (400, 403), response.text

    def test_a_name_for_one_room(self, ana, ben):
        room_id = ana.room_with(ben)
        ok(ana.set_state(room_id, "m.room.member", {"membership": "join", "displayname": "Only here"}, ana.id))
        assert membership(ben, room_id, ana)["displayname"] == "Only here"
        assert ok(ben.get(path("profile", ana.id))).get("displayname") != "Only here"
