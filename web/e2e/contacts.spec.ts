import { readFileSync } from "node:fs";
import { type Browser, chromium, expect, test } from "@playwright/test";
import encodeQR from "qr";
import { call, createRoom, userIdOf } from "./api.ts";
import { codePicture, codeVideo } from "./codes.ts";
import { look, SIZES } from "./look.ts";
import { freshName, PASSWORD, Person } from "./people.ts";

const people: Person[] = [];
const register = async (browser: Browser, base: string, options = {}) => {
  const person = await Person.register(browser, base, options);
  people.push(person);
  return person;
};
const profile = (page: Person["page"], id: string, name: string) =>
  call(page, "PUT", `/profile/${encodeURIComponent(id)}/displayname`, { displayname: name });

test.describe.configure({ mode: "serial" });

let ana: Person;
let bo: Person;
let anaId: string;
let boId: string;

test.beforeAll(async ({ browser }) => {
  [ana, bo] = await Promise.all([register(browser, "ana"), register(browser, "bo")]);
  [anaId, boId] = await Promise.all([userIdOf(ana.page), userIdOf(bo.page)]);
  await profile(ana.page, anaId, "Ana Lima");
  await profile(bo.page, boId, "陈博");
});

test.afterAll(async () => {
  for (const person of people.splice(0)) await person.close();
});

test("a request carries a note; it is declined, sent again, accepted", async () => {
  await ana.page.goto(`/u/${boId}`);
  await expect(ana.page.locator(".person__name")).toHaveText("陈博");
  await look(ana.page, "people-stranger");
  await ana.page.locator("input[name=note]").fill("We met at the bakery");
  await ana.page.getByRole("button", { name: "Message" }).click();
  await expect(ana.composer).toBeVisible();

  await bo.page.goto("/people");
  const request = bo.page.locator(".request");
  await expect(request).toContainText("Ana Lima");
  await expect(request.locator(".request__note")).toHaveText("We met at the bakery");
  // Where people read requests: in the list, and in the conversation.
  await bo.page.goto("/");
  const row = bo.page.locator(".chat-row", { hasText: "Ana Lima" });
  await expect(row.locator(".chat-row__text")).toHaveText("We met at the bakery");
  await row.click();
  await expect(bo.page.locator(".conversation-card__note")).toHaveText("We met at the bakery");
  await bo.page.goto("/people");
  await expect(request.locator(".request__note")).toBeVisible();
  await look(bo.page, "people-requests");
  await request.getByRole("button", { name: "Decline" }).click();
  await expect(request).toHaveCount(0);

  await ana.page.goto(`/u/${boId}`);
  await ana.page.locator("input[name=note]").fill("Ana from the bakery");
  await ana.page.getByRole("button", { name: "Message" }).click();
  await expect(ana.composer).toBeVisible();
  await expect(ana.page.locator(".timeline__change", { hasText: "Ana from the bakery" })).toBeVisible();
  await ana.page.goto("/people");
  await ana.page.locator(".requests__sent summary").click();
  await expect(ana.page.locator(".request--sent")).toContainText("陈博");

  await request.getByRole("button", { name: "Accept" }).click();
  await expect(bo.composer).toBeVisible();
  await expect(ana.page.locator(".requests__sent")).toHaveCount(0);
  // After that both still read it.
  const words = "Ana Lima invited you: Ana from the bakery";
  await expect(bo.page.locator(".timeline__change", { hasText: words })).toBeVisible();
  for (const [person, text] of [
    [ana, "You: Ana from the bakery"],
    [bo, "Ana from the bakery"],
  ] as const) {
    await person.page.goto("/");
    await expect(person.page.locator(".chat-row__text", { hasText: text })).toBeVisible();
  }
});

