/** Search where the server can read nothing: an index in the browser, and one list with what the server finds. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { chromium, expect, type Locator, type Page, test } from "@playwright/test";
import { call, createRoom, keysPublished, sendText, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { freshName, Person } from "./people.ts";

/** What a search in the open conversation finds. */
async function searchHere(page: Page, term: string): Promise<Locator> {
  if ((await page.getByLabel("Words in messages").count()) === 0)
    await page.locator(".header").getByRole("button", { name: "Search this conversation" }).click();
  await page.getByLabel("Words in messages").fill(term);
  return page.locator(".details .message-card");
}

/** Searches again until as many messages are found: what has just come is entered a moment later. */
async function expectFound(page: Page, term: string, count: number): Promise<void> {
  const search = async () => {
    await searchHere(page, "");
    const found = await searchHere(page, term);
    await expect(page.locator(".drawer__scroll")).toHaveAttribute("aria-busy", "false");
    await page.waitForFunction(() => document.querySelector(".details .message-card, .details .drawer__none") !== null);
    return found.count();
  };
  await expect.poll(search, { timeout: 60_000 }).toBe(count);
}

async function searchEverywhere(page: Page, term: string): Promise<Locator> {
  await page.getByRole("button", { name: "Search everywhere" }).click();
  await page.getByLabel("Words or names").fill(term);
  return page.locator(".search-found .message-card");
}

test("encrypted messages are found in their chat and everywhere, as they are now", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("The Lighthouse keeper drinks 上好的乌龙茶");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("Lighthouse")).toBeVisible();
  const room = bo.page.url();

  await test.step("by the beginning of a word, and by any two characters that follow each other", async () => {
    await expectFound(bo.page, "lighth", 1);
    await expect(bo.page.locator(".details mark")).toHaveText("Lighth");
    await expect(bo.page.locator(".search-scope")).toContainText("searched on this device");
    await expectFound(bo.page, "龙茶", 1);
    await expectFound(bo.page, "茶龙", 0);
    await expect(bo.page.locator(".drawer__none")).toContainText("No message with");
    await searchHere(bo.page, "keeper");
    await look(bo.page, "search-encrypted");
  });

  await test.step("an edit changes what is found, a deletion takes it away", async () => {
    await ana.say("Meet me at the harbour");
    await ana.act("Meet me at the harbour", "Edit");
    await ana.composer.fill("Meet me at the windmill");
    await ana.composer.press("Enter");
    await expect(bo.message("windmill")).toBeVisible();
    await expectFound(bo.page, "windmill", 1);
    await expectFound(bo.page, "harbour", 0);
    await ana.act("Meet me at the windmill", "Delete");
    await ana.page.locator(".dialog .button--danger").click();
    await expect(bo.page.locator(".bubble--deleted")).toBeVisible();
    await expectFound(bo.page, "windmill", 0);
  });

  await test.step("everywhere, with what the server finds, newest first", async () => {
    const name = freshName("Harbour club");
    const plain = await createRoom(ana.page, { preset: "private_chat", name, invite: [await userIdOf(bo.page)] });
    await call(bo.page, "POST", `/join/${encodeURIComponent(plain)}`, {});
    await sendText(ana.page, plain, "The lighthouse of the club is public");
    await bo.page.goto("/");
    const found = await searchEverywhere(bo.page, "lighthouse");
    await expect(found).toHaveCount(2);
    await expect(found.nth(0)).toContainText(name);
    await expect(found.nth(1)).toContainText("乌龙茶");
    await look(bo.page, "search-everywhere");
    await found.nth(1).locator("button").first().click();
    await expect(bo.message("Lighthouse keeper")).toHaveClass(/message--marked/);
    await bo.page.getByLabel("Words or names").press("Escape");
    await expect(bo.page.getByRole("button", { name: "Search everywhere" })).toBeFocused();
  });

  await test.step("without the server, what is here is still found, and the rest is said to be missing", async () => {
    await bo.page.route("**/_matrix/client/v3/search*", (route) => route.abort());
    const found = await searchEverywhere(bo.page, "lighthouse");
    await expect(found).toHaveCount(1);
    await expect(bo.page.locator(".search-found .notice--problem")).toBeVisible();
    await bo.page.unroute("**/_matrix/client/v3/search*");
    await bo.page.locator(".search-found").getByRole("button", { name: "Try again" }).click();
    await expect(found).toHaveCount(2);
    await bo.page.getByLabel("Words or names").press("Escape");
  });

  await test.step("the index is cleared, switched off and on in the settings, and fills itself from the history", async () => {
    for (let at = 0; at < 45; at++) {
      await ana.composer.fill(`filler number ${at}`);
      await ana.composer.press("Enter");
    }
    await expect(ana.message("filler number 44")).toHaveAttribute("data-status", "sent", { timeout: 30_000 });
    await bo.page.goto("/settings/storage");
    const index = bo.page.getByRole("switch", { name: "Keep an index on this device" });
    await expect(index).toBeChecked();
    await expect(bo.page.getByText(/\d+ messages, /)).toBeVisible();
    await look(bo.page, "settings-search-index");
    await index.click();
    await expect(index).not.toBeChecked();
    await expect(bo.page.getByRole("button", { name: "Clear the index" })).toHaveCount(0);
    const databases = () =>
      bo.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? "").join("\n"));
    await expect.poll(databases).not.toContain("im2.search:");
    // Nor does the rest of what is kept here know the beginning: the next start has the newest twenty events.
    await bo.page.getByRole("button", { name: "Clear", exact: true }).first().click();
    await bo.page.locator(".dialog").getByRole("button", { name: "Clear" }).click();
    await expect(bo.page.getByRole("switch", { name: "Keep an index on this device" })).not.toBeChecked();
    await bo.page.goto(room);
    await expect(bo.message("filler number 44")).toBeVisible();
    await searchHere(bo.page, "Lighthouse");
    await expect(bo.page.locator(".search-scope")).toContainText("is off");
    await bo.page.goto("/settings/storage");
    await index.click();
    await expect(bo.page.getByText(/\d+ messages, /)).toBeVisible();
    await bo.page.goto(room);
    await expectFound(bo.page, "乌龙茶", 1);
  });

  await test.step("signing out takes it along", async () => {
    await bo.page.goto("/settings/account");
    await bo.page.locator(".settings-list__leave").click();
    await bo.page.locator(".dialog .button--danger").click();
    await expect(bo.page.locator("input[type=password]")).toBeVisible();
    const names = () => bo.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ""));
    await expect.poll(async () => (await names()).filter((name) => name.includes(bo.name))).toEqual([]);
  });
  await bo.close();
  await ana.close();
});

