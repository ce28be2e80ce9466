// Messages: live delivery, history, edits, reactions, threads, redactions.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Direction, EventStatus, RelationType } from "matrix-js-sdk";
import { eventually, person, refused, roomOf, secondDevice, sees } from "./support.mjs";

const bodies = (events) => events.filter((each) => each.getType() === "m.room.message").map((each) => each.getContent().body);

test("a message arrives live, once, and the sender's echo becomes it", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "Good morning 早上好");
    const received = await sees(ben, roomId, eventId);
    assert.equal(received.getSender(), ana.getUserId());
    assert.deepEqual(received.getContent(), { msgtype: "m.text", body: "Good morning 早上好" });
    assert.ok(Math.abs(received.getTs() - Date.now()) < 60_000);
    const own = await eventually(ana, "the echo", () => {
        const event = ana.getRoom(roomId).findEventById(eventId);
        return event && event.status === null && event;
    });
    assert.equal(own.getUnsigned().transaction_id?.length > 0, true);
    assert.equal(received.getUnsigned().transaction_id, undefined);
    const times = ana.getRoom(roomId).getLiveTimeline().getEvents().filter((each) => each.getId() === eventId);
    assert.equal(times.length, 1);
    assert.notEqual(own.status, EventStatus.SENT);
});

test("a conversation keeps its order on both sides", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    for (let index = 0; index < 12; index += 1) {
        const [sender, reader] = index % 2 === 0 ? [ana, ben] : [ben, ana];
        const { event_id: eventId } = await sender.sendTextMessage(roomId, `line ${index}`);
        await sees(reader, roomId, eventId);
    }
    const expected = Array.from({ length: 12 }, (_, index) => `line ${index}`);
    for (const each of [ana, ben]) assert.deepEqual(bodies(each.getRoom(roomId).getLiveTimeline().getEvents()), expected);
});

