"""Keys of end-to-end encryption: upload, query, claim, fallback keys, cross-signing, and who hears of changes."""

import base64
import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from nacl.signing import SigningKey

from matrix import User, challenge, fails, ok, password_stage

ALGORITHMS = ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"]


def unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def random_key() -> str:
    return unpadded(secrets.token_bytes(32))


def sign(value: dict, user_id: str, key_id: str, key: SigningKey) -> dict:
    """`value` with a signature over its canonical form."""
    bare = {name: each for name, each in value.items() if name not in ("signatures", "unsigned")}
    canonical = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signatures = {user: dict(keys) for user, keys in value.get("signatures", {}).items()}
    signatures.setdefault(user_id, {})[key_id] = unpadded(key.sign(canonical).signature)
    return {**value, "signatures": signatures}


class Keys:
    """The keys of one device."""

    def __init__(self, user: User):
        self.user = user
        self.signing = SigningKey.generate()
        self.id = f"ed25519:{user.device_id}"
        self.public = unpadded(bytes(self.signing.verify_key))

    def device(self) -> dict:
        keys = {self.id: self.public, f"curve25519:{self.user.device_id}": random_key()}
        bare = {"user_id": self.user.id, "device_id": self.user.device_id, "algorithms": ALGORITHMS, "keys": keys}
        return sign(bare, self.user.id, self.id, self.signing)

    def one_time(self, *names: str, **more) -> dict:
        return {
            f"signed_curve25519:{name}": sign({"key": random_key(), **more}, self.user.id, self.id, self.signing)
            for name in names
        }


def upload(user: User, **body):
    return user.post("/keys/upload", body)


def query(user: User, *users: User, devices=()) -> dict:
    return ok(user.post("/keys/query", {"device_keys": {each.id: list(devices) for each in users}}))


def claim(user: User, of: User, algorithm: str = "signed_curve25519") -> dict:
    """The key claimed of a device: nothing, or one key by its name."""
    answer = ok(user.post("/keys/claim", {"one_time_keys": {of.id: {of.device_id: algorithm}}}))
    return answer["one_time_keys"].get(of.id, {}).get(of.device_id, {})


def encrypted_room(ana: User, *others: User) -> str:
    state = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    return ana.room_with(*others, initial_state=[state])


class TestDeviceKeys:
    def test_what_is_uploaded_is_shown(self, ana, ben):
        device = Keys(ana).device()
        assert ok(upload(ana, device_keys=device))["one_time_key_counts"].get("signed_curve25519", 0) == 0
        shown = query(ben, ana)["device_keys"][ana.id][ana.device_id]
        for field in ("user_id", "device_id", "algorithms", "keys", "signatures"):
            assert shown[field] == device[field]

    def test_particular_devices(self, ana):
        other = ana.login()
        ok(upload(ana, device_keys=Keys(ana).device()))
        ok(upload(other, device_keys=Keys(other).device()))
        assert set(query(ana, ana)["device_keys"][ana.id]) == {ana.device_id, other.device_id}
        assert set(query(ana, ana, devices=[other.device_id])["device_keys"][ana.id]) == {other.device_id}

    def test_who_has_no_keys_has_an_empty_list(self, ana, ben):
        answer = query(ana, ben)
        assert answer["device_keys"][ben.id] == {}
        assert answer.get("failures", {}) == {}

    def test_the_name_of_a_device_is_shown_to_its_owner(self, ana):
        named = ana.login(initial_device_display_name="Ana's telephone")
        ok(upload(named, device_keys=Keys(named).device()))
        shown = query(ana, ana)["device_keys"][ana.id][named.device_id]
        assert shown["unsigned"]["device_display_name"] == "Ana's telephone"

    @pytest.mark.parametrize("field", ["algorithms", "keys", "signatures"])
    def test_missing_fields_are_refused(self, ana, field):
        device = Keys(ana).device()
        del device[field]
        fails(upload(ana, device_keys=device), 400, "M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM")

    @pytest.mark.parametrize("field", ["user_id", "device_id"])
    def test_keys_of_somebody_else_are_refused(self, ana, ben, field):
        device = {**Keys(ana).device(), field: getattr(ben, "id" if field == "user_id" else field)}
        fails(upload(ana, device_keys=device), 400)
        assert query(ben, ana)["device_keys"][ana.id] == {}

    def test_devices_as_an_object_are_refused(self, ana, ben):
        wrong = {"device_keys": {ben.id: {"DEVICE": True}}}
        fails(ana.post("/keys/query", wrong), 400, "M_BAD_JSON")

    def test_signing_out_takes_the_keys(self, ana, ben):
        other = ana.login()
        ok(upload(other, device_keys=Keys(other).device()))
        ok(other.post("/logout"))
        assert query(ben, ana)["device_keys"][ana.id] == {}

    def test_nobody_may(self, nobody):
        for where in ("/keys/upload", "/keys/query", "/keys/claim", "/keys/signatures/upload", "/keys/device_signing/upload"):
            fails(nobody.post(where), 401, "M_MISSING_TOKEN")


