/** Verifying by a code that one side shows and the camera of the other reads. */
import { expect, type Page, test } from "@playwright/test";
import encodeQR from "qr";
import { keysPublished } from "./api.ts";
import { bytesOf, codeOn, holdBeforeCamera } from "./codes.ts";
import { look } from "./look.ts";
import { Peer } from "./peer.ts";
import { PASSWORD, Person } from "./people.ts";

const BASE = process.env.IM2_BASE_URL ?? "";

const askToVerify = async (page: Page) => {
  if ((await page.locator(".details").count()) === 0)
    await page.getByRole("button", { name: "Show details" }).last().click();
  await page
    .locator(".details")
    .getByRole("button", { name: /^Verif/ })
    .click();
  await page.getByRole("button", { name: "Start" }).click();
};

const accept = (page: Page) =>
  page.locator(".verification-request").getByRole("button", { name: "Accept" }).click({ timeout: 30_000 });

test("two people verify each other by a code, and a session another one", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("is it you?");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("is it you?")).toBeVisible();

  await test.step("another code is refused, theirs is recognised, and the one who showed it says so", async () => {
    await askToVerify(ana.page);
    await accept(bo.page);
    const code = await codeOn(ana.page);
    await look(ana.page, "verification-code");
    await holdBeforeCamera(bo.page, encodeQR("https://example.org/a-menu", "raw", { border: 4 }));
    await bo.page.getByRole("button", { name: "Scan their code" }).click({ timeout: 30_000 });
    await expect(bo.page.locator(".scanner")).toContainText("not the code of this verification");
    await holdBeforeCamera(bo.page, code);
    await expect(bo.page.locator(".dialog")).toContainText("The code matches");
    await expect(ana.page.locator(".dialog")).toContainText("see a tick now");
    await look(ana.page, "verification-scanned");
    await look(bo.page, "verification-recognised");
    await ana.page.getByRole("button", { name: "Yes, a tick" }).click();
    for (const { page } of [ana, bo]) {
      await expect(page.locator(".dialog")).toContainText("You have verified", { timeout: 30_000 });
      await page.locator(".dialog .button--primary").click();
    }
    await expect(ana.page.locator(".details").getByRole("button", { name: "Verified", exact: true })).toBeVisible();
  });

  await test.step("a new session is verified by the code that the old one shows", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto("/login");
    await page.locator("input[name=username]").fill(bo.name);
    await page.locator("input[type=password]").fill(PASSWORD);
    await page.locator("button[type=submit]").click();
    await page.locator(".reminder").getByRole("button", { name: "Verify" }).click({ timeout: 30_000 });
    await page.getByRole("button", { name: /Use another session/ }).click();
    await accept(bo.page);
    await holdBeforeCamera(page, await codeOn(bo.page));
    await page.getByRole("button", { name: "Scan the other device’s code" }).click({ timeout: 30_000 });
    await bo.page.getByRole("button", { name: "Yes, a tick" }).click({ timeout: 30_000 });
    await expect(page.locator(".dialog")).toContainText("This session is verified", { timeout: 30_000 });
    await expect(page.locator(".reminder")).not.toContainText("Verify this session");
    await page.context().close();
  });
  await bo.close();
  await ana.close();
});

test("a scan by somebody else is called off", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await keysPublished(bo.page);
  await ana.startChat(bo.name);
  await ana.say("is it you?");
  await bo.acceptInvitation(ana.name);
  await expect(bo.message("is it you?")).toBeVisible();
  await askToVerify(ana.page);
  await accept(bo.page);
  await holdBeforeCamera(bo.page, await codeOn(ana.page));
  await bo.page.getByRole("button", { name: "Scan their code" }).click({ timeout: 30_000 });
  await ana.page.locator(".dialog").getByRole("button", { name: "No", exact: true }).click({ timeout: 30_000 });
  for (const { page } of [ana, bo]) await expect(page.locator(".dialog")).toContainText("Not verified");
  await ana.page.locator(".dialog .button--primary").click();
  await expect(ana.page.locator(".details").getByRole("button", { name: "Verify" })).toBeVisible();
  await bo.close();
  await ana.close();
});

test("another client reads our codes, and we read those of another client", async ({ browser }) => {
  test.slow();
  const ana = await Person.register(browser, "ana");
  for (const way of ["shows", "scans"] as const) {
    const peer = await Peer.register(BASE, `peer-${way}`);
    await ana.startChat(peer.name);
    await ana.say("hello");
    const roomId = await peer.join();
    await ana.say(`who ${way}`);
    await peer.reads(roomId, `who ${way}`);
    const verified =
      way === "shows"
        ? peer.showCode(async (code) => {
            const text = Buffer.from(code).toString("latin1");
            const textEncoder = (from: string) => Uint8Array.from(Buffer.from(from, "latin1"));
            await holdBeforeCamera(ana.page, encodeQR(text, "raw", { border: 4, encoding: "byte", textEncoder }));
            await ana.page.getByRole("button", { name: "Scan their code" }).click({ timeout: 30_000 });
          })
        : peer.scanCode(async () => bytesOf(await codeOn(ana.page)));
    await askToVerify(ana.page);
    if (way === "scans") await ana.page.getByRole("button", { name: "Yes, a tick" }).click({ timeout: 30_000 });
    await verified;
    await expect(ana.page.locator(".dialog")).toContainText("You have verified", { timeout: 30_000 });
    await ana.page.locator(".dialog .button--primary").click();
    const status = await peer.client
      .getCrypto()
      ?.getUserVerificationStatus(
        await ana.page.evaluate(() => JSON.parse(localStorage.getItem("im2.session") ?? "").userId),
      );
    expect(status?.isCrossSigningVerified()).toBe(true);
    peer.stop();
  }
  await ana.close();
});
