/** The layers of README.md, read off the imports. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname);

/** What the layers share and the view models may know: addresses, preferences and words. */
const WITHOUT_REACT = ["base/preferences.ts", "base/router.ts", "base/translate.ts"];
/**
 * By folder: what its modules may import of this client. A `type` in front means types alone, a file after the folder
 * means that file alone.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  lib: ["lib", "type i18n", "type matrix"],
  i18n: ["i18n", "lib"],
  matrix: ["matrix", "lib", "type i18n", "sw/store.ts", "sw/pusher.ts", "sw/locks.ts"],
  viewmodels: ["viewmodels", "matrix", "lib", "type i18n", "type sw", "sw/target.ts", ...WITHOUT_REACT],
  ui: ["ui", "lib", "type i18n", "type matrix", "base/hooks.ts", "base/preferences.ts"],
  views: ["views", "viewmodels", "ui", "lib", "type i18n", "type matrix", "matrix/errors.ts", "base"],
  sw: ["sw", "lib", "i18n"],
  base: ["base", "lib", "i18n", "type matrix"],
  app: ["app", "base", "views", "viewmodels", "ui", "lib", "i18n", "type matrix"],
  // Stories, which lie beside their views, belong to it. Nothing else imports it, so that the product has none of it.
  gallery: ["gallery", "views", "viewmodels", "base", "ui", "lib", "type i18n", "type matrix", "matrix/errors.ts"],
};
/** By package: the folders that know it. Others may be imported anywhere. */
const KNOWN_BY: Record<string, readonly string[]> = {
  "matrix-js-sdk": ["matrix"],
  "livekit-client": ["matrix"],
  "@ariakit/react": ["ui"],
  "markdown-it": ["lib"],
  qr: ["views"],
  "workbox-precaching": ["sw"],
  "workbox-routing": ["sw"],
  "workbox-strategies": ["sw"],
  react: ["ui", "views", "base", "app", "gallery"],
  "react-dom": ["ui", "views", "base", "app", "gallery"],
  "@testing-library": ["gallery"],
  "axe-core": ["gallery"],
};

interface Import {
  from: string;
  folder: string;
  specifier: string;
  onlyTypes: boolean;
}

function imports(): Import[] {
  const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.tsx?$/.test(file) && !/\.(?:test|d)\.tsx?$/.test(file) && file.includes(sep))
    .flatMap((file) => {
      const source = readFileSync(join(ROOT, file), "utf8");
      const found = source.matchAll(/^(?:import|export)\s+(type\s)?(?:([^;'"]*?)\sfrom\s+)?"([^"]+)";/gm);
      const later = source.matchAll(/\bimport\("([^"]+)"\)/g);
      const folder = isStories(file) ? "gallery" : (file.split(sep)[0] ?? "");
      return [
        ...[...found].map(([, type, names, specifier = ""]) => ({
          from: file,
          folder,
          specifier,
          onlyTypes: type !== undefined || /^\{\s*(?:type\s[^,}]+,?\s*)+\}$/.test(names ?? ""),
        })),
        ...[...later].map(([, specifier = ""]) => ({ from: file, folder, specifier, onlyTypes: false })),
      ];
    });
}

function isStories(path: string): boolean {
  return path.endsWith(".stories.tsx");
}

function isAllowed({ from, folder, specifier, onlyTypes }: Import): boolean {
  if (!specifier.startsWith(".")) {
    const known = Object.entries(KNOWN_BY).find(([name]) => specifier === name || specifier.startsWith(`${name}/`));
    return known === undefined || known[1].includes(folder);
  }
  // Style sheets, the version, or a file of the build; its path is how the SDK's own package names it.
  if (/\.css$|\/package\.json$|\.wasm\?url$/.test(specifier)) return true;
  if (specifier.endsWith("_wasm_bg.js")) return folder === "sw";
  const target = relative(ROOT, join(ROOT, dirname(from), specifier))
    .split(sep)
    .join("/");
  if (isStories(target)) return false;
  return (MAY_IMPORT[folder] ?? []).some((rule) => {
    if (rule.startsWith("type ") && !onlyTypes) return false;
    const place = rule.replace(/^type /, "");
    return target === place || target.startsWith(`${place}/`);
  });
}

test("each layer imports only what it may know", () => {
  const all = imports();
  expect(all.length).toBeGreaterThan(100);
  const wrong = all.filter((found) => !isAllowed(found));
  expect(wrong.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
});

test("an import of the wrong layer is noticed", () => {
  const made = (from: string, specifier: string, onlyTypes = false): Import => ({
    from,
    folder: from.split("/")[0] ?? "",
    specifier,
    onlyTypes,
  });
  expect(isAllowed(made("views/Chats/Chats.tsx", "matrix-js-sdk/lib/matrix.js"))).toBe(false);
  expect(isAllowed(made("views/Chats/Chats.tsx", "../../matrix/account.ts"))).toBe(false);
  expect(isAllowed(made("views/Chats/Chats.tsx", "../../matrix/account.ts", true))).toBe(true);
  expect(isAllowed(made("lib/text.ts", "../viewmodels/chats.ts", true))).toBe(false);
  expect(isAllowed(made("ui/Dialog.tsx", "../app/App.tsx"))).toBe(false);
  expect(isAllowed(made("ui/Dialog.tsx", "../base/hooks.ts"))).toBe(true);
  expect(isAllowed(made("views/Chats/Chats.tsx", "./Chats.stories.tsx"))).toBe(false);
  expect(isAllowed(made("views/Chats/Chats.tsx", "../../gallery/story.ts"))).toBe(false);
});
