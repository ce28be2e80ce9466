/** Reading: where a conversation opens, and what counts as read. */
import { expect, type Page, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { freshName, Person } from "./people.ts";

const UNREAD = 120;

let ana: Person;
let bo: Person;

test.beforeAll(async ({ browser }) => {
  ana = await Person.register(browser, "ana");
  bo = await Person.register(browser, "bo");
});

test.afterAll(async () => {
  await ana.close();
  await bo.close();
});

/** A room that both are in, and in which Ana has read what there is. */
async function room(): Promise<{ roomId: string; name: string }> {
  const name = freshName("News");
  const roomId = await createRoom(bo.page, { name, preset: "public_chat" });
  await call(ana.page, "POST", `/join/${encodeURIComponent(roomId)}`, {});
  await sendText(bo.page, roomId, "Read long ago.");
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.message("Read long ago.")).toBeVisible();
  const me = await userIdOf(ana.page);
  // The receipt has arrived at the server.
  await expect(ana.chat(name).locator(".badge")).toHaveCount(0);
  await expect
    .poll(async () => JSON.stringify(await call(bo.page, "GET", "/sync")).includes(`"m.read":{"${me}"`))
    .toBe(true);
  return { roomId, name };
}

async function fill(roomId: string): Promise<void> {
  for (let index = 1; index <= UNREAD; index++) await sendText(bo.page, roomId, `News number ${index}.`);
}

/** How many messages the server counts as unread. */
async function unreadAtServer(page: Page, roomId: string): Promise<number> {
  const filter = encodeURIComponent(JSON.stringify({ room: { rooms: [roomId], timeline: { limit: 1 } } }));
  const sync = await call<{
    rooms: { join: Record<string, { unread_notifications: { notification_count: number } }> };
  }>(page, "GET", `/sync?filter=${filter}`);
  return sync.rooms.join[roomId]?.unread_notifications.notification_count ?? -1;
}

/** The line stands above the first unread message, and both are in sight. */
async function expectOpenAtFirst(): Promise<void> {
  await expect(ana.page.locator(".timeline__unread")).toBeInViewport();
  const after = ana.page.locator(".timeline__unread + .message");
  // A request that was under way when the connection was lost may still bring the first.
  await expect(after).toContainText(/News number [12]\./);
  await expect(after).toBeInViewport();
  await expect(ana.page.getByRole("button", { name: "Jump to the newest message" })).toBeVisible();
}

test("a conversation with 120 unread messages opens at the first, and only what is seen is read", async () => {
  const { roomId, name } = await room();
  await ana.page.goto("/");
  await expect(ana.chat(name)).toBeVisible();
  await fill(roomId);
  await expect(ana.chat(name).locator(".badge")).toHaveText(/^(99\+|120)$/);
  await ana.chat(name).click();
  await expectOpenAtFirst();
  await ana.page.screenshot({ path: "test-output/screens/unread-line.png" });

  await test.step("reading on marks as read what has come into view", async () => {
    await expect.poll(() => unreadAtServer(ana.page, roomId)).toBeLessThan(UNREAD);
    const before = await unreadAtServer(ana.page, roomId);
    expect(before).toBeGreaterThan(UNREAD - 40);
    await ana.page.locator(".timeline__scroller").hover();
    await ana.page.mouse.wheel(0, 1200);
    await expect.poll(() => unreadAtServer(ana.page, roomId)).toBeLessThan(before);
    expect(await unreadAtServer(ana.page, roomId)).toBeGreaterThan(30);
  });

  await test.step("leaving and coming back goes on where one was", async () => {
    await ana.page.goto("/");
    await ana.chat(name).click();
    await expect(ana.page.locator(".timeline__unread")).toBeInViewport();
    await expect(ana.message(`News number ${UNREAD}.`)).not.toBeInViewport();
  });

  await test.step("the newest marks all as read", async () => {
    await ana.page.getByRole("button", { name: "Jump to the newest message" }).click();
    await expect(ana.message(`News number ${UNREAD}.`)).toBeInViewport();
    await expect.poll(() => unreadAtServer(ana.page, roomId)).toBe(0);
    await expect(ana.chat(name).locator(".badge")).toHaveCount(0);
  });
});

test("what has come while one was away is unread after a reload, too", async () => {
  const { roomId } = await room();
  await ana.page.goto("about:blank");
  await fill(roomId);
  await ana.page.goto(`/room/${roomId}`);
  await expectOpenAtFirst();
  expect(await unreadAtServer(ana.page, roomId)).toBeGreaterThan(UNREAD - 40);
});

test("what has come while the connection was lost is shown from its beginning", async () => {
  const { roomId } = await room();
  await ana.page.context().setOffline(true);
  await fill(roomId);
  await ana.page.context().setOffline(false);
  await expectOpenAtFirst();
  expect(await unreadAtServer(ana.page, roomId)).toBeGreaterThan(UNREAD - 40);
});
