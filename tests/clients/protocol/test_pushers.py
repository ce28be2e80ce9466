"""Pushers: kept, replaced, removed, and pushing."""

import pytest

from matrix import User, fails, login, ok, password_stage

URL = "https://push.example.org/_matrix/push/v1/notify"


def pusher(pushkey: str = "key", **more) -> dict:
    return {
        "kind": "http", "app_id": "org.example.app", "pushkey": pushkey, "app_display_name": "App",
        "device_display_name": "Phone", "profile_tag": "tag", "lang": "en", "data": {"url": URL}, **more,
    }


def keys(user: User) -> list[str]:
    return sorted(each["pushkey"] for each in ok(user.get("/pushers"))["pushers"])


class TestPushers:
    def test_what_is_set_is_listed(self, ana):
        assert keys(ana) == []
        ok(ana.post("/pushers/set", pusher()))
        shown = ok(ana.get("/pushers"))["pushers"]
        assert len(shown) == 1
        for name, value in pusher().items():
            assert shown[0][name] == value

    def test_the_same_key_replaces(self, ana):
        ok(ana.post("/pushers/set", pusher()))
        ok(ana.post("/pushers/set", pusher(lang="zh")))
        assert [each["lang"] for each in ok(ana.get("/pushers"))["pushers"]] == ["zh"]

    def test_kind_null_removes(self, ana):
        ok(ana.post("/pushers/set", pusher()))
        ok(ana.post("/pushers/set", {"kind": None, "app_id": "org.example.app", "pushkey": "key"}))
        assert keys(ana) == []
        ok(ana.post("/pushers/set", {"kind": None, "app_id": "org.example.app", "pushkey": "key"}))

    def test_another_user_takes_the_key_over_unless_it_is_appended(self, ana, ben, eve):
        ok(ana.post("/pushers/set", pusher()))
        ok(ben.post("/pushers/set", pusher(append=True)))
        assert keys(ana) == keys(ben) == ["key"]
        ok(eve.post("/pushers/set", pusher()))
        assert keys(ana) == keys(ben) == [] and keys(eve) == ["key"]

    def test_signing_out_removes_those_of_the_session(self, ana):
        other = ana.login()
        ok(other.post("/pushers/set", pusher("other")))
        ok(ana.post("/pushers/set", pusher("mine")))
        ok(other.post("/logout"))
        assert keys(ana) == ["mine"]

    def test_a_new_password_removes_those_of_other_sessions(self, ana):
        other = ana.login()
        ok(other.post("/pushers/set", pusher("other")))
        ok(ana.post("/pushers/set", pusher("mine")))
        ok(ana.post("/account/password", {"new_password": "another password 2", "auth": password_stage(ana)}))
        assert keys(ana) == ["mine"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": 5}, {"app_id": "a" * 65}, {"pushkey": "k" * 513}, {"data": {}}, {"data": {"url": "nonsense"}},
            {"data": {"url": "https://push.example.org/other"}}, {"app_display_name": None}, {"lang": 5},
        ],
    )
    def test_malformed(self, ana, wrong):
        fails(ana.post("/pushers/set", {**pusher(), **wrong}), 400)
        assert keys(ana) == []

    def test_nobody_may(self, nobody):
        fails(nobody.get("/pushers"), 401, "M_MISSING_TOKEN")
        fails(nobody.post("/pushers/set", pusher()), 401, "M_MISSING_TOKEN")
