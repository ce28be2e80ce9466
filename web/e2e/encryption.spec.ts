/** Encryption that people do not notice, and what they do about it when they have to. */
import { writeFile } from "node:fs/promises";
import { expect, type Page, test } from "@playwright/test";
import { register } from "./actors.ts";
import { call, identityPublished, keysPublished, userIdOf } from "./api.ts";
import { picture } from "./files.ts";
import { Peer } from "./peer.ts";
import { freshName, PASSWORD, Person, signIn } from "./people.ts";

const BASE = process.env.IM2_BASE_URL ?? "";

const roomIdOf = (page: Page) => decodeURIComponent(/\/room\/([^/]+)/.exec(page.url())?.[1] ?? "");

/** What the server knows of the newest event in the open conversation. */
async function newestOnServer(page: Page): Promise<{ type: string; text: string }> {
  const path = `/rooms/${encodeURIComponent(roomIdOf(page))}/messages?dir=b&limit=1`;
  const { chunk } = await call<{ chunk: { type: string }[] }>(page, "GET", path);
  return { type: chunk[0]?.type ?? "", text: JSON.stringify(chunk) };
}

const message = (page: Page, text: string) => page.locator(".bubble__text", { hasText: text }).last();

/** The emoji that a page shows for comparison. */
async function emojiOn(page: Page): Promise<string[]> {
  await expect(page.locator(".verification-emoji li")).toHaveCount(7, { timeout: 30_000 });
  return page.locator(".verification-emoji__symbol").allTextContents();
}

test("an encrypted chat looks like any other, and the server learns nothing", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  // Keys are shared with sessions that their owner has signed.
  await identityPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("between us");
  await bo.acceptInvitation(ana.name);

  await test.step("what is sent is encrypted, and the header says so", async () => {
    await expect(bo.message("between us")).toBeVisible();
    await expect(ana.page.locator(".header__lock")).toHaveAccessibleName("End-to-end encrypted");
    const newest = await newestOnServer(ana.page);
    expect(newest.text).not.toContain("between us");
    await bo.say("yes, between us");
    await expect(ana.message("yes, between us")).toBeVisible();
    expect((await newestOnServer(ana.page)).type).toBe("m.room.encrypted");
    await expect(ana.chat(bo.name)).toContainText("yes, between us");
  });

  await test.step("large pictures have a thumbnail of their own, and files of several pieces arrive whole", async () => {
    // From the disk: the larger one has two pieces for the cipher, and would take long as an argument.
    const harbour = picture("harbour.png", 1600, 1200);
    const bytes = Buffer.from(Array.from({ length: 4_300_003 }, (_, index) => (index * 7 + (index >> 9)) & 0xff));
    const files = [test.info().outputPath(harbour.name), test.info().outputPath("data.bin")];
    await writeFile(files[0] ?? "", harbour.buffer);
    await writeFile(files[1] ?? "", bytes);
    await ana.page.locator("input[type=file]").setInputFiles(files);
    await ana.page.locator(".dialog .button--primary").click();
    const shown = bo.page.locator(".picture img");
    await expect(shown).toBeVisible({ timeout: 30_000 });
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);
    const download = bo.page.waitForEvent("download");
    await bo.page.getByRole("button", { name: "Download: data.bin" }).click();
    const stream = await (await download).createReadStream();
    const received = Buffer.concat(await stream.toArray());
    expect(Buffer.compare(received, bytes)).toBe(0);
    await bo.page.screenshot({ path: "test-output/screens/encrypted-chat.png" });
  });

  await test.step("everything is still there after a reload", async () => {
    await bo.page.reload();
    await expect(bo.message("between us")).toBeVisible();
    await expect(bo.page.locator(".picture img")).toBeVisible();
    await bo.say("after the reload");
    await expect(ana.message("after the reload")).toBeVisible();
  });

  await test.step("a private group is encrypted unless that is switched off", async () => {
    await ana.page.goto("/groups");
    await ana.page.getByRole("button", { name: "New group" }).first().click();
    await ana.page.getByRole("textbox", { name: "Group name", exact: true }).fill("Open talk");
    await expect(ana.page.getByRole("switch", { name: "Encrypted" })).toBeChecked();
    await ana.page.screenshot({ path: "test-output/screens/encrypted-new-group.png" });
    await ana.page.getByRole("switch", { name: "Encrypted" }).uncheck();
    await ana.page.getByRole("button", { name: "Create group" }).click();
    await ana.say("for everybody");
    await expect(ana.page.locator(".header__lock")).toHaveCount(0);
    expect((await newestOnServer(ana.page)).text).toContain("for everybody");
  });

  await bo.close();
  await ana.close();
});

