import { EventEmitter } from "node:events";
import { CryptoEvent, DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api/index.js";
import { type MatrixClient, type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Healing } from "./healing.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A message that can be read from one attempt on. */
function message(session: string, readableAt = Number.POSITIVE_INFINITY) {
  const state = { attempts: 0 };
  const failed = () => state.attempts < readableAt;
  const event = {
    getRoomId: () => "!room",
    getWireContent: () => ({ session_id: session }),
    isDecryptionFailure: failed,
    get decryptionFailureReason() {
      return failed() ? DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID : null;
    },
    attemptDecryption: async () => {
      state.attempts += 1;
      client.emit(MatrixEventEvent.Decrypted, event);
    },
  };
  return { event: event as unknown as MatrixEvent, state };
}

let client: EventEmitter & { getCrypto(): object };
function start(): Healing {
  client = Object.assign(new EventEmitter(), { getCrypto: () => ({}) });
  return new Healing(client as unknown as MatrixClient, [10, 20, 40]);
}

test("a missing key is asked for again until it comes", async () => {
  start();
  const { event, state } = message("one", 2);
  client.emit(MatrixEventEvent.Decrypted, event);
  await vi.advanceTimersByTimeAsync(9);
  expect(state.attempts).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(state.attempts).toBe(1);
  await vi.advanceTimersByTimeAsync(20);
  expect(state.attempts).toBe(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(state.attempts).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
});

test("one message asks for all of its session, and not for ever", async () => {
  start();
  const [first, second] = [message("one"), message("one")];
  client.emit(MatrixEventEvent.Decrypted, first.event);
  client.emit(MatrixEventEvent.Decrypted, second.event);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(first.state.attempts).toBe(3);
  expect(second.state.attempts).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  // But again, once the backup can be read.
  client.emit(CryptoEvent.KeyBackupStatus, true);
  await vi.advanceTimersByTimeAsync(10);
  expect(first.state.attempts).toBe(4);
});

test("of very many keys the oldest are given up, and nothing goes on after the end", async () => {
  const healing = start();
  for (let session = 0; session < 1_000; session++) {
    client.emit(MatrixEventEvent.Decrypted, message(`session ${session}`).event);
  }
  expect(vi.getTimerCount()).toBe(200);
  healing.stop();
  expect(vi.getTimerCount()).toBe(0);
});
