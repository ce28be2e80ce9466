/** What stands in a space, page by page, as the server tells of it. */
import { attachAll, Derived, Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import { type Problem, problemOf } from "../matrix/errors.ts";
import type { Membership, SpaceRoom } from "../matrix/types.ts";

export interface SpaceRow extends SpaceRoom {
  membership?: Membership;
}

export interface SpaceSnapshot {
  rooms?: readonly SpaceRow[];
  more: boolean;
  busy: boolean;
  problem?: Problem;
}

/** Which rooms of a space are shown. */
export type RoomFilter = "all" | "joined" | "open" | "suggested" | "spaces";

const FILTERS: Readonly<Record<RoomFilter, (row: SpaceRow) => boolean>> = {
  all: () => true,
  joined: ({ membership }) => membership === "join",
  open: ({ membership }) => membership !== "join",
  suggested: ({ suggested }) => suggested,
  spaces: ({ space }) => space,
};

/** The filters that leave something and take something away. */
export function filtersFor(rows: readonly SpaceRow[]): RoomFilter[] {
  const names = Object.keys(FILTERS) as RoomFilter[];
  return names.filter((name) => {
    const left = rows.filter(FILTERS[name]).length;
    return name === "all" || (left > 0 && left < rows.length);
  });
}

/** What a filter and words leave, in the order of the space. */
export function roomsShown(rows: readonly SpaceRow[], filter: RoomFilter, term: string): readonly SpaceRow[] {
  const wanted = term.toLocaleLowerCase();
  return rows.filter(
    (row) => FILTERS[filter](row) && `${row.name} ${row.topic ?? ""}`.toLocaleLowerCase().includes(wanted),
  );
}

interface Loaded {
  rooms?: readonly SpaceRoom[];
  next?: string;
  busy: boolean;
  problem?: Problem;
}

export class SpaceModel {
  readonly snapshot: Derived<SpaceSnapshot>;
  private readonly loaded = new Observable<Loaded>({ busy: true });
  private run = 0;

  constructor(
    private readonly account: Account,
    private readonly spaceId: string,
  ) {
    const { conversations, spaces } = account;
    this.snapshot = new Derived(() => this.build(), attachAll(this.loaded, conversations.list, spaces.list));
  }

  /** Reads the space, and again when something was added or removed, until the returned function is called. */
  readonly watch = (): (() => void) => {
    let before = this.childrenNow();
    const stop = this.account.spaces.list.subscribe(() => {
      const now = this.childrenNow();
      if (now === before) return;
      before = now;
      void this.load();
    });
    void this.load();
    return () => {
      this.run++;
      stop();
    };
  };

  readonly load = async (): Promise<void> => {
    const run = ++this.run;
    this.loaded.set({ ...this.loaded.get(), busy: true, problem: undefined });
    await this.page(run, undefined);
  };

  readonly more = async (): Promise<void> => {
    const { next, busy } = this.loaded.get();
    if (next === undefined || busy) return;
    this.loaded.set({ ...this.loaded.get(), busy: true, problem: undefined });
    await this.page(this.run, next);
  };

  private async page(run: number, from: string | undefined): Promise<void> {
    const before = this.loaded.get();
    try {
      const page = await this.account.spaces.browse(this.spaceId, from);
      if (run !== this.run) return;
      const rooms = from === undefined ? page.rooms : [...(before.rooms ?? []), ...page.rooms];
      this.loaded.set({ rooms, next: page.next, busy: false });
    } catch (error) {
      if (run === this.run) this.loaded.set({ ...before, busy: false, problem: problemOf(error) });
    }
  }

  private childrenNow(): string {
    return (this.account.spaces.get(this.spaceId)?.children ?? []).join(" ");
  }

  private build(): SpaceSnapshot {
    const { rooms, next, busy, problem } = this.loaded.get();
    return {
      rooms: rooms?.map((room) => ({ ...room, membership: this.membershipIn(room) })),
      more: next !== undefined,
      busy,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  private membershipIn({ id, space }: SpaceRoom): Membership | undefined {
    const { conversations, spaces } = this.account;
    return space ? spaces.get(id)?.membership : conversations.get(id)?.membership;
  }
}
