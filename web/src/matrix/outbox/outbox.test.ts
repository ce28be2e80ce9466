// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MatrixHttpError, ProblemError } from "../errors.ts";
import type { Action, Attachment, OutboxItem } from "./item.ts";
import { Outbox } from "./outbox.ts";
import type { Transport } from "./sender.ts";
import type { OutboxStore } from "./store.ts";

const ROOM = "!r:example.org";
const OTHER = "!other:example.org";
const OFFLINE = new ProblemError({ kind: "offline" });
const FORBIDDEN = new MatrixHttpError(403, "M_FORBIDDEN", undefined, {});
const BROKEN = new MatrixHttpError(500, "M_UNKNOWN", undefined, {});

/** A store whose content outlives the outbox, as a browser's does. */
class Disk implements OutboxStore {
  readonly items = new Map<string, OutboxItem>();
  readonly log: string[] = [];
  load = async () => [...this.items.values()];
  add = async (item: OutboxItem) => this.put(item);
  async put(item: OutboxItem) {
    this.log.push(`put ${item.state}`);
    this.items.set(item.txnId, structuredClone(item));
  }
  async remove({ txnId }: OutboxItem) {
    this.items.delete(txnId);
  }
  async destroy() {
    this.items.clear();
  }
}

/** A server that answers with what the test says; by default it takes everything. */
class Server implements Transport {
  readonly attempts: { txnId: string; action: Action }[] = [];
  uploads = 0;
  answer: (action: Action) => Promise<string> = async () => `$${this.attempts.length}`;
  stored: () => Promise<string> = async () => "mxc://example.org/1";

  async send({ txnId, action }: OutboxItem): Promise<string> {
    this.attempts.push({ txnId, action });
    return this.answer(action);
  }
  async upload() {
    this.uploads++;
    return { url: await this.stored() };
  }
  /** Milliseconds between two messages, and when the last one was sent. */
  pause = 0;
  posted = 0;
  notBefore({ action }: OutboxItem) {
    return action.kind === "event" && action.type === "m.room.message" ? this.posted + this.pause : 0;
  }
  prepare: Transport["prepare"] = async (content) => ({ content });

  get said(): unknown[] {
    return this.attempts.map(({ action }) => (action.kind === "event" ? action.content.body : action.target));
  }
}

const message = (body: string, relation?: object): Action => ({
  kind: "event",
  type: "m.room.message",
  content: { body, ...(relation === undefined ? {} : { "m.relates_to": relation }) },
});

const file: Attachment = { slot: "content", blob: new Blob(["x"]), name: "x.png", type: "image/png" };

const open: Outbox[] = [];
let next = 0;

function start(disk = new Disk(), server = new Server(), name = `outbox-${next++}`) {
  const outbox = new Outbox(name, disk, server);
  open.push(outbox);
  return {
    outbox,
    disk,
    server,
    states: () =>
      outbox
        .room(ROOM)
        .get()
        .map(({ state }) => state),
  };
}

/** Lets everything happen that is due within so many milliseconds. */
const pass = (milliseconds = 0) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  localStorage.clear();
  vi.useFakeTimers();
});

afterEach(() => {
  for (const outbox of open.splice(0)) outbox.stop();
  vi.useRealTimers();
});

test("things go one after the other, and each is kept", async () => {
  const { outbox, disk, server, states } = start();
  for (const body of ["a", "b", "c"]) outbox.add(ROOM, message(body));
  expect(states()).toEqual(["queued", "queued", "queued"]);
  expect(server.attempts).toEqual([]);
  await pass();
  expect(server.said).toEqual(["a", "b", "c"]);
  expect(disk.log.slice(0, 3)).toEqual(["put queued", "put queued", "put queued"]);
  expect(states()).toEqual(["sent", "sent", "sent"]);
  expect(outbox.unsent.get()).toBe(0);
});

test("an event does not wait for the disk, a file does, and neither stays there for good", async () => {
  const { outbox, disk, server } = start();
  const writes: (() => void)[] = [];
  disk.add = (item) => new Promise((resolve) => writes.push(() => resolve(disk.put(item))));
  const text = outbox.add(ROOM, message("text"));
  outbox.add(OTHER, message("picture"), { attachments: [file] });
  await pass();
  expect(server.said).toEqual(["text"]);
  expect(server.uploads).toBe(0);
  // It is back from the server before it is on the disk: what is written after all goes again.
  outbox.echo("$1", text);
  for (const write of writes) write();
  await pass();
  expect(server.uploads).toBe(1);
  expect(server.said).toEqual(["text", "picture"]);
  expect([...disk.items.values()].map(({ roomId }) => roomId)).toEqual([OTHER]);
});