test("a sent request can be taken back", async ({ browser }) => {
  const cy = await register(browser, "cy");
  const cyId = await userIdOf(cy.page);
  await ana.page.goto(`/u/${cyId}`);
  await ana.page.locator("input[name=note]").fill("Hello Cy");
  await ana.page.getByRole("button", { name: "Message" }).click();
  await expect(ana.composer).toBeVisible();
  await cy.page.goto("/people");
  await expect(cy.page.locator(".request")).toHaveCount(1);
  await ana.page.goto("/people");
  await ana.page.locator(".requests__sent summary").click();
  await ana.page.getByRole("button", { name: "Withdraw" }).click();
  await expect(ana.page.locator(".requests__sent")).toHaveCount(0);
  await expect(cy.page.locator(".request")).toHaveCount(0);
});

test("a request of somebody who is blocked is gone, and so are those that follow", async ({ browser }) => {
  const eve = await register(browser, "eve");
  await eve.page.goto(`/u/${boId}`);
  await eve.page.getByRole("button", { name: "Message" }).click();
  await expect(eve.composer).toBeVisible();
  await bo.page.goto("/people");
  await bo.page.getByRole("button", { name: new RegExp(`^Block ${eve.name}`) }).click();
  await bo.page.locator(".dialog .button--danger").click();
  await expect(bo.page.locator(".request")).toHaveCount(0);
  // Still so after another invitation and a fresh start.
  await createRoom(eve.page, { is_direct: true, invite: [boId] });
  await bo.page.reload();
  await expect(bo.page.locator(".contacts .person-row", { hasText: "Ana" })).toBeVisible();
  await expect(bo.page.locator(".request")).toHaveCount(0);
  await bo.page.getByRole("button", { name: "More", exact: true }).click();
  await bo.page.getByRole("menuitem", { name: "Blocked people" }).click();
  await expect(bo.page.locator(".blocked__row")).toContainText(eve.name);
  await look(bo.page, "people-blocked");
  await bo.page.getByRole("button", { name: /^Unblock/ }).click();
  await expect(bo.page.locator(".blocked__row")).toHaveCount(0);
});

test("the card: remark, tags, star, groups in common; on another device, too", async ({ browser }) => {
  await createRoom(ana.page, { name: "Weekend hikers", preset: "public_chat", invite: [boId] }).then((roomId) =>
    call(bo.page, "POST", `/join/${encodeURIComponent(roomId)}`, {}),
  );
  const phone = await browser.newContext({ viewport: SIZES.phone });
  const other = await phone.newPage();
  await other.goto("/login");
  await other.locator("input[name=username]").fill(ana.name);
  await other.locator("input[type=password]").fill(PASSWORD);
  await other.locator("button[type=submit]").click();
  await expect(other.locator(".rail")).toBeVisible();
  await other.goto("/people");

  await ana.page.goto("/people");
  await ana.page.getByRole("button", { name: "About 陈博" }).click();
  const card = ana.page.locator(".person-card");
  await expect(card.locator(".person__group")).toContainText("Weekend hikers");
  await expect(card.locator(".person__presence")).toHaveText("Online");
  await card.locator("input[name=remark]").fill("老陈");
  await card.locator("input[name=tags]").fill("同事, bakery");
  await card.getByRole("button", { name: "Save" }).click();
  await expect(card.locator(".person__name")).toHaveText("老陈");
  await expect(card.locator(".person__own")).toContainText("陈博");
  await card.getByRole("button", { name: "Star" }).click();
  await expect(card.getByRole("button", { name: "Remove the star" })).toBeVisible();
  await look(ana.page, "people-card");
  await ana.page.keyboard.press("Escape");
  await expect(card).toHaveCount(0);
  await expect(ana.page.locator('[data-letter="★"]')).toContainText("老陈");
  await expect(ana.page.locator('[data-letter="L"]')).toContainText("老陈");
  await ana.page.locator(".rail__link").first().click();
  await expect(ana.chat("老陈")).toBeVisible();

  await expect(other.locator('[data-letter="L"]')).toContainText("老陈");
  await phone.close();
});

