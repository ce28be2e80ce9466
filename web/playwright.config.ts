import { defineConfig } from "@playwright/test";

/** The server under test: the binary, or a preview of the build in front of any homeserver. */
const baseURL = process.env.IM2_BASE_URL;
if (baseURL === undefined || baseURL === "") throw new Error("IM2_BASE_URL says which server to test");

/**
 * What Chromium is not to do, in one switch: ours takes the place of Playwright's, so its own list comes first. The last two
 * have each window make pages for the address bar, which nobody sees: a second of CPU and 160 MB for each context.
 */
const DISABLED_FEATURES = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "AimEnabled",
  "PreconnectToSearch",
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
];

export default defineConfig({
  testDir: "e2e",
  outputDir: "test-output/playwright",
  timeout: 120_000,
  expect: { timeout: 15_000 },
  workers: 1,
  retries: 0,
  reporter: [["list"], ["./e2e/summary.ts"]],
  use: {
    baseURL,
    locale: "en-US",
    colorScheme: "light",
    actionTimeout: 20_000,
    reducedMotion: "reduce",
    viewport: { width: 1440, height: 900 },
    // Requests that a service worker has seen cannot be routed by tests; those about it allow it.
    serviceWorkers: "block",
    // What was asked, said and clicked; pictures of every step would cost as much as the step.
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: false },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.IM2_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        `--disable-features=${DISABLED_FEATURES.join(",")}`,
        // A microphone that beeps, and a person who allows it.
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
      ],
    },
  },
});
