// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import type { MatrixClient, Room } from "matrix-js-sdk/lib/matrix.js";
import type { Outbox } from "./outbox/outbox.ts";
import { Sending } from "./sending.ts";

test("the server hears that one has stopped typing after it has heard that one types", async () => {
  const answers: (() => void)[] = [];
  const sendTyping = vi.fn(
    (_room: string, _typing: boolean, _timeout: number) => new Promise<void>((resolve) => answers.push(resolve)),
  );
  const client = { sendTyping } as unknown as MatrixClient;
  const sending = new Sending(client, { roomId: "!room:example.org" } as Room, {} as Outbox);
  sending.typing(true);
  sending.typing(false);
  await vi.waitFor(() => expect(sendTyping).toHaveBeenCalledOnce());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sendTyping.mock.calls.map(([, typing]) => typing)).toEqual([true]);
  answers[0]?.();
  await vi.waitFor(() => expect(sendTyping.mock.calls.map(([, typing]) => typing)).toEqual([true, false]));
});

test("what was read is told as the page is closed, without waiting for the next moment to tell it", async () => {
  vi.useFakeTimers();
  const events = ["$1:example.org", "$2:example.org", "$3:example.org"].map((id) => ({
    getId: () => id,
    getTs: () => 0,
  }));
  const room = {
    roomId: "!room:example.org",
    myUserId: "@ana:example.org",
    getLiveTimeline: () => ({ getEvents: () => events }),
    findEventById: (id: string) => events.find((event) => event.getId() === id),
    getEventReadUpTo: () => "$1:example.org",
    getUnfilteredTimelineSet: () => ({ compareEventOrdering: (a: string, b: string) => a.localeCompare(b) }),
  };
  const sendReadReceipt = vi.fn((_event: unknown, _type: unknown) => new Promise<void>(() => undefined));
  const client = { sendReadReceipt, setRoomReadMarkers: async () => ({}) } as unknown as MatrixClient;
  const sending = new Sending(client, room as unknown as Room, {} as Outbox);
  await sending.markRead("$2:example.org");
  expect(sendReadReceipt).not.toHaveBeenCalled();
  window.dispatchEvent(new Event("pagehide"));
  expect(sendReadReceipt.mock.calls.map(([event]) => event)).toEqual([events[1]]);
  vi.useRealTimers();
});
