/** Which unit forwards the media of calls, as the account's server names it (MSC4143). */
import { type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";

/** A unit that forwards media. */
export interface Transport {
  type: "livekit";
  livekit_service_url: string;
}

const UNSTABLE = { prefix: "/_matrix/client/unstable/org.matrix.msc4143" };

/** The unit of the account's server; nothing where it has none. Fails where the server cannot be asked. */
export async function findTransport(client: MatrixClient): Promise<Transport | undefined> {
  try {
    const answer = await client.http.authedRequest<{ rtc_transports?: unknown }>(
      Method.Get,
      "/rtc/transports",
      undefined,
      undefined,
      UNSTABLE,
    );
    const found = firstOf(answer.rtc_transports);
    if (found !== undefined) return found;
  } catch (error) {
    const { httpStatus } = error as { httpStatus?: number };
    if (httpStatus === undefined || httpStatus >= 500 || httpStatus === 429) throw error;
  }
  return firstOf(await fromWellKnown(client.getHomeserverUrl()));
}

async function fromWellKnown(homeserver: string): Promise<unknown> {
  const response = await fetch(new URL("/.well-known/matrix/client", homeserver));
  if (!response.ok) return undefined;
  const content = (await response.json()) as Record<string, unknown>;
  return content["org.matrix.msc4143.rtc_foci"];
}

export function firstOf(transports: unknown): Transport | undefined {
  if (!Array.isArray(transports)) return undefined;
  for (const entry of transports) {
    const { type, livekit_service_url: url } = (entry ?? {}) as Record<string, unknown>;
    if (type === "livekit" && typeof url === "string" && URL.canParse(url)) return { type, livekit_service_url: url };
  }
  return undefined;
}