test("who signs in for the first time later reads what was written before", async ({ browser }) => {
  test.slow();
  const name = freshName("bo");
  await register(name);
  const ana = await Person.register(browser, "ana");
  await identityPublished(ana.page);
  await ana.startChat(name);
  await ana.say("before you came");
  const bo = await Person.atSignIn(browser, name);
  await bo.page.locator("button[type=submit]").click();
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("before you came")).toBeVisible({ timeout: 60_000 });
  await bo.close();
  await ana.close();
});

test("who is invited to a private group reads what was said before", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await identityPublished(bo.page);
  // Leaves the first page at once, whatever that was publishing.
  await ana.page.goto("/groups");
  await ana.page.getByRole("button", { name: "New group" }).first().click();
  await ana.page.getByRole("textbox", { name: "Group name", exact: true }).fill("Closed talk");
  await ana.page.getByRole("button", { name: "Create group" }).click();
  await ana.say("before you came");
  await ana.page.getByRole("button", { name: "Show details" }).last().click();
  await ana.page.getByRole("button", { name: "Invite people" }).click();
  await ana.page.locator(".picker .search-box input").fill(bo.name);
  await ana.page.locator(".picker .person-row", { hasText: bo.name }).click();
  await ana.page.locator(".dialog .button--primary").click();
  await bo.acceptInvitation("Closed talk");
  await expect(bo.message("before you came")).toBeVisible({ timeout: 30_000 });
  await bo.say("thank you");
  await expect(ana.message("thank you")).toBeVisible();
  await bo.close();
  await ana.close();
});

for (const half of ["device_signing/upload", "signatures/upload"]) {
  test(`an identity is finished after a page that was left before ${half}`, async ({ browser }) => {
    let left: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      left = resolve;
    });
    const ana = await Person.register(browser, "ana", {}, async (context) => {
      await context.route(`**/keys/${half}`, left);
    });
    await reached;
    await ana.page.context().unroute(`**/keys/${half}`);
    await ana.page.goto("/settings/sessions");
    await expect(ana.page.locator(".session", { hasText: "Verified" })).toHaveCount(1, { timeout: 30_000 });
    await ana.close();
  });
}

test("a start without the server's help reads what is here, also after an invitation was accepted", async ({
  browser,
}) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("between us");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("between us")).toBeVisible();
  await bo.page.route("**/keys/query", (route) => route.abort());
  await bo.page.reload();
  await expect(bo.message("between us")).toBeVisible();
  await bo.close();
  await ana.close();
});

