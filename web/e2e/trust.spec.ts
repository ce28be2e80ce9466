/** What people are told when something is not as it should be: once, plainly, and with a way on. */
import { type Browser, expect, type Page, type Route, test } from "@playwright/test";
import { call, keysPublished } from "./api.ts";
import { bytesOf, codeOn } from "./codes.ts";
import { look } from "./look.ts";
import { Peer } from "./peer.ts";
import { PASSWORD, Person } from "./people.ts";

const BASE = process.env.IM2_BASE_URL ?? "";

/** Keeps what other devices send from reaching a page, until the answer is called: then it all arrives. */
async function holdKeys(page: Page): Promise<() => void> {
  const held: unknown[] = [];
  let holding = true;
  const hold = async (route: Route) => {
    try {
      const response = await route.fetch({ timeout: 60_000 });
      const body = (await response.json()) as { to_device?: { events?: unknown[] } };
      const events = body.to_device?.events ?? [];
      if (holding) held.push(...events);
      body.to_device = { events: holding ? [] : [...held.splice(0), ...events] };
      await route.fulfill({ response, json: body });
    } catch {
      // The page has gone on, or gave this one up.
      await route.abort().catch(() => undefined);
    }
  };
  await page.route(/_matrix\/client\/v3\/sync/, hold);
  return () => {
    holding = false;
  };
}

/** Somebody in a browser, and somebody with another client whom they have written to. */
async function chatWithPeer(browser: Browser, first: string) {
  const ana = await Person.register(browser, "ana");
  const peer = await Peer.register(BASE, "peer");
  await ana.startChat(peer.name);
  await ana.say(first);
  return { ana, peer, roomId: await peer.join() };
}

/** Sets up recovery, and answers with the key. */
async function saveKey({ page }: Person): Promise<string> {
  await page.locator(".reminder").getByRole("button", { name: "Set up" }).click();
  await expect(page.locator("output.recovery-key")).toHaveText(/^(\w{4} ?)+$/);
  const key = (await page.locator("output.recovery-key").textContent()) ?? "";
  await page.getByRole("button", { name: "I have saved it" }).click();
  await expect(page.locator(".dialog")).toContainText("Your messages are safe", { timeout: 30_000 });
  await page.locator(".dialog .button--primary").click();
  return key;
}

