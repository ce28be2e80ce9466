import { expect, test } from "@playwright/test";
import { png } from "./files.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

/** A picture in a colour of its own. */
function tinted(name: string, hue: number) {
  const buffer = png(480, 360, (x, y) => [(hue * 3) % 256, 80 + (x / 480) * 120, 90 + (y / 360) * 140]);
  return { name, mimeType: "image/png", buffer };
}

test("pictures that are sent together are one album for both, and leafed through", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  await ana.startChat(bo.name);
  await bo.acceptInvitation(ana.name);
  const names = ["one", "two", "three", "four", "five"];
  const files = names.map((name, index) => tinted(`${name}.png`, index * 20));
  await ana.page.locator("input[type=file][multiple]").setInputFiles(files);
  await ana.page.getByRole("textbox", { name: "Caption for one.png" }).fill("The whole week");
  await ana.page.getByRole("button", { name: "Send 5 files" }).click();
  for (const person of [ana, bo]) {
    const album = person.page.locator(".album");
    await expect(album.locator(".album__tile")).toHaveCount(5);
    await expect(person.page.locator(".bubble--album")).toContainText("The whole week");
    await expect(album.locator("img")).toHaveCount(5);
  }
  await expect(ana.page.locator(".message", { has: ana.page.locator(".album") })).toHaveAttribute(
    "data-status",
    "sent",
  );

  await test.step("one of them is opened, the others follow", async () => {
    await bo.page.getByRole("button", { name: "Open picture two.png" }).click();
    await expect(bo.page.locator(".lightbox")).toContainText("two.png");
    await bo.page.keyboard.press("ArrowRight");
    await expect(bo.page.locator(".lightbox")).toContainText("three.png");
    await bo.page.keyboard.press("Escape");
  });

  await test.step("what is done with one is not done with the others", async () => {
    await bo.page.getByRole("button", { name: "Open picture three.png" }).click({ button: "right" });
    await bo.page.locator(".quick-reactions button").first().click();
    await expect(ana.page.locator(".bubble--album .reaction")).toHaveCount(1);
    await ana.page.getByRole("button", { name: "Open picture five.png" }).click({ button: "right" });
    await ana.page.getByRole("menuitem", { name: "Delete" }).click();
    await ana.page.locator(".dialog .button--danger").click();
    await expect(bo.page.locator(".album__tile")).toHaveCount(4);
  });
  await look(bo.page, "album");
  await Promise.all([ana.close(), bo.close()]);
});
