/** Looks at a screen: takes pictures of it and finds what axe minds. */
import type { Page } from "@playwright/test";
import { expectAccessible } from "./axe.ts";

export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

type Look = readonly ["light" | "dark", keyof typeof SIZES];

/** Whether this run is for the eyes, too: each screen in both themes and both sizes, with the pictures (`IM2_LOOK=all`). */
export const FOR_EYES = process.env.IM2_LOOK === "all";

/** A usual run sees the two corners only; `IM2_LOOK=none` nothing, to be quick. */
export const LOOKS: readonly Look[] = FOR_EYES
  ? [
      ["light", "desktop"],
      ["light", "phone"],
      ["dark", "desktop"],
      ["dark", "phone"],
    ]
  : process.env.IM2_LOOK === "none"
    ? []
    : [
        ["light", "desktop"],
        ["dark", "phone"],
      ];

/** Half of the screens in one look only, whichever have a name of even length: the first, since menus do not outlive it. */
function looksAt(name: string): readonly Look[] {
  return FOR_EYES || name.length % 2 === 1 ? LOOKS : LOOKS.slice(0, 1);
}

/** Whatever was looked at, the window has changed its size afterwards, which puts menus away. */
export async function look(page: Page, name: string): Promise<void> {
  for (const [theme, size] of looksAt(name)) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.setViewportSize(SIZES[size]);
    await drawn(page);
    if (FOR_EYES) await page.screenshot({ path: `test-output/screens/${name}-${size}-${theme}.png` });
    await expectAccessible(page, `${name} ${size} ${theme}`);
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize(SIZES.phone);
  await page.setViewportSize(SIZES.desktop);
}

/** Waits until the page shows what it was last told to be: colours change over some frames. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    const ending = document.getAnimations().filter(({ effect }) => effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
}
