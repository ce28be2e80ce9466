/** One joined room: its details, members, and what its administrators do. */
import {
  ClientEvent,
  EventType,
  type MatrixClient,
  ReceiptType,
  type Room,
  RoomEvent,
  type RoomMember,
  RoomMemberEvent,
  RoomStateEvent,
  type Thread,
} from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import { Composing } from "./composing.ts";
import { Administration } from "./administration.ts";
import type { Conversations } from "./conversations.ts";
import { ARCHIVED, LABEL } from "./rooms/list.ts";
import type { Sealing } from "./crypto/sealing.ts";
import type { Shields } from "./crypto/shields.ts";
import { personOf, personOfMember } from "./events.ts";
import { History } from "./history.ts";
import { Messages } from "./messages.ts";
import { paceOf } from "./pace.ts";
import { Pins } from "./pins.ts";
import { Polls } from "./polls.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { setMuted } from "./push.ts";
import { Sending } from "./sending.ts";
import { Threads } from "./threads.ts";
import { Timeline } from "./timeline.ts";
import type { Ending, Member, Membership, Person, RoleLabel, RoomDetails } from "./types.ts";

export class RoomHandle {
  readonly timeline: Timeline;
  readonly sending: Sending;
  readonly composing: Composing;
  readonly messages: Messages;
  readonly pins: Pins;
  readonly polls: Polls;
  readonly threads: Threads;
  readonly history: History;
  readonly administration: Administration;
  readonly details: Derived<RoomDetails>;
  readonly members: Derived<readonly Member[]>;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly conversations: Conversations,
    private readonly outbox: Outbox,
    private readonly shields: Shields,
    private readonly sealing: Sealing,
    thread?: Thread,
  ) {
    this.timeline = new Timeline(client, room, outbox, shields, thread);
    this.sending = new Sending(client, room, outbox, thread?.id);
    this.composing = new Composing(client, room, sealing, thread?.id);
    this.threads = new Threads(client, room);
    this.history = new History(client, room);
    this.administration = new Administration(client, room);
    this.messages = new Messages(client, room, this.sending);
    this.pins = new Pins(client, room);
    this.polls = new Polls(client, room, this.sending);
    this.details = new Derived(
      () => this.describe(),
      (changed) => this.attach(changed),
    );
    this.members = new Derived(
      () => this.listMembers(),
      (changed) => this.attach(changed),
    );
  }

  /** Somebody as this room knows them; nothing for strangers to it. */
  person(userId: string): Person | undefined {
    return this.room.getMember(userId) === null ? undefined : personOf(this.room, userId);
  }

  /** A thread of this room, to be read and written like a room. */
  async thread(rootId: string): Promise<RoomHandle> {
    const thread = await this.threads.open(rootId);
    return new RoomHandle(this.client, this.room, this.conversations, this.outbox, this.shields, this.sealing, thread);
  }

  /** With lazy loading the members are fetched when somebody wants to see them. */
  async loadMembers(): Promise<void> {
    await this.room.loadMembersIfNeeded();
    this.members.changed();
  }

  async setName(name: string): Promise<void> {
    await this.client.setRoomName(this.room.roomId, name);
  }

  async setTopic(topic: string): Promise<void> {
    await this.client.setRoomTopic(this.room.roomId, topic);
  }

  async setPicture(file: File): Promise<void> {
    const { content_uri: url } = await this.client.uploadContent(file, { type: file.type });
    await this.client.sendStateEvent(this.room.roomId, EventType.RoomAvatar, { url });
  }

  async invite(userId: string): Promise<void> {
    await this.client.invite(this.room.roomId, userId);
  }

  async remove(userId: string): Promise<void> {
    await this.client.kick(this.room.roomId, userId);
  }

  async leave(): Promise<void> {
    await this.client.leave(this.room.roomId);
  }

  /** Marks everything as read, also in threads, or marks the room as one to come back to. */
  async markUnread(unread: boolean): Promise<void> {
    const { client, room } = this;
    await client.setRoomAccountData(room.roomId, "m.marked_unread" as never, { unread } as never);
    if (unread) return;
    const reply = room.getLastThread()?.replyToEvent;
    const newest = [room.getLiveTimeline().getEvents().at(-1), reply ?? undefined]
      .filter((event) => event?.getId()?.startsWith("$"))
      .sort((a, b) => (a?.getTs() ?? 0) - (b?.getTs() ?? 0))
      .at(-1);
    const last = room.getLiveTimeline().getEvents().at(-1)?.getId();
    if (last?.startsWith("$")) await client.setRoomReadMarkers(room.roomId, last);
    if (newest !== undefined) await client.sendReadReceipt(newest, ReceiptType.Read, true);
  }

  /** Drops a room that one has left, here and for the account. */
  async forget(): Promise<void> {
    await this.client.forget(this.room.roomId);
  }

  /** Tells the administrators of the server about the room. */
  async report(reason: string): Promise<void> {
    const path = `/rooms/${encodeURIComponent(this.room.roomId)}/report`;
    await this.client.http.authedRequest("POST" as never, path, undefined, { reason: reason.trim() });
  }

  async setMuted(muted: boolean): Promise<void> {
    await setMuted(this.client, this.room.roomId, muted);
  }

  async setPinned(pinned: boolean): Promise<void> {
    if (pinned && ARCHIVED in this.room.tags) await this.setArchived(false);
    if (pinned) await this.client.setRoomTag(this.room.roomId, "m.favourite", { order: 0.5 });
    else await this.client.deleteRoomTag(this.room.roomId, "m.favourite");
  }

  /** Puts the room away, to the foot of the list, or takes it back. What is put away is kept on top no longer. */
  async setArchived(archived: boolean): Promise<void> {
    if (archived && "m.favourite" in this.room.tags) await this.setPinned(false);
    if (archived) await this.client.setRoomTag(this.room.roomId, ARCHIVED, { order: 0.5 });
    else await this.client.deleteRoomTag(this.room.roomId, ARCHIVED);
  }

  /** Puts the room into a folder of one's own, or takes it out. */
  async setLabel(name: string, on: boolean): Promise<void> {
    const tag = LABEL + name;
    if (on) await this.client.setRoomTag(this.room.roomId, tag, { order: 0.5 });
    else await this.client.deleteRoomTag(this.room.roomId, tag);
  }

  private attach(changed: () => void): () => void {
    const { client, room } = this;
    room.on(RoomEvent.Name, changed);
    room.on(RoomEvent.MyMembership, changed);
    room.on(RoomEvent.Tags, changed);
    room.on(RoomStateEvent.Events, changed);
    room.on(RoomStateEvent.Members, changed);
    client.on(RoomMemberEvent.PowerLevel, changed);
    client.on(ClientEvent.AccountData, changed);
    const stop = this.conversations.list.subscribe(changed);
    return () => {
      room.off(RoomEvent.Name, changed);
      room.off(RoomEvent.MyMembership, changed);
      room.off(RoomEvent.Tags, changed);
      room.off(RoomStateEvent.Events, changed);
      room.off(RoomStateEvent.Members, changed);
      client.off(RoomMemberEvent.PowerLevel, changed);
      client.off(ClientEvent.AccountData, changed);
      stop();
    };
  }

  private describe(): RoomDetails {
    const { room } = this;
    const state = room.currentState;
    const me = room.myUserId;
    const summary = this.conversations.get(room.roomId);
    const topic: unknown = state.getStateEvents(EventType.RoomTopic, "")?.getContent().topic;
    const name: unknown = state.getStateEvents(EventType.RoomName, "")?.getContent().name;
    const joined = room.getMyMembership() === "join";
    return {
      id: room.roomId,
      name: summary?.name ?? room.name,
      ownName: typeof name === "string" ? name : "",
      topic: typeof topic === "string" ? topic : "",
      avatar: summary?.avatar,
      colourId: summary?.colourId ?? room.roomId,
      alias: room.getCanonicalAlias() ?? undefined,
      direct: summary?.direct ?? false,
      peer: summary?.peer,
      public: room.getJoinRule() === "public",
      memberCount: room.getJoinedMemberCount(),
      muted: summary?.muted ?? false,
      pinned: summary?.pinned ?? false,
      ...successionOf(room),
      encrypted: room.hasEncryptionStateEvent(),
      pause: paceOf(room),
      ended: endingOf(room),
      can: {
        send: joined && state.maySendMessage(me),
        invite: joined && room.canInvite(me),
        pin: joined && state.maySendStateEvent("m.room.pinned_events", me),
        rename: joined && state.maySendStateEvent(EventType.RoomName, me),
        describe: joined && state.maySendStateEvent(EventType.RoomTopic, me),
        picture: joined && state.maySendStateEvent(EventType.RoomAvatar, me),
        remove: joined && state.hasSufficientPowerLevelFor("kick", powerOf(room.getMember(me))),
      },
    };
  }

  private listMembers(): readonly Member[] {
    const order: Record<RoleLabel, number> = { owner: 0, admin: 1, moderator: 2, member: 3 };
    return this.room
      .getMembers()
      .filter(({ membership }) => membership === "join" || membership === "invite")
      .map((member) => ({
        ...personOfMember(member),
        role: roleOf(member, this.room),
        membership: member.membership as Membership,
      }))
      .sort((a, b) => order[a.role] - order[b.role] || a.name.localeCompare(b.name));
  }
}

