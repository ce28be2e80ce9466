/** Messages that are found page by page: of a kind, or by words. */
import { Observable } from "../lib/observable.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { FoundPage, MessageSummary } from "../matrix/types.ts";

export interface FoundSnapshot {
  messages: readonly MessageSummary[];
  words: readonly string[];
  busy: boolean;
  more: boolean;
  problem?: Problem;
}

const NOTHING: FoundSnapshot = { messages: [], words: [], busy: false, more: false };

export class FoundModel {
  readonly snapshot = new Observable<FoundSnapshot>(NOTHING);
  private run = 0;
  private load: ((from?: string) => Promise<FoundPage>) | undefined;
  private next: string | undefined;

  /** Begins anew. What comes late from what was looked for before is dropped. */
  async start(load: (from?: string) => Promise<FoundPage>, pause = 0): Promise<void> {
    const run = ++this.run;
    this.load = load;
    this.next = undefined;
    this.snapshot.set({ ...NOTHING, busy: true });
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
    if (run === this.run) await this.page(run);
  }

  stop(): void {
    this.run++;
    this.snapshot.set(NOTHING);
  }

  readonly more = (): void => {
    const { busy, more } = this.snapshot.get();
    if (busy || !more) return;
    this.snapshot.set({ ...this.snapshot.get(), busy: true, problem: undefined });
    void this.page(this.run);
  };

  private async page(run: number): Promise<void> {
    if (this.load === undefined) return;
    try {
      const { messages, next, words = [], problem } = await this.load(this.next);
      if (run !== this.run) return;
      const before = this.snapshot.get();
      this.next = next;
      this.snapshot.set({
        messages: [...before.messages, ...messages],
        words: [...new Set([...before.words, ...words])],
        busy: false,
        more: next !== undefined,
        problem,
      });
    } catch (error) {
      if (run === this.run)
        this.snapshot.set({ ...this.snapshot.get(), busy: false, more: true, problem: problemOf(error) });
    }
  }
}
