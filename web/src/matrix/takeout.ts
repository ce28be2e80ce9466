/** What the server keeps about an account, as one file for the person whose it is. */
import { type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";

interface SyncAnswer {
  account_data?: { events?: unknown[] };
  rooms?: Record<string, Record<string, RoomAnswer>>;
}

interface RoomAnswer {
  account_data?: { events?: unknown[] };
  state?: { events?: StateEvent[] };
  invite_state?: { events?: StateEvent[] };
}

interface StateEvent {
  type: string;
  state_key?: string;
  content: Record<string, unknown>;
}

/** The state that says what a room is. */
const STATE = ["m.room.name", "m.room.topic", "m.room.canonical_alias", "m.room.create", "m.room.encryption"];

/** Messages are not in it: they belong to their conversations. */
export async function takeOut(client: MatrixClient): Promise<File> {
  const me = client.getSafeUserId();
  const get = <T>(path: string, query?: Record<string, string>, prefix?: string) =>
    client.http.authedRequest<T>(Method.Get, path, query, undefined, prefix === undefined ? {} : { prefix });
  // What one server does not have is left out.
  const optional = <T>(path: string) => get<T>(path).catch(() => undefined);
  const none = { types: [] as string[] };
  const filter = JSON.stringify({
    presence: none,
    room: { include_leave: true, timeline: { limit: 0, types: [] }, ephemeral: none, state: { types: STATE } },
  });
  const [sync, profile, devices, pushers, pushRules, contacts] = await Promise.all([
    get<SyncAnswer>("/sync", { filter, timeout: "0" }),
    optional<object>(`/profile/${encodeURIComponent(me)}`),
    optional<{ devices?: unknown[] }>("/devices"),
    optional<{ pushers?: { data?: object }[] }>("/pushers"),
    optional<object>("/pushrules/"),
    optional<{ threepids?: unknown[] }>("/account/3pid"),
  ]);
  const content = {
    about: "What this server keeps about an account. Messages are not part of it.",
    exported_at: new Date().toISOString(),
    user_id: me,
    homeserver: client.baseUrl,
    profile,
    addresses: contacts?.threepids ?? [],
    devices: devices?.devices ?? [],
    pushers: (pushers?.pushers ?? []).map(({ data: _, ...pusher }) => pusher),
    push_rules: pushRules,
    account_data: sync.account_data?.events ?? [],
    rooms: roomsOf(sync),
  };
  const day = content.exported_at.slice(0, 10);
  return new File([JSON.stringify(content, undefined, 2)], `im2-account-${day}.json`, { type: "application/json" });
}

export function roomsOf({ rooms = {} }: SyncAnswer): object[] {
  return Object.entries(rooms).flatMap(([membership, byId]) =>
    Object.entries(byId).map(([roomId, room]) => ({
      room_id: roomId,
      membership,
      state: (room.state ?? room.invite_state)?.events?.map(({ type, content }) => ({ type, content })) ?? [],
      account_data: room.account_data?.events ?? [],
    })),
  );
}
