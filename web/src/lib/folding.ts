/**
 * Text without what people do not type when they search: capitals, accents, the width of characters, and which of the two
 * kana a Japanese word is written in. The same as the server does it (`crates/model/src/folding.rs`).
 */

/** Accents, and the vowel signs of Hebrew and Arabic. The marks of kana and of Indic scripts are letters of their own. */
const ACCENTS =
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each of these characters is meant alone.
  /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u200c\u200d\ufe00-\ufe0f]/g;
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  ħ: "h",
  ŧ: "t",
  þ: "th",
  ı: "i",
  ς: "σ",
};
/** How far a katakana is from the hiragana that sounds like it. */
const APART = 0x60;
/** What a text may grow by beyond twice its length: one character can become eighteen. */
const SLACK = 256;

/** Two texts that differ only in what people do not type fold to the same. */
export function fold(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII, which is most of what is written, is folded quickly.
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize("NFKD")
    .replace(ACCENTS, "")
    .normalize("NFC")
    .toLowerCase()
    .slice(0, 2 * text.length + SLACK)
    .replace(/[ßæœøłđðħŧþıς]/g, (letter) => LETTERS[letter] ?? letter)
    .replace(/[ァ-ヶヽヾ]/g, (katakana) => String.fromCharCode(katakana.charCodeAt(0) - APART))
    .replace(ACCENTS, "");
}
