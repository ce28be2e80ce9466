/** Notifications while the client is closed: subscribed, encrypted, shown by the service worker, and taken back. */
import { type Browser, type BrowserContextOptions, expect, type Page, test } from "@playwright/test";
import { call, createRoom, keysPublished, sendText, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { Peer } from "./peer.ts";
import { freshName, PASSWORD, Person } from "./people.ts";
import { Background, PushService, subscribeTo } from "./push.ts";

const BASE = process.env.IM2_BASE_URL ?? "";

interface Pusher {
  kind: string;
  pushkey: string;
  activated: boolean;
  lang: string;
  data: Record<string, unknown>;
}

let service: PushService;

test.beforeEach(async () => {
  service = new PushService();
  await service.start();
});
test.afterEach(() => service.stop());

const pushers = async (page: Page) => (await call<{ pushers: Pusher[] }>(page, "GET", "/pushers")).pushers;
const status = (page: Page) => page.locator(".settings__text[role=status]");

/** Somebody whose browser may show notifications. They have answered the server's first message. */
async function notified(person: Person): Promise<Background> {
  const { page } = person;
  await page.goto("/settings/notifications");
  const background = await Background.of(page);
  await background.push(await service.next());
  await expect(status(page)).toContainText("Also while IM2 is closed");
  return background;
}

async function register(browser: Browser, base: string): Promise<Person> {
  const options: BrowserContextOptions = { serviceWorkers: "allow", permissions: ["notifications"] };
  return Person.register(browser, base, options, (context) => subscribeTo(context, service));
}

/** A second session of somebody, without a client. */
async function elsewhere(page: Page, name: string) {
  const identifier = { type: "m.id.user", user: name };
  const login = { type: "m.login.password", identifier, password: PASSWORD };
  const { access_token } = (await (await page.request.post("/_matrix/client/v3/login", { data: login })).json()) as {
    access_token: string;
  };
  const headers = { Authorization: `Bearer ${access_token}` };
  return {
    read: (roomId: string, eventId: string) =>
      page.request.post(
        `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(eventId)}`,
        { headers, data: {} },
      ),
  };
}

test("messages are shown while the client is closed, and go when they were read elsewhere", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await register(browser, "bo")];
  const bot = await userIdOf(bo.page);
  const background = await notified(bo);
  await look(bo.page, "settings-notifications-closed");
  expect(await pushers(bo.page)).toMatchObject([
    { kind: "webpush", pushkey: service.publicKey, activated: true, data: { account: bot } },
  ]);
  const kitchen = await createRoom(ana.page, { preset: "private_chat", name: "Kitchen", invite: [bot] });
  await background.push(await service.nextEvent());
  // The open client has told of it already, or nobody is looking: one notification in any case.
  await expect.poll(() => background.shown()).toMatchObject([{ title: ana.name, body: "Invites you to Kitchen" }]);
  await bo.page.goto(`/room/${kitchen}`);
  await bo.page.locator(".conversation-card .button--primary").click();
  await expect(bo.composer).toBeVisible();
  await bo.page.close();

  const badges = await background.watchBadge();
  let last = "";
  await test.step("one for each conversation, which the next message replaces", async () => {
    const secret = await createRoom(ana.page, { preset: "trusted_private_chat", invite: [bot], is_direct: true });
    await background.push(await service.nextEvent());
    await sendText(ana.page, kitchen, "Dinner is ready");
    await background.push(await service.nextEvent());
    await expect
      .poll(() => background.shown())
      .toMatchObject([
        { title: ana.name, body: "Invites you to a chat" },
        { title: `${ana.name} in Kitchen`, body: "Dinner is ready" },
      ]);
    last = await sendText(ana.page, kitchen, "Where are you?");
    await background.push(await service.nextEvent());
    await expect
      .poll(async () => (await background.shown()).map(({ body }) => body))
      .toEqual(["Invites you to a chat", "Where are you?"]);
    expect(await background.press(ana.name)).toBe(
      `/room/${encodeURIComponent(secret)}?account=${encodeURIComponent(bot)}`,
    );
  });

  await test.step("what does not fit is fetched, with a token that has expired meanwhile", async () => {
    await new Promise((resolve) => setTimeout(resolve, 21_000));
    last = await sendText(ana.page, kitchen, `It is a long story. ${"and then ".repeat(450)}`);
    const data = await service.nextEvent();
    expect(data).not.toContain("long story");
    await background.push(data);
    await expect
      .poll(async () => (await background.shown()).map(({ body }) => body.slice(0, 20)))
      .toEqual(["It is a long story. "]);
  });

  await test.step("read on another device, it goes", async () => {
    await (await elsewhere(background.blank, bo.name)).read(kitchen, last);
    await background.push(await service.next());
    await expect.poll(() => background.shown()).toEqual([]);
    const counted = await badges();
    const most = Math.max(...counted);
    expect(most).toBeGreaterThan(0);
    expect(counted.at(-1)).toBeLessThan(most);
  });

  await test.step("the client that is opened again goes on with the worker's token", async () => {
    const page = await background.blank.context().newPage();
    await page.goto(`/room/${kitchen}`);
    await expect(page.locator(".bubble__text", { hasText: "Where are you?" })).toBeVisible();
    await page.close();
  });
  await ana.close();
  await bo.close();
});

