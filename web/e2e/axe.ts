/** Accessibility of what is shown, by axe. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, type Page } from "@playwright/test";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

/** What {@link violations} needs on the page; as long as that is there. */
export async function loadAxe(page: Page): Promise<void> {
  await page.evaluate(source);
}

/** What axe finds on the page as it is now. `within` leaves the rest of the page out. */
export async function violations(page: Page, within?: string): Promise<string[]> {
  const found = await page.evaluate(async (selector) => {
    const axe = (
      window as unknown as { axe: { run: (context: unknown, options: object) => Promise<{ violations: Violation[] }> } }
    ).axe;
    const context = selector === undefined ? document : { include: [selector] };
    return (await axe.run(context, { resultTypes: ["violations"], preload: false })).violations;
  }, within);
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}) ${target.join(" ")} ${failureSummary ?? ""}`),
  );
}

/** Fails with what axe has found, on the page as it is now. */
export async function expectAccessible(page: Page, where: string, within?: string): Promise<void> {
  await loadAxe(page);
  const found = await violations(page, within);
  // The test goes on, so that one run tells of everything.
  expect.soft(found.map((violation) => `${where}: ${violation}`)).toEqual([]);
}
