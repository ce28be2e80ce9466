import { expect, type Page, test } from "@playwright/test";
import { call, createRoom, identityPublished, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { PASSWORD, Person, signIn } from "./people.ts";

const contactsPath = (userId: string) => `/user/${encodeURIComponent(userId)}/account_data/im2.contacts`;

/** What the server has, as anybody who runs it would read it. */
async function onServer(page: Page): Promise<string> {
  return JSON.stringify(await call(page, "GET", contactsPath(await userIdOf(page))));
}

/** Makes and saves a recovery key. */
async function setUpRecovery(page: Page): Promise<string> {
  await page.locator(".reminder").getByRole("button", { name: "Set up" }).click({ timeout: 30_000 });
  await expect(page.locator("output.recovery-key")).toHaveText(/^(\w{4} ?)+$/);
  const key = (await page.locator("output.recovery-key").textContent()) ?? "";
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  await download;
  await page.getByRole("button", { name: "I have saved it" }).click();
  await expect(page.locator(".dialog")).toContainText("Your messages are safe", { timeout: 30_000 });
  await page.locator(".dialog .button--primary").click();
  return key;
}

async function enterRecoveryKey(page: Page, key: string): Promise<void> {
  await page.getByRole("button", { name: "Use your recovery key" }).click();
  await page.getByLabel("Recovery key or passphrase").fill(key);
  await page.getByRole("button", { name: "Verify", exact: true }).last().click();
  await expect(page.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
  await page.locator(".dialog .button--primary").click();
}

const remark = (page: Page) => page.locator("input[name=remark]");
const tags = (page: Page) => page.locator("input[name=tags]");
const save = (page: Page) => page.getByRole("button", { name: "Save", exact: true }).click();
const notice = (page: Page) => page.locator(".locked-notes").first();

test("remarks are sealed with the secret storage, and open in every verified session by themselves", async ({
  browser,
}) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const boId = await userIdOf(bo.page);
  await identityPublished(ana.page);
  let key = "";

  await test.step("before anything is set up the server has them as they are; afterwards it has no word of them", async () => {
    await ana.page.goto(`/u/${boId}`);
    await remark(ana.page).fill("Zitronenfalter");
    await tags(ana.page).fill("bakery");
    await save(ana.page);
    await expect(ana.page.locator(".person__name")).toHaveText("Zitronenfalter");
    await expect.poll(() => onServer(ana.page).catch(String)).toContain("Zitronenfalter");
    await ana.page.goto("/");
    key = await setUpRecovery(ana.page);
    await expect.poll(() => onServer(ana.page)).not.toContain("Zitronenfalter");
    expect(await onServer(ana.page)).not.toMatch(/bakery|@bo/);
    expect(await onServer(ana.page)).toMatch(/^{"algorithm":"im2\.sealed\.v1","sealed":{"[\da-f]{16}":{/);
  });

  const second = await signIn(browser, ana.name);
  const before = await onServer(ana.page);
  await test.step("a session that is not verified sees nothing, says so, and harms nothing", async () => {
    await second.goto(`/u/${boId}`);
    await expect(notice(second)).toContainText("Verify this session to see them", { timeout: 30_000 });
    await expect(remark(second)).toHaveValue("");
    await look(second, "secret-contacts-card-locked");
    await second.getByRole("button", { name: "Add to contacts" }).click();
    await second.getByRole("button", { name: "Star", exact: true }).click();
    await expect(second.getByRole("button", { name: "Remove the star" })).toBeVisible();
    await second.reload();
    await expect(second.getByRole("button", { name: "Remove the star" })).toBeVisible();
    await expect(notice(second)).toBeVisible({ timeout: 30_000 });
    expect(await onServer(ana.page)).toBe(before);
    await second.goto("/people");
    await expect(notice(second)).toBeVisible({ timeout: 30_000 });
    await look(second, "secret-contacts-locked");
    await second.goto(`/u/${boId}`);
    await expect(notice(second)).toBeVisible({ timeout: 30_000 });
  });

  await test.step("the recovery key shows them without a reload, and both sessions have all", async () => {
    await second.evaluate(() => document.body.setAttribute("data-same-page", ""));
    await notice(second).getByRole("button", { name: "Verify" }).click();
    await enterRecoveryKey(second, key);
    await expect(second.locator(".person__name")).toContainText("Zitronenfalter");
    await expect(remark(second)).toHaveValue("Zitronenfalter");
    await expect(tags(second)).toHaveValue("bakery");
    await expect(second.getByRole("button", { name: "Remove the star" })).toBeVisible();
    await expect(notice(second)).toHaveCount(0);
    await expect(second.locator("body[data-same-page]")).toHaveCount(1);
    await ana.page.goto("/people");
    await expect(ana.page.locator('[data-letter="★"]')).toContainText("Zitronenfalter");
    await remark(second).fill("Distelfink");
    await save(second);
    await expect(ana.page.locator('[data-letter="★"]')).toContainText("Distelfink");
    expect(await onServer(ana.page)).not.toMatch(/Distelfink|bakery|@bo/);
  });

  await test.step("what somebody else puts in their place is neither believed nor taken as an example", async () => {
    const forged = { entries: { [boId]: { at: Date.now() + 1e6, value: { remark: "Mallory" } } } };
    await call(ana.page, "PUT", contactsPath(await userIdOf(ana.page)), forged);
    await expect.poll(() => onServer(ana.page)).not.toContain("Mallory");
    expect(await onServer(ana.page)).toMatch(/^{"algorithm"/);
    await expect(ana.page.locator('[data-letter="★"]')).toContainText("Distelfink");
  });

  await test.step("they are here before the engine is, and not on the disk in the clear", async () => {
    await ana.page.context().route("**/*.wasm", (route) => route.abort());
    await ana.page.reload();
    await expect(ana.page.locator('[data-letter="★"]')).toContainText("Distelfink");
    expect(await ana.page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toMatch(/Distelfink|bakery/);
    await ana.page.context().unroute("**/*.wasm");
  });

  await bo.close();
  await ana.close();
  await second.context().close();
});

test("a session that hears late of its own signature has a backup all the same", async ({ browser }) => {
  let [signed, outdated] = [false, false];
  const ana = await Person.register(browser, "ana", {}, async (context) => {
    await context.route("**/keys/signatures/upload", async (route) => {
      const response = await route.fetch();
      signed = true;
      await route.fulfill({ response });
    });
    await context.route("**/keys/query", async (route) => {
      const response = await route.fetch();
      if (!signed || outdated) return route.fulfill({ response });
      // As it was when the question left.
      outdated = true;
      type Device = { signatures: Record<string, object> };
      const answer: { device_keys: Record<string, Record<string, Device>> } = await response.json();
      for (const devices of Object.values(answer.device_keys)) {
        for (const [id, { signatures }] of Object.entries(devices)) {
          for (const keys of Object.values(signatures)) {
            for (const name of Object.keys(keys))
              if (name !== `ed25519:${id}`) delete (keys as Record<string, string>)[name];
          }
        }
      }
      await route.fulfill({ response, json: answer });
    });
  });
  await expect.poll(() => outdated, { timeout: 30_000 }).toBe(true);
  const { devices } = await call<{ devices: { device_id: string }[] }>(ana.page, "GET", "/devices");
  await ana.page.waitForTimeout(500);
  // The server tells of the session again.
  await call(ana.page, "PUT", `/devices/${devices[0]?.device_id}`, { display_name: "Chrome at home" });
  await expect
    .poll(() => call(ana.page, "GET", "/room_keys/version").catch(() => undefined), { timeout: 20_000 })
    .toMatchObject({ version: expect.any(String) });
  await ana.close();
});

test("a backup whose key was lost while it was made is replaced when a recovery key is saved", async ({ browser }) => {
  test.slow();
  const versions = "**/room_keys/version";
  let made = 0;
  const ana = await Person.register(browser, "ana", {}, async (context) => {
    await context.route(versions, async (route) => {
      if (route.request().method() !== "POST") return route.continue();
      // The server has it, and the page hears no more of it, as when it is closed.
      await route.fetch();
      made++;
      await route.abort();
    });
  });
  await expect.poll(() => made, { timeout: 30_000 }).toBe(1);
  const lost = await call<{ version: string }>(ana.page, "GET", "/room_keys/version");
  await ana.page.context().unroute(versions);
  await ana.page.goto("/");
  const key = await setUpRecovery(ana.page);
  await expect
    .poll(() => call<{ version: string }>(ana.page, "GET", "/room_keys/version"))
    .not.toMatchObject({ version: lost.version });

  const bo = await Person.register(browser, "bo");
  const boId = await userIdOf(bo.page);
  await ana.page.goto(`/u/${boId}`);
  await remark(ana.page).fill("Zitronenfalter");
  await save(ana.page);
  await expect.poll(() => onServer(ana.page).catch(String)).toMatch(/^{"algorithm"/);
  const second = await signIn(browser, ana.name);
  await second.goto(`/u/${boId}`);
  await notice(second).getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
  await enterRecoveryKey(second, key);
  await expect(remark(second)).toHaveValue("Zitronenfalter");
  await second.context().close();
  await bo.close();
  await ana.close();
});

test("what the server puts in place of the notes is neither shown nor sealed by a new session", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const boId = await userIdOf(bo.page);
  await identityPublished(ana.page);
  const key = await setUpRecovery(ana.page);
  await ana.page.goto(`/u/${boId}`);
  await remark(ana.page).fill("Zitronenfalter");
  await save(ana.page);
  await expect.poll(() => onServer(ana.page).catch(String)).toMatch(/^{"algorithm"/);
  const sealed: object = JSON.parse(await onServer(ana.page));
  const path = contactsPath(await userIdOf(ana.page));
  const forged = { entries: { [boId]: { at: Date.now() + 1e9, value: { remark: "Mallory" } } } };

  await test.step("it is not shown before the session is verified", async () => {
    await ana.page.goto("about:blank");
    const second = await signIn(browser, ana.name);
    await call(second, "PUT", path, forged);
    await second.goto(`/u/${boId}`);
    await expect(notice(second)).toContainText("Verify this session to see them", { timeout: 30_000 });
    await expect(remark(second)).toHaveValue("");
    await tags(second).fill("bakery");
    await save(second);

    await test.step("nor afterwards, unless somebody says so", async () => {
      await notice(second).getByRole("button", { name: "Verify" }).click();
      await enterRecoveryKey(second, key);
      await expect(notice(second)).toContainText("not encrypted");
      await look(second, "secret-contacts-doubtful");
      await expect(remark(second)).toHaveValue("");
      expect(JSON.parse(await onServer(second))).toEqual(forged);
      await call(second, "PUT", path, sealed);
      await expect(remark(second)).toHaveValue("Zitronenfalter");
      await expect(notice(second)).toHaveCount(0);
      await expect.poll(() => onServer(second)).not.toBe(JSON.stringify(sealed));
      await ana.page.goto(`/u/${boId}`);
      await expect(tags(ana.page)).toHaveValue("bakery");
      await expect(remark(ana.page)).toHaveValue("Zitronenfalter");
    });
    await second.context().close();
  });

  await bo.close();
  await ana.close();
});

test("after everything was reset the notes come back from a session that knows them", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const boId = await userIdOf(bo.page);
  await identityPublished(ana.page);
  await setUpRecovery(ana.page);
  await ana.page.goto(`/u/${boId}`);
  await remark(ana.page).fill("Zitronenfalter");
  await save(ana.page);
  await expect(ana.page.locator(".person__name")).toHaveText("Zitronenfalter");
  await expect.poll(() => onServer(ana.page).catch(String)).toMatch(/^{"algorithm"/);

  const other = await signIn(browser, ana.name);
  await test.step("another session begins anew, without any of the keys", async () => {
    await other.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
    await other.getByRole("button", { name: "I have neither" }).click();
    await other.getByLabel("Your password", { exact: true }).fill(PASSWORD);
    await other.getByRole("button", { name: "Reset my identity" }).click();
    await expect(other.locator(".recovery-key").first()).toBeVisible({ timeout: 30_000 });
    await other.keyboard.press("Escape");
    await other.goto(`/u/${boId}`);
    await tags(other).fill("bakery");
    await save(other);
    await expect(other.locator(".person__name")).not.toHaveText("Zitronenfalter");
    // What it could not open stays beside what it has sealed itself.
    const slots = async () =>
      Object.keys((JSON.parse(await onServer(other)) as { sealed: Record<string, object> }).sealed).length;
    await expect.poll(slots).toBe(2);
    expect(await onServer(other)).not.toMatch(/bakery|Zitronenfalter/);
  });

  await test.step("the first session keeps what it knows, also over a reload", async () => {
    await ana.page.reload();
    await expect(remark(ana.page)).toHaveValue("Zitronenfalter");
    await expect(notice(ana.page)).toBeVisible({ timeout: 30_000 });
    await expect(remark(ana.page)).toHaveValue("Zitronenfalter");
  });

  await test.step("once it is verified again, both have everything", async () => {
    await notice(ana.page).getByRole("button", { name: "Verify" }).click();
    await ana.page.getByRole("button", { name: /Use another session/ }).click();
    await other.locator(".verification-request").getByRole("button", { name: "Accept" }).click({ timeout: 30_000 });
    await ana.page.getByRole("button", { name: "Compare pictures" }).click({ timeout: 30_000 });
    for (const page of [ana.page, other]) {
      await page.getByRole("button", { name: "They match" }).click({ timeout: 30_000 });
    }
    for (const page of [ana.page, other]) {
      await expect(page.locator(".dialog")).toContainText("Verified", { timeout: 30_000 });
      await page.locator(".dialog .button--primary").click();
    }
    for (const page of [ana.page, other]) {
      await expect(remark(page)).toHaveValue("Zitronenfalter", { timeout: 30_000 });
      await expect(tags(page)).toHaveValue("bakery");
    }
    await expect(notice(ana.page)).toHaveCount(0);
  });

  await bo.close();
  await ana.close();
  await other.context().close();
});

test("drafts of encrypted chats follow the account, sealed", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  await identityPublished(ana.page);
  const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
  const roomId = await createRoom(ana.page, { name: "Closed talk", initial_state: [encryption] });
  const draft = `/user/${encodeURIComponent(await userIdOf(ana.page))}/rooms/${encodeURIComponent(roomId)}/account_data/im2.draft`;
  const key = await setUpRecovery(ana.page);
  const second = await signIn(browser, ana.name);
  await second.goto(`/room/${roomId}`);
  await ana.page.goto(`/room/${roomId}`);
  await expect(ana.page.locator(".header__lock")).toBeVisible();
  await ana.composer.fill("Zitronenfalter");
  const kept = async () => {
    const account = await call<{ rooms?: unknown }>(ana.page, "GET", "/sync?timeout=0");
    return JSON.stringify(account);
  };
  await expect.poll(kept).toContain("im2.draft");
  expect(JSON.stringify(await call(ana.page, "GET", draft))).not.toContain("Zitronenfalter");
  await expect(second.locator(".composer__input")).toHaveValue("");
  await second.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
  await enterRecoveryKey(second, key);
  await expect(second.locator(".composer__input")).toHaveValue("Zitronenfalter");
  await ana.close();
  await second.context().close();
});