/** Hands the worker whatever is pushed, until it shows this and nothing else. */
async function expectShown(background: Background, body: string): Promise<void> {
  const shown = async () => {
    while (service.waiting > 0) await background.push(await service.next());
    return (await background.shown()).map((one) => one.body);
  };
  await expect.poll(shown, { timeout: 30_000 }).toEqual([body]);
}

/** What the worker has to decrypt with. */
const workerKeys = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<unknown[]>((resolve, reject) => {
        const opening = indexedDB.open("im2-push");
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const all = opening.result.transaction("accounts").objectStore("accounts").getAll();
          all.onsuccess = () => {
            opening.result.close();
            resolve((all.result as { keys?: unknown }[]).flatMap(({ keys }) => keys ?? []));
          };
        };
      }),
  );

test("an open client decides: nothing for what is in sight, its own words for the rest", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await register(browser, "bo")];
  const background = await notified(bo);
  await ana.startChat(bo.name);
  await ana.say("hello");
  await background.push(await service.nextEvent());
  const go = (place: string) => bo.page.locator(".rail__link", { hasText: place }).click();
  await go("Chats");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("hello")).toBeVisible();
  await bo.page.bringToFront();
  await ana.say("in sight");
  await expect(bo.message("in sight")).toBeVisible();
  await background.push(await service.nextEvent());
  await go("People");
  await ana.say("a word in private");
  const data = await service.nextEvent();
  await expect.poll(() => background.shown()).toMatchObject([{ title: ana.name, body: "a word in private" }]);
  await background.push(data);
  // What was true before this message came, and arrives after it.
  const account = await userIdOf(bo.page);
  await background.push(JSON.stringify({ notification: { counts: { unread: 0 }, devices: [{ data: { account } }] } }));
  await background.blank.waitForTimeout(1_000);
  expect(await background.shown()).toMatchObject([{ body: "a word in private" }]);
  await ana.say("another one");
  await background.push(await service.nextEvent());
  await expect.poll(() => background.shown()).toMatchObject([{ title: ana.name, body: "another one" }]);
  await background.press(ana.name);
  await expect(bo.page).toHaveURL(/\/room\//);
  await expect(bo.message("another one")).toBeVisible();
  await ana.close();
  await bo.close();
});

