/** How many sender and avatar colours the style sheet defines (`--person-0` …). */
const PERSON_COLOURS = 8;

/** The one or two characters that stand for a name where there is no picture. */
export function initials(name: string): string {
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
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(word);
  for (const { segment } of segments) if (/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(segment)) return segment;
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
 * that turn the direction of writing. Joiners stay, for scripts and emoji that need them.
 */
export function cleanName(name: string): string {
  return name
    .replace(/[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0001}]/gu, "")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
}

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
