// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { Observable } from "../lib/observable.ts";
import type { RoomHandle } from "../matrix/room.ts";
import type { ConnectionStatus, TimelineEvent, TimelineSnapshot } from "../matrix/types.ts";
import { ConversationModel } from "./conversation.ts";
import { drafts } from "./drafts.ts";

const ROOM = "!room:example.org";

function event(id: string, own: boolean, text: string): TimelineEvent {
  return {
    key: id,
    id,
    sender: { id: own ? "@me:example.org" : "@ana:example.org", name: own ? "Me" : "Ana" },
    own,
    timestamp: 1_000_000,
    body: { kind: "text", style: "text", text },
    status: "sent",
    edited: false,
    reactions: [],
    readBy: [],
    can: { edit: own, delete: own, react: true },
  };
}

/** A room that only notes what it is asked to do. */
function scene(events: TimelineEvent[], readUpTo?: string) {
  const sending = {
    text: vi.fn(async () => undefined),
    edit: vi.fn(async () => undefined),
    react: vi.fn(async () => undefined),
    redact: vi.fn(async () => undefined),
    typing: vi.fn(),
    markRead: vi.fn(async () => undefined),
    readUpTo: () => readUpTo,
  };
  const timeline = {
    snapshot: new Observable<TimelineSnapshot>({
      events,
      loading: false,
      hasOlder: false,
      hasNewer: false,
      failed: false,
    }),
    gaps: new Observable(0),
    isCurrent: () => true,
    has: (id: string) => events.some((event) => event.id === id),
    shownAt: (id: string) => id,
    showPresent: vi.fn(async () => undefined),
    showAfter: vi.fn(async () => true),
  };
  const details = new Observable({ direct: false });
  const status = new Observable<ConnectionStatus>("connected");
  const threads = { rootOf: async () => undefined };
  const room = { threads, sending, timeline, details } as unknown as RoomHandle;
  return { model: new ConversationModel(ROOM, room, status), sending, timeline, status };
}

beforeEach(() => {
  localStorage.clear();
  drafts.set({});
});

test("a draft is kept until it is sent", () => {
  const { model, sending } = scene([]);
  model.typed("half");
  expect(model.draft).toBe("half");
  expect(sending.typing).toHaveBeenLastCalledWith(true);
  model.send("half a thought ");
  expect(sending.text).toHaveBeenCalledWith("half a thought", undefined, {});
  expect(model.draft).toBe("");
  expect(sending.typing).toHaveBeenLastCalledWith(false);
});

test("nothing is sent for blanks, nor for an edit that changes nothing", () => {
  const mine = event("$1", true, "text");
  const { model, sending } = scene([mine]);
  model.send("  \n ");
  model.edit(mine);
  model.send("text");
  expect(sending.text).not.toHaveBeenCalled();
  expect(sending.edit).not.toHaveBeenCalled();
  expect(model.mode.get()).toEqual({ kind: "new" });
});

test("arrow-up edits the last message of one's own, and the draft survives it", () => {
  const { model, sending } = scene([event("$1", true, "mine"), event("$2", false, "hers")]);
  model.typed("draft");
  expect(model.editLast()).toBe(true);
  model.typed("mine, better");
  model.send("mine, better");
  expect(sending.edit).toHaveBeenCalledWith("$1", "mine, better", {});
  expect(model.draft).toBe("draft");
});

test("a reaction is taken back by choosing it again", () => {
  const { model, sending } = scene([]);
  const hers = event("$2", false, "hers");
  model.toggleReaction(hers, "👍");
  expect(sending.react).toHaveBeenCalledWith("$2", "👍", undefined);
  model.toggleReaction({ ...hers, reactions: [{ emoji: "👍", count: 1, mine: "$r", names: [] }] }, "👍");
  expect(sending.redact).toHaveBeenCalledWith("$r");
});

test("the line stands where reading ended, and only where something is new", () => {
  const events = [event("$1", false, "old"), event("$2", false, "new")];
  const types = (model: ConversationModel) => model.snapshot.get().rows.map(({ type }) => type);
  expect(types(scene(events, "$1").model)).toEqual(["day", "message", "unread", "message"]);
  const { model, timeline, sending } = scene(events, "$2");
  model.seen();
  expect(sending.markRead).toHaveBeenCalled();
  timeline.snapshot.set({ ...timeline.snapshot.get(), events: [...events, event("$3", false, "newer")] });
  expect(types(model)).not.toContain("unread");
});

