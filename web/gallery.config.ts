/** The gallery of the views in their states: `npm run gallery`, `npm run gallery:dev`. Nothing of it is in the product. */
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import client from "./vite.config.ts";

/** The plugins of the client that make what its modules import; not what is done with its files. */
const WANTED = ["emoji-data", "leave-out"];

/** Nobody signs in here: the account is a fake, and the SDK stays out. */
function withoutAccount(): Plugin {
  return {
    name: "without-account",
    enforce: "pre",
    resolveId: (source) => (/\/matrix\/(?:account|discovery)\.ts$/.test(source) ? "\0without-account" : undefined),
    load: (id) => (id === "\0without-account" ? "export {};" : undefined),
  };
}

export default defineConfig({
  root: "src/gallery",
  publicDir: "../../public",
  base: "./",
  plugins: [
    react(),
    withoutAccount(),
    ...(client.plugins ?? []).flat().filter((plugin) => WANTED.includes((plugin as Plugin).name)),
  ],
  build: {
    target: "es2022",
    outDir: "../../gallery-dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Its size is nobody's concern.
    chunkSizeWarningLimit: 5000,
    minify: false,
    rollupOptions: { input: ["src/gallery/index.html", "src/gallery/frame.html"] },
  },
});
