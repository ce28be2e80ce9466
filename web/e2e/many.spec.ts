import { expect, test } from "@playwright/test";
import { userIdOf } from "./api.ts";
import { Person } from "./people.ts";

const ROOMS = 5000;

/** A first sync with many rooms: one message each, the last one the newest. */
function manyRooms(userId: string): object {
  const join: Record<string, object> = {};
  for (let index = 0; index < ROOMS; index++) {
    const origin_server_ts = Date.now() - (ROOMS - index) * 60_000;
    const event = (type: string, content: object, state_key?: string, sender = userId) => ({
      type,
      content,
      state_key,
      sender,
      origin_server_ts,
      event_id: `$${type}-${index}`,
    });
    join[`!room-${index}:example.org`] = {
      state: {
        events: [
          event("m.room.create", { room_version: "11" }, ""),
          event("m.room.member", { membership: "join" }, userId),
          event("m.room.name", { name: `Room ${index}` }, ""),
        ],
      },
      timeline: {
        events: [
          event("m.room.message", { msgtype: "m.text", body: `Message ${index}` }, undefined, "@bo:example.org"),
        ],
        limited: true,
        prev_batch: "p",
      },
      unread_notifications: { notification_count: index % 7 === 0 ? 3 : 0, highlight_count: 0 },
    };
  }
  return { next_batch: "many", rooms: { join } };
}

test("five thousand conversations cost no more than those in sight", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const sync = manyRooms(await userIdOf(page));
  // The store of the first session would make this sync an incremental one.
  await page.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) if (name !== undefined) indexedDB.deleteDatabase(name);
  });
  await page.route("**/_matrix/client/v3/sync?**", async (route) => {
    if (!route.request().url().includes("since=")) await route.fulfill({ json: sync });
  });
  const started = Date.now();
  await page.goto("/");
  const list = page.locator(".chats__list");
  await expect(ana.chat(`Room ${ROOMS - 1}`)).toBeVisible();
  test.info().annotations.push({ type: "first list (ms)", description: String(Date.now() - started) });
  expect(await page.locator(".chat-row").count()).toBeLessThan(60);

  await test.step("scrolling renders within a frame", async () => {
    const slowest = await list.evaluate(async (element) => {
      const frames: number[] = [];
      let last = performance.now();
      for (let step = 0; step < 60; step++) {
        element.scrollTop += 900;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
      }
      return frames.sort((a, b) => a - b)[Math.floor(frames.length / 2)] ?? 0;
    });
    test.info().annotations.push({ type: "median frame (ms)", description: slowest.toFixed(1) });
    // 60 frames per second on a machine of its own; this bound holds on a busy one.
    expect(slowest).toBeLessThan(50);
  });

  await test.step("the last one is reached, and filters are instant", async () => {
    await list.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect(page.locator(`[aria-posinset="${ROOMS}"]`)).toContainText("Room 0");
    await page.getByRole("button", { name: "Unread" }).click();
    await expect(page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(Math.ceil(ROOMS / 7)));
  });
  await ana.close();
});
