/** In place of IndexedDB, for the tests of this folder. */
import type { BlockInfo, Change, IndexStorage, Place, RoomInfo, Waiting } from "./store.ts";

/** Tables in memory, which can be looked at as somebody who holds the disk would. */
export class Disk implements IndexStorage {
  readonly infos = new Map<number, BlockInfo>();
  readonly contents = new Map<number, ArrayBuffer>();
  readonly known = new Map<string, Place>();
  readonly roomInfos = new Map<string, RoomInfo>();
  readonly late = new Map<string, Waiting>();

  blocks = async () => [...this.infos.values()];
  sealed = async (number: number) => this.contents.get(number);
  places = async (ids: readonly string[]) => ids.flatMap((id) => this.known.get(id) ?? []);
  placesIn = async (block: number) => [...this.known.values()].filter((one) => one.block === block).map(({ id }) => id);
  rooms = async () => [...this.roomInfos.values()];
  waiting = async () => [...this.late.values()];
  close = () => undefined;

  async write(change: Change): Promise<void> {
    for (const { info, sealed } of change.blocks ?? []) {
      this.infos.set(info.number, info);
      this.contents.set(info.number, sealed);
    }
    for (const number of change.emptied ?? []) {
      this.infos.delete(number);
      this.contents.delete(number);
    }
    for (const id of change.gone ?? []) this.known.delete(id);
    for (const place of change.places ?? []) this.known.set(place.id, place);
    for (const id of change.goneRooms ?? []) this.roomInfos.delete(id);
    for (const room of change.rooms ?? []) this.roomInfos.set(room.roomId, room);
    for (const id of change.notWaiting ?? []) this.late.delete(id);
    for (const one of change.waiting ?? []) this.late.set(one.id, one);
  }

  async clear(): Promise<void> {
    for (const table of [this.infos, this.contents, this.known, this.roomInfos, this.late]) table.clear();
  }

  /** Everything that lies there, as text. */
  get raw(): string {
    const tables = [this.infos, this.known, this.roomInfos, this.late].map((table) =>
      JSON.stringify([...table.values()]),
    );
    const bytes = [...this.contents.values()].map((sealed) => Buffer.from(sealed).toString("latin1"));
    return [...tables, ...bytes].join("\n");
  }
}
