import { useState } from "react";
import { type Problem, problemOf } from "../../matrix/errors.ts";

interface Attempt {
  busy: boolean;
  problem: Problem | undefined;
  /** Runs the action; true when it worked. The problem stays until the next attempt. */
  run(action: () => Promise<unknown>): Promise<boolean>;
}

/** What a dialog does, and what it says where it failed. */
export function useAttempt(): Attempt {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const run = async (action: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await action();
      return true;
    } catch (error) {
      setProblem(problemOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run };
}
