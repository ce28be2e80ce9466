import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/**
 * Where `/_matrix` goes while the client is served by Vite (`npm run dev`, `npm run preview`): a homeserver of the
 * developer's own. The built client asks the origin it was served from.
 */
const homeserver = process.env.IM2_HOMESERVER ?? "http://127.0.0.1:8008";
const proxy = { "/_matrix": { target: homeserver, changeOrigin: true } };

/** The policy the binary sends, so that a preview build breaks where the product would. */
const contentSecurityPolicy = readFileSync("../crates/api/src/edge/content-security-policy.txt", "utf8")
  .trim()
  .split("\n\n")
  .map((policy) => policy.split("\n").join("; "))
  .join(", ");

/**
 * Leaves out what this client does not use yet and the SDK would pull in all the same: the encryption engine (8 MB of
 * WebAssembly) and calls (a fifth of the SDK's code).
 */
function leaveOut(...modules: string[]): Plugin {
  const stub = "\0left-out:";
  return {
    name: "leave-out",
    enforce: "pre",
    resolveId(source, importer) {
      const found = modules.find((module) => source.endsWith(module));
      return found !== undefined && importer?.includes("matrix-js-sdk") ? stub + found : undefined;
    },
    load(id) {
      return id.startsWith(stub) ? LEFT_OUT[id.slice(stub.length)] : undefined;
    },
  };
}

/** Inert classes of these names; whatever the SDK would do with them belongs to calls. */
const inert = (...names: string[]) =>
  names.map((name) => `export class ${name} { on() { return this; } start() {} stop() {} }`).join("\n");

/** By the end of the module's path: what stands in for it. A name that the SDK misses fails the build. */
const LEFT_OUT: Record<string, string> = {
  "/rust-crypto/index.js":
    'export function initRustCrypto() { throw new Error("this build has no encryption engine"); }',
  "/webrtc/call.js": `export const supportsMatrixCall = () => false;
    export const createNewMatrixCall = () => null;
    ${inert("CallEvent")}`,
  "/webrtc/callEventHandler.js": inert("CallEventHandler"),
  "/webrtc/groupCallEventHandler.js": inert("GroupCallEventHandler"),
  "/webrtc/groupCall.js": inert(
    "GroupCall",
    "GroupCallEvent",
    "GroupCallIntent",
    "GroupCallState",
    "GroupCallType",
    "GroupCallStatsReportEvent",
  ),
  "/webrtc/mediaHandler.js": inert("MediaHandler", "MediaHandlerEvent"),
  "/webrtc/callFeed.js": inert("CallFeedEvent"),
  "/webrtc/stats/statsReport.js": inert("StatsReport"),
  "/matrixrtc/MatrixRTCSessionManager.js": inert("MatrixRTCSessionManager", "MatrixRTCSessionManagerEvents"),
  "/sliding-sync-sdk.js": inert("SlidingSyncSdk"),
};

export default defineConfig({
  plugins: [react(), leaveOut(...Object.keys(LEFT_OUT))],
  server: { proxy },
  preview: { proxy, headers: { "Content-Security-Policy": contentSecurityPolicy } },
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
