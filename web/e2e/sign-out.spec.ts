/** Signing out: at once in every tab, and nothing stays behind. */
import { expect, type Page, test } from "@playwright/test";
import { userIdOf } from "./api.ts";
import { PASSWORD, Person } from "./people.ts";

/** Names and contents of what the browser keeps for this origin. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const databases = await indexedDB.databases();
    return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases.map(({ name }) => name)]);
  });

test("signing out in one tab ends the other, and leaves nothing of the user", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const userId = await userIdOf(ana.page);
  await ana.startChat(bo.name);
  await ana.say("for nobody else");
  await ana.composer.fill("a draft that stays private");
  const second = await ana.page.context().newPage();
  await second.goto(ana.page.url());
  await expect(second.getByRole("button", { name: "Use here" })).toBeVisible();
  expect(await kept(second)).toContain(userId);

  // Even where the server does not answer.
  await ana.page.context().route("**/_matrix/client/v3/logout", () => undefined);
  await ana.page.goto("/settings");
  await ana.page.getByRole("button", { name: "Sign out", exact: true }).click();
  await ana.page.locator(".dialog .button--danger").click();
  for (const page of [ana.page, second]) {
    await expect(page.locator("input[type=password]")).toBeVisible();
    await expect(page).toHaveURL(/\/login$/);
    await expect.poll(() => kept(page)).not.toContain(ana.name);
    expect(await kept(page)).not.toContain("draft");
  }

  await ana.page.context().unrouteAll();
  await second.locator("input[name=username]").fill(ana.name);
  await second.locator("input[type=password]").fill(PASSWORD);
  await second.locator("button[type=submit]").click();
  // The keys of the earlier messages have gone with the session that had them.
  await expect(second.locator(".chat-row").first()).toContainText("Encrypted message");
  // Signing in reaches the other tab, too, which offers to take over.
  await expect(ana.page.getByRole("button", { name: "Use here" })).toBeVisible();
  await bo.close();
  await ana.close();
});
