// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { withKnownVersions } from "./versions.ts";

const VERSIONS = "https://example.org/_matrix/client/versions";
const answer = (versions: readonly string[]) => new Response(JSON.stringify({ versions }));

beforeEach(() => localStorage.clear());

test("the first question is answered with what the server said last time, and asked all the same", async () => {
  const server = vi.fn(async () => answer(["v1.1"]));
  const first = withKnownVersions(server, "@ana:b");
  expect(await (await first(VERSIONS)).json()).toEqual({ versions: ["v1.1"] });

  server.mockImplementation(async () => answer(["v1.2"]));
  const second = withKnownVersions(server, "@ana:b");
  expect(await (await second(VERSIONS)).json()).toEqual({ versions: ["v1.1"] });
  await vi.waitFor(() => expect(localStorage.getItem("im2.versions:@ana:b")).toContain("v1.2"));
  expect(await (await second(VERSIONS)).json()).toEqual({ versions: ["v1.2"] });
});

test("without a connection what is known is enough, and nothing else is answered", async () => {
  await withKnownVersions(async () => answer(["v1.1"]), "@ana:b")(VERSIONS);
  const offline = withKnownVersions(() => Promise.reject(new TypeError("no network")), "@ana:b");
  expect((await offline(VERSIONS)).ok).toBe(true);
  await expect(offline(VERSIONS)).rejects.toThrow();
  await expect(offline("https://example.org/_matrix/client/v3/sync")).rejects.toThrow();
  await expect(withKnownVersions(() => Promise.reject(new TypeError("no")), "@bo:b")(VERSIONS)).rejects.toThrow();
});

test("an error is not kept", async () => {
  const failing = withKnownVersions(async () => new Response("{}", { status: 500 }), "@ana:b");
  expect((await failing(VERSIONS)).status).toBe(500);
  expect(localStorage).toHaveLength(0);
});
