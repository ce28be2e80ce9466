/** The image packs of rooms, spaces and the account: which of them there are where, and how they are changed. */
import {
  ClientEvent,
  type MatrixClient,
  type MatrixEvent,
  type Room,
  RoomEvent,
  RoomStateEvent,
} from "matrix-js-sdk/lib/matrix.js";
import {
  type ImagePack,
  OWN_PACK,
  PACK_ROOMS,
  packContent,
  type PackImage,
  type PackUse,
  readPack,
  readPackRooms,
  ROOM_PACK,
  withPackRoom,
} from "../lib/imagepacks.ts";
import { Derived } from "../lib/observable.ts";
import { looksOf } from "./pictures.ts";
import type { Rooms } from "./rooms/rooms.ts";
import type { Spaces } from "./spaces.ts";

export interface PackChange {
  name: string;
  attribution: string;
  uses: readonly PackUse[];
  images: readonly (Pick<PackImage, "code" | "name"> & ({ mxc: string; info: PackImage["info"] } | { file: File }))[];
}

export class ImagePacks {
  private readonly packs = new Map<string, Derived<readonly ImagePack[]>>();

  constructor(
    private readonly client: MatrixClient,
    private readonly spaces: Spaces,
    private readonly rooms: Rooms,
    /** What the account's own pack is called. */
    private readonly ownName: () => string,
  ) {}

  /** What can be used in a room: what the account uses everywhere, then the room's own, then those of its spaces. */
  in(roomId: string): Derived<readonly ImagePack[]> {
    let packs = this.packs.get(roomId);
    if (packs === undefined) {
      packs = new Derived<readonly ImagePack[]>(
        () => this.read(roomId),
        (changed) => this.attach(changed),
      );
      this.packs.set(roomId, packs);
    }
    return packs;
  }

  /** Whether one may add and change the packs of a room. */
  mayEdit(roomId: string): boolean {
    const room = this.client.getRoom(roomId);
    return room?.getMyMembership() === "join" && room.currentState.maySendStateEvent(ROOM_PACK[0], room.myUserId);
  }

  /** Uses a pack of a room in all rooms, or no longer. */
  async setEverywhere({ place }: ImagePack, on: boolean): Promise<void> {
    if (place === undefined) return;
    const content = this.accountData(PACK_ROOMS[0]) ?? this.accountData(PACK_ROOMS[1]) ?? {};
    await this.client.setAccountData(PACK_ROOMS[0] as never, withPackRoom(content, place, on) as never);
  }

  /** Changes a pack, or makes one: of a room, or without a place the account's own. New pictures are uploaded first. */
  async save(place: ImagePack["place"], change: PackChange): Promise<void> {
    const images = [];
    for (const image of change.images) {
      if ("mxc" in image) images.push(image);
      else images.push({ code: image.code, name: image.name, ...(await this.upload(image.file)) });
    }
    const content = packContent(this.contentOf(place) ?? {}, change, images);
    if (place === undefined) await this.client.setAccountData(OWN_PACK as never, content as never);
    else await this.client.sendStateEvent(place.roomId, ROOM_PACK[0] as never, content as never, place.key);
  }

  /** Removes a pack of a room, under both of its names. */
  async remove({ place }: ImagePack): Promise<void> {
    if (place === undefined) return;
    const room = this.client.getRoom(place.roomId);
    for (const type of ROOM_PACK) {
      if (room?.currentState.getStateEvents(type, place.key) === null) continue;
      await this.client.sendStateEvent(place.roomId, type as never, {} as never, place.key);
    }
  }

  private async upload(file: File): Promise<{ mxc: string; info: Record<string, unknown> }> {
    const looks = await looksOf(file).catch(() => ({}));
    const { content_uri: mxc } = await this.client.uploadContent(file, { type: file.type });
    return { mxc, info: { mimetype: file.type, size: file.size, ...looks } };
  }

  private read(roomId: string): readonly ImagePack[] {
    const found = new Map<string, ImagePack>();
    const add = (pack: ImagePack | undefined) => {
      if (pack !== undefined && !found.has(pack.id)) found.set(pack.id, pack);
    };
    const own = this.accountData(OWN_PACK);
    const readOwn = own && readPack(own, this.ownName());
    if (readOwn !== undefined) add({ id: "own", ...readOwn, everywhere: true, editable: true });
    const everywhere = this.everywhere();
    for (const { roomId: id, key } of everywhere) {
      const room = this.client.getRoom(id);
      // It is read once it is there: that changes what can be used.
      if (room === null) void this.rooms.require(id).catch(() => undefined);
      else if (room.getMyMembership() === "join") add(this.packOf(room, key, true));
    }
    for (const id of [roomId, ...this.spaces.above(roomId)]) {
      const room = this.client.getRoom(id);
      if (room !== null) for (const key of keysOf(room)) add(this.packOf(room, key, false));
    }
    return [...found.values()];
  }

  private packOf(room: Room, key: string, everywhere: boolean): ImagePack | undefined {
    const place = { roomId: room.roomId, key };
    const content = this.contentOf(place);
    const pack = content && readPack(content, room.name);
    if (pack === undefined) return undefined;
    const avatar = pack.avatar ?? room.getMxcAvatarUrl() ?? undefined;
    return {
      id: `${room.roomId}/${key}`,
      place,
      ...pack,
      ...(avatar === undefined ? {} : { avatar }),
      everywhere,
      editable: this.mayEdit(room.roomId),
    };
  }

  private contentOf(place: ImagePack["place"]): Record<string, unknown> | undefined {
    if (place === undefined) return this.accountData(OWN_PACK);
    const state = this.client.getRoom(place.roomId)?.currentState;
    for (const type of ROOM_PACK) {
      const content = state?.getStateEvents(type, place.key)?.getContent();
      if (content !== undefined) return content;
    }
    return undefined;
  }

  private everywhere(): { roomId: string; key: string }[] {
    return readPackRooms(this.accountData(PACK_ROOMS[0]) ?? this.accountData(PACK_ROOMS[1]));
  }

  private accountData(type: string): Record<string, unknown> | undefined {
    return this.client.getAccountData(type as never)?.getContent();
  }

  private attach(changed: () => void): () => void {
    const types: readonly string[] = [...ROOM_PACK, "m.space.parent"];
    const accountTypes: readonly string[] = [...PACK_ROOMS, OWN_PACK];
    const onState = (event: MatrixEvent) => types.includes(event.getType()) && changed();
    const onData = (event: MatrixEvent) => accountTypes.includes(event.getType()) && changed();
    const { client } = this;
    client.on(RoomStateEvent.Events, onState);
    client.on(ClientEvent.AccountData, onData);
    client.on(RoomEvent.MyMembership, changed);
    return () => {
      client.off(RoomStateEvent.Events, onState);
      client.off(ClientEvent.AccountData, onData);
      client.off(RoomEvent.MyMembership, changed);
    };
  }
}

/** The state keys of a room's packs, in the order in which they were made. */
function keysOf(room: Room): string[] {
  const events = ROOM_PACK.flatMap((type) => room.currentState.getStateEvents(type));
  events.sort((a, b) => a.getTs() - b.getTs());
  return [...new Set(events.map((event) => event.getStateKey() ?? ""))];
}
