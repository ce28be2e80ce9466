"""Messages: live delivery, history, edits, reactions, threads, redactions, typing, receipts."""

import uuid

from nio import MessageDirection, ReactionEvent, RedactedEvent, RoomMessageText
from nio.api import RelationshipType
from nio.responses import RoomMessagesResponse

from support import ok, refused, together


async def history(person, room_id, start, direction, limit):
    """All pages from a token on, as one list of events."""
    events = []
    while start:
        page = ok(await person.client.room_messages(room_id, start, direction=direction, limit=limit), RoomMessagesResponse)
        assert len(page.chunk) <= limit
        events.extend(page.chunk)
        start = page.end
    return events


async def test_a_message_arrives_live(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    waiting = ben.client.sync(timeout=30_000)
    answer, event_id = await together(waiting, ana.say(room_id, "Good morning 早上好"))
    events = ok(answer).rooms.join[room_id].timeline.events
    assert [(each.event_id, each.sender, each.body) for each in events] == [(event_id, ana.id, "Good morning 早上好")]
    assert isinstance(events[0], RoomMessageText)


async def test_both_follow_the_conversation_in_the_same_order(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    for index in range(10):
        last = await (ana, ben)[index % 2].say(room_id, f"line {index}")
    for person in (ana, ben):
        await person.sees(room_id, last)
        bodies = [each.body for each in person.timeline[room_id] if isinstance(each, RoomMessageText)]
        assert bodies == [f"line {index}" for index in range(10)]


async def test_a_transaction_sends_once(people):
    ana = await people("ana")
    room_id = await ana.room_with()
    content, transaction = {"msgtype": "m.text", "body": "once"}, str(uuid.uuid4())
    first = ok(await ana.client.room_send(room_id, "m.room.message", content, tx_id=transaction)).event_id
    again = ok(await ana.client.room_send(room_id, "m.room.message", content, tx_id=transaction)).event_id
    assert first == again
    await ana.sees(room_id, first)
    page = ok(await ana.client.room_messages(room_id, "", limit=50))
    assert [each.event_id for each in page.chunk].count(first) == 1


async def test_history_backwards_has_everything_once(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    for index in range(25):
        last = await ana.say(room_id, f"line {index}")
    await ben.sees(room_id, last)
    events = await history(ben, room_id, ben.client.next_batch, MessageDirection.back, 7)
    bodies = [each.body for each in events if isinstance(each, RoomMessageText)]
    assert bodies == [f"line {index}" for index in reversed(range(25))]
    ids = [each.event_id for each in events]
    assert len(set(ids)) == len(ids)
    assert events[-1].source["type"] == "m.room.create"


async def test_history_forwards(people):
    ana = await people("ana")
    room_id = await ana.room_with()
    start = ana.client.next_batch
    for index in range(9):
        await ana.say(room_id, f"line {index}")
    events = await history(ana, room_id, start, MessageDirection.front, 4)
    assert [each.body for each in events] == [f"line {index}" for index in range(9)]


async def test_context(people):
    ana = await people("ana")
    room_id = await ana.room_with()
    ids = [await ana.say(room_id, f"line {index}") for index in range(5)]
    context = ok(await ana.client.room_context(room_id, ids[2], limit=2))
    assert context.event.event_id == ids[2]
    assert [each.event_id for each in context.events_before] == [ids[1]]
    assert [each.event_id for each in context.events_after] == [ids[3]]


async def test_an_edit_is_aggregated(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    event_id = await ana.say(room_id, "a typo")
    relation = {"rel_type": "m.replace", "event_id": event_id}
    new_content = {"msgtype": "m.text", "body": "no typo"}
    edit_id = await ana.say(room_id, "* no typo", **{"m.new_content": new_content, "m.relates_to": relation})
    received = await ben.sees(room_id, edit_id)
    assert received.source["content"]["m.new_content"] == new_content
    stored = ok(await ben.client.room_get_event(room_id, event_id)).event
    assert stored.body == "a typo"
    assert stored.source["unsigned"]["m.relations"]["m.replace"]["event_id"] == edit_id


async def test_reactions(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    event_id = await ana.say(room_id, "who is coming?")
    content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "👍"}}
    reaction_id = ok(await ben.client.room_send(room_id, "m.reaction", content)).event_id
    reaction = await ana.sees(room_id, reaction_id)
    assert isinstance(reaction, ReactionEvent)
    assert (reaction.reacts_to, reaction.key, reaction.sender) == (event_id, "👍", ben.id)
    refused(await ben.client.room_send(room_id, "m.reaction", content), "M_DUPLICATE_ANNOTATION")
    related = ana.client.room_get_event_relations(room_id, event_id, RelationshipType.annotation, "m.reaction")
    assert [each.event_id async for each in related] == [reaction_id]


async def test_a_redacted_message_is_empty(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    event_id = await ana.say(room_id, "forget this")
    refused(await ben.client.room_redact(room_id, event_id), "M_FORBIDDEN")
    redaction_id = ok(await ana.client.room_redact(room_id, event_id, "sent by mistake")).event_id
    redaction = await ben.sees(room_id, redaction_id)
    assert (redaction.redacts, redaction.reason) == (event_id, "sent by mistake")
    stored = ok(await ben.client.room_get_event(room_id, event_id)).event
    assert isinstance(stored, RedactedEvent)
    assert stored.source["content"] == {}
    assert stored.redacter == ana.id


async def test_threads(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    root = await ana.say(room_id, "the plan")
    for person, body in ((ana, "first"), (ben, "second")):
        last = await person.say(room_id, body, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    await ana.sees(room_id, last)
    threads = [each async for each in ana.client.room_get_threads(room_id)]
    assert [each.event_id for each in threads] == [root]
    summary = threads[0].source["unsigned"]["m.relations"]["m.thread"]
    assert (summary["count"], summary["latest_event"]["event_id"]) == (2, last)


async def test_typing(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    ok(await ana.client.room_typing(room_id, True, 30_000))
    await ben.until("typing", lambda: ben.client.rooms[room_id].typing_users == [ana.id])
    ok(await ana.client.room_typing(room_id, False))
    await ben.until("no typing", lambda: ben.client.rooms[room_id].typing_users == [])


async def test_receipts_and_markers(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    event_id = await ana.say(room_id, "read me")
    await ben.sees(room_id, event_id)
    assert ben.client.rooms[room_id].unread_notifications == 1
    ok(await ben.client.room_read_markers(room_id, event_id, event_id))
    read = lambda: ana.client.rooms[room_id].read_receipts.get(ben.id)
    await ana.until("the receipt", lambda: read() and read().event_id == event_id)
    await ben.until("the marker", lambda: ben.client.rooms[room_id].fully_read_marker == event_id)
    assert ben.client.rooms[room_id].unread_notifications == 0


async def test_a_message_that_is_too_large_is_refused(people):
    ana = await people("ana")
    room_id = await ana.room_with()
    content = {"msgtype": "m.text", "body": "x" * 70_000}
    refused(await ana.client.room_send(room_id, "m.room.message", content), "M_TOO_LARGE")
