"""The account itself: whoami, password, deactivation, devices."""

import pytest

from matrix import Client, challenge, fails, login, ok, password_stage, path

NEW = "another one, just as long"


def test_whoami(ana):
    answer = ok(ana.get("/account/whoami"))
    assert (answer["user_id"], answer["device_id"], answer.get("is_guest", False)) == (ana.id, ana.device_id, False)


class TestPassword:
    def test_it_asks_for_the_old_one(self, ana):
        body = challenge(ana.post("/account/password", {"new_password": NEW}))
        assert ["m.login.password"] in [flow["stages"] for flow in body["flows"]]
        ok(ana.post("/account/password", {"new_password": NEW, "auth": password_stage(ana, body["session"])}))
        fails(login(ana.id), 403, "M_FORBIDDEN")
        assert ok(login(ana.id, password=NEW))["user_id"] == ana.id

    def test_a_wrong_one_does_not_pass(self, ana):
        session = challenge(ana.post("/account/password", {"new_password": NEW}))["session"]
        auth = password_stage(ana, session, "wrong")
        body = ana.post("/account/password", {"new_password": NEW, "auth": auth})
        assert body.status_code == 401
        assert body.json()["errcode"] == "M_FORBIDDEN"
        assert body.json()["flows"]
        ok(login(ana.id))

    def test_another_persons_does_not_pass(self, ana, eve):
        session = challenge(ana.post("/account/password", {"new_password": NEW}))["session"]
        response = ana.post("/account/password", {"new_password": NEW, "auth": password_stage(eve, session)})
        assert response.status_code in (401, 403), response.text
        ok(login(ana.id))

    def test_other_sessions_end_unless_told_otherwise(self, ana):
        phone = ana.login()
        ok(ana.post("/account/password", {"new_password": NEW, "auth": password_stage(ana)}))
        fails(phone.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        assert ok(ana.get("/account/whoami"))["device_id"] == ana.device_id

    def test_other_sessions_are_kept_when_told(self, ana):
        phone = ana.login()
        body = {"new_password": NEW, "logout_devices": False, "auth": password_stage(ana)}
        ok(ana.post("/account/password", body))
        assert ok(phone.get("/account/whoami"))["user_id"] == ana.id


class TestDeactivation:
    def test_it_asks_for_the_password(self, ana):
        challenge(ana.post("/account/deactivate", {}))
        ok(ana.get("/account/whoami"))

    def test_the_account_is_closed(self, ana):
        answer = ok(ana.post("/account/deactivate", {"auth": password_stage(ana)}))
        assert answer["id_server_unbind_result"] in ("success", "no-support")
        fails(ana.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        fails(login(ana.id), 403, "M_FORBIDDEN", "M_USER_DEACTIVATED")

    def test_the_name_stays_taken(self, ana, nobody):
        ok(ana.post("/account/deactivate", {"auth": password_stage(ana), "erase": True}))
        fails(nobody.get("/register/available", username=ana.localpart), 400, "M_USER_IN_USE")

    def test_its_rooms_are_left(self, ana, ben):
        room_id = ben.room_with(ana)
        stream = ben.follow()
        ok(ana.post("/account/deactivate", {"auth": password_stage(ana)}))
        left = lambda each: each["type"] == "m.room.member" and each["content"]["membership"] == "leave"
        stream.until(
            "Ana leaving",
            lambda answer: [
                each
                for each in answer.get("rooms", {}).get("join", {}).get(room_id, {}).get("timeline", {}).get("events", [])
                if left(each) and each["state_key"] == ana.id
            ],
        )


class TestDevices:
    def test_they_are_listed(self, ana):
        ana.login(device_id="PHONE", initial_device_display_name="Phone")
        devices = {each["device_id"]: each for each in ok(ana.get("/devices"))["devices"]}
        assert set(devices) == {ana.device_id, "PHONE"}
        assert devices["PHONE"]["display_name"] == "Phone"

    def test_one_is_shown_after_use_with_time_and_address(self, ana):
        ana.sync()
        device = ok(ana.get(path("devices", ana.device_id)))
        assert device["device_id"] == ana.device_id
        assert isinstance(device.get("last_seen_ts", 0), int | None)

    def test_an_unknown_one_is_not_found(self, ana, ben):
        fails(ana.get("/devices/NOTHING"), 404, "M_NOT_FOUND")
        fails(ana.get(path("devices", ben.device_id)), 404, "M_NOT_FOUND")
        fails(ana.put("/devices/NOTHING", {"display_name": "x"}), 404, "M_NOT_FOUND")

    def test_renaming(self, ana):
        ok(ana.put(path("devices", ana.device_id), {"display_name": "桌面"}))
        assert ok(ana.get(path("devices", ana.device_id)))["display_name"] == "桌面"
        ok(ana.put(path("devices", ana.device_id), {}))
        assert ok(ana.get(path("devices", ana.device_id)))["display_name"] == "桌面"

    def test_deleting_asks_for_the_password(self, ana):
        phone = ana.login(device_id="PHONE")
        session = challenge(ana.delete("/devices/PHONE"))["session"]
        ok(phone.get("/account/whoami"))
        ok(ana.delete("/devices/PHONE", {"auth": password_stage(ana, session)}))
        fails(phone.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
        fails(ana.get("/devices/PHONE"), 404, "M_NOT_FOUND")

    def test_deleting_several(self, ana):
        phones = [ana.login(device_id=name) for name in ("ONE", "TWO", "THREE")]
        body = {"devices": ["ONE", "TWO"]}
        session = challenge(ana.post("/delete_devices", body))["session"]
        ok(ana.post("/delete_devices", {**body, "auth": password_stage(ana, session)}))
        assert {each["device_id"] for each in ok(ana.get("/devices"))["devices"]} == {ana.device_id, "THREE"}
        assert [phone.get("/account/whoami").status_code for phone in phones] == [401, 401, 200]

    def test_a_session_of_one_request_does_not_serve_another(self, ana):
        ana.login(device_id="ONE")
        ana.login(device_id="TWO")
        session = challenge(ana.delete("/devices/ONE"))["session"]
        response = ana.delete("/devices/TWO", {"auth": password_stage(ana, session)})
        assert response.status_code in (401, 403), response.text
        ok(ana.get("/devices/TWO"))

    def test_nobody_deletes_anothers(self, ana, eve):
        ok_or_gone = eve.delete(path("devices", ana.device_id), {"auth": password_stage(eve)})
        assert ok_or_gone.status_code in (200, 404), ok_or_gone.text
        assert ok(ana.get("/account/whoami"))["device_id"] == ana.device_id


@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("GET", "/account/whoami"),
        ("GET", "/devices"),
        ("GET", "/sync"),
        ("GET", "/joined_rooms"),
        ("GET", "/pushrules/"),
        ("GET", "/notifications"),
        ("POST", "/createRoom"),
        ("POST", "/user_directory/search"),
        ("POST", "/account/deactivate"),
        ("GET", "/rooms/!a:b/state"),
        ("PUT", "/rooms/!a:b/send/m.room.message/1"),
        ("GET", "/rooms/!a:b/messages"),
        ("POST", "/rooms/!a:b/invite"),
        ("POST", "/join/!a:b"),
        ("PUT", "/profile/@a:b/displayname"),
        ("GET", "/_matrix/client/v1/media/config"),
        ("POST", "/_matrix/media/v3/upload"),
        ("GET", "/_matrix/client/v1/rooms/!a:b/hierarchy"),
        ("GET", "/_matrix/client/v1/rooms/!a:b/threads"),
        ("GET", "/_matrix/client/v1/rooms/!a:b/relations/$a"),
    ],
)
def test_nobody_gets_in_without_a_token(nobody: Client, method, where):
    fails(nobody.request(method, where, {} if method != "GET" else None), 401, "M_MISSING_TOKEN")
