import { createClient, Direction, MatrixEvent, PendingEventOrdering, Room } from "matrix-js-sdk/lib/matrix.js";
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
