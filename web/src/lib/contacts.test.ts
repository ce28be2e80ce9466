import { expect, test } from "vitest";
import { bySections, contactNote, type Listed, matchesPerson, readContactNote, tagsOf } from "./contacts.ts";

const person = (name: string, id = "@x:example.org", ownName = name, tags: string[] = []): Listed => ({
  id,
  name,
  ownName,
  tags,
});

test("people stand under their letters, Chinese names by pinyin, others at the end", () => {
  const names = ["赵云", "Zoe", "阿姨", "Ana", "陈博", "Ольга", "曾伟", "10 Downing", "ana b"];
  const sections = bySections(names.map((name) => person(name, `@${name}:x`)));
  expect(sections.map(({ letter, people }) => [letter, people.map(({ name }) => name)])).toEqual([
    ["A", ["阿姨", "Ana", "ana b"]],
    ["C", ["陈博"]],
    ["Z", ["曾伟", "赵云", "Zoe"]],
    ["#", ["10 Downing", "Ольга"]],
  ]);
});

test("people are found by name, remark, id, tag, pinyin and initials", () => {
  const wei = person("老张", "@weiz:example.org", "张伟", ["同事"]);
  for (const term of [
    "老张",
    "张伟",
    "weiz",
    "@weiz:example.org",
    "同事",
    "zhangwei",
    "zhang wei",
    "zhangw",
    "zw",
    "lz",
    "wei",
    "",
  ])
    expect([term, matchesPerson(wei, term)]).toEqual([term, true]);
  for (const term of ["李", "zhangli", "wz", "!"]) expect([term, matchesPerson(wei, term)]).toEqual([term, false]);
  expect(matchesPerson(person("Zoë Ångström"), "zoe ang")).toBe(true);
});

test("notes are bounded and clean", () => {
  expect(
    readContactNote("@a:x", { remark: ` ${"長".repeat(100)} `, tags: ["a", "a", " ", 7], star: "yes", evil: 1 }),
  ).toEqual({
    remark: "長".repeat(60),
    tags: ["a"],
  });
  expect(readContactNote("not an id", {})).toBeUndefined();
  expect(readContactNote("@a:x", {})).toEqual({});
  expect(contactNote({ remark: "\u202eevil\u202c" })).toEqual({ remark: "evil" });
  expect(tagsOf("work, friends，同事、 ,work")).toEqual(["work", "friends", "同事"]);
});
