/** Spaces: which of them this account is in or invited to, what is in them, and how that is changed. */
import {
  ClientEvent,
  EventType,
  type ICreateRoomOpts,
  type MatrixClient,
  type MatrixEvent,
  Preset,
  type Room,
  RoomEvent,
  RoomStateEvent,
  RoomType,
  Visibility,
} from "matrix-js-sdk/lib/matrix.js";
import { Observable } from "../lib/observable.ts";
import { deepEqual } from "../lib/equal.ts";
import { byOrder, readSpaceChild, roomsWithin, type SpaceChild, topSpaces } from "../lib/spaces.ts";
import { cleanName } from "../lib/text.ts";
import type { Directory } from "./directory.ts";
import { wayIn } from "./directory.ts";
import { personOf } from "./events.ts";
import type { Rooms } from "./rooms/rooms.ts";
import type { Membership, Space, SpacePage } from "./types.ts";

const CHILD = EventType.SpaceChild;
const PAGE = 50;

export interface NewSpace {
  name: string;
  topic: string;
  public: boolean;
  /** The part before the server name of a public space's address. */
  alias: string;
  picture?: File;
}

export class Spaces {
  /** Invitations first, then the spaces that stand in no other, by name. */
  readonly list = new Observable<readonly Space[]>([]);
  private scheduled = false;

  constructor(
    private readonly client: MatrixClient,
    private readonly directory: Directory,
    private readonly rooms: Rooms,
  ) {
    const touch = (room: Room | undefined) => {
      if (room?.isSpaceRoom() === true) this.touch();
    };
    client.on(ClientEvent.Room, touch);
    client.on(ClientEvent.DeleteRoom, () => this.touch());
    client.on(RoomEvent.Name, touch);
    client.on(RoomEvent.MyMembership, touch);
    client.on(RoomStateEvent.Events, (_event: MatrixEvent, { roomId }) => touch(client.getRoom(roomId) ?? undefined));
  }

  /** Called once the first batch of rooms has arrived. */
  start(): void {
    this.update();
  }

  get(spaceId: string): Space | undefined {
    return this.list.get().find(({ id }) => id === spaceId);
  }

  isSpace(roomId: string): boolean {
    return this.client.getRoom(roomId)?.isSpaceRoom() === true;
  }

  /** A page of what is directly in a space, also of one that this account is not in, as far as the server tells. */
  async browse(spaceId: string, from?: string): Promise<SpacePage> {
    const answer = await this.client.getRoomHierarchy(spaceId, PAGE, 1, false, from);
    const root = answer.rooms.find(({ room_id }) => room_id === spaceId);
    const relations = new Map(
      (root?.children_state ?? []).flatMap((event): [string, SpaceChild][] => {
        const child = readSpaceChild(event.state_key, event.content as Record<string, unknown>, event.origin_server_ts);
        return child === undefined ? [] : [[child.id, child]];
      }),
    );
    const rooms = answer.rooms
      .filter(({ room_id }) => room_id !== spaceId)
      .map((room) => ({
        id: room.room_id,
        name: cleanName(room.name ?? "") || room.canonical_alias || room.room_id,
        topic: room.topic,
        avatar: room.avatar_url,
        memberCount: room.num_joined_members,
        space: room.room_type === RoomType.Space,
        way: wayIn(room.join_rule),
        suggested: relations.get(room.room_id)?.suggested ?? false,
        via: relations.get(room.room_id)?.via ?? [],
      }));
    return { rooms, next: answer.next_batch };
  }

  async create(space: NewSpace): Promise<string> {
    const state: ICreateRoomOpts["initial_state"] = [
      {
        type: EventType.RoomHistoryVisibility,
        state_key: "",
        content: { history_visibility: space.public ? "world_readable" : "invited" },
      },
    ];
    if (space.picture !== undefined) {
      const { content_uri: url } = await this.client.uploadContent(space.picture, { type: space.picture.type });
      state.push({ type: EventType.RoomAvatar, state_key: "", content: { url } });
    }
    const { room_id: roomId } = await this.client.createRoom({
      preset: space.public ? Preset.PublicChat : Preset.PrivateChat,
      visibility: space.public ? Visibility.Public : Visibility.Private,
      name: space.name,
      topic: space.topic || undefined,
      room_alias_name: space.public && space.alias !== "" ? space.alias : undefined,
      creation_content: { type: RoomType.Space },
      // Nobody talks in a space itself.
      power_level_content_override: { events_default: 100, invite: space.public ? 0 : 50 },
      initial_state: state,
    });
    return this.directory.arrived(roomId);
  }

