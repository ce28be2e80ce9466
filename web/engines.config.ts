import { defineConfig } from "@playwright/test";

/** The server under test, as in `playwright.config.ts`. */
const address = process.env.IM2_BASE_URL;
if (address === undefined || address === "") throw new Error("IM2_BASE_URL says which server to test");

/**
 * The browsers that Playwright does not drive in the builds that Debian has. Its runner runs the tests all the same; the
 * browsers are started and told what to do by `engines/`.
 */
export default defineConfig({
  testDir: "engines",
  outputDir: "test-output/engines",
  timeout: 120_000,
  expect: { timeout: 15_000 },
  workers: 1,
  retries: 0,
  reporter: [["list"], ["./e2e/summary.ts"]],
  use: { baseURL: address },
  projects: [{ name: "firefox" }, { name: "webkit" }],
});
