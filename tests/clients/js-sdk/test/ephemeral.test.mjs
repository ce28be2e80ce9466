// What is not a message: typing, receipts, markers, account data, tags, counts, push rules.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NotificationCountType, PushRuleKind, ReceiptType } from "matrix-js-sdk";
import { eventually, person, roomOf, sees } from "./support.mjs";

test("typing is seen and ends", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const typing = () => ben.getRoom(roomId).getMember(ana.getUserId()).typing;
    await ana.sendTyping(roomId, true, 30_000);
    await eventually(ben, "typing", () => typing());
    await ana.sendTyping(roomId, false, 0);
    await eventually(ben, "no typing", () => !typing());
});

test("a read receipt reaches the sender, a private one does not", async () => {
    const [ana, ben, eve] = [await person("ana"), await person("ben"), await person("eve")];
    const roomId = await roomOf(ana, ben, eve);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "read me");
    await eve.sendReadReceipt(await sees(eve, roomId, eventId), ReceiptType.ReadPrivate, true);
    await ben.sendReadReceipt(await sees(ben, roomId, eventId), ReceiptType.Read, true);
    const room = ana.getRoom(roomId);
    const message = await sees(ana, roomId, eventId);
    await eventually(ana, "Ben's receipt", () => room.getReadReceiptForUserId(ben.getUserId(), true)?.eventId === eventId);
    const readers = room.getReceiptsForEvent(message).filter((each) => each.type === ReceiptType.Read).map((each) => each.userId);
    assert.ok(readers.includes(ben.getUserId()), `${readers}`);
    assert.ok(!readers.includes(eve.getUserId()), `${readers}`);
    await eventually(eve, "her own receipt", () => eve.getRoom(roomId)?.getReadReceiptForUserId(eve.getUserId(), true, ReceiptType.ReadPrivate)?.eventId === eventId);
});

test("unread messages are counted until they are read", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { room_id: roomId } = await ana.createRoom({ preset: "public_chat" });
    const third = await person("eve");
    await ben.joinRoom(roomId);
    await third.joinRoom(roomId);
    await eventually(ben, "the room", () => ben.getRoom(roomId)?.getJoinedMembers().length === 3);
    await ana.sendTextMessage(roomId, "one");
    const { event_id: last } = await ana.sendMessage(roomId, {
        msgtype: "m.text",
        body: "two, for Ben",
        "m.mentions": { user_ids: [ben.getUserId()] },
    });
    const room = ben.getRoom(roomId);
    await eventually(ben, "two unread", () => room.getRoomUnreadNotificationCount(NotificationCountType.Total) === 2);
    assert.equal(room.getRoomUnreadNotificationCount(NotificationCountType.Highlight), 1);
    await ben.sendReadReceipt(await sees(ben, roomId, last));
    await eventually(ben, "none unread", () => room.getRoomUnreadNotificationCount(NotificationCountType.Total) === 0);
    assert.equal(room.getRoomUnreadNotificationCount(NotificationCountType.Highlight), 0);
});

test("the fully-read marker is remembered", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "so far");
    await ana.setRoomReadMarkers(roomId, eventId);
    const marker = await eventually(ana, "the marker", () => ana.getRoom(roomId)?.getAccountData("m.fully_read"));
    assert.equal(marker.getContent().event_id, eventId);
});

test("account data comes back through sync", async () => {
    const ana = await person("ana");
    await ana.setAccountData("org.example.colours", { favourite: "绿色" });
    const stored = await eventually(ana, "the account data", () => ana.getAccountData("org.example.colours"));
    assert.deepEqual(stored.getContent(), { favourite: "绿色" });
    assert.deepEqual(await ana.getAccountDataFromServer("org.example.colours"), { favourite: "绿色" });
});

test("room account data and tags", async () => {
    const ana = await person("ana");
    const roomId = await roomOf(ana);
    await ana.setRoomAccountData(roomId, "org.example.note", { text: "mine" });
    await ana.setRoomTag(roomId, "m.favourite", { order: 0.25 });
    const room = ana.getRoom(roomId);
    await eventually(ana, "the note", () => room.getAccountData("org.example.note")?.getContent().text === "mine");
    await eventually(ana, "the tag", () => room.tags["m.favourite"]?.order === 0.25);
    await ana.deleteRoomTag(roomId, "m.favourite");
    await eventually(ana, "no tag", () => room.tags["m.favourite"] === undefined);
});

test("an ignored person is not heard", async () => {
    const [ana, eve] = [await person("ana"), await person("eve")];
    const roomId = await roomOf(ana, eve);
    await ana.setIgnoredUsers([eve.getUserId()]);
    await eventually(ana, "the list", () => ana.isUserIgnored(eve.getUserId()));
    const { event_id: unheard } = await eve.sendTextMessage(roomId, "can you hear me?");
    const { event_id: own } = await ana.sendTextMessage(roomId, "silence");
    await eventually(ana, "her own message", () => ana.getRoom(roomId).findEventById(own)?.status === null);
    assert.equal(ana.getRoom(roomId).findEventById(unheard), undefined);
});

test("a muted room does not count", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    await ben.addPushRule("global", PushRuleKind.RoomSpecific, roomId, { actions: [] });
    const rules = await ben.getPushRules();
    assert.deepEqual(rules.global.room.map((each) => [each.rule_id, each.actions, each.enabled]), [[roomId, [], true]]);
    const { event_id: eventId } = await ana.sendTextMessage(roomId, "psst");
    await sees(ben, roomId, eventId);
    assert.equal(ben.getRoom(roomId).getRoomUnreadNotificationCount(NotificationCountType.Total), 0);
    await ben.deletePushRule("global", PushRuleKind.RoomSpecific, roomId);
    assert.equal((await ben.getPushRules()).global.room?.length ?? 0, 0);
});
