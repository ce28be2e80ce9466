/** The list of conversations as it is shown: one folder of it, filtered, pinned first; what was put away at the foot. */
import { attachAll, Derived, Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import type { ConnectionStatus, Conversation, Space } from "../matrix/types.ts";
import { InSight } from "./insight.ts";

export type ChatFilter = "all" | "unread" | "people" | "groups";
export const FILTERS: readonly ChatFilter[] = ["all", "unread", "people", "groups"];

/** A part of the list: everything, the rooms of a space, what somebody has put together themselves, what was put away. */
export type Folder = { kind: "all" | "archive" } | { kind: "space"; id: string } | { kind: "label"; name: string };

export const ALL: Folder = { kind: "all" };

export interface SpaceEntry {
  space: Space;
  /** Conversations in it that have something new. */
  unread: number;
}

export interface LabelEntry {
  name: string;
  unread: number;
}

export interface ChatsSnapshot {
  folder: Folder;
  /** The space whose rooms are shown. */
  space?: Space;
  filter: ChatFilter;
  rows: readonly Conversation[];
  /** Conversations before filtering: tells an empty list from an empty account. */
  total: number;
  loading: boolean;
  /** Conversations that have something new. */
  unread: number;
  /** Invitations, and the spaces that stand in no other. */
  spaces: readonly SpaceEntry[];
  labels: readonly LabelEntry[];
  /** Conversations that were put away, and those of them that have something new. */
  archived: { count: number; unread: number };
}

export class ChatsModel {
  private readonly filter = new Observable<ChatFilter>("all");
  private readonly folder = new Observable<Folder>(ALL);
  readonly snapshot: Derived<ChatsSnapshot>;
  /** Called by the rows that are on the screen. */
  readonly inSight: InSight["add"];

  constructor(account: Account) {
    this.inSight = new InSight((roomIds) => account.loadRooms(roomIds)).add;
    const { list } = account.conversations;
    const spaces = account.spaces.list;
    this.snapshot = new Derived(
      () => snapshotOf(list.get(), this.filter.get(), account.status.get(), this.folder.get(), spaces.get()),
      attachAll(list, this.filter, this.folder, account.status, spaces),
    );
  }

  readonly setFilter = (filter: ChatFilter): void => this.filter.set(filter);

  readonly setFolder = (folder: Folder): void => this.folder.set(folder);
}

export function snapshotOf(
  all: readonly Conversation[],
  filter: ChatFilter,
  status: ConnectionStatus,
  wanted: Folder = ALL,
  spaces: readonly Space[] = [],
): ChatsSnapshot {
  const current = all.filter(({ archived }) => archived !== true);
  const put = all.filter(({ archived }) => archived === true);
  const labels = labelsOf(current);
  const folder = exists(wanted, spaces, labels, put.length) ? wanted : ALL;
  const matching = inFolder(folder, all, spaces).filter((conversation) => matches(conversation, filter));
  const ranked = ([0, 1, 2] as const).flatMap((place) =>
    matching.filter((conversation) => rank(conversation) === place),
  );
  const space = folder.kind === "space" ? spaces.find(({ id }) => id === folder.id) : undefined;
  return {
    folder,
    ...(space === undefined ? {} : { space }),
    filter,
    rows: ranked,
    total: all.length,
    loading: all.length === 0 && status === "starting",
    // What was put away is heard of only when it mentions one.
    unread: current.filter(isUnread).length + put.filter(({ highlights }) => highlights > 0).length,
    spaces: spaces
      .filter(({ top, membership }) => top || membership === "invite")
      .map((space) => ({
        space,
        unread:
          space.membership === "invite"
            ? 1
            : inFolder({ kind: "space", id: space.id }, all, [space]).filter(isUnread).length,
      })),
    labels,
    archived: { count: put.length, unread: put.filter(isUnread).length },
  };
}

/** A folder that has gone gives way to the whole list. */
function exists(folder: Folder, spaces: readonly Space[], labels: readonly LabelEntry[], archived: number): boolean {
  switch (folder.kind) {
    case "all":
      return true;
    case "archive":
      return archived > 0;
    case "space":
      return spaces.some(({ id, membership }) => id === folder.id && membership === "join");
    case "label":
      return labels.some(({ name }) => name === folder.name);
  }
}

function inFolder(folder: Folder, all: readonly Conversation[], spaces: readonly Space[]): readonly Conversation[] {
  const current = all.filter(({ archived }) => (archived === true) === (folder.kind === "archive"));
  switch (folder.kind) {
    case "all":
    case "archive":
      return current;
    case "space": {
      const rooms = new Set(spaces.find(({ id }) => id === folder.id)?.rooms);
      return current.filter(({ id }) => rooms.has(id));
    }
    case "label":
      return current.filter(({ labels }) => labels?.includes(folder.name) === true);
  }
}

function labelsOf(current: readonly Conversation[]): LabelEntry[] {
  const unread = new Map<string, number>();
  for (const conversation of current)
    for (const name of conversation.labels ?? [])
      unread.set(name, (unread.get(name) ?? 0) + (isUnread(conversation) ? 1 : 0));
  return [...unread].map(([name, count]) => ({ name, unread: count })).sort((a, b) => a.name.localeCompare(b.name));
}

/** Something that wants attention; what is muted only counts when it mentions one. */
export function isUnread(conversation: Conversation): boolean {
  if (conversation.membership === "invite") return true;
  return (
    conversation.markedUnread === true ||
    conversation.highlights > 0 ||
    (conversation.unread > 0 && !conversation.muted)
  );
}

/** Invitations come first, then what was pinned. */
function rank(conversation: Conversation): 0 | 1 | 2 {
  if (conversation.membership === "invite") return 0;
  return conversation.pinned ? 1 : 2;
}

function matches(conversation: Conversation, filter: ChatFilter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "unread":
      return isUnread(conversation) || conversation.unread > 0;
    case "people":
      return conversation.direct;
    case "groups":
      return !conversation.direct;
  }
}
