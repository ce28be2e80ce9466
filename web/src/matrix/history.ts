/** Looking things up in the whole history of a room: by kind, by date, by mention. */
import { Direction, Filter, type MatrixClient, type MatrixEvent, Method, type Room } from "matrix-js-sdk/lib/matrix.js";
import { isPollStart, POLL_START } from "../lib/polls.ts";
import { firstLink } from "../lib/richtext.ts";
import { summaryOf } from "./lookup.ts";
import type { FoundPage, MessageSummary, SharedKind } from "./types.ts";

const REQUEST = 60;
/** Items that make a page, and the requests that may be made for one: what is looked for may be rare. */
const PAGE = 24;
const MAX_REQUESTS = 6;

export class History {
  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
  ) {}

  /** Messages of a kind, newest first; `from` is the `next` of the page before. */
  async shared(kind: SharedKind, from?: string): Promise<FoundPage> {
    const found: MessageSummary[] = [];
    let next: string | undefined = from;
    for (let request = 0; request < MAX_REQUESTS && found.length < PAGE; request++) {
      const answer = await this.client.createMessagesRequest(
        this.room.roomId,
        next ?? null,
        REQUEST,
        Direction.Backward,
        this.filterFor(kind),
      );
      const mapper = this.client.getEventMapper({ preventReEmit: true });
      const events = answer.chunk.map(mapper);
      await Promise.all(events.map((event) => this.client.decryptEventIfNeeded(event).catch(() => undefined)));
      found.push(
        ...events.filter((event) => isOfKind(event, kind)).flatMap((event) => summaryOf(event, this.room) ?? []),
      );
      next = answer.end;
      if (next === undefined || answer.chunk.length === 0) return { messages: found, next: undefined };
    }
    return { messages: found, next };
  }

  /** The first event at or after a moment. */
  async at(timestamp: number): Promise<string> {
    try {
      return (await this.client.timestampToEvent(this.room.roomId, timestamp, Direction.Forward)).event_id;
    } catch {
      // After the last message there is none: then the last one it is.
      return (await this.client.timestampToEvent(this.room.roomId, timestamp, Direction.Backward)).event_id;
    }
  }

  /** The oldest message that mentions one and was not read. */
  async nextMention(): Promise<string | undefined> {
    const query = { only: "highlight", limit: "100" };
    const { notifications } = await this.client.http.authedRequest<{
      notifications: { room_id: string; read: boolean; event: { event_id: string; origin_server_ts: number } }[];
    }>(Method.Get, "/notifications", query);
    return notifications
      .filter(({ room_id, read }) => room_id === this.room.roomId && !read)
      .sort((a, b) => a.event.origin_server_ts - b.event.origin_server_ts)[0]?.event.event_id;
  }

  /** The server knows the kinds of what it can read. */
  private filterFor(kind: SharedKind): Filter {
    const filter = new Filter(this.client.getSafeUserId());
    const timeline = this.room.hasEncryptionStateEvent()
      ? {}
      : {
          types: kind === "polls" ? [...POLL_START] : ["m.room.message"],
          ...(kind === "media" || kind === "files" ? { contains_url: true } : {}),
        };
    filter.setDefinition({ room: { timeline: { ...timeline, lazy_load_members: true } as never } });
    return filter;
  }
}

function isOfKind(event: MatrixEvent, kind: SharedKind): boolean {
  if (event.isRedacted()) return false;
  const { msgtype, body } = event.getContent();
  switch (kind) {
    case "media":
      return msgtype === "m.image" || msgtype === "m.video";
    case "files":
      return msgtype === "m.file" || msgtype === "m.audio";
    case "links":
      return (
        typeof body === "string" && /^m\.(?:text|notice|emote)$/.test(msgtype ?? "") && firstLink(body) !== undefined
      );
    case "polls":
      return isPollStart(event.getType());
  }
}
