/** Makes hostile input for tests: of pieces that mean something to a parser, the same in every run. */

/** Cases of a test. `PROPTEST_CASES`, which sets those of the server's tests, raises them too. */
export const CASES = Math.max(1, Math.floor(Number(process.env.PROPTEST_CASES ?? 256)));

export class Hostile {
  constructor(private state: number) {}

  /** A number below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % limit;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  /** Up to `most` of these pieces in a row. */
  text(pieces: readonly string[], most = 12): string {
    return Array.from({ length: this.below(most + 1) }, () => this.pick(pieces)).join("");
  }
}

/** Runs `check` on as many generators as there are cases, and says which of them failed. */
export function forAll(check: (hostile: Hostile) => void, cases = CASES): void {
  for (let number = 0; number < cases; number++) {
    try {
      check(new Hostile(Math.imul(number, 0x85ebca6b)));
    } catch (error) {
      if (error instanceof Error) error.message = `case ${number}: ${error.message}`;
      throw error;
    }
  }
}

/** Letters of many scripts, marks, directions, white space of every kind, halves of what belongs together. */
export const LETTERS = [
  ..."aZ9_-.,:;!?'\"()[]/\\#@&=+ ",
  "\n",
  "\t",
  "\u00a0",
  "\u200b",
  "\u200d",
  "\u202e",
  "\u2028",
  "\u2029",
  "\ufeff",
  "\u0301",
  "\u0130",
  "é",
  "日",
  "שלום",
  "👩‍👩‍👧",
  "🇫🇷",
  "，",
  "。",
];
