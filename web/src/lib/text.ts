/** How many sender and avatar colours the style sheet defines (`--person-0` …). */
const PERSON_COLOURS = 8;

/** The one or two characters that stand for a name where there is no picture. */
export function initials(name: string): string {
  let known = knownInitials.get(name);
  if (known === undefined) {
    if (knownInitials.size >= MOST_KNOWN) knownInitials.clear();
    known = makeInitials(name);
    knownInitials.set(name, known);
  }
  return known;
}

/** Those of the people in sight: to divide a name into characters takes longer than to draw it. */
const knownInitials = new Map<string, string>();
const MOST_KNOWN = 1_000;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function makeInitials(name: string): string {
  const words = name
    .replace(/^[@#!+]([^:]*):.*$/, "$1")
    .split(/[\s._-]+/)
    .filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const first = words[0];
  if (first === undefined) return "?";
  const lead = firstCharacter(first);
  // One Han character says enough, two would be read as a word of their own.
  if (/\p{Script=Han}/u.test(lead) || words.length === 1) return lead.toLocaleUpperCase();
  return (lead + firstCharacter(words.at(-1) ?? "")).toLocaleUpperCase();
}

function firstCharacter(word: string): string {
  for (const { segment } of GRAPHEMES.segment(word))
    if (/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(segment)) return segment;
  return "";
}

/** A stable colour number for a user or room id. */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  // The last characters, a server's name, are common to many ids: without mixing they would share their colour.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) % PERSON_COLOURS;
}

/**
 * A name as somebody else has written it, without what would change the text around it: control characters, and those
 * that turn the direction of writing. Joiners stay, for scripts and emoji that need them. Empty where nothing of it can be
 * seen.
 */
export function cleanName(name: string): string {
  const clean = name
    .replace(/[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0001}]/gu, "")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  return BLANK.test(clean) ? "" : clean;
}

/** Characters that fonts draw nothing for, fillers of Hangul and the empty pattern of Braille among them. */
const BLANK = /^[\p{Default_Ignorable_Code_Point}\s\u2800\u{1d159}]*$/u;

/** Text to be put into a sentence, so that writing from right to left does not turn what follows. */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/** `@ana:example.org` → `ana`. */
export function localpart(userId: string): string {
  return /^@([^:]*):/.exec(userId)?.[1] ?? userId;
}

/** Whether a string is a complete Matrix user id. */
export function isUserId(text: string): boolean {
  return /^@[^\s:]+:[^\s:]+(:\d+)?$/.test(text);
}

/** Whether a message is nothing but a few emoji, which then are shown large. */
export function isJumboEmoji(text: string): boolean {
  const trimmed = text.trim();
  if (trimmed.length > 40 || /[0-9#*]/.test(trimmed)) return false;
  if (!/^(?:\p{Extended_Pictographic}|\p{Emoji_Component}|\s)+$/u.test(trimmed)) return false;
  return [...new Intl.Segmenter().segment(trimmed.replace(/\s/g, ""))].length <= 3;
}

/** A text of nothing but a few pictures, as other clients would read it. */
export function isJumboEmote(text: string, html: string | undefined): boolean {
  return html?.includes("data-mx-emoticon") === true && /^(?::[\w-]{1,100}:\s*){1,6}$/.test(text.trim());
}

/** The direction in which a language is written. */
export function directionOf(locale: string): "ltr" | "rtl" {
  return /^(?:ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i.test(locale) ? "rtl" : "ltr";
}

/** Lines and characters up to which a message is shown whole. */
const LONG_LINES = 24;
const LONG_TEXT = 1500;

/** Whether a message would fill the window. */
export function isLong(text: string): boolean {
  return text.length > LONG_TEXT || text.split("\n", LONG_LINES + 1).length > LONG_LINES;
}

/** Longer texts are cut before words are marked in them: a list shows a few lines. */
const MARKED_LENGTH = 400;

/** Splits a text at the words that were looked for; the first of them is within what is kept of a long text. */
export function markWords(text: string, words: readonly string[]): { part: string; marked: boolean }[] {
  const escaped = words.filter((word) => word !== "").map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (escaped.length === 0) return [{ part: text.slice(0, MARKED_LENGTH), marked: false }];
  const pattern = new RegExp(`(${escaped.join("|")})`, "giu");
  const start = Math.max(0, text.search(pattern) - MARKED_LENGTH / 8);
  const shown = (start > 0 ? "…" : "") + text.slice(start, start + MARKED_LENGTH);
  return shown
    .split(pattern)
    .map((part, index) => ({ part, marked: index % 2 === 1 }))
    .filter(({ part }) => part !== "");
}
