/**
 * Asks the server for the list of rooms in windows, the most active first (simplified sliding sync, MSC4186): a room is
 * one summary there, and stays one until somebody opens it or something happens in it.
 */
import { type IEvent, type IJoinedRoom, type MatrixClient, Method } from "matrix-js-sdk/lib/matrix.js";

type RawEvent = Partial<IEvent>;

/** Somebody in a room, as its member event says. */
export interface Hero {
  id: string;
  name?: string;
  avatar?: string;
}

/** What is known of a room that has not been loaded. Never changed, only replaced. */
export interface RoomSummary {
  id: string;
  membership: "join" | "invite" | "knock";
  name?: string;
  alias?: string;
  avatar?: string;
  /** The members that a room without a name is called after. */
  heroes: readonly Hero[];
  joined: number;
  invited: number;
  /** The newest event. */
  event?: RawEvent;
  /** Who has sent it. */
  sender?: Hero;
  /** The event that invited, or asked to be let in. */
  own?: RawEvent;
  inviter?: Hero;
  unread: number;
  highlights: number;
  encrypted?: true;
  /** The room that has taken its place. */
  successor?: string;
  pinned?: true;
  archived?: true;
  /** The folders that this account has put it into. */
  labels?: readonly string[];
  markedUnread?: true;
}

/** The tag of what was put away. */
export const ARCHIVED = "m.lowpriority";
/** Tags that people make themselves begin with this (spec: "Room tagging"). */
export const LABEL = "u.";

const UNSTABLE = { prefix: "/_matrix/client/unstable/org.matrix.simplified_msc3575" };
const STATE = ["m.room.encryption", "m.room.tombstone", "m.room.canonical_alias"];
/** What a room is remembered by, rather than by reactions and changes. */
const SAID = ["m.room.message", "m.room.encrypted", "m.sticker"];
/** Rooms that are fetched whether they are among the first or not, because they are shown first. */
const PINNED = 50;
/** Spaces that are found. */
const SPACES = 200;

interface Answer {
  pos: string;
  lists: { all: { count: number } };
  rooms?: Record<string, RawRoom>;
  extensions?: { account_data?: { rooms?: Record<string, readonly RawEvent[]> } };
}

interface RawRoom {
  name?: string | null;
  avatar?: string | null;
  heroes?: readonly { user_id: string; displayname?: string; avatar_url?: string }[];
  joined_count?: number;
  invited_count?: number;
  notification_count?: number;
  highlight_count?: number;
  required_state?: readonly RawEvent[];
  invite_state?: readonly RawEvent[];
  timeline?: readonly RawEvent[];
  initial?: boolean;
}

export class RoomList {
  readonly summaries = new Map<string, RoomSummary>();
  /** Spaces are no conversations: they have to be loaded, for they say what is in them. */
  readonly spaces = new Set<string>();
  /** The rooms of the account; known after the first window. */
  total = 0;
  private size = 0;
  private pos: string | undefined;
  private readonly connection = `rooms-${Date.now().toString(36)}`;

  constructor(private readonly client: MatrixClient) {}

  get complete(): boolean {
    return this.pos !== undefined && this.size >= this.total;
  }

  /** Fetches the first `size` rooms, as far as they are not here or have changed. */
  async grow(size: number): Promise<void> {
    const list = {
      timeline_limit: 1,
      required_state: [...STATE.map((type) => [type, ""]), ["m.room.member", "$LAZY"]],
    };
    const body = {
      conn_id: this.connection,
      lists: {
        all: { ...list, ranges: [[0, size - 1]], filters: { not_room_types: ["m.space"] } },
        pinned: { ...list, ranges: [[0, PINNED - 1]], filters: { tags: ["m.favourite"], not_room_types: ["m.space"] } },
        spaces: {
          timeline_limit: 0,
          required_state: [["m.room.create", ""]],
          ranges: [[0, SPACES - 1]],
          filters: { room_types: ["m.space"] },
        },
      },
      extensions: { account_data: { enabled: true, lists: ["all", "pinned"], rooms: [] } },
    };
    const query = { timeout: 0, ...(this.pos === undefined ? {} : { pos: this.pos }) };
    const answer = await this.client.http.authedRequest<Answer>(Method.Post, "/sync", query, body, UNSTABLE);
    this.pos = answer.pos;
    this.size = size;
    this.total = answer.lists.all.count;
    const me = this.client.getSafeUserId();
    const data = answer.extensions?.account_data?.rooms ?? {};
    for (const [id, room] of Object.entries(answer.rooms ?? {})) {
      if (this.spaces.has(id) || isSpace(room.invite_state ?? room.required_state)) {
        this.spaces.add(id);
        continue;
      }
      const before = room.initial === true ? undefined : this.summaries.get(id);
      this.summaries.set(id, { ...summarise(id, room, me, before), ...marksOf(data[id]) });
    }
    for (const [id, events] of Object.entries(data)) {
      const known = this.summaries.get(id);
      if (known !== undefined && answer.rooms?.[id] === undefined)
        this.summaries.set(id, { ...known, ...marksOf(events) });
    }
  }
}

export function stateOf(room: IJoinedRoom): readonly RawEvent[] {
  return (room["org.matrix.msc4222.state_after"] ?? room.state)?.events ?? [];
}

