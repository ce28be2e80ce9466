/** What is being written at the caret that can be completed, and who or what it may mean. */
import { readingOf } from "./pinyin.ts";

export type TriggerKind = "person" | "room" | "emoji" | "command";

export interface Trigger {
  kind: TriggerKind;
  /** Where the sign stands. */
  start: number;
  /** What follows the sign, up to the caret. */
  query: string;
}

const LONGEST = 40;
/** Signs may follow a Chinese, Japanese or Korean character, but no letter: `ana@example.org` is no mention. */
const TRIGGER = /(?<![A-Za-z0-9_./])([@#])([^\s@#:]*)$|(?<![A-Za-z0-9:/])(:)([\p{L}\p{N}_+-]{2,})$/u;

export function triggerAt(text: string, caret: number): Trigger | undefined {
  const command = /^\/([a-z]*)$/i.exec(text.slice(0, caret));
  if (command !== null) return { kind: "command", start: 0, query: (command[1] ?? "").toLowerCase() };
  const from = Math.max(0, caret - LONGEST - 1);
  const found = TRIGGER.exec(text.slice(from, caret));
  if (found === null) return undefined;
  const sign = found[1] ?? found[3];
  const query = found[2] ?? found[4] ?? "";
  return { kind: sign === "@" ? "person" : sign === "#" ? "room" : "emoji", start: from + found.index, query };
}

/** Case, accents and width do not matter when something is looked for. */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFC")
    .toLowerCase()
    .trim();
}

/**
 * How well a name fits what was typed: by its beginning, by that of one of its words, by its pinyin or the initials of
 * it, by its identifier. Zero does not fit.
 */
export function nameScore(name: string, id: string, query: string): number {
  const wanted = fold(query);
  const folded = fold(name);
  const local = fold(id.slice(1).split(":")[0] ?? "");
  if (wanted === "") return 1;
  if (folded.startsWith(wanted)) return 6;
  if (folded.split(/[\s._-]+/).some((word) => word.startsWith(wanted))) return 5;
  if (local.startsWith(wanted)) return 4;
  if (/^[a-z]+$/.test(wanted) && /\p{Script=Han}/u.test(name)) {
    const reading = readingOf(name);
    const initials = reading.map((syllable) => syllable.charAt(0)).join("");
    if (reading.join("").startsWith(wanted) || initials.startsWith(wanted)) return 3;
  }
  return folded.includes(wanted) || local.includes(wanted) ? 1 : 0;
}
