import { expect, test } from "vitest";
import { indexLetter, readingOf, syllableOf } from "./pinyin.ts";

test("common surnames and names are read as people read them", () => {
  const read = (name: string) => readingOf(name).join(" ");
  expect(read("张伟")).toBe("zhang wei");
  expect(read("王芳")).toBe("wang fang");
  expect(read("欧阳娜娜")).toBe("ou yang na na");
  expect(read("吕布")).toBe("lu bu");
  expect(read("许略")).toBe("xu lue");
  expect(read("曾单")).toBe("zeng dan");
  expect(read("单曾")).toBe("shan ceng");
});

test("other words stay whole, and punctuation parts them", () => {
  expect(readingOf("陈 Bo-Lin")).toEqual(["chen", "bo", "lin"]);
  expect(readingOf("Ana陈3号")).toEqual(["ana", "chen", "3", "hao"]);
  expect(readingOf("🎉")).toEqual([]);
  expect(syllableOf("a")).toBeUndefined();
  expect(syllableOf("あ")).toBeUndefined();
});

test("the index letter is Latin, without accents, or #", () => {
  expect(["赵云", "Émile", "ana", "Øyvind", "Ольга", "3M", "", "阿姨", "做"].map(indexLetter)).toEqual([
    ..."ZEA###",
    "#",
    "A",
    "Z",
  ]);
});
