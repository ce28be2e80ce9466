import { ConnectionError, MatrixError } from "matrix-js-sdk/lib/matrix.js";
import { expect, test } from "vitest";
import { MatrixHttpError, ProblemError } from "../errors.ts";
import { fateOf } from "./fate.ts";

const sdk = (status: number, errcode: string, more = {}) => new MatrixError({ errcode, ...more }, status);
const limited = new Headers({ "Retry-After": "3" });

test.each([
  ["no connection", new ConnectionError("fetch failed"), true, "offline"],
  ["an upload that was cut off", new ProblemError({ kind: "offline" }), true, "offline"],
  ["too many requests", sdk(429, "M_LIMIT_EXCEEDED", { retry_after_ms: 2000 }), true, "limited"],
  ["a proxy without a server", new MatrixHttpError(502, undefined, undefined, {}), true, "server"],
  ["a token that has expired", sdk(401, "M_UNKNOWN_TOKEN"), true, "signed-out"],
  ["a locked account", sdk(401, "M_USER_LOCKED"), false, "locked"],
  ["no permission", sdk(403, "M_FORBIDDEN"), false, "forbidden"],
  ["a file too large", new MatrixHttpError(413, "M_TOO_LARGE", undefined, {}), false, "too-large"],
  ["what the server does not understand", sdk(400, "M_BAD_JSON"), false, "server"],
  ["what could not be encrypted", new ProblemError({ kind: "no-encryption" }), false, "no-encryption"],
])("%s", (_, error, again, kind) => {
  expect(fateOf(error, 0)).toMatchObject({ again, problem: { kind } });
});

test.each([
  ["in the body", sdk(429, "M_LIMIT_EXCEEDED", { retry_after_ms: 2000 }), 2000],
  ["in the header", new MatrixError({ errcode: "M_LIMIT_EXCEEDED" }, 429, undefined, undefined, limited), 3000],
  ["not at all", sdk(429, "M_LIMIT_EXCEEDED"), 1000],
  ["in an unlikely way", sdk(429, "M_LIMIT_EXCEEDED", { retry_after_ms: -5 }), 1],
])("the server says %s how long to wait", (_, error, afterMs) => {
  expect(fateOf(error, 0)).toMatchObject({ again: true, afterMs });
});

test("waits get longer, and no longer than a minute", () => {
  const waits = [0, 1, 2, 20, 2000].map((attempts) => {
    const fate = fateOf(new ProblemError({ kind: "offline" }), attempts);
    return fate.again ? fate.afterMs : undefined;
  });
  expect(waits).toEqual([1000, 2000, 4000, 60_000, 60_000]);
});
