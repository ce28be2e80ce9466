import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

/** A class by itself, in whatever state: what says how the thing of that name looks. */
const BY_ITSELF = /^\.([a-z0-9-]+(?:__[a-z0-9-]+)?)(?:--[a-z0-9-]+)?(?:\[[^\]]*\]|::?[a-z-]+(?:\([^)]*\))?)*$/;

function sheets(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sheets(path);
    return entry.name.endsWith(".css") ? [path] : [];
  });
}

/** The classes that a style sheet dresses by themselves. */
function dressed(sheet: string): Set<string> {
  const text = readFileSync(sheet, "utf8").replace(/\/\*.*?\*\//gs, "");
  const found = new Set<string>();
  for (const [, selectors] of text.matchAll(/(?:^|[{};])\s*([^{};@]+?)\s*\{/g)) {
    for (const selector of (selectors ?? "").split(",")) {
      const name = BY_ITSELF.exec(selector.trim())?.[1];
      if (name !== undefined) found.add(name);
    }
  }
  return found;
}

// Style sheets are loaded with the views that need them, so a clash shows only after the other view has been seen.
test("no class is dressed by the style sheets of two folders", () => {
  const folders = new Map<string, Set<string>>();
  for (const sheet of sheets(import.meta.dirname)) {
    for (const name of dressed(sheet)) {
      folders.set(name, (folders.get(name) ?? new Set()).add(dirname(sheet)));
    }
  }
  expect(folders.size).toBeGreaterThan(300);
  expect([...folders].filter(([, places]) => places.size > 1)).toEqual([]);
});

// Its column would grow with a long name in it, past the edge of the window.
test("a grid says how wide its columns are, or puts things in its middle", () => {
  const without = sheets(import.meta.dirname).flatMap((sheet) => {
    const text = readFileSync(sheet, "utf8").replace(/\/\*.*?\*\//gs, "");
    return [...text.matchAll(/([^{};]+)\{([^{}]*\bdisplay: grid;[^{}]*)\}/g)]
      .filter(([, , rules]) => !/grid-template|place-(items|content)|justify-content/.test(rules ?? ""))
      .map(([, selector]) => `${sheet}: ${selector?.trim()}`);
  });
  expect(without).toEqual([]);
});
