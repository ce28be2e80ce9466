import { expect, test } from "vitest";
import { localeOf, readPreferences } from "./preferences.ts";

test("what was stored is read, what makes no sense is not", () => {
  expect(readPreferences(null)).toEqual({ theme: "system", language: "system", textSize: "medium" });
  expect(readPreferences('{"theme":"dark","language":"tlh","textSize":7}')).toEqual({
    theme: "dark",
    language: "system",
    textSize: "medium",
  });
  expect(readPreferences("{")).toEqual({ theme: "system", language: "system", textSize: "medium" });
});

test("the language follows the system, the locale keeps its region", () => {
  expect(localeOf("system", ["de-DE", "zh-HK", "en"])).toEqual({ catalogue: "zh", locale: "zh-HK" });
  expect(localeOf("system", ["de-DE"])).toEqual({ catalogue: "en", locale: "en" });
  expect(localeOf("zh", ["en-GB"])).toEqual({ catalogue: "zh", locale: "zh-CN" });
  expect(localeOf("en", ["en-GB"])).toEqual({ catalogue: "en", locale: "en-GB" });
});
