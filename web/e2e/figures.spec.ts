/**
 * How long people wait for what they do all day, and what a long conversation costs. Every run does a little of each;
 * `cargo xtask figures` does enough of it to hold the figures against their bounds, with the release binary. The figures
 * are in the annotations of the report.
 */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { type Actor, ask, register, say } from "./actors.ts";
import { freshName, Person } from "./people.ts";

const TIMED = process.env.IM2_TIMED === "1";
/** Longer than anything may take; a wait in the page would never end by itself. */
const PATIENCE_MS = 20_000;

const ROOMS = TIMED ? 8 : 3;
const ROUNDS = TIMED ? 5 : 1;
const MESSAGES = TIMED ? 300 : 30;
const HISTORY = TIMED ? 20_000 : 400;
const SENT = TIMED ? 40 : 5;
/** Requests at a time while the scene is set. */
const AT_ONCE = 16;

/** Does `count` things, some of them at a time. */
async function inParallel(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Notes the median and the 95th percentile, in milliseconds; `bound` is for the latter. */
function hold(what: string, times: readonly number[], bound: number): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  note(`${what}: median, p95 (ms)`, `${at(0.5).toFixed(1)}, ${at(0.95).toFixed(1)} of ${bound}`);
  if (TIMED) expect.soft(at(0.95), what).toBeLessThanOrEqual(bound);
}

function note(type: string, description: string): void {
  test.info().annotations.push({ type, description });
  process.stdout.write(`${type}: ${description}\n`);
}

async function signedIn(browser: Browser, name: string): Promise<Person> {
  const person = await Person.atSignIn(browser, name);
  await person.page.locator("button[type=submit]").click();
  await expect(person.page.locator(".chat-row").first()).toBeVisible();
  await watchFrames(person.page);
  return person;
}

/** Clicks a row and waits until the newest message of its conversation stands in a frame. */
function switchTo(page: Page, name: string, newest: string): Promise<number> {
  return page.evaluate(
    async ([name, newest, patience]) => {
      const rows = [...document.querySelectorAll<HTMLElement>(".chat-row")];
      const row = rows.find((one) => one.querySelector(".chat-row__name")?.textContent === name);
      if (row === undefined) throw new Error(`no row for ${name}`);
      const started = performance.now();
      const framed = window.framed(newest, patience);
      row.click();
      return (await framed) - started;
    },
    [name, newest, PATIENCE_MS] as const,
  );
}

/** The moment in which a frame has the message in it, on the clock of all pages. */
function seen(page: Page, text: string): Promise<number> {
  return page.evaluate(async ([text, patience]) => performance.timeOrigin + (await window.framed(text, patience)), [
    text,
    PATIENCE_MS,
  ] as const);
}

declare global {
  interface Window {
    /** The moment of the first frame whose last message begins so. */
    framed(text: string, patience: number): Promise<number>;
  }
}

/** Watches for changes, not from frame to frame: drawing all the time would take the time of what is measured. */
async function watchFrames(page: Page): Promise<void> {
  const install = () => {
    window.framed = (text, patience) =>
      new Promise((resolve, reject) => {
        const isThere = () =>
          [...document.querySelectorAll(".bubble__text")].at(-1)?.textContent?.startsWith(text) === true;
        const stop = (settle: () => void) => {
          watcher.disconnect();
          clearTimeout(timer);
          settle();
        };
        const look = () => {
          if (isThere()) stop(() => requestAnimationFrame(() => resolve(performance.now())));
        };
        const watcher = new MutationObserver(look);
        const timer = setTimeout(() => stop(() => reject(new Error(`${text} does not come`))), patience);
        watcher.observe(document.body, { childList: true, subtree: true, characterData: true });
        look();
      });
  };
  // In this document, and in those that come.
  await page.evaluate(install);
  await page.addInitScript(install);
}

/** The moment of the next press of Enter. */
function pressed(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const onKey = ({ key, timeStamp }: KeyboardEvent) => {
          if (key === "Enter") resolve(performance.timeOrigin + timeStamp);
        };
        window.addEventListener("keydown", onKey, { capture: true, once: true });
      }),
  );
}

async function heap(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  await cdp.detach();
  return usedSize / 1e6;
}