/** Everything that a browser has written to its disk, as bytes. */
function diskOf(folder: string): Buffer {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  return Buffer.concat(
    files.flatMap((file) => {
      try {
        return statSync(file).isFile() ? readFileSync(file) : [];
      } catch {
        // Gone between the two: the browser is at work.
        return [];
      }
    }),
  );
}

const holds = (disk: Buffer, word: string) => disk.includes(word, 0, "utf8") || disk.includes(word, 0, "utf16le");

test("the words of encrypted messages are nowhere on the disk in the clear", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  const folder = test.info().outputPath("profile");
  const { launchOptions, ...options } = test.info().project.use;
  const context = await chromium.launchPersistentContext(folder, { ...launchOptions, ...(options as object) });
  const bo = await Person.registerIn(context, "bo");
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  // Words that nothing else has.
  const [secret, open, kept] = ["Zitronenfalter", "Distelfink", "Wiedehopf"];
  await ana.say(`Have you seen the ${secret}?`);
  await bo.acceptInvitation(ana.name);
  await expect(bo.message(secret)).toBeVisible();
  await expectFound(bo.page, secret.slice(0, 7), 1);

  await test.step("nor are those that wait to be sent", async () => {
    await context.setOffline(true);
    await bo.page
      .locator("input[type=file]")
      .last()
      .setInputFiles({
        name: "bird.txt",
        mimeType: "text/plain",
        buffer: Buffer.from(`the ${kept} sings `.repeat(50)),
      });
    await bo.page.getByRole("dialog").getByRole("button", { name: "Send 1 file" }).click();
    await expect(bo.page.locator(".upload", { hasText: "bird.txt" })).toBeVisible();
  });

  // A message of a room that is not encrypted is what the search of the disk has to find.
  await context.setOffline(false);
  const plain = await createRoom(ana.page, {
    preset: "private_chat",
    name: "Birds",
    invite: [await userIdOf(bo.page)],
  });
  await call(bo.page, "POST", `/join/${encodeURIComponent(plain)}`, {});
  await sendText(ana.page, plain, `A ${open} on the fence`);
  await expect(bo.chat("Birds")).toContainText(open);
  // The state of the sync is stored when the window is left.
  await bo.page.evaluate(() => {
    window.dispatchEvent(new Event("pagehide"));
  });
  await expect.poll(() => holds(diskOf(folder), open), { timeout: 30_000 }).toBe(true);
  await context.close();
  const disk = diskOf(folder);
  expect(holds(disk, open)).toBe(true);
  expect(holds(disk, secret)).toBe(false);
  expect(holds(disk, kept)).toBe(false);
  await ana.close();
});
