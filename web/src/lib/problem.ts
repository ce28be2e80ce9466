import type { Translate } from "../i18n/translate.ts";
import type { Problem } from "../matrix/errors.ts";

/** A problem in words that say what to do next. */
export function problemText(problem: Problem, t: Translate): string {
  return problem.kind === "limited" ? waitText(problem.seconds, t) : t(`problem.${problem.kind}`);
}

/** Some limits are by the day: nobody counts their seconds. */
function waitText(seconds: number, t: Translate): string {
  const minutes = Math.ceil(seconds / 60);
  if (seconds <= 90) return t.count("problem.limited", seconds);
  if (minutes <= 90) return t.count("problem.limited.minutes", minutes);
  return t.count("problem.limited.hours", Math.ceil(minutes / 60));
}
