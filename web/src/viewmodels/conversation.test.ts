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
    shownAt: (id: string) => id,
    showPresent: vi.fn(async () => undefined),
  };
  const details = new Observable({ direct: false });
  const status = new Observable<ConnectionStatus>("connected");
  const room = { sending, timeline, details } as unknown as RoomHandle;
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
  expect(sending.text).toHaveBeenCalledWith("half a thought", undefined);
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
  expect(sending.edit).toHaveBeenCalledWith("$1", "mine, better");
  expect(model.draft).toBe("draft");
});

test("a reaction is taken back by choosing it again", () => {
  const { model, sending } = scene([]);
  const hers = event("$2", false, "hers");
  model.toggleReaction(hers, "👍");
  expect(sending.react).toHaveBeenCalledWith("$2", "👍");
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

test("nothing is read before the server has said what is new", () => {
  const { model, sending, status } = scene([event("$1", false, "stored")]);
  status.set("starting");
  model.seen();
  expect(sending.markRead).not.toHaveBeenCalled();
});
