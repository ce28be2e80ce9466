"""What a bridge does: its users come when they are invited, hear what is said, and say what others say elsewhere."""

import signal

from mautrix.errors import MNotFound
from mautrix.types import EventType, Membership, PresenceState, RoomCreatePreset
import pytest


def is_invite(event, user_id: str) -> bool:
    is_about = event.type == EventType.ROOM_MEMBER and event.state_key == user_id
    return is_about and event.content.membership == Membership.INVITE


async def portal(bridge, ana, name: str):
    """A private room of a person, with a user of the bridge who came when invited."""
    puppet = bridge.puppet(name)
    await puppet.ensure_registered()
    room_id = await ana.create_room(invitees=[puppet.mxid])
    await bridge.until("the invite", lambda: [e for e in bridge.events if is_invite(e, puppet.mxid)])
    await puppet.join_room(room_id)
    return room_id, puppet


async def test_a_puppet_that_is_invited_comes_and_takes_part(bridge, server, ana):
    room_id, puppet = await portal(bridge, ana, "otto")
    await ana.send_text(room_id, "hello")
    await bridge.until("hello", lambda: bridge.messages(room_id) == ["hello"])
    await puppet.set_displayname("Otto of elsewhere")
    event_id = await puppet.send_text(room_id, "hello from elsewhere", timestamp=1_234_567)
    seen = await ana.get_event(room_id, event_id)
    assert (seen.sender, seen.content.body, seen.timestamp) == (puppet.mxid, "hello from elsewhere", 1_234_567)
    assert await ana.get_displayname(puppet.mxid) == "Otto of elsewhere"
    await bridge.until("its own message", lambda: "hello from elsewhere" in bridge.messages(room_id))
    assert [event.event_id for event in bridge.events].count(event_id) == 1
    assert (await puppet.whoami()).user_id == puppet.mxid


async def test_signals_reach_the_bridge_and_come_from_its_puppets(bridge, server, ana):
    room_id, puppet = await portal(bridge, ana, "otto")
    await ana.set_typing(room_id, timeout=30_000)

    def of(kind):
        return [event for event in bridge.events if event.type == kind]

    typing = await bridge.until("typing", lambda: of(EventType.TYPING))
    assert (typing[0].room_id, typing[0].content.user_ids) == (room_id, [ana.mxid])
    event_id = await puppet.send_text(room_id, "read this")
    await ana.send_receipt(room_id, event_id)
    receipts = await bridge.until("a receipt", lambda: of(EventType.RECEIPT))
    assert receipts[0].room_id == room_id and event_id in receipts[0].content
    await ana.set_presence(PresenceState.ONLINE, status="here")
    await bridge.until("presence", lambda: any(e.content.status_msg == "here" for e in of(EventType.PRESENCE)))
    await puppet.set_typing(room_id, timeout=30_000)
    await puppet.mark_read(room_id, event_id)


async def test_what_people_ask_for_is_made_by_the_bridge(bridge, server, ana):
    joined = await ana.join_room("#bridge_portal:localhost", max_retries=0)

    def has_joined(event) -> bool:
        return event.type == EventType.ROOM_MEMBER and (event.room_id, event.state_key) == (joined, ana.mxid)

    await bridge.until("the join", lambda: any(map(has_joined, bridge.events)))
    with pytest.raises(MNotFound):
        await ana.join_room("#bridge_nowhere:localhost", max_retries=0)
    room_id = await ana.create_room(invitees=["@bridge_known:localhost"])
    assert (await bridge.puppet("known").whoami()).user_id == "@bridge_known:localhost"
    await bridge.puppet("known").join_room(room_id)


async def test_the_bridge_manages_rooms_and_users_of_its_own(bridge, server, ana):
    bot = bridge.service.intent
    assert await bridge.service.ping_self("a transaction") > 0
    room_id = await bot.create_room(preset=RoomCreatePreset.PRIVATE, invitees=[ana.mxid], name="Portal")
    await ana.join_room(room_id)
    puppet = bridge.puppet("emma")
    await puppet.ensure_joined(room_id)  # invited by the bot, because the room is private
    await puppet.send_text(room_id, "here I am")
    assert puppet.mxid in await ana.get_joined_members(room_id)
    await bot.kick_user(room_id, puppet.mxid)
    await ana.send_text(room_id, "she is gone")
    await bridge.until("the message", lambda: "she is gone" in bridge.messages(room_id))


async def test_a_puppet_has_devices_that_messages_reach(bridge, server, ana):
    puppet = bridge.puppet("otto")
    await puppet.ensure_registered()
    await puppet.create_device_msc4190("BRIDGE", "of the bridge")
    content = {puppet.mxid: {"BRIDGE": {"hello": "device"}}}
    await ana.send_to_device(EventType.find("org.example.note", EventType.Class.TO_DEVICE), content)
    (told,) = await bridge.until("the message", lambda: bridge.to_device)
    assert (told.to_user_id, told.to_device_id, told.sender) == (puppet.mxid, "BRIDGE", ana.mxid)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_loses_and_repeats_nothing(bridge, server, ana, how):
    room_id, puppet = await portal(bridge, ana, "otto")
    await ana.send_text(room_id, "before")
    await bridge.until("the message", lambda: bridge.messages(room_id) == ["before"])
    # While the bridge is away the server is restarted, and before and after that somebody writes.
    await bridge.stop()
    expected = ["before"]
    for part in ("one", "two"):
        for number in range(20):
            expected.append(f"{part} {number}")
            await ana.send_text(room_id, expected[-1])
        if part == "one":
            server.restart(how)
    await bridge.start(server.url)
    # A sign of life, after which the server does not wait for long.
    await bridge.service.ping_self()
    await bridge.until("all of it", lambda: len(bridge.messages(room_id)) >= len(expected))
    await bridge.puppet("otto").send_text(room_id, "the end")
    await bridge.until("the end", lambda: "the end" in bridge.messages(room_id))
    assert bridge.messages(room_id) == [*expected, "the end"]
