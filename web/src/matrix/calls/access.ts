/**
 * The way to the media of calls: which unit the server names (MSC4143), and the token with which a device of this account
 * is let in there (MSC4195).
 */
import { type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";
import { within } from "../../lib/within.ts";

/** A unit that forwards media. */
export interface Transport {
  type: "livekit";
  livekit_service_url: string;
}

export interface Ticket {
  url: string;
  jwt: string;
}

/** The unit does not let this account in. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";

  constructor(readonly status: number) {
    super(`refused with ${status}`);
  }
}

/** How long somebody waits for a token, in milliseconds. */
const PATIENCE_MS = 15_000;
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

/** A token for this device in the call of a room. */
export async function fetchTicket(client: MatrixClient, { livekit_service_url: url }: Transport, roomId: string) {
  const { access_token, token_type, matrix_server_name, expires_in } = await client.getOpenIdToken();
  const asked = ask(`${url.replace(/\/$/, "")}/sfu/get`, {
    room: roomId,
    device_id: client.getDeviceId(),
    openid_token: { access_token, token_type, matrix_server_name, expires_in },
  });
  asked.catch(() => undefined);
  let ticket: Ticket | undefined;
  const kept = asked.then((found) => {
    ticket = found;
  });
  await within(PATIENCE_MS, kept);
  if (ticket === undefined) throw new TypeError("Failed to fetch");
  return ticket;
}

async function ask(url: string, body: object): Promise<Ticket> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new RefusedError(response.status);
  const { url: unit, jwt } = (await response.json()) as Partial<Ticket>;
  if (typeof unit !== "string" || typeof jwt !== "string") throw new RefusedError(response.status);
  return { url: unit, jwt };
}
