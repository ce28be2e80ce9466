import { expect, test } from "vitest";
import { roomsOf } from "./takeout.ts";

test("each room with what it is and what the account has noted about it", () => {
  const name = { type: "m.room.name", state_key: "", content: { name: "Kitchen" } };
  const tag = { type: "m.tag", content: { tags: { "m.favourite": {} } } };
  const rooms = {
    join: { "!a": { state: { events: [name] }, account_data: { events: [tag] } } },
    invite: { "!b": { invite_state: { events: [name] } } },
    leave: { "!c": {} },
  };
  const state = [{ type: "m.room.name", content: { name: "Kitchen" } }];
  expect(roomsOf({ rooms })).toEqual([
    { room_id: "!a", membership: "join", state, account_data: [tag] },
    { room_id: "!b", membership: "invite", state, account_data: [] },
    { room_id: "!c", membership: "leave", state: [], account_data: [] },
  ]);
  expect(roomsOf({})).toEqual([]);
});
