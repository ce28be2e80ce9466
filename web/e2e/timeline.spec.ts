import { expect, test } from "@playwright/test";
import { createRoom, sendText } from "./api.ts";
import { freshName, Person } from "./people.ts";

test("history is loaded upwards without moving what is read", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const name = freshName("History");
  const roomId = await createRoom(page, { name, preset: "private_chat" });
  const count = 150;
  const sent: string[] = [];
  for (let index = 1; index <= count; index++) sent.push(await sendText(page, roomId, `Message number ${index}.`));
  await page.goto(`/room/${roomId}`);
  await expect(ana.message(`Message number ${count}.`)).toBeInViewport();

  await test.step("the position stays while older messages arrive above", async () => {
    const scroller = page.locator(".timeline__scroller");
    // More is loaded by itself until what is above the newest is long enough; only then 700 is far from both ends.
    await expect
      .poll(() => scroller.evaluate((element) => element.scrollHeight - element.clientHeight))
      .toBeGreaterThan(900);
    // What is on its way may arrive in the very moment of scrolling: what is read is known once that was noticed.
    const marker = await scroller.evaluate(async (element) => {
      const noticed = new Promise((scrolled) => element.addEventListener("scroll", scrolled, { once: true }));
      element.scrollTop = 700;
      await noticed;
      const edge = element.getBoundingClientRect().top;
      const rows = [...element.querySelectorAll<HTMLElement>(".message")];
      const row = rows.find((candidate) => candidate.getBoundingClientRect().top >= edge);
      return {
        id: row?.dataset.eventId ?? "",
        top: (row?.getBoundingClientRect().top ?? 0) - edge,
        loaded: rows.length,
      };
    });
    const { loaded } = marker;
    expect(loaded).toBeLessThan(count);
    await expect.poll(() => page.locator(".message").count()).toBeGreaterThan(loaded);
    const row = page.locator(`[data-event-id="${marker.id}"]`);
    // As it is painted: heights that change with a frame are made up for in the same frame.
    const top = await row.evaluate(async (element) => {
      await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
      const edge = element.closest(".timeline__scroller")?.getBoundingClientRect().top ?? 0;
      return element.getBoundingClientRect().top - edge;
    });
    expect(Math.abs(top - marker.top)).toBeLessThan(2);
  });

  await test.step("scrolling on reaches the beginning", async () => {
    const scroller = page.locator(".timeline__scroller");
    await expect
      .poll(async () => {
        await scroller.evaluate((element) => {
          element.scrollTop = 0;
        });
        return page.locator(".timeline__beginning").count();
      })
      .toBe(1);
    await expect(page.locator(".message")).toHaveCount(count);
  });

  await test.step("a button leads back to the newest", async () => {
    await page.getByRole("button", { name: "Jump to the newest message" }).click();
    await expect(ana.message(`Message number ${count}.`)).toBeInViewport();
  });

  await test.step("a link to a message shows it", async () => {
    await page.goto(`/room/${roomId}/${sent[4]}`);
    await expect(ana.message("Message number 5.")).toBeInViewport();
    await expect(page.getByRole("button", { name: "Jump to the newest message" })).toBeVisible();
    await page.getByRole("button", { name: "Jump to the newest message" }).click();
    await expect(ana.message(`Message number ${count}.`)).toBeInViewport();
  });
  await ana.close();
});

test("a message written without a connection is sent once when it returns", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Tunnel"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await ana.say("Before the tunnel");
  await page.context().setOffline(true);
  await ana.composer.fill("In the tunnel");
  await ana.composer.press("Enter");
  await expect(ana.message("In the tunnel")).toHaveAttribute("data-status", "waiting");
  await expect(ana.message("In the tunnel")).toContainText("Waiting for the connection");
  await expect(page.locator(".connection")).toBeVisible();
  await page.context().setOffline(false);
  await expect(ana.message("In the tunnel")).toHaveAttribute("data-status", "sent");
  await expect(page.locator(".connection")).toHaveCount(0);
  await expect(page.locator(".message", { hasText: "In the tunnel" })).toHaveCount(1);
  await ana.close();
});

test("a message that the server refuses can be retried or discarded", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("Refusal"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await ana.say("Fine");
  await page.route("**/send/m.room.message/**", (route) =>
    route.fulfill({ status: 403, json: { errcode: "M_FORBIDDEN", error: "no" } }),
  );
  await ana.composer.fill("Refused once");
  await ana.composer.press("Enter");
  await expect(ana.message("Refused once")).toContainText("Not sent");
  await ana.composer.fill("Refused for good");
  await ana.composer.press("Enter");
  await expect(ana.message("Refused for good")).toContainText("Not sent");
  await page.unroute("**/send/m.room.message/**");
  await ana.message("Refused once").getByRole("button", { name: "Try again" }).click();
  await expect(ana.message("Refused once")).toHaveAttribute("data-status", "sent");
  await ana.message("Refused for good").getByRole("button", { name: "Discard" }).click();
  await expect(ana.message("Refused for good")).toHaveCount(0);
  await ana.close();
});

test("Enter that ends the composition of an input method does not send", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { name: freshName("输入法"), preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  const client = await page.context().newCDPSession(page);
  await ana.composer.focus();
  await client.send("Input.imeSetComposition", { selectionStart: 2, selectionEnd: 2, text: "nihao" });
  await client.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  await client.send("Input.insertText", { text: "你好" });
  await expect(ana.composer).toHaveValue("你好");
  await expect(page.locator(".message")).toHaveCount(0);
  await ana.composer.press("Shift+Enter");
  await ana.composer.pressSequentially("世界");
  await ana.composer.press("Enter");
  await expect(ana.message("世界")).toHaveAttribute("data-status", "sent");
  await expect(page.locator(".message")).toHaveCount(1);
  await expect(ana.composer).toHaveValue("");
  await ana.close();
});

test("what was typed and not sent is kept for each conversation", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const [first, second] = [freshName("First"), freshName("Second")];
  const roomId = await createRoom(page, { name: first, preset: "private_chat" });
  await createRoom(page, { name: second, preset: "private_chat" });
  await page.goto(`/room/${roomId}`);
  await ana.composer.fill("half a thought");
  await ana.chat(second).click();
  await expect(ana.composer).toHaveValue("");
  await expect(ana.chat(first)).toContainText("Draft: half a thought");
  await page.reload();
  await ana.chat(first).click();
  await expect(ana.composer).toHaveValue("half a thought");
  await ana.close();
});
