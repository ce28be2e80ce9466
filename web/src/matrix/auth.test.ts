import { afterEach, expect, test, vi } from "vitest";
import { isAvailable, register, registrationMode, signIn, stagesFor } from "./auth.ts";
import { problemOf } from "./errors.ts";

const SERVER = "https://example.org";
const DUMMY = { stages: ["m.login.dummy"] };
const TOKEN = { stages: ["m.login.registration_token"] };
const account = { user_id: "@ana:example.org", device_id: "D", access_token: "T" };

type Answer = { status: number; body: object; headers?: Record<string, string> };

/** Answers requests in order, and keeps their bodies. */
function serve(...answers: Answer[]): Record<string, unknown>[] {
  const bodies: Record<string, unknown>[] = [];
  vi.stubGlobal("fetch", async (_url: URL, init: RequestInit) => {
    bodies.push(JSON.parse(String(init.body ?? "{}")) as Record<string, unknown>);
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("no connection");
    return new Response(JSON.stringify(answer.body), { status: answer.status, headers: answer.headers });
  });
  return bodies;
}

afterEach(() => vi.unstubAllGlobals());

const kindOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "fine",
    (error: unknown) => problemOf(error).kind,
  );

test("whoever has a token uses it, others are spared it", () => {
  expect(stagesFor([DUMMY, TOKEN], false)).toEqual(DUMMY.stages);
  expect(stagesFor([DUMMY, TOKEN], true)).toEqual(TOKEN.stages);
  expect(stagesFor([TOKEN], false)).toEqual(TOKEN.stages);
  expect(stagesFor([DUMMY], true)).toEqual(TOKEN.stages);
  expect(stagesFor([{ stages: ["m.login.recaptcha"] }], false)).toBeUndefined();
});

test.each([
  [{ status: 401, body: { flows: [DUMMY], session: "s" } }, "open"],
  [{ status: 401, body: { flows: [TOKEN], session: "s" } }, "token"],
  [{ status: 401, body: { flows: [{ stages: ["m.login.terms"] }], session: "s" } }, "unsupported"],
  [{ status: 403, body: { errcode: "M_FORBIDDEN" } }, "closed"],
] as const)("registration mode %#", async (answer, expected) => {
  serve(answer);
  expect(await registrationMode(SERVER)).toBe(expected);
});

test("registration goes through the stages with the token", async () => {
  const bodies = serve({ status: 401, body: { flows: [DUMMY], session: "s" } }, { status: 200, body: account });
  const session = await register(SERVER, { username: "ana", password: "secret", token: " welcome " });
  expect(session).toEqual({ homeserver: SERVER, userId: "@ana:example.org", deviceId: "D", accessToken: "T" });
  expect(bodies[1]?.auth).toEqual({ type: "m.login.registration_token", session: "s", token: "welcome" });
});

test("a token that is not taken is said to be so", async () => {
  const again = { status: 401, body: { flows: [TOKEN], session: "s", errcode: "M_UNAUTHORIZED" } };
  serve(again, again);
  expect(await kindOf(register(SERVER, { username: "ana", password: "secret", token: "x" }))).toBe("token-refused");
});

test("problems of signing in are told apart", async () => {
  serve({ status: 403, body: { errcode: "M_FORBIDDEN" } });
  expect(await kindOf(signIn(SERVER, "ana", "x"))).toBe("wrong-credentials");
  serve({ status: 429, body: { errcode: "M_LIMIT_EXCEEDED" }, headers: { "Retry-After": "7" } });
  expect(problemOf(await signIn(SERVER, "ana", "x").catch((error: unknown) => error))).toEqual({
    kind: "limited",
    seconds: 7,
  });
  serve({ status: 502, body: {} });
  expect(await kindOf(signIn(SERVER, "ana", "x"))).toBe("server");
  serve();
  expect(await kindOf(signIn(SERVER, "ana", "x"))).toBe("offline");
});

test("a name is free, taken, or cannot be used", async () => {
  serve({ status: 200, body: { available: true } }, { status: 400, body: { errcode: "M_USER_IN_USE" } });
  expect(await isAvailable(SERVER, "ana")).toBe(true);
  expect(await isAvailable(SERVER, "ana")).toBe(false);
  serve({ status: 400, body: { errcode: "M_INVALID_USERNAME" } });
  expect(await kindOf(isAvailable(SERVER, "ana"))).toBe("user-name-invalid");
});
