import { defineConfig } from "@playwright/test";

/** The server under test: the binary, or a preview of the build in front of any homeserver. */
const baseURL = process.env.IM2_BASE_URL;
if (baseURL === undefined || baseURL === "") throw new Error("IM2_BASE_URL says which server to test");

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-output/playwright",
  timeout: 120_000,
  expect: { timeout: 15_000 },
  workers: 1,
  retries: 0,
  reporter: [["list"]],
  use: {
    baseURL,
    locale: "en-US",
    colorScheme: "light",
    actionTimeout: 20_000,
    reducedMotion: "reduce",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.IM2_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
});
