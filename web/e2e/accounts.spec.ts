/** Several accounts in one browser: each with what is its own, in all tabs, and none lost when another goes. */
import { expect, type Page, test } from "@playwright/test";
import { call, sendText, userIdOf } from "./api.ts";
import { look } from "./look.ts";
import { freshName, PASSWORD, Person } from "./people.ts";

const menu = (page: Page) => page.locator(".rail__account");

/** Adds an account to the browser, and answers with its name. */
async function addAccount(page: Page, base: string): Promise<string> {
  const name = freshName(base);
  await menu(page).click();
  await page.getByRole("button", { name: "Add an account" }).click();
  await expect(page.getByText("Signed in on this device")).toBeVisible();
  await page.getByRole("link", { name: "New here? Create an account" }).click();
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(menu(page)).toHaveAttribute("title", name);
  return name;
}

async function use(page: Page, name: string): Promise<void> {
  await menu(page).click();
  await page.locator(".accounts__account", { hasText: name }).click();
  await expect(menu(page)).toHaveAttribute("title", name);
}

const kept = (page: Page) =>
  page.evaluate(async () => {
    const databases = await indexedDB.databases();
    return JSON.stringify([{ ...localStorage }, databases.map(({ name }) => name)]);
  });

test("two accounts in one browser have nothing in common", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const { page } = ana;
  await ana.startChat(bo.name);
  await ana.say("from the first account");
  await ana.composer.fill("a draft of the first");
  const room = page.url();
  const second = await addAccount(page, "work");
  await expect(page.locator(".chat-row")).toHaveCount(0);
  await expect(page.locator(".rail__badge")).toHaveCount(0);
  expect(
    await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith("im2.session")).length),
  ).toBe(2);
  await page.goto("/settings/appearance");
  await page.locator("[data-swatch=teal]").click();
  await expect(page.locator("html")).toHaveAttribute("data-accent", "teal");
  await menu(page).click();
  await look(page, "accounts-menu");
  await page.keyboard.press("Escape");
  await expect(menu(page)).toBeFocused();

  await test.step("back to the first, with its chats, drafts and colours", async () => {
    await use(page, ana.name);
    await expect(page.locator("html")).not.toHaveAttribute("data-accent", "teal");
    await page.locator(".chat-row").first().click();
    await expect(ana.message("from the first account")).toBeVisible();
    await expect(ana.composer).toHaveValue("a draft of the first");
    expect(page.url()).toBe(room);
    await page.reload();
    await expect(ana.message("from the first account")).toBeVisible();
  });

  await test.step("what comes for the other is a dot", async () => {
    await use(page, second);
    await expect(page.locator("html")).toHaveAttribute("data-accent", "teal");
    await expect(page.locator(".rail__dot")).toHaveCount(0);
    await bo.page.goto("/");
    await bo.acceptInvitation(ana.name);
    await bo.say("are you there, first?");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await expect(page.locator(".rail__dot")).toBeVisible();
    await use(page, ana.name);
    await expect(page.locator(".chat-row__unread, .chat-row .badge").first()).toBeVisible();
    await page.locator(".chat-row").first().click();
    await expect(ana.message("are you there, first?")).toBeVisible();
  });

  await test.step("signing out of one leaves the other", async () => {
    await use(page, second);
    await menu(page).click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.locator(".dialog .button--danger").click();
    await expect(menu(page)).toHaveAttribute("title", ana.name);
    await expect(page.locator(".chat-row")).toHaveCount(1);
    await expect.poll(() => kept(page)).not.toContain(second);
    expect(await kept(page)).toContain(ana.name);
    await page.locator(".chat-row").first().click();
    await expect(ana.message("from the first account")).toBeVisible();
  });
  await bo.close();
  await ana.close();
});

test("two tabs use the same account, whichever of them changes it", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const second = await addAccount(page, "work");
  const tab = await page.context().newPage();
  await tab.goto("/");
  await expect(tab.getByRole("button", { name: "Use here" })).toBeVisible();
  await use(page, ana.name);
  await tab.getByRole("button", { name: "Use here" }).click();
  await expect(menu(tab)).toHaveAttribute("title", ana.name);
  await use(tab, second);
  await page.getByRole("button", { name: "Use here" }).click();
  await expect(menu(page)).toHaveAttribute("title", second);
  // Adding a third from here reaches the other tab, too; both can go back to one of the two.
  await menu(page).click();
  await page.getByRole("button", { name: "Add an account" }).click();
  for (const each of [page, tab]) await expect(each.locator(".auth__account")).toHaveCount(2);
  await look(page, "auth-accounts");
  await tab.locator(".auth__account", { hasText: ana.name }).click();
  await expect(menu(tab)).toHaveAttribute("title", ana.name);
  await expect(page.getByRole("button", { name: "Use here" })).toBeVisible();
  // Signed out elsewhere while it was not in use, it says so when it is wanted, and nobody else is disturbed.
  await use(tab, second);
  await call(tab, "POST", "/logout/all", {});
  await expect(tab.locator(".auth__account", { hasText: ana.name })).toBeVisible();
  await tab.locator(".auth__account", { hasText: ana.name }).click();
  await expect(menu(tab)).toHaveAttribute("title", ana.name);
  await expect.poll(() => kept(tab)).not.toContain(second);
  await ana.close();
});

test("a notification of another account opens it", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const { page } = ana;
  const me = await userIdOf(page);
  const { room_id } = await call<{ room_id: string }>(bo.page, "POST", "/createRoom", {
    invite: [me],
    name: "Kitchen",
  });
  await call(page, "POST", `/join/${encodeURIComponent(room_id)}`, {});
  await sendText(bo.page, room_id, "Dinner is ready");
  await addAccount(page, "work");
  // What the service worker opens where no tab of the client is open.
  await page.goto(`/room/${encodeURIComponent(room_id)}?account=${encodeURIComponent(me)}`);
  await expect(ana.message("Dinner is ready")).toBeVisible();
  await expect(menu(page)).toHaveAttribute("title", ana.name);
  expect(page.url()).not.toContain("account=");
  await bo.close();
  await ana.close();
});
