/** Finding people and groups, and starting to talk with them. */
import {
  ClientEvent,
  EventType,
  type ICreateRoomOpts,
  KnownMembership,
  type MatrixClient,
  Preset,
  Visibility,
} from "matrix-js-sdk/lib/matrix.js";
import { cleanName, isUserId } from "../lib/text.ts";
import type { Conversations } from "./conversations.ts";
import { nameOf } from "./events.ts";
import type { GroupPage, Person } from "./types.ts";

const PAGE = 30;

export interface NewGroup {
  name: string;
  topic: string;
  public: boolean;
  /** The part before the server name of a public group's address. */
  alias: string;
  invite: readonly string[];
}

export class Directory {
  constructor(
    private readonly client: MatrixClient,
    private readonly conversations: Conversations,
  ) {}

  async searchPeople(term: string): Promise<Person[]> {
    const { results } = await this.client.searchUserDirectory({ term, limit: 30 });
    const people = results.map(
      ({ user_id, display_name, avatar_url }): Person => ({
        id: user_id,
        name: nameOf(display_name, user_id),
        avatar: avatar_url ?? undefined,
      }),
    );
    if (isUserId(term) && !people.some(({ id }) => id === term)) people.unshift(...(await this.lookUp(term)));
    return people.filter(({ id }) => id !== this.client.getUserId());
  }

  /** Opens the direct chat with somebody, and makes one if there is none. Answers with its room id. */
  async startDirect(userId: string): Promise<string> {
    const existing = this.conversations.directWith(userId);
    if (existing?.membership === "invite") await this.join(existing.id, userId);
    if (existing !== undefined) return existing.id;
    const { room_id: roomId } = await this.client.createRoom({
      preset: Preset.TrustedPrivateChat,
      is_direct: true,
      invite: [userId],
    });
    await this.markDirect(roomId, userId);
    return this.arrived(roomId);
  }

  async createGroup(group: NewGroup): Promise<string> {
    const options: ICreateRoomOpts = {
      preset: group.public ? Preset.PublicChat : Preset.PrivateChat,
      visibility: group.public ? Visibility.Public : Visibility.Private,
      name: group.name,
      topic: group.topic || undefined,
      room_alias_name: group.public && group.alias !== "" ? group.alias : undefined,
      invite: [...group.invite],
    };
    const { room_id: roomId } = await this.client.createRoom(options);
    return this.arrived(roomId);
  }

  async browseGroups(term: string, since?: string): Promise<GroupPage> {
    const answer = await this.client.publicRooms({
      limit: PAGE,
      since,
      filter: term === "" ? undefined : { generic_search_term: term },
    });
    const groups = answer.chunk
      .filter(({ room_type }) => room_type === undefined)
      .map((room) => ({
        id: room.room_id,
        name: cleanName(room.name ?? "") || room.canonical_alias || room.room_id,
        alias: room.canonical_alias,
        topic: room.topic,
        avatar: room.avatar_url,
        memberCount: room.num_joined_members,
        joined: this.client.getRoom(room.room_id)?.getMyMembership() === "join",
      }));
    return { groups, next: answer.next_batch };
  }

  /** Joins by room id or alias; `peer` marks the room as the direct chat with that person. */
  async join(roomIdOrAlias: string, peer?: string): Promise<string> {
    const { roomId } = await this.client.joinRoom(roomIdOrAlias);
    if (peer !== undefined) await this.markDirect(roomId, peer);
    return this.arrived(roomId);
  }

  async decline(roomId: string): Promise<void> {
    await this.client.leave(roomId);
    // At once, not with the next sync: the invitation has been answered.
    this.client.getRoom(roomId)?.updateMyMembership(KnownMembership.Leave);
  }

  /** The room that an alias names. */
  async resolve(alias: string): Promise<string> {
    return (await this.client.getRoomIdForAlias(alias)).room_id;
  }

  private async lookUp(userId: string): Promise<Person[]> {
    try {
      const profile = await this.client.getProfileInfo(userId);
      return [{ id: userId, name: nameOf(profile.displayname, userId), avatar: profile.avatar_url }];
    } catch {
      return [];
    }
  }

  private async markDirect(roomId: string, userId: string): Promise<void> {
    const content = { ...this.client.getAccountData(EventType.Direct)?.getContent() } as Record<string, string[]>;
    const rooms = content[userId] ?? [];
    if (rooms.includes(roomId)) return;
    await this.client.setAccountData(EventType.Direct, { ...content, [userId]: [roomId, ...rooms] });
  }

  /** Resolves when the sync has brought the room as joined: only then can it be shown. */
  private arrived(roomId: string): Promise<string> {
    const here = () => this.client.getRoom(roomId)?.getMyMembership() === "join";
    if (here()) return Promise.resolve(roomId);
    return new Promise((resolve) => {
      const check = () => {
        if (!here()) return;
        this.client.off(ClientEvent.Sync, check);
        resolve(roomId);
      };
      this.client.on(ClientEvent.Sync, check);
    });
  }
}
