/** Search in the encrypted chats of somebody who has more rooms than are loaded. */
import { expect, type Page, test } from "@playwright/test";
import { call, createRoom, keysPublished, userIdOf } from "./api.ts";
import { Peer } from "./peer.ts";
import { Person } from "./people.ts";

const BASE = process.env.IM2_BASE_URL ?? "";
/** More encrypted chats than are ever loaded ahead, in batches. */
const NEWER = 78;
const AT_ONCE = 13;
/** More than the messages of a room that is loaded. */
const LONG = 30;

const ENCRYPTION = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

/** What the page has asked the server for: rooms that it has loaded, and those whose history it has read. */
function watchRooms(page: Page): { loaded: string; read: string } {
  const seen = { loaded: "", read: "" };
  page.on("request", (request) => {
    const url = decodeURIComponent(request.url());
    if (/\/v3\/sync\?/.test(url)) seen.loaded += url;
    if (/\/messages\?/.test(url)) seen.read += url;
  });
  return seen;
}

async function expectFound(page: Page, term: string, count: number): Promise<void> {
  await page.goto("/");
  await page.getByRole("button", { name: "Search everywhere" }).click();
  await expect(async () => {
    await page.getByLabel("Words or names").fill("");
    await page.getByLabel("Words or names").fill(term);
    await expect(page.locator(".search-found .message-card")).toHaveCount(count, { timeout: 3_000 });
  }).toPass({ timeout: 60_000 });
}

test("encrypted chats that are not loaded are searched, and stay so", async ({ browser }) => {
  test.setTimeout(400_000);
  const ana = await Person.register(browser, "ana");
  await keysPublished(ana.page);
  const peer = await Peer.register(BASE, "peer");
  const rooms: string[] = [];
  for (const name of ["Lamps", "Boats"]) {
    const invite = [await userIdOf(ana.page)];
    const { room_id: roomId } = await peer.client.createRoom({ name, invite, initial_state: [ENCRYPTION] });
    rooms.push(roomId);
    await call(ana.page, "POST", `/join/${encodeURIComponent(roomId)}`, {});
    await peer.encrypted(roomId);
  }
  const [lamps = "", boats = ""] = rooms;
  await peer.client.sendTextMessage(lamps, "the first lantern");
  for (let at = 0; at < LONG; at++) await peer.client.sendTextMessage(lamps, `lamp number ${at}`);
  await peer.client.sendTextMessage(boats, "a lantern at the bow");
  await expect(ana.chat("Lamps")).toContainText(`lamp number ${LONG - 1}`);
  await expect(ana.chat("Boats")).toContainText("a lantern at the bow");
  // Unread encrypted chats are loaded in any case, for they may mention somebody.
  for (const room of rooms.map(encodeURIComponent)) {
    const path = `/rooms/${room}/messages?dir=b&limit=1`;
    const { chunk } = await call<{ chunk: { event_id: string }[] }>(ana.page, "GET", path);
    const newest = encodeURIComponent(chunk[0]?.event_id ?? "");
    await call(ana.page, "POST", `/rooms/${room}/receipt/m.read/${newest}`, {});
  }
  for (let made = 0; made < NEWER; made += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, at) => `Newer ${made + at}`);
    await Promise.all(batch.map((name) => createRoom(ana.page, { name, initial_state: [ENCRYPTION] })));
  }

  const index = ana.page.getByRole("switch", { name: "Keep an index on this device" });
  const clear = ana.page.getByRole("button", { name: "Clear the index" });
  const whole = ana.page.getByText(`${LONG + 2} messages, `);
  await test.step("the index is filled from chats that are not loaded", async () => {
    await ana.page.goto("/settings/storage");
    await expect(whole).toBeVisible({ timeout: 60_000 });
    await index.click();
    await expect(clear).toHaveCount(0);
    await ana.page.getByRole("button", { name: "Clear", exact: true }).first().click();
    // The page is loaded again.
    const loaded = ana.page.waitForEvent("load");
    await ana.page.locator(".dialog").getByRole("button", { name: "Clear" }).click();
    await loaded;
    const seen = watchRooms(ana.page);
    await ana.page.goto("/");
    await expect(ana.page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(NEWER + 2));
    await ana.page.goto("/settings/storage");
    await expect(index).not.toBeChecked();
    await expect(clear).toHaveCount(0);
    await index.click();
    await expect(whole).toBeVisible({ timeout: 120_000 });
    for (const room of rooms) expect(seen.loaded).not.toContain(room);
    expect(seen.read).toContain(lamps);
    await expectFound(ana.page, "lantern", 2);
  });

  await test.step("what came while the client was closed is found, more than a room is loaded with", async () => {
    await ana.page.goto("about:blank");
    await peer.client.sendTextMessage(boats, "the lantern is lit");
    for (let at = 0; at < LONG; at++) await peer.client.sendTextMessage(boats, `boat number ${at}`);
    const seen = watchRooms(ana.page);
    await expectFound(ana.page, "lantern", 3);
    // How far the other one was read is remembered.
    expect(seen.read).not.toContain(lamps);
  });
  peer.stop();
  await ana.close();
});