class TestOneTimeKeys:
    def test_each_is_claimed_once_in_the_order_of_upload(self, ana, ben):
        keys = Keys(ana)
        first, second = keys.one_time("z"), keys.one_time("a")
        ok(upload(ana, device_keys=keys.device(), one_time_keys=first))
        assert ok(upload(ana, one_time_keys=second))["one_time_key_counts"]["signed_curve25519"] == 2
        assert claim(ben, ana) == first
        assert claim(ben, ana) == second
        assert claim(ben, ana) == {}

    def test_repeating_an_upload_changes_nothing(self, ana):
        keys = Keys(ana).one_time("a", "b", "c")
        for _ in range(3):
            assert ok(upload(ana, one_time_keys=keys))["one_time_key_counts"]["signed_curve25519"] == 3

    def test_a_repeated_upload_does_not_bring_a_claimed_key_back(self, ana, ben):
        keys = Keys(ana).one_time("a", "b")
        ok(upload(ana, one_time_keys=keys))
        taken = claim(ben, ana)
        assert ok(upload(ana, one_time_keys=keys))["one_time_key_counts"]["signed_curve25519"] == 1
        assert {**taken, **claim(ben, ana)} == keys
        assert claim(ben, ana) == {}

    def test_another_key_under_the_same_name_is_refused(self, ana, ben):
        keys = Keys(ana)
        first = keys.one_time("a")
        ok(upload(ana, one_time_keys=first))
        fails(upload(ana, one_time_keys=keys.one_time("a")), 400)
        assert claim(ben, ana) == first

    def test_many_at_once_get_different_keys(self, ana, ben, eve):
        ok(upload(ana, one_time_keys=Keys(ana).one_time(*(str(number) for number in range(40)))))
        takers = [User(each.id, each.access_token, each.device_id) for each in (ben, eve) for _ in range(30)]
        with ThreadPoolExecutor(12) as pool:
            claimed = [name for key in pool.map(lambda taker: claim(taker, ana), takers) for name in key]
        assert len(claimed) == 40 and len(set(claimed)) == 40

    def test_of_another_algorithm_there_is_none(self, ana, ben):
        ok(upload(ana, one_time_keys=Keys(ana).one_time("a")))
        assert claim(ben, ana, "org.example.other") == {}

    def test_unknown_users_and_devices_are_left_out(self, ana, ben):
        body = {"one_time_keys": {ben.id: {"NODEVICE": "signed_curve25519"}, f"@nobody:{ben.server_name}": {"D": "signed_curve25519"}}}
        answer = ok(ana.post("/keys/claim", body))
        assert all(not devices for devices in answer["one_time_keys"].values())

    def test_the_count_comes_with_sync(self, ana, ben):
        ok(upload(ana, one_time_keys=Keys(ana).one_time("a", "b")))
        follow = ana.follow()
        assert follow.first["device_one_time_keys_count"]["signed_curve25519"] == 2
        claim(ben, ana)
        count = follow.until("the new count", lambda answer: answer.get("device_one_time_keys_count"))
        assert count["signed_curve25519"] == 1

    def test_keys_that_are_no_keys_are_refused(self, ana):
        for wrong in ([], "x", {"signed_curve25519:a": 5}, {"nocolon": {"key": "x"}}, {"signed_curve25519:a": None}):
            fails(upload(ana, one_time_keys=wrong), 400)


class TestFallbackKeys:
    def test_one_is_given_again_and_again_when_nothing_else_is_left(self, ana, ben):
        keys = Keys(ana)
        fallback = keys.one_time("f", fallback=True)
        one = keys.one_time("a")
        ok(upload(ana, device_keys=keys.device(), one_time_keys=one, fallback_keys=fallback))
        follow = ana.follow()
        assert follow.first["device_unused_fallback_key_types"] == ["signed_curve25519"]
        assert claim(ben, ana) == one
        assert claim(ben, ana) == fallback
        assert claim(ben, ana) == fallback
        answer = follow.step()
        assert answer["device_unused_fallback_key_types"] == []

    def test_a_new_one_takes_the_place(self, ana, ben):
        keys = Keys(ana)
        ok(upload(ana, device_keys=keys.device(), fallback_keys=keys.one_time("f", fallback=True)))
        claim(ben, ana)
        second = keys.one_time("g", fallback=True)
        ok(upload(ana, fallback_keys=second))
        assert ana.sync()["device_unused_fallback_key_types"] == ["signed_curve25519"]
        assert claim(ben, ana) == second


