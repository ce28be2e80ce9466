/** Emoji: those at hand for reactions, and all others with their names, which are loaded when somebody looks for one. */
import english from "virtual:emoji/en";
import chinese from "virtual:emoji/zh";
import { fold } from "./completion.ts";

export const QUICK_REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "🙏"] as const;

/** The groups, in the order of the picker. */
export const EMOJI_GROUPS = [
  "smileys",
  "people",
  "nature",
  "food",
  "travel",
  "activities",
  "objects",
  "symbols",
  "flags",
] as const;
export type EmojiGroup = (typeof EMOJI_GROUPS)[number];

/** As emojibase numbers them; 2 are parts of other emoji. */
const GROUP_NUMBERS: readonly (EmojiGroup | undefined)[] = EMOJI_GROUPS.toSpliced(2, 0, undefined as never);

export interface Emoji {
  emoji: string;
  /** In the person's language. */
  name: string;
  /** `thumbsup`, without colons. */
  codes: readonly string[];
  /** Folded words that find it, in both languages. */
  words: readonly string[];
  group: EmojiGroup;
  /** The five skin tones, from light to dark; none where there is no skin. */
  tones: readonly string[];
}

/** 0 is yellow, 1 to 5 are from light to dark. */
export type SkinTone = 0 | 1 | 2 | 3 | 4 | 5;
export const SKIN_TONES: readonly SkinTone[] = [0, 1, 2, 3, 4, 5];

/** The emoji, its name, its short codes, its keywords, its group, and itself in five skin tones. */
type EnglishRow = [string, string, readonly string[], readonly string[], number, readonly string[]];
/** In the same order: the name, and the keywords. */
type ChineseRow = [string, readonly string[]];

async function fetchRows<T>(url: string): Promise<readonly T[]> {
  return (await (await fetch(url)).json()) as readonly T[];
}

export async function loadEmoji(catalogue: "en" | "zh"): Promise<readonly Emoji[]> {
  const [rows, translations] = await Promise.all([
    fetchRows<EnglishRow>(english),
    catalogue === "zh" ? fetchRows<ChineseRow>(chinese) : [],
  ]);
  return rows.flatMap(([emoji, label, codes, tags, number, tones], index) => {
    const group = GROUP_NUMBERS[number];
    if (group === undefined) return [];
    const [translated = "", keywords = []] = translations[index] ?? [];
    const words = [...codes, label, ...label.split(/[\s:,]+/), ...tags, translated, ...keywords].map(fold);
    return [{ emoji, name: translated || label, codes, words: words.filter((word) => word !== ""), group, tones }];
  });
}

export function inTone({ emoji, tones }: Emoji, tone: SkinTone): string {
  return tone === 0 ? emoji : (tones[tone - 1] ?? emoji);
}

/** The best matches first: by short code, then by the beginning of a word, then by any part of a Chinese one. */
export function searchEmoji(all: readonly Emoji[], term: string, limit: number): readonly Emoji[] {
  const wanted = fold(term.replaceAll(":", ""));
  if (wanted === "") return [];
  const parts = wanted.split(/\s+/);
  const found: { emoji: Emoji; score: number }[] = [];
  for (const emoji of all) {
    const score = scoreOf(emoji, wanted) || Math.min(...parts.map((part) => scoreOf(emoji, part)));
    if (score > 0) found.push({ emoji, score });
  }
  return found
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ emoji }) => emoji);
}

function scoreOf({ codes, words }: Emoji, wanted: string): number {
  if (codes.includes(wanted)) return 5;
  if (words.includes(wanted)) return 4;
  if (codes.some((code) => code.startsWith(wanted))) return 3;
  if (words.some((word) => word.startsWith(wanted))) return 2;
  return /\p{Script=Han}/u.test(wanted) && words.some((word) => word.includes(wanted)) ? 1 : 0;
}
