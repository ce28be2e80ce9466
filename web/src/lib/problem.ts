import type { Translate } from "../i18n/translate.ts";
import type { Problem } from "../matrix/errors.ts";

/** A problem in words that say what to do next. */
export function problemText(problem: Problem, t: Translate): string {
  return problem.kind === "limited" ? t.count("problem.limited", problem.seconds) : t(`problem.${problem.kind}`);
}