test("what the disk refuses is sent all the same", async () => {
  const { outbox, disk, server } = start();
  disk.add = () => Promise.reject(new Error("full"));
  outbox.add(ROOM, message("text"));
  outbox.add(OTHER, message("picture"), { attachments: [file] });
  await pass();
  expect(server.said).toEqual(["text", "picture"]);
});

test("offline, all wait in their order, and go when the connection returns", async () => {
  const { outbox, server, states } = start();
  server.answer = () => Promise.reject(OFFLINE);
  for (const body of ["a", "b"]) outbox.add(ROOM, message(body));
  await pass();
  expect(states()).toEqual(["waiting", "queued"]);
  expect(outbox.unsent.get()).toBe(2);
  const first = server.attempts[0]?.txnId;
  await pass(120_000);
  server.attempts.length = 0;
  server.answer = async () => "$1";
  outbox.reconnected();
  await pass(1_000);
  expect(server.said).toEqual(["a", "b"]);
  expect(server.attempts[0]?.txnId).toBe(first);
});

test("where a room wants pauses, messages of all kinds keep them, and nothing else waits", async () => {
  const { outbox, server, states } = start();
  Object.assign(server, { pause: 10_000, posted: Date.now() });
  server.answer = async ({ kind }) => {
    if (kind === "event") server.posted = Date.now();
    return `$${server.attempts.length}`;
  };
  outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("b"));
  outbox.add(ROOM, { kind: "redaction", target: "$old" });
  await pass();
  expect(server.said).toEqual(["$old"]);
  expect(states()).toEqual(["waiting", "waiting", "sent"]);
  expect(outbox.room(ROOM).get()[0]?.problem).toEqual({ kind: "slow-mode" });
  await pass(10_000);
  expect(server.said).toEqual(["$old", "a"]);
  await pass(9_000);
  expect(server.said).toHaveLength(2);
  await pass(1_000);
  expect(server.said).toEqual(["$old", "a", "b"]);
});

test("a restart goes on with what was under way, with the same transaction id", async () => {
  const before = start();
  before.server.answer = () => new Promise(() => undefined);
  const txnId = before.outbox.add(ROOM, message("a"));
  await pass();
  before.outbox.stop();
  const after = start(before.disk);
  await pass();
  expect(after.server.attempts[0]?.txnId).toBe(txnId);
  expect(after.states()).toEqual(["sent"]);
});

test("what is refused stays, with its reason, and holds up nobody", async () => {
  const { outbox, server, states } = start();
  server.answer = (action) =>
    action.kind === "event" && action.content.body === "a" ? Promise.reject(FORBIDDEN) : Promise.resolve("$1");
  const txnId = outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("b"));
  await pass();
  expect(states()).toEqual(["refused", "sent"]);
  expect(outbox.get(txnId)?.problem).toEqual({ kind: "forbidden" });
  server.answer = async () => "$2";
  outbox.retry(txnId);
  await pass();
  expect(states()).toEqual(["sent", "sent"]);
});

test("a server that asks for patience gets it", async () => {
  const { outbox, server } = start();
  server.answer = () => Promise.reject(new MatrixHttpError(429, "M_LIMIT_EXCEEDED", 7_000, {}));
  outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("b"));
  await pass(6_900);
  expect(server.attempts).toHaveLength(1);
  server.answer = async () => "$1";
  await pass(200);
  expect(server.said).toEqual(["a", "a", "b"]);
});

test("what only breaks the server steps aside in the end", async () => {
  const { outbox, server, states } = start();
  server.answer = (action) =>
    action.kind === "event" && action.content.body === "a" ? Promise.reject(BROKEN) : Promise.resolve("$1");
  outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("b"));
  await pass(2_000);
  expect(server.said).not.toContain("b");
  await pass(60_000);
  expect(states()).toEqual(["waiting", "sent"]);
});

test("an edit of what is not sent yet waits for its event id", async () => {
  const { outbox, server } = start();
  let release = (_id: string) => {};
  server.answer = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const txnId = outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("better", { rel_type: "m.replace", event_id: txnId }));
  outbox.add(ROOM, message("answer", { "m.in_reply_to": { event_id: txnId } }));
  outbox.add(ROOM, { kind: "redaction", target: txnId });
  await pass();
  expect(server.said).toEqual(["a"]);
  server.answer = async () => "$other";
  release("$a");
  await pass();
  const [, edit, answer, redaction] = server.attempts.map(({ action }) => action);
  expect(edit).toMatchObject({ content: { "m.relates_to": { event_id: "$a" } } });
  expect(answer).toMatchObject({ content: { "m.relates_to": { "m.in_reply_to": { event_id: "$a" } } } });
  expect(redaction).toMatchObject({ target: "$a" });
});

