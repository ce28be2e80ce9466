import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { afterEach, expect, test, vi } from "vitest";
import { findTransport, firstOf } from "./transport.ts";

const UNIT = { type: "livekit", livekit_service_url: "https://x.org/livekit/jwt" } as const;

afterEach(() => vi.unstubAllGlobals());

function server(answer: () => Promise<unknown>, wellKnown?: object): MatrixClient {
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(wellKnown ?? {}), { status: wellKnown ? 200 : 404 }));
  return { http: { authedRequest: answer }, getHomeserverUrl: () => "https://x.org" } as unknown as MatrixClient;
}

const refuses = (httpStatus?: number) => () => Promise.reject(Object.assign(new Error("no"), { httpStatus }));

test("the server names its unit, or says so where every client looks", async () => {
  const direct = server(async () => ({ rtc_transports: [{ type: "other" }, UNIT] }));
  expect(await findTransport(direct)).toEqual(UNIT);
  const older = server(refuses(404), { "org.matrix.msc4143.rtc_foci": [UNIT] });
  expect(await findTransport(older)).toEqual(UNIT);
});

test("a server that knows of none has none, and one that cannot be asked has to be asked again", async () => {
  expect(await findTransport(server(refuses(404)))).toBeUndefined();
  for (const status of [undefined, 429, 502])
    await expect(findTransport(server(refuses(status)))).rejects.toThrow("no");
});

test("what is no unit is passed over", () => {
  for (const wrong of [undefined, {}, [null], [{ type: "livekit" }], [{ ...UNIT, livekit_service_url: "no address" }]])
    expect(firstOf(wrong)).toBeUndefined();
});
