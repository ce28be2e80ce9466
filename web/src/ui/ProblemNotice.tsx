import { useT } from "../base/hooks.ts";
import { problemText } from "../lib/problem.ts";
import type { Problem } from "../matrix/errors.ts";

/** Says why something failed, to people who do not see it too; nothing unless it did. */
export function ProblemNotice({ problem }: { problem: Problem | undefined }) {
  const t = useT();
  if (problem === undefined) return null;
  return (
    <p className="notice notice--problem" role="alert">
      {problemText(problem, t)}
    </p>
  );
}