class Identity:
    """A user's cross-signing keys."""

    def __init__(self, user: User):
        self.user = user
        self.master, self.self_signing, self.user_signing = (SigningKey.generate() for _ in range(3))

    def id(self, key: SigningKey) -> str:
        return f"ed25519:{unpadded(bytes(key.verify_key))}"

    def public(self, usage: str, key: SigningKey) -> dict:
        bare = {"user_id": self.user.id, "usage": [usage], "keys": {self.id(key): unpadded(bytes(key.verify_key))}}
        return bare if key is self.master else sign(bare, self.user.id, self.id(self.master), self.master)

    def body(self) -> dict:
        return {
            "master_key": self.public("master", self.master),
            "self_signing_key": self.public("self_signing", self.self_signing),
            "user_signing_key": self.public("user_signing", self.user_signing),
        }

    def upload(self, **more):
        return self.user.post("/keys/device_signing/upload", {**self.body(), **more})


class TestCrossSigning:
    def test_the_first_upload_needs_no_password(self, ana, ben):
        identity = Identity(ana)
        ok(identity.upload())
        own, others = query(ana, ana), query(ben, ana)
        for answer in (own, others):
            assert answer["master_keys"][ana.id]["keys"] == identity.body()["master_key"]["keys"]
            assert answer["self_signing_keys"][ana.id]["keys"] == identity.body()["self_signing_key"]["keys"]
        assert own["user_signing_keys"][ana.id]["keys"] == identity.body()["user_signing_key"]["keys"]
        assert ana.id not in others.get("user_signing_keys", {})

    def test_the_same_keys_again_need_none_either(self, ana):
        identity = Identity(ana)
        ok(identity.upload())
        ok(identity.upload())

    def test_new_keys_need_the_password(self, ana):
        ok(Identity(ana).upload())
        second = Identity(ana)
        session = challenge(second.upload())["session"]
        assert query(ana, ana)["master_keys"][ana.id]["keys"] != second.body()["master_key"]["keys"]
        ok(second.upload(auth=password_stage(ana, session)))
        assert query(ana, ana)["master_keys"][ana.id]["keys"] == second.body()["master_key"]["keys"]

    def test_a_key_that_the_master_key_did_not_sign_is_refused(self, ana):
        identity = Identity(ana)
        body = identity.body()
        forged = sign(
            {name: each for name, each in body["self_signing_key"].items() if name != "signatures"},
            ana.id, identity.id(identity.master), SigningKey.generate(),
        )
        fails(ana.post("/keys/device_signing/upload", {**body, "self_signing_key": forged}), 400, "M_INVALID_SIGNATURE")
        assert ana.id not in query(ana, ana).get("self_signing_keys", {})

    def test_self_signing_keys_without_a_master_key_are_refused(self, ana):
        body = Identity(ana).body()
        del body["master_key"]
        fails(ana.post("/keys/device_signing/upload", body), 400)

    def test_keys_of_somebody_else_are_refused(self, ana, ben):
        fails(ana.post("/keys/device_signing/upload", Identity(ben).body()), 400)

    def test_a_device_is_signed_by_its_owner(self, ana, ben):
        identity, keys = Identity(ana), Keys(ana)
        device = keys.device()
        ok(upload(ana, device_keys=device))
        ok(identity.upload())
        signed = sign(device, ana.id, identity.id(identity.self_signing), identity.self_signing)
        answer = ok(ana.post("/keys/signatures/upload", {ana.id: {ana.device_id: signed}}))
        assert answer.get("failures", {}) == {}
        shown = query(ben, ana)["device_keys"][ana.id][ana.device_id]
        assert set(shown["signatures"][ana.id]) == {keys.id, identity.id(identity.self_signing)}

    def test_a_signature_of_another_user_is_its_makers_business(self, ana, ben, eve):
        anas, bens = Identity(ana), Identity(ben)
        ok(anas.upload())
        ok(bens.upload())
        master = sign(bens.body()["master_key"], ana.id, anas.id(anas.user_signing), anas.user_signing)
        key = unpadded(bytes(bens.master.verify_key))
        answer = ok(ana.post("/keys/signatures/upload", {ben.id: {key: master}}))
        assert answer.get("failures", {}) == {}
        assert ana.id in query(ana, ben)["master_keys"][ben.id]["signatures"]
        assert ana.id not in query(eve, ben)["master_keys"][ben.id].get("signatures", {})

    def test_a_wrong_signature_is_a_failure_of_that_key_alone(self, ana):
        identity, keys = Identity(ana), Keys(ana)
        device = keys.device()
        ok(upload(ana, device_keys=device))
        ok(identity.upload())
        forged = sign(device, ana.id, identity.id(identity.self_signing), SigningKey.generate())
        answer = ok(ana.post("/keys/signatures/upload", {ana.id: {ana.device_id: forged, "NODEVICE": forged}}))
        assert answer["failures"][ana.id][ana.device_id]["errcode"] == "M_INVALID_SIGNATURE"
        assert "NODEVICE" in answer["failures"][ana.id]


