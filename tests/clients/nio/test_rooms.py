"""Rooms: invitations, membership, power, state, aliases, the directory, spaces, upgrades."""

from nio import RoomPreset, RoomVisibility

from support import localpart, ok, refused


async def test_an_invitation_shows_its_room_and_inviter(people):
    ana, ben = await people("ana", "ben")
    room_id = ok(await ana.client.room_create(name="Garden", topic="What grows", invite=[ben.id])).room_id
    await ben.until("the invitation", lambda: room_id in ben.client.invited_rooms)
    invited = ben.client.invited_rooms[room_id]
    assert (invited.name, invited.inviter) == ("Garden", ana.id)
    ok(await ben.client.join(room_id))
    await ben.until("the room", lambda: room_id in ben.client.rooms)
    room = ben.client.rooms[room_id]
    assert (room.name, room.topic, room.member_count) == ("Garden", "What grows", 2)
    assert room_id in ok(await ben.client.joined_rooms()).rooms
    assert {member.user_id for member in ok(await ana.client.joined_members(room_id)).members} == {ana.id, ben.id}


async def test_an_invitation_is_declined(people):
    ana, ben = await people("ana", "ben")
    room_id = ok(await ana.client.room_create(invite=[ben.id])).room_id
    await ben.until("the invitation", lambda: room_id in ben.client.invited_rooms)
    ok(await ben.client.room_leave(room_id))
    refused(await ben.client.join(room_id), "M_FORBIDDEN")


async def test_a_stranger_stays_outside(people):
    ana, eve = await people("ana", "eve")
    room_id = await ana.room_with()
    refused(await eve.client.join(room_id), "M_FORBIDDEN")
    refused(await eve.client.room_send(room_id, "m.room.message", {"msgtype": "m.text", "body": "hello"}), "M_FORBIDDEN")
    refused(await eve.client.room_get_state(room_id), "M_FORBIDDEN")
    refused(await eve.client.joined_members(room_id), "M_FORBIDDEN")
    refused(await eve.client.room_messages(room_id, ""), "M_FORBIDDEN")


async def test_kick_ban_unban(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    ok(await ana.client.room_kick(room_id, ben.id, "a pause"))
    await ben.until("being out", lambda: room_id in ben.left)
    ok(await ana.client.room_ban(room_id, ben.id, "for good"))
    state = ok(await ana.client.room_get_state_event(room_id, "m.room.member", ben.id))
    assert state.content["membership"] == "ban"
    assert state.content["reason"] == "for good"
    ok(await ana.client.room_unban(room_id, ben.id))
    state = ok(await ana.client.room_get_state_event(room_id, "m.room.member", ben.id))
    assert state.content["membership"] == "leave"
    ok(await ana.client.room_invite(room_id, ben.id))
    await ben.until("the invitation", lambda: room_id in ben.client.invited_rooms)
    ok(await ben.client.join(room_id))


async def test_power_levels_rule(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    refused(await ben.client.room_put_state(room_id, "m.room.name", {"name": "Ben's"}), "M_FORBIDDEN")
    refused(await ben.client.room_kick(room_id, ana.id), "M_FORBIDDEN")
    levels = ok(await ana.client.room_get_state_event(room_id, "m.room.power_levels")).content
    levels.setdefault("users", {})[ben.id] = 50
    event_id = ok(await ana.client.room_put_state(room_id, "m.room.power_levels", levels)).event_id
    await ben.sees(room_id, event_id)
    assert ben.client.rooms[room_id].power_levels.get_user_level(ben.id) == 50
    ok(await ben.client.room_put_state(room_id, "m.room.name", {"name": "Ben's"}))
    await ana.until("the new name", lambda: ana.client.rooms[room_id].name == "Ben's")
    levels["users"][ben.id] = 100
    refused(await ben.client.room_put_state(room_id, "m.room.power_levels", levels), "M_FORBIDDEN")


async def test_state_is_read_back(people):
    ana = await people("ana")
    room_id = await ana.room_with()
    ok(await ana.client.room_put_state(room_id, "org.example.thing", {"colour": "绿色"}, state_key="a/b"))
    assert ok(await ana.client.room_get_state_event(room_id, "org.example.thing", "a/b")).content == {"colour": "绿色"}
    types = [event["type"] for event in ok(await ana.client.room_get_state(room_id)).events]
    assert types.count("org.example.thing") == 1
    assert {"m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules"} <= set(types)
    refused(await ana.client.room_get_state_event(room_id, "org.example.thing", "c"), "M_NOT_FOUND")


async def test_aliases_and_the_directory(people):
    ana, ben = await people("ana", "ben")
    name = localpart("square")
    created = await ana.client.room_create(
        visibility=RoomVisibility.public, alias=name, name=name, preset=RoomPreset.public_chat
    )
    room_id = ok(created).room_id
    alias = f"#{name}:{ana.id.split(':', 1)[1]}"
    assert ok(await ben.client.room_resolve_alias(alias)).room_id == room_id
    assert ok(await ben.client.room_get_visibility(room_id)).visibility == "public"
    ok(await ben.client.join(alias))
    await ben.until("the room", lambda: room_id in ben.client.rooms)
    assert ben.client.rooms[room_id].canonical_alias == alias
    second = f"#{name}-2:{ana.id.split(':', 1)[1]}"
    ok(await ana.client.room_put_alias(second, room_id))
    ok(await ana.client.room_delete_alias(second))
    refused(await ben.client.room_resolve_alias(second), "M_NOT_FOUND")


async def test_leaving_and_forgetting(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with(ben)
    ok(await ben.client.room_leave(room_id))
    await ben.until("being out", lambda: room_id in ben.left)
    ok(await ben.client.room_forget(room_id))
    refused(await ben.client.room_messages(room_id, ""), "M_FORBIDDEN")


async def test_knocking(people):
    ana, ben = await people("ana", "ben")
    room_id = await ana.room_with()
    ok(await ana.client.room_put_state(room_id, "m.room.join_rules", {"join_rule": "knock"}))
    ok(await ben.client.room_knock(room_id, "it is me"))
    state = ok(await ana.client.room_get_state_event(room_id, "m.room.member", ben.id))
    assert (state.content["membership"], state.content["reason"]) == ("knock", "it is me")
    ok(await ana.client.room_invite(room_id, ben.id))
    ok(await ben.client.join(room_id))


async def test_a_space_lists_its_rooms(people):
    ana = await people("ana")
    child = ok(await ana.client.room_create(name="Child", preset=RoomPreset.public_chat)).room_id
    space = ok(await ana.client.room_create(name="Space", space=True, preset=RoomPreset.public_chat)).room_id
    via = {"via": [ana.id.split(":", 1)[1]]}
    ok(await ana.client.room_put_state(space, "m.space.child", via, state_key=child))
    rooms = ok(await ana.client.space_get_hierarchy(space)).rooms
    assert [(room["room_id"], room["name"]) for room in rooms] == [(space, "Space"), (child, "Child")]


async def test_an_upgrade_leaves_a_tombstone(people):
    ana = await people("ana")
    old = ok(await ana.client.room_create(name="Old", room_version="10")).room_id
    await ana.until("the old room", lambda: old in ana.client.rooms)
    new = ok(await ana.client.room_upgrade(old, "11")).room_id
    tombstone = ok(await ana.client.room_get_state_event(old, "m.room.tombstone")).content
    assert tombstone["replacement_room"] == new
    await ana.until("the new room", lambda: new in ana.client.rooms)
    assert ana.client.rooms[new].room_version == "11"
