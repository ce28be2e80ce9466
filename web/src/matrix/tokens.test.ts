import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { loadSession, type Session, saveSession } from "./session.ts";
import { Tokens } from "./tokens.ts";

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
  unreachable = false;
  lifetime = HOUR;

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    if (this.unreachable) throw new TypeError("no connection");
    if (!String(input).endsWith("/v3/refresh")) return this.whoami(new Headers(init.headers).get("Authorization"));
    this.exchanges += 1;
    const { refresh_token } = JSON.parse(String(init.body)) as { refresh_token: string };
    if (refresh_token === this.next?.refresh) this.confirm();
    if (refresh_token !== this.refresh) return answer(401, { errcode: "M_UNKNOWN_TOKEN" });
    this.next = { access: `a${this.exchanges}`, refresh: `r${this.exchanges}` };
    if (this.losing > 0) {
      this.losing -= 1;
      throw new TypeError("the answer is lost");
    }
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