test("both devices keep what the other has written at the same time", async () => {
  const type = `/user/${encodeURIComponent(anaId)}/account_data/im2.contacts`;
  const stored = await call<{ entries: Record<string, unknown> }>(ana.page, "GET", type);
  await ana.page.goto("/people");
  await expect(ana.page.locator('[data-letter="L"]')).toBeVisible();
  // Another device that has not yet heard of the note about Bo adds somebody else.
  const entries = { "@dora:localhost": { at: Date.now(), value: { name: "Dora" } } };
  await call(ana.page, "PUT", type, { entries });
  await expect(ana.page.locator('[data-letter="D"]')).toContainText("Dora");
  await expect(ana.page.locator('[data-letter="L"]')).toContainText("老陈");
  await expect
    .poll(async () => (await call<{ entries: Record<string, unknown> }>(ana.page, "GET", type)).entries)
    .toEqual({ ...stored.entries, ...entries });
});

test("people are found by remark, name, id, pinyin and initials", async () => {
  await ana.page.goto("/people");
  for (const term of ["老陈", "陈博", "laochen", "lc", "chenb", boId]) {
    await ana.page.locator(".search-box input").fill(term);
    await expect(ana.page.locator(".person-row").first()).toContainText("老陈");
  }
  await look(ana.page, "people-search");
});

test("reporting reaches the administrators", async () => {
  await ana.page.goto(`/u/${boId}`);
  await ana.page.getByRole("button", { name: "Report" }).click();
  await ana.page.locator("[role=dialog] textarea").fill("Only a test");
  const sent = ana.page.waitForResponse((response) => response.url().endsWith("/report"));
  await ana.page.getByRole("button", { name: "Send report" }).click();
  expect((await sent).status()).toBe(200);
  await expect(ana.page.locator("[role=dialog]")).toHaveCount(0);
});

test("contacts are saved as files and read again", async ({ browser }) => {
  await ana.page.goto("/people");
  await ana.page.getByRole("button", { name: "More", exact: true }).click();
  await ana.page.getByRole("menuitem", { name: "Import and export" }).click();
  await look(ana.page, "people-files");
  const dora = await register(browser, "dora");
  for (const [format, extension] of [
    ["vCard", "vcf"],
    ["CSV", "csv"],
    ["JSON", "json"],
  ] as const) {
    await ana.page.locator(".segments label", { hasText: format }).click();
    const download = ana.page.waitForEvent("download");
    await ana.page.getByRole("button", { name: "Save file" }).click();
    const file = await download;
    expect(file.suggestedFilename()).toBe(`contacts.${extension}`);
    const buffer = readFileSync(await file.path());
    expect(buffer.toString()).toContain("老陈");

    await dora.page.goto("/people");
    await dora.page.getByRole("button", { name: "More", exact: true }).click();
    await dora.page.getByRole("menuitem", { name: "Import and export" }).click();
    await dora.page
      .locator("[role=dialog] input[type=file]")
      .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer });
    await expect(dora.page.locator(".notice--good")).toContainText("2 contacts imported");
  }
  const nothing = { name: "a.csv", mimeType: "text/csv", buffer: Buffer.from("hello") };
  await dora.page.locator("[role=dialog] input[type=file]").setInputFiles(nothing);
  await expect(dora.page.locator("[role=dialog] .notice--problem")).toBeVisible();
  await dora.page.keyboard.press("Escape");
  await expect(dora.page.locator('[data-letter="L"]')).toContainText("老陈");
});

test("the index leads to a letter, by keyboard too", async ({ browser }) => {
  const fay = await register(browser, "fay");
  const names = [
    "Ana",
    "阿姨",
    "Bea",
    "陈博",
    "Dora",
    "丁一",
    "李雷",
    "Zoe",
    "张伟",
    "Ольга",
    "Émile",
    "Gil",
    "何",
    "吴",
    "许",
  ];
  const entries = Object.fromEntries(
    names.map((name, index) => [`@p${index}:localhost`, { at: 1, value: { remark: name } }]),
  );
  const id = await userIdOf(fay.page);
  await call(fay.page, "PUT", `/user/${encodeURIComponent(id)}/account_data/im2.contacts`, { entries });
  await fay.page.setViewportSize({ width: 1440, height: 420 });
  await fay.page.goto("/people");
  await expect(fay.page.locator(".contacts__index button")).toHaveText([
    "A",
    "B",
    "C",
    "D",
    "E",
    "G",
    "H",
    "L",
    "W",
    "X",
    "Z",
    "#",
  ]);
  await expect(fay.page.locator('[data-letter="#"]')).not.toBeInViewport();
  await fay.page.locator(".contacts__index button", { hasText: "#" }).press("Enter");
  await expect(fay.page.locator('[data-letter="#"]')).toBeInViewport();
  await look(fay.page, "people-index");
});

