// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PushAccount } from "../sw/store.ts";
import { loadSession, parkSession, type Session, saveSession, storedSession } from "./session.ts";
import { Tokens } from "./tokens.ts";

/** What the service worker has left. */
let left: Partial<PushAccount> | undefined;
vi.mock("../sw/store.ts", () => ({
  pushAccount: async () => left,
  updatePushAccount: async (_: unknown, change: object) => {
    if (left !== undefined) left = { ...left, ...change };
  },
}));

const SERVER = "https://example.org";
const HOUR = 3_600_000;
const authorised = { headers: { Authorization: "Bearer old" } };

/** A server with one valid pair of tokens, as ours: the old pair works until one of the new pair is used. */
class FakeServer {
  access = "a0";
  refresh = "r0";
  /** Asked for and not used yet. */
  next: { access: string; refresh: string } | undefined;
  exchanges = 0;
  /** Exchanges whose answer gets lost. */
  losing = 0;
  /** What comes of the next answers to an exchange: the page was left meanwhile, or something else has answered. */
  readonly cut: BodyInit[] = [];
  unreachable = false;
  lifetime = HOUR;

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (this.unreachable) throw new TypeError("Failed to fetch");
    if (!String(input).endsWith("/v3/refresh")) return this.whoami(new Headers(init.headers).get("Authorization"));
    this.exchanges += 1;
    const { refresh_token } = JSON.parse(String(init.body)) as { refresh_token: string };
    if (refresh_token === this.next?.refresh) this.confirm();
    if (refresh_token !== this.refresh) return answer(401, { errcode: "M_UNKNOWN_TOKEN" });
    this.next = { access: `a${this.exchanges}`, refresh: `r${this.exchanges}` };
    if (this.losing > 0) {
      this.losing -= 1;
      throw new TypeError("Failed to fetch");
    }
    const cut = this.cut.shift();
    if (cut !== undefined) return new Response(cut, { status: 200 });
    const { access, refresh } = this.next;
    return answer(200, { access_token: access, refresh_token: refresh, expires_in_ms: this.lifetime });
  };

  expireNow(): void {
    this.access = "expired";
  }

  private confirm(): void {
    if (this.next !== undefined) [this.access, this.refresh] = [this.next.access, this.next.refresh];
    this.next = undefined;
  }

  private whoami(header: string | null): Response {
    if (header === `Bearer ${this.next?.access}`) this.confirm();
    return header === `Bearer ${this.access}` ? answer(200, {}) : answer(401, { errcode: "M_UNKNOWN_TOKEN" });
  }
}

function answer(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status });
}

function session(expiresIn = HOUR): Session {
  const who = { homeserver: SERVER, userId: "@ana:example.org", deviceId: "D" };
  return { ...who, accessToken: "a0", refreshToken: "r0", expiresAt: Date.now() + expiresIn, lifetime: HOUR };
}

let server: FakeServer;
const open: Tokens[] = [];

function tab(stored: Session = session()): Tokens {
  if (loadSession() === undefined) saveSession(stored);
  const tokens = new Tokens(loadSession() ?? stored);
  open.push(tokens);
  return tokens;
}

beforeEach(() => {
  left = undefined;
  localStorage.clear();
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
});

afterEach(() => {
  for (const tokens of open.splice(0)) tokens.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a request with an expired token is made again with a new one", async () => {
  const tokens = tab();
  server.expireNow();
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(loadSession()).toMatchObject({ accessToken: "a1", refreshToken: "r1" });
});

test("many requests at once are one exchange", async () => {
  const tokens = tab();
  server.expireNow();
  const all = await Promise.all(Array.from({ length: 20 }, () => tokens.fetch(`${SERVER}/x`, authorised)));
  expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(server.exchanges).toBe(1);
});

