/** Says at the very end of a run why its tests failed, a line each: what is above it fills many screens. */
import { relative } from "node:path";
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

/** Characters of a reason; the whole of it stands above. */
const MAX_REASON = 400;
/** Colours, which a terminal reads and a log does not. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

class Summary implements Reporter {
  private readonly failed: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === test.expectedStatus || result.status === "skipped") return;
    const { message = result.status, location } = result.error ?? {};
    const said = message.replace(COLOURS, "").split(/\s+/).join(" ").slice(0, MAX_REASON);
    const { file, line } = location ?? test.location;
    const step = deepest(result.steps);
    this.failed.push(`${relative("", file)}:${line}: ${step === undefined ? "" : `in “${step}”: `}${said}`);
  }

  onExit(): Promise<void> {
    if (this.failed.length > 0) process.stdout.write(`\nwhy:\n${this.failed.map((one) => `  ${one}\n`).join("")}`);
    return Promise.resolve();
  }
}

/** The step of the test in which it ended. */
function deepest(steps: TestResult["steps"]): string | undefined {
  const step = steps.findLast((one) => one.category === "test.step" && one.error !== undefined);
  return step && (deepest(step.steps) ?? step.title);
}

export default Summary;
