/** Links from elsewhere, and what one takes along. */
import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

test("links of the matrix scheme open inside", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const { page } = ana;
  const bot = await userIdOf(bo.page);
  const room = await createRoom(page, { name: "Kitchen" });
  const event = await sendText(page, room, "Dinner is ready");
  const open = (uri: string) => page.goto(`/open?uri=${encodeURIComponent(uri)}`);

  await open(`matrix:u/${bot.slice(1)}?action=chat`);
  await expect(page).toHaveURL(/\/u\/@bo/);
  await expect(page.getByRole("heading", { name: bo.name })).toBeVisible();
  await open(`matrix:roomid/${room.slice(1)}/e/${event.slice(1)}`);
  await expect(page).toHaveURL(/\/room\//);
  await expect(ana.message("Dinner is ready")).toBeVisible();
  await open(`https://matrix.to/#/${bot}`);
  await expect(page).toHaveURL(/\/u\/@bo/);
  await open("matrix:x/nothing");
  await expect(page.getByRole("heading", { name: "That link leads nowhere" })).toBeVisible();

  await page.evaluate(() => {
    const asked: string[] = [];
    Object.assign(window, { asked });
    navigator.registerProtocolHandler = (scheme, url) => void asked.push(scheme, String(url));
  });
  await page.locator(".rail__link", { hasText: "Settings" }).click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("button", { name: "Open them with IM2" }).click();
  const asked = await page.evaluate(() => (window as unknown as { asked: string[] }).asked);
  expect(asked).toEqual(["matrix", `${new URL(page.url()).origin}/open?uri=%s`]);
  await look(page, "settings-account");
  await bo.close();
  await ana.close();
});

test("what the server keeps about an account is one file", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const me = await userIdOf(page);
  const room = await createRoom(page, { name: "Kitchen" });
  await sendText(page, room, "not for the file");
  await call(page, "PUT", `/user/${encodeURIComponent(me)}/rooms/${encodeURIComponent(room)}/tags/m.favourite`, {});
  await page.goto("/settings/account");
  const downloading = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export my data" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^im2-account-\d{4}-\d\d-\d\d\.json$/);
  const text = await readFile(await download.path(), "utf8");
  expect(text).not.toContain("not for the file");
  const content = JSON.parse(text) as { user_id: string; devices: unknown[]; rooms: { room_id: string }[] };
  expect(content.user_id).toBe(me);
  expect(content.devices).toHaveLength(1);
  expect(content.rooms).toMatchObject([
    {
      room_id: room,
      membership: "join",
      state: expect.arrayContaining([{ type: "m.room.name", content: { name: "Kitchen" } }]),
      account_data: expect.arrayContaining([expect.objectContaining({ type: "m.tag" })]),
    },
  ]);
  await ana.close();
});
