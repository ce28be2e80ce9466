/**
 * Fails a build whose JavaScript has grown: what a browser loads before the first screen, the sign-in, and all that
 * somebody can come to load in one language, workers and the service worker included, the cryptography's WebAssembly aside.
 * Calls are counted by themselves: most of them is LiveKit's client, which nobody loads before they join a call.
 * Counted as it is sent: the server keeps the files in Brotli of the same quality (`crates/server/build.rs`), which browsers
 * take over HTTPS. In gzip it is a sixth more.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";
import { CLIENT } from "./chunks.ts";

/** In thousands of bytes. Whoever raises these says in the commit what it is for. */
const FIRST_SCREEN = 95;
const IN_TOTAL = 450;
/**
 * LiveKit's client is 115 of these and its worker that encrypts 26: there is no smaller one that speaks the protocol, and it
 * comes as one file whose parts cannot be left out. The SDK's MatrixRTC is 12, what is shown of calls 14.
 */
const CALLS = 175;

/** Modules that are of calls alone, and the worker, which is no module of the page. */
const OF_CALLS = /\/matrix\/calls\/|\/views\/Call\/|\/livekit-client\//;
const WORKER_OF_CALLS = /e2ee\.worker/;

const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };

/** Some modules of calls are part of the list of conversations: their file is counted like any other. */
function isShared(moduleIds: readonly string[]): boolean {
  return moduleIds.some((id) => Object.values(CLIENT).some((path) => id.endsWith(path)));
}

export function budget(): Plugin {
  let folder = "";
  /** Files that no page waits for: those of another language. */
  const others = new Set<string>();
  const calls = new Set<string>();
  /** Files of the page before anybody has signed in. */
  const first = new Set(["boot.js"]);
  return {
    name: "budget",
    apply: "build",
    configResolved({ root, build: { outDir } }) {
      folder = resolve(root, outDir);
    },
    writeBundle(_options, bundle) {
      for (const [name, file] of Object.entries(bundle))
        if (file.type === "chunk" && file.imports.some((other) => /\/callmedia-/.test(other)))
          this.error(`${name} has what handles the media of calls loaded along with it`);
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
        if (file.moduleIds.some((id) => OF_CALLS.test(id)) && !first.has(name) && !isShared(file.moduleIds))
          calls.add(name);
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
        const isOfCalls = ({ name }: { name: string }) => calls.has(name) || WORKER_OF_CALLS.test(name);
        const firstScreen = sum(sizes.filter(({ name }) => first.has(name)));
        const total = sum(sizes.filter((file) => !isOfCalls(file)));
        const ofCalls = sum(sizes.filter(isOfCalls));
        this.info(
          `JavaScript before the first screen: ${firstScreen} KB of ${FIRST_SCREEN}, in total ${total} of ${IN_TOTAL}, for calls ${ofCalls} of ${CALLS}`,
        );
        if (firstScreen > FIRST_SCREEN || total > IN_TOTAL || ofCalls > CALLS)
          this.error("there is more JavaScript than build/budget.ts allows");
      },
    },
  };
}