test("a refused message keeps back what refers to it, and takes it along when discarded", async () => {
  const { outbox, disk, server, states } = start();
  server.answer = () => Promise.reject(FORBIDDEN);
  const txnId = outbox.add(ROOM, message("a"));
  const edit = outbox.add(ROOM, message("better", { rel_type: "m.replace", event_id: txnId }));
  outbox.add(ROOM, message("of the edit", { "m.in_reply_to": { event_id: edit } }));
  await pass();
  server.answer = async () => "$1";
  outbox.add(ROOM, message("b"));
  await pass();
  expect(states()).toEqual(["refused", "queued", "queued", "sent"]);
  outbox.discard(txnId);
  await pass();
  expect(states()).toEqual(["sent"]);
  expect(disk.items.size).toBe(1);
});

test("the sync may be quicker than the answer, or bring what had no answer", async () => {
  const { outbox, disk, server } = start();
  server.answer = () => new Promise(() => undefined);
  const txnId = outbox.add(ROOM, message("a"));
  outbox.add(ROOM, message("better", { rel_type: "m.replace", event_id: txnId }));
  await pass();
  server.answer = async () => "$edit";
  outbox.echo("$a", txnId);
  await pass();
  expect(server.attempts).toHaveLength(2);
  expect(server.attempts[1]?.action).toMatchObject({ content: { "m.relates_to": { event_id: "$a" } } });
  outbox.echo("$edit", undefined);
  await pass();
  expect(outbox.room(ROOM).get()).toEqual([]);
  expect(disk.items.size).toBe(0);
  expect(outbox.eventIdOf(txnId)).toBe("$a");
});

test("what no sync brings, for a gap, goes after the second", async () => {
  const { outbox, states } = start();
  outbox.add(ROOM, message("a"));
  await pass();
  outbox.synced();
  expect(states()).toEqual(["sent"]);
  outbox.synced();
  expect(states()).toEqual([]);
});

test("a file is uploaded once, however often its event is tried", async () => {
  const { outbox, server, states } = start();
  server.answer = () => Promise.reject(FORBIDDEN);
  const blob = new Blob(["x"]);
  const attachments = [{ slot: "content" as const, blob, name: "x", type: "text/plain" }];
  const txnId = outbox.add(ROOM, message("x"), { attachments });
  await pass();
  expect(states()).toEqual(["refused"]);
  outbox.retry(txnId);
  await pass();
  expect([server.uploads, server.attempts.length]).toEqual([1, 2]);
});

test("a message waits for the file before it, but not for long", async () => {
  const { outbox, server } = start();
  let release = (_mxc: string) => {};
  server.stored = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const attachments = [{ slot: "content" as const, blob: new Blob(["x"]), name: "x", type: "text/plain" }];
  outbox.add(ROOM, message("file"), { attachments });
  outbox.add(ROOM, message("after"));
  await pass(4_000);
  expect(server.said).toEqual([]);
  await pass(2_000);
  expect(server.said).toEqual(["after"]);
  release("mxc://example.org/1");
  await pass();
  expect(server.said).toEqual(["after", "file"]);
});

test("a discarded upload is stopped", async () => {
  const { outbox, server, states } = start();
  server.stored = () => new Promise(() => undefined);
  const attachments = [{ slot: "content" as const, blob: new Blob(["x"]), name: "x", type: "text/plain" }];
  const txnId = outbox.add(ROOM, message("file"), { attachments });
  outbox.add(ROOM, message("after"));
  await pass();
  expect(states()[0]).toBe("uploading");
  outbox.discard(txnId);
  await pass();
  expect(server.said).toEqual(["after"]);
});

test("of two tabs one sends, and the other takes over", async () => {
  const [disk, server] = [new Disk(), new Server()];
  const first = start(disk, server, "shared");
  await pass();
  const second = start(disk, server, "shared");
  await pass();
  server.answer = () => Promise.reject(OFFLINE);
  const txnId = second.outbox.add(ROOM, message("a"));
  await pass(100);
  await vi.waitFor(() => expect(first.states()).toEqual(["waiting"]));
  expect(second.outbox.get(txnId)?.state).toBe("waiting");
  server.answer = async () => "$a";
  first.outbox.stop();
  await pass(10_000);
  expect(server.attempts.at(-1)?.txnId).toBe(txnId);
  expect(second.states()).toEqual(["sent"]);
});
