/** The token with which a device of this account is let in to the media of a call (MSC4195). */
import type { MatrixClient } from "matrix-js-sdk/lib/matrix.js";
import { within } from "../../lib/within.ts";
import type { Transport } from "./transport.ts";

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
