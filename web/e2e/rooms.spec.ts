/** A conversation that one comes back to is as one has left it. */
import { expect, type Page, test } from "@playwright/test";
import { call, createRoom, sendText, userIdOf } from "./api.ts";
import { Person } from "./people.ts";

/** The event at the top edge of the timeline, and how far its row is from the edge. */
const atTop = (page: Page) =>
  page.locator(".timeline__scroller").evaluate((scroller) => {
    const top = scroller.getBoundingClientRect().top;
    const rows = [...scroller.querySelectorAll<HTMLElement>("[data-event]")];
    const row = rows.find((found) => found.getBoundingClientRect().bottom > top);
    return { key: row?.dataset.event, offset: Math.round((row?.getBoundingClientRect().top ?? 0) - top) };
  });

test("the place, an answer and a change that are being written wait for one's return", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  const { page } = ana;
  const invite = [await userIdOf(bo.page)];
  const rooms = [];
  for (const name of ["Kitchen", "Garden"])
    rooms.push(await createRoom(page, { name, invite, preset: "private_chat" }));
  const [kitchen = "", garden = ""] = rooms;
  for (const room of rooms) await call(bo.page, "POST", `/join/${encodeURIComponent(room)}`, {});
  for (let index = 1; index <= 40; index++) await sendText(page, kitchen, `Line ${index} of the kitchen`);
  const open = async (name: string, text: string) => {
    await ana.chat(name).click();
    await expect(page.locator(".bubble__text", { hasText: text })).toBeAttached();
  };
  await sendText(page, garden, "Roses");
  await open("Kitchen", "Line 40 of the kitchen");

  await test.step("where one was", async () => {
    await page.locator(".timeline__scroller").hover();
    await page.mouse.wheel(0, -700);
    await expect(page.locator(".timeline__newest")).toBeVisible();
    await page.waitForTimeout(300);
    const before = await atTop(page);
    for (let times = 0; times < 3; times++) {
      await open("Garden", "Roses");
      await open("Kitchen", "Line 40 of the kitchen");
      await expect.poll(() => atTop(page)).toEqual(before);
    }
    await expect(page.locator(".timeline__newest")).toBeVisible();
  });

  await test.step("what one was answering", async () => {
    await page.locator(".timeline__newest").click();
    await ana.act("Line 40 of the kitchen", "Reply");
    await ana.composer.fill("half an answer");
    await open("Garden", "Roses");
    await expect(page.locator(".composer__mode")).toHaveCount(0);
    await expect(ana.composer).toHaveValue("");
    await open("Kitchen", "Line 40 of the kitchen");
    await expect(page.locator(".composer__mode")).toContainText("Line 40 of the kitchen");
    await expect(ana.composer).toHaveValue("half an answer");
    await page.keyboard.press("Escape");
    await expect(page.locator(".composer__mode")).toHaveCount(0);
    await ana.composer.fill("");
  });

  await test.step("what one was changing", async () => {
    await ana.composer.press("ArrowUp");
    await expect(ana.composer).toHaveValue("Line 40 of the kitchen");
    await ana.composer.fill("Line 40, changed by");
    await open("Garden", "Roses");
    await open("Kitchen", "Line 40 of the kitchen");
    await expect(ana.composer).toHaveValue("Line 40, changed by");
    await ana.composer.press("End");
    await ana.composer.pressSequentially(" two hands");
    await ana.composer.press("Enter");
    await expect(ana.message("Line 40, changed by two hands")).toBeVisible();
    await expect(ana.composer).toHaveValue("");
  });

  await test.step("what is new comes first", async () => {
    await page.locator(".timeline__scroller").hover();
    await page.mouse.wheel(0, -700);
    await expect(page.locator(".timeline__newest")).toBeVisible();
    await open("Garden", "Roses");
    await sendText(bo.page, kitchen, "Something new");
    await expect(ana.chat("Kitchen")).toContainText("Something new");
    await open("Kitchen", "Something new");
    await expect(page.locator("[data-unread]")).toBeVisible();
    await expect(ana.message("Something new")).toBeInViewport();
  });
  await bo.close();
  await ana.close();
});
