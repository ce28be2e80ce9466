/** What a person notes about others: remark names, tags, stars; and the order in which people are listed. */
import { indexLetter, readingOf } from "./pinyin.ts";
import { cleanName, isUserId, localpart } from "./text.ts";

/** What is kept of one contact. All of it is optional: somebody may only have been added. */
export interface ContactNote {
  /** The name one calls them oneself. */
  remark?: string;
  tags?: readonly string[];
  star?: true;
  /** The name they had when they were added, shown until their profile is known. */
  name?: string;
}

export const MAX_REMARK = 60;
export const MAX_TAGS = 12;
export const MAX_TAG = 30;

/** Reads what was stored or is imported: bounded, trimmed, and without anything else. */
export function readContactNote(userId: string, value: unknown): ContactNote | undefined {
  if (!isUserId(userId) || userId.length > 255 || typeof value !== "object" || value === null) return undefined;
  const { remark, tags, star, name } = value as Record<string, unknown>;
  return contactNote({
    remark: typeof remark === "string" ? remark : undefined,
    tags: Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === "string") : undefined,
    star: star === true ? true : undefined,
    name: typeof name === "string" ? name : undefined,
  });
}

/** The same note without what is empty, and with texts of a reasonable length. */
export function contactNote(note: ContactNote): ContactNote {
  const remark = cut(note.remark ?? "", MAX_REMARK);
  const tags = [...new Set((note.tags ?? []).slice(0, 100).map((tag) => cut(tag, MAX_TAG)))]
    .filter((tag) => tag !== "")
    .slice(0, MAX_TAGS);
  const name = cut(note.name ?? "", MAX_REMARK);
  return {
    ...(remark === "" ? {} : { remark }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(note.star === true ? { star: true as const } : {}),
    ...(name === "" ? {} : { name }),
  };
}

function cut(text: string, limit: number): string {
  return [...cleanName(text.slice(0, limit * 4))].slice(0, limit).join("").trim();
}

/** The tags that somebody has typed, parted by commas of either language. */
export function tagsOf(text: string): string[] {
  return [...(contactNote({ tags: text.slice(0, 1000).split(/[,，、;；\n]/) }).tags ?? [])];
}

export interface Listed {
  id: string;
  /** The name that is shown: the remark, or what they call themselves. */
  name: string;
  /** What they call themselves. */
  ownName: string;
  tags: readonly string[];
}

export interface Section<T> {
  letter: string;
  people: readonly T[];
}

/** Under their letters, A to Z, then #; within a letter in the order of the language, Chinese by pinyin. */
export function bySections<T extends Listed>(people: readonly T[]): readonly Section<T>[] {
  const collator = new Intl.Collator("zh-Hans-u-co-pinyin", { sensitivity: "base", numeric: true });
  const reading = new Map(people.map((person) => [person, readingOf(person.name).join(" ")]));
  const sections = new Map<string, T[]>();
  for (const person of people) {
    const letter = indexLetter(person.name);
    sections.set(letter, [...(sections.get(letter) ?? []), person]);
  }
  const rank = (letter: string) => (letter === "#" ? "~" : letter);
  return [...sections]
    .sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1))
    .map(([letter, listed]) => ({
      letter,
      people: listed.sort(
        (a, b) =>
          collator.compare(reading.get(a) ?? "", reading.get(b) ?? "") ||
          collator.compare(a.name, b.name) ||
          (a.id < b.id ? -1 : 1),
      ),
    }));
}

/** Whether a person is meant by what was typed: part of a name, id or tag, the pinyin, or its initials. */
export function matchesPerson(person: Listed, term: string): boolean {
  const wanted = term.trim().toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  if (wanted === "") return true;
  const plain = [person.name, person.ownName, localpart(person.id), person.id, ...person.tags];
  if (plain.some((text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").includes(wanted))) return true;
  const letters = wanted.replace(/[\s'’]/g, "").replace(/v/g, "u");
  if (!/^[a-z0-9]+$/.test(letters)) return false;
  return [person.name, person.ownName].some((name) => {
    if (!/\p{Script=Han}/u.test(name)) return false;
    const reading = readingOf(name);
    const initials = reading.map((word) => word.charAt(0)).join("");
    return initials.includes(letters) || beginsAt(reading, letters);
  });
}

/** `zhangw` means 张伟: it begins with one of the syllables and goes on with the next. */
function beginsAt(reading: readonly string[], letters: string): boolean {
  return reading.some((_, index) => reading.slice(index).join("").startsWith(letters));
}
