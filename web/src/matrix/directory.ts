/** Finding people and groups, and starting to talk with them. */
import {
  ClientEvent,
  Direction,
  EventType,
  type ICreateRoomOpts,
  KnownMembership,
  type MatrixClient,
  Preset,
  Room,
  RoomType,
  Visibility,
} from "matrix-js-sdk/lib/matrix.js";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend.js";
import { eventLevels } from "../lib/powers.ts";
import { cleanName, isUserId } from "../lib/text.ts";
import type { Conversations } from "./conversations.ts";
import { problemOf } from "./errors.ts";
import { nameOf } from "./events.ts";
import type { Rooms } from "./rooms/rooms.ts";
import type { GroupPage, MessageSummary, Person, RoomOutline } from "./types.ts";
import { summaryOf } from "./lookup.ts";

const PAGE = 30;
/** Messages that are shown of a room before one joins it. */
const PEEKED = 8;

export interface NewGroup {
  name: string;
  topic: string;
  public: boolean;
  /** The part before the server name of a public group's address. */
  alias: string;
  invite: readonly string[];
  /** Encrypted from its first message on; a public group never is. */
  encrypted: boolean;
  /** The space that it is made in: whoever is in that may join a group that is not public. */
  space?: string;
}

/** What makes a new room encrypted. */
const ENCRYPTION = {
  type: EventType.RoomEncryption,
  state_key: "",
  content: { algorithm: "m.megolm.v1.aes-sha2" },
};

export class Directory {
  private encryption: Promise<boolean> | undefined;

  constructor(
    private readonly client: MatrixClient,
    private readonly conversations: Conversations,
    private readonly rooms: Rooms,
  ) {}

  /** Whether new direct chats and private groups are encrypted: yes, unless the server's operator says otherwise. */
  encryptsByDefault(): Promise<boolean> {
    this.encryption ??= readEncryptionDefault(this.client.getHomeserverUrl());
    return this.encryption;
  }

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

  /**
   * Opens the direct chat with somebody, and makes one if there is none. Answers with its room id. A note goes with the
   * invitation, where everybody who sees that may read it.
   */
  async startDirect(userId: string, note = ""): Promise<string> {
    const existing = this.conversations.directWith(userId);
    if (existing?.membership === "invite") await this.join(existing.id, userId);
    // They declined, or have left since: they are asked again, and what was said is still there.
    if (existing?.peerMembership === "leave") await this.inviteWithNote(existing.id, userId, note);
    if (existing !== undefined) return existing.id;
    const { room_id: roomId } = await this.client.createRoom({
      preset: Preset.TrustedPrivateChat,
      is_direct: true,
      invite: note === "" ? [userId] : [],
      ...(await this.callsForAll()),
      initial_state: (await this.encryptsByDefault()) ? [ENCRYPTION] : [],
    });
    if (note !== "") await this.inviteWithNote(roomId, userId, note);
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
      ...(await this.callsForAll()),
      initial_state: [
        ...(group.encrypted && !group.public ? [ENCRYPTION] : []),
        ...(group.space !== undefined && !group.public
          ? [{ type: EventType.RoomJoinRules, state_key: "", content: membersOf(group.space) }]
          : []),
      ],
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
      .filter(({ room_type }) => room_type === undefined || room_type === RoomType.Space)
      .map((room) => ({
        id: room.room_id,
        name: cleanName(room.name ?? "") || room.canonical_alias || room.room_id,
        alias: room.canonical_alias,
        topic: room.topic,
        avatar: room.avatar_url,
        memberCount: room.num_joined_members,
        joined: this.rooms.isJoined(room.room_id),
        space: room.room_type === RoomType.Space,
      }));
    return { groups, next: answer.next_batch };
  }

  /**
   * Joins by room id or alias; `peer` marks the room as the direct chat with that person, `via` names servers that know a
   * room of which only the id is known here.
   */
  async join(roomIdOrAlias: string, peer?: string, via: readonly string[] = []): Promise<string> {
    const { roomId } = await this.client.joinRoom(roomIdOrAlias, via.length === 0 ? {} : { viaServers: [...via] });
    if (peer !== undefined) await this.markDirect(roomId, peer);
    return this.arrived(roomId);
  }

  /** Asks to join a room that lets people in by request. */
  async knock(roomIdOrAlias: string, reason: string): Promise<string> {
    const { room_id: roomId } = await this.client.knockRoom(roomIdOrAlias, { reason: reason.trim() || undefined });
    return roomId;
  }

  /** What the server tells outsiders about a room; nothing where it tells nothing. */
  async outline(roomIdOrAlias: string): Promise<RoomOutline | undefined> {
    try {
      const summary = await this.client.getRoomSummary(roomIdOrAlias);
      return {
        id: summary.room_id,
        name: cleanName(summary.name ?? "") || summary.canonical_alias || roomIdOrAlias,
        topic: summary.topic,
        avatar: summary.avatar_url,
        memberCount: summary.num_joined_members,
        way: wayIn(summary.join_rule),
        knocked: summary.membership === "knock",
        space: summary.room_type === RoomType.Space,
        readable: summary.world_readable,
      };
    } catch {
      return undefined;
    }
  }