test("keys come back: by the recovery key, by another session, and after the browser has lost them", async ({
  browser,
}) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.startChat(bo.name);
  await ana.say("remember this");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("remember this")).toBeVisible();
  let key = "";

  await test.step("the recovery key is saved in one step", async () => {
    const reminder = bo.page.locator(".reminder");
    await expect(reminder).toContainText("Save your recovery key");
    await reminder.getByRole("button", { name: "Set up" }).click();
    await expect(bo.page.locator("output.recovery-key")).toHaveText(/^(\w{4} ?)+$/);
    key = (await bo.page.locator("output.recovery-key").textContent()) ?? "";
    await bo.page.screenshot({ path: "test-output/screens/encryption-recovery.png" });
    const download = bo.page.waitForEvent("download");
    await bo.page.getByRole("button", { name: "Download" }).click();
    const stream = await (await download).createReadStream();
    expect(Buffer.concat(await stream.toArray()).toString()).toContain(key);
    await bo.page.getByRole("button", { name: "I have saved it" }).click();
    await expect(bo.page.locator(".dialog")).toContainText("Your messages are safe", { timeout: 30_000 });
    await bo.page.locator(".dialog .button--primary").click();
    await expect(reminder).toHaveCount(0);
  });

  const room = bo.page.url();
  const second = await signIn(browser, bo.name);
  await test.step("a new session says what it cannot read, and why", async () => {
    await second.goto(room);
    await expect(message(second, "Verify this session to read it")).toBeVisible({ timeout: 30_000 });
    await second.screenshot({ path: "test-output/screens/encryption-unverified.png" });
    // Where one is signed in already it is told, until the new session has shown whose it is.
    await expect(bo.page.locator(".sign-ins")).toContainText("New sign-in to your account", { timeout: 30_000 });
    await bo.page.screenshot({ path: "test-output/screens/encryption-sign-in.png" });
    await second.locator(".bubble").getByRole("button", { name: "Verify" }).first().click();
    await second.getByRole("button", { name: "Use your recovery key" }).click();
    await second.getByLabel("Recovery key or passphrase").fill("not the key");
    await second.getByRole("button", { name: "Verify", exact: true }).last().click();
    await expect(second.locator(".notice--problem")).toContainText("neither your recovery key nor your passphrase");
  });

  await test.step("the recovery key makes it readable", async () => {
    await second.getByLabel("Recovery key or passphrase").fill(key);
    await second.getByRole("button", { name: "Verify", exact: true }).last().click();
    await expect(second.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
    await second.locator(".dialog .button--primary").click();
    // The keys come to the backup some seconds after they were made.
    await expect(message(second, "remember this")).toBeVisible({ timeout: 30_000 });
    await expect(second.locator(".reminder")).toHaveCount(0);
    await expect(bo.page.locator(".sign-ins")).toHaveCount(0, { timeout: 30_000 });
  });

  const third = await signIn(browser, bo.name);
  await test.step("another session makes it readable, when both show the same pictures", async () => {
    await third.goto(room);
    await third.locator(".reminder").getByRole("button", { name: "Verify" }).click();
    await third.screenshot({ path: "test-output/screens/encryption-verify.png" });
    await third.getByRole("button", { name: /Use another session/ }).click();
    await second.locator(".verification-request").getByRole("button", { name: "Accept" }).click({ timeout: 30_000 });
    await third.getByRole("button", { name: "Compare pictures" }).click({ timeout: 30_000 });
    const [one, other] = await Promise.all([emojiOn(third), emojiOn(second)]);
    expect(one).toEqual(other);
    await third.screenshot({ path: "test-output/screens/encryption-emoji.png" });
    for (const page of [second, third]) await page.getByRole("button", { name: "They match" }).click();
    for (const page of [second, third]) {
      await expect(page.locator(".dialog")).toContainText("Verified", { timeout: 30_000 });
      await page.locator(".dialog .button--primary").click();
    }
    await expect(message(third, "remember this")).toBeVisible({ timeout: 30_000 });
  });

  await test.step("the sessions are listed, renamed and signed out", async () => {
    await second.goto("/settings/sessions");
    const sessions = second.locator(".session");
    await expect(sessions).toHaveCount(3);
    await expect(sessions.filter({ hasText: "Verified" })).toHaveCount(3);
    await sessions
      .nth(0)
      .getByRole("button", { name: /Rename/ })
      .click();
    await second.getByLabel("Name of the session").fill("Kitchen laptop");
    await second.locator(".dialog").getByRole("button", { name: "Save" }).click();
    await expect(sessions.nth(0)).toContainText("Kitchen laptop");
    await second.locator(".settings").screenshot({ path: "test-output/screens/encryption-settings.png" });
    await second.getByRole("button", { name: "Sign out all others" }).click();
    await second.getByLabel("Your password", { exact: true }).fill("wrong");
    await second.locator(".dialog").getByRole("button", { name: "Sign out all others" }).click();
    await expect(second.locator(".notice--problem")).toHaveText("The password is incorrect.");
    await second.getByLabel("Your password", { exact: true }).fill(PASSWORD);
    await second.locator(".dialog").getByRole("button", { name: "Sign out all others" }).click();
    await expect(sessions).toHaveCount(1);
    await expect(third.locator("input[type=password]")).toBeVisible();
    await expect(bo.page.locator("input[type=password]")).toBeVisible();
  });

  await test.step("keys are exported, and another session reads them", async () => {
    await second.goto("/settings/encryption");
    await second.getByRole("button", { name: "Export keys" }).click();
    await second.getByLabel("Passphrase", { exact: true }).fill("a long passphrase");
    const download = second.waitForEvent("download");
    await second.locator(".dialog").getByRole("button", { name: "Export keys" }).click();
    const path = await (await download).path();
    await second.getByRole("button", { name: "Import keys" }).click();
    await second.locator(".dialog input[type=file]").setInputFiles(path);
    await second.getByLabel("Passphrase", { exact: true }).fill("a long passphrase");
    await second.locator(".dialog").getByRole("button", { name: "Import keys" }).click();
    await expect(second.locator(".dialog")).toContainText("imported");
    await second.locator(".dialog").getByRole("button", { name: "Close" }).first().click();
  });

  await test.step("a browser that has lost the keys says so, and the recovery key brings them back", async () => {
    await second.goto("/assets/nothing");
    await second.evaluate(async () => {
      for (const { name } of await indexedDB.databases()) {
        await new Promise((resolve) => {
          const request = indexedDB.deleteDatabase(name ?? "");
          request.onsuccess = resolve;
          request.onerror = resolve;
          request.onblocked = resolve;
        });
      }
    });
    await second.goto(room);
    await expect(second.getByText("This browser has lost its keys")).toBeVisible();
    await second.screenshot({ path: "test-output/screens/encryption-keys-lost.png" });
    await second.getByRole("button", { name: "Sign in again" }).click();
    await second.locator("input[name=username]").fill(bo.name);
    await second.locator("input[type=password]").fill(PASSWORD);
    await second.locator("button[type=submit]").click();
    await second.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
    await second.getByRole("button", { name: "Use your recovery key" }).click();
    await second.getByLabel("Recovery key or passphrase").fill(key);
    await second.getByRole("button", { name: "Verify", exact: true }).last().click();
    await expect(second.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
    await second.locator(".dialog .button--primary").click();
    await second.goto(room);
    await expect(message(second, "remember this")).toBeVisible({ timeout: 30_000 });
  });

  await ana.close();
  for (const page of [bo.page, second, third]) await page.context().close();
});

