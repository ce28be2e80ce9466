/** Stories in tests of components: what jsdom lacks, playing a story, and what holds for all of them. */
import { act, cleanup, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { computedStyle } from "./computedStyle.ts";
import type { Language } from "./fakes/world.ts";
import { PLAIN } from "./settings.ts";
import { prepare, Stage } from "./stage.tsx";
import { type Story, type StoryFile, storiesOf, type World, worldOf } from "./story.ts";

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

/** Says of everything that is watched that it is in sight. */
class Sight extends Observer {
  constructor(private readonly tell: (entries: { isIntersecting: boolean; target: Element }[]) => void) {
    super();
  }

  override observe(target?: Element): void {
    if (target !== undefined) queueMicrotask(() => this.tell([{ isIntersecting: true, target }]));
  }
}

Object.assign(window, {
  ResizeObserver: Observer,
  IntersectionObserver: Sight,
  matchMedia: (query: string) => ({
    matches: query.includes("prefers-reduced-motion"),
    addEventListener() {},
    removeEventListener() {},
  }),
});
// A list renders the rows that have room in it.
Object.defineProperty(HTMLElement.prototype, "clientHeight", {
  configurable: true,
  get(this: HTMLElement) {
    return this.classList.contains("virtual-list") ? 900 : 0;
  },
});
Object.assign(URL, { createObjectURL: () => "blob:drawn", revokeObjectURL() {} });
Object.assign(Element.prototype, { scrollIntoView() {}, scrollTo() {}, setPointerCapture() {} });
Object.assign(HTMLMediaElement.prototype, { play: async () => undefined, pause() {}, load() {} });
Object.assign(HTMLCanvasElement.prototype, { getContext: () => null });
Object.assign(document, { execCommand: () => false });
Object.assign(window, { getComputedStyle: computedStyle });
globalThis.CSS = { ...globalThis.CSS, escape: (text: string) => text.replace(/["\\]/g, "\\$&") };

/** A window as narrow as a phone, for the rest of the test. */
export function onPhone(): void {
  matchMedia(true);
}

/** A wide window of somebody who does not want less motion, for the rest of the test. */
export function withMotion(): void {
  matchMedia(false);
}

function matchMedia(matches: boolean): void {
  const media = vi
    .spyOn(window, "matchMedia")
    .mockImplementation(
      (query) =>
        ({ matches, media: query, addEventListener() {}, removeEventListener() {} }) as unknown as MediaQueryList,
    );
  onTestFinished(() => media.mockRestore());
}

afterEach(cleanup);
// The first story of a file waits for its modules to be read, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

export interface Played extends World {
  user: UserEvent;
}

/** Shows a story, and lets what it loads arrive. */
export async function play(file: StoryFile, story: Story, language: Language = "en"): Promise<Played> {
  await prepare({ ...PLAIN, language });
  const world = worldOf(story, language);
  story.before?.(world);
  const user = userEvent.setup();
  render(<Stage meta={file.default} story={story} world={world} />);
  await settled();
  await story.play?.(document.body, world);
  await settled();
  return { ...world, user };
}

/** Lets promises that have their answer, and what is drawn because of them, come to an end. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await act(() => new Promise((resolve) => setTimeout(resolve, 0)));
}

/** Rules that need a layout, which only a browser has: `e2e/gallery.spec.ts` asks them. */
const NEED_LAYOUT = ["color-contrast", "target-size", "scrollable-region-focusable"];

async function violations(): Promise<string[]> {
  const rules = Object.fromEntries(NEED_LAYOUT.map((rule) => [rule, { enabled: false }]));
  const found = await axe.run(document.body, { resultTypes: ["violations"], rules, preload: false });
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, html }) => `${id} (${help}): ${target.join(" ")} ${html.slice(0, 200)}`),
  );
}

/**
 * Every story of a view can be shown in both languages, and nothing is reported. The structure, which axe looks at, is the
 * same in both.
 */
export function testStories(file: StoryFile): void {
  const { title } = file.default;
  describe.each(["en", "zh"] as const)(`${title} in %s`, (language) => {
    test.each(storiesOf(file))("%s", async (_, story) => {
      const reported = vi.spyOn(console, "error");
      await play(file, story, language);
      expect(reported.mock.calls.map((call) => call.map(String).join(" ").slice(0, 400))).toEqual([]);
      expect(document.body.textContent).not.toMatch(/undefined|NaN|\[object|\{\w+\}/);
      // Browsers take one control in another apart.
      expect(document.querySelector(":is(button, a) :is(button, a, input)")?.outerHTML).toBeUndefined();
      if (language === "en") expect(await violations()).toEqual([]);
      reported.mockRestore();
    });
  });
}
