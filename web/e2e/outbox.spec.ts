/** What is on its way: nothing is lost, nothing pretends. Ana writes in a room in which Bo reads. */
import { expect, type Page, type Route, test } from "@playwright/test";
import { call, createRoom } from "./api.ts";
import { picture } from "./files.ts";
import { freshName, Person } from "./people.ts";

const SEND = "**/_matrix/client/v3/rooms/*/send/**";
const UPLOAD = "**/upload?**";
const FORBIDDEN = { status: 403, json: { errcode: "M_FORBIDDEN", error: "no" } };

let ana: Person;
let bo: Person;
let roomId: string;

test.beforeAll(async ({ browser }) => {
  ana = await Person.register(browser, "ana");
  bo = await Person.register(browser, "bo");
});

test.beforeEach(async () => {
  const name = freshName("Post");
  roomId = await createRoom(ana.page, { name, preset: "public_chat" });
  await call(bo.page, "POST", `/join/${encodeURIComponent(roomId)}`, {});
  for (const person of [ana, bo]) await person.chat(name).click();
  await ana.say("first");
  await expect(bo.message("first")).toBeVisible();
});

test.afterEach(async () => {
  await ana.page.unrouteAll({ behavior: "ignoreErrors" });
});

test.afterAll(async () => {
  await ana.close();
  await bo.close();
});

/** Writes without waiting for anything. */
async function write(page: Page, text: string): Promise<void> {
  await page.locator(".composer__input").fill(text);
  await page.locator(".composer__input").press("Enter");
}

/** All that was said, in its order. */
const said = (page: Page) =>
  page
    .locator(".message")
    .evaluateAll((rows) => rows.map((row) => row.querySelector(".bubble__text > :first-child")?.textContent));

const status = (text: string, value: string) => expect(ana.message(text)).toHaveAttribute("data-status", value);

async function expectSaid(texts: string[]): Promise<void> {
  for (const page of [ana.page, bo.page]) await expect.poll(() => said(page)).toEqual(texts);
}

test("three messages written offline go in their order, and those after them", async () => {
  await ana.page.context().setOffline(true);
  for (const text of ["one", "two", "three"]) await write(ana.page, text);
  await status("one", "waiting");
  await expect(ana.message("one")).toContainText("Waiting for the connection");
  await ana.page.context().setOffline(false);
  await write(ana.page, "four");
  await expectSaid(["first", "one", "two", "three", "four"]);
  for (const text of ["one", "two", "three", "four"]) await status(text, "sent");
  await expect(ana.page.locator(".trouble")).toHaveCount(0);
});

test("what waits for the server survives a reload", async () => {
  await ana.page.route(SEND, (route) => route.abort());
  for (const text of ["one", "two", "three"]) await write(ana.page, text);
  await status("one", "waiting");
  await ana.page.reload();
  for (const text of ["one", "two", "three"]) await expect(ana.message(text)).toBeVisible();
  await status("one", "waiting");
  await ana.page.unroute(SEND);
  await expectSaid(["first", "one", "two", "three"]);
  await ana.page.reload();
  await expectSaid(["first", "one", "two", "three"]);
});

