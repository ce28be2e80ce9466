import { expect, type Locator, test } from "@playwright/test";
import { call, createRoom, userIdOf } from "./api.ts";
import { animatedPng, animatedWebp, gif, picture, stillWebp } from "./files.ts";
import { look } from "./look.ts";
import { Person } from "./people.ts";

interface Sent {
  content: { msgtype?: string; url?: string; body?: string; info?: Record<string, unknown> };
}

test("a GIF is kept from its message, found after a reload, sent again without an upload, and given up", async ({
  browser,
}) => {
  const ana = await Person.register(browser, "ana");
  const bo = await Person.register(browser, "bo");
  const { page } = bo;
  const invite = [await userIdOf(page)];
  const roomId = await createRoom(ana.page, { preset: "private_chat", name: "Parties", invite });
  await bo.acceptInvitation("Parties");
  const pictures = (person: Person) => person.page.getByRole("button", { name: "Open picture dance.gif" });
  const picker = page.getByRole("group", { name: "GIFs" });
  const tile = picker.getByRole("button", { name: "dance.gif", exact: true });
  const uploads: string[] = [];
  page.on("request", (request) => {
    if (/\/media\/.*(?:upload|create)/.test(request.url())) uploads.push(request.url());
  });
  const openPicker = async () => {
    await page.getByRole("button", { name: "Insert emoji" }).click();
    await page.getByRole("tab", { name: "GIFs" }).click();
  };
  const choose = async (picture: Locator, action: string) => {
    await picture.click({ button: "right" });
    await page.getByRole("menuitem", { name: action }).click();
  };

  await test.step("the empty tab says how they get there", async () => {
    await openPicker();
    await expect(picker).toContainText("To keep a GIF here");
    await look(page, "gif-picker-empty");
  });

  await test.step("one sends a GIF, the other keeps it", async () => {
    await ana.page.goto(`/room/${roomId}`);
    await ana.page.locator("input[type=file]").setInputFiles(gif("dance.gif"));
    await ana.page.locator(".dialog .button--primary").click();
    const saved = page.waitForResponse(
      (response) => response.request().method() === "PUT" && response.url().includes("/im2.saved_gifs"),
    );
    await choose(pictures(bo), "Save to GIFs");
    expect((await saved).ok()).toBe(true);
  });

  await test.step("it is in the picker after a reload, and moves when pointed at", async () => {
    await page.reload();
    await openPicker();
    await expect(tile.locator("img")).toBeVisible();
    await look(page, "gif-picker");
    // The window that changes its size has put the picker away.
    await page.emulateMedia({ reducedMotion: "no-preference" });
    await openPicker();
    const still = await tile.locator("img").getAttribute("src");
    await tile.hover();
    await expect(tile.locator("img")).not.toHaveAttribute("src", still ?? "");
  });

  await test.step("it goes out at once, with the address that it has", async () => {
    await tile.click();
    await expect(picker).toBeHidden();
    await expect(pictures(ana)).toHaveCount(2);
    await expect(pictures(ana).last().locator("img")).toBeVisible();
    const path = `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=2`;
    const { chunk } = await call<{ chunk: Sent[] }>(page, "GET", path);
    const [again, first] = chunk.map(({ content }) => content);
    expect(again?.url).toBe(first?.url);
    expect(again).toMatchObject({ msgtype: "m.image", body: "dance.gif" });
    expect(first?.info).toMatchObject({ is_animated: true });
    expect(again?.info).toEqual(first?.info);
    expect(uploads).toEqual([]);
  });

  await test.step("in an encrypted chat it is sent with a warning, and none is offered to be kept", async () => {
    const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
    const options = { preset: "private_chat", name: "Secrets", initial_state: [encryption] };
    await page.goto(`/room/${await createRoom(page, options)}`);
    await openPicker();
    await expect(picker).toContainText("which can see them even in encrypted chats");
    await tile.click();
    await expect(pictures(bo).locator("img")).toBeVisible();
    await page.locator("input[type=file]").setInputFiles(gif("secret.gif"));
    await page.locator(".dialog .button--primary").click();
    const secret = page.getByRole("button", { name: "Open picture secret.gif" });
    await expect(secret.locator("img")).toBeVisible();
    await expect(page.locator(".message[data-status=sent] .picture")).toHaveCount(2);
    // A still copy goes along, for those who want less motion.
    expect(uploads).toHaveLength(2);
    await secret.click({ button: "right" });
    await expect(page.getByRole("menuitem", { name: "Forward" })).toBeVisible();
    await expect(page.getByRole("menuitem", { name: "Save to GIFs" })).toHaveCount(0);
    await page.keyboard.press("Escape");
  });

  await test.step("it is given up from any message that shows it", async () => {
    await choose(pictures(bo).last(), "Remove from GIFs");
    await openPicker();
    await expect(picker).toContainText("To keep a GIF here");
    await expect(tile).toHaveCount(0);
  });
  await Promise.all([ana.close(), bo.close()]);
});

