/** The same cases as the server's tests of `crates/core/src/words.rs`: both have to find the same. */
import { expect, test } from "vitest";
import { fold } from "./folding.ts";
import { plain, Wanted } from "./words.ts";

const finds = (query: string, text: string) => new Wanted(query).matches(plain(text));

test.each([
  ["Ana María", "ana maria"],
  ["ŁUKASZ", "lukasz"],
  ["ＦＵＬＬ　Width", "full width"],
  ["한글 がいこく", "한글 がいこく"],
  ["ｶﾞ ガ が", "が が が"],
  ["カタカナ ヴェネツィア ァヶヽヾ", "かたかな ゔぇねつぃあ ぁゖゝゞ"],
  ["ラーメン ﾗｰﾒﾝ らーめん", "らーめん らーめん らーめん"],
  ["кот КОТ Ёлка Їжак", "кот кот елка іжак"],
  ["Ħal Ŧ Þór", "hal t thor"],
  ["ırmak İRMAK IRMAK", "irmak irmak irmak"],
  ["हिन्दी", "हिन्दी"],
  ["İstanbul Straße", "istanbul strasse"],
  ["ΟΔΟΣ οδός", "οδοσ οδοσ"],
  ["Việt Nam", "viet nam"],
  ["שָׁלוֹם", "שלום"],
  ["ﬁn", "fin"],
  ["❤️", "❤"],
])("%s folds to %s", (text, folded) => expect(fold(text)).toBe(folded));

test.each([
  ["Hello, world!", "hello world"],
  ["我用iPhone手机打字。真的！", "我用 iphone 手机打字 真的"],
  ["naïve_file-name.TXT", "naive file name txt"],
  ["ok👍🏽 done", "ok 👍🏽 done"],
  ["일본어를 배워요", "일본어를 배워요"],
  ["हिन्दी में", "हिन्दी में"],
  ["… \ue000\t", ""],
])("%s becomes the pieces %s", (text, expected) => expect(plain(text)).toBe(expected));

test("any characters that follow each other find a text in Chinese, Japanese and Korean", () => {
  for (const text of ["今天天气很好", "東京タワーに行きました", "오늘날씨가좋네요", "สวัสดีครับ"]) {
    const chars = [...text];
    for (const size of [1, 2, 3, chars.length]) {
      for (let at = 0; at + size <= chars.length; at++) {
        const part = chars.slice(at, at + size).join("");
        expect([part, finds(part, text)]).toEqual([part, true]);
      }
    }
  }
  expect(finds("天很", "今天天气很好")).toBe(false);
});

test.each([
  ["らーめん", "ラーメンが食べたい"],
  ["ラーメン", "らーめんが食べたい"],
  ["ﾗｰﾒﾝ", "らーめん"],
  ["ガイド", "ｶﾞｲﾄﾞ"],
  ["meeting", "ＭＥＥＴＩＮＧ　５"],
  ["５", "room 5"],
  ["ｶﾌｪ latte", "カフェ Ｌatte"],
])("%s is found in %s whatever the kana and the width", (query, text) => expect(finds(query, text)).toBe(true));

test("words are found whatever their case and accents", () => {
  const text = "Le Café de l'Étoile à Zürich, ЁЛКА, ΟΔΟΣ, Straße";
  for (const query of [
    "cafe",
    "CAFÉ",
    "etoile",
    "zurich le",
    "елка",
    "οδος",
    "strasse",
    "STRAẞE",
    "zür",
    "de l'Étoile",
  ])
    expect([query, finds(query, text)]).toEqual([query, true]);
  for (const query of ["caf de", "toile", "z", "zurich caff", "cafe zurichs"])
    expect([query, finds(query, text)]).toEqual([query, false]);
});

test("all words have to occur, and phrases as they are", () => {
  const text = "I bought an iPhone手机壳 at example.org yesterday";
  const has = [
    "yesterday bought",
    "手机 iphone",
    "iphone手机",
    "手机壳",
    "example.org",
    '"bought an"',
    "bou",
    "“at example”",
  ];
  for (const query of has) expect([query, finds(query, text)]).toEqual([query, true]);
  const not = ["bought tomorrow", '"an bought"', "org.example", "手壳", '"yester"', "bou yesterday"];
  for (const query of not) expect([query, finds(query, text)]).toEqual([query, false]);
  expect(finds("👍", "great 👍🏽")).toBe(true);
  expect(new Wanted(' "" … ').empty).toBe(true);
});

test("what is marked is what stands in the text", () => {
  expect(new Wanted("cafe 好喝").highlights(["Im CAFÉ war es schön", "cafe"])).toEqual(["cafe", "好喝", "café"]);
  expect(new Wanted("ひらがな").highlights(["これはヒラガナです", "ひらがな"])).toEqual(["ひらがな", "ヒラガナ"]);
});
