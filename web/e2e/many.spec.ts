/**
 * An account with very many conversations. `IM2_MANY=10000` makes more of them than every run does. The figures are in the
 * annotations of the report; `cargo xtask figures` holds them against their bounds.
 */
import { type Browser, type CDPSession, expect, type Page, test } from "@playwright/test";
import { type Actor, ask, register, say } from "./actors.ts";
import { freshName, Person } from "./people.ts";

const ROOMS = Number(process.env.IM2_MANY ?? 2_000);
/** How long a room may take to be made, on a server that was built to be debugged. */
const MADE_WITHIN_MS = 200;
/** Requests at a time while the rooms are made. */
const AT_ONCE = 16;
/** What the list may cost, in bytes on the wire, and how long it may take. */
const BYTES = 600_000;
const TIMED = process.env.IM2_TIMED === "1";
const SIGN_IN_MS = ROOMS > 2_000 ? 2_500 : 1_500;
const RELOAD_MS = 800;

let ana: Actor;
let bo: Actor;
const name = freshName("ana");
/** By their numbers; the last one is the newest. */
const rooms: string[] = [];
/** Rooms with an unread message of Bo's. */
const SHARED_EVERY = 20;
const isShared = (index: number) => index % SHARED_EVERY === 0;
/** A direct chat, a favourite, a muted one, a mention, an encrypted one: far down in the list. */
const DIRECT = 40;
const FAVOURITE = 45;
const MENTIONED = 60;
const ENCRYPTED = 65;
/** One of Ana's own, in the middle of the list where it is long. */
const OWN = Math.min(777, ROOMS - 51);

async function makeRoom(index: number): Promise<void> {
  const shared = isShared(index);
  const { room_id: roomId } = await ask<{ room_id: string }>(ana, "POST", "/createRoom", {
    ...(index === DIRECT ? { preset: "trusted_private_chat", is_direct: true } : { preset: "private_chat" }),
    ...(index === DIRECT ? {} : { name: `Room ${index}` }),
    ...(shared ? { invite: [bo.id] } : {}),
    ...(index === ENCRYPTED
      ? {
          initial_state: [{ type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } }],
        }
      : {}),
  });
  rooms[index] = roomId;
  if (shared) await ask(bo, "POST", `/rooms/${encodeURIComponent(roomId)}/join`, {});
  const mentions = index === MENTIONED ? { "m.mentions": { user_ids: [ana.id] } } : {};
  if (index !== ENCRYPTED) await say(shared ? bo : ana, roomId, `m${index}`, `Message ${index}`, mentions);
}

test.beforeAll(async () => {
  test.setTimeout(Math.max(600_000, ROOMS * MADE_WITHIN_MS));
  [ana, bo] = await Promise.all([register(name), register(freshName("bo"))]);
  await ask(bo, "PUT", `/profile/${encodeURIComponent(bo.id)}/displayname`, { displayname: "Bo Berg" });
  // The first and the last one have their places for certain.
  await makeRoom(0);
  let next = 1;
  const work = async () => {
    while (next < ROOMS - 1) await makeRoom(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await makeRoom(ROOMS - 1);
  const data = `/user/${encodeURIComponent(ana.id)}`;
  await ask(ana, "PUT", `${data}/account_data/m.direct`, { [bo.id]: [rooms[DIRECT]] });
  await ask(ana, "PUT", `${data}/rooms/${encodeURIComponent(rooms[FAVOURITE] ?? "")}/tags/m.favourite`, {});
});

/** Counts what the server's answers weigh on the wire. */
async function weigh(cdp: CDPSession): Promise<{ bytes: number }> {
  const weight = { bytes: 0 };
  const ours = new Set<string>();
  cdp.on("Network.responseReceived", ({ requestId, response }) => {
    if (response.url.includes("/_matrix/")) ours.add(requestId);
  });
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (ours.has(requestId)) weight.bytes += encodedDataLength;
  });
  await cdp.send("Network.enable");
  return weight;
}

function note(type: string, value: string | number): void {
  test.info().annotations.push({ type, description: String(value) });
}

async function noteHeap(page: Page, type: string): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  note(type, (usedSize / 1e6).toFixed(1));
  await cdp.detach();
}

