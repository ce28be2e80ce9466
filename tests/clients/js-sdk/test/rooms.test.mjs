// Rooms: creating, inviting, joining, leaving, power levels, names, aliases, the directory, upgrades.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, localpart, person, refused, refusedWith, register, roomOf } from "./support.mjs";

test("an invitation is shown with its sender and leads into the room", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { room_id: roomId } = await ana.createRoom({ name: "Garden", preset: "private_chat", invite: [ben.getUserId()], is_direct: true });
    const room = await eventually(ben, "the invitation", () => {
        const room = ben.getRoom(roomId);
        return room?.getMyMembership() === "invite" && room;
    });
    assert.equal(room.name, "Garden");
    const invitation = room.currentState.getStateEvents("m.room.member", ben.getUserId());
    assert.equal(invitation.getSender(), ana.getUserId());
    assert.equal(invitation.getContent().is_direct, true);

    await ben.joinRoom(roomId);
    await eventually(ana, "Ben in the room", () => ana.getRoom(roomId)?.getMember(ben.getUserId())?.membership === "join");
    await eventually(ben, "himself in the room", () => ben.getRoom(roomId)?.getMyMembership() === "join");
    assert.deepEqual(Object.keys((await ben.getJoinedRoomMembers(roomId)).joined).sort(), [ana.getUserId(), ben.getUserId()].sort());
});

test("an invitation can be declined", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { room_id: roomId } = await ana.createRoom({ preset: "private_chat", invite: [ben.getUserId()] });
    await eventually(ben, "the invitation", () => ben.getRoom(roomId)?.getMyMembership() === "invite");
    await ben.leave(roomId);
    await eventually(ana, "the refusal", () => ana.getRoom(roomId)?.getMember(ben.getUserId())?.membership === "leave");
    await refused(ben.joinRoom(roomId), "M_FORBIDDEN", 403);
});

test("a stranger does not get in", async () => {
    const [ana, eve] = [await person("ana"), await register("eve")];
    const roomId = await roomOf(ana);
    await refused(eve.joinRoom(roomId), "M_FORBIDDEN", 403);
    await refused(eve.sendTextMessage(roomId, "let me in"), "M_FORBIDDEN", 403);
    await refused(eve.roomState(roomId), "M_FORBIDDEN", 403);
});

test("kicked, banned, unbanned", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    const membership = (wanted) => eventually(ben, wanted, () => ben.getRoom(roomId)?.getMyMembership() === wanted);
    await ana.kick(roomId, ben.getUserId(), "a pause");
    await membership("leave");
    assert.equal(ben.getRoom(roomId).getMember(ben.getUserId()).events.member.getContent().reason, "a pause");
    await ana.invite(roomId, ben.getUserId());
    await membership("invite");
    await ben.joinRoom(roomId);
    await membership("join");
    await ana.ban(roomId, ben.getUserId());
    await membership("ban");
    await refusedWith(ben.joinRoom(roomId), 403);
    await refusedWith(ana.invite(roomId, ben.getUserId()), 403);
    await ana.unban(roomId, ben.getUserId());
    await membership("leave");
    await ana.invite(roomId, ben.getUserId());
    await membership("invite");
});

test("power decides what one may do", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    await refused(ben.setRoomName(roomId, "Ben's room"), "M_FORBIDDEN", 403);
    await refused(ben.kick(roomId, ana.getUserId()), "M_FORBIDDEN", 403);
    await ana.setPowerLevel(roomId, ben.getUserId(), 50);
    await eventually(ben, "his new power", () => ben.getRoom(roomId)?.getMember(ben.getUserId())?.powerLevel === 50);
    await ben.setRoomName(roomId, "Ben's room");
    await eventually(ana, "the new name", () => ana.getRoom(roomId).name === "Ben's room");
    await refused(ben.setPowerLevel(roomId, ben.getUserId(), 100), "M_FORBIDDEN", 403);
});

test("name, topic and avatar reach the members", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    await ana.setRoomName(roomId, "花园");
    await ana.setRoomTopic(roomId, "What grows");
    await ana.sendStateEvent(roomId, "m.room.avatar", { url: "mxc://localhost/abc" });
    const room = ben.getRoom(roomId);
    await eventually(ben, "the name", () => room.name === "花园");
    await eventually(ben, "the avatar", () => room.getMxcAvatarUrl() === "mxc://localhost/abc");
    assert.equal(room.currentState.getStateEvents("m.room.topic", "").getContent().topic, "What grows");
    assert.deepEqual(await ben.getStateEvent(roomId, "m.room.name", ""), { name: "花园" });
});

