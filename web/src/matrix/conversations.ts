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
import { bodyOf, personOf, statusOf } from "./events.ts";
import { isMuted } from "./push.ts";
import type { Conversation, Membership, Preview } from "./types.ts";

export class Conversations {
  readonly list = new Observable<readonly Conversation[]>([]);
  private readonly byId = new Map<string, Conversation>();
  private readonly changed = new Set<string>();
  private readonly typing = new Map<string, readonly string[]>();
  private directRooms = new Map<string, string>();
  private scheduled = false;
  private ready = false;

  constructor(private readonly client: MatrixClient) {
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
    client.on(RoomEvent.LocalEchoUpdated, touchOf);
    client.on(RoomEvent.Tags, touchOf);
    client.on(RoomEvent.Receipt, touchOf);
    client.on(RoomStateEvent.Members, (_event, state) => this.touch(state.roomId));
    client.on(RoomStateEvent.Events, (_event, state) => this.touch(state.roomId));
    client.on(MatrixEventEvent.Replaced, (event) => this.touch(event.getRoomId() ?? ""));
    client.on(RoomMemberEvent.Typing, (event, member) => this.onTyping(event, member.roomId));
    client.on(ClientEvent.AccountData, (event) => this.onAccountData(event));
  }

  /** Called once the first batch of rooms has arrived; before that the list would flicker. */
  start(): void {
    this.ready = true;
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

  touch(roomId: string): void {
    this.changed.add(roomId);
    if (!this.ready || this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => this.flush(), 0);
  }

  touchAll(): void {
    for (const room of this.client.getRooms()) this.touch(room.roomId);
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
    if (different) this.list.set([...this.byId.values()].sort(byActivity));
  }

  private summarise(roomId: string): Conversation | undefined {
    const room = this.client.getRoom(roomId);
    if (room === null || room.isSpaceRoom()) return undefined;
    const membership = room.getMyMembership() as Membership;
    if (membership !== "join" && membership !== "invite" && membership !== "knock") return undefined;
    if (this.isReplaced(room)) return undefined;
    const peer = this.directRooms.get(roomId) ?? (membership === "invite" ? room.getDMInviter() : undefined);
    const preview = previewOf(room);
    const inviter = membership === "invite" ? inviterOf(room) : undefined;
    return {
      id: roomId,
      name: room.name,
      avatar: avatarOf(room, peer),
      colourId: peer ?? roomId,
      membership,
      direct: peer !== undefined,
      peer,
      inviter: inviter === undefined ? undefined : personOf(room, inviter),
      preview,
      activity: preview?.timestamp ?? Math.max(0, room.getLastActiveTimestamp()),
      unread: room.getUnreadNotificationCount(NotificationCountType.Total),
      highlights: room.getUnreadNotificationCount(NotificationCountType.Highlight),
      muted: isMuted(this.client, roomId),
      pinned: "m.favourite" in room.tags,
      typing: (this.typing.get(roomId) ?? []).map((userId) => personOf(room, userId).name),
    };
  }

  /** An upgraded room gives way to its successor once one has joined that. */
  private isReplaced(room: Room): boolean {
    const tombstone = room.currentState.getStateEvents("m.room.tombstone", "");
    const successor: unknown = tombstone?.getContent().replacement_room;
    return typeof successor === "string" && this.client.getRoom(successor)?.getMyMembership() === "join";
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

function byActivity(a: Conversation, b: Conversation): number {
  return b.activity - a.activity || a.id.localeCompare(b.id);
}

function inviterOf(room: Room): string | undefined {
  return room.getMember(room.myUserId)?.events.member?.getSender();
}

function avatarOf(room: Room, peer: string | undefined): string | undefined {
  const own = room.getMxcAvatarUrl();
  if (own !== null || peer === undefined) return own ?? undefined;
  return room.getMember(peer)?.getMxcAvatarUrl() ?? room.getAvatarFallbackMember()?.getMxcAvatarUrl();
}

/** The last thing said; where nothing was, the last thing that happened. */
function previewOf(room: Room): Preview | undefined {
  const events = [...room.getLiveTimeline().getEvents(), ...room.getPendingEvents()];
  let fallback: Preview | undefined;
  for (let index = events.length - 1; index >= 0; index--) {
    const event = events[index];
    const body = event && bodyOf(event, room);
    if (event === undefined || body === undefined) continue;
    const sender = personOf(room, event.getSender() ?? "");
    const preview = {
      sender,
      own: sender.id === room.myUserId,
      body,
      timestamp: event.getTs(),
      status: statusOf(event),
    };
    if (body.kind !== "change") return preview;
    fallback ??= preview;
  }
  return fallback;
}