test("who signs out at once after writing reads it again with the recovery key", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.page.locator(".reminder").getByRole("button", { name: "Set up" }).click();
  await expect(ana.page.locator("output.recovery-key")).toHaveText(/^(\w{4} ?)+$/);
  const key = (await ana.page.locator("output.recovery-key").textContent()) ?? "";
  await ana.page.getByRole("button", { name: "I have saved it" }).click();
  await ana.page.locator(".dialog .button--primary").click({ timeout: 30_000 });
  // The backup does not get through for a while.
  let hold: (() => void) | undefined;
  const held = new Promise<void>((resolve) => (hold = resolve));
  await ana.page.route("**/room_keys/keys?*", (route) => held.then(() => route.continue()));
  await ana.startChat(bo.name);
  await ana.say("not to be lost");
  const room = ana.page.url();
  await ana.page.locator(".rail__account").click();
  await ana.page.locator(".accounts__action", { hasText: "Sign out" }).click();
  const dialog = ana.page.getByRole("dialog");
  await expect(dialog).toContainText("not in the backup yet");
  await ana.page.screenshot({ path: "test-output/screens/encryption-sign-out-unsaved.png" });
  hold?.();
  await expect(dialog).toContainText("Your conversations stay on the server");
  await dialog.getByRole("button", { name: "Sign out" }).click();
  await expect(ana.page.locator("input[type=password]")).toBeVisible();

  const again = await signIn(browser, ana.name);
  await again.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
  await again.getByRole("button", { name: "Use your recovery key" }).click();
  await again.getByLabel("Recovery key or passphrase").fill(key);
  await again.getByRole("button", { name: "Verify", exact: true }).last().click();
  await expect(again.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
  await again.locator(".dialog .button--primary").click();
  await again.goto(room);
  await expect(message(again, "not to be lost")).toBeVisible({ timeout: 30_000 });
  await again.context().close();
  await ana.close();
  await bo.close();
});