test("a public room is found, named by its alias and joined by it", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const name = localpart("square");
    const { room_id: roomId } = await ana.createRoom({ name, preset: "public_chat", visibility: "public", room_alias_name: name });
    const alias = `#${name}:${ana.getDomain()}`;
    assert.equal((await ben.getRoomIdForAlias(alias)).room_id, roomId);
    const found = await ben.publicRooms({ filter: { generic_search_term: name } });
    assert.deepEqual(found.chunk.map((each) => [each.room_id, each.num_joined_members, each.canonical_alias]), [[roomId, 1, alias]]);
    await ben.joinRoom(alias);
    await eventually(ana, "Ben", () => ana.getRoom(roomId)?.getMember(ben.getUserId())?.membership === "join");
});

test("a person who left hears nothing more and can forget the room", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const roomId = await roomOf(ana, ben);
    await ben.leave(roomId);
    await eventually(ben, "having left", () => ben.getRoom(roomId)?.getMyMembership() === "leave");
    const { event_id: after } = await ana.sendTextMessage(roomId, "now that Ben is gone");
    await assert.rejects(ben.fetchRoomEvent(roomId, after), (error) => {
        assert.ok([403, 404].includes(error.httpStatus), `${error}`);
        return true;
    });
    await ben.forget(roomId);
    assert.equal(ben.getRoom(roomId), null);
    assert.deepEqual((await ben.getJoinedRooms()).joined_rooms, []);
});

test("a knock is answered", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { room_id: roomId } = await ana.createRoom({
        preset: "private_chat",
        initial_state: [{ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } }],
    });
    await ben.knockRoom(roomId, { reason: "it is me" });
    const knock = await eventually(ana, "the knock", () => {
        const member = ana.getRoom(roomId)?.getMember(ben.getUserId());
        return member?.membership === "knock" && member;
    });
    assert.equal(knock.events.member.getContent().reason, "it is me");
    await eventually(ben, "knocking", () => ben.getRoom(roomId)?.getMyMembership() === "knock");
    await ana.invite(roomId, ben.getUserId());
    await eventually(ben, "the invitation", () => ben.getRoom(roomId)?.getMyMembership() === "invite");
    await ben.joinRoom(roomId);
});

test("an upgraded room points to its successor", async () => {
    const ana = await person("ana");
    const { room_id: roomId } = await ana.createRoom({ name: "Old", preset: "private_chat", room_version: "10" });
    const { replacement_room: replacement } = await ana.upgradeRoom(roomId, "11");
    const tombstone = await eventually(ana, "the tombstone", () => ana.getRoom(roomId)?.currentState.getStateEvents("m.room.tombstone", ""));
    assert.equal(tombstone.getContent().replacement_room, replacement);
    const successor = await eventually(ana, "the new room", () => ana.getRoom(replacement));
    assert.equal(successor.currentState.getStateEvents("m.room.create", "").getContent().predecessor.room_id, roomId);
    await eventually(ana, "the old name", () => successor.name === "Old");
});

test("a space lists its rooms", async () => {
    const ana = await person("ana");
    const { room_id: child } = await ana.createRoom({ name: "Child", preset: "public_chat" });
    const { room_id: space } = await ana.createRoom({ name: "Space", preset: "public_chat", creation_content: { type: "m.space" } });
    await ana.sendStateEvent(space, "m.space.child", { via: [ana.getDomain()] }, child);
    const { rooms } = await ana.getRoomHierarchy(space);
    assert.deepEqual(rooms.map((each) => [each.room_id, each.name, each.room_type]), [[space, "Space", "m.space"], [child, "Child", undefined]]);
    assert.deepEqual(rooms[0].children_state.map((each) => each.state_key), [child]);
});

test("people are found by name", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    await roomOf(ana, ben);
    const name = localpart("Benjamin");
    await ben.setDisplayName(name);
    const { results } = await ana.searchUserDirectory({ term: name });
    assert.deepEqual(results.map((each) => [each.user_id, each.display_name]), [[ben.getUserId(), name]]);
});
