// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { isAvailable, Registering, readPolicies, registrationMode, signIn, stagesFor } from "./auth.ts";
import { problemOf } from "./errors.ts";
import type { Session } from "./session.ts";

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
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return new Response(JSON.stringify(answer.body), { status: answer.status, headers: answer.headers });
  });
  return bodies;
}

afterEach(() => vi.unstubAllGlobals());

const register = (token = "") => new Registering(SERVER, { username: "ana", password: "secret", token }).start();

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
  const unknown = { stages: ["m.login.recaptcha", "m.login.dummy"] };
  expect(stagesFor([unknown, DUMMY], false)).toEqual(DUMMY.stages);
  expect(stagesFor([unknown], false)).toEqual(unknown.stages);
  expect(stagesFor([], false)).toBeUndefined();
});

test.each([
  [{ status: 401, body: { flows: [DUMMY], session: "s" } }, "open"],
  [{ status: 401, body: { flows: [TOKEN], session: "s" } }, "token"],
  [{ status: 401, body: { flows: [{ stages: ["m.login.terms"] }], session: "s" } }, "open"],
  [{ status: 401, body: { flows: [{ stages: ["m.login.recaptcha"] }], session: "s" } }, "open"],
  [{ status: 401, body: { flows: [], session: "s" } }, "unsupported"],
  [{ status: 403, body: { errcode: "M_FORBIDDEN" } }, "closed"],
] as const)("registration mode %#", async (answer, expected) => {
  serve(answer);
  expect(await registrationMode(SERVER)).toBe(expected);
});

test("registration goes through the stages with the token", async () => {
  const bodies = serve({ status: 401, body: { flows: [DUMMY], session: "s" } }, { status: 200, body: account });
  const session = await register(" welcome ");
  const { storageKey, ...rest } = session as Session;
  expect(rest).toEqual({ homeserver: SERVER, userId: "@ana:example.org", deviceId: "D", accessToken: "T" });
  expect(storageKey).toMatch(/^[\w+/]{43}=$/);
  expect(bodies[1]?.auth).toEqual({ type: "m.login.registration_token", session: "s", token: "welcome" });
});

test("a token that is not taken is said to be so", async () => {
  const again = { status: 401, body: { flows: [TOKEN], session: "s", errcode: "M_UNAUTHORIZED" } };
  serve(again, again);
  expect(await kindOf(register("x"))).toBe("token-refused");
});

test("the terms are agreed to, and what is unknown is done on the server's page", async () => {
  const stages = ["m.login.terms", "m.login.recaptcha", "m.login.dummy"];
  const en = { name: "Terms", url: "https://example.org/terms" };
  const zh = { name: "条款", url: "https://example.org/zh" };
  const params = {
    "m.login.terms": {
      policies: { privacy: { version: "1", en, zh }, bad: { en: { name: "x", url: "javascript:1" } } },
    },
  };
  const challenge = (...completed: string[]) => ({
    status: 401,
    body: { session: "s", flows: [{ stages }], params, completed },
  });
  const bodies = serve(
    challenge(),
    challenge("m.login.terms"),
    challenge("m.login.terms"),
    challenge("m.login.terms", "m.login.recaptcha"),
    { status: 200, body: account },
  );
  const registering = new Registering(SERVER, { username: "ana", password: "secret", token: "" }, ["zh-CN"]);
  expect(await registering.start()).toEqual({ kind: "terms", policies: [zh] });
  const url = `${SERVER}/_matrix/client/v3/auth/m.login.recaptcha/fallback/web?session=s`;
  expect(await registering.acceptTerms()).toEqual({ kind: "page", url });
  expect(await kindOf(registering.stepDone())).toBe("step-open");
  expect(await registering.stepDone()).toMatchObject({ userId: "@ana:example.org" });
  expect(bodies.map(({ auth }) => auth)).toEqual([
    undefined,
    { type: "m.login.terms", session: "s" },
    { session: "s" },
    { session: "s" },
    { type: "m.login.dummy", session: "s" },
  ]);
});

test("terms in no language that somebody reads are shown all the same", () => {
  const de = { name: "Nutzungsbedingungen", url: "https://example.org/de" };
  expect(readPolicies({ policies: { terms: { version: "1", de } } }, ["zh-CN"])).toEqual([de]);
  for (const wrong of [undefined, {}, { policies: 5 }, { policies: { terms: null } }])
    expect(readPolicies(wrong, [])).toEqual([]);
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