test("my link leads a newcomer to the first chat within ten seconds", async ({ browser }) => {
  await ana.page.goto("/people");
  await ana.page.getByRole("button", { name: /^My link and code/ }).click();
  await expect(ana.page.locator(".qr")).toBeVisible();
  await look(ana.page, "people-code");
  const link = (await ana.page.locator(".my-code__link").textContent()) ?? "";
  await ana.page.keyboard.press("Escape");

  const context = await browser.newContext();
  const page = await context.newPage();
  const start = Date.now();
  await page.goto(new URL(link).pathname);
  await expect(page.locator(".auth__wanted")).toContainText(anaId);
  await page.locator(".auth__other").click();
  await expect(page.locator(".auth__wanted")).toContainText(anaId);
  await page.screenshot({ path: "test-output/screens/people-wanted.png" });
  await page.locator("input[name=username]").fill(freshName("new"));
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page).toHaveURL(new RegExp(`/u/@${ana.name}:localhost$`));
  await page.getByRole("button", { name: "Message" }).click();
  await page.locator(".composer__input").fill("Hello!");
  await page.locator(".composer__input").press("Enter");
  await expect(page.locator(".message").last()).toHaveAttribute("data-status", "sent");
  expect(Date.now() - start).toBeLessThan(10_000);
  await context.close();
});

test("somebody is added by id, link, and the picture of their code", async () => {
  const add = async (text: string) => {
    await bo.page.goto("/people");
    await bo.page.getByRole("button", { name: "Add a contact" }).click();
    await bo.page.locator("[role=dialog] input").fill(text);
    await bo.page.getByRole("button", { name: "Find", exact: true }).click();
  };
  await add("not an address!");
  await expect(bo.page.locator("[role=dialog] .field__hint--problem")).toBeVisible();
  await look(bo.page, "people-add");
  for (const text of [ana.name, anaId, `https://matrix.to/#/${anaId}`, `matrix:u/${anaId.slice(1)}`]) {
    await add(text);
    await expect(bo.page.locator("[role=dialog] .person__name")).toHaveText("Ana Lima");
  }
  await add("@nobody-at-all:localhost");
  await expect(bo.page.locator("[role=dialog] .notice--problem")).toContainText("There is no such account");

  await bo.page.goto("/people");
  await bo.page.getByRole("button", { name: "Add a contact" }).click();
  await bo.page.getByRole("button", { name: "Scan a code" }).click();
  await expect(bo.page.locator("[role=dialog] [role=status]")).toContainText(/camera/);
  await look(bo.page, "people-scan");
  const choose = (text: string) =>
    bo.page.locator("[role=dialog] input[type=file]").setInputFiles(codePicture(encodeQR(text, "raw", { border: 4 })));
  await choose("https://example.org/nothing");
  await expect(bo.page.locator("[role=dialog] [role=status]")).toContainText("No person’s code");
  await choose(`http://localhost/u/${anaId}`);
  await expect(bo.page.locator("[role=dialog] .person__name")).toHaveText("Ana Lima");
});

test("the camera reads a code", async () => {
  const video = codeVideo(encodeQR(`matrix:u/${anaId.slice(1)}`, "raw", { border: 4 }));
  const browser = await chromium.launch({
    executablePath: process.env.IM2_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${video}`,
    ],
  });
  const scanner = await Person.register(browser, "sam", { baseURL: process.env.IM2_BASE_URL });
  await scanner.page.goto("/people");
  await scanner.page.getByRole("button", { name: "Add a contact" }).click();
  await scanner.page.getByRole("button", { name: "Scan a code" }).click();
  await expect(scanner.page.locator("[role=dialog] .person__name")).toHaveText("Ana Lima");
  await scanner.close();
  await browser.close();
});
