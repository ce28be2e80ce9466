import { expect, type Page, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { freshName, Person } from "./people.ts";

test("a message with an effect has it on both screens, and none where motion is not wanted", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  await ana.startChat(bo.name);
  await bo.acceptInvitation(ana.name);
  await ana.page.emulateMedia({ reducedMotion: "no-preference" });
  const drawn = (page: Page) => page.locator(".effects[data-effect]");
  await ana.composer.fill("/confetti We did it");
  await ana.composer.press("Enter");
  await expect(drawn(ana.page)).toHaveAttribute("data-effect", "confetti");
  // Bo wants no motion: the message is a message.
  await expect(bo.message("We did it")).toBeVisible();
  await expect(drawn(bo.page)).toHaveCount(0);
  await expect(drawn(ana.page)).toHaveCount(0);
  await bo.page.emulateMedia({ reducedMotion: "no-preference" });
  await ana.say("Brr ❄️");
  await expect(drawn(bo.page)).toHaveAttribute("data-effect", "snowfall");
  await Promise.all([ana.close(), bo.close()]);
});

test("slow mode holds members back, not moderators", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const roomId = await createRoom(ana.page, {
    preset: "private_chat",
    name: "Calm",
    invite: [await userIdOf(bo.page)],
  });
  await bo.acceptInvitation("Calm");
  await ana.page.goto(`/room/${roomId}`);
  await ana.page.getByRole("button", { name: "Show details" }).last().click();
  await ana.page.getByRole("button", { name: "Rules and permissions" }).click();
  await ana.page.getByRole("combobox", { name: "Slow mode" }).selectOption({ label: "10 seconds" });
  await expect(bo.page.locator(".timeline__change").last()).toContainText("changed slow mode");
  await bo.say("First");
  await expect(bo.page.getByRole("timer")).toContainText("you can write again in 0:");
  await bo.composer.fill("Second");
  await bo.composer.press("Enter");
  await expect(bo.composer).toHaveValue("Second");
  await expect(bo.page.getByRole("button", { name: "Send", exact: true })).toBeDisabled();
  await look(bo.page, "slow-mode");
  await ana.say("One");
  await ana.say("Two");
  await expect(bo.page.getByRole("timer")).toHaveCount(0, { timeout: 12_000 });
  await bo.say("Second");

  // What is no text waits in the queue: a poll and a forwarded message, one after the other.
  await bo.page.getByRole("button", { name: "Attach" }).click();
  await bo.page.getByRole("menuitem", { name: "New poll" }).click();
  await bo.page.getByLabel("Question").fill("Tea?");
  await bo.page.getByLabel("Answer 1", { exact: true }).fill("Yes");
  await bo.page.getByLabel("Answer 2", { exact: true }).fill("No");
  await bo.page.getByRole("button", { name: "Start the poll" }).click();
  await bo.act("First", "Forward");
  await bo.page.getByRole("dialog").getByRole("button", { name: "Calm" }).click();
  await bo.page
    .getByRole("dialog")
    .getByRole("button", { name: /^Send to/ })
    .click();
  await expect(ana.page.locator(".poll")).toBeVisible({ timeout: 30_000 });
  await expect(ana.page.locator(".bubble__text", { hasText: "First" })).toHaveCount(2, { timeout: 30_000 });
  await expect(bo.page.locator(".trouble")).toHaveCount(0);
  const path = `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=20`;
  const { chunk } = await call<{ chunk: { sender: string; type: string; origin_server_ts: number }[] }>(
    bo.page,
    "GET",
    path,
  );
  const boId = await userIdOf(bo.page);
  const times = chunk
    .filter(({ sender, type }) => sender === boId && /message|poll/.test(type))
    .map((event) => event.origin_server_ts);
  expect(times).toHaveLength(4);
  for (const [index, time] of times.slice(1).entries()) expect((times[index] ?? 0) - time).toBeGreaterThan(9_500);
  await Promise.all([ana.close(), bo.close()]);
});

test("a conversation is found again where it was left, and at the end where one was there", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { preset: "private_chat", name: "Long" });
  const other = await createRoom(page, { preset: "private_chat", name: "Short" });
  await sendText(page, other, "here");
  for (let number = 1; number <= 40; number++) await sendText(page, roomId, `Message ${number}\n${".\n".repeat(3)}`);
  await page.goto(`/room/${roomId}`);
  await expect(ana.message("Message 40")).toBeInViewport();
  const scroller = page.locator(".timeline__scroller");
  await scroller.hover();
  await page.mouse.wheel(0, -2000);
  const top = () => scroller.evaluate((element) => element.scrollHeight - element.scrollTop);
  await expect.poll(async () => (await top()) > 2000).toBe(true);
  const before = await top();
  await ana.chat("Short").click();
  await expect(ana.message("here")).toBeVisible();
  await ana.chat("Long").click();
  await expect.poll(async () => Math.abs((await top()) - before)).toBeLessThan(4);
  await page.getByRole("button", { name: "Jump to the newest message" }).click();
  await ana.chat("Short").click();
  await expect(ana.message("here")).toBeVisible();
  await ana.chat("Long").click();
  await expect(ana.message("Message 40")).toBeInViewport();
  await ana.close();
});