  /** What was said last in a room that everybody may read, oldest first. */
  async peek(roomId: string): Promise<readonly MessageSummary[]> {
    const answer = await this.client.createMessagesRequest(roomId, null, PEEKED * 3, Direction.Backward);
    const mapper = this.client.getEventMapper({ preventReEmit: true });
    // It knows nobody: people are called by their addresses.
    const room = new Room(roomId, this.client, this.client.getSafeUserId());
    const said = answer.chunk.flatMap((event) => summaryOf(mapper(event), room) ?? []);
    return said
      .filter(({ body }) => body.kind !== "change")
      .slice(0, PEEKED)
      .reverse();
  }

  async decline(roomId: string): Promise<void> {
    await this.client.leave(roomId);
    // At once, not with the next sync: the invitation has been answered.
    this.client.getRoom(roomId)?.updateMyMembership(KnownMembership.Leave);
    this.rooms.drop(roomId);
  }

  /** Takes back the invitation to a direct chat and leaves it. False where the invitation stands, for want of power. */
  async withdraw(roomId: string, userId: string): Promise<boolean> {
    const withdrawn = await this.client.kick(roomId, userId).then(
      () => true,
      (error: unknown) => {
        if (problemOf(error).kind !== "forbidden") throw error;
        return false;
      },
    );
    await this.decline(roomId);
    return withdrawn;
  }

  /** The room that an alias names. */
  async resolve(alias: string): Promise<string> {
    return (await this.client.getRoomIdForAlias(alias)).room_id;
  }

  /** How somebody presents themselves; nothing where the server does not know them. */
  async profile(userId: string): Promise<Person | undefined> {
    try {
      const profile = await this.client.getProfileInfo(userId);
      return { id: userId, name: nameOf(profile.displayname, userId), avatar: profile.avatar_url };
    } catch {
      return undefined;
    }
  }

  private async lookUp(userId: string): Promise<Person[]> {
    const found = await this.profile(userId);
    return found === undefined ? [] : [found];
  }

  /** `/invite` takes a reason, but does not say that the room is a direct chat: only the member event says both. */
  private async inviteWithNote(roomId: string, userId: string, reason: string): Promise<void> {
    // Unlike with `/invite`, the name and the picture of the invited are up to who writes the event.
    const profile = await this.client.getProfileInfo(userId).catch(() => ({}));
    const membership = KnownMembership.Invite;
    await this.shareHistory(roomId, userId);
    const content = { ...named(profile), membership, is_direct: true, ...(reason === "" ? {} : { reason }) } as const;
    await this.client.sendStateEvent(roomId, EventType.RoomMember, content, userId);
  }

  /** With `/invite` the SDK does this itself: who is asked back reads what was said (MSC4268). */
  private async shareHistory(roomId: string, userId: string): Promise<void> {
    const room = this.client.getRoom(roomId);
    const visibility = room?.getHistoryVisibility();
    if (room?.hasEncryptionStateEvent() !== true || visibility === "invited" || visibility === "joined") return;
    const crypto = this.client.getCrypto() as CryptoBackend | undefined;
    await crypto
      ?.shareRoomHistoryWithUser(roomId, userId)
      .catch((error) => console.warn("no history was shared", error));
  }

  /**
   * Lets everybody in a new room take part in its calls, which the specification leaves to moderators. What a request says
   * of events takes the place of all that the server would have said, which depends on the version of the room.
   */
  private async callsForAll(): Promise<Pick<ICreateRoomOpts, "room_version" | "power_level_content_override">> {
    const capabilities = await this.client.getCapabilities().catch(() => undefined);
    const version = capabilities?.["m.room_versions"]?.default;
    if (version === undefined) return {};
    return { room_version: version, power_level_content_override: { events: eventLevels(version) } };
  }

  private async markDirect(roomId: string, userId: string): Promise<void> {
    const content = { ...this.client.getAccountData(EventType.Direct)?.getContent() } as Record<string, string[]>;
    const rooms = content[userId] ?? [];
    if (rooms.includes(roomId)) return;
    await this.client.setAccountData(EventType.Direct, { ...content, [userId]: [roomId, ...rooms] });
  }

  /** Resolves when the sync has brought the room as joined: only then can it be shown. */
  arrived(roomId: string): Promise<string> {
    const here = () => this.rooms.isJoined(roomId);
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

/** The server's `io.element.e2ee` setting, which other clients follow as well. */
async function readEncryptionDefault(homeserver: string): Promise<boolean> {
  try {
    const response = await fetch(new URL("/.well-known/matrix/client", homeserver));
    const answer = (await response.json()) as { "io.element.e2ee"?: { default?: unknown } };
    return answer["io.element.e2ee"]?.default !== false;
  } catch {
    return true;
  }
}

/** The join rule that lets in whoever is in a space. */
export function membersOf(space: string) {
  return { join_rule: "restricted", allow: [{ type: "m.room_membership", room_id: space }] };
}

/** `restricted` lets some people in; whether one is among them only trying tells. */
export function wayIn(rule: string | undefined): RoomOutline["way"] {
  if (rule === "knock" || rule === "knock_restricted") return "knock";
  return rule === "invite" || rule === "private" ? "invite" : "join";
}

function named({ displayname, avatar_url }: { displayname?: string; avatar_url?: string }) {
  return { ...(displayname === undefined ? {} : { displayname }), ...(avatar_url === undefined ? {} : { avatar_url }) };
}