function successionOf(room: Room): Pick<RoomDetails, "successor" | "predecessor"> {
  const successor: unknown = room.currentState.getStateEvents("m.room.tombstone", "")?.getContent().replacement_room;
  const before: unknown = room.currentState.getStateEvents("m.room.create", "")?.getContent().predecessor;
  const { room_id: roomId, event_id: eventId } = (before ?? {}) as Record<string, unknown>;
  return {
    successor: typeof successor === "string" && successor.startsWith("!") ? successor : undefined,
    predecessor:
      typeof roomId === "string" && roomId.startsWith("!")
        ? { roomId, eventId: typeof eventId === "string" ? eventId : undefined }
        : undefined,
  };
}

function endingOf(room: Room): Ending | undefined {
  const membership = room.getMyMembership();
  if (membership !== "leave" && membership !== "ban") return undefined;
  const event = room.getMember(room.myUserId)?.events.member;
  const by = event?.getSender();
  const reason: unknown = event?.getContent().reason;
  const own = by === undefined || by === room.myUserId;
  return {
    how: membership === "ban" ? "banned" : own ? "left" : "removed",
    by: own ? undefined : personOf(room, by),
    reason: typeof reason === "string" && reason.trim() !== "" ? reason.trim() : undefined,
  };
}

function powerOf(member: RoomMember | null): number {
  return member?.powerLevel ?? 0;
}

function roleOf(member: RoomMember, room: Room): RoleLabel {
  const power = powerOf(member);
  if (power > 100 || (power >= 100 && member.userId === room.getCreator())) return "owner";
  if (power >= 100) return "admin";
  return power >= 50 ? "moderator" : "member";
}
