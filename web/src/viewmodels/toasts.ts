/** Short notices at the edge of the window, one at a time. */
import type { MessageKey, Params } from "../i18n/index.ts";
import { Observable } from "../lib/observable.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";

export interface Toast {
  tone: "problem" | "done";
  message: { key: MessageKey; params?: Params } | { problem: Problem };
}

const SHOWN_FOR = 6000;

export const toast = new Observable<Toast | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export function showToast(next: Toast): void {
  clearTimeout(timer);
  toast.set(next);
  timer = setTimeout(() => toast.set(undefined), SHOWN_FOR);
}

export function showProblem(error: unknown): void {
  const problem = problemOf(error);
  if (problem.kind !== "cancelled") showToast({ tone: "problem", message: { problem } });
}

/** Runs what a person asked for; a failure becomes a notice. True when it worked. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    showProblem(error);
    return false;
  }
}
