"""End-to-end encryption: groups, verification by emoji, devices that were away, and a server that is killed."""

import signal

import pytest

from encryption import EncryptingPerson, all_read, verify_by_emoji
from server import BINARY
from support import ok

# By hand, against a server that somebody else runs, there is nothing to kill.
killing = pytest.mark.skipif(not BINARY, reason="IM2_BINARY does not name an executable to run and kill")


async def test_a_group_exchanges_encrypted_messages(secretive):
    ana, ben, eva = group = await secretive("ana", "ben", "eva")
    room_id = await ana.encrypted_room_with(ben, eva)
    for sender in group:
        await all_read(sender, room_id, f"from {sender.id} 你好", *group)
    tablet = await secretive("tablet", device_of=ben)
    for person in group:
        await person.knows(tablet)
    await all_read(ana, room_id, "to all of ben's devices", ben, tablet, eva)
    await tablet.knows(ana, ben, eva)
    await all_read(tablet, room_id, "from the new one", ana, ben, eva)


async def test_two_people_verify_each_other_by_emoji(secretive):
    ana, ben = await secretive("ana", "ben")
    room_id = await ana.encrypted_room_with(ben)
    await verify_by_emoji(ana, ben)
    await all_read(ana, room_id, "it is you", ben)


async def test_a_device_that_was_away_reads_what_was_sent_meanwhile(secretive):
    ana, ben = await secretive("ana", "ben")
    room_id = await ana.encrypted_room_with(ben)
    await all_read(ben, room_id, "I am going", ana)
    await ben.client.close()
    sent = {}
    for index in range(130):
        # A new session for each, so that more messages wait for ben's device than one answer holds.
        ana.client.invalidate_outbound_session(room_id)
        body = f"line {index}"
        sent[await ana.say(room_id, body)] = body
    ben = await EncryptingPerson.back(ben.client, ben.client.homeserver)
    secretive.made.append(ben)
    sessions = lambda: [each for each in ben.client.olm.inbound_group_store if each.room_id == room_id]
    await ben.until("all room keys", lambda: len(sessions()) >= len(sent))
    page = ok(await ben.client.room_messages(room_id, ben.client.next_batch, limit=200))
    assert {each.event_id: each.body for each in page.chunk if each.event_id in sent} == sent


@killing
async def test_a_kill_and_a_restart_lose_nothing(secretive, own_server):
    ana, ben = await secretive("ana", "ben", base_url=own_server.url)
    room_id = await ana.encrypted_room_with(ben)
    await all_read(ana, room_id, "before", ben)
    ana.client.invalidate_outbound_session(room_id)
    unread = await ana.say(room_id, "just before the kill")
    own_server.restart(signal.SIGKILL)
    assert await ben.reads(room_id, unread) == "just before the kill"
    for how in (signal.SIGTERM, signal.SIGKILL):
        ana.client.invalidate_outbound_session(room_id)
        unread = await ana.say(room_id, f"before {how}")
        await ben.client.close()
        own_server.restart(how)
        ben = await EncryptingPerson.back(ben.client, own_server.url)
        secretive.made.append(ben)
        assert await ben.reads(room_id, unread) == f"before {how}"
        await all_read(ben, room_id, f"after {how}", ana)


@killing
async def test_a_verification_goes_on_after_a_kill(secretive, own_server):
    ana, ben = await secretive("ana", "ben", base_url=own_server.url)
    room_id = await ana.encrypted_room_with(ben)
    await verify_by_emoji(ana, ben, lambda: own_server.restart(signal.SIGKILL))
    await all_read(ben, room_id, "still you", ana)
