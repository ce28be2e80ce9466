/** `virtual:emoji/en` and `virtual:emoji/zh`: where the data of emoji is. */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

interface CompactEmoji {
  hexcode: string;
  label: string;
  unicode: string;
  group?: number;
  order?: number;
  tags?: string[];
  skins?: { hexcode: string; unicode: string }[];
}

const PREFIX = "virtual:emoji/";

/**
 * What the picker and the completion need to know of each emoji, and nothing else of the data that they come from, in a
 * file that is no part of the code. The rows of both languages have the same order.
 */
export function emojiData(): Plugin {
  let building = false;
  return {
    name: "emoji-data",
    configResolved({ command }) {
      building = command === "build";
    },
    resolveId: (source) => (source.startsWith(PREFIX) ? `\0${source}` : undefined),
    load(id) {
      if (!id.startsWith(`\0${PREFIX}`)) return undefined;
      const language = id.slice(PREFIX.length + 1);
      const source = JSON.stringify(rows(language));
      if (!building) return `export default ${JSON.stringify(`data:application/json,${encodeURIComponent(source)}`)};`;
      const reference = this.emitFile({ type: "asset", name: `emoji-${language}.json`, source });
      return `export default import.meta.ROLLUP_FILE_URL_${reference};`;
    },
  };
}

const read = <T>(path: string) =>
  JSON.parse(readFileSync(new URL(`../node_modules/emojibase-data/${path}`, import.meta.url), "utf8")) as T;

/** A character that is a picture by itself needs no selector that says so. */
const plain = (emoji: string) => (/^\p{Emoji_Presentation}\uFE0F$/u.test(emoji) ? emoji.slice(0, -1) : emoji);
const tones = (hexcode: string) => new Set(hexcode.match(/1F3F[B-F]/g));

function row(emoji: CompactEmoji, shortcodes: Record<string, string | string[]>) {
  return [
    plain(emoji.unicode),
    emoji.label,
    [shortcodes[emoji.hexcode] ?? []].flat(),
    emoji.tags ?? [],
    emoji.group,
    // One of each tone; those of two people who differ are left to the keyboard of the system.
    (emoji.skins ?? []).filter(({ hexcode }) => tones(hexcode).size === 1).map(({ unicode }) => unicode),
  ];
}

function rows(language: string) {
  const names = read<CompactEmoji[]>(`${language}/compact.json`);
  const byHexcode = new Map(names.map((emoji) => [emoji.hexcode, emoji]));
  const shortcodes = read<Record<string, string | string[]>>("en/shortcodes/emojibase.json");
  const shown = read<CompactEmoji[]>("en/compact.json")
    // Without a group: parts of others. The group of components is no choice, either.
    .filter(({ group }) => group !== undefined && group !== 2)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  if (language === "en") return shown.map((emoji) => row(emoji, shortcodes));
  return shown.map(({ hexcode }) => [byHexcode.get(hexcode)?.label ?? "", byHexcode.get(hexcode)?.tags ?? []]);
}