test("an answer that gets lost does not make a message twice", async () => {
  const transactions = new Set<string>();
  let attempts = 0;
  await ana.page.route(SEND, async (route) => {
    transactions.add(route.request().url());
    attempts += 1;
    if (attempts > 1) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await write(ana.page, "once");
  await status("once", "sent");
  await write(ana.page, "after");
  await expectSaid(["first", "once", "after"]);
  await status("after", "sent");
  // The sync may be quicker than the second attempt.
  expect(transactions.size).toBe(2);
});

test("a server that is busy is asked again when it said, and one that fails later", async () => {
  const times: number[] = [];
  await ana.page.route(SEND, async (route) => {
    times.push(Date.now());
    if (times.length === 1) {
      await route.fulfill({
        status: 429,
        json: { errcode: "M_LIMIT_EXCEEDED", error: "slow down", retry_after_ms: 1500 },
      });
    } else if (times.length === 2) {
      await route.fulfill({ status: 502, body: "bad gateway" });
    } else await route.continue();
  });
  await write(ana.page, "patient");
  await status("patient", "waiting");
  await expect(ana.message("patient")).toContainText("Waiting for the server");
  await write(ana.page, "behind");
  await status("patient", "sent");
  await expectSaid(["first", "patient", "behind"]);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1400);
});

test("a refused message says why, is retried or discarded, and stops nobody", async () => {
  await ana.page.route(SEND, (route) =>
    route.request().postData()?.includes("refused") === true ? route.fulfill(FORBIDDEN) : route.continue(),
  );
  await write(ana.page, "refused once");
  await write(ana.page, "refused for good");
  await write(ana.page, "fine");
  await status("fine", "sent");
  await status("refused once", "failed");
  await expect(ana.message("refused once")).toContainText("Not sent. You are not allowed to do that.");
  await ana.page.screenshot({ path: "test-output/screens/outbox-refused.png" });
  await ana.page.reload();
  await status("refused once", "failed");
  await expect(ana.message("refused once")).toContainText("You are not allowed to do that.");
  await ana.page.unroute(SEND);
  await ana.message("refused once").getByRole("button", { name: "Try again" }).click();
  await status("refused once", "sent");
  await ana.message("refused for good").getByRole("button", { name: "Discard" }).click();
  await expectSaid(["first", "fine", "refused once"]);
});

test("a refused edit is undone, says so, and blocks nothing", async () => {
  await ana.page.route(SEND, (route) =>
    route.request().postData()?.includes("m.replace") === true ? route.fulfill(FORBIDDEN) : route.continue(),
  );
  await ana.composer.press("ArrowUp");
  await ana.composer.fill("changed");
  await ana.composer.press("Enter");
  const row = ana.message("first");
  await expect(row).toContainText("Your edit was not saved. You are not allowed to do that.");
  await expect(row).not.toContainText("edited");
  await ana.page.screenshot({ path: "test-output/screens/outbox-refused-edit.png" });
  await ana.say("next");
  await expect(bo.message("next")).toBeVisible();
  await ana.page.unroute(SEND);
  await row.getByRole("button", { name: "Try again" }).click();
  await expect(bo.message("changed")).toContainText("edited");
  await expect(ana.message("changed")).toContainText("edited");
  await expect(ana.page.locator(".trouble")).toHaveCount(0);
});

test("a reaction that the room does not allow goes away and says so", async () => {
  await call(ana.page, "PUT", `/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`, {
    ...(await call<object>(ana.page, "GET", `/rooms/${encodeURIComponent(roomId)}/state/m.room.power_levels/`)),
    events: { "m.reaction": 50 },
  });
  const row = bo.message("first");
  await row.hover();
  await row.locator(".message__toolbar button").last().click();
  await bo.page.getByRole("button", { name: "React with 👍" }).click();
  await expect(row).toContainText("Your reaction 👍 was not sent. You are not allowed to do that.");
  await expect(row.locator(".reaction")).toHaveCount(0);
  await bo.say("I can still write");
  await expect(ana.message("I can still write")).toBeVisible();
  await row.getByRole("button", { name: "Discard" }).click();
  await expect(bo.page.locator(".trouble")).toHaveCount(0);
});

test("what refers to a message that is still here follows it, or goes with it", async () => {
  await ana.page.route(SEND, (route) => route.abort());
  await write(ana.page, "helo");
  await status("helo", "waiting");
  await ana.composer.press("ArrowUp");
  await ana.composer.fill("hello");
  await ana.composer.press("Enter");
  await expect(ana.message("hello")).toContainText("edited");
  await ana.message("hello").hover();
  await ana.message("hello").locator(".message__toolbar button").last().click();
  await ana.page.getByRole("button", { name: "React with 👍" }).click();
  await expect(ana.message("hello").locator(".reaction")).toContainText("1");
  await ana.page.unroute(SEND);
  await expect(bo.message("hello")).toContainText("edited");
  await expect(bo.message("hello").locator(".reaction")).toContainText("1");

  let requests = 0;
  await ana.page.route(SEND, (route) => {
    requests += 1;
    return route.fulfill(FORBIDDEN);
  });
  await write(ana.page, "never");
  await status("never", "failed");
  expect(requests).toBe(1);
  await ana.message("never").getByRole("button", { name: "Discard" }).click();
  await expect(ana.message("never")).toHaveCount(0);
});

test("an upload goes on when one leaves, and its failure is there on return", async () => {
  const other = freshName("Other");
  await createRoom(ana.page, { name: other, preset: "private_chat" });
  let answer: (route: Route) => Promise<void> = (route) =>
    route.fulfill({ status: 413, json: { errcode: "M_TOO_LARGE" } });
  let uploads = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await ana.page.route(UPLOAD, async (route) => {
    uploads += 1;
    await held;
    await answer(route);
  });
  await ana.page.locator("input[type=file]").setInputFiles([picture("one.png"), picture("two.png")]);
  await ana.page.locator(".dialog .button--primary").click();
  const upload = (name: string) => ana.page.locator(".upload", { hasText: name });
  await expect(upload("one.png").locator("progress")).toBeVisible();
  await ana.chat(other).click();
  await expect(ana.page.locator(".header__name")).toHaveText(other);
  await expect(ana.page.locator(".upload")).toHaveCount(0);
  await ana.page.goBack();
  await expect(upload("one.png").locator("progress")).toBeVisible();
  await upload("two.png").getByRole("button", { name: "Cancel the upload" }).click();
  await expect(upload("two.png")).toHaveCount(0);
  await ana.chat(other).click();
  await expect(ana.page.locator(".header__name")).toHaveText(other);
  release();
  await ana.page.goBack();
  await expect(upload("one.png")).toContainText("Not uploaded. That file is too large for this server.");
  await ana.page.screenshot({ path: "test-output/screens/outbox-upload.png" });
  await ana.page.reload();
  await expect(upload("one.png")).toContainText("Not uploaded.");
  answer = (route) => route.continue();
  await ana.page.route(SEND, (route) => route.fulfill(FORBIDDEN));
  await upload("one.png").getByRole("button", { name: "Try again" }).click();
  await expect(upload("one.png")).toHaveCount(0);
  const row = ana.page.locator(".message", { has: ana.page.locator(".picture") });
  await expect(row).toHaveAttribute("data-status", "failed");
  await ana.page.unroute(SEND);
  await row.getByRole("button", { name: "Try again" }).click();
  await expect(bo.page.getByRole("button", { name: "Open picture one.png" })).toBeVisible();
  expect(uploads).toBe(2);
});

test("what is written after a file comes after it", async () => {
  await ana.page.locator("input[type=file]").setInputFiles(picture("before.png"));
  await ana.page.locator(".dialog .button--primary").click();
  await write(ana.page, "after the picture");
  await expect(bo.message("after the picture")).toBeVisible();
  await expect(bo.page.locator(".message").nth(1).locator(".picture")).toBeVisible();
});

test("another tab that takes over goes on with what waits", async () => {
  const context = ana.page.context();
  await context.route(SEND, (route) => route.abort());
  await write(ana.page, "from one");
  await write(ana.page, "as well");
  await status("from one", "waiting");
  const second = await context.newPage();
  await second.goto(`/room/${roomId}`);
  await second.getByRole("button", { name: "Use here" }).click();
  await expect(second.locator(".message:not([data-status=sent])")).toHaveCount(2);
  await write(second, "from two");
  await context.unroute(SEND);
  const all = ["first", "from one", "as well", "from two"];
  for (const page of [second, bo.page]) await expect.poll(() => said(page)).toEqual(all);
  await ana.page.getByRole("button", { name: "Use here" }).click();
  await expect.poll(() => said(ana.page)).toEqual(all);
  await second.close();
});

test("signing out with unsent messages warns, and lets one go back", async () => {
  const { page } = ana;
  await page.route(SEND, (route) => route.abort());
  await write(page, "not yet");
  await status("not yet", "waiting");
  const askToLeave = async () => {
    await page.goto("/settings");
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator(".dialog .button--danger").click();
    await expect(page.locator(".dialog")).toContainText("1 thing that you wrote has not been sent yet.");
  };
  await askToLeave();
  await page.screenshot({ path: "test-output/screens/outbox-sign-out.png" });
  await page.getByRole("button", { name: "Go back" }).click();
  await expect(page.locator(".dialog")).toHaveCount(0);
  await page.goto(`/room/${roomId}`);
  await expect(ana.message("not yet")).toBeVisible();
  await page.unroute(SEND);
  await status("not yet", "sent");
});

test("one's own message is there within a frame", async () => {
  const { page } = ana;
  const times: number[] = [];
  for (let index = 0; index < 20; index++) {
    await ana.composer.fill(`quick ${index}`);
    const shown = page.evaluate(
      (text) =>
        new Promise<number>((resolve) => {
          let pressed = 0;
          window.addEventListener("keydown", () => (pressed = performance.now()), { capture: true, once: true });
          const look = () => {
            const last = [...document.querySelectorAll(".message")].at(-1);
            if (last?.textContent?.includes(text) !== true) return;
            observer.disconnect();
            resolve(performance.now() - pressed);
          };
          const observer = new MutationObserver(look);
          observer.observe(document.querySelector(".timeline__content") as Element, { childList: true, subtree: true });
        }),
      `quick ${index}`,
    );
    await ana.composer.press("Enter");
    times.push(await shown);
  }
  times.sort((a, b) => a - b);
  const [median = 0, worst = 0] = [times[10], times[18]];
  process.stdout.write(`Enter to own bubble: median ${median.toFixed(1)} ms, p95 ${worst.toFixed(1)} ms\n`);
  expect(median).toBeLessThan(100);
  await expect(bo.message("quick 19")).toBeVisible();
});