test("on a phone rows are swiped: to archive, to mark as unread, to answer", async ({ browser }) => {
  const viewport = { width: 390, height: 844 };
  const ana = await Person.register(browser, "ana", { viewport, hasTouch: true, isMobile: true });
  const { page } = ana;
  const roomId = await createRoom(page, { preset: "private_chat", name: "Swiped" });
  await sendText(page, roomId, "Answer me");
  await expect(ana.chat("Swiped")).toContainText("Answer me");
  // It comes above the list, and the rows go down.
  await expect(page.locator(".reminder")).toBeVisible();
  await swipe(page, ".chat-row__place", 120);
  await expect(ana.chat("Swiped").getByLabel("Marked as unread")).toBeVisible();
  await swipe(page, ".chat-row__place", -120);
  await expect(page.locator(".chat-row--archive")).toBeVisible();
  await expect(ana.chat("Swiped")).toHaveCount(0);
  await page.locator(".chat-row--archive").click();
  await ana.chat("Swiped").click();
  await expect(ana.message("Answer me")).toBeVisible();
  await swipe(page, ".message", -120);
  await expect(page.locator(".composer__mode")).toContainText("Answer me");
  await ana.close();
});

/** A finger that goes sideways, in steps as a browser tells of them. */
async function swipe(page: Page, selector: string, by: number): Promise<void> {
  const box = await page.locator(selector).last().boundingBox();
  if (box === null) throw new Error(`${selector} is not there`);
  const client = await page.context().newCDPSession(page);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const touch = (type: string, points: object[]) =>
    client.send("Input.dispatchTouchEvent", { type, touchPoints: points } as never);
  await touch("touchStart", [{ x, y }]);
  for (let step = 1; step <= 6; step++) await touch("touchMove", [{ x: x + (by * step) / 6, y }]);
  await touch("touchEnd", []);
}

test("a document is opened beside the chat, and what only pretends to be one is not", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { preset: "private_chat", name: "Papers" });
  await page.goto(`/room/${roomId}`);
  const pdf = (name: string, text: string) => ({ name, mimeType: "application/pdf", buffer: Buffer.from(text) });
  await page
    .locator("input[type=file][multiple]")
    .setInputFiles([pdf("plan.pdf", "%PDF-1.4\n%%EOF\n"), pdf("fake.pdf", "<script>document.title = 'run'</script>")]);
  await page.getByRole("button", { name: "Send 2 files" }).click();
  await expect(page.locator(".file-card")).toHaveCount(2);
  const opened = page.waitForEvent("popup");
  await page.locator(".file-card__open", { hasText: "plan.pdf" }).click();
  const tab = await opened;
  await expect.poll(() => tab.url()).toContain("blob:");
  await tab.close();
  await page.locator(".file-card__open", { hasText: "fake.pdf" }).click();
  await expect(page.locator(".toast")).toContainText("not the kind of document it claims to be");
  await expect.poll(() => page.context().pages()).toHaveLength(1);
  await ana.close();
});

test("the list is made wider, and folded to pictures", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  await createRoom(page, { preset: "private_chat", name: "Narrow" });
  await expect(ana.chat("Narrow")).toBeVisible();
  const width = async () => (await page.locator(".pane").boundingBox())?.width ?? 0;
  const edge = page.getByRole("separator", { name: "Width of the list" });
  const before = await width();
  await edge.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect.poll(width).toBeGreaterThan(before + 20);
  const box = await edge.boundingBox();
  if (box === null) throw new Error("the edge is not there");
  await page.mouse.move(box.x + box.width / 2, 400);
  await page.mouse.down();
  await page.mouse.move(180, 400, { steps: 5 });
  await page.mouse.up();
  await expect.poll(width).toBeLessThan(100);
  await look(page, "folded");
  // It stays so, and the name is still there for who hears the page.
  await page.reload();
  await expect.poll(width).toBeLessThan(100);
  await page.getByRole("link", { name: /Narrow/ }).click();
  await expect(ana.composer).toBeVisible();
  await edge.dblclick();
  await expect.poll(width).toBeGreaterThan(300);
  await ana.close();
});

