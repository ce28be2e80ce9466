import { expect, test } from "@playwright/test";
import { call, createRoom, userIdOf } from "./api.ts";
import { png } from "./files.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

function disc(name: string, colour: [number, number, number]) {
  const buffer = png(256, 256, (x, y) => (Math.hypot(x - 128, y - 128) < 120 ? colour : [255, 255, 255]));
  return { name, mimeType: "image/png", buffer };
}

test("a pack of a group is made, sent as sticker, within a text and as reaction, and used elsewhere", async ({
  browser,
}) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const roomId = await createRoom(ana.page, {
    preset: "private_chat",
    name: "Kennel",
    invite: [await userIdOf(bo.page)],
  });
  const other = await createRoom(bo.page, { preset: "private_chat", name: "Elsewhere" });
  await bo.acceptInvitation("Kennel");
  const { page } = ana;
  await page.goto(`/room/${roomId}`);

  await test.step("the editor takes pictures and gives them short codes", async () => {
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await page.getByRole("tab", { name: "Stickers" }).click();
    await page.getByRole("button", { name: "Make stickers" }).click();
    await page.getByRole("button", { name: "New pack for this chat" }).click();
    await page.getByRole("textbox", { name: "Name of the pack" }).fill("Dogs");
    await page
      .locator(".dialog input[type=file]")
      .setInputFiles([disc("Good dog.png", [230, 150, 40]), disc("wag.png", [60, 140, 220])]);
    await page.getByRole("textbox", { name: "Short code of good_dog" }).fill("good dog");
    await expect(page.getByRole("button", { name: "Save", exact: true })).toBeDisabled();
    await page.getByRole("textbox", { name: "Short code of good dog" }).fill("good-dog");
    await look(page, "pack-editor");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.locator(".packs__name")).toHaveText(["Dogs"]);
    await page.getByRole("button", { name: "Done" }).click();
  });

  await test.step("a sticker is sent", async () => {
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await page.getByRole("tab", { name: "Stickers" }).click();
    await expect(page.locator(".sticker-picker img")).toHaveCount(2);
    await look(page, "sticker-picker");
    // The window that changes its size has put the picker away.
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await page.locator(".sticker-picker").getByRole("button", { name: "wag" }).click();
    await expect(bo.page.getByRole("img", { name: "wag" })).toBeVisible();
  });

  await test.step("a picture stands within a text, by completion, and is edited", async () => {
    await ana.composer.pressSequentially("such a :good");
    await expect(page.getByRole("option", { name: ":good-dog:" })).toBeVisible();
    await ana.composer.press("Enter");
    await expect(ana.composer).toHaveValue("such a :good-dog: ");
    await ana.composer.press("Enter");
    await expect(bo.page.locator(".bubble__text img[title=good-dog]")).toBeVisible();
    await ana.composer.press("ArrowUp");
    await ana.composer.fill("what a :good-dog:");
    await ana.composer.press("Enter");
    await expect(bo.message("what a").locator("img[title=good-dog]")).toBeVisible();
    await expect(bo.chat("Kennel")).toContainText("what a :good-dog:");
  });

  await test.step("a picture is a reaction", async () => {
    await bo.message("what a").hover();
    await bo.message("what a").getByRole("button", { name: "React" }).click();
    await bo.page.locator(".emoji-picker").getByRole("button", { name: "wag" }).click();
    await expect(ana.message("what a").locator(".reaction img")).toBeVisible();
    await expect(ana.message("what a").locator(".reaction")).toContainText(":wag:");
    await look(page, "emotes");
  });

  await test.step("the pack is used in all chats, and in those where the group is not", async () => {
    await bo.page.getByRole("button", { name: "Show details" }).last().click();
    await bo.page.getByRole("button", { name: "Stickers and emoji" }).click();
    await bo.page.getByRole("switch", { name: "Use in all chats" }).check();
    await bo.page.getByRole("button", { name: "Done" }).click();
    const rooms = () =>
      userIdOf(bo.page).then((id) =>
        call<{ rooms: object }>(bo.page, "GET", `/user/${encodeURIComponent(id)}/account_data/m.image_pack.rooms`),
      );
    const used = async () => Object.keys((await rooms().catch(() => ({ rooms: {} }))).rooms);
    await expect.poll(used).toEqual([roomId]);
    await bo.page.goto(`/room/${other}`);
    await bo.composer.fill(":wag");
    await expect(bo.page.getByRole("option", { name: ":wag: Dogs" })).toBeVisible();
    await bo.composer.fill("");
  });
  await Promise.all([ana.close(), bo.close()]);
});

test("packs of other clients are read: of the account and of a room", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const roomId = await createRoom(page, { preset: "private_chat", name: "Old" });
  const image = { url: "mxc://localhost/doesnotexist", body: "a cat" };
  const userId = encodeURIComponent(await userIdOf(page));
  await call(page, "PUT", `/user/${userId}/account_data/im.ponies.user_emotes`, {
    images: { mine: image },
    pack: { display_name: "Mine", usage: ["emoticon"] },
  });
  await call(page, "PUT", `/rooms/${encodeURIComponent(roomId)}/state/im.ponies.room_emotes/x`, {
    images: { theirs: image },
  });
  await page.goto(`/room/${roomId}`);
  await page.getByRole("button", { name: "Insert emoji" }).click();
  await expect(page.locator(".emoji-picker h3 bdi")).toHaveText(["Mine", "Old"]);
  // A room's pack without a use is for both, one of emoji is not among the stickers.
  await page.getByRole("tab", { name: "Stickers" }).click();
  await expect(page.locator(".sticker-picker h3")).toHaveText(["Old"]);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Insert emoji" })).toBeFocused();
  await ana.close();
});
