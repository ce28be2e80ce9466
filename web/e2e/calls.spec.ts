/** Calls between people in browsers, with media that really flow. The server has `rtc.enabled`. */
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, expect, test } from "@playwright/test";
import type { Session } from "../src/matrix/session.ts";
import { ask } from "./actors.ts";
import { identityPublished } from "./api.ts";
import { look } from "./look.ts";
import { freshName, Person } from "./people.ts";

interface Received {
  /** Frames of pictures that were decoded, and bytes of sound and pictures that came. */
  frames: number;
  audio: number;
  video: number;
}

/** Keeps the connections of a page, so that it can be asked what comes through them. */
async function watchMedia(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const all: RTCPeerConnection[] = [];
    const Original = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Original {
      constructor(...options: ConstructorParameters<typeof Original>) {
        super(...options);
        all.push(this);
      }
    };
    (window as unknown as { received(): Promise<Received> }).received = async () => {
      const sum = { frames: 0, audio: 0, video: 0 };
      for (const connection of all) {
        for (const report of (await connection.getStats()).values()) {
          if (report.type !== "inbound-rtp") continue;
          sum.frames += report.framesDecoded ?? 0;
          sum[report.kind as "audio" | "video"] += report.bytesReceived ?? 0;
        }
      }
      return sum;
    };
  });
}

const received = ({ page }: Person) =>
  page.evaluate(() => (window as unknown as { received(): Promise<Received> }).received());

/** More pictures and sound arrive than had before. */
async function expectMedia(person: Person, kind: "frames" | "audio" = "frames"): Promise<void> {
  const before = (await received(person))[kind];
  const enough = kind === "frames" ? 10 : 1_000;
  await expect.poll(async () => (await received(person))[kind] - before, { timeout: 40_000 }).toBeGreaterThan(enough);
}

const register = (browser: Browser, name: string) => Person.register(browser, name, {}, watchMedia);

/** Two people who have a direct chat, which is open in both browsers. */
async function friends(browser: Browser): Promise<[Person, Person]> {
  const [ana, ben] = [await register(browser, "ana"), await register(browser, "ben")];
  await identityPublished(ben.page);
  await ana.startChat(ben.name);
  await ana.say("hello");
  await ben.acceptInvitation(ana.name);
  await expect(ben.message("hello")).toBeVisible();
  return [ana, ben];
}

/** A private group of people, which is encrypted. */
async function group(browser: Browser, names: readonly string[]): Promise<{ name: string; people: Person[] }> {
  const people: Person[] = [];
  for (const name of names) people.push(await register(browser, name));
  const [ana, ...others] = people as [Person, ...Person[]];
  const name = freshName("Tea house");
  await ana.page.getByRole("button", { name: "New conversation" }).click();
  await ana.page.getByRole("menuitem", { name: "New group" }).click();
  await ana.page.getByRole("textbox", { name: "Group name", exact: true }).fill(name);
  for (const other of others) {
    await ana.page.locator(".picker .search-box input").fill(other.name);
    await ana.page.locator(".picker .person-row", { hasText: other.name }).click();
  }
  await ana.page.getByRole("button", { name: "Create group" }).click();
  await expect(ana.page.locator(".header__name")).toHaveText(name);
  for (const other of others) await other.acceptInvitation(name);
  return { name, people };
}

async function sessionOf({ page }: Person): Promise<Session> {
  return JSON.parse((await page.evaluate(() => localStorage.getItem("im2.session"))) ?? "{}") as Session;
}

const roomOf = ({ page }: Person) => decodeURIComponent(new URL(page.url()).pathname.split("/")[2] ?? "");

const call = ({ page }: Person) => page.locator(".call");
const ring = ({ page }: Person) => page.getByRole("alertdialog");
const button = (person: Person, name: string | RegExp) => person.page.getByRole("button", { name });

