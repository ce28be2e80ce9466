"""Locked and suspended accounts, reports, and the administrators' look at an account."""

import pytest

from matrix import V1, Client, User, fails, login, ok, path

ADMIN = "/_synapse/admin"


def set_flag(admin: User, what: str, user: User, value: bool):
    return admin.put(path("admin", what, user.id, prefix=V1), {"suspended" if what == "suspend" else "locked": value})


class TestLocks:
    def test_a_locked_account_is_told_so_and_comes_back(self, admin, ana):
        ok(set_flag(admin, "lock", ana, True))
        body = fails(ana.get("/account/whoami"), 401, "M_USER_LOCKED")
        assert body["soft_logout"] is True
        fails(ana.get("/sync"), 401, "M_USER_LOCKED")
        assert ok(admin.get(path("admin", "lock", ana.id, prefix=V1))) == {"locked": True}
        ok(set_flag(admin, "lock", ana, False))
        ok(ana.get("/account/whoami"))

    def test_a_locked_account_cannot_sign_in_but_may_sign_out(self, admin, ana):
        ok(set_flag(admin, "lock", ana, True))
        response = login(ana.id)
        assert response.status_code in (401, 403), response.text
        ok(ana.post("/logout"))

    def test_others_may_not(self, ana, ben):
        for what in ("lock", "suspend"):
            fails(set_flag(ana, what, ben, True), 403, "M_FORBIDDEN")
            fails(ana.get(path("admin", what, ben.id, prefix=V1)), 403, "M_FORBIDDEN")
        ok(ben.get("/account/whoami"))

    def test_unknown_accounts(self, admin):
        for what in ("lock", "suspend"):
            fails(admin.get(path("admin", what, f"@nobody:{admin.server_name}", prefix=V1)), 404, "M_NOT_FOUND")


class TestSuspension:
    def test_a_suspended_account_reads_and_leaves_but_does_not_speak(self, admin, ana, ben):
        room_id, other = ben.room_with(ana), ben.room_with()
        event_id = ana.say(room_id, "before")
        ok(ben.invite(other, ana))
        ok(set_flag(admin, "suspend", ana, True))
        assert ok(admin.get(path("admin", "suspend", ana.id, prefix=V1))) == {"suspended": True}
        fails(ana.send(room_id, {"msgtype": "m.text", "body": "x"}), 403, "M_USER_SUSPENDED")
        fails(ana.join(other), 403, "M_USER_SUSPENDED")
        fails(ana.post("/createRoom", {}), 403, "M_USER_SUSPENDED")
        fails(ana.put(path("profile", ana.id, "displayname"), {"displayname": "x"}), 403, "M_USER_SUSPENDED")
        ok(ana.get("/sync"))
        ok(ana.messages(room_id))
        ok(ana.redact(room_id, event_id))
        ok(ana.leave(room_id))
        ok(set_flag(admin, "suspend", ana, False))
        ana.create_room()


class TestWhois:
    def test_an_account_and_its_connections(self, admin, ana):
        ok(ana.get("/account/whoami"))
        for asking in (admin, ana):
            answer = ok(asking.get(path("admin", "whois", ana.id)))
            assert answer["user_id"] == ana.id
            device = answer["devices"][ana.device_id]
            assert device["sessions"][0]["connections"][0]["ip"]

    def test_not_of_others(self, ana, ben):
        fails(ana.get(path("admin", "whois", ben.id)), 403, "M_FORBIDDEN")


class TestReports:
    def test_an_event_is_reported_and_seen_by_administrators(self, admin, ana, ben):
        room_id = ana.room_with(ben)
        event_id = ana.say(room_id, "spam")
        ok(ben.post(path("rooms", room_id, "report", event_id), {"reason": "It is spam", "score": -100}))
        reports = ok(admin.get(f"{ADMIN}/v1/event_reports", room_id=room_id))
        assert reports["total"] == 1
        report = reports["event_reports"][0]
        assert report["event_id"] == event_id and report["user_id"] == ben.id and report["reason"] == "It is spam"
        detail = ok(admin.get(f"{ADMIN}/v1/event_reports/{report['id']}"))
        assert detail["event_json"]["content"]["body"] == "spam"
        ok(admin.delete(f"{ADMIN}/v1/event_reports/{report['id']}"))
        fails(admin.get(f"{ADMIN}/v1/event_reports/{report['id']}"), 404, "M_NOT_FOUND")

    def test_what_one_cannot_see_is_not_there(self, ana, eve):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "private")
        fails(eve.post(path("rooms", room_id, "report", event_id), {"reason": "x"}), 404, "M_NOT_FOUND")
        fails(ana.post(path("rooms", room_id, "report", "$nothing"), {"reason": "x"}), 404, "M_NOT_FOUND")

    def test_rooms_and_people(self, ana, ben):
        room_id = ana.create_room()
        ok(ben.post(path("rooms", room_id, "report"), {"reason": "x"}))
        ok(ben.post(path("users", ana.id, "report"), {"reason": "x"}))
        fails(ben.post(path("rooms", "!nothing:example.org", "report"), {"reason": "x"}), 404, "M_NOT_FOUND")

    @pytest.mark.parametrize("wrong", [{"reason": 5}, {"score": "x"}])
    def test_malformed(self, ana, wrong):
        room_id = ana.create_room()
        event_id = ana.say(room_id, "x")
        fails(ana.post(path("rooms", room_id, "report", event_id), {"reason": "x", **wrong}), 400)
