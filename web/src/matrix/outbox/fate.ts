/** What becomes of something that could not be sent: it is tried again by itself, or somebody has to decide. */
import { type Problem, problemOf } from "../errors.ts";

export type Fate = { again: true; problem: Problem; afterMs: number } | { again: false; problem: Problem };

const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 60_000;
/** The longest wait that a server may ask for; beyond it one more attempt is cheap. */
const LONGEST_ASKED = 15 * 60_000;

/** `attempts` is how often it has failed before. */
export function fateOf(error: unknown, attempts: number): Fate {
  const problem = problemOf(error);
  const backoff = Math.min(FIRST_DELAY * 2 ** Math.min(attempts, 10), LONGEST_DELAY);
  if (problem.kind === "offline") return { again: true, problem, afterMs: backoff };
  const status = statusOf(error);
  if (status === 429 || problem.kind === "limited") {
    return { again: true, problem, afterMs: Math.min(Math.max(askedFor(error) ?? backoff, 1), LONGEST_ASKED) };
  }
  // An ended session is told elsewhere; what waits here stays until one has signed in again.
  const passes = status !== undefined && (status >= 500 || status === 408 || status === 401);
  if (passes && problem.kind !== "locked") return { again: true, problem, afterMs: backoff };
  return { again: false, problem };
}

function statusOf(error: unknown): number | undefined {
  const { status, httpStatus } = (error ?? {}) as { status?: unknown; httpStatus?: unknown };
  const found = httpStatus ?? status;
  return typeof found === "number" ? found : undefined;
}

/** What the server asks to be left alone for, in the body or, as newer ones say it, in a header. */
function askedFor(error: unknown): number | undefined {
  const { retryAfterMs, data, httpHeaders } = error as {
    retryAfterMs?: unknown;
    data?: { retry_after_ms?: unknown };
    httpHeaders?: { get(name: string): string | null };
  };
  const seconds = Number(httpHeaders?.get("Retry-After") ?? Number.NaN);
  const asked = retryAfterMs ?? data?.retry_after_ms;
  if (typeof asked === "number" && Number.isFinite(asked)) return asked;
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}
