import {
  createClient,
  Direction,
  MatrixEvent,
  MatrixEventEvent,
  PendingEventOrdering,
  Room,
  RoomEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { TypedReEmitter } from "matrix-js-sdk/lib/ReEmitter.js";
import { expect, test, vi } from "vitest";
import type { Outbox } from "./outbox/outbox.ts";
import { Observable } from "../lib/observable.ts";
import { Timeline } from "./timeline.ts";

const ROOM = "!r:example.org";
const ME = "@ana:example.org";

/** Nothing is on its way. */
const EMPTY = { room: () => new Observable([]) } as unknown as Outbox;

const quiet = () => {};
const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, getChild: () => logger };

const message = (number: number) => ({
  type: "m.room.message",
  event_id: `$${number}`,
  room_id: ROOM,
  sender: ME,
  origin_server_ts: number,
  content: { msgtype: "m.text", body: `message ${number}` },
});

/** A room of which the last messages are known, and pages of 40 before them that arrive when they are let go. */
function scene(known: number[]) {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let next = known[0] ?? 1000;
  const asked = vi.fn();
  const fetchFn = async () => {
    asked();
    await held;
    const chunk = Array.from({ length: 40 }, () => message(--next));
    return new Response(JSON.stringify({ chunk, start: "t", end: `t${next}` }), {
      headers: { "Content-Type": "application/json" },
    });
  };
  const client = createClient({ baseUrl: "https://example.org", userId: ME, accessToken: "T", fetchFn, logger });
  const room = new Room(ROOM, client, ME, { pendingEventOrdering: PendingEventOrdering.Detached });
  client.store.storeRoom(room);
  const arrive = (...numbers: number[]) =>
    room.addLiveEvents(
      numbers.map((number) => new MatrixEvent(message(number))),
      { addToState: false },
    );
  room.getLiveTimeline().setPaginationToken("t", Direction.Backward);
  return { client, room, arrive, asked, release: () => release() };
}

test.each([
  ["none is known yet", []],
  ["some are known", [998, 999]],
])("messages that arrive while older ones are loaded are followed when %s", async (_, known) => {
  const { client, room, arrive, asked, release } = scene(known);
  await arrive(...known);
  const timeline = new Timeline(client, room, EMPTY);
  timeline.snapshot.subscribe(() => {});
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  await arrive(1000, 1001);
  release();
  await vi.waitFor(() => expect(timeline.snapshot.get().loading).toBe(false));
  const { events, hasNewer } = timeline.snapshot.get();
  expect(hasNewer).toBe(false);
  expect(events.length).toBe(40 + known.length + 2);
  expect(events.at(-1)?.id).toBe("$1001");
});

test("far back, the newest messages are let go", async () => {
  const { client, room, arrive, release } = scene([999]);
  await arrive(999);
  release();
  const timeline = new Timeline(client, room, EMPTY);
  timeline.snapshot.subscribe(() => {});
  await vi.waitFor(() => expect(timeline.snapshot.get()).toMatchObject({ loading: false, events: { length: 41 } }));
  for (let page = 0; page < 9; page++) {
    expect(timeline.snapshot.get().hasNewer).toBe(false);
    await timeline.loadOlder();
  }
  expect(timeline.snapshot.get().hasNewer).toBe(true);
  await timeline.showPresent();
  expect(timeline.snapshot.get().hasNewer).toBe(false);
  expect(timeline.snapshot.get().events.at(-1)?.id).toBe("$999");
});

test("what comes later changes what is shown of a message from before", async () => {
  const { client, room, arrive, release } = scene([1000]);
  release();
  // As the client does for rooms that it makes itself.
  const reEmitter = new TypedReEmitter(client);
  reEmitter.reEmit(room, [RoomEvent.Timeline]);
  room.on(RoomEvent.Timeline, (event) => reEmitter.reEmit(event, [MatrixEventEvent.Replaced]));
  const put = (...events: object[]) =>
    room.addLiveEvents(
      events.map((event) => new MatrixEvent({ room_id: ROOM, sender: ME, origin_server_ts: 5, ...event })),
      { addToState: true },
    );
  const member = (displayname: string) => ({
    type: "m.room.member",
    event_id: `$${displayname}`,
    state_key: ME,
    content: { membership: "join", displayname },
  });
  const powers = (own: number) => ({
    type: "m.room.power_levels",
    event_id: `$powers${own}`,
    state_key: "",
    content: { users: { [ME]: own }, events: { "m.room.redaction": 60 }, events_default: 0 },
  });
  await put({ type: "m.room.create", event_id: "$create", state_key: "", content: {} }, member("Ana"), powers(100));
  await arrive(1000);
  const timeline = new Timeline(client, room, EMPTY);
  const stop = timeline.snapshot.subscribe(() => {});
  await vi.waitFor(() => expect(timeline.snapshot.get().loading).toBe(false));
  const shown = () => timeline.snapshot.get().events.find(({ id }) => id === "$1000");
  const eventually = (expected: object) => vi.waitFor(() => expect(shown()).toMatchObject(expected));
  await eventually({ sender: { name: "Ana" }, can: { delete: true }, reactions: [] });
  await arrive(1001);
  await eventually({ sender: { name: "Ana" }, can: { delete: true } });
  await put(member("Anna"));
  await eventually({ sender: { name: "Anna" } });
  await put(powers(50));
  await eventually({ can: { delete: false } });
  const relation = { rel_type: "m.annotation", event_id: "$1000", key: "👍" };
  await put({ type: "m.reaction", event_id: "$reaction", content: { "m.relates_to": relation } });
  await eventually({ reactions: [{ emoji: "👍", count: 1 }] });
  await put({ type: "m.room.redaction", event_id: "$r1", redacts: "$reaction", content: { redacts: "$reaction" } });
  await eventually({ reactions: [] });
  const edit = { rel_type: "m.replace", event_id: "$1000" };
  const content = { msgtype: "m.text", body: "changed" };
  await put({
    type: "m.room.message",
    event_id: "$edit",
    content: { ...content, body: "* changed", "m.new_content": content, "m.relates_to": edit },
  });
  await eventually({ edited: true, body: { text: "changed" } });
  // Read without being watched, too.
  stop();
  expect(shown()).toMatchObject({ sender: { name: "Anna" } });
  await put(member("Anne"));
  expect(shown()).toMatchObject({ sender: { name: "Anne" } });
});
