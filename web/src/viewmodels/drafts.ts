/** What was typed and not sent, for each conversation. Survives a reload. */
import { Observable } from "../lib/observable.ts";

const KEY = "im2.drafts";
/** The oldest drafts make room beyond this. */
const LIMIT = 200;

export type Drafts = Readonly<Record<string, string>>;

export const drafts = new Observable<Drafts>(read());

export function setDraft(roomId: string, text: string): void {
  const { [roomId]: _, ...others } = drafts.get();
  const entries = Object.entries(text.trim() === "" ? others : { ...others, [roomId]: text });
  const next = Object.fromEntries(entries.slice(-LIMIT));
  drafts.set(next);
  localStorage.setItem(KEY, JSON.stringify(next));
}

export function clearDrafts(): void {
  drafts.set({});
  localStorage.removeItem(KEY);
}

function read(): Drafts {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof stored !== "object" || stored === null) return {};
    return Object.fromEntries(Object.entries(stored).filter(([, text]) => typeof text === "string"));
  } catch {
    return {};
  }
}
