import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { build, type Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { budget } from "./build/budget.ts";
import { chunks } from "./build/chunks.ts";
import { emojiData } from "./build/emojiData.ts";
import { ENGINE_SCRIPT, engine } from "./build/engine.ts";
import { icons } from "./build/icons.ts";
import { leaveOut } from "./build/leaveOut.ts";
import { preload } from "./build/preload.ts";

/**
 * Where `/_matrix` goes while the client is served by Vite (`npm run dev`, `npm run preview`): a homeserver of the
 * developer's own. The built client asks the origin it was served from.
 */
const homeserver = process.env.IM2_HOMESERVER ?? "http://127.0.0.1:8008";
const proxy = {
  // Calls. The server names its own address in them, which has to be the one that the page may connect to.
  "^/(?:livekit/|\\.well-known/matrix/|_matrix/client/unstable/org\\.matrix\\.msc4143/)": {
    target: homeserver,
    changeOrigin: false,
    ws: true,
  },
  "/_matrix": { target: homeserver, changeOrigin: true },
};

/** Other homeservers that the preview lets people sign in to, as `web.homeservers` does in the binary. */
const otherHomeservers = process.env.IM2_OTHER_HOMESERVERS ?? "";

/** The policy the binary sends, so that a preview build breaks where the product would. */
const contentSecurityPolicy = readFileSync("../crates/edge/src/content-security-policy.txt", "utf8")
  .trim()
  .split("\n\n")
  .map((policy) => policy.split("\n").join("; "))
  .join(", ")
  .replace("connect-src 'self'", `connect-src 'self' ${otherHomeservers}`.trimEnd());

/** What handles the media of calls is of no use without a connection, and most people have no call today. */
const MEDIA = /\/(?:callmedia-|livekit-client)[^/]*\.js$/;

/** Larger files are kept when they are needed first: the cryptography, for those who use it. */
const PRECACHE_LIMIT = 1_500_000;

/** Builds `src/sw/worker.ts` to `/sw.js`, with the list of files that it fetches beforehand. */
function serviceWorker(): Plugin {
  let folder = "";
  return {
    name: "service-worker",
    apply: "build",
    configResolved({ root, build: { outDir } }) {
      folder = resolve(root, outDir);
    },
    async closeBundle() {
      // A build that has failed says why by itself.
      if (!existsSync(join(folder, "assets"))) return;
      const asset = (name: RegExp) => `/assets/${readdirSync(join(folder, "assets")).find((file) => name.test(file))}`;
      const engine = { script: asset(ENGINE_SCRIPT), wasm: asset(/^matrix_sdk_crypto_wasm.*\.wasm$/) };
      const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(?:html|js|json|css|svg|webmanifest|woff2|png)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .map((file) => ({ url: `/${relative(folder, file)}`, content: readFileSync(file) }))
        .filter(({ url, content }) => url !== "/sw.js" && content.length <= PRECACHE_LIMIT && !MEDIA.test(url))
        .map(({ url, content }) => ({
          url,
          // The names of assets change with their content.
          revision: url.startsWith("/assets/") ? null : createHash("sha256").update(content).digest("hex").slice(0, 16),
        }))
        .sort((a, b) => (a.url < b.url ? -1 : 1));
      await build({
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        define: {
          PRECACHE: JSON.stringify(entries),
          ENGINE: JSON.stringify(engine),
          "process.env.NODE_ENV": '"production"',
        },
        build: {
          target: "es2022",
          outDir: folder,
          emptyOutDir: false,
          rollupOptions: { input: "src/sw/worker.ts", output: { format: "iife", entryFileNames: "sw.js" } },
        },
      });
    },
  };
}

export default defineConfig({
  plugins: [react(), icons(), chunks(), emojiData(), leaveOut(), engine(), preload(), serviceWorker(), budget()],
  server: { proxy },
  preview: { proxy, headers: { "Content-Security-Policy": contentSecurityPolicy } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // `build/budget.ts` says what is too much.
    chunkSizeWarningLimit: 1000,
  },
  test: {
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    // All cores: nothing else runs beside.
    maxWorkers: "100%",
    // Built like the client, so that tests know the parser as it is shipped.
    server: { deps: { inline: ["markdown-it"] } },
    projects: [
      {
        extends: true,
        test: {
          name: "views",
          environment: "jsdom",
          include: ["src/**/*.test.tsx"],
          setupFiles: ["src/gallery/patientviews.ts"],
        },
      },
      {
        // A file that needs a document says so in its first line; making one takes a second.
        extends: true,
        test: {
          name: "logic",
          environment: "node",
          include: ["src/**/*.test.ts", "build/**/*.test.ts"],
          setupFiles: ["src/gallery/patience.ts"],
        },
      },
    ],
  },
});