test("somebody calls with video, and both see and hear each other, encrypted", async ({ browser }) => {
  const [ana, ben] = await friends(browser);
  await button(ana, "Video call").click();
  await expect(call(ana)).toContainText(`Calling ${ben.name}`);
  await expect(ring(ben)).toContainText(`${ana.name} is calling with video`);
  await button(ben, "Accept with video").click();
  await expect(ring(ben)).toHaveCount(0);
  for (const person of [ana, ben]) {
    await expect(call(person).locator(".call-tile video")).toHaveCount(2);
    await expectMedia(person, "frames");
    await expectMedia(person, "audio");
    await expect(call(person)).toContainText("End-to-end encrypted");
  }
  await look(ana.page, "call-pair");
  await button(ana, "Show the chat beside").click();
  await look(ana.page, "call-beside");
  await ana.say("seen while calling");
  await button(ana, "Hide the chat").click();
  // The one mutes by a key, the other sees it.
  await ana.page.keyboard.press("m");
  await expect(call(ben).getByRole("img", { name: "Muted" })).toBeVisible();
  await button(ana, /Turn camera off/).click();
  await expect(call(ben).locator(".call-tile video")).toHaveCount(1);
  await button(ana, "Hang up").click();
  await expect(call(ana)).toHaveCount(0);
  await expect(call(ben)).toContainText("The call has ended");
  await expect(ben.page.getByText(/started a video call · \d+ sec/)).toBeVisible();
  for (const person of [ana, ben]) await person.close();
});

test("a group has a call that others find, join, and take along", async ({ browser }) => {
  const { name, people } = await group(browser, ["ana", "ben"]);
  const [ana, ben] = people as [Person, Person];

  await test.step("one looks at oneself before one begins it", async () => {
    await button(ana, "Voice call").click();
    const dialog = ana.page.getByRole("dialog", { name: "Start a call" });
    await expect(dialog).toContainText("Nobody is in the call yet.");
    await expect(dialog.getByLabel("Microphone level")).toBeVisible();
    await expect(dialog.getByLabel("Microphone", { exact: true })).toBeEnabled();
    await dialog.getByRole("button", { name: "Turn camera on" }).click();
    await expect(dialog.locator("video")).toBeVisible();
    await look(ana.page, "call-prejoin");
    await dialog.getByRole("button", { name: "Turn camera off" }).click();
    await dialog.getByRole("button", { name: "Start" }).click();
    await expect(call(ana)).toContainText("Nobody else is here yet");
  });

  await test.step("others see it in the list and in the conversation, where it does not ring", async () => {
    await expect(ben.chat(name).getByLabel("1 in a call")).toBeVisible();
    await expect(ben.page.locator(".call-banner")).toContainText(`In a call: ${ana.name}`);
    await expect(ring(ben)).toHaveCount(0);
    await look(ben.page, "call-banner");
    await ben.page.locator(".call-banner").getByRole("button", { name: "Join" }).click();
    await ben.page.getByRole("dialog", { name: "Ready to join?" }).getByRole("button", { name: "Join" }).click();
    await expect(call(ana)).toHaveAttribute("aria-label", `Call in ${name}`);
    await expect(call(ana).locator(".call-tile")).toHaveCount(2);
    await expect(call(ana).getByText(`${ben.name} joined`)).toBeVisible();
    await expectMedia(ana, "audio");
    await expectMedia(ben, "audio");
  });

  await test.step("it goes on while one is elsewhere, and is muted from there", async () => {
    await button(ben, "Minimise").click();
    await ben.page.getByRole("link", { name: "Settings" }).first().click();
    const bar = ben.page.locator(".call-bar:visible");
    await expect(bar).toContainText(name);
    await expectMedia(ben, "audio");
    await bar.getByRole("button", { name: "Mute microphone" }).click();
    await expect(call(ana).getByRole("img", { name: "Muted" })).toBeVisible();
    await look(ben.page, "call-bar");
    await bar.getByRole("button", { name: "Show the call" }).first().click();
    await expect(call(ben)).toBeVisible();
  });

  await test.step("a raised hand is seen, and comes down again", async () => {
    await button(ben, "Raise hand").click();
    await expect(call(ana).getByRole("img", { name: "Hand raised" })).toBeVisible();
    await button(ben, "Lower hand").click();
    await expect(call(ana).getByRole("img", { name: "Hand raised" })).toHaveCount(0);
    await button(ben, "React").click();
    await button(ben, "React with 🎉").click();
    await expect(call(ana).locator(".call-tile__reactions")).toContainText(["🎉"]);
  });

  await test.step("whoever closes the page is out of the call", async () => {
    await ben.page.close({ runBeforeUnload: false });
    await expect(call(ana).getByText(`${ben.name} left`)).toBeVisible();
    await expect(call(ana)).toContainText("Nobody else is here yet");
  });
  await button(ana, "Hang up").click();
  await expect(ana.page.locator(".timeline__change").last()).toContainText("started a call");
  await ana.close();
  await ben.page.context().close();
});

