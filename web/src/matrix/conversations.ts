/** The list of conversations: one summary per room, recomputed only for rooms that changed. */
import {
  ClientEvent,
  EventType,
  type MatrixClient,
  type MatrixEvent,
  MatrixEventEvent,
  NotificationCountType,
  type Room,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { deepEqual } from "../lib/equal.ts";
import { Observable } from "../lib/observable.ts";
import { callMembers, peopleIn } from "./calls/members.ts";
import { wantDecrypted } from "./crypto/gate.ts";
import { bodyOf, noteIn, personOf } from "./events.ts";
import { isMessage, localEvent, sendStatusOf } from "./outbox/local.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { isMuted } from "./push.ts";
import { Removals, wasRemoved } from "./removals.ts";
import { ARCHIVED, labelsIn, type RoomSummary } from "./rooms/list.ts";
import type { Rooms } from "./rooms/rooms.ts";
import { conversationOf, namesOf } from "./rooms/summary.ts";
import type { Conversation, Membership, Preview } from "./types.ts";

export class Conversations {
  readonly list = new Observable<readonly Conversation[]>([]);
  private readonly byId = new Map<string, Conversation>();
  private readonly changed = new Set<string>();
  private readonly typing = new Map<string, readonly string[]>();
  private directRooms = new Map<string, string>();
  private readonly removals: Removals;
  private scheduled = false;
  private ready = false;

  constructor(
    private readonly client: MatrixClient,
    private readonly outbox: Outbox,
    private readonly rooms: Rooms,
    /** What a room without a name is called. */
    private readonly nameless: (names: readonly string[], others: number) => string,
    /** The name that this account has given somebody. */
    private readonly remarkOf: (userId: string) => string | undefined = () => undefined,
  ) {
    this.removals = new Removals(client.getSafeUserId());
    rooms.onChange((roomIds) => {
      for (const roomId of roomIds) this.touch(roomId);
    });
    const touchRoom = (room: Room | undefined) => room !== undefined && this.touch(room.roomId);
    const touchOf = (_: unknown, room: Room | undefined) => touchRoom(room);
    client.on(ClientEvent.Room, (room) => {
      room.on(RoomEvent.UnreadNotifications, () => this.touch(room.roomId));
      this.touch(room.roomId);
    });
    client.on(ClientEvent.DeleteRoom, (roomId) => this.touch(roomId));
    client.on(RoomEvent.Name, touchRoom);
    client.on(RoomEvent.MyMembership, touchRoom);
    client.on(RoomEvent.Timeline, touchOf);
    client.on(RoomEvent.TimelineReset, touchRoom);
    client.on(RoomEvent.Redaction, touchOf);
    outbox.onChange((roomId) => this.touch(roomId));
    client.on(RoomEvent.Tags, touchOf);
    client.on(RoomEvent.AccountData, touchOf);
    client.on(RoomEvent.Receipt, touchOf);
    client.on(RoomStateEvent.Members, (_event, state) => this.touch(state.roomId));
    client.on(RoomStateEvent.Events, (_event, state) => this.touch(state.roomId));
    client.on(MatrixEventEvent.Replaced, (event) => this.touch(event.getRoomId() ?? ""));
    client.on(MatrixEventEvent.Decrypted, (event) => this.touch(event.getRoomId() ?? ""));
    client.on(RoomMemberEvent.Typing, (event, member) => this.onTyping(event, member.roomId));
    client.on(ClientEvent.AccountData, (event) => this.onAccountData(event));
  }

  /** Shows rows as they were last time, until the rooms are here. */
  showStored(rows: readonly Conversation[]): void {
    if (this.ready) return;
    this.list.set(rows.map((row) => ({ ...row, ...namesOf(row.name, row.peer && this.remarkOf(row.peer)) })));
  }

  /** Called once the first batch of rooms has arrived; before that the list would flicker. */
  start(): void {
    this.ready = true;
    void this.loadLeft(this.removals.all);
    this.readDirectRooms();
    this.touchAll();
    this.flush();
  }

  get(roomId: string): Conversation | undefined {
    return this.byId.get(roomId);
  }

  /** The direct chat with somebody, newest first where there are several. */
  directWith(userId: string): Conversation | undefined {
    return this.list
      .get()
      .find((room) => room.peer === userId && (room.membership === "join" || room.membership === "invite"));
  }

  /** The summary of any room that is known here, in the list or not: an upgraded one, or one that was left. */
  describe(roomId: string): Conversation | undefined {
    const room = this.client.getRoom(roomId);
    const known = this.byId.get(roomId);
    if (known !== undefined || room?.isSpaceRoom() === true) return known;
    if (room !== null) return this.summaryOf(room);
    const summary = this.rooms.summary(roomId);
    return summary && this.ofSummary(summary);
  }

  touch(roomId: string): void {
    this.changed.add(roomId);
    if (!this.ready || this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => this.flush(), 0);
  }

  touchAll(): void {
    for (const roomId of this.rooms.ids) this.touch(roomId);
    for (const room of this.client.getRooms()) this.touch(room.roomId);
  }

  /** Fetches rooms that one is no longer in: a sync leaves them out. */
  async loadLeft(roomIds: readonly string[]): Promise<void> {
    await this.rooms.tryToLoad(roomIds).catch(() => undefined);
  }

  private flush(): void {
    this.scheduled = false;
    let different = false;
    for (const roomId of this.changed) {
      const before = this.byId.get(roomId);
      const after = this.summarise(roomId);
      if (deepEqual(before, after)) continue;
      different = true;
      if (after === undefined) this.byId.delete(roomId);
      else this.byId.set(roomId, after);
    }
    this.changed.clear();
    if (different || this.list.get().length !== this.byId.size) this.list.set([...this.byId.values()].sort(byActivity));
  }

  private summarise(roomId: string): Conversation | undefined {
    const room = this.client.getRoom(roomId);
    if (room === null) {
      const summary = this.rooms.summary(roomId);
      const replaced = summary?.successor !== undefined && this.rooms.isJoined(summary.successor);
      return summary === undefined || replaced ? undefined : this.ofSummary(summary);
    }
    const membership = room.getMyMembership() as Membership;
    // Of spaces the list has only what waits for an answer.
    if (room.isSpaceRoom() && membership !== "invite") return undefined;
    const removed = wasRemoved(room);
    this.removals.set(roomId, removed);
    if (membership !== "join" && membership !== "invite" && membership !== "knock" && !removed) return undefined;
    if (this.isReplaced(room)) return undefined;
    return this.summaryOf(room);
  }

  private summaryOf(room: Room): Conversation {
    const { roomId } = room;
    const membership = room.getMyMembership() as Membership;
    const peer = this.directRooms.get(roomId) ?? (membership === "invite" ? room.getDMInviter() : undefined);
    const preview = newest(outgoingOf(room, this.outbox), previewOf(this.client, room, peer !== undefined));
    const inviter = membership === "invite" ? inviterOf(room) : undefined;
    const labels = labelsIn(room.tags);
    const inCall = membership === "join" ? peopleIn(callMembers(room)) : 0;
    return {
      id: roomId,
      ...namesOf(room.name, peer === undefined ? undefined : this.remarkOf(peer)),
      avatar: avatarOf(room, peer),
      colourId: peer ?? roomId,
      membership,
      direct: peer !== undefined,
      peer,
      peerMembership: peer === undefined ? undefined : (room.getMember(peer)?.membership as Membership | undefined),
      note: membership === "invite" ? noteOf(room) : undefined,
      inviter: inviter === undefined ? undefined : personOf(room, inviter),
      preview,
      activity: preview?.timestamp ?? Math.max(0, room.getLastActiveTimestamp()),
      unread: room.getUnreadNotificationCount(NotificationCountType.Total),
      highlights: room.getUnreadNotificationCount(NotificationCountType.Highlight),
      encrypted: room.hasEncryptionStateEvent(),
      muted: isMuted(this.client, roomId),
      pinned: "m.favourite" in room.tags,
      ...(ARCHIVED in room.tags ? { archived: true as const } : {}),
      ...(labels === undefined ? {} : { labels }),
      ...(room.isSpaceRoom() ? { space: true as const } : {}),
      ...(inCall > 0 ? { inCall } : {}),
      ...(isMarkedUnread(room) ? { markedUnread: true as const } : {}),
      typing: (this.typing.get(roomId) ?? []).map((userId) => personOf(room, userId).name),
    };
  }

  private ofSummary(summary: RoomSummary): Conversation {
    return conversationOf(summary, {
      me: this.client.getSafeUserId(),
      peer: this.directRooms.get(summary.id),
      remarkOf: this.remarkOf,
      nameless: this.nameless,
      muted: isMuted(this.client, summary.id),
    });
  }

  /** An upgraded room gives way to its successor once one has joined that. */
  private isReplaced(room: Room): boolean {
    const tombstone = room.currentState.getStateEvents("m.room.tombstone", "");
    const successor: unknown = tombstone?.getContent().replacement_room;
    return typeof successor === "string" && this.rooms.isJoined(successor);
  }

  private onTyping(event: MatrixEvent, roomId: string): void {
    const users: unknown = event.getContent().user_ids;
    const others = (Array.isArray(users) ? users : []).filter(
      (id): id is string => typeof id === "string" && id !== this.client.getUserId(),
    );
    if (others.length === 0) this.typing.delete(roomId);
    else this.typing.set(roomId, others);
    this.touch(roomId);
  }

  private onAccountData(event: MatrixEvent): void {
    if (event.getType() === "m.direct") this.readDirectRooms();
    if (event.getType() === "m.direct" || event.getType() === "m.push_rules") this.touchAll();
  }

  private readDirectRooms(): void {
    const content = (this.client.getAccountData(EventType.Direct)?.getContent() ?? {}) as Record<string, unknown>;
    this.directRooms = new Map(
      Object.entries(content).flatMap(([userId, rooms]) =>
        Array.isArray(rooms) ? rooms.map((roomId): [string, string] => [String(roomId), userId]) : [],
      ),
    );
  }
}

function isMarkedUnread(room: Room): boolean {
  const unread = (type: string) => room.getAccountData(type)?.getContent().unread;
  return (unread("m.marked_unread") ?? unread("com.famedly.marked_unread")) === true;
}

function byActivity(a: Conversation, b: Conversation): number {
  return b.activity - a.activity || a.id.localeCompare(b.id);
}

function inviterOf(room: Room): string | undefined {
  return room.getMember(room.myUserId)?.events.member?.getSender();
}

function noteOf(room: Room): string | undefined {
  return noteIn(room.getMember(room.myUserId)?.events.member?.getContent() ?? {});
}

function avatarOf(room: Room, peer: string | undefined): string | undefined {
  const own = room.getMxcAvatarUrl();
  if (own !== null || peer === undefined) return own ?? undefined;
  return room.getMember(peer)?.getMxcAvatarUrl() ?? room.getAvatarFallbackMember()?.getMxcAvatarUrl();
}

/** The last thing that one has said here and that has not come back yet. */
function outgoingOf(room: Room, outbox: Outbox): Preview | undefined {
  const item = outbox.room(room.roomId).get().findLast(isMessage);
  const event = item && localEvent(item, room.myUserId);
  const body = event && bodyOf(event, room);
  if (item === undefined || event === undefined || body === undefined) return undefined;
  const sender = personOf(room, room.myUserId);
  return { sender, own: true, body, timestamp: event.getTs(), status: sendStatusOf(item) };
}

/** What is on its way is the newest; what was refused stays where it was. */
function newest(outgoing: Preview | undefined, preview: Preview | undefined): Preview | undefined {
  if (outgoing === undefined || preview === undefined) return outgoing ?? preview;
  return outgoing.status === "failed" && outgoing.timestamp < preview.timestamp ? preview : outgoing;
}

/** The last thing said; where nothing was, the last thing that happened, or the words that a direct chat began with. */
function previewOf(client: MatrixClient, room: Room, direct: boolean): Preview | undefined {
  const reply = room.getLastThread()?.replyToEvent;
  const events = [...room.getLiveTimeline().getEvents()];
  // The last thing said may have been said in a thread.
  const last = events.findLast((event) => bodyOf(event, room)?.kind !== "change");
  if (reply && last !== undefined && reply.getTs() > last.getTs()) events.push(reply);
  let fallback: Preview | undefined;
  for (let index = events.length - 1; index >= 0; index--) {
    const event = events[index];
    if (event !== undefined) wantDecrypted(client, event);
    const body = event && bodyOf(event, room);
    if (event === undefined || body === undefined) continue;
    const sender = personOf(room, event.getSender() ?? "");
    const preview: Preview = {
      sender,
      own: sender.id === room.myUserId,
      body,
      timestamp: event.getTs(),
      status: "sent",
    };
    if (body.kind !== "change") return preview;
    const begins =
      fallback === undefined || (fallback.body.kind === "change" && fallback.body.change.what === "joined");
    if (direct && begins && body.change.what === "invited" && body.change.reason !== undefined) return preview;
    fallback ??= preview;
  }
  return fallback;
}
