/**
 * Fails a build whose JavaScript has grown: what a browser loads before the first screen, the sign-in, and all that
 * somebody can come to load in one language, workers and the service worker included, the cryptography's WebAssembly aside.
 * Counted as it is sent: the server keeps the files in Brotli of the same quality (`crates/server/build.rs`), which browsers
 * take over HTTPS. In gzip it is a sixth more.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

/** In thousands of bytes. Whoever raises these says in the commit what it is for. */
const FIRST_SCREEN = 95;
const IN_TOTAL = 450;

const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };

export function budget(): Plugin {
  let folder = "";
  /** Files that no page waits for: those of another language. */
  const others = new Set<string>();
  /** Files of the page before anybody has signed in. */
  const first = new Set(["boot.js"]);
  return {
    name: "budget",
    apply: "build",
    configResolved({ root, build: { outDir } }) {
      folder = join(root, outDir);
    },
    writeBundle(_options, bundle) {
      const load = (name: string) => {
        const file = bundle[name];
        if (file?.type !== "chunk" || first.has(name)) return;
        first.add(name);
        file.imports.forEach(load);
      };
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type !== "chunk") continue;
        if (file.isEntry) load(name);
        if (file.moduleIds.every((id) => id.includes("/i18n/zh"))) others.add(name);
      }
    },
    closeBundle: {
      // After the service worker was built.
      order: "post",
      sequential: true,
      handler() {
        if (first.size === 1) return;
        const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
        if (!files.includes("sw.js")) this.error("there is no service worker to be counted");
        const sizes = files
          .filter((name) => !others.has(name))
          .map((name) => ({ name, size: brotliCompressSync(readFileSync(join(folder, name)), QUALITY).length }));
        const sum = (counted: typeof sizes) => Math.ceil(counted.reduce((bytes, { size }) => bytes + size, 0) / 1000);
        const [firstScreen, total] = [sum(sizes.filter(({ name }) => first.has(name))), sum(sizes)];
        this.info(
          `JavaScript before the first screen: ${firstScreen} KB of ${FIRST_SCREEN}, in total ${total} of ${IN_TOTAL}`,
        );
        if (firstScreen > FIRST_SCREEN || total > IN_TOTAL)
          this.error("there is more JavaScript than build/budget.ts allows");
      },
    },
  };
}
