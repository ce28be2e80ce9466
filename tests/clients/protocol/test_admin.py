"""The administration API as existing tools call it."""

import secrets
import time

import pytest

from matrix import Client, User, fails, ids, login, ok, path, unique

V1 = "/_synapse/admin/v1"
V2 = "/_synapse/admin/v2"


def eventually(what: str, look, seconds: int = 30):
    """Asks until `look` finds something."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


class TestUsers:
    def test_listed_with_paging(self, admin):
        word = secrets.token_hex(5)
        users = sorted(User.register(f"u{word}").id for _ in range(3))
        first = ok(admin.get(f"{V2}/users", name=word, limit=2, order_by="name"))
        assert first["total"] == 3 and [each["name"] for each in first["users"]] == users[:2]
        second = ok(admin.get(f"{V2}/users", name=word, limit=2, order_by="name", **{"from": first["next_token"]}))
        assert [each["name"] for each in second["users"]] == users[2:] and "next_token" not in second
        backwards = ok(admin.get(f"{V2}/users", name=word, order_by="name", dir="b"))
        assert [each["name"] for each in backwards["users"]] == users[::-1]

    def test_one(self, admin, ana):
        ok(ana.put(path("profile", ana.id, "displayname"), {"displayname": "Ana"}))
        shown = ok(admin.get(path("users", ana.id, prefix=V2)))
        assert shown["name"] == ana.id and shown["displayname"] == "Ana"
        assert shown["admin"] in (False, 0) and shown["deactivated"] in (False, 0)
        fails(admin.get(path("users", f"@nobody:{ana.server_name}", prefix=V2)), 404, "M_NOT_FOUND")

    def test_made_and_changed(self, admin):
        user_id = f"@{unique('made')}:{admin.server_name}"
        where = path("users", user_id, prefix=V2)
        made = admin.put(where, {"password": "a long password 1", "displayname": "Made"})
        assert made.status_code == 201 and made.json()["displayname"] == "Made", made.text
        user = User.from_answer(ok(login(user_id, "a long password 1")))
        changed = admin.put(where, {"password": "another password 2", "displayname": "Changed", "admin": True})
        assert changed.status_code == 200 and changed.json()["displayname"] == "Changed", changed.text
        fails(user.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        user = User.from_answer(ok(login(user_id, "another password 2")))
        ok(user.get(f"{V2}/users"))
        ok(admin.put(path("users", user_id, "admin", prefix=V1), {"admin": False}))
        fails(user.get(f"{V2}/users"), 403, "M_FORBIDDEN")

    def test_a_password_is_reset(self, admin, ana):
        ok(admin.post(path("reset_password", ana.id, prefix=V1), {"new_password": "another password 2", "logout_devices": True}))
        fails(ana.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        ok(login(ana.id, "another password 2"))

    def test_deactivated_and_back(self, admin, ana):
        ok(admin.post(path("deactivate", ana.id, prefix=V1), {"erase": False}))
        fails(ana.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        assert ok(admin.get(path("users", ana.id, prefix=V2)))["deactivated"] in (True, 1)
        ok(admin.put(path("users", ana.id, prefix=V2), {"deactivated": False, "password": "another password 2"}))
        ok(login(ana.id, "another password 2"))

    def test_signing_in_as_somebody(self, admin, ana):
        token = ok(admin.post(path("users", ana.id, "login", prefix=V1)))["access_token"]
        puppet = Client(token)
        assert ok(puppet.get("/account/whoami"))["user_id"] == ana.id

    def test_devices(self, admin, ana):
        other = ana.login(initial_device_display_name="Phone")
        where = path("users", ana.id, "devices", prefix=V2)
        listed = ok(admin.get(where))
        assert {each["device_id"] for each in listed["devices"]} == {ana.device_id, other.device_id} and listed["total"] == 2
        ok(admin.put(path("users", ana.id, "devices", other.device_id, prefix=V2), {"display_name": "Telephone"}))
        assert ok(admin.get(path("users", ana.id, "devices", other.device_id, prefix=V2)))["display_name"] == "Telephone"
        ok(admin.delete(path("users", ana.id, "devices", other.device_id, prefix=V2)))
        fails(other.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")

    def test_joined_rooms(self, admin, ana):
        room_id = ana.create_room()
        assert ok(admin.get(path("users", ana.id, "joined_rooms", prefix=V1))) == {"joined_rooms": [room_id], "total": 1}

    def test_a_free_name(self, admin, ana):
        assert ok(admin.get(f"{V1}/username_available", username=unique("free"))) == {"available": True}
        fails(admin.get(f"{V1}/username_available", username=ana.localpart), 400, "M_USER_IN_USE")


class TestRooms:
    def test_listed_and_found(self, admin, ana, ben):
        name = unique("room")
        room_id = ana.room_with(ben, name=name)
        answer = ok(admin.get(f"{V1}/rooms", search_term=name))
        assert answer["total_rooms"] == 1
        room = answer["rooms"][0]
        assert room["room_id"] == room_id and room["name"] == name and room["joined_members"] == 2
        assert room["creator"] == ana.id and room["encryption"] is None and room["public"] is False
        detail = ok(admin.get(path("rooms", room_id, prefix=V1)))
        assert detail["room_id"] == room_id and detail["joined_members"] == 2
        fails(admin.get(path("rooms", "!nothing:example.org", prefix=V1)), 404, "M_NOT_FOUND")

    def test_members_and_state(self, admin, ana, ben):
        room_id = ana.room_with(ben)
        assert sorted(ok(admin.get(path("rooms", room_id, "members", prefix=V1)))["members"]) == sorted([ana.id, ben.id])
        kinds = {event["type"] for event in ok(admin.get(path("rooms", room_id, "state", prefix=V1)))["state"]}
        assert {"m.room.create", "m.room.member"} <= kinds

    def test_deleted_in_the_background(self, admin, ana, ben):
        room_id = ana.room_with(ben)
        ana.say(room_id, "soon gone")
        answer = ok(admin.delete(path("rooms", room_id, prefix=V2), {"purge": True, "block": True}))
        where = path("rooms", "delete_status", answer["delete_id"], prefix=V2)
        status = eventually("the end", lambda: (found := ok(admin.get(where)))["status"] in ("complete", "failed") and found)
        assert status["status"] == "complete" and sorted(status["shutdown_room"]["kicked_users"]) == sorted([ana.id, ben.id])
        fails(admin.get(path("rooms", room_id, prefix=V1)), 404, "M_NOT_FOUND")
        response = ana.join(room_id)
        assert response.status_code in (403, 404), response.text

    def test_blocked(self, admin, ana, ben):
        room_id = ana.create_room(preset="public_chat")
        where = path("rooms", room_id, "block", prefix=V1)
        assert ok(admin.put(where, {"block": True})) == {"block": True}
        assert ok(admin.get(where))["block"] is True
        fails(ben.join(room_id), 403, "M_FORBIDDEN")
        ok(admin.put(where, {"block": False}))
        ok(ben.join(room_id))

    def test_history_is_purged(self, admin, ana):
        room_id = ana.create_room()
        old, new = ana.say(room_id, "old"), ana.say(room_id, "new")
        purge = ok(admin.post(path("purge_history", room_id, prefix=V1), {"purge_up_to_event_id": new, "delete_local_events": True}))
        where = path("purge_history_status", purge["purge_id"], prefix=V1)
        assert eventually("the end", lambda: (found := ok(admin.get(where))["status"]) != "active" and found) == "complete"
        fails(ana.event(room_id, old), 404)
        ok(ana.event(room_id, new))
        ana.say(room_id, "and on")

    def test_somebody_is_made_administrator_of_a_room(self, admin, ana, ben):
        room_id = ana.room_with(ben)
        ok(admin.post(path("rooms", room_id, "make_room_admin", prefix=V1), {"user_id": ben.id}))
        ok(ben.set_state(room_id, "m.room.name", {"name": "Mine"}))

    def test_somebody_is_put_into_a_room(self, admin, ana, ben):
        room_id = ana.create_room(preset="public_chat")
        ok(admin.post(path("join", room_id, prefix=V1), {"user_id": ben.id}))
        assert room_id in ok(ben.get("/joined_rooms"))["joined_rooms"]


class TestMedia:
    def upload(self, user: User) -> str:
        response = user.request("POST", "/_matrix/media/v3/upload", b"some bytes", headers={"Content-Type": "text/plain"})
        return ok(response)["content_uri"].removeprefix("mxc://")

    def download(self, user: User, media: str):
        return user.get(f"/_matrix/client/v1/media/download/{media}")

    def test_quarantined_media_are_not_served(self, admin, ana):
        media = self.upload(ana)
        ok(admin.post(f"{V1}/media/quarantine/{media}"))
        fails(self.download(ana, media), 404, "M_NOT_FOUND")
        ok(admin.post(f"{V1}/media/unquarantine/{media}"))
        assert self.download(ana, media).content == b"some bytes"

    def test_deleted_media_are_gone(self, admin, ana):
        media = self.upload(ana)
        answer = ok(admin.delete(f"{V1}/media/{media}"))
        assert answer == {"deleted_media": [media.split("/")[1]], "total": 1}
        fails(self.download(ana, media), 404, "M_NOT_FOUND")

    def test_a_users_media(self, admin, ana):
        media = self.upload(ana).split("/")[1]
        answer = ok(admin.get(path("users", ana.id, "media", prefix=V1)))
        assert answer["total"] == 1 and answer["media"][0]["media_id"] == media and answer["media"][0]["media_length"] == 10


class TestRegistrationTokens:
    def test_their_whole_life(self, admin):
        token = ok(admin.post(f"{V1}/registration_tokens/new", {"uses_allowed": 2}))
        assert token["uses_allowed"] == 2 and token["completed"] == 0 and token["expiry_time"] is None
        where = path("registration_tokens", token["token"], prefix=V1)
        assert ok(admin.get(where)) == token
        assert ok(admin.put(where, {"uses_allowed": 5}))["uses_allowed"] == 5
        assert token["token"] in [each["token"] for each in ok(admin.get(f"{V1}/registration_tokens"))["registration_tokens"]]
        ok(admin.delete(where))
        fails(admin.get(where), 404, "M_NOT_FOUND")


class TestNotices:
    def test_a_notice_reaches_its_reader(self, admin, ana):
        body = {"user_id": ana.id, "content": {"msgtype": "m.text", "body": "Maintenance at noon"}}
        fails(ana.post(f"{V1}/send_server_notice", body), 403, "M_FORBIDDEN")
        event_id = ok(admin.post(f"{V1}/send_server_notice", body))["event_id"]
        room_id = next(iter(ana.sync()["rooms"]["invite"]))
        fails(ana.leave(room_id), 403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM")
        ok(ana.join(room_id))
        assert ok(ana.event(room_id, event_id))["content"]["body"] == "Maintenance at noon"
        once = [ok(admin.put(f"{V1}/send_server_notice/t1", body))["event_id"] for _ in range(2)]
        assert once[0] == once[1]


class TestServer:
    def test_the_version(self, admin):
        assert isinstance(ok(admin.get(f"{V1}/server_version"))["server_version"], str)

    @pytest.mark.parametrize("where", [f"{V2}/users", f"{V1}/rooms", f"{V1}/registration_tokens", f"{V1}/event_reports"])
    def test_administrators_only(self, nobody, ana, where):
        fails(nobody.get(where), 401, "M_MISSING_TOKEN")
        fails(ana.get(where), 403, "M_FORBIDDEN")