test("changing between conversations", async ({ browser }) => {
  test.setTimeout(600_000);
  const name = freshName("ana");
  const ana = await register(name);
  const ids: string[] = [];
  const nameOf = (index: number) => `Figures ${index}`;
  const newestOf = (index: number) => `The newest of ${index}`;
  await inParallel(ROOMS, async (index) => {
    const { room_id: id } = await ask<{ room_id: string }>(ana, "POST", "/createRoom", {
      preset: "private_chat",
      name: nameOf(index),
    });
    ids[index] = id;
    for (let number = 0; number < MESSAGES; number++) await say(ana, id, `m${number}`, `Message ${number} of ${index}`);
    await say(ana, id, "newest", newestOf(index));
  });
  const person = await signedIn(browser, name);
  await expect(person.page.locator(".chat-row")).toHaveCount(ROOMS);
  const round = async () => {
    const times: number[] = [];
    for (let index = 0; index < ROOMS; index++) {
      times.push(await switchTo(person.page, nameOf(index), newestOf(index)));
      await expect(person.page.locator(".timeline__content")).toBeVisible();
    }
    return times;
  };
  hold("the first time", await round(), 100);
  const again: number[] = [];
  for (let number = 0; number < ROUNDS; number++) again.push(...(await round()));
  hold("again", again, 50);
  await person.close();
});

test("sending", async ({ browser }) => {
  test.setTimeout(300_000);
  const [name, other] = [freshName("ana"), freshName("bo")];
  const [ana, bo] = await Promise.all([register(name), register(other)]);
  const { room_id: roomId } = await ask<{ room_id: string }>(ana, "POST", "/createRoom", {
    preset: "private_chat",
    name: "Figures",
    invite: [bo.id],
  });
  await ask(bo, "POST", `/rooms/${encodeURIComponent(roomId)}/join`, {});
  for (let number = 0; number < MESSAGES; number++) await say(ana, roomId, `m${number}`, `Before ${number}`);
  const people = [await signedIn(browser, name), await signedIn(browser, other)] as const;
  const [{ page: here }, { page: there }] = people;
  for (const { page } of people) await page.goto(`/room/${roomId}`);
  for (const person of people) await expect(person.message(`Before ${MESSAGES - 1}`)).toBeVisible();
  const own: number[] = [];
  const others: number[] = [];
  for (let number = 0; number < SENT; number++) {
    const text = `Now ${number}`;
    await people[0].composer.fill(text);
    const moments = Promise.all([pressed(here), seen(here, text), seen(there, text)]);
    await people[0].composer.press("Enter");
    const [enter, bubble, arrival] = await moments;
    own.push(bubble - enter);
    others.push(arrival - enter);
    await expect(people[0].message(text)).toHaveAttribute("data-status", "sent");
  }
  // A frame is a sixtieth of a second by itself.
  hold("Enter to the own message", own, 20 + 1000 / 60);
  hold("Enter to the other screen", others, 120);
  for (const person of people) await person.close();
});

test("a long conversation", async ({ browser }) => {
  test.setTimeout(1_200_000);
  const name = freshName("ana");
  const ana: Actor = await register(name);
  const { room_id: roomId } = await ask<{ room_id: string }>(ana, "POST", "/createRoom", {
    preset: "private_chat",
    name: "Long",
  });
  await inParallel(HISTORY, (number) => say(ana, roomId, `m${number}`, `Message ${number}`));
  const person = await signedIn(browser, name);
  const { page } = person;
  await page.goto(`/room/${roomId}`);
  await expect(page.locator(".message").last()).toBeVisible();
  const before = await heap(page);
  const scroller = page.locator(".timeline__scroller");
  let most = 0;
  await expect
    .poll(
      async () => {
        const rows = await scroller.evaluate((element) => {
          element.scrollTop = 0;
          return element.querySelectorAll(".message").length;
        });
        most = Math.max(most, rows);
        return page.locator(".timeline__beginning").count();
      },
      { timeout: 1_000_000, intervals: [20] },
    )
    .toBe(1);
  const after = await heap(page);
  note("heap before and after (MB)", `${before.toFixed(1)}, ${after.toFixed(1)} with ${HISTORY} messages`);
  note("rows at a time", String(most));
  expect(most).toBeLessThanOrEqual(450);
  if (TIMED) expect(after - before).toBeLessThan(150);
  await page.getByRole("button", { name: "Jump to the newest message" }).click();
  await expect(page.locator(".message").last()).toBeInViewport();
  await person.close();
});
