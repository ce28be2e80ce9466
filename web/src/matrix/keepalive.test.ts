import { expect, test, vi } from "vitest";
import { withKeepalive } from "./keepalive.ts";

const ROOM = "https://example.org/_matrix/client/v3/rooms/!room:example.org";

test("receipts and leaving a call outlive the page, and nothing else does", async () => {
  const ask = vi.fn(async (_input: RequestInfo | URL, _init?: RequestInit) => new Response());
  const fetch = withKeepalive(ask);
  const outlives = async (path: string) => {
    await fetch(new URL(ROOM + path), { method: "POST" });
    return ask.mock.lastCall?.[1]?.keepalive === true;
  };
  expect(await outlives("/receipt/m.read/$event")).toBe(true);
  expect(await outlives("/read_markers")).toBe(true);
  const unstable = "https://example.org/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
  const delayed = async (action: string) => {
    await fetch(`${unstable}/id/${action}`, { method: "POST" });
    return ask.mock.lastCall?.[1]?.keepalive === true;
  };
  expect(await delayed("send")).toBe(true);
  expect(await delayed("restart")).toBe(false);
  expect(await outlives("/send/m.room.message/1")).toBe(false);
  expect(await outlives("/typing/@ana:example.org")).toBe(false);
});
