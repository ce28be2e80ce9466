/** The test function of these tests: each has a browser of its own, and fails if the page has reported an error. */
import { test as base, expect } from "@playwright/test";
import { mkdir, writeFile } from "node:fs/promises";
import { Firefox } from "./firefox.ts";
import { Person } from "./person.ts";
import { Screen } from "./screen.ts";
import { WebKit } from "./webkit.ts";

/** Pictures of what the tests pass, for people to look at. */
const PICTURES = "test-output/engines-screens";

/**
 * What the SDK says of requests that are broken off: as a page is left, which Firefox lets it hear, and by signing out. The
 * tests take no connection away. The last is a rejection that the client has dealt with (`main.tsx`), of which Firefox's log
 * tells all the same.
 */
const BROKEN_OFF =
  /AbortError|NetworkError when attempting to fetch|^Unable to refresh token|^Error: null pointer passed to rust/;

interface Fixtures {
  /** Somebody new, whose browser shows the list of chats. */
  ana: Person;
  /** Takes a picture of what Ana sees. */
  picture: (name: string) => Promise<void>;
}

export const test = base.extend<Fixtures>({
  ana: async ({ baseURL }, use, info) => {
    const folder = info.outputPath("browser");
    const driver = await (info.project.name === "firefox" ? Firefox.launch(folder) : WebKit.launch(folder));
    try {
      await driver.resize(1440, 900);
      await use(await Person.register(new Screen(driver, baseURL ?? ""), "ana"));
      // Soft, so that it does not take the place of what a failed test says of itself.
      const problems = (await driver.problems()).filter((problem) => !BROKEN_OFF.test(problem));
      expect.soft(problems, "errors that the page has reported").toEqual([]);
    } finally {
      if (info.status !== info.expectedStatus) {
        const path = info.outputPath("screen.png");
        await writeFile(path, await driver.screenshot());
        await info.attach("screen", { path, contentType: "image/png" });
      }
      await driver.close();
    }
  },
  picture: async ({ ana }, use, info) => {
    await mkdir(PICTURES, { recursive: true });
    const file = (name: string) => `${PICTURES}/${name}-${info.project.name}.png`;
    await use(async (name) => writeFile(file(name), await ana.screen.picture()));
  },
});

export { expect };