test("the same transaction sends once", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    const content = { msgtype: "m.text", body: "once" };
    const first = await ana.sendEvent(roomId, "m.room.message", content, "transaction-1");
    await sees(ana, roomId, first.event_id);
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/transaction-1`;
    const again = await ana.http.authedRequest("PUT", path, undefined, content);
    assert.equal(again.event_id, first.event_id);
});

test("history is paged back to the first event, each once and in order", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    for (let index = 0; index < 60; index += 1) await ana.sendTextMessage(roomId, `line ${index}`);
    const second = await secondDevice(ben);
    const timeline = second.getRoom(roomId).getLiveTimeline();
    assert.ok(bodies(timeline.getEvents()).length <= 20);
    while (await second.paginateEventTimeline(timeline, { backwards: true, limit: 17 }));
    assert.deepEqual(bodies(timeline.getEvents()), Array.from({ length: 60 }, (_, index) => `line ${index}`));
    assert.equal(timeline.getEvents()[0].getType(), "m.room.create");
    const ids = timeline.getEvents().map((each) => each.getId());
    assert.equal(new Set(ids).size, ids.length);
});

test("a message in the middle is opened with its surroundings", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    const ids = [];
    for (let index = 0; index < 9; index += 1) ids.push((await ana.sendTextMessage(roomId, `line ${index}`)).event_id);
    const path = `/rooms/${encodeURIComponent(roomId)}/context/${encodeURIComponent(ids[4])}`;
    const context = await ana.http.authedRequest("GET", path, { limit: "4" });
    assert.equal(context.event.event_id, ids[4]);
    assert.deepEqual(context.events_before.map((each) => each.content.body), ["line 3", "line 2"]);
    assert.deepEqual(context.events_after.map((each) => each.content.body), ["line 5", "line 6"]);
    const { chunk } = await ana.createMessagesRequest(roomId, context.end, 10, Direction.Forward);
    assert.deepEqual(chunk.map((each) => each.content.body), ["line 7", "line 8"]);
});

test("an edit replaces the text for the reader, live and from history", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "a typo");
    const message = await sees(ben, roomId, eventId);
    const { event_id: editId } = await ana.sendMessage(roomId, {
        msgtype: "m.text",
        body: "* no typo",
        "m.new_content": { msgtype: "m.text", body: "no typo" },
        "m.relates_to": { rel_type: RelationType.Replace, event_id: eventId },
    });
    await eventually(ben, "the edit", () => message.replacingEventId() === editId);
    assert.equal(message.getContent().body, "no typo");
    const stored = await ben.fetchRoomEvent(roomId, eventId);
    assert.equal(stored.content.body, "a typo");
    assert.equal(stored.unsigned["m.relations"]["m.replace"].event_id, editId);
    assert.equal(stored.unsigned["m.relations"]["m.replace"].content["m.new_content"].body, "no typo");
});

test("reactions are counted by key and taken back by redaction", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "who is coming?");
    const react = async (who, key) => {
        const content = { "m.relates_to": { rel_type: RelationType.Annotation, event_id: eventId, key } };
        return (await who.sendEvent(roomId, "m.reaction", content)).event_id;
    };
    await react(ana, "👍");
    const reaction = await react(ben, "👍");
    await react(ben, "🎉");
    const counts = () => {
        const relations = ana.getRoom(roomId).relations.getChildEventsForEvent(eventId, RelationType.Annotation, "m.reaction");
        const keys = relations?.getSortedAnnotationsByKey() ?? [];
        return Object.fromEntries(keys.map(([key, events]) => [key, events.size]).filter(([, size]) => size > 0));
    };
    await eventually(ana, "three reactions", () => counts()["👍"] === 2 && counts()["🎉"] === 1);
    await ben.redactEvent(roomId, reaction);
    await eventually(ana, "one fewer", () => counts()["👍"] === 1);
    const { chunk } = await ana.fetchRelations(roomId, eventId, RelationType.Annotation, "m.reaction", { dir: Direction.Backward });
    assert.deepEqual(chunk.map((each) => each.content["m.relates_to"].key), ["🎉", "👍"]);
});

test("the same reaction twice is refused", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "hm");
    const content = { "m.relates_to": { rel_type: RelationType.Annotation, event_id: eventId, key: "👍" } };
    await ana.sendEvent(roomId, "m.reaction", content);
    await refused(ana.sendEvent(roomId, "m.reaction", content), "M_DUPLICATE_ANNOTATION", 400);
});

test("a redacted message is empty for everybody", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "forget this");
    const message = await sees(ben, roomId, eventId);
    const { event_id: redactionId } = await ana.redactEvent(roomId, eventId, undefined, { reason: "sent by mistake" });
    await eventually(ben, "the redaction", () => message.isRedacted());
    assert.deepEqual(message.getContent(), {});
    const stored = await ben.fetchRoomEvent(roomId, eventId);
    assert.deepEqual(stored.content, {});
    assert.equal(stored.unsigned.redacted_because.event_id, redactionId);
    assert.equal(stored.unsigned.redacted_because.content.reason, "sent by mistake");
});

test("only the sender and those with power redact", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const mine = (await ana.sendTextMessage(roomId, "Ana's")).event_id;
    const his = (await ben.sendTextMessage(roomId, "Ben's")).event_id;
    await refused(ben.redactEvent(roomId, mine), "M_FORBIDDEN", 403);
    await ana.redactEvent(roomId, his);
    assert.deepEqual((await ana.fetchRoomEvent(roomId, his)).content, {});
    assert.equal((await ana.fetchRoomEvent(roomId, mine)).content.body, "Ana's");
});

test("a thread is summed up on its root and listed", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: root } = await ana.sendTextMessage(roomId, "the plan");
    const reply = async (who, body) => {
        const content = { msgtype: "m.text", body, "m.relates_to": { rel_type: "m.thread", event_id: root } };
        return (await who.sendEvent(roomId, "m.room.message", content)).event_id;
    };
    await reply(ana, "first");
    const last = await reply(ben, "second");
    await sees(ana, roomId, last);
    const summary = (await ana.fetchRoomEvent(roomId, root)).unsigned["m.relations"]["m.thread"];
    assert.equal(summary.count, 2);
    assert.equal(summary.latest_event.event_id, last);
    assert.equal(summary.current_user_participated, true);
    const threads = await ben.createThreadListMessagesRequest(roomId, null, 10);
    assert.deepEqual(threads.chunk.map((each) => each.event_id), [root]);
});

test("a reply keeps what it answers", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const { event_id: question } = await ana.sendTextMessage(roomId, "tea or coffee?");
    const content = { msgtype: "m.text", body: "tea", "m.relates_to": { "m.in_reply_to": { event_id: question } } };
    const { event_id: answer } = await ben.sendEvent(roomId, "m.room.message", content);
    assert.equal((await sees(ana, roomId, answer)).replyEventId, question);
});

test("a message that is too large is refused", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    await refused(ana.sendTextMessage(roomId, "x".repeat(70_000)), "M_TOO_LARGE", 413);
});

test("jump to a date", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    const { event_id: first } = await ana.sendTextMessage(roomId, "here");
    const { event_id: found, origin_server_ts: time } = await ana.timestampToEvent(roomId, Date.now() + 1_000, Direction.Backward);
    assert.equal(found, first);
    assert.equal((await ana.fetchRoomEvent(roomId, first)).origin_server_ts, time);
});
