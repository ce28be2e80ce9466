import { expect, test } from "vitest";
import { en } from "../i18n/en.ts";
import { translator } from "../i18n/translate.ts";
import { zh } from "../i18n/zh.ts";
import { MatrixHttpError, problemOf } from "../matrix/errors.ts";
import { problemText } from "./problem.ts";

const t = translator(en, "en");

const textOf = (status: number, errcode: string, retryAfterMs?: number) =>
  problemText(problemOf(new MatrixHttpError(status, errcode, retryAfterMs, {})), t);

test.each([
  [1_000, "1 second"],
  [89_500, "90 seconds"],
  [91_000, "2 minutes"],
  [90 * 60_000, "90 minutes"],
  [90 * 60_000 + 1, "2 hours"],
  [24 * 3_600_000, "24 hours"],
])("a wait of %i ms is %s", (wait, words) => {
  expect(textOf(429, "M_LIMIT_EXCEEDED", wait)).toBe(`Too many attempts. Try again in ${words}.`);
});

test("a wait is told in Chinese, too", () => {
  const problem = { kind: "limited", seconds: 7200 } as const;
  expect(problemText(problem, translator(zh, "zh-CN"))).toBe("尝试次数过多，请在 2 小时后重试。");
});

test.each(["M_USER_LIMIT_EXCEEDED", "M_USER_SUSPENDED", "M_USER_LOCKED", "M_INVITE_BLOCKED", "M_WEAK_PASSWORD"])(
  "%s is not taken for a failure of the server",
  (errcode) => {
    expect(textOf(403, errcode)).not.toBe(en["problem.server"]);
  },
);
