import { EventEmitter } from "node:events";
import {
  ClientEvent,
  MatrixEventEvent,
  RoomEvent,
  type MatrixClient,
  type MatrixEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Conversations } from "./conversations.ts";
import { type Notice, watchNotices } from "./notices.ts";

const ROOM = "!room:example.org";

/** An encrypted message whose key is not here. */
class Encrypted extends EventEmitter {
  text: string | undefined;
  isBeingDecrypted = () => true;
  shouldAttemptDecryption = () => false;
  isDecryptionFailure = () => this.text === undefined;
  getRoomId = () => ROOM;
  getSender = () => "@bo:example.org";
  getId = () => "$event:example.org";
  getTs = () => Date.now();
  isState = () => false;
  isRelation = () => false;
  isRedacted = () => false;
  getType = () => (this.text === undefined ? "m.room.encrypted" : "m.room.message");
  getContent = () => ({ msgtype: "m.text", body: this.text });
  decrypted(text?: string) {
    this.text = text;
    this.emit(MatrixEventEvent.Decrypted, this);
  }
}

function watch() {
  const room = { roomId: ROOM, name: "Kitchen", hasUserReadEvent: () => false, getMember: () => null };
  const client = Object.assign(new EventEmitter(), {
    getRoom: () => room,
    getUserId: () => "@ana:example.org",
    getSafeUserId: () => "@ana:example.org",
    isUserIgnored: () => false,
    getPushActionsForEvent: () => ({ notify: true, tweaks: {} }),
  });
  const told: Notice["body"][] = [];
  const conversations = { get: () => undefined } as unknown as Conversations;
  watchNotices(client as unknown as MatrixClient, conversations, ({ body }) => told.push(body));
  const event = new Encrypted();
  client.emit(RoomEvent.Timeline, event as unknown as MatrixEvent, room, false, false, { liveEvent: true });
  client.emit(ClientEvent.Sync);
  return { event, told };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a message whose key comes a moment after it is told of once, with its text", () => {
  const { event, told } = watch();
  event.decrypted();
  vi.advanceTimersByTime(1_000);
  event.decrypted();
  expect(told).toEqual([]);
  event.decrypted("hello");
  expect(told).toMatchObject([{ kind: "text", text: "hello" }]);
  vi.advanceTimersByTime(60_000);
  event.decrypted("hello");
  expect(told).toHaveLength(1);
});

test("a message whose key does not come is told of without its text", () => {
  const { event, told } = watch();
  event.decrypted();
  vi.advanceTimersByTime(4_000);
  expect(told).toMatchObject([{ kind: "encrypted" }]);
  event.decrypted("hello");
  expect(told).toHaveLength(1);
});