test("a saved GIF outlives its message, and one that the server does not have can only be removed", async ({
  browser,
}) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const picker = page.getByRole("group", { name: "GIFs" });
  const value = { name: "Lost dance", mimetype: "image/gif", size: 900 };
  const [server = ""] = /(?<=:).*/.exec(await userIdOf(page)) ?? [];
  const path = `/user/${encodeURIComponent(await userIdOf(page))}/account_data/im2.saved_gifs`;
  await call(page, "PUT", path, { entries: { [`mxc://${server}/NoSuchMediaHere`]: { at: Date.now(), value } } });
  const roomId = await createRoom(page, { preset: "private_chat", name: "Losses" });
  await page.goto(`/room/${roomId}`);
  await page.locator("input[type=file]").setInputFiles(gif("dance.gif"));
  await page.locator(".dialog .button--primary").click();
  const picture = page.getByRole("button", { name: "Open picture dance.gif" });
  await expect(picture.locator("img")).toBeVisible();
  await expect(page.locator(".message[data-status=sent] .picture")).toHaveCount(1);
  await picture.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Save to GIFs" }).click();
  await picture.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.locator(".dialog .button--danger").click();
  await expect(picture).toHaveCount(0);

  await page.reload();
  await page.getByRole("button", { name: "Insert emoji" }).click();
  await page.getByRole("tab", { name: "GIFs" }).click();
  await expect(picker.getByRole("button", { name: "dance.gif", exact: true }).locator("img")).toBeVisible();
  const lost = picker.getByRole("button", { name: "Lost dance is no longer on the server. Remove it" });
  await expect(lost).toBeVisible();
  await lost.click();
  await expect(lost).toHaveCount(0);
  await expect(picker).toBeVisible();
  await expect.poll(async () => JSON.stringify(await call(page, "GET", path))).not.toContain("Lost dance");
  await ana.close();
});

test("pictures say whether they move, whatever their kind, and stand still for those who want less motion", async ({
  browser,
}) => {
  const ana = await Person.register(browser, "ana");
  const { page } = ana;
  const fetched: string[] = [];
  page.on("request", (request) => {
    const [, way, id] = /\/media\/(thumbnail|download)\/[^/]+\/([\w-]+)/.exec(request.url()) ?? [];
    if (way !== undefined) fetched.push(`${way} ${id}`);
  });
  const roomId = await createRoom(page, { preset: "private_chat", name: "Films" });
  await page.goto(`/room/${roomId}`);
  const files = [gif("a.gif"), picture("b.png"), animatedPng("c.png"), stillWebp("d.webp"), animatedWebp("e.webp")];
  for (const [at, file] of files.entries()) {
    await page.locator("input[type=file]").setInputFiles(file);
    await page.locator(".dialog .button--primary").click();
    await expect(page.locator(".message[data-status=sent] .picture img")).toHaveCount(at + 1);
  }
  const { chunk } = await call<{ chunk: Sent[] }>(
    page,
    "GET",
    `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${files.length}`,
  );
  const sent = chunk.map(({ content }) => content).reverse();
  expect(sent.map(({ body, info }) => [body, info?.is_animated])).toEqual([
    ["a.gif", true],
    ["b.png", false],
    ["c.png", true],
    ["d.webp", false],
    ["e.webp", true],
  ]);
  const ids = sent.map(({ url = "" }) => url.replace(/.*\//, ""));
  const moving = page.locator(".picture", { has: page.locator("svg") });
  await expect(moving).toHaveCount(3);
  await look(page, "gifs-still");
  for (const id of ids) {
    expect(fetched).toContain(`thumbnail ${id}`);
    expect(fetched).not.toContain(`download ${id}`);
  }
  // In the viewer it moves.
  await moving.last().click();
  await expect.poll(() => fetched).toContain(`download ${ids[4]}`);
  await page.keyboard.press("Escape");
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await expect(moving).toHaveCount(0);
  for (const [at, id] of ids.entries()) {
    if (at % 2 === 0) await expect.poll(() => fetched).toContain(`download ${id}`);
    else expect(fetched).not.toContain(`download ${id}`);
  }
  await expect(page.locator(".picture img")).toHaveCount(files.length);
  const broken = page
    .locator(".picture img")
    .evaluateAll((all) => all.filter((img) => !(img as HTMLImageElement).naturalWidth));
  expect(await broken).toEqual([]);
  await ana.close();
});