test("encrypted messages are read while the client is closed, where their keys are here", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await register(browser, "bo")];
  const background = await notified(bo);
  const { blank } = background;
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("hello");
  await bo.page.locator(".rail__link", { hasText: "Chats" }).click();
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("hello")).toBeVisible();
  const room = bo.page.url();
  await bo.page.close();

  await test.step("its text is shown, and the next one's", async () => {
    await ana.say("the key is under the mat");
    await expectShown(background, "the key is under the mat");
    await ana.say("and the cat is fed");
    await expectShown(background, "and the cat is fed");
  });

  const other = await Peer.signIn(BASE, ana.name);
  await test.step("a message whose key has not come is a new message, and is read by the client", async () => {
    const roomId = decodeURIComponent(room.split("/").at(-1) ?? "");
    await other.encrypted(roomId);
    await other.client.sendTextMessage(roomId, "from a new session");
    await expectShown(background, "New message");
    other.stop();
    const page = await blank.context().newPage();
    await page.goto(room);
    for (const text of ["the key is under the mat", "and the cat is fed", "from a new session"])
      await expect(page.locator(".bubble__text", { hasText: text })).toBeVisible();
    expect(await workerKeys(page)).toHaveLength(1);
    await page.close();
  });

  await test.step("a tab that opens while the worker reads gets its turn", async () => {
    await ana.say("just a moment");
    const data = await service.nextEvent();
    const page = await blank.context().newPage();
    await Promise.all([background.push(data), page.goto(room)]);
    await expect(page.locator(".bubble__text", { hasText: "just a moment" })).toBeVisible();
    await expect(page.getByRole("button", { name: "Use here" })).toHaveCount(0);

    await page.goto("/settings/notifications");
    await page.getByRole("switch", { name: "Show message text" }).uncheck();
    await expect.poll(() => workerKeys(page)).toEqual([]);
    await page.close();
  });

  await test.step("where what messages say is not to be shown, the worker has no keys", async () => {
    await ana.say("for your eyes only");
    await expectShown(background, "New message");
    const page = await blank.context().newPage();
    await page.goto("/settings/notifications");
    await page.getByRole("switch", { name: "Show message text" }).check();
    await expect.poll(() => workerKeys(page)).toHaveLength(1);
    await page.close();
    await ana.say("for everybody again");
    await expectShown(background, "for everybody again");
  });

  await test.step("signed out, it has neither keys nor anything to read", async () => {
    const page = await blank.context().newPage();
    await page.goto("/settings");
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator(".dialog .button--danger").click();
    await expect(page.locator("input[type=password]")).toBeVisible();
    const databases = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ""));
    await expect.poll(async () => (await databases()).filter((name) => name.includes(bo.name))).toEqual([]);
    expect(await workerKeys(page)).toEqual([]);
    await page.close();
    await ana.say("too late");
    while (service.waiting > 0) await background.push(await service.next());
    expect(await background.shown()).toEqual([]);
  });
  await ana.close();
  await bo.close();
});

test("quiet hours, hidden words, another subscription, and the end of it", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await register(browser, "bo")];
  const { page } = bo;
  const bot = await userIdOf(page);
  const background = await notified(bo);
  const room = await createRoom(ana.page, { preset: "public_chat", name: "Garden", room_alias_name: freshName("g") });
  await call(page, "POST", `/join/${encodeURIComponent(room)}`, {});
  await page.getByRole("switch", { name: "Show message text" }).uncheck();
  const reopen = async () => {
    const next = await background.blank.context().newPage();
    await next.goto("/settings/notifications");
    await expect(status(next)).toContainText("Also while IM2 is closed");
    return next;
  };
  await page.close();
  await sendText(ana.page, room, "The password is 1234");
  await background.push(await service.nextEvent());
  await expect.poll(() => background.shown()).toMatchObject([{ title: `${ana.name} in Garden`, body: "New message" }]);

  await test.step("nothing in quiet hours", async () => {
    const next = await reopen();
    await next.getByRole("switch", { name: "Use quiet hours" }).check();
    await next.getByLabel("From", { exact: true }).fill("00:00");
    await next.getByLabel("To", { exact: true }).fill("23:59");
    await next.getByLabel("Time zone").selectOption("Asia/Shanghai");
    const minute = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(11, 16);
    test.skip(minute === "23:59", "the one minute of the day that is not quiet");
    await next.goto(`/room/${room}`);
    await expect.poll(() => background.shown()).toEqual([]);
    await next.close();
    while (service.waiting > 0) await service.next();
    await sendText(ana.page, room, "Sleep well");
    await background.push(await service.nextEvent());
    await background.blank.waitForTimeout(1_000);
    expect(await background.shown()).toEqual([]);
  });

  await test.step("the subscription is renewed", async () => {
    const other = new PushService();
    await other.start();
    await background.renew(other.subscription("second"));
    const { pushkeys } = await expectPusher(ana.page, bo.name, other.publicKey);
    expect(pushkeys).toEqual([other.publicKey]);
    await background.push(await other.next());
    other.stop();
  });

  await test.step("switched off, it ends on the server, too", async () => {
    const next = await background.blank.context().newPage();
    await next.goto("/settings/notifications");
    await expect.poll(async () => (await pushers(next)).map(({ pushkey }) => pushkey)).toEqual([service.publicKey]);
    await next.getByRole("switch", { name: "Show notifications" }).uncheck();
    await expect.poll(() => pushers(next)).toEqual([]);
    expect(await next.evaluate(() => localStorage.getItem("test.push"))).toBeNull();
    await next.getByRole("switch", { name: "Show notifications" }).check();
    await expect.poll(async () => (await pushers(next)).length).toBe(1);
    expect(await next.evaluate(() => localStorage.getItem("test.push"))).not.toBeNull();
    // The permission is taken in the browser's own settings, and given again.
    await next.context().clearPermissions();
    await expect.poll(() => pushers(next)).toEqual([]);
    await expect(next.getByRole("switch", { name: "Show notifications" })).not.toBeChecked();
    await next.context().grantPermissions(["notifications"]);
    await expect.poll(async () => (await pushers(next)).length).toBe(1);
    await next.goto("/settings");
    await next.getByRole("button", { name: "Sign out", exact: true }).click();
    await next.locator(".dialog .button--danger").click();
    await expect(next.locator("input[type=password]")).toBeVisible();
    await expect.poll(() => next.evaluate(() => localStorage.getItem("test.push"))).toBeNull();
    const kept = await next.evaluate(
      () =>
        new Promise<number>((resolve, reject) => {
          const opening = indexedDB.open("im2-push");
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const counting = opening.result.transaction("accounts").objectStore("accounts").count();
            counting.onsuccess = () => resolve(counting.result);
          };
        }),
    );
    expect(kept).toBe(0);
  });
  expect(bot).toContain(bo.name);
  await ana.close();
  await bo.close();
});

