/** The session: an access token that expires all the time (the test server's live for twenty seconds), in several tabs. */
import { expect, type Page, test } from "@playwright/test";
import { Person } from "./people.ts";

const token = (page: Page) =>
  page.evaluate(
    () => (JSON.parse(localStorage.getItem("im2.session") ?? "{}") as { accessToken?: string }).accessToken,
  );

/** Waits until the token has been exchanged. */
async function exchanged(page: Page): Promise<void> {
  const before = await token(page);
  expect(before).toBeDefined();
  await expect.poll(() => token(page), { timeout: 60_000 }).not.toBe(before);
}

test("two tabs take turns when the token has expired, and when answers get lost", async ({ browser }) => {
  test.slow();
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.startChat(bo.name);
  await ana.say("first");
  const second = await ana.page.context().newPage();
  await second.goto(ana.page.url());
  await exchanged(ana.page);
  await second.getByRole("button", { name: "Use here" }).click();
  await expect(second.locator(".bubble__text", { hasText: "first" })).toBeVisible();
  await exchanged(second);
  await ana.page.getByRole("button", { name: "Use here" }).click();
  await ana.say("after two exchanges");

  let lost = 0;
  await ana.page.context().route("**/_matrix/client/v3/refresh", async (route) => {
    await route.fetch();
    lost += 1;
    await route.abort();
  });
  await expect.poll(() => lost, { timeout: 60_000 }).toBeGreaterThan(0);
  await ana.page.context().unroute("**/_matrix/client/v3/refresh");
  await exchanged(ana.page);
  await ana.say("after a lost answer");
  await second.getByRole("button", { name: "Use here" }).click();
  await expect(second.locator(".bubble__text", { hasText: "after a lost answer" })).toBeVisible();
  await bo.close();
  await ana.close();
});

test("a session that is ended elsewhere ends in both tabs", async ({ browser }) => {
  const ana = await Person.register(browser, "ana");
  const second = await ana.page.context().newPage();
  await second.goto("/");
  await expect(second.getByRole("button", { name: "Use here" })).toBeVisible();
  const status = await ana.page.evaluate(async () => {
    const { accessToken } = JSON.parse(localStorage.getItem("im2.session") ?? "{}") as { accessToken: string };
    const headers = { Authorization: `Bearer ${accessToken}` };
    return (await fetch("/_matrix/client/v3/logout/all", { method: "POST", headers, body: "{}" })).status;
  });
  expect(status).toBe(200);
  for (const page of [ana.page, second]) await expect(page.locator("input[type=password]")).toBeVisible();
  await ana.page.context().close();
});

test("what users have uploaded does not run in the client", async ({ browser }) => {
  const ana = await Person.register(browser, "ana", { serviceWorkers: "allow" });
  const outcome = await ana.page.evaluate(async () => {
    const { accessToken } = JSON.parse(localStorage.getItem("im2.session") ?? "{}") as { accessToken: string };
    const headers = { Authorization: `Bearer ${accessToken}` };
    const upload = async (type: string, body: string) => {
      const init = { method: "POST", headers: { ...headers, "Content-Type": type }, body };
      const { content_uri } = (await (await fetch("/_matrix/media/v3/upload", init)).json()) as { content_uri: string };
      return `/_matrix/client/v1/media/download/${content_uri.slice("mxc://".length)}?access_token=${accessToken}`;
    };
    const script = await upload("text/javascript", "globalThis.stolen = true; export {};");
    const style = await upload("text/css", "body { background: red }");
    const violated: string[] = [];
    Object.assign(globalThis, { violated });
    document.addEventListener("securitypolicyviolation", (event) => violated.push(event.effectiveDirective));
    const attempt = async (work: () => unknown) => {
      try {
        await work();
        return "ran";
      } catch {
        return "refused";
      }
    };
    const link = () =>
      new Promise((resolve, reject) => {
        const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
        sheet.onload = resolve;
        sheet.onerror = reject;
        document.head.append(sheet);
      });
    const outcomes = {
      read: (await fetch(script)).status,
      style: await attempt(link),
      tag: await attempt(() => {
        document.createElement("script").src = script;
      }),
      worker: await attempt(() => new Worker(script)),
      service: await attempt(() => navigator.serviceWorker.register(script)),
      markup: await attempt(() => {
        document.createElement("div").innerHTML = "<img src=x onerror=alert(1)>";
      }),
      policy: await attempt(() =>
        (
          globalThis as unknown as { trustedTypes: { createPolicy(name: string, rules: object): unknown } }
        ).trustedTypes.createPolicy("another", { createScriptURL: (url: string) => url }),
      ),
    };
    return { outcomes, script };
  });
  // As text, because the test's compiler would make another kind of import of it.
  const module = await ana.page.evaluate(
    `import(${JSON.stringify(outcome.script)}).then(() => "ran", () => "refused")`,
  );
  expect(module).toBe("refused");
  const refused = "refused";
  expect(outcome.outcomes).toEqual({
    read: 200,
    style: refused,
    tag: refused,
    worker: refused,
    service: refused,
    markup: refused,
    policy: refused,
  });
  const violated = await ana.page.evaluate(() => (globalThis as unknown as { violated: string[] }).violated);
  expect(violated).toEqual(expect.arrayContaining(["script-src-elem", "style-src-elem", "require-trusted-types-for"]));
  expect(await ana.page.evaluate(() => "stolen" in globalThis)).toBe(false);
  await ana.page.context().close();
});

test("a name that turns the writing turns only itself", async ({ browser }) => {
  const [ana, bo] = [await Person.register(browser, "ana"), await Person.register(browser, "bo")];
  await ana.setDisplayName("שלום \u202eannA", "שלום annA");
  await ana.startChat(bo.name);
  await ana.say("hello");
  await bo.page.goto("/");
  const row = bo.page.locator(".chat-row").first();
  await expect(row.locator("bdi")).toHaveText("שלום annA");
  await bo.acceptInvitation("annA");
  await ana.composer.fill("/me waves");
  await ana.composer.press("Enter");
  await expect(bo.message("waves").locator("bdi.bubble__emote")).toHaveText("שלום annA");
  await bo.act("waves", "Reply");
  await bo.say("hello");
  await expect(ana.message("hello").locator(".quote bdi")).toHaveText("You");
  await bo.close();
  await ana.close();
});
