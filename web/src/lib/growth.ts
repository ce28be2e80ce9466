/** Measures how work grows with what other people write, for tests: nothing may take longer than its length. */

const SMALL = 8_000;
const LARGE = 8 * SMALL;
/** Below it a measure says little, in milliseconds. */
const LEAST = 4;

/** How many times longer `run` takes for eight times the text. Eight is linear, sixty-four quadratic. */
export function growth(text: (length: number) => string, run: (text: string) => unknown): number {
  run(text(SMALL)); // what is compiled and cached the first time
  return fastest(run, text(LARGE)) / Math.max(fastest(run, text(SMALL)), LEAST);
}

/** Time of the processor, which does not pass while others have it. */
function fastest(run: (text: string) => unknown, text: string): number {
  const times = Array.from({ length: 5 }, () => {
    const start = process.cpuUsage();
    run(text);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
