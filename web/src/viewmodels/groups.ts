/** Browsing the public groups of the server. */
import { Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { PublicGroup } from "../matrix/types.ts";

export interface GroupsSnapshot {
  term: string;
  groups?: readonly PublicGroup[];
  next?: string;
  busy: boolean;
  problem?: Problem;
}

const PAUSE = 250;

export class GroupsModel {
  readonly snapshot = new Observable<GroupsSnapshot>({ term: "", busy: true });
  private run = 0;

  constructor(private readonly account: Account) {}

  readonly search = async (term: string): Promise<void> => {
    const run = ++this.run;
    this.snapshot.set({ ...this.snapshot.get(), term, busy: true, problem: undefined });
    if (term !== "") await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (run === this.run) await this.load(run, term.trim(), undefined);
  };

  readonly more = async (): Promise<void> => {
    const { term, next, busy } = this.snapshot.get();
    if (next === undefined || busy) return;
    this.snapshot.set({ ...this.snapshot.get(), busy: true });
    await this.load(this.run, term.trim(), next);
  };

  private async load(run: number, term: string, since: string | undefined): Promise<void> {
    const before = this.snapshot.get();
    try {
      const page = await this.account.directory.browseGroups(term, since);
      if (run !== this.run) return;
      const groups = since === undefined ? page.groups : [...(before.groups ?? []), ...page.groups];
      this.snapshot.set({ term: before.term, groups, next: page.next, busy: false });
    } catch (error) {
      if (run === this.run) this.snapshot.set({ ...before, busy: false, problem: problemOf(error) });
    }
  }
}
