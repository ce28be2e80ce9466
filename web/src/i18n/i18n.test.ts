import { expect, test } from "vitest";
import "../base/callWords.ts";
import { en } from "./en.ts";
import { translator } from "./translate.ts";
import { zh } from "./zh.ts";

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("both catalogues have the same keys in the same order", () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
});

test("each message has the same placeholders in both languages", () => {
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    expect([key, placeholders(zh[key])]).toEqual([key, placeholders(en[key])]);
  }
});

test("no message is empty, and none is left in English", () => {
  const same = Object.keys(en).filter((key) => en[key as keyof typeof en] === zh[key as keyof typeof zh]);
  expect(same).toEqual(["app.name"]);
  for (const text of [...Object.values(en), ...Object.values(zh)]) expect(text.trim()).not.toBe("");
});

test("Chinese text uses Chinese punctuation", () => {
  for (const [key, text] of Object.entries(zh))
    expect([key, /\p{Script=Han}[,?!:;]/u.test(text)]).toEqual([key, false]);
});

test("plurals follow the locale", () => {
  const english = translator(en, "en");
  expect(english.count("details.members", 1)).toBe("1 member");
  expect(english.count("details.members", 1234)).toBe("1,234 members");
  expect(translator(zh, "zh-CN").count("details.members", 1)).toBe("1 位成员");
});

test("Chinese names stand without spaces among Chinese words, others with them", () => {
  const chinese = translator(zh, "zh-CN");
  expect(chinese("change.invited", { name: "安娜", target: "Bo" })).toBe("安娜邀请了 Bo");
  expect(chinese("change.invited", { name: "Bo", target: "安娜" })).toBe("Bo 邀请了安娜");
  expect(chinese("typing.two", { first: "安娜", second: "陈博" })).toBe("安娜和陈博正在输入…");
});

test("an unknown placeholder stays visible", () => {
  expect(translator(en, "en")("typing.one")).toBe("{name} is typing…");
});
