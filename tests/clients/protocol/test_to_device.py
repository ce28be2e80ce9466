"""Messages to devices: delivered until acknowledged, once a transaction, and to nobody else."""

import secrets

import pytest

from matrix import User, events_of, fails, ok, path


def send(sender: User, messages: dict, kind: str = "org.example.note", txn_id: str | None = None):
    return sender.put(path("sendToDevice", kind, txn_id or secrets.token_hex(8)), {"messages": messages})


def received(answer: dict) -> list:
    return [event["content"].get("n") for event in events_of(answer, "to_device")]


class TestToDevice:
    def test_a_message_comes_with_sync(self, ana, ben):
        follow = ben.follow()
        ok(send(ana, {ben.id: {ben.device_id: {"n": 1}}}))
        event = follow.until("the message", lambda answer: events_of(answer, "to_device"))[0]
        assert event["type"] == "org.example.note" and event["sender"] == ana.id and event["content"] == {"n": 1}
        assert "room_id" not in event and "event_id" not in event

    def test_it_is_repeated_until_acknowledged(self, ana, ben):
        since = ben.sync()["next_batch"]
        ok(send(ana, {ben.id: {ben.device_id: {"n": 1}}}))
        first = ben.sync(since)
        assert received(first) == [1]
        assert received(ben.sync(since)) == [1]
        second = ben.sync(first["next_batch"])
        assert received(second) == []

    def test_a_first_sync_brings_what_waits(self, ana, ben):
        ok(send(ana, {ben.id: {ben.device_id: {"n": 1}}}))
        answer = ben.sync()
        assert received(answer) == [1]
        assert received(ben.sync(answer["next_batch"])) == []

    def test_a_star_is_every_device(self, ana, ben):
        other = ben.login()
        ok(send(ana, {ben.id: {"*": {"n": 1}}}))
        assert received(ben.sync()) == received(other.sync()) == [1]

    def test_only_the_device_meant_gets_it(self, ana, ben):
        other = ben.login()
        ok(send(ana, {ben.id: {other.device_id: {"n": 1}}}))
        assert received(other.sync()) == [1]
        assert received(ben.sync()) == []

    def test_a_transaction_counts_once(self, ana, ben):
        for _ in range(3):
            ok(send(ana, {ben.id: {ben.device_id: {"n": 1}}}, txn_id="t1"))
        assert received(ben.sync()) == [1]

    def test_transactions_belong_to_a_device(self, ana, ben):
        other = ana.login()
        for sender in (ana, other):
            ok(send(sender, {ben.id: {ben.device_id: {"n": 1}}}, txn_id="t1"))
        assert received(ben.sync()) == [1, 1]

    def test_many_come_in_order_and_none_is_skipped(self, ana, ben):
        follow = ben.follow()
        for number in range(250):
            ok(send(ana, {ben.id: {ben.device_id: {"n": number}}}))
        seen = []
        while len(seen) < 250:
            seen += received(follow.step(timeout=5_000))
        assert seen == list(range(250))
        assert received(follow.step()) == []

    def test_one_may_write_to_oneself(self, ana):
        follow = ana.follow()
        ok(send(ana, {ana.id: {ana.device_id: {"n": 1}}}))
        assert follow.until("the message", received) == [1]

    def test_unknown_receivers_are_passed_over(self, ana, ben):
        messages = {f"@nobody:{ana.server_name}": {"*": {"n": 1}}, ben.id: {"NODEVICE": {"n": 1}, ben.device_id: {"n": 2}}}
        ok(send(ana, messages))
        assert received(ben.sync()) == [2]

    @pytest.mark.parametrize("messages", [None, [], "x", {"@a:b": []}, {"@a:b": {"D": 5}}])
    def test_what_is_no_message_is_refused(self, ana, messages):
        fails(send(ana, messages), 400)

    def test_a_device_that_is_gone_leaves_nothing(self, ana, ben):
        other = ben.login(device_id="PHONE")
        ok(send(ana, {ben.id: {"PHONE": {"n": 1}}}))
        ok(other.post("/logout"))
        again = ben.login(device_id="PHONE")
        assert received(again.sync()) == []

    def test_nobody_may(self, nobody, ben):
        fails(nobody.put(path("sendToDevice", "m.dummy", "1"), {"messages": {}}), 401, "M_MISSING_TOKEN")
