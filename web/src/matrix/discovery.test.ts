// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { discover, isAllowed, originOf, readSources } from "./discovery.ts";
import { problemOf } from "./errors.ts";

type Answers = Record<string, { status: number; body?: unknown; policy?: string }>;

function serve(answers: Answers): void {
  vi.stubGlobal("fetch", async (url: URL | string, { method = "GET" }: RequestInit = {}) => {
    const found = answers[`${method === "GET" ? "" : `${method} `}${url}`];
    if (found === undefined) throw new TypeError("no connection");
    const headers = found.policy === undefined ? undefined : { "Content-Security-Policy": found.policy };
    const body = typeof found.body === "string" ? found.body : JSON.stringify(found.body ?? {});
    return new Response(method === "HEAD" ? null : body, { status: found.status, headers });
  });
}

afterEach(() => vi.unstubAllGlobals());

const outcome = (text: string) =>
  discover(text).then(
    (base) => base,
    (error: unknown) => problemOf(error).kind,
  );
const page = { "HEAD /": { status: 200, policy: "default-src 'none'; connect-src 'self' https:; x" } };
const versions = { status: 200, body: { versions: ["v1.11"] } };

test("what people type", () => {
  expect(originOf(" example.org ")).toBe("https://example.org");
  expect(originOf("@ana:example.org:8448")).toBe("https://example.org:8448");
  expect(originOf("https://matrix.example.org/")).toBe("https://matrix.example.org");
  for (const wrong of ["", "https://", "two words", "ana:secret@example.org", "http://ana:secret@x"])
    expect([wrong, originOf(wrong)]).toEqual([wrong, undefined]);
});

test("the address is the one that the domain names, or the domain itself", async () => {
  serve({
    ...page,
    "https://example.org/.well-known/matrix/client": {
      status: 200,
      body: { "m.homeserver": { base_url: "https://matrix.example.org/" } },
    },
    "https://matrix.example.org/_matrix/client/versions": versions,
  });
  expect(await outcome("example.org")).toBe("https://matrix.example.org");
  serve({
    ...page,
    "https://example.org/.well-known/matrix/client": { status: 404 },
    "https://example.org/_matrix/client/versions": versions,
  });
  expect(await outcome("@ana:example.org")).toBe("https://example.org");
});

test("each way to fail has words of its own", async () => {
  serve(page);
  expect(await outcome("two words")).toBe("server-name");
  expect(await outcome("example.org")).toBe("server-unreachable");
  expect(await outcome("http://example.org")).toBe("server-blocked");
  const wellKnown = "https://example.org/.well-known/matrix/client";
  serve({ ...page, [wellKnown]: { status: 200, body: "<html>" } });
  expect(await outcome("example.org")).toBe("server-broken");
  serve({ ...page, [wellKnown]: { status: 200, body: { "m.homeserver": { base_url: "http://intern.example" } } } });
  expect(await outcome("example.org")).toBe("server-blocked");
  serve({ ...page, "https://example.org/_matrix/client/versions": { status: 200, body: "<html>" } });
  expect(await outcome("example.org")).toBe("server-no-matrix");
  const login = { status: 200, body: { flows: [{ type: "m.login.sso" }] } };
  const there = { "https://example.org/_matrix/client/versions": versions };
  serve({ ...page, ...there, "https://example.org/_matrix/client/v3/login": login });
  expect(await outcome("example.org")).toBe("server-no-password");
});

test("the policy says where the page may connect to", () => {
  const policies = "default-src 'none'; connect-src 'self' https://a.example; img-src x, script-src y";
  expect(readSources(policies)).toEqual(["'self'", "https://a.example"]);
  expect(readSources("default-src 'none'")).toEqual([]);
  const sources = readSources(policies);
  expect(isAllowed("https://a.example", sources, "https://own.example")).toBe(true);
  expect(isAllowed("https://own.example", sources, "https://own.example")).toBe(true);
  expect(isAllowed("https://b.example", sources, "https://own.example")).toBe(false);
  expect(isAllowed("https://b.example", ["https:"], "https://own.example")).toBe(true);
  expect(isAllowed("http://b.example", ["https:"], "https://own.example")).toBe(false);
});