/** The summary of a room that was loaded, as the SDK's store has it. */
export function summaryOfJoined(id: string, room: IJoinedRoom, me: string): RoomSummary {
  const state = stateOf(room);
  const text = (type: string, key: string) => textOf(state, type, key);
  const { events } = room.timeline;
  const threads = Object.values(room.unread_thread_notifications ?? {});
  const count = (kind: "notification_count" | "highlight_count") =>
    [room.unread_notifications, ...threads].reduce((sum, counts) => sum + (counts?.[kind] ?? 0), 0);
  const name = text("m.room.name", "name");
  const raw: RawRoom = {
    name,
    avatar: text("m.room.avatar", "url"),
    heroes: (name === undefined ? (room.summary?.["m.heroes"] ?? []) : []).map((userId) => ({
      ...contentOf(state, "m.room.member", userId),
      user_id: userId,
    })),
    joined_count: room.summary?.["m.joined_member_count"],
    invited_count: room.summary?.["m.invited_member_count"],
    notification_count: count("notification_count"),
    highlight_count: count("highlight_count"),
    required_state: state,
    timeline: [events.findLast(({ type }) => SAID.includes(type)) ?? events.at(-1) ?? []].flat(),
  };
  return { ...summarise(id, raw, me, undefined), ...marksOf(room.account_data?.events) };
}

function summarise(id: string, room: RawRoom, me: string, before: RoomSummary | undefined): RoomSummary {
  const { invite_state: stripped, required_state: state = [], timeline = [] } = room;
  if (stripped !== undefined) return stranger(id, stripped, me);
  const content = (type: string) => contentOf(state, type, "");
  const event = timeline.at(-1) ?? before?.event;
  const sender = event?.sender;
  const successor = content("m.room.tombstone")?.replacement_room;
  const alias = content("m.room.canonical_alias")?.alias;
  return {
    ...before,
    id,
    membership: "join",
    ...(room.name === undefined ? {} : { name: room.name ?? undefined }),
    ...(room.avatar === undefined ? {} : { avatar: room.avatar ?? undefined }),
    ...(typeof alias === "string" ? { alias } : {}),
    heroes:
      room.heroes?.map(({ user_id, displayname, avatar_url }) => hero(user_id, { displayname, avatar_url })) ??
      before?.heroes ??
      [],
    joined: room.joined_count ?? before?.joined ?? 0,
    invited: room.invited_count ?? before?.invited ?? 0,
    event,
    sender:
      sender === undefined
        ? undefined
        : sender === before?.sender?.id && contentOf(state, "m.room.member", sender) === undefined
          ? before.sender
          : hero(sender, contentOf(state, "m.room.member", sender)),
    unread: room.notification_count ?? before?.unread ?? 0,
    highlights: room.highlight_count ?? before?.highlights ?? 0,
    ...(content("m.room.encryption") === undefined ? {} : { encrypted: true }),
    ...(typeof successor === "string" ? { successor } : {}),
  };
}

/** Whether the state of a room says that it is a space. */
export function isSpace(state: readonly RawEvent[] = []): boolean {
  return contentOf(state, "m.room.create", "")?.type === "m.space";
}

/** The names of the folders among the tags of a room. */
export function labelsIn(tags: object): readonly string[] | undefined {
  const names = Object.keys(tags).filter((tag) => tag.startsWith(LABEL) && tag.length > LABEL.length);
  return names.length === 0 ? undefined : names.map((tag) => tag.slice(LABEL.length)).sort();
}

/** A room that one is invited to, or asks to be let into. */
function stranger(id: string, state: readonly RawEvent[], me: string): RoomSummary {
  const own = state.find(({ type, state_key }) => type === "m.room.member" && state_key === me);
  const text = (type: string, key: string) => textOf(state, type, key);
  const inviter = own?.sender === undefined || own.sender === me ? undefined : own.sender;
  const invitedBy = inviter === undefined ? undefined : hero(inviter, contentOf(state, "m.room.member", inviter));
  return {
    id,
    membership: own?.content?.membership === "knock" ? "knock" : "invite",
    name: text("m.room.name", "name"),
    alias: text("m.room.canonical_alias", "alias"),
    avatar: text("m.room.avatar", "url"),
    heroes: invitedBy === undefined ? [] : [invitedBy],
    joined: 1,
    invited: 1,
    own,
    inviter: invitedBy,
    unread: 0,
    highlights: 0,
    ...(contentOf(state, "m.room.encryption", "") === undefined ? {} : { encrypted: true }),
  };
}

/** What the account has noted with a room, as far as the list shows it. */
function marksOf(
  events: readonly RawEvent[] | undefined,
): Pick<RoomSummary, "pinned" | "archived" | "labels" | "markedUnread"> {
  const content = (type: string) => events?.find((event) => event.type === type)?.content;
  const tags = content("m.tag")?.tags as object | undefined;
  const marked = content("m.marked_unread") ?? content("com.famedly.marked_unread");
  return {
    ...(tags === undefined
      ? {}
      : {
          pinned: "m.favourite" in tags || undefined,
          archived: ARCHIVED in tags || undefined,
          labels: labelsIn(tags),
        }),
    ...(marked === undefined ? {} : { markedUnread: marked.unread === true || undefined }),
  };
}

function contentOf(events: readonly RawEvent[], type: string, key: string): Record<string, unknown> | undefined {
  return events.find((event) => event.type === type && event.state_key === key)?.content;
}

function textOf(events: readonly RawEvent[], type: string, key: string): string | undefined {
  const value = contentOf(events, type, "")?.[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function hero(id: string, content: Record<string, unknown> = {}): Hero {
  const { displayname, avatar_url } = content;
  return {
    id,
    ...(typeof displayname === "string" ? { name: displayname } : {}),
    ...(typeof avatar_url === "string" && avatar_url !== "" ? { avatar: avatar_url } : {}),
  };
}
