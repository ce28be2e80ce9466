/**
 * Signing in to another homeserver than the one that serves the page. A proxy serves the page as if `web.homeservers`
 * allowed it; the other server is one that `IM2_OTHER_HOMESERVER` names, else the same one under its other name on this
 * machine: to the browser another origin, with all that the policy and the rules between origins ask for.
 */
import { createServer, request as ask } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Page, test } from "@playwright/test";
import { expectAccessible } from "./axe.ts";
import { picture as pictureFile } from "./files.ts";
import { look } from "./look.ts";
import { freshName, PASSWORD } from "./people.ts";

const own = new URL(process.env.IM2_BASE_URL ?? "");
const swapped = new URL(own);
swapped.hostname = own.hostname === "localhost" ? "127.0.0.1" : "localhost";
const other = process.env.IM2_OTHER_HOMESERVER ?? swapped.origin;

/** The server under test behind a proxy, whose administrator changes what the page may connect to. */
async function changing(): Promise<{ origin: string; allow: (source: string) => void; stop: () => void }> {
  let allowed = "";
  const proxy = createServer((request, response) => {
    const { host: _, ...headers } = request.headers;
    const options = { method: request.method, headers: { ...headers, host: own.host } };
    const passed = ask(new URL(request.url ?? "/", own), options, (answer) => {
      const policy = String(answer.headers["content-security-policy"] ?? "");
      const changed = policy.replace(/connect-src [^;]*/, `connect-src 'self' ${allowed}`.trimEnd());
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, "content-security-policy": changed });
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    allow: (source) => {
      allowed = source;
    },
    stop: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

/** An account on the other server. */
async function registerThere(page: Page): Promise<string> {
  const name = freshName("eve");
  const url = `${other}/_matrix/client/v3/register`;
  const data = { username: name, password: PASSWORD, auth: { type: "m.login.dummy" } };
  const answer = await page.request.post(url, { data });
  expect(answer.status()).toBe(200);
  return name;
}

test("somebody with an account elsewhere signs in there", async ({ browser }) => {
  const server = await changing();
  server.allow(other);
  const context = await browser.newContext({ baseURL: server.origin });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) errors.push(message.text());
  });
  const name = await registerThere(page);
  await page.goto("/login");
  await page.getByRole("button", { name: "Other server" }).click();
  await expect(page.locator("input[name=server]")).toBeFocused();
  await look(page, "auth-other-server");

  await test.step("what goes wrong is said", async () => {
    const attempt = async (server: string, words: string | RegExp) => {
      await page.locator("input[name=server]").fill(server);
      await page.locator("button[type=submit]").click();
      await expect(page.getByRole("alert")).toContainText(words);
    };
    await attempt("not a name", "looks like example.org");
    await attempt("https://elsewhere.example", "not allowed to connect to that server");
    await expectAccessible(page, "a server that cannot be used");
  });

  await page.locator("input[name=server]").fill(other);
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".auth__server")).toContainText(new URL(other).host);
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page.locator(".rail")).toBeVisible();
  await page.goto("/settings/account");
  await expect(page.getByText(other, { exact: true })).toBeVisible();

  await test.step("pictures go there and come from there", async () => {
    await page.goto("/settings/profile");
    const upload = page.waitForRequest((request) => request.url().includes("/upload"));
    await page
      .locator("input[type=file]")
      .first()
      .setInputFiles(pictureFile("me.png", 64, 64));
    expect((await upload).url()).toContain(other);
    const picture = page.locator(".rail__account img");
    await expect(picture).toHaveAttribute("src", /^blob:/);
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  });
  expect(errors).toEqual([]);
  await context.close();
  server.stop();
});

test("a page that was kept from before is fetched anew when another server is allowed", async ({ browser }) => {
  const server = await changing();
  const context = await browser.newContext({ serviceWorkers: "allow", baseURL: server.origin });
  const page = await context.newPage();
  await page.goto("/login");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await expect.poll(() => page.evaluate(() => caches.keys())).not.toEqual([]);
  await page.reload();
  await expect(page.locator("input[name=username]")).toBeVisible();
  await expect(page.getByRole("button", { name: "Other server" })).toHaveCount(0);
  server.allow(other);
  await page.reload();
  // The page is the one that was kept, which the new setting does not reach by itself.
  const choose = async () => {
    await page.getByRole("button", { name: "Other server" }).click();
    await page.locator("input[name=server]").fill(other);
    await page.locator("button[type=submit]").click();
  };
  const loaded = page.waitForEvent("load");
  await choose();
  await loaded;
  await choose();
  await expect(page.locator(".auth__server")).toContainText(new URL(other).host);
  await context.close();
  server.stop();
});

test("where the administrator allows no other server, none is offered", async ({ browser }) => {
  const server = await changing();
  const context = await browser.newContext({ baseURL: server.origin });
  const page = await context.newPage();
  const asked = page.waitForResponse((response) => response.request().method() === "HEAD");
  await page.goto("/login");
  await asked;
  await expect(page.locator("input[name=username]")).toBeVisible();
  await expect(page.getByRole("button", { name: "Other server" })).toHaveCount(0);
  await context.close();
  server.stop();
});

test("terms are agreed to, and an unknown step is done on the server's page", async ({ page, context }) => {
  const stages = ["m.login.terms", "org.example.riddle", "m.login.dummy"];
  const terms = { name: "House rules", url: `${own.origin}/rules.html` };
  const params = { "m.login.terms": { policies: { house: { version: "1", en: terms } } } };
  let solved = false;
  const done: string[] = [];
  await page.route("**/_matrix/client/v3/register", async (route) => {
    const body = route.request().postDataJSON() as { auth?: { type?: string; session?: string } };
    const type = body.auth?.type;
    if (type === "m.login.terms") done.push(type);
    if (type === undefined && body.auth !== undefined && solved) done.push("org.example.riddle");
    // The last step is the server's own again.
    if (type === "m.login.dummy") return route.continue({ postData: JSON.stringify({ ...body, auth: { type } }) });
    const json = { session: "s", flows: [{ stages }], params, completed: [...done] };
    return route.fulfill({ status: 401, json });
  });
  await context.route("**/_matrix/client/v3/auth/**", (route) =>
    route.fulfill({ contentType: "text/html", body: "<title>Riddle</title><p>What has roots as nobody sees?</p>" }),
  );
  const name = freshName("terms");
  await page.goto("/register");
  await page.locator("input[name=username]").fill(name);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await expect(page.getByRole("heading", { name: "One more step" })).toBeVisible();
  const go = page.locator("button[type=submit]");
  await expect(go).toBeDisabled();
  await expect(page.getByRole("link", { name: "House rules" })).toHaveAttribute("href", terms.url);
  await look(page, "auth-terms");
  await page.getByRole("checkbox").check();
  await go.click();
  const link = page.getByRole("link", { name: "Open the step" });
  await expect(link).toBeVisible();
  await look(page, "auth-step");
  await go.click();
  await expect(page.getByRole("alert")).toContainText("not finished yet");
  const opened = context.waitForEvent("page");
  await link.click();
  const riddle = await opened;
  await expect(riddle).toHaveTitle("Riddle");
  expect(riddle.url()).toContain("/_matrix/client/v3/auth/org.example.riddle/fallback/web?session=s");
  await riddle.close();
  solved = true;
  await go.click();
  await expect(page.locator(".rail__account")).toHaveAttribute("title", name);
});