  /** Puts a room into a space, and says in the room to which space it belongs, where one may. */
  async add(spaceId: string, roomId: string, suggested = false): Promise<void> {
    await this.rooms.require(roomId);
    const via = this.serversOf(roomId);
    const before = this.client.getRoom(spaceId)?.currentState.getStateEvents(CHILD, roomId)?.getContent() ?? {};
    await this.client.sendStateEvent(spaceId, CHILD, { ...before, via, suggested }, roomId);
    const room = this.client.getRoom(roomId);
    if (room?.currentState.maySendStateEvent(EventType.SpaceParent, room.myUserId) !== true) return;
    const parents = room.currentState.getStateEvents(EventType.SpaceParent);
    const canonical = !parents.some((event) => event.getContent().canonical === true);
    const parent = { via: this.serversOf(spaceId), canonical };
    // The space says what is in it; the room's own word only helps others to find that.
    await this.client.sendStateEvent(roomId, EventType.SpaceParent, parent, spaceId).catch(() => undefined);
  }

  /** Takes a room out of a space. Whoever is in the room stays in it. */
  async remove(spaceId: string, roomId: string): Promise<void> {
    await this.rooms.require(roomId);
    await this.client.sendStateEvent(spaceId, CHILD, {}, roomId);
    const room = this.client.getRoom(roomId);
    const said = room?.currentState.getStateEvents(EventType.SpaceParent, spaceId) ?? null;
    if (said === null || room?.currentState.maySendStateEvent(EventType.SpaceParent, room.myUserId) !== true) return;
    await this.client.sendStateEvent(roomId, EventType.SpaceParent, {} as never, spaceId).catch(() => undefined);
  }

  /** The spaces that a room says it belongs to, the nearest first: only those that this account is in. */
  above(roomId: string): string[] {
    const found: string[] = [];
    let next: string | undefined = roomId;
    while (next !== undefined && found.length < 8) {
      const events: MatrixEvent[] = this.client.getRoom(next)?.currentState.getStateEvents(EventType.SpaceParent) ?? [];
      const said = events.filter((event) => Array.isArray(event.getContent().via));
      const parent: MatrixEvent | undefined = said.find((event) => event.getContent().canonical === true) ?? said[0];
      next = parent?.getStateKey();
      if (next === undefined || next === roomId || found.includes(next)) break;
      if (this.client.getRoom(next)?.getMyMembership() !== "join") break;
      found.push(next);
    }
    return found;
  }

  private touch(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setTimeout(() => {
      this.scheduled = false;
      this.update();
    }, 0);
  }

  private update(): void {
    const rooms = this.client.getRooms().filter((room) => room.isSpaceRoom());
    const joined = rooms.filter((room) => room.getMyMembership() === "join");
    const children = new Map(joined.map((room) => [room.roomId, childrenOf(room)]));
    const invited = rooms.filter((room) => room.getMyMembership() === "invite");
    const top = new Set(topSpaces(children));
    const described = [...invited, ...joined].map((room) => this.describe(room, children, top.has(room.roomId)));
    described.sort(byPlace);
    if (!deepEqual(described, this.list.get())) this.list.set(described);
  }

  private describe(room: Room, children: ReadonlyMap<string, readonly SpaceChild[]>, top: boolean): Space {
    const { roomId: id, myUserId: me } = room;
    const membership = room.getMyMembership() as Membership;
    const joined = membership === "join";
    const topic: unknown = room.currentState.getStateEvents(EventType.RoomTopic, "")?.getContent().topic;
    const inviter = membership === "invite" ? room.getMember(me)?.events.member?.getSender() : undefined;
    return {
      id,
      name: room.name,
      avatar: room.getMxcAvatarUrl() ?? undefined,
      topic: typeof topic === "string" ? topic : "",
      membership,
      top,
      ...(inviter === undefined ? {} : { inviter: personOf(room, inviter) }),
      children: [...(children.get(id) ?? [])].map((child) => child.id),
      rooms: roomsWithin(id, children),
      manages: joined && room.currentState.maySendStateEvent(CHILD, me),
    };
  }

  private serversOf(roomId: string): string[] {
    const own = this.client.getDomain() ?? "";
    const servers = new Map<string, number>();
    for (const { userId, powerLevel } of this.client.getRoom(roomId)?.getJoinedMembers() ?? []) {
      const server = userId.slice(userId.indexOf(":") + 1);
      servers.set(server, Math.max(servers.get(server) ?? 0, powerLevel));
    }
    servers.delete(own);
    const others = [...servers].sort((a, b) => b[1] - a[1]).map(([server]) => server);
    return [own, ...others].slice(0, 3);
  }
}

function childrenOf(room: Room): SpaceChild[] {
  return room.currentState
    .getStateEvents(CHILD)
    .flatMap((event) => readSpaceChild(event.getStateKey() ?? "", event.getContent(), event.getTs()) ?? [])
    .sort(byOrder);
}

function byPlace(a: Space, b: Space): number {
  const invitation = (space: Space) => (space.membership === "invite" ? 0 : 1);
  return invitation(a) - invitation(b) || a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
}
