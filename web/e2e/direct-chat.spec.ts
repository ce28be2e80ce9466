import { expect, test } from "@playwright/test";
import { picture } from "./files.ts";
import { PASSWORD, Person } from "./people.ts";

test("two people find each other and chat", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");

  await test.step("a direct chat begins with a search", async () => {
    await ana.startChat(bo.name);
    await ana.say("Hello Bo!");
    await bo.acceptInvitation(ana.name);
    await expect(bo.message("Hello Bo!")).toBeVisible();
  });

  await test.step("messages arrive live, with typing before and a receipt after", async () => {
    await bo.composer.pressSequentially("Hi");
    await expect(ana.page.locator(".header__sub--typing")).toBeVisible();
    await expect(ana.page.locator(".chat-row__text--typing")).toBeVisible();
    await bo.say("Hi Ana, good to see you");
    await expect(ana.message("Hi Ana, good to see you")).toBeVisible();
    await expect(ana.page.locator(".header__sub--typing")).toBeHidden();
    await expect(bo.page.locator(".readers").last()).toBeVisible();
  });

  await test.step("a reply quotes, and the quote leads back", async () => {
    await bo.act("Hello Bo!", "Reply");
    await bo.say("This answers that");
    const quote = ana.message("This answers that").locator(".quote");
    await expect(quote).toContainText("Hello Bo!");
    await quote.click();
    await expect(ana.message("Hello Bo!")).toHaveClass(/message--marked/);
  });

  await test.step("an edit replaces the text and says so", async () => {
    await bo.composer.press("ArrowUp");
    await expect(bo.composer).toHaveValue("This answers that");
    await bo.composer.fill("This answers **it**");
    await bo.composer.press("Enter");
    await expect(ana.message("This answers it").locator("strong")).toHaveText("it");
    await expect(ana.message("This answers it")).toContainText("edited");
  });

  await test.step("a reaction is a chip that both can toggle", async () => {
    await ana.message("This answers it").hover();
    await ana.message("This answers it").locator(".message__toolbar button").last().click();
    await ana.page.getByRole("button", { name: "React with 👍" }).click();
    const chip = bo.message("This answers it").locator(".reaction");
    await expect(chip).toContainText("1");
    await chip.click();
    await expect(ana.message("This answers it").locator(".reaction")).toContainText("2");
    await ana.message("This answers it").locator(".reaction").click();
    await expect(chip).toContainText("1");
  });

  await test.step("a deleted message is gone for both", async () => {
    await ana.say("Forget this");
    await expect(bo.message("Forget this")).toBeVisible();
    await ana.act("Forget this", "Delete");
    await ana.page.locator(".dialog .button--danger").click();
    await expect(bo.message("Forget this")).toHaveCount(0);
    await expect(bo.message("This message was deleted")).toBeVisible();
  });

  await test.step("a picture is uploaded, shown and opened", async () => {
    await ana.page.locator("input[type=file]").setInputFiles(picture("sunset.png"));
    await ana.page.locator(".dialog .button--primary").click();
    const shown = bo.page.locator(".picture img");
    await expect(shown).toBeVisible();
    await expect.poll(() => shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);
    await shown.click();
    await expect(bo.page.locator(".lightbox img")).toBeVisible();
    await bo.page.keyboard.press("Escape");
    await expect(bo.page.locator(".lightbox")).toHaveCount(0);
  });

  await test.step("a file is a card that can be downloaded", async () => {
    const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
    await ana.page.locator("input[type=file]").setInputFiles(notes);
    await ana.page.locator(".dialog .button--primary").click();
    const download = bo.page.waitForEvent("download");
    await bo.page.getByRole("button", { name: "Download: notes.txt" }).click();
    expect((await download).suggestedFilename()).toBe("notes.txt");
  });

  await test.step("unread messages are counted until they are seen", async () => {
    await bo.page.locator(".rail__link").first().click();
    await ana.say("Are you there?");
    await expect(bo.chat(ana.name).locator(".badge")).toHaveText("1");
    await expect(bo.chat(ana.name)).toContainText("Are you there?");
    await bo.chat(ana.name).click();
    await expect(bo.page.locator(".timeline__unread")).toBeVisible();
    await expect(bo.chat(ana.name).locator(".badge")).toHaveCount(0);
  });

  await test.step("the session survives a reload, and ends with signing out", async () => {
    await bo.page.reload();
    await expect(bo.message("Are you there?")).toBeVisible();
    await bo.page.goto("/settings");
    await bo.page.getByRole("button", { name: "Sign out", exact: true }).click();
    await bo.page.locator(".dialog .button--danger").click();
    await expect(bo.page).toHaveURL(/\/login$/);
    await bo.page.locator("input[name=username]").fill(bo.name);
    await bo.page.locator("input[type=password]").fill("not the password");
    await bo.page.locator("button[type=submit]").click();
    await expect(bo.page.locator(".notice--problem")).toHaveText("The user name or password is incorrect.");
    await bo.page.locator("input[type=password]").fill(PASSWORD);
    await bo.page.locator("button[type=submit]").click();
    // The keys of the earlier messages have gone with the session that had them.
    await expect(bo.chat(ana.name)).toContainText("Encrypted message");
    await bo.chat(ana.name).click();
    await ana.say("Welcome back");
    await expect(bo.message("Welcome back")).toBeVisible();
  });

  await ana.close();
  await bo.close();
});
