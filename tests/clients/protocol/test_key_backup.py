"""Key backups: versions, which key is the better one, counts and etags."""

import pytest

from matrix import fails, ok, path

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
ROOM, OTHER_ROOM = "!room:example.org", "!other:example.org"


def new_version(user, **auth) -> str:
    return ok(user.post("/room_keys/version", {"algorithm": ALGORITHM, "auth_data": auth or {"public_key": "x"}}))["version"]


def key(index: int = 0, forwarded: int = 0, verified: bool = False, data: str = "x") -> dict:
    session = {"ephemeral": data, "ciphertext": data, "mac": data}
    return {"first_message_index": index, "forwarded_count": forwarded, "is_verified": verified, "session_data": session}


def put(user, version, *rest, body):
    return user.put(path("room_keys", "keys", *rest), body, version=version)


def get(user, version, *rest):
    return user.get(path("room_keys", "keys", *rest), version=version)


class TestVersions:
    def test_there_is_none_at_first(self, ana):
        fails(ana.get("/room_keys/version"), 404, "M_NOT_FOUND")

    def test_the_newest_counts(self, ana):
        first, second = new_version(ana), new_version(ana, public_key="y")
        assert first != second
        current = ok(ana.get("/room_keys/version"))
        assert current["version"] == second and current["algorithm"] == ALGORITHM
        assert current["auth_data"] == {"public_key": "y"} and current["count"] == 0
        assert isinstance(current["etag"], str)
        assert ok(ana.get(path("room_keys", "version", first)))["auth_data"] == {"public_key": "x"}

    def test_only_the_signatures_may_change(self, ana):
        version = new_version(ana)
        where = path("room_keys", "version", version)
        ok(ana.put(where, {"algorithm": ALGORITHM, "auth_data": {"public_key": "x", "signatures": {}}, "version": version}))
        assert ok(ana.get(where))["auth_data"] == {"public_key": "x", "signatures": {}}
        fails(ana.put(where, {"algorithm": "org.example.other", "auth_data": {}}), 400, "M_INVALID_PARAM")
        fails(ana.put(where, {"algorithm": ALGORITHM, "auth_data": {}, "version": "another"}), 400, "M_INVALID_PARAM")
        fails(ana.put(path("room_keys", "version", "4711"), {"algorithm": ALGORITHM, "auth_data": {}}), 404, "M_NOT_FOUND")

    def test_a_deleted_one_is_gone_with_its_keys(self, ana):
        first, second = new_version(ana), new_version(ana)
        ok(put(ana, second, ROOM, "s", body=key()))
        ok(ana.delete(path("room_keys", "version", second)))
        fails(ana.get(path("room_keys", "version", second)), 404, "M_NOT_FOUND")
        fails(get(ana, second), 404, "M_NOT_FOUND")
        assert ok(ana.get("/room_keys/version"))["version"] == first

    def test_each_has_their_own(self, ana, ben):
        version = new_version(ana)
        ok(put(ana, version, ROOM, "s", body=key()))
        fails(ben.get(path("room_keys", "version", version)), 404, "M_NOT_FOUND")
        fails(get(ben, version, ROOM, "s"), 404, "M_NOT_FOUND")

    def test_wrong_bodies(self, ana):
        for wrong in ({}, {"algorithm": 5, "auth_data": {}}, {"algorithm": ALGORITHM}, {"algorithm": ALGORITHM, "auth_data": "x"}):
            fails(ana.post("/room_keys/version", wrong), 400)


class TestKeys:
    def test_put_and_get_one_many_and_all(self, ana):
        version = new_version(ana)
        one = ok(put(ana, version, ROOM, "a", body=key(1)))
        assert one["count"] == 1
        room = ok(put(ana, version, ROOM, body={"sessions": {"b": key(2), "c": key(3)}}))
        assert room["count"] == 3
        everything = ok(put(ana, version, body={"rooms": {OTHER_ROOM: {"sessions": {"a": key(4)}}}}))
        assert everything["count"] == 4
        assert len({one["etag"], room["etag"], everything["etag"]}) == 3
        assert ok(ana.get("/room_keys/version"))["etag"] == everything["etag"]
        assert ok(get(ana, version, ROOM, "a")) == key(1)
        assert ok(get(ana, version, ROOM)) == {"sessions": {"a": key(1), "b": key(2), "c": key(3)}}
        assert ok(get(ana, version))["rooms"][OTHER_ROOM] == {"sessions": {"a": key(4)}}

    def test_delete_one_many_and_all(self, ana):
        version = new_version(ana)
        sessions = {"sessions": {"a": key(), "b": key()}}
        ok(put(ana, version, body={"rooms": {ROOM: sessions, OTHER_ROOM: sessions}}))
        assert ok(ana.delete(path("room_keys", "keys", ROOM, "a"), version=version))["count"] == 3
        assert ok(ana.delete(path("room_keys", "keys", ROOM), version=version))["count"] == 2
        assert ok(ana.delete(path("room_keys", "keys"), version=version))["count"] == 0
        assert ok(get(ana, version)) == {"rooms": {}}

    def test_what_is_not_there(self, ana):
        version = new_version(ana)
        fails(get(ana, version, ROOM, "a"), 404, "M_NOT_FOUND")
        assert ok(get(ana, version, ROOM)) == {"sessions": {}}
        assert ok(get(ana, version)) == {"rooms": {}}
        fails(get(ana, "4711"), 404, "M_NOT_FOUND")

    def test_only_the_newest_version_takes_keys(self, ana):
        first, second = new_version(ana), new_version(ana)
        body = fails(put(ana, first, ROOM, "a", body=key()), 403, "M_WRONG_ROOM_KEYS_VERSION")
        assert body["current_version"] == second

    @pytest.mark.parametrize(
        "better, worse",
        [
            (key(verified=True, index=9, forwarded=9), key(verified=False)),
            (key(index=1, forwarded=9), key(index=2)),
            (key(index=1, forwarded=1), key(index=1, forwarded=2)),
            (key(data="first"), key(data="second")),
        ],
    )
    def test_the_better_key_stays(self, ana, better, worse):
        version = new_version(ana)
        ok(put(ana, version, ROOM, "a", body=better))
        etag = ok(ana.get("/room_keys/version"))["etag"]
        assert ok(put(ana, version, ROOM, "a", body=worse))["etag"] == etag
        assert ok(get(ana, version, ROOM, "a")) == better

    def test_a_better_key_takes_the_place(self, ana):
        version = new_version(ana)
        worst_to_best = [key(9, 9), key(9, 1), key(3, 5), key(7, 7, verified=True), key(2, 7, verified=True)]
        etags = [ok(put(ana, version, ROOM, "a", body=each))["etag"] for each in worst_to_best]
        assert len(set(etags)) == len(etags)
        assert ok(get(ana, version, ROOM, "a")) == worst_to_best[-1]

    def test_wrong_keys(self, ana):
        version = new_version(ana)
        for wrong in ({}, {**key(), "first_message_index": "x"}, {**key(), "session_data": 1}, {**key(), "is_verified": 1}):
            fails(put(ana, version, ROOM, "a", body=wrong), 400)
        fails(ana.put(path("room_keys", "keys", ROOM, "a"), key()), 400, "M_MISSING_PARAM", "M_INVALID_PARAM")

    def test_nobody_may(self, nobody):
        fails(nobody.get("/room_keys/version"), 401, "M_MISSING_TOKEN")
        fails(nobody.get(path("room_keys", "keys"), version="1"), 401, "M_MISSING_TOKEN")