test("people verify each other, and are told when an identity changes", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.startChat(bo.name);
  await ana.say("is it you?");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("is it you?")).toBeVisible();

  await test.step("by comparing pictures", async () => {
    await ana.page.getByRole("button", { name: "Show details" }).last().click();
    await ana.page.locator(".details").getByRole("button", { name: "Verify" }).click();
    await ana.page.getByRole("button", { name: "Start" }).click();
    await bo.page.locator(".verification-request").getByRole("button", { name: "Accept" }).click({ timeout: 30_000 });
    await bo.page.getByRole("button", { name: "Compare pictures" }).click({ timeout: 30_000 });
    expect(await emojiOn(ana.page)).toEqual(await emojiOn(bo.page));
    for (const { page } of [ana, bo]) await page.getByRole("button", { name: "They match" }).click();
    for (const { page } of [ana, bo]) {
      await expect(page.locator(".dialog")).toContainText("You have verified", { timeout: 30_000 });
      await page.locator(".dialog .button--primary").click();
    }
    await expect(ana.page.locator(".details").getByRole("button", { name: "Verified", exact: true })).toBeVisible();
  });

  await test.step("a changed identity is told, nothing is sent, until somebody decides", async () => {
    await bo.page.goto("/settings/encryption");
    await bo.page.getByRole("button", { name: "Reset identity" }).click();
    await bo.page.screenshot({ path: "test-output/screens/encryption-reset.png" });
    await bo.page.getByLabel("Your password", { exact: true }).fill(PASSWORD);
    await bo.page.getByRole("button", { name: "Reset my identity" }).click();
    await expect(bo.page.locator(".recovery-key").first()).toBeVisible({ timeout: 30_000 });
    await bo.page.keyboard.press("Escape");
    const banner = ana.page.locator(".trust-banner");
    await expect(banner).toContainText("another identity now", { timeout: 30_000 });
    await ana.page.screenshot({ path: "test-output/screens/encryption-changed.png" });
    await ana.composer.fill("not for somebody else");
    await ana.composer.press("Enter");
    await expect(ana.message("not for somebody else")).toHaveAttribute("data-status", "failed");
    await banner.getByRole("button", { name: "Trust anyway" }).click();
    await expect(banner).toHaveCount(0);
  });

  await bo.close();
  await ana.close();
});

test("one tab runs the client; another one takes over when it is asked to", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.startChat(bo.name);
  await ana.say("from the first tab");
  await bo.acceptInvitation(ana.name);
  const second = await ana.page.context().newPage();
  await second.goto(ana.page.url());
  await expect(second.getByText("IM2 is open in another tab")).toBeVisible();
  await second.screenshot({ path: "test-output/screens/encryption-tabs.png" });
  await second.getByRole("button", { name: "Use here" }).click();
  await expect(message(second, "from the first tab")).toBeVisible();
  await expect(ana.page.getByText("IM2 is open in another tab")).toBeVisible();
  await second.locator(".composer__input").fill("from the second tab");
  await second.locator(".composer__input").press("Enter");
  await expect(bo.message("from the second tab")).toBeVisible();
  await ana.page.getByRole("button", { name: "Use here" }).click();
  await expect(ana.message("from the second tab")).toBeVisible();
  await bo.say("answer");
  await expect(ana.message("answer")).toBeVisible();
  // A tab that is loaded again stays the one; one that is closed makes room.
  await ana.page.reload();
  await expect(ana.message("answer")).toBeVisible();
  await ana.page.close();
  await second.bringToFront();
  await expect(message(second, "answer")).toBeVisible();
  await bo.close();
  await second.context().close();
});

