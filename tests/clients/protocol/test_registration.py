"""Registration of accounts."""

import hashlib
import hmac

import pytest

from matrix import PASSWORD, SHARED_SECRET, Client, User, challenge, fails, login, ok, register, unique


def test_without_authentication_the_flows_are_told(nobody):
    body = challenge(nobody.post("/register", {"username": unique("ana"), "password": PASSWORD}))
    assert ["m.login.dummy"] in [flow["stages"] for flow in body["flows"]]
    assert isinstance(body.get("params", {}), dict)


def test_the_session_completes_the_registration(nobody):
    name = unique("ana")
    session = challenge(nobody.post("/register", {"username": name, "password": PASSWORD}))["session"]
    auth = {"type": "m.login.dummy", "session": session}
    answer = ok(nobody.post("/register", {"username": name, "password": PASSWORD, "auth": auth}))
    assert answer["user_id"].startswith(f"@{name}:")
    assert ok(User.from_answer(answer).get("/account/whoami"))["device_id"] == answer["device_id"]


def test_a_stage_that_is_not_offered_does_not_pass(nobody):
    body = {"username": unique("ana"), "password": PASSWORD, "auth": {"type": "org.example.nothing"}}
    response = nobody.post("/register", body)
    assert response.status_code in (400, 401), response.text


def test_a_made_up_session_does_not_pass(nobody):
    auth = {"type": "m.login.dummy", "session": "made-up"}
    response = nobody.post("/register", {"username": unique("ana"), "password": PASSWORD, "auth": auth})
    assert response.status_code in (400, 401, 403), response.text


def test_no_name_means_a_generated_one():
    answer = ok(register())
    assert answer["user_id"].startswith("@")
    assert len(answer["user_id"].split(":")[0]) > 1


def test_inhibit_login_gives_no_token():
    answer = ok(register(unique("ana"), inhibit_login=True))
    assert set(answer) & {"access_token", "device_id", "refresh_token"} == set()
    assert ok(login(answer["user_id"]))["user_id"] == answer["user_id"]


def test_device_id_and_name_are_taken_over():
    answer = ok(register(unique("ana"), device_id="MYDEVICE", initial_device_display_name="Ana's phone"))
    assert answer["device_id"] == "MYDEVICE"
    device = ok(User.from_answer(answer).get("/devices/MYDEVICE"))
    assert device["display_name"] == "Ana's phone"


def test_a_taken_name_is_refused():
    name = unique("ana")
    ok(register(name))
    fails(register(name), 400, "M_USER_IN_USE")


def test_a_taken_name_is_refused_before_authentication(ana, nobody):
    fails(nobody.post("/register", {"username": ana.localpart, "password": PASSWORD}), 400, "M_USER_IN_USE")


def test_upper_case_becomes_lower_case_or_is_refused():
    name = unique("Ana")
    response = register(name)
    if response.status_code == 200:
        assert response.json()["user_id"].startswith(f"@{name.lower()}:")
    else:
        fails(response, 400, "M_INVALID_USERNAME")


@pytest.mark.parametrize("name", ["two words", "a:b", "a@b", "名字", "a#b", "a\tb", "x" * 300, "a,b", 'a"b'])
def test_names_outside_the_grammar_are_refused(name):
    fails(register(name), 400, "M_INVALID_USERNAME")


@pytest.mark.parametrize("character", list("_-./=+0"))
def test_every_allowed_character_is_allowed(character):
    name = f"{unique('ana')}{character}x"
    assert ok(register(name))["user_id"].split(":")[0] == f"@{name}"


def test_available_tells_free_from_taken(nobody, ana):
    assert ok(nobody.get("/register/available", username=unique("free")))["available"] is True
    fails(nobody.get("/register/available", username=ana.localpart), 400, "M_USER_IN_USE")
    fails(nobody.get("/register/available", username="two words"), 400, "M_INVALID_USERNAME")


def test_available_needs_a_name(nobody):
    fails(nobody.get("/register/available"), 400, "M_MISSING_PARAM", "M_INVALID_PARAM")


def test_another_kind_of_account_is_refused():
    response = register(unique("ana"), kind="alien")
    assert response.status_code in (400, 403), response.text


def test_guests_are_accepted_or_refused_in_words():
    response = register(kind="guest")
    if response.status_code == 200:
        assert "access_token" in response.json()
    else:
        fails(response, 403, "M_GUEST_ACCESS_FORBIDDEN", "M_FORBIDDEN")


def test_a_token_that_was_never_made_is_not_valid(nobody):
    where = "/_matrix/client/v1/register/m.login.registration_token/validity"
    response = nobody.get(where, token="made-up")
    if response.status_code == 200:
        assert response.json() == {"valid": False}
    else:
        fails(response, 403, "M_FORBIDDEN")


class TestSharedSecret:
    """Registration by administrators' tools, as Synapse's admin API defines it."""

    WHERE = "/_synapse/admin/v1/register"

    @pytest.fixture(autouse=True)
    def secret(self):
        if not SHARED_SECRET:
            pytest.skip("IM2_SHARED_SECRET is not set")

    def nonce(self) -> str:
        return ok(Client().get(self.WHERE))["nonce"]

    def mac(self, nonce: str, name: str, admin: bool, user_type: str | None = None) -> str:
        parts = [nonce, name, PASSWORD, "admin" if admin else "notadmin"] + ([user_type] if user_type else [])
        return hmac.new(SHARED_SECRET.encode(), "\x00".join(parts).encode(), hashlib.sha1).hexdigest()

    def body(self, name: str, admin: bool = False) -> dict:
        nonce = self.nonce()
        mac = self.mac(nonce, name, admin)
        return {"nonce": nonce, "username": name, "password": PASSWORD, "admin": admin, "mac": mac}

    def test_the_right_mac_registers(self, nobody):
        name = unique("ana")
        answer = ok(nobody.post(self.WHERE, {**self.body(name), "displayname": "Ana"}))
        assert answer["user_id"].startswith(f"@{name}:")
        user = User.from_answer(answer)
        assert ok(user.get("/account/whoami"))["user_id"] == user.id
        assert ok(user.get(f"/profile/{user.id}"))["displayname"] == "Ana"

    def test_an_administrator_is_registered(self, nobody):
        answer = ok(nobody.post(self.WHERE, self.body(unique("ada"), admin=True)))
        assert ok(User.from_answer(answer).get("/account/whoami"))["user_id"] == answer["user_id"]

    def test_a_wrong_mac_is_refused(self, nobody):
        body = {**self.body(unique("ana")), "mac": "0" * 40}
        fails(nobody.post(self.WHERE, body), 403)

    def test_admin_is_part_of_the_mac(self, nobody):
        fails(nobody.post(self.WHERE, {**self.body(unique("ana")), "admin": True}), 403)

    def test_a_nonce_counts_once(self, nobody):
        body = self.body(unique("ana"))
        ok(nobody.post(self.WHERE, body))
        fails(nobody.post(self.WHERE, body), 400)

    def test_a_made_up_nonce_is_refused(self, nobody):
        name = unique("ana")
        mac = self.mac("made-up", name, False)
        body = {"nonce": "made-up", "username": name, "password": PASSWORD, "admin": False, "mac": mac}
        fails(nobody.post(self.WHERE, body), 400)

    def test_a_taken_name_is_refused(self, nobody, ana):
        fails(nobody.post(self.WHERE, self.body(ana.localpart)), 400, "M_USER_IN_USE")
