import { expect, test } from "@playwright/test";
import { createRoom } from "./api.ts";
import { picture } from "./files.ts";
import { freshName, Person } from "./people.ts";

test("an upload shows its progress and can be cancelled", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Files"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await ana.say("ready");
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route("**/upload?**", async (route) => {
    await held;
    // The request is gone when the upload was cancelled.
    await route.continue().catch(() => undefined);
  });
  await page.locator("input[type=file]").setInputFiles([picture("one.png"), picture("two.png")]);
  await page.locator(".dialog .button--primary").click();
  await expect(page.locator(".upload")).toHaveCount(2);
  await expect(page.locator(".upload progress").first()).toBeVisible();
  await page.locator(".upload").first().getByRole("button", { name: "Cancel the upload" }).click();
  await expect(page.locator(".upload")).toHaveCount(1);
  release();
  await expect(page.locator(".upload")).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Open picture two.png" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Open picture one.png" })).toHaveCount(0);
  await ana.close();
});

test("pictures can be pasted and dropped", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Paste"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await expect(ana.composer).toBeVisible();
  const bytes = [...picture("x.png", 200, 120).buffer];
  const transfer = (name: string) =>
    page.evaluateHandle(
      ({ name, bytes }) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
        return data;
      },
      { name, bytes },
    );
  await ana.composer.evaluate(
    (element, clipboardData) => {
      element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    },
    await transfer("pasted.png"),
  );
  await expect(page.locator(".send-files__item")).toContainText("pasted.png");
  await page.locator(".dialog .button--primary").click();
  await expect(page.getByRole("button", { name: "Open picture pasted.png" })).toBeVisible();

  const dataTransfer = await transfer("dropped.png");
  await page.locator(".timeline").dispatchEvent("dragenter", { dataTransfer });
  await expect(page.locator(".drop-zone")).toBeVisible();
  await page.locator(".timeline").dispatchEvent("drop", { dataTransfer });
  await expect(page.locator(".drop-zone")).toHaveCount(0);
  await page.locator(".dialog .button--primary").click();
  await expect(page.getByRole("button", { name: "Open picture dropped.png" })).toBeVisible();
  await ana.close();
});

test("one's own picture and name are seen by others", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const name = freshName("Ana Lima");
  await ana.setDisplayName(name);
  await ana.page.locator(".settings input[type=file]").setInputFiles(picture("face.png", 256, 256));
  await expect(ana.page.locator(".settings__picture .avatar img")).toBeVisible();
  await bo.startChat(ana.name);
  await expect(bo.page.locator(".header__name")).toHaveText(name);
  await bo.say("Nice picture");
  await ana.page.locator(".rail__link").first().click();
  await ana.acceptInvitation(bo.name);
  await expect(bo.page.locator(".header .avatar img")).toBeVisible();
  await ana.close();
  await bo.close();
});
