"""Login, logout, refresh tokens."""

import pytest

from matrix import PASSWORD, Client, User, fails, login, ok, register, unique


def test_the_flows_offer_the_password(nobody):
    assert "m.login.password" in [flow["type"] for flow in ok(nobody.get("/login"))["flows"]]


def test_login_by_user_id_and_by_localpart(ana):
    for name in (ana.id, ana.localpart):
        answer = ok(login(name))
        assert answer["user_id"] == ana.id
        assert answer["device_id"] and answer["access_token"]
        assert ok(User.from_answer(answer).get("/account/whoami"))["device_id"] == answer["device_id"]


def test_the_old_way_of_naming_the_user(nobody, ana):
    body = {"type": "m.login.password", "user": ana.localpart, "password": PASSWORD}
    assert ok(nobody.post("/login", body))["user_id"] == ana.id


def test_a_wrong_password_is_refused(ana):
    fails(login(ana.id, password="wrong"), 403, "M_FORBIDDEN")


def test_an_unknown_user_is_refused_like_a_wrong_password(ana):
    wrong = fails(login(ana.id, password="wrong"), 403, "M_FORBIDDEN")
    unknown = fails(login(unique("nobody")), 403, "M_FORBIDDEN")
    assert wrong == unknown


def test_a_user_of_another_server_is_refused(ana):
    fails(login(f"@{ana.localpart}:elsewhere.example.org"), 403, "M_FORBIDDEN")


def test_another_type_of_login_is_refused(nobody):
    fails(nobody.post("/login", {"type": "org.example.nothing"}), 400, "M_UNKNOWN", "M_INVALID_PARAM")


@pytest.mark.parametrize("missing", ["type", "password", "identifier"])
def test_what_is_missing_is_named(nobody, ana, missing):
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": ana.id}, "password": PASSWORD}
    del body[missing]
    fails(nobody.post("/login", body), 400)


def test_an_identifier_of_an_unknown_type_is_refused(nobody):
    body = {"type": "m.login.password", "identifier": {"type": "org.example.nothing"}, "password": PASSWORD}
    fails(nobody.post("/login", body), 400)


def test_a_named_device_is_used_and_its_old_token_ends(ana):
    first = ana.login(device_id="PHONE", initial_device_display_name="Phone")
    second = ana.login(device_id="PHONE", initial_device_display_name="Another name")
    assert first.device_id == second.device_id == "PHONE"
    fails(first.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
    assert ok(second.get("/devices/PHONE"))["display_name"] == "Phone"
    assert ok(ana.get("/account/whoami"))["user_id"] == ana.id


def test_logout_ends_one_device(ana):
    phone = ana.login(device_id="PHONE")
    ok(phone.post("/logout"))
    fails(phone.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
    fails(ana.get("/devices/PHONE"), 404, "M_NOT_FOUND")
    assert ok(ana.get("/account/whoami"))["device_id"] == ana.device_id


def test_logout_all_ends_every_device(ana):
    phone = ana.login()
    ok(phone.post("/logout/all"))
    for each in (ana, phone):
        fails(each.get("/account/whoami"), 401, "M_UNKNOWN_TOKEN")
    assert [each["device_id"] for each in ok(ana.login(device_id="NEW").get("/devices"))["devices"]] == ["NEW"]


def test_logout_needs_a_token(nobody):
    fails(nobody.post("/logout"), 401, "M_MISSING_TOKEN")
    fails(nobody.post("/logout/all"), 401, "M_MISSING_TOKEN")


def test_logout_ends_a_waiting_sync_or_lets_it_run_out(ana):
    phone = ana.login()
    since = phone.sync()["next_batch"]
    ok(phone.post("/logout"))
    fails(phone.get("/sync", since=since), 401, "M_UNKNOWN_TOKEN")


class TestRefreshTokens:
    def test_none_unless_asked_for(self):
        answer = ok(register(unique("ana")))
        assert "refresh_token" not in answer
        assert "refresh_token" not in ok(login(answer["user_id"]))

    def test_registration_and_login_give_one(self):
        answer = ok(register(unique("ana"), refresh_token=True))
        assert answer["refresh_token"] and answer["expires_in_ms"] > 0
        answer = ok(login(answer["user_id"], refresh_token=True))
        assert answer["refresh_token"] and answer["expires_in_ms"] > 0

    def test_it_gives_new_tokens_for_the_same_device(self, nobody):
        first = ok(register(unique("ana"), refresh_token=True))
        second = ok(nobody.post("/refresh", {"refresh_token": first["refresh_token"]}))
        assert second["access_token"] != first["access_token"]
        who = ok(Client(second["access_token"]).get("/account/whoami"))
        assert (who["user_id"], who["device_id"]) == (first["user_id"], first["device_id"])

    def test_the_old_one_ends_when_the_new_token_is_used(self, nobody):
        first = ok(register(unique("ana"), refresh_token=True))
        second = ok(nobody.post("/refresh", {"refresh_token": first["refresh_token"]}))
        ok(Client(second["access_token"]).get("/account/whoami"))
        fails(nobody.post("/refresh", {"refresh_token": first["refresh_token"]}), 401, "M_UNKNOWN_TOKEN")

    def test_a_lost_answer_can_be_asked_for_again(self, nobody):
        first = ok(register(unique("ana"), refresh_token=True))
        ok(nobody.post("/refresh", {"refresh_token": first["refresh_token"]}))
        again = ok(nobody.post("/refresh", {"refresh_token": first["refresh_token"]}))
        assert ok(Client(again["access_token"]).get("/account/whoami"))["device_id"] == first["device_id"]

    def test_a_made_up_one_is_refused(self, nobody):
        fails(nobody.post("/refresh", {"refresh_token": "made-up"}), 401, "M_UNKNOWN_TOKEN")

    def test_logout_ends_it(self, nobody):
        answer = ok(register(unique("ana"), refresh_token=True))
        ok(User.from_answer(answer).post("/logout"))
        fails(nobody.post("/refresh", {"refresh_token": answer["refresh_token"]}), 401, "M_UNKNOWN_TOKEN")
