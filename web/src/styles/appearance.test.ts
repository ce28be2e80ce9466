// @vitest-environment jsdom
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CHOICES } from "../base/preferences.ts";

const accents = readFileSync("src/styles/appearance.css", "utf8");
const tokens = readFileSync("src/styles/tokens.css", "utf8");

type Colour = [number, number, number];

function colour(hex: string): Colour {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join("") : hex.slice(1);
  return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as Colour;
}

/** Two colours mixed as `color-mix(in srgb, …)` does. */
function mix(a: Colour, b: Colour, part: number): Colour {
  return a.map((value, index) => value * part + (b[index] ?? 0) * (1 - part)) as Colour;
}

/** Relative luminance, and from it the contrast, as WCAG 2 defines them. */
function luminance(rgb: Colour): number {
  const [r = 0, g = 0, b = 0] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Colour, b: Colour): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

function block(css: string, selector: string): (name: string) => Colour {
  const start = css.indexOf(`${selector}`);
  expect(start).toBeGreaterThanOrEqual(0);
  const body = css.slice(css.indexOf("{", start), css.indexOf("}", start));
  return (name) => {
    const found = new RegExp(`--${name}: (#[0-9a-f]{3,6});`).exec(body)?.[1];
    if (found === undefined) throw new Error(`${selector} has no --${name}`);
    return colour(found);
  };
}

const themes = [
  { theme: "light", letter: "l", base: block(tokens, ":root {"), soft: 0.12, under: colour("#ffffff") },
  {
    theme: "dark",
    letter: "d",
    base: block(tokens, ':root[data-theme="dark"] {'),
    soft: 0.3,
    under: colour("#16171d"),
  },
];

for (const { theme, letter, base, soft, under } of themes) {
  test.each(CHOICES.accent.filter((accent) => accent !== "violet"))(`%s has enough contrast in ${theme}`, (accent) => {
    const of = block(accents, `:root[data-accent="${accent}"]`);
    const [fill, text, bubble] = [of(`accent-${letter}`), of(`accent-text-${letter}`), of(`bubble-${letter}`)];
    expect(contrast(fill, colour("#ffffff"))).toBeGreaterThan(4.5);
    for (const surface of [
      base("surface"),
      base("surface-chat"),
      base("surface-hover"),
      mix(fill, under, soft),
      bubble,
    ])
      expect(contrast(text, surface)).toBeGreaterThan(4.5);
    expect(contrast(base("text"), bubble)).toBeGreaterThan(7);
    expect(contrast(base("text-2"), bubble)).toBeGreaterThan(4.5);
  });
}
