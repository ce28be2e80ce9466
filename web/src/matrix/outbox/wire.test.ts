import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import { createClient, KnownMembership, MatrixEvent, Room } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import type { Tokens } from "../tokens.ts";
import type { Action, OutboxItem } from "./item.ts";
import { type Encryption, Wire } from "./wire.ts";

const ROOM = "!r:example.org";
const ME = "@me:example.org";

const quiet = () => {};
const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => logger };

/** An engine that turns everything round. */
const engine = {
  async encryptEvent(event: MatrixEvent) {
    const ciphertext = [...JSON.stringify(event.getContent())].reverse().join("");
    event.makeEncrypted("m.room.encrypted", { ciphertext }, "key", "key");
  },
} as unknown as CryptoBackend;

const encryption: Encryption = {
  engine: async () => engine,
  remembers: async () => false,
  check: async () => undefined,
  attachment: async (blob) => ({ blob, keys: {} }),
  thumbnail: async () => undefined,
};

function scene(options: { encryption?: Encryption; answer?: Response } = {}) {
  const requests: { path: string; body: unknown }[] = [];
  const fetchFn = async (input: RequestInfo | URL, init?: RequestInit) => {
    requests.push({ path: decodeURIComponent(new URL(String(input)).pathname), body: JSON.parse(String(init?.body)) });
    const headers = { "Content-Type": "application/json" };
    return options.answer ?? new Response(JSON.stringify({ event_id: "$1" }), { headers });
  };
  const client = createClient({ baseUrl: "https://example.org", userId: ME, accessToken: "T", fetchFn, logger });
  client.store.storeRoom(new Room(ROOM, client, ME));
  const wire = new Wire(client, "https://example.org", {} as Tokens, options.encryption);
  const notBefore = (action: Action) => wire.notBefore(item(action, false));
  const send = (action: Action, encrypted: boolean) => wire.send(item(action, encrypted), new AbortController().signal);
  return { send, requests, notBefore, room: client.getRoom(ROOM) as Room };
}

const item = (action: Action, encrypted: boolean): OutboxItem => ({
  txnId: "t",
  roomId: ROOM,
  order: 1,
  createdAt: 1,
  action,
  attachments: [],
  encrypted,
  unmeasured: false,
  state: "sending",
});

const message: Action = { kind: "event", type: "m.room.message", content: { body: "secret" } };
const reaction: Action = {
  kind: "event",
  type: "m.reaction",
  content: { "m.relates_to": { rel_type: "m.annotation", event_id: "$0", key: "👍" } },
};

test("an event goes under its transaction id", async () => {
  const { send, requests } = scene();
  expect(await send(message, false)).toBe("$1");
  expect(requests).toEqual([
    { path: `/_matrix/client/v3/rooms/${ROOM}/send/m.room.message/t`, body: { body: "secret" } },
  ]);
});

test("a redaction carries its reason", async () => {
  const { send, requests } = scene();
  await send({ kind: "redaction", target: "$0", reason: "spam" }, true);
  expect(requests).toEqual([{ path: `/_matrix/client/v3/rooms/${ROOM}/redact/$0/t`, body: { reason: "spam" } }]);
});

test("what was written for an encrypted room leaves encrypted", async () => {
  const { send, requests } = scene({ encryption });
  await send(message, true);
  expect(requests[0]?.path).toContain("/send/m.room.encrypted/t");
  expect(JSON.stringify(requests[0]?.body)).not.toContain("secret");
});

test("what the engine remembers to be encrypted stays so, whatever the server says", async () => {
  const { send, requests } = scene({ encryption: { ...encryption, remembers: async (roomId) => roomId === ROOM } });
  await send(message, false);
  expect(requests[0]?.path).toContain("/send/m.room.encrypted/t");
});

test("a reaction stays readable, as in all clients", async () => {
  const { send, requests } = scene({ encryption });
  await send(reaction, true);
  expect(requests[0]?.path).toContain("/send/m.reaction/t");
});

test.each([
  ["there is no encryption", undefined],
  ["the engine could not be loaded", { ...encryption, engine: async () => undefined }],
  [
    "the engine fails",
    {
      ...encryption,
      engine: async () => ({ encryptEvent: () => Promise.reject(new TypeError("broken")) }) as unknown as CryptoBackend,
    },
  ],
  [
    "the engine leaves it as it is",
    { ...encryption, engine: async () => ({ encryptEvent: async () => undefined }) as unknown as CryptoBackend },
  ],
] satisfies [string, Encryption | undefined][])("nothing leaves in the clear when %s", async (_, broken) => {
  const { send, requests } = scene({ encryption: broken });
  await expect(send(message, true)).rejects.toMatchObject({
    problem: { kind: expect.stringMatching(/^(?:no-encryption|not-encrypted)$/) },
  });
  expect(requests).toEqual([]);
});

test("slow mode is kept between messages of all kinds, for members", async () => {
  const { send, notBefore, room } = scene();
  const state = (type: string, key: string, content: object) =>
    new MatrixEvent({
      type,
      state_key: key,
      content: content as never,
      sender: ME,
      event_id: `$${type}`,
      room_id: ROOM,
    });
  room.currentState.setStateEvents([state("m.room.member", ME, { membership: "join" })]);
  room.updateMyMembership(KnownMembership.Join);
  const poll: Action = { kind: "event", type: "m.poll.start", content: {} };
  const edit: Action = {
    kind: "event",
    type: "m.room.message",
    content: { "m.relates_to": { rel_type: "m.replace", event_id: "$0" } },
  };
  await send(message, false);
  expect(notBefore(poll)).toBeLessThanOrEqual(Date.now());
  room.currentState.setStateEvents([state("im2.slow_mode", "", { seconds: 30 })]);
  for (const action of [message, poll]) expect(notBefore(action)).toBeGreaterThan(Date.now() + 20_000);
  for (const action of [edit, reaction]) expect(notBefore(action)).toBe(0);
  const picture = (album: string): Action => ({
    kind: "event",
    type: "m.room.message",
    content: { body: "a.png", "im2.album": album },
  });
  await send(picture("one"), false);
  expect(notBefore(picture("one"))).toBe(0);
  expect(notBefore(picture("two"))).toBeGreaterThan(Date.now());
});

test("a message that is too long is told from a file that is too large", async () => {
  const headers = { "Content-Type": "application/json" };
  const answer = new Response(JSON.stringify({ errcode: "M_TOO_LARGE", error: "too large" }), { status: 413, headers });
  await expect(scene({ answer }).send(message, false)).rejects.toMatchObject({ problem: { kind: "too-long" } });
});