test("rows that say the same stay the same, so that only what is new is drawn", () => {
  const events = [event("$1", false, "one"), event("$2", false, "two"), event("$3", false, "three")];
  const { model, timeline } = scene(events);
  const stop = model.snapshot.subscribe(() => undefined);
  const before = model.snapshot.get().rows;
  timeline.snapshot.set({ ...timeline.snapshot.get(), events: [...events, event("$4", false, "four")] });
  const after = model.snapshot.get().rows;
  expect(after).toHaveLength(before.length + 1);
  // The day and two messages; the third is no longer the last of its sender.
  expect(after.map((row, index) => row === before[index])).toEqual([true, true, true, false, false]);
  stop();
});

test("nothing is read before the server has said what is new", () => {
  const { model, sending, status } = scene([event("$1", false, "stored")]);
  status.set("starting");
  model.seen();
  expect(sending.markRead).not.toHaveBeenCalled();
});

test("after a gap a conversation opens anew at what was read last, whatever its window shows yet", async () => {
  const { model, timeline } = scene([event("$read", false, "old")], "$read");
  expect(timeline.showAfter).not.toHaveBeenCalled();
  let arrive = (_there: boolean) => {};
  timeline.showAfter.mockImplementation(() => new Promise<boolean>((resolve) => (arrive = resolve)));
  // It may come before the view watches the model it was made with.
  timeline.gaps.set(1);
  const stop = model.snapshot.subscribe(() => undefined);
  expect(timeline.showAfter).toHaveBeenCalledWith("$read");
  // Until then nothing is shown, so nothing is read.
  expect(model.snapshot.get().rows).toEqual([]);
  arrive(true);
  await vi.waitFor(() => expect(model.snapshot.get().rows).not.toEqual([]));
  stop();
});

test("whoever comes back is where they were, unless others have written", () => {
  const mine = event("$2", true, "mine");
  const { model, timeline, sending } = scene([event("$1", false, "first"), mine], "$2");
  model.enter();
  const { visit } = model.snapshot.get();
  model.place = { key: "$1", offset: 12 };
  model.reply(mine);
  model.enter();
  expect(model.place).toEqual({ key: "$1", offset: 12 });
  expect(model.mode.get().kind).toBe("reply");
  expect(model.snapshot.get().visit).toBe(visit);

  const events = [...timeline.snapshot.get().events, event("$3", false, "news")];
  timeline.snapshot.set({ ...timeline.snapshot.get(), events });
  model.enter();
  expect(model.place).toBeUndefined();
  expect(model.snapshot.get().visit).toBe(visit + 1);
  expect(sending.readUpTo()).toBe("$2");

  // What was let go since cannot be returned to.
  model.place = { key: "$0", offset: 0 };
  timeline.snapshot.set({ ...timeline.snapshot.get(), events: [mine] });
  model.enter();
  expect(model.place).toBeUndefined();
});

test("what a link leads to is shown, also where the first answer of the server comes while it is fetched", async () => {
  const { model, timeline, status } = scene([event("$read", false, "old")], "$read");
  const stop = model.snapshot.subscribe(() => undefined);
  const fetched: ((there: boolean) => void)[] = [];
  const show = vi.fn(() => new Promise<boolean>((resolve) => fetched.push(resolve)));
  Object.assign(timeline, { show, has: () => false });
  status.set("starting");
  const jumped = model.jumpTo("$far");
  await vi.waitFor(() => expect(show).toHaveBeenCalledOnce());
  status.set("connected");
  timeline.gaps.set(1);
  expect(timeline.showAfter).not.toHaveBeenCalled();
  fetched[0]?.(true);
  await jumped;
  expect(model.jump.get()?.eventId).toBe("$far");
  expect(timeline.showAfter).not.toHaveBeenCalled();
  stop();
});

test("a link that leads nowhere opens the conversation where reading ended", async () => {
  const { model, timeline, status } = scene([event("$read", false, "old")], "$read");
  const stop = model.snapshot.subscribe(() => undefined);
  let fail = (_there: boolean) => {};
  Object.assign(timeline, { show: () => new Promise<boolean>((resolve) => (fail = resolve)), has: () => false });
  status.set("starting");
  const jumped = model.jumpTo("$nowhere");
  await Promise.resolve();
  status.set("connected");
  fail(false);
  await jumped;
  expect(timeline.showAfter).toHaveBeenCalledWith("$read");
  stop();
});