async function signedIn(browser: Browser): Promise<Person> {
  const person = await Person.atSignIn(browser, name);
  const { page } = person;
  const weight = await weigh(await page.context().newCDPSession(page));
  const started = Date.now();
  await page.locator("button[type=submit]").click();
  await expect(person.chat(`Room ${ROOMS - 1}`)).toBeVisible({ timeout: 60_000 });
  const first = Date.now() - started;
  await expect(page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(ROOMS), {
    timeout: 60_000,
  });
  note("sign-in to list (ms)", first);
  note("sign-in to whole list (ms)", Date.now() - started);
  await noteHeap(page, "heap with the whole list (MB)");
  note("compressed (KB)", Math.round(weight.bytes / 1000));
  if (TIMED) expect(first).toBeLessThan(SIGN_IN_MS);
  if (ROOMS <= 2_000) expect(weight.bytes).toBeLessThan(BYTES);
  return person;
}

test("an account with very many conversations", async ({ browser }) => {
  test.setTimeout(300_000);
  const person = await signedIn(browser);
  const { page } = person;
  const list = page.locator(".chats__list");
  const rowOf = (index: number) => {
    const called = page.locator(".chat-row__name", { hasText: new RegExp(`^Room ${index}$`) });
    return page.locator(".chat-row", { has: called });
  };
  const reveal = async (index: number, row = rowOf(index)) => {
    // Rooms are made side by side: one that took longer is higher up than its number says.
    for (const away of [0, -10, 10, -20, 20, -30, 30, -40, -50, -60]) {
      await list.evaluate(
        async (element, place) => {
          const size = Number(element.querySelector("[aria-setsize]")?.getAttribute("aria-setsize"));
          element.scrollTop = (element.scrollHeight * place) / size;
          for (let frames = 0; frames < 3; frames++) await new Promise(requestAnimationFrame);
        },
        ROOMS - index - 4 + away,
      );
      if (await row.isVisible()) break;
    }
    await expect(row).toBeVisible();
    return row;
  };

  await test.step("only rows in sight are rendered, and scrolling renders within a frame", async () => {
    expect(await page.locator(".chat-row").count()).toBeLessThan(60);
    const median = await list.evaluate(async (element) => {
      const frames: number[] = [];
      let last = performance.now();
      for (let step = 0; step < 60; step++) {
        element.scrollTop += 900;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
      }
      return frames.sort((a, b) => a - b)[Math.floor(frames.length / 2)] ?? 0;
    });
    note("median frame (ms)", median.toFixed(1));
    if (TIMED) expect(median).toBeLessThan(50);
  });

  await test.step("names, marks, counts and last messages are there before a room is loaded", async () => {
    await expect(page.locator(".chat-row").first()).toBeVisible();
    await list.evaluate((element) => {
      element.scrollTop = 0;
    });
    await expect(page.locator(".chat-row").first()).toContainText(`Room ${FAVOURITE}`);
    const mentioned = await reveal(MENTIONED);
    await expect(mentioned.getByRole("img", { name: /mention/i })).toBeVisible();
    await expect(mentioned).toContainText(`Bo Berg: Message ${MENTIONED}`);
    await reveal(DIRECT, page.locator(".chat-row__name", { hasText: /^Bo Berg$/ }));
    await list.evaluate((element) => {
      element.scrollTop = element.scrollHeight;
    });
    await expect(page.locator(`[aria-posinset="${ROOMS}"]`)).toContainText("Room 0");
    await page.getByRole("button", { name: "Unread" }).click();
    await expect(page.locator("[aria-setsize]").first()).toHaveAttribute(
      "aria-setsize",
      String(Math.ceil((ROOMS - 1) / SHARED_EVERY)),
    );
    await page.getByRole("button", { name: "All" }).click();
  });

  await test.step("a room far down opens, and what is said there arrives", async () => {
    await (await reveal(120)).click();
    await expect(person.message("Message 120")).toBeVisible();
    await person.say("Said from far down");
    await list.evaluate((element) => {
      element.scrollTop = 0;
    });
    await expect(rowOf(120)).toContainText("Said from far down");
  });

  await test.step("an encrypted room stays encrypted", async () => {
    await page.goto(`/room/${rooms[ENCRYPTED]}`);
    await person.say("A secret");
    const path = `/rooms/${encodeURIComponent(rooms[ENCRYPTED] ?? "")}/messages?dir=b&limit=1`;
    const { chunk } = await ask<{ chunk: { type: string }[] }>(ana, "GET", path);
    expect(chunk[0]?.type).toBe("m.room.encrypted");
  });

  await test.step("a message in a room that is not loaded comes in with all it needs", async () => {
    await say(bo, rooms[200] ?? "", "late", "News from afar", { "m.mentions": { user_ids: [ana.id] } });
    const row = rowOf(200);
    await expect(row).toContainText("Bo Berg: News from afar");
    await expect(row.getByRole("img", { name: /mention/i })).toBeVisible();
    await expect(row.locator(".badge", { hasText: "2" })).toBeVisible();
    await row.click();
    await expect(person.message("Message 200")).toBeVisible();
    await expect(row.locator(".badge")).toHaveCount(0);
  });

  await test.step("what another device reads, leaves or takes back counts here", async () => {
    const read = rooms[220] ?? "";
    await (await reveal(220)).scrollIntoViewIfNeeded();
    await expect(rowOf(220).locator(".badge")).toBeVisible();
    const { chunk } = await ask<{ chunk: { event_id: string }[] }>(
      ana,
      "GET",
      `/rooms/${encodeURIComponent(read)}/messages?dir=b&limit=1`,
    );
    await ask(ana, "POST", `/rooms/${encodeURIComponent(read)}/receipt/m.read/${chunk[0]?.event_id}`, {});
    await expect(rowOf(220).locator(".badge")).toHaveCount(0);
    await ask(ana, "POST", `/rooms/${encodeURIComponent(rooms[222] ?? "")}/leave`, {});
    await expect(rowOf(222)).toHaveCount(0);
    await expect(page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(ROOMS - 1));
  });

  await test.step("it is found by its name", async () => {
    await page.keyboard.press("Control+k");
    await page.keyboard.type(`Room ${OWN}`);
    await page.keyboard.press("Enter");
    await expect(person.message(`Message ${OWN}`)).toBeVisible();
  });

  await test.step("the list is there at once after a reload", async () => {
    await page.goto("/");
    await expect(rowOf(200)).toBeVisible();
    const weight = await weigh(await page.context().newCDPSession(page));
    const started = Date.now();
    await page.reload({ waitUntil: "commit" });
    await expect(rowOf(200)).toBeVisible();
    const took = Date.now() - started;
    note("reload (ms)", took);
    if (TIMED) expect(took).toBeLessThan(RELOAD_MS);
    await expect(page.locator("[aria-setsize]").first()).toHaveAttribute("aria-setsize", String(ROOMS - 1));
    note("reload, compressed (KB)", Math.round(weight.bytes / 1000));
    expect(weight.bytes).toBeLessThan(BYTES / 4);
  });

  await test.step("what changed while away is right afterwards, however much it is", async () => {
    await page.goto("about:blank");
    const shared = Array.from({ length: Math.min(80, Math.floor(ROOMS / SHARED_EVERY)) }, (_, at) => at * SHARED_EVERY);
    for (const index of shared) await say(bo, rooms[index] ?? "", `away${index}`, `While away ${index}`);
    await ask(bo, "PUT", `/rooms/${encodeURIComponent(rooms[0] ?? "")}/send/m.reaction/r1`, {}).catch(() => undefined);
    await page.goto("/");
    const newest = shared.at(-1) ?? 0;
    await expect(rowOf(newest)).toContainText(`While away ${newest}`);
    await page.getByRole("button", { name: "Unread" }).click();
    // Into the midst of them; others that are unread come after.
    await list.evaluate((element) => {
      element.scrollTop = Math.min(element.scrollHeight / 2, 2_000);
    });
    await expect(page.locator(".chat-row", { hasText: "While away" }).first()).toBeVisible();
    await page.getByRole("button", { name: "All" }).click();
  });

  await test.step("without a network the list and recent conversations can be read", async () => {
    await page.goto(`/room/${rooms[OWN]}`);
    await expect(person.message(`Message ${OWN}`)).toBeVisible();
    await page.context().setOffline(true);
    await expect(person.message(`Message ${OWN}`)).toBeVisible();
    await page.context().setOffline(false);
  });
  await person.close();
});
