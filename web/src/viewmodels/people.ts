/** Searching for people. */
import { Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { Conversation, Person } from "../matrix/types.ts";

export interface PeopleSnapshot {
  term: string;
  /** Absent while no search was made, or the first one runs. */
  results?: readonly Person[];
  busy: boolean;
  problem?: Problem;
}

/** Keys pressed within this time make one search, in milliseconds. */
const PAUSE = 250;

export class PeopleModel {
  readonly snapshot = new Observable<PeopleSnapshot>({ term: "", busy: false });
  private run = 0;

  constructor(private readonly account: Account) {}

  readonly search = async (term: string): Promise<void> => {
    const run = ++this.run;
    const wanted = term.trim();
    if (wanted === "") return this.snapshot.set({ term, busy: false });
    this.snapshot.set({ ...this.snapshot.get(), term, busy: true, problem: undefined });
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (run !== this.run) return;
    try {
      const results = await this.account.directory.searchPeople(wanted);
      if (run === this.run) this.snapshot.set({ term, busy: false, results });
    } catch (error) {
      if (run === this.run) this.snapshot.set({ term, busy: false, problem: problemOf(error) });
    }
  };
}

/** The people one already talks with, by name. */
export function contactsOf(conversations: readonly Conversation[], locale: string): readonly Person[] {
  const byId = new Map<string, Person>();
  for (const { direct, peer, name, avatar, membership } of conversations) {
    if (direct && peer !== undefined && membership === "join" && !byId.has(peer))
      byId.set(peer, { id: peer, name, avatar });
  }
  return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name, locale));
}
