import { MatrixEvent } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import { bodyOf, nameOf, type RoomView } from "./events.ts";

const CREATED = 1_700_000_000_000;

function stateAt(milliseconds: number, type: string, content: object, before?: object): MatrixEvent {
  return new MatrixEvent({
    type,
    state_key: "",
    sender: "@ana:x",
    event_id: `$${type}${milliseconds}`,
    origin_server_ts: CREATED + milliseconds,
    content,
    unsigned: before === undefined ? {} : { prev_content: before },
  });
}

const created = stateAt(0, "m.room.create", {});
const room: RoomView = {
  myUserId: "@ana:x",
  getMember: () => null,
  getCreator: () => "@ana:x",
  currentState: { getStateEvents: (type) => (type === "m.room.create" ? created : null) },
};

test("what a group is made with is not told as a change, what is set by hand right after it is", () => {
  for (const [type, content, told] of [
    ["m.room.topic", { topic: "tea" }, { what: "topic", topic: "tea" }],
    ["m.room.name", { name: "Tea" }, { what: "named", name: "Tea" }],
    ["m.room.avatar", { url: "mxc://x/tea" }, { what: "picture" }],
    ["m.room.server_acl", { allow: ["*"] }, { what: "servers" }],
    ["m.room.guest_access", { guest_access: "can_join" }, { what: "guestsIn" }],
    ["m.room.join_rules", { join_rule: "public" }, { what: "admission", who: "public" }],
    ["m.room.join_rules", { join_rule: "restricted" }, { what: "admission", who: "other" }],
    ["m.room.history_visibility", { history_visibility: "joined" }, { what: "history", who: "joined" }],
  ] as const) {
    expect(bodyOf(stateAt(300, type, content), room)).toBeUndefined();
    expect(bodyOf(stateAt(1_500, type, content), room)).toEqual({ kind: "change", change: told });
    expect(bodyOf(stateAt(400, type, content, { topic: "coffee" }), room)).toEqual({ kind: "change", change: told });
  }
});

test("who has no name that can be seen is called by the id", () => {
  for (const blank of [undefined, "", "\u3164", "\u2800\u00ad", "@ana:x", "\u3164 (@ana:x)"])
    expect(nameOf(blank, "@ana:x")).toBe("ana");
  expect(nameOf("Ana (@ana:x)", "@ana:x")).toBe("Ana (@ana:x)");
});

test("who can join, and who can read earlier messages, is told where it is another than before", () => {
  const read = (type: string, content: object, before: object) => bodyOf(stateAt(9_000, type, content, before), room);
  const open = { join_rule: "public" };
  expect(read("m.room.join_rules", open, open)).toBeUndefined();
  expect(read("m.room.join_rules", open, { join_rule: "invite" })).toMatchObject({ change: { who: "public" } });
  const shared = { history_visibility: "shared" };
  expect(read("m.room.history_visibility", shared, shared)).toBeUndefined();
  expect(read("m.room.history_visibility", { history_visibility: "to all" }, shared)).toBeUndefined();
});

test("guests are spoken of when something changes for them", () => {
  const [open, closed, silent] = [{ guest_access: "can_join" }, { guest_access: "forbidden" }, {}];
  const read = (before: object, after: object) => bodyOf(stateAt(9_000, "m.room.guest_access", after, before), room);
  for (const before of [closed, silent]) expect(read(before, open)).toMatchObject({ change: { what: "guestsIn" } });
  for (const after of [closed, silent]) expect(read(open, after)).toMatchObject({ change: { what: "guestsOut" } });
  expect(read(open, open)).toBeUndefined();
  for (const [before, after] of [
    [closed, silent],
    [silent, closed],
    [closed, closed],
  ] as const)
    expect(read(before, after)).toBeUndefined();
});

test("the words of an invitation are told with it", () => {
  const read = (reason: unknown) => bodyOf(stateAt(0, "m.room.member", { membership: "invite", reason }), room);
  expect(read("We met\u202e at the bakery")).toMatchObject({ change: { reason: "We met at the bakery" } });
  expect(read("x".repeat(9000))).toMatchObject({ change: { reason: "x".repeat(500) } });
  for (const nothing of [undefined, "", " \u200b", 5, {}])
    expect(read(nothing)).toMatchObject({ change: { what: "invited", reason: undefined } });
});

test("a picture that moves says so, and what it looks like before it is there", () => {
  const read = (info: object, msgtype = "m.image") => {
    const content = { msgtype, body: "a", url: "mxc://x/a", info };
    const body = bodyOf(new MatrixEvent({ type: "m.room.message", sender: "@ana:x", event_id: "$a", content }), room);
    return body?.kind === "image" || body?.kind === "file" ? body.media : undefined;
  };
  const [animated, unstable] = ["is_animated", "org.matrix.msc4230.is_animated"];
  const looks = { thumbnail_url: "mxc://x/still", "xyz.amorgan.blurhash": "LEHV6nWB2yk8" };
  const known = { poster: "mxc://x/still", blurhash: "LEHV6nWB2yk8" };
  expect(read({ mimetype: "image/webp", [animated]: true, ...looks })).toMatchObject({ animated: true, ...known });
  expect(read({ mimetype: "image/png", [unstable]: true, ...looks })).toMatchObject({ animated: true, ...known });
  expect(read({ mimetype: "image/png", [unstable]: true, [animated]: false })?.animated).toBe(false);
  expect(read({ mimetype: "image/gif", ...looks })).toMatchObject(known);
  expect(read({ mimetype: "image/gif", [animated]: false, ...looks })?.blurhash).toBeUndefined();
  expect(read({ mimetype: "image/webp", [animated]: "yes", ...looks })).not.toHaveProperty("animated");
  expect(read({ mimetype: "image/gif", thumbnail_url: "https://x.org/a" })?.poster).toBeUndefined();
  expect(read({ mimetype: "image/gif", [animated]: true }, "m.file")).not.toHaveProperty("animated");
});