test("a group has a code that leads to it, and can be reported", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const name = freshName("Readers");
  await page.goto(`/room/${await createRoom(page, { preset: "public_chat", name })}`);
  await page.getByRole("button", { name: "Show details" }).last().click();
  await page.getByRole("button", { name: "Link and QR code" }).click();
  const dialog = page.getByRole("dialog", { name: "Link and QR code" });
  await expect(dialog.getByRole("img", { name: "QR code of the link to this group" })).toBeVisible();
  const link = (await dialog.locator(".my-code__link").textContent()) ?? "";
  await look(page, "group-code");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Report this group" }).click();
  await page.getByLabel("What happened?").fill("Nothing, this is a test");
  const report = page.waitForResponse((response) => /\/rooms\/[^/]+\/report$/.test(response.url()));
  await page.getByRole("button", { name: "Send report" }).click();
  expect((await report).status()).toBe(200);
  await expect(page.locator(".toast")).toContainText("Your report has been sent");
  const bo = await Person.register(browser, "bo");
  await bo.page.goto(link);
  await expect(bo.page.getByText(name).first()).toBeVisible();
  await Promise.all([ana.close(), bo.close()]);
});

test("a group that everybody may read is read before it is joined", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const name = freshName("Open house");
  const state = [
    { type: "m.room.history_visibility", state_key: "", content: { history_visibility: "world_readable" } },
  ];
  const options = { preset: "public_chat", visibility: "public", name, initial_state: state };
  await sendText(ana.page, await createRoom(ana.page, options), "The door is open");
  await bo.page.goto("/groups");
  await bo.page.locator(".search-box input").fill(name);
  await bo.page.locator(".room-summary__open", { hasText: name }).click();
  await expect(bo.page.locator(".conversation-card__said")).toContainText("The door is open");
  await look(bo.page, "before-joining");
  await bo.page.getByRole("button", { name: "Join", exact: true }).click();
  await expect(bo.message("The door is open")).toBeVisible();
  await Promise.all([ana.close(), bo.close()]);
});

test("guests and servers of a group are decided in its rules, and told in the timeline", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const [server = ""] = /(?<=:).*/.exec(await userIdOf(ana.page)) ?? [];
  const roomId = await createRoom(ana.page, { preset: "public_chat", name: "Open", invite: [await userIdOf(bo.page)] });
  const state = (type: string) =>
    call<Record<string, unknown>>(ana.page, "GET", `/rooms/${encodeURIComponent(roomId)}/state/${type}`);
  await bo.acceptInvitation("Open");
  const told = bo.page.locator(".timeline__change").last();
  const rules = async ({ page }: Person) => {
    await page.goto(`/room/${roomId}`);
    await page.getByRole("button", { name: "Show details" }).last().click();
    await page.getByRole("button", { name: "Rules and permissions" }).click();
    await page.getByText("Advanced", { exact: true }).click();
  };

  await rules(ana);
  const { page } = ana;
  const guests = page.getByRole("combobox", { name: "Guests" });
  await guests.selectOption("Can join, read and write");
  await expect(told).toContainText("allowed guests to join");
  expect(await state("m.room.guest_access")).toEqual({ guest_access: "can_join" });
  await guests.selectOption("Cannot join");
  await expect(told).toContainText("stopped guests from joining");

  const choice = page.getByRole("combobox", { name: "Which servers" });
  const allow = page.getByRole("textbox", { name: "Servers that may take part" });
  const deny = page.getByRole("textbox", { name: "Servers that may not take part" });
  const save = page.getByRole("button", { name: "Save", exact: true });
  await deny.fill("evil.example\n*");
  await expect(page.locator(".field__hint--problem")).toContainText(`shut out ${server}`);
  await expect(save).toBeDisabled();
  await look(page, "group-servers");
  await deny.fill("evil.example\n*.bad.example");
  await save.click();
  await expect(told).toContainText("changed which servers may take part");
  await expect(save).toHaveCount(0);
  const denied = { allow: ["*"], deny: ["evil.example", "*.bad.example"], allow_ip_literals: true };
  expect(await state("m.room.server_acl")).toEqual(denied);
  await choice.selectOption("Only the servers below");
  await expect(allow).toHaveValue(server);
  await save.click();
  await expect(save).toHaveCount(0);
  expect(await state("m.room.server_acl")).toEqual({ ...denied, allow: [server] });

  // Who may not change it reads it.
  await rules(bo);
  await expect(bo.page.getByRole("combobox", { name: "Guests" })).toBeDisabled();
  await expect(bo.page.getByRole("textbox", { name: "Servers that may take part" })).toHaveValue(server);
  await expect(bo.page.getByRole("switch", { name: "Servers without a name" })).toHaveCount(0);
  await ana.say("Still here");
  await expect(bo.message("Still here")).toBeVisible();
  await Promise.all([ana.close(), bo.close()]);
});
