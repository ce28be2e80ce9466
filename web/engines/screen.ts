/** A page as somebody sees it: what is on it is found by its role and name, waited for, and used with pointer and keys. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "@playwright/test";
import type { Driver, InputSource } from "./driver.ts";

/** Something on the page; what is given has to be true of it. Of several the last is meant, as the newest message is. */
export interface Target {
  role?: string;
  /** The whole accessible name. */
  name?: string;
  css?: string;
  /** A part of what it says. */
  text?: string;
  /** It is somewhere inside of this. */
  within?: Target;
  /** The first of several. */
  first?: boolean;
}

declare global {
  /** Put into each page by `Screen`. */
  var im2Find: (target: Target) => HTMLElement[];
}

/** Finds elements by role and name, as the component tests do. */
const LIBRARY = readFileSync(
  createRequire(import.meta.url).resolve("@testing-library/dom/dist/@testing-library/dom.umd.min.js"),
  "utf8",
);

/** Runs in the page, so that it has to be complete. */
function find(target: Target): HTMLElement[] {
  const { queryAllByRole } = (globalThis as unknown as { TestingLibraryDom: typeof import("@testing-library/dom") })
    .TestingLibraryDom;
  const { role, name, css, text, within, first } = target;
  const around = within === undefined ? document.body : find(within)[0];
  if (around === undefined) return [];
  const all =
    role === undefined ? [...around.querySelectorAll<HTMLElement>(css ?? "*")] : queryAllByRole(around, role, { name });
  const fitting = all.filter(
    (element) =>
      (css === undefined || element.matches(css)) &&
      (text === undefined || element.textContent.includes(text)) &&
      element.checkVisibility({ visibilityProperty: true }) &&
      element.getClientRects().length > 0,
  );
  return first === true ? fitting : fitting.reverse();
}

/** Keys that are no characters, as WebDriver names them. */
const KEYS: Readonly<Record<string, string>> = {
  Backspace: "\uE003",
  Tab: "\uE004",
  Enter: "\uE007",
  Shift: "\uE008",
  Control: "\uE009",
  Escape: "\uE00C",
  PageUp: "\uE00E",
  PageDown: "\uE00F",
  End: "\uE010",
  Home: "\uE011",
  ArrowLeft: "\uE012",
  ArrowUp: "\uE013",
  ArrowRight: "\uE014",
  ArrowDown: "\uE015",
};

export class Screen {
  constructor(
    readonly driver: Driver,
    private readonly base: string,
  ) {}

  async goto(path: string): Promise<void> {
    await this.driver.goto(`${this.base}${path}`);
  }

  async path(): Promise<string> {
    return this.driver.evaluate(() => decodeURIComponent(location.pathname));
  }

  /** Runs a function in the page; it may use `im2Find`. */
  async run<A extends readonly unknown[], T>(run: (...args: A) => T | Promise<T>, ...args: A): Promise<T> {
    if (!(await this.driver.evaluate(() => "im2Find" in globalThis))) {
      await this.driver.inject(`${LIBRARY};globalThis.im2Find = ${find};`);
    }
    return this.driver.evaluate(run, ...args);
  }

  /** A picture of what has been drawn. */
  async picture(): Promise<Buffer> {
    const frame = () => new Promise<boolean>((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(true))));
    for (let frames = 0; frames < 3; frames++) await this.run(frame);
    return this.driver.screenshot();
  }

  count(target: Target): Promise<number> {
    return this.run((target) => im2Find(target).length, target);
  }

  /** Waits until it is there. */
  async see(target: Target, timeout = 20_000): Promise<void> {
    await expect.poll(() => this.count(target), { message: `see ${describe(target)}`, timeout }).toBeGreaterThan(0);
  }

  /** Waits until it is not there. */
  async gone(target: Target): Promise<void> {
    await expect.poll(() => this.count(target), { message: `gone: ${describe(target)}` }).toBe(0);
  }

  /** What it says, once it is there. */
  async text(target: Target): Promise<string> {
    await this.see(target);
    return this.run((target) => im2Find(target)[0]?.textContent ?? "", target);
  }

  async value(target: Target): Promise<string> {
    await this.see(target);
    return this.run((target) => (im2Find(target)[0] as HTMLInputElement | undefined)?.value ?? "", target);
  }

  async attribute(target: Target, name: string): Promise<string | null> {
    await this.see(target);
    return this.run((target, name) => im2Find(target)[0]?.getAttribute(name) ?? null, target, name);
  }

  /** Where a pointer reaches it: it has come to rest, and nothing lies above it. */
  private async point(target: Target): Promise<{ x: number; y: number }> {
    let point: { x: number; y: number } | string = "";
    const look = async () => {
      point = await this.run(async (target) => {
        const element = im2Find(target)[0];
        if (element === undefined) return "it is not there";
        const seen = element.getBoundingClientRect();
        if (seen.top < 0 || seen.left < 0 || seen.bottom > innerHeight || seen.right > innerWidth) {
          element.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
        }
        const before = element.getBoundingClientRect();
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const { left, top, width, height } = element.getBoundingClientRect();
        if (left !== before.left || top !== before.top) return "it moves";
        const [x, y] = [Math.round(left + width / 2), Math.round(top + height / 2)];
        const hit = document.elementFromPoint(x, y);
        if (hit === null || !element.contains(hit)) return `${hit?.outerHTML.slice(0, 120)} lies above it`;
        return { x, y };
      }, target);
      return typeof point === "string" ? point : "";
    };
    await expect.poll(look, { message: `reach ${describe(target)}`, timeout: 20_000 }).toBe("");
    return point as unknown as { x: number; y: number };
  }

  async hover(target: Target): Promise<void> {
    const { x, y } = await this.point(target);
    await this.driver.act([pointer([{ type: "pointerMove", x, y, duration: 0 }])]);
  }

  async click(target: Target): Promise<void> {
    const { x, y } = await this.point(target);
    const move = { type: "pointerMove", x, y, duration: 0 };
    await this.driver.act([pointer([move, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 }])]);
  }

  /** Gives it the focus, as Tab would. */
  async focus(target: Target): Promise<void> {
    await this.see(target);
    await this.run((target) => im2Find(target)[0]?.focus(), target);
  }

  /** Replaces what is in a field. */
  async fill(target: Target, text: string): Promise<void> {
    await this.click(target);
    await this.press("Control+a");
    await this.press("Backspace");
    await this.type(text);
  }

  /** Types into what has the focus. */
  async type(text: string): Promise<void> {
    const strokes = [...text].flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.driver.act([{ type: "key", id: "keyboard", actions: strokes }]);
  }

  /** Presses a key, or several at once: `Control+k`. */
  async press(keys: string): Promise<void> {
    const values = keys.split("+").map((key) => KEYS[key] ?? key);
    const down = values.map((value) => ({ type: "keyDown", value }));
    const up = values.toReversed().map((value) => ({ type: "keyUp", value }));
    await this.driver.act([{ type: "key", id: "keyboard", actions: [...down, ...up] }]);
  }

  /** The name of what has the focus, or else its text. */
  async focused(): Promise<string> {
    return this.run(() => {
      const element = document.activeElement;
      return element?.getAttribute("aria-label") ?? element?.textContent ?? "";
    });
  }
}

const pointer = (actions: readonly object[]): InputSource => ({
  type: "pointer",
  id: "mouse",
  parameters: { pointerType: "mouse" },
  actions,
});

function describe(target: Target): string {
  return Object.entries(target)
    .map(([key, value]) => `${key} ${typeof value === "object" ? `(${describe(value)})` : JSON.stringify(value)}`)
    .join(", ");
}