/** Verifies a new session with the key. */
async function enterKey(page: Page, key: string): Promise<void> {
  await page.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
  await page.getByRole("button", { name: "Use your recovery key" }).click();
  await page.getByLabel("Recovery key or passphrase").fill(key);
  await page.getByRole("button", { name: "Verify", exact: true }).last().click();
  await expect(page.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
  await page.locator(".dialog .button--primary").click();
}

test("a verified person's unverified session is told of once, and marked at its messages", async ({ browser }) => {
  test.slow();
  const { ana, peer, roomId } = await chatWithPeer(browser, "hello");
  await ana.say("who are you?");
  await peer.reads(roomId, "who are you?");

  await test.step("nothing is said of a session of somebody whom one has not verified", async () => {
    await peer.client.sendTextMessage(roomId, "from the old session");
    await expect(ana.message("from the old session")).toBeVisible();
    await expect(ana.page.locator(".trust-banner")).toHaveCount(0);
    await expect(ana.page.locator(".bubble__shield")).toHaveCount(0);
  });

  await test.step("who is verified has a mark, in the list of members and on their card", async () => {
    await ana.page.getByRole("button", { name: "Show details" }).last().click();
    await expect(ana.page.locator(".verified-mark")).toHaveCount(0);
    const verified = peer.scanCode(async () => bytesOf(await codeOn(ana.page)));
    await ana.page.locator(".details").getByRole("button", { name: "Verify" }).click();
    await ana.page.getByRole("button", { name: "Start" }).click();
    await ana.page.getByRole("button", { name: "Yes, a tick" }).click({ timeout: 30_000 });
    await verified;
    await expect(ana.page.locator(".dialog")).toContainText("You have verified", { timeout: 30_000 });
    await ana.page.locator(".dialog .button--primary").click();
    await expect(ana.page.locator(".member .verified-mark")).toHaveCount(1);
    await look(ana.page, "trust-member");
    await ana.page.locator(".member__who", { hasText: peer.name }).click();
    await expect(ana.page.locator(".person__name .verified-mark")).toHaveAccessibleName("Verified by you");
    await look(ana.page, "trust-card");
    await ana.page.keyboard.press("Escape");
  });

  const other = await Peer.signIn(BASE, peer.name);
  await test.step("a new session that they have not verified is told of, with what it means", async () => {
    await other.client.sendTextMessage(roomId, "from the new session");
    await expect(ana.message("from the new session")).toBeVisible();
    const mark = ana.message("from the new session").locator(".bubble__shield");
    await expect(mark).toHaveAttribute("data-shield", "unverified-session");
    await expect(ana.message("from the old session").locator(".bubble__shield")).toHaveCount(0);
    const banner = ana.page.locator(".trust-banner");
    await expect(banner).toContainText("a session that they have not verified");
    await look(ana.page, "trust-session");
    await mark.click();
    await expect(ana.page.locator(".message-info__shield")).toContainText("has not verified");
    await ana.page.keyboard.press("Escape");
    await banner.getByRole("button", { name: "Who is this?" }).click();
    await expect(ana.page.locator(".person__name")).toContainText(peer.name);
    await ana.page.keyboard.press("Escape");
    await banner.getByRole("button", { name: "I know, continue" }).click();
    await expect(banner).toHaveCount(0);
    await ana.page.reload();
    await expect(ana.message("from the new session").locator(".bubble__shield")).toBeVisible();
    await expect(banner).toHaveCount(0);
  });

  await test.step("what was not encrypted is marked where everything is", async () => {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/clear-${Date.now()}`;
    await call(ana.page, "PUT", path, { msgtype: "m.text", body: "for everybody to read" });
    const mark = ana.message("for everybody to read").locator(".bubble__shield");
    await expect(mark).toHaveAccessibleName("Not encrypted: the server could read this.");
  });
  other.stop();
  peer.stop();
  await ana.close();
});

test("a message without its key says so, and heals when the key comes", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const release = await holdKeys(bo.page);
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("the first of a new key");
  await bo.acceptInvitation(ana.name);
  await ana.say("the second of a new key");
  const waits = bo.page.locator(".bubble__text", { hasText: "has not arrived yet" });
  await expect(waits.first()).toBeVisible();
  await look(bo.page, "undecrypted");
  release();
  await ana.say("another one, so that something arrives");
  for (const order of ["first", "second"]) await expect(bo.message(`the ${order} of a new key`)).toBeVisible();
  await expect(waits).toHaveCount(0);
  // And it is found from now on.
  await bo.page.locator(".header").getByRole("button", { name: "Search this conversation" }).click();
  await expect(async () => {
    await bo.page.getByLabel("Words in messages").fill("");
    await bo.page.getByLabel("Words in messages").fill("second");
    await expect(bo.page.locator(".details .message-card")).toHaveCount(1, { timeout: 2_000 });
  }).toPass({ timeout: 30_000 });
  await bo.close();
  await ana.close();
});

test("keys that are not shared, and messages from before, say why", async ({ browser }) => {
  test.slow();
  const { ana, peer, roomId } = await chatWithPeer(browser, "hello");
  const crypto = peer.client.getCrypto();
  if (crypto === undefined) throw new Error("no cryptography");
  crypto.globalBlacklistUnverifiedDevices = true;
  await peer.encrypted(roomId);
  await peer.client.sendTextMessage(roomId, "for my friends only");
  const withheld = ana.page.locator(".bubble", { hasText: "sends keys only to people whom they have verified" });
  await expect(withheld).toBeVisible();
  await withheld.getByRole("button", { name: "Verify" }).click();
  await expect(ana.page.locator(".dialog")).toContainText(`Verify ${peer.name}`);
  await ana.page.keyboard.press("Escape");
  peer.stop();
  await ana.close();
});

test("messages that were sent while one was signed out everywhere are read afterwards", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("good night");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("good night")).toBeVisible();
  const key = await saveKey(bo);
  await bo.page.goto("/settings/encryption");
  await expect(bo.page.getByText("Their keys are kept for you")).toBeVisible({ timeout: 30_000 });
  await bo.page.goto("/settings/account");
  await bo.page.locator(".settings-list__leave").click();
  await bo.page.locator(".dialog .button--danger").click();
  await expect(bo.page.locator("input[type=password]")).toBeVisible();

  // A key that no session of his has ever had, and no backup.
  await ana.page.reload();
  await ana.say("while you were away");

  await bo.page.locator("input[name=username]").fill(bo.name);
  await bo.page.locator("input[type=password]").fill(PASSWORD);
  await bo.page.locator("button[type=submit]").click();
  await bo.page.locator(".chat-row", { hasText: ana.name }).click();
  await expect(bo.page.locator(".bubble", { hasText: "Verify this session" }).first()).toBeVisible({ timeout: 30_000 });
  await enterKey(bo.page, key);
  await expect(bo.message("while you were away")).toBeVisible({ timeout: 30_000 });
  await bo.close();
  await ana.close();
});

test("another client restores what this one has backed up, and the other way round", async ({ browser }) => {
  test.slow();
  const { ana, peer, roomId } = await chatWithPeer(browser, "keep this");
  await ana.say("and this");
  await peer.reads(roomId, "and this");
  await peer.client.sendTextMessage(roomId, "kept");
  await expect(ana.message("kept")).toBeVisible();

  await test.step("theirs here", async () => {
    const key = await peer.saveRecovery();
    const page = await (await browser.newContext()).newPage();
    await page.goto("/login");
    await page.locator("input[name=username]").fill(peer.name);
    await page.locator("input[type=password]").fill(PASSWORD);
    await page.locator("button[type=submit]").click();
    await page.locator(".chat-row", { hasText: ana.name }).click();
    await enterKey(page, key);
    const restored = page.locator(".message", { hasText: "and this" });
    await expect(restored).toBeVisible({ timeout: 30_000 });
    await expect(restored.locator(".bubble__shield")).toHaveAttribute("data-shield", "not-guaranteed");
    await page.screenshot({ path: "test-output/screens/trust-restored.png" });
    // What could not be read a moment ago is in the index by now.
    await page.locator(".header").getByRole("button", { name: "Search this conversation" }).click();
    await expect(async () => {
      await page.getByLabel("Words in messages").fill("");
      await page.getByLabel("Words in messages").fill("keep this");
      await expect(page.locator(".details .message-card")).toHaveCount(1, { timeout: 2_000 });
    }).toPass({ timeout: 30_000 });
    await page.context().close();
  });

  await test.step("ours there", async () => {
    const key = await saveKey(ana);
    const other = await Peer.signIn(BASE, ana.name);
    await expect.poll(() => other.recover(key), { timeout: 30_000 }).toBeGreaterThan(0);
    expect((await other.reads(roomId, "and this")).msgtype).toBe("m.text");
    other.stop();
  });
  peer.stop();
  await ana.close();
});

test("another client's history is shared with whom it invites", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  // The keys are shared with the sessions that the one who invites knows of.
  await keysPublished(ana.page);
  const peer = await Peer.register(BASE, "peer");
  const { room_id: roomId } = await peer.client.createRoom({
    name: "Old friends",
    initial_state: [
      { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } },
      { type: "m.room.history_visibility", state_key: "", content: { history_visibility: "shared" } },
    ],
  });
  await peer.encrypted(roomId);
  await peer.client.sendTextMessage(roomId, "what was said before");
  await peer.client.invite(
    roomId,
    await ana.page.evaluate(() => JSON.parse(localStorage.getItem("im2.session") ?? "").userId),
  );
  await ana.acceptInvitation("Old friends");
  await expect(ana.message("what was said before")).toBeVisible({ timeout: 30_000 });
  peer.stop();
  await ana.close();
});
