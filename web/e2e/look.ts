/** Looks at a screen: takes pictures of it and finds what axe minds. */
import type { Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";

export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

type Look = readonly ["light" | "dark", keyof typeof SIZES];

/** A usual run sees each theme and each size once; `IM2_LOOK=all` all four, `IM2_LOOK=none` nothing, to be quick. */
const CHOICES: Readonly<Record<string, readonly Look[]>> = {
  all: [
    ["light", "desktop"],
    ["light", "phone"],
    ["dark", "desktop"],
    ["dark", "phone"],
  ],
  some: [
    ["light", "desktop"],
    ["dark", "phone"],
  ],
  none: [],
};
export const LOOKS: readonly Look[] = CHOICES[process.env.IM2_LOOK ?? "some"] ?? [];

export async function look(page: Page, name: string): Promise<void> {
  for (const [theme, size] of LOOKS) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.setViewportSize(SIZES[size]);
    await page.screenshot({ path: `test-output/screens/${name}-${size}-${theme}.png` });
    await expectAccessible(page, `${name} ${size} ${theme}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize(SIZES.desktop);
}