test("a call is declined with a message, and rings no longer", async ({ browser }) => {
  const [ana, ben] = await friends(browser);
  await button(ana, "Voice call").click();
  await expect(ring(ben)).toContainText(`${ana.name} is calling`);
  await look(ben.page, "call-ring");
  await button(ben, "Decline with a message").click();
  await button(ben, "I’ll call you back later.").click();
  await expect(ring(ben)).toHaveCount(0);
  await expect(call(ana)).toContainText(`${ben.name} declined`);
  await expect(ben.page.getByText("started a call · declined")).toBeVisible();
  await expect(call(ana)).toHaveCount(0);
  await expect(ana.message("I’ll call you back later.")).toBeVisible();

  await test.step("one that is given up is missed", async () => {
    await button(ana, "Voice call").click();
    await expect(ring(ben)).toBeVisible();
    await button(ana, "Hang up").click();
    await expect(ring(ben)).toHaveCount(0);
    await expect(ben.page.getByText(`Missed call from ${ana.name}`)).toBeVisible();
    await expect(ana.page.getByText("no answer")).toBeVisible();
  });
  await ana.close();
  await ben.close();
});

test("who has no key sees and hears nothing, and is seen listening", async ({ browser }) => {
  const { people } = await group(browser, ["ana", "ben", "cy"]);
  const [ana, ben, cy] = people as [Person, Person, Person];
  const { deviceId, accessToken, userId } = await sessionOf(cy);
  const roomId = roomOf(cy);
  const actor = { id: userId, token: accessToken };
  const path = `/user/${encodeURIComponent(userId)}/openid/request_token`;
  await cy.page.context().close();

  for (const person of [ana, ben]) {
    await button(person, "Video call").click();
    await person.page
      .getByRole("dialog")
      .getByRole("button", { name: /Start|Join/ })
      .click();
  }
  for (const person of [ana, ben]) await expectMedia(person, "frames");

  const context = await browser.newContext({ bypassCSP: true });
  await watchMedia(context);
  const spy = await context.newPage();
  // A page of the server, so that it may connect there.
  await spy.goto(`${process.env.IM2_BASE_URL}/_matrix/client/versions`);
  await spy.addScriptTag({ path: createRequire(import.meta.url).resolve("livekit-client") });
  const openid = await ask<object>(actor, "POST", path, {});
  const answer = await fetch(`${process.env.IM2_BASE_URL}/livekit/jwt/sfu/get`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ room: roomId, device_id: deviceId, openid_token: openid }),
  });
  expect(answer.status, "the token of a member").toBe(200);
  const ticket = (await answer.json()) as { url: string; jwt: string };
  await spy.evaluate(async ({ url, jwt }) => {
    const { Room } = (window as unknown as { LivekitClient: typeof import("livekit-client") }).LivekitClient;
    const room = new Room();
    room.on("trackSubscribed", (track) => document.body.append(track.attach()));
    await room.connect(url, jwt);
  }, ticket);
  const got = () => spy.evaluate(() => (window as unknown as { received(): Promise<Received> }).received());
  await expect.poll(async () => (await got()).video, { timeout: 40_000 }).toBeGreaterThan(20_000);
  expect((await got()).frames, "without the key nothing can be decoded").toBe(0);
  await expect(call(ana).locator(".call-tile", { hasText: cy.name })).toBeVisible();
  // Those who have the keys go on.
  await expectMedia(ben, "frames");
  await context.close();
  await ana.close();
  await ben.close();
});
