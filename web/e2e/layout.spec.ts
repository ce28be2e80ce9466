import { devices, expect, test } from "@playwright/test";
import { createRoom, sendText } from "./api.ts";
import { freshName, Person } from "./people.ts";

test("a phone shows one pane at a time, and back works", async ({ browser }) => {
  const { viewport, userAgent, deviceScaleFactor, isMobile, hasTouch } = devices["iPhone 14"];
  const ana = await Person.register(browser, "ana", { viewport, userAgent, deviceScaleFactor, isMobile, hasTouch });
  const { page } = ana;
  const name = freshName("Pocket");
  const roomId = await createRoom(page, { name, preset: "private_chat" });
  await sendText(page, roomId, "Hold me");
  await expect(ana.chat(name)).toBeVisible();
  await ana.chat(name).tap();
  await expect(ana.composer).toBeVisible();
  await expect(ana.chat(name)).toBeHidden();
  await expect(page.locator(".rail")).toBeHidden();

  await test.step("a long touch opens the menu of a message", async () => {
    const box = await ana.message("Hold me").locator(".bubble").boundingBox();
    if (box === null) throw new Error("the message has no place");
    const client = await page.context().newCDPSession(page);
    const touchPoints = [{ x: box.x + 20, y: box.y + 10 }];
    await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints });
    await expect(page.getByRole("menuitem", { name: "Reply" })).toBeVisible();
    await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await page.getByRole("menuitem", { name: "Reply" }).tap();
    await expect(page.locator(".composer__mode")).toBeVisible();
  });

  await page.getByRole("button", { name: "Back" }).tap();
  await expect(ana.chat(name)).toBeVisible();
  await expect(page).toHaveURL(/\/$/);
  await page.goForward();
  await expect(ana.composer).toBeVisible();
  await page.goBack();
  await expect(page.locator(".rail")).toBeVisible();
  await ana.close();
});

test("nothing is wider than the window at 320 pixels", async ({ browser }) => {
  const ana = await Person.register(browser, "ana", { viewport: { width: 320, height: 640 } });
  const { page } = ana;
  const roomId = await createRoom(page, { name: `A group with a name that is much too long ${freshName("x")}` });
  await sendText(page, roomId, `https://example.org/${"long".repeat(40)}`);
  for (const path of ["/", `/room/${roomId}`, "/people", "/groups", "/settings"]) {
    await page.goto(path);
    await expect(page.locator(".shell")).toBeVisible();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect([path, overflow]).toEqual([path, 0]);
  }
  await ana.close();
});

test("the client speaks Chinese and knows the dark", async ({ browser }) => {
  const ana = await Person.register(browser, "ana", { locale: "zh-CN", colorScheme: "dark" });
  const { page } = ana;
  await expect(page.locator(".pane__title")).toHaveText("聊天");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await background();
  await page.goto("/settings/appearance");
  await page.getByRole("radio", { name: "浅色" }).check();
  await expect.poll(background).not.toBe(dark);
  await page.goto("/settings/language");
  await page.getByRole("radio", { name: "English" }).check();
  await expect(page.locator("h1").first()).toHaveText("Settings");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await expect(page.locator(".pane__title")).toHaveText("Settings");
  await ana.close();
});

test("signing in says what is wrong in words", async ({ page }) => {
  await page.goto("/login");
  await page.locator("input[name=username]").fill("nobody-of-that-name");
  await page.locator("input[type=password]").fill("wrong");
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".notice--problem")).toHaveText("The user name or password is incorrect.");
  await page.route("**/_matrix/**", (route) => route.abort());
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".notice--problem")).toContainText("cannot be reached");
});

test("registration says which names can be had, and uses the token of the link", async ({ page, browser }) => {
  const ana = await Person.register(browser, "ana");
  await page.goto("/register?token=welcome");
  await expect(page.locator("input[name=token]")).toHaveValue("welcome");
  await expect(page.getByText("From the link you opened.")).toBeVisible();
  await page.locator("input[name=username]").fill(ana.name);
  await expect(page.locator(".field__hint").first()).toContainText("is taken");
  await page.locator("input[name=username]").fill(freshName("free"));
  await expect(page.locator(".field__hint").first()).toContainText("is available");
  await page.locator("input[name=username]").fill("not allowed!");
  await expect(page.locator(".field__hint").first()).toContainText("only lower-case letters");
  await page.locator("input[name=username]").fill(freshName("free"));
  await page.locator("input[type=password]").fill("short");
  await page.locator("button[type=submit]").click();
  await expect(page.getByText("Use at least 8 characters.")).toBeVisible();
  await ana.close();
});