def changed(answer: dict) -> list[str]:
    return answer.get("device_lists", {}).get("changed", [])


def left(answer: dict) -> list[str]:
    return answer.get("device_lists", {}).get("left", [])


class TestDeviceLists:
    def test_new_keys_are_told_to_those_who_share_an_encrypted_room(self, ana, ben):
        encrypted_room(ana, ben)
        follow = ana.follow()
        before = follow.next_batch
        ok(upload(ben, device_keys=Keys(ben).device()))
        follow.until("the change", lambda answer: ben.id in changed(answer))
        answer = ok(ana.get("/keys/changes", **{"from": before, "to": follow.next_batch}))
        assert answer["changed"] == [ben.id] and answer["left"] == []

    def test_and_to_nobody_else(self, ana, ben, eve):
        encrypted_room(ana, ben)
        ana.room_with(eve)
        stranger, owner = eve.follow(), ben.follow()
        before = stranger.next_batch
        ok(upload(ben, device_keys=Keys(ben).device()))
        owner.until("one's own change", lambda answer: ben.id in changed(answer))
        assert ben.id not in changed(stranger.step())
        assert ok(eve.get("/keys/changes", **{"from": before, "to": stranger.next_batch}))["changed"] == []

    def test_who_joins_is_changed_for_both(self, ana, ben):
        room_id = encrypted_room(ana)
        anas, bens = ana.follow(), ben.follow()
        ok(ana.invite(room_id, ben))
        ok(ben.join(room_id))
        anas.until("the newcomer", lambda answer: ben.id in changed(answer))
        bens.until("those who were there", lambda answer: ana.id in changed(answer))

    def test_a_room_that_becomes_encrypted(self, ana, ben):
        room_id = ana.room_with(ben)
        follow = ana.follow()
        ok(ana.set_state(room_id, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
        follow.until("the others", lambda answer: ben.id in changed(answer))

    def test_who_leaves_the_last_shared_room_has_left(self, ana, ben):
        first, second = encrypted_room(ana, ben), encrypted_room(ana, ben)
        follow = ana.follow()
        ok(ben.leave(first))
        answer = {}
        while first not in answer.get("rooms", {}).get("join", {}):
            answer = follow.step(timeout=5_000)
        assert left(answer) == []
        before = follow.next_batch
        ok(ben.leave(second))
        follow.until("the end", lambda answer: ben.id in left(answer))
        assert ok(ana.get("/keys/changes", **{"from": before, "to": follow.next_batch}))["left"] == [ben.id]
        ok(upload(ben, device_keys=Keys(ben).device()))
        assert ben.id not in changed(follow.step())

    def test_who_leaves_hears_of_all_who_were_there(self, ana, ben):
        room_id = encrypted_room(ana, ben)
        follow = ben.follow()
        ok(ben.leave(room_id))
        follow.until("the end", lambda answer: ana.id in left(answer))

    def test_signing_in_and_out_is_a_change(self, ana, ben):
        encrypted_room(ana, ben)
        other = ben.login()
        ok(upload(other, device_keys=Keys(other).device()))
        follow = ana.follow()
        ok(other.post("/logout"))
        follow.until("the change", lambda answer: ben.id in changed(answer))

    def test_a_token_that_is_none_is_refused(self, ana):
        fails(ana.get("/keys/changes", **{"from": "nonsense", "to": "nonsense"}), 400)
        fails(ana.get("/keys/changes"), 400)
