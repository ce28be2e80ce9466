/** One joined room: its details, members, and what its administrators do. */
import {
  ClientEvent,
  EventType,
  type MatrixClient,
  type Room,
  RoomEvent,
  type RoomMember,
  RoomMemberEvent,
  RoomStateEvent,
} from "matrix-js-sdk/lib/matrix.js";
import { Derived } from "../lib/observable.ts";
import type { Conversations } from "./conversations.ts";
import { personOfMember } from "./events.ts";
import { setMuted } from "./push.ts";
import { Sending } from "./sending.ts";
import { Timeline } from "./timeline.ts";
import type { Member, Membership, RoleLabel, RoomDetails } from "./types.ts";

export class RoomHandle {
  readonly timeline: Timeline;
  readonly sending: Sending;
  readonly details: Derived<RoomDetails>;
  readonly members: Derived<readonly Member[]>;

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    private readonly conversations: Conversations,
  ) {
    this.timeline = new Timeline(client, room);
    this.sending = new Sending(client, room);
    this.details = new Derived(
      () => this.describe(),
      (changed) => this.attach(changed),
    );
    this.members = new Derived(
      () => this.listMembers(),
      (changed) => this.attach(changed),
    );
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

  async setMuted(muted: boolean): Promise<void> {
    await setMuted(this.client, this.room.roomId, muted);
  }

  async setPinned(pinned: boolean): Promise<void> {
    if (pinned) await this.client.setRoomTag(this.room.roomId, "m.favourite", { order: 0.5 });
    else await this.client.deleteRoomTag(this.room.roomId, "m.favourite");
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
      name: room.name,
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
      can: {
        send: joined && state.maySendMessage(me),
        invite: joined && room.canInvite(me),
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

function powerOf(member: RoomMember | null): number {
  return member?.powerLevel ?? 0;
}

function roleOf(member: RoomMember, room: Room): RoleLabel {
  const power = powerOf(member);
  if (power > 100 || (power >= 100 && member.userId === room.getCreator())) return "owner";
  if (power >= 100) return "admin";
  return power >= 50 ? "moderator" : "member";
}
