/** What writing in a room needs of it: whom one may name, what commands do, drafts that follow the account, later sending. */
import { EventType, type MatrixClient, type Room } from "matrix-js-sdk/lib/matrix.js";
import { Observable } from "../lib/observable.ts";
import type { TextContent } from "./content.ts";
import type { Sealing } from "./crypto/sealing.ts";
import { type RemoteDraft, RoomDraft } from "./roomdraft.ts";

/** A message that the server sends at its time. */
export interface ScheduledMessage {
  id: string;
  text: string;
  /** Milliseconds since the epoch. */
  time: number;
}

const DELAYED = "org.matrix.msc4140";
const UNSTABLE = { prefix: `/_matrix/client/unstable/${DELAYED}` };

export class Composing {
  /** What waits on the server to be sent; absent until it has been asked for. */
  readonly scheduled = new Observable<readonly ScheduledMessage[] | undefined>(undefined);
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The account keeps one draft a room, that of its main timeline. */
  private readonly shared: RoomDraft | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    sealing: Sealing,
    /** Where it is a thread that is written in: its root. */
    private readonly threadId?: string,
  ) {
    if (threadId === undefined) this.shared = new RoomDraft(client, room, sealing);
  }

  get encrypted(): boolean {
    return this.room.hasEncryptionStateEvent();
  }

  mayMentionEveryone(): boolean {
    return this.room.currentState.mayTriggerNotifOfType("room", this.room.myUserId);
  }

  async invite(userId: string, reason?: string): Promise<void> {
    await this.client.invite(this.room.roomId, userId, reason);
  }

  async kick(userId: string, reason?: string): Promise<void> {
    await this.client.kick(this.room.roomId, userId, reason);
  }

  async ban(userId: string, reason?: string): Promise<void> {
    await this.client.ban(this.room.roomId, userId, reason);
  }

  async unban(userId: string): Promise<void> {
    await this.client.unban(this.room.roomId, userId);
  }

  /** One's name in this room alone. */
  async setOwnName(name: string): Promise<void> {
    const member = this.room.getMember(this.room.myUserId)?.events.member?.getContent() ?? {};
    const content = { ...member, membership: "join", displayname: name };
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomMember, content as never, this.room.myUserId);
  }

  /** The draft that another device of the account has left here. */
  draft(): RemoteDraft | undefined {
    return this.shared?.get();
  }

  /** Tells of drafts of other devices until the returned function is called. */
  watchDraft(changed: () => void): () => void {
    return this.shared?.watch(changed) ?? (() => undefined);
  }

  /** Keeps a draft for the other devices. */
  async keepDraft(draft: RemoteDraft): Promise<void> {
    await this.shared?.keep(draft);
  }

  /** Lets the server send a message after `delay` milliseconds, even if this device is off by then. */
  async sendLater(content: Record<string, unknown>, delay: number): Promise<void> {
    const path = `/rooms/${encodeURIComponent(this.room.roomId)}/send/m.room.message/${this.client.makeTxnId()}`;
    await this.client.http.authedRequest(
      "PUT" as never,
      path,
      { [`${DELAYED}.delay`]: Math.round(delay) } as never,
      this.threadId === undefined ? content : inThread(content, this.threadId),
    );
    await this.loadScheduled();
  }

  async cancelScheduled(id: string): Promise<void> {
    const path = `/delayed_events/${encodeURIComponent(id)}`;
    await this.client.http.authedRequest("POST" as never, path, undefined, { action: "cancel" }, UNSTABLE);
    await this.loadScheduled();
  }

  /** Asks what waits, and again when the next of it is due. */
  async loadScheduled(): Promise<void> {
    const answer = await this.client.http.authedRequest<{ delayed_events?: unknown }>(
      "GET" as never,
      "/delayed_events",
      { status: "scheduled" },
      undefined,
      UNSTABLE,
    );
    const found = (Array.isArray(answer.delayed_events) ? answer.delayed_events : []).flatMap((event) =>
      scheduledOf(event as Record<string, unknown>, this.room.roomId),
    );
    found.sort((a, b) => a.time - b.time);
    this.scheduled.set(found);
    clearTimeout(this.timer);
    const next = found[0];
    if (next === undefined) return;
    const wait = Math.min(Math.max(next.time - Date.now(), 0) + 1_000, 3_600_000);
    this.timer = setTimeout(() => void this.loadScheduled().catch(() => undefined), wait);
  }
}

function inThread(content: Record<string, unknown>, threadId: string): Record<string, unknown> {
  const relation = (content["m.relates_to"] ?? {}) as Record<string, unknown>;
  const fallback = relation["m.in_reply_to"] === undefined;
  return {
    ...content,
    "m.relates_to": {
      "m.in_reply_to": { event_id: threadId },
      ...relation,
      rel_type: "m.thread",
      event_id: threadId,
      is_falling_back: fallback,
    },
  };
}

function scheduledOf(event: Record<string, unknown>, roomId: string): ScheduledMessage[] {
  const content = (event.content ?? {}) as TextContent;
  const { delay_id: id, delay, running_since: since } = event;
  if (event.room_id !== roomId || event.type !== "m.room.message" || typeof id !== "string") return [];
  if (typeof delay !== "number" || typeof since !== "number" || typeof content.body !== "string") return [];
  return [{ id, text: content.body, time: since + delay }];
}