test("a second tab takes what the first has got", async () => {
  const [first, second] = [tab(), tab()];
  server.expireNow();
  expect((await first.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect((await second.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(server.exchanges).toBe(1);
});

test("two tabs that exchange at the same moment both go on", async () => {
  let last: Promise<unknown> = Promise.resolve();
  const locks = {
    request: (_name: string, work: () => Promise<unknown>) => {
      last = last.then(work, work);
      return last;
    },
  };
  vi.stubGlobal("navigator", { locks });
  const [first, second] = [tab(), tab()];
  server.expireNow();
  const both = await Promise.all([first, second].map((tokens) => tokens.fetch(`${SERVER}/x`, authorised)));
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
  expect(server.exchanges).toBe(1);
});

test("an answer that was cut off, or is none, leaves the session as it is", async () => {
  const tokens = tab();
  server.expireNow();
  const broken = new ReadableStream({ start: (stream) => stream.error(new TypeError("network error")) });
  for (const cut of [broken, '{"access_tok', "", "{}", "null"]) {
    server.cut.push(cut);
    await expect(tokens.fetch(`${SERVER}/x`, authorised)).rejects.toThrow();
    expect(loadSession()).toMatchObject({ accessToken: "a0", refreshToken: "r0" });
  }
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(loadSession()?.accessToken).toMatch(/^a\d$/);
});

test("an answer that was lost is asked for again", async () => {
  const tokens = tab();
  server.expireNow();
  server.losing = 1;
  await expect(tokens.fetch(`${SERVER}/x`, authorised)).rejects.toThrow(TypeError);
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(loadSession()).toMatchObject({ accessToken: "a2", refreshToken: "r2" });
});

test("a token is exchanged before it expires, and not while the server cannot be reached", async () => {
  vi.useFakeTimers();
  const tokens = tab(session(HOUR));
  server.unreachable = true;
  await vi.advanceTimersByTimeAsync(HOUR - 4 * 60_000);
  expect(server.exchanges).toBe(0);
  server.unreachable = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(server.exchanges).toBe(1);
  expect(await tokens.fresh()).toBe("a1");
});

test("a session that has ended stays ended", async () => {
  const tokens = tab();
  server.expireNow();
  server.refresh = "gone";
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(401);
});

test("a tab that is signed out stores no new token", async () => {
  const tokens = tab();
  localStorage.clear();
  server.expireNow();
  await tokens.fetch(`${SERVER}/x`, authorised);
  expect(loadSession()).toBeUndefined();
});

test("a session from before tokens expired goes on as it is", async () => {
  const { refreshToken: _, expiresAt: __, lifetime: ___, ...old } = session();
  const tokens = tab(old);
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  server.expireNow();
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(401);
  expect(server.exchanges).toBe(0);
});

test("what the service worker has exchanged while no tab was open is taken over", async () => {
  const tokens = tab();
  // The worker has used its new token: the old pair is worth nothing.
  server.access = "a9";
  server.refresh = "r9";
  const { userId, deviceId } = session();
  left = { userId, deviceId, accessToken: "a9", refreshToken: "r9", expiresAt: Date.now() + 2 * HOUR, lifetime: HOUR };
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(server.exchanges).toBe(0);
  expect(loadSession()).toMatchObject({ accessToken: "a9", refreshToken: "r9" });
});

test("what the worker has from before is not", async () => {
  const tokens = tab();
  const { userId, deviceId } = session();
  left = { userId, deviceId, accessToken: "older", refreshToken: "older", expiresAt: Date.now(), lifetime: HOUR };
  server.expireNow();
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(loadSession()).toMatchObject({ accessToken: "a1", refreshToken: "r1" });
  expect(left).toMatchObject({ accessToken: "a1", refreshToken: "r1" });
});

test("an account that is not in use gets its new token where it waits", async () => {
  tab();
  parkSession();
  const tokens = new Tokens(storedSession(session().userId) ?? session(), false);
  open.push(tokens);
  server.expireNow();
  expect((await tokens.fetch(`${SERVER}/x`, authorised)).status).toBe(200);
  expect(loadSession()).toBeUndefined();
  expect(storedSession(session().userId)).toMatchObject({ accessToken: "a1", refreshToken: "r1" });
});
