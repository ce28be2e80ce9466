/** Who is there: presence and status texts, of others and one's own. */
import { type MatrixClient, Method, SetPresence, type User } from "matrix-js-sdk/lib/matrix.js";
import { cleanName } from "../lib/text.ts";
import type { Presence } from "./types.ts";

export const MAX_STATUS = 120;

export function presenceOf(user: User | null): Presence | undefined {
  if (user === null || user.events.presence === undefined) return undefined;
  const state = user.presence === "online" || user.presence === "unavailable" ? user.presence : "offline";
  const seen = user.lastPresenceTs > 0 && user.lastActiveAgo > 0 ? user.lastPresenceTs - user.lastActiveAgo : undefined;
  return {
    state: state === "online" && user.currentlyActive ? "active" : state,
    // To the minute: it is shown as words such as "5 minutes ago".
    lastActive: seen === undefined ? undefined : Math.round(seen / 60_000) * 60_000,
    status: readStatus(user.presenceStatusMsg),
  };
}

/** An answer of the server about somebody who shares no room with one, or whom the sync has not told of. */
export async function fetchPresence(client: MatrixClient, userId: string): Promise<Presence | undefined> {
  const path = `/presence/${encodeURIComponent(userId)}/status`;
  try {
    const answer = await client.http.authedRequest<Record<string, unknown>>(Method.Get, path);
    const ago = answer.last_active_ago;
    const online = answer.presence === "online";
    return {
      state: online
        ? answer.currently_active === true
          ? "active"
          : "online"
        : answer.presence === "unavailable"
          ? "unavailable"
          : "offline",
      lastActive: typeof ago === "number" ? Math.round((Date.now() - ago) / 60_000) * 60_000 : undefined,
      status: readStatus(answer.status_msg),
    };
  } catch {
    // Not shared, or turned off on the server.
    return undefined;
  }
}

function readStatus(text: unknown): string | undefined {
  const status = typeof text === "string" ? cleanName(text.slice(0, 1000)) : "";
  return status === "" ? undefined : [...status].slice(0, MAX_STATUS).join("");
}

export class OwnPresence {
  private shown = true;

  constructor(private readonly client: MatrixClient) {}

  /** Whether others see that one is there. The server hears of it with the next sync. */
  async show(shown: boolean): Promise<void> {
    if (shown === this.shown) return;
    this.shown = shown;
    await this.client.setSyncPresence(shown ? undefined : SetPresence.Offline);
    await this.client.setPresence({ presence: shown ? SetPresence.Online : SetPresence.Offline });
  }

  async setStatus(text: string): Promise<void> {
    await this.client.setPresence({
      presence: this.shown ? SetPresence.Online : SetPresence.Offline,
      status_msg: text,
    });
  }

  async status(): Promise<string> {
    return (await fetchPresence(this.client, this.client.getSafeUserId()))?.status ?? "";
  }
}