test("an account that is not in use is notified, too, and opened by its notification", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await register(browser, "bo")];
  const { page } = bo;
  const bot = await userIdOf(page);
  const room = await createRoom(ana.page, { preset: "public_chat", name: "Garden" });
  await call(page, "POST", `/join/${encodeURIComponent(room)}`, {});
  const background = await notified(bo);
  const second = freshName("work");
  await page.locator(".rail__account").click();
  await page.getByRole("button", { name: "Add an account" }).click();
  await page.getByRole("link", { name: "New here? Create an account" }).click();
  await page.locator("input[name=username]").fill(second);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".rail__account")).toHaveAttribute("title", second);
  await background.push(await service.next());
  await page.locator(".rail__link", { hasText: "Settings" }).click();
  await page.getByRole("link", { name: "Notifications" }).click();
  await expect(status(page)).toContainText("Also while IM2 is closed");
  expect(await pushers(page)).toMatchObject([{ pushkey: service.publicKey, activated: true }]);

  await sendText(ana.page, room, "The roses are out");
  await background.push(await service.nextEvent());
  await expect
    .poll(() => background.shown())
    .toMatchObject([{ title: `${ana.name} in Garden`, body: "The roses are out" }]);
  await expect(page.locator(".rail__dot")).toBeVisible();
  await background.press(`${ana.name} in Garden`);
  await expect(page.locator(".rail__account")).toHaveAttribute("title", bo.name);
  await expect(bo.message("The roses are out")).toBeVisible();
  expect(await userIdOf(page)).toBe(bot);

  // The switch is the browser's: it counts for both.
  await page.goto("/settings/notifications");
  await page.getByRole("switch", { name: "Show notifications" }).uncheck();
  await expect.poll(() => pushers(page)).toEqual([]);
  await page.locator(".rail__account").click();
  await page.locator(".accounts__account", { hasText: second }).click();
  await expect(page.locator(".rail__account")).toHaveAttribute("title", second);
  expect(await pushers(page)).toEqual([]);
  await ana.close();
  await bo.close();
});

/** The pushers of somebody whose client is closed, once one has this key. */
async function expectPusher(page: Page, name: string, pushkey: string): Promise<{ pushkeys: string[] }> {
  const identifier = { type: "m.id.user", user: name };
  const login = { type: "m.login.password", identifier, password: PASSWORD };
  const { access_token } = (await (await page.request.post("/_matrix/client/v3/login", { data: login })).json()) as {
    access_token: string;
  };
  const headers = { Authorization: `Bearer ${access_token}` };
  let pushkeys: string[] = [];
  await expect
    .poll(async () => {
      const answer = (await (await page.request.get("/_matrix/client/v3/pushers", { headers })).json()) as {
        pushers: Pusher[];
      };
      pushkeys = answer.pushers.map((pusher) => pusher.pushkey);
      return pushkeys;
    })
    .toContain(pushkey);
  return { pushkeys };
}
