/** How a person writes in this browser: which key sends, the skin tone and the emoji that they use. */
import type { SkinTone } from "../lib/emoji.ts";
import { Observable } from "../lib/observable.ts";

export interface Habits {
  /** Enter sends; otherwise it breaks the line, and Enter with Ctrl or ⌘ sends. */
  enterSends: boolean;
  tone: SkinTone;
  /** The last ones used, newest first. */
  recent: readonly string[];
}

const KEY = "im2.habits";
const RECENT = 24;

export const habits = new Observable<Habits>(readHabits(localStorage.getItem(KEY)));

export function setHabit<K extends keyof Habits>(key: K, value: Habits[K]): void {
  const next = { ...habits.get(), [key]: value };
  habits.set(next);
  localStorage.setItem(KEY, JSON.stringify(next));
}

export function usedEmoji(emoji: string): void {
  setHabit("recent", [emoji, ...habits.get().recent.filter((other) => other !== emoji)].slice(0, RECENT));
}

export function readHabits(stored: string | null): Habits {
  let found: Record<string, unknown> = {};
  try {
    const value: unknown = JSON.parse(stored ?? "{}");
    if (typeof value === "object" && value !== null) found = value as Record<string, unknown>;
  } catch {
    // What cannot be read is as good as nothing.
  }
  const { enterSends, tone, recent } = found;
  const isTone = typeof tone === "number" && Number.isInteger(tone) && tone >= 0 && tone <= 5;
  return {
    enterSends: enterSends !== false,
    tone: isTone ? (tone as SkinTone) : 0,
    recent: (Array.isArray(recent) ? recent : []).filter((emoji): emoji is string => typeof emoji === "string"),
  };
}
