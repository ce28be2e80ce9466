// @vitest-environment jsdom
import { expect, test } from "vitest";
import {
  combine,
  localeOf,
  readAccountPreference,
  readPreferences,
  setPreference,
  preferences,
} from "./preferences.ts";

const DEFAULTS = { theme: "system", language: "system", textSize: "medium", notify: "on", preview: "on" };

test("what was stored is read, what makes no sense is not", () => {
  expect(readPreferences(null)).toEqual(DEFAULTS);
  expect(readPreferences('{"theme":"dark","language":"tlh","textSize":7}')).toEqual({ ...DEFAULTS, theme: "dark" });
  expect(readPreferences("{")).toEqual(DEFAULTS);
});

test("the account's preferences are read one by one", () => {
  expect(readAccountPreference("accent", "teal")).toBe("teal");
  expect(readAccountPreference("accent", "pink; }")).toBeUndefined();
  expect(readAccountPreference("background:!r:x", "dawn")).toBe("dawn");
  expect(readAccountPreference("theme", "dark")).toBeUndefined();
  expect(readAccountPreference("__proto__", "dark")).toBeUndefined();
});

test("what the device and what the account keeps apply together", () => {
  const entries = { accent: { at: 1, value: "teal" }, "background:!r:x": { at: 1, value: "dawn" }, clock: { at: 1 } };
  const all = combine(readPreferences('{"theme":"dark"}'), entries);
  expect(all).toMatchObject({ theme: "dark", accent: "teal", clock: "system", backgrounds: { "!r:x": "dawn" } });
});

test("changes apply at once and stay", () => {
  setPreference("accent", "rose");
  setPreference("theme", "light");
  expect(preferences.get()).toMatchObject({ accent: "rose", theme: "light" });
  expect(localStorage.getItem("im2.preferences")).toContain('"theme":"light"');
  expect(localStorage.getItem("im2.preferences")).not.toContain("rose");
});

test("the language follows the system, the locale keeps its region", () => {
  expect(localeOf("system", ["de-DE", "zh-HK", "en"])).toEqual({ catalogue: "zh", locale: "zh-HK" });
  expect(localeOf("system", ["de-DE"])).toEqual({ catalogue: "en", locale: "en" });
  expect(localeOf("zh", ["en-GB"])).toEqual({ catalogue: "zh", locale: "zh-CN" });
  expect(localeOf("en", ["en-GB"])).toEqual({ catalogue: "en", locale: "en-GB" });
});

test("12 or 24 hours, whatever the locale prefers", () => {
  const time = (clock: "system" | "12" | "24", language: "en" | "zh" = "en") =>
    new Intl.DateTimeFormat(localeOf(language, ["en-US"], clock).locale, { timeStyle: "short", timeZone: "UTC" })
      .format(Date.UTC(2026, 0, 1, 14, 5))
      .replace(/\s/g, " ");
  expect(time("system")).toBe("2:05 PM");
  expect(time("24")).toBe("14:05");
  expect(time("12", "zh")).toBe("下午2:05");
});
