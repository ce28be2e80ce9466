/**
 * All stories of all views in a real browser, which has a layout and colours: nothing is reported, nothing is wider than
 * the window, and axe finds nothing. Each setting is seen with each other one; not all of them together, which would take
 * four times as long.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { expect, type Page, test } from "@playwright/test";
import { loadAxe, violations } from "./axe.ts";

const DIST = join(import.meta.dirname, "../gallery-dist");
const TYPES: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const WALKS = [
  { theme: "light", language: "en", viewport: WIDE },
  { theme: "dark", language: "zh", viewport: PHONE },
] as const;

let server: Server | undefined;
let origin: string;
/** The components that a walk has not shown; some are of one size only. */
const unseen: (readonly string[])[] = [];

test.beforeAll(async () => {
  if (process.env.IM2_GALLERY === undefined) return;
  execFileSync("npm", ["run", "gallery"], { cwd: join(DIST, ".."), stdio: "pipe" });
  const files = createServer(({ url = "/" }, answer) => {
    const { pathname } = new URL(url, "http://gallery");
    try {
      answer.setHeader("Content-Type", TYPES[extname(pathname)] ?? "application/octet-stream");
      answer.end(readFileSync(join(DIST, pathname)));
    } catch {
      answer.writeHead(404).end();
    }
  });
  server = files;
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
});

test.afterAll(() => {
  server?.close();
});

// Some minutes for what only a change of the looks can break: not part of every run.
test.skip(process.env.IM2_GALLERY === undefined, "IM2_GALLERY=1 walks the gallery");

for (const { viewport, ...settings } of WALKS) {
  test(`every story can be shown: ${settings.theme}, ${settings.language}, ${viewport.width} pixels`, async ({
    page,
  }) => {
    test.setTimeout(1_200_000);
    const found: string[] = [];
    let id = "";
    page.on("console", (message) => {
      if (message.type() === "error") found.push(`${id}: ${message.text()}`);
    });
    page.on("pageerror", (error) => found.push(`${id}: ${error.message}`));
    await page.setViewportSize(viewport);
    await page.goto(`${origin}/frame.html`);
    await page.waitForFunction(() => window.gallery !== undefined);
    await loadAxe(page);
    for (id of await page.evaluate(() => window.gallery?.ids ?? [])) {
      await page.evaluate(([story, how]) => window.gallery?.show(story, how), [id, settings] as const);
      for (const wide of [...(await tooWide(page)), ...(await violations(page, "body"))]) found.push(`${id}: ${wide}`);
    }
    unseen.push(await page.evaluate(() => window.gallery?.unseen() ?? []));
    expect(found).toEqual([]);
  });
}

test("every component is seen in a story", () => {
  test.skip(unseen.length < WALKS.length, "both walks belong to it");
  expect(unseen[0]?.filter((name) => unseen.every((others) => others.includes(name)))).toEqual([]);
});

/** What ends outside of the window, or makes something scroll sideways that should not. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const scrolls = (element: Element) => getComputedStyle(element).overflowX !== "visible";
    const clipped = (element: Element) => {
      for (let at = element.parentElement; at !== null && at !== document.body; at = at.parentElement)
        if (scrolls(at)) return true;
      return false;
    };
    return [...document.body.querySelectorAll("*")].flatMap((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      const outside = width > 0 && (right > window.innerWidth + 1 || left < -1) && !clipped(element);
      return outside ? [`${element.className} stands from ${Math.round(left)} to ${Math.round(right)}`] : [];
    });
  });
}
