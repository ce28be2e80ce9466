import { expect, test } from "vitest";
import { describe, isMoment, readPush } from "./notice.ts";
import type { PushOptions } from "./store.ts";

const QUIET = { on: false, from: "22:00", to: "07:00", zone: "UTC" };
const options = (change: Partial<PushOptions> = {}): PushOptions => ({
  catalogue: "en",
  locale: "en",
  preview: true,
  sound: true,
  quiet: QUIET,
  ...change,
});
const message = (content: object, more: object = {}) => ({
  type: "m.room.message",
  sender: "@ana:example.org",
  senderName: "Ana",
  content: content as Record<string, unknown>,
  ...more,
});

test("the three kinds of what is pushed, and nothing else", () => {
  expect(readPush({ app_id: "im2.web", ack_token: "t" })).toEqual({ kind: "activation", appId: "im2.web", token: "t" });
  expect(readPush({ notification: { counts: { unread: 0 }, devices: [{ data: { account: "@bo:x" } }] } })).toEqual({
    kind: "counts",
    userId: "@bo:x",
    unread: 0,
  });
  const notification = {
    event_id: "$e",
    room_id: "!r",
    type: "m.room.message",
    sender: "@ana:x",
    sender_display_name: "Ana",
    room_name: "Kitchen",
    content: { body: "hi" },
    counts: { unread: 2 },
    devices: [{ tweaks: { sound: "default" }, data: { account: "@bo:x" } }],
  };
  expect(readPush({ notification })).toEqual({
    kind: "event",
    userId: "@bo:x",
    roomId: "!r",
    eventId: "$e",
    unread: 2,
    sound: true,
    event: {
      type: "m.room.message",
      sender: "@ana:x",
      senderName: "Ana",
      roomName: "Kitchen",
      content: { body: "hi" },
    },
  });
  // Too large for its content, and for who it is from.
  expect(readPush({ notification: { event_id: "$e", room_id: "!r", prio: "high" } })).toMatchObject({
    kind: "event",
    sound: false,
    event: { type: undefined, content: undefined },
  });
  for (const other of [null, 7, "text", {}, { notification: { event_id: 5, room_id: "!r" } }, { ack_token: "t" }])
    expect(readPush(other)).toBeUndefined();
});

test.each([
  [{ msgtype: "m.text", body: "Dinner\nis ready" }, "Dinner is ready"],
  [{ msgtype: "m.text", body: "> <@bo:x> before\n> more\n\nafter" }, "after"],
  [{ msgtype: "m.emote", body: "waves" }, "Ana waves"],
  [{ msgtype: "m.image", body: "cat.png" }, "Sent a photo"],
  [{ msgtype: "m.image", body: "Look at her", filename: "cat.png" }, "Look at her"],
  [{ msgtype: "m.file", body: "plan.pdf" }, "Sent a file: plan.pdf"],
  [{ msgtype: "org.example.new", body: "something" }, "something"],
  [{ msgtype: "m.text" }, "New message"],
])("what %j says", (content, said) => {
  expect(describe(message(content), options())).toEqual({ title: "Ana", body: said });
});

test("the title names who and where", () => {
  const said = { msgtype: "m.text", body: "hi" };
  expect(describe(message(said, { roomName: "Kitchen" }), options()).title).toBe("Ana in Kitchen");
  expect(describe(message(said, { senderName: "@ana:example.org" }), options()).title).toBe("ana");
  expect(describe(message(said, { senderName: "Ann\u202ea" }), options()).title).toBe("Anna");
  const chinese = options({ catalogue: "zh", locale: "zh-CN" });
  expect(describe(message(said, { roomName: "厨房" }), chinese).title).toBe("厨房：Ana");
});

test("what is encrypted, and what somebody does not want to be shown, is a new message", () => {
  const secret = { type: "m.room.encrypted", sender: "@ana:example.org", content: { ciphertext: "AAAA" } };
  expect(describe(secret, options())).toEqual({ title: "ana", body: "New message" });
  const hidden = describe(message({ msgtype: "m.text", body: "secret" }), options({ preview: false }));
  expect(hidden).toEqual({ title: "Ana", body: "New message" });
});

test("invitations, polls and stickers", () => {
  const member = (membership: string, more: object = {}) => message({ membership }, { type: "m.room.member", ...more });
  expect(describe(member("invite"), options()).body).toBe("Invites you to a chat");
  expect(describe(member("invite", { roomName: "Kitchen" }), options()).body).toBe("Invites you to Kitchen");
  const poll = { "m.poll": { question: { "m.text": [{ body: "Tea or coffee?" }] } } };
  expect(describe(message(poll, { type: "m.poll.start" }), options()).body).toBe("Asks: Tea or coffee?");
  expect(describe(message({ body: "cat" }, { type: "m.sticker" }), options()).body).toBe("Sent a sticker");
});

test("quiet hours are no moment", () => {
  const night = Date.UTC(2026, 0, 1, 23);
  expect(isMoment(options(), night)).toBe(true);
  expect(isMoment(options({ quiet: { ...QUIET, on: true } }), night)).toBe(false);
});

test("a call is said to be one, also where what messages say is hidden, and when it is over", () => {
  const call = (content: object) => message(content, { type: "org.matrix.msc4075.rtc.notification" });
  const ring = call({ notification_type: "ring", sender_ts: 1_000_000, lifetime: 30_000 });
  expect(describe(ring, options(), 1_010_000)).toEqual({ title: "Ana", body: "Is calling you" });
  expect(describe(ring, options({ preview: false }), 1_010_000).body).toBe("Is calling you");
  expect(describe(ring, options({ catalogue: "zh", locale: "zh-CN" }), 1_040_000).body).toBe("曾呼叫你");
  expect(describe(call({ notification_type: "notification" }), options()).body).toBe("Started a call");
  expect(describe({ ...ring, content: undefined }, options()).body).toBe("Is calling you");
});