test("another client is on the other end", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  const peer = await Peer.register(BASE, "peer");
  await ana.startChat(peer.name);
  await ana.say("hello, other client");
  const roomId = await peer.join();
  await test.step("text goes both ways", async () => {
    await ana.say("do you read me?");
    expect((await peer.reads(roomId, "do you read me?")).msgtype).toBe("m.text");
    await peer.client.sendTextMessage(roomId, "loud and clear 你好");
    await expect(ana.message("loud and clear 你好")).toBeVisible();
  });
  await test.step("and so do pictures", async () => {
    const sent = picture("mine.png");
    await ana.page.locator("input[type=file]").setInputFiles(sent);
    await ana.page.locator(".dialog .button--primary").click();
    const content = await peer.reads(roomId, "mine.png");
    expect(Buffer.compare(await peer.download(content), sent.buffer)).toBe(0);
    await peer.sendPicture(roomId, "theirs.png", picture("theirs.png", 300, 300).buffer);
    const shown = ana.page.getByRole("button", { name: "Open picture theirs.png" }).locator("img");
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(300);
  });
  await test.step("and replies, edits and reactions", async () => {
    const question = await peer.event(roomId, "do you read me?");
    const id = question.getId() ?? "";
    await peer.send(roomId, "m.room.message", {
      msgtype: "m.text",
      body: "as clear as day",
      "m.relates_to": { "m.in_reply_to": { event_id: id } },
    });
    await expect(ana.message("as clear as day").locator(".quote")).toContainText("do you read me?");
    await peer.send(roomId, "m.reaction", {
      "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "👍" },
    });
    await expect(ana.message("do you read me?").locator(".reaction")).toContainText("👍");
    const answer = await peer.event(roomId, "as clear as day");
    await peer.send(roomId, "m.room.message", {
      msgtype: "m.text",
      body: "* as clear as night",
      "m.new_content": { msgtype: "m.text", body: "as clear as night" },
      "m.relates_to": { rel_type: "m.replace", event_id: answer.getId() },
    });
    await expect(ana.message("as clear as night")).toContainText("edited");

    await ana.act("as clear as night", "Reply");
    await ana.say("is that a joke?");
    const reply = await peer.reads(roomId, "is that a joke?");
    expect(reply["m.relates_to"]?.["m.in_reply_to"]?.event_id).toBe(answer.getId());
    await ana.act("is that a joke?", "Edit");
    await ana.composer.fill("is this a joke?");
    await ana.composer.press("Enter");
    // The other client has put the new text in the place of the old one.
    await peer.event(roomId, "is this a joke?");
    await ana.message("as clear as night").hover();
    await ana.message("as clear as night").locator(".message__toolbar button").last().click();
    await ana.page.getByRole("button", { name: "React with 👍" }).click();
    expect(await peer.reactionsTo(roomId, answer.getId() ?? "")).toEqual(["👍"]);
  });
  await test.step("the two verify each other", async () => {
    const peerId = peer.client.getUserId() ?? "";
    await ana.page.getByRole("button", { name: "Show details" }).last().click();
    await ana.page.locator(".details").getByRole("button", { name: "Verify" }).click();
    const verified = peer.verify(async (emoji) => {
      expect(await emojiOn(ana.page)).toEqual(emoji);
      await ana.page.getByRole("button", { name: "They match" }).click();
    });
    await ana.page.getByRole("button", { name: "Start" }).click();
    await ana.page.getByRole("button", { name: "Compare pictures" }).click({ timeout: 30_000 });
    await verified;
    await expect(ana.page.locator(".dialog")).toContainText("You have verified", { timeout: 30_000 });
    const status = await peer.client.getCrypto()?.getUserVerificationStatus(await userIdOf(ana.page));
    expect(status?.isCrossSigningVerified(), peerId).toBe(true);
  });
  peer.stop();
  await ana.close();
});
