/** The list of conversations as it is shown: filtered, pinned first. */
import { attachAll, Derived, Observable } from "../lib/observable.ts";
import type { Account } from "../matrix/account.ts";
import type { ConnectionStatus, Conversation } from "../matrix/types.ts";

export type ChatFilter = "all" | "unread" | "people" | "groups";
export const FILTERS: readonly ChatFilter[] = ["all", "unread", "people", "groups"];

export interface ChatsSnapshot {
  filter: ChatFilter;
  rows: readonly Conversation[];
  /** Conversations before filtering: tells an empty list from an empty account. */
  total: number;
  loading: boolean;
  /** Conversations that have something new. */
  unread: number;
}

export class ChatsModel {
  private readonly filter = new Observable<ChatFilter>("all");
  readonly snapshot: Derived<ChatsSnapshot>;

  constructor(account: Account) {
    const { list } = account.conversations;
    this.snapshot = new Derived(
      () => snapshotOf(list.get(), this.filter.get(), account.status.get()),
      attachAll(list, this.filter, account.status),
    );
  }

  readonly setFilter = (filter: ChatFilter): void => this.filter.set(filter);
}

export function snapshotOf(all: readonly Conversation[], filter: ChatFilter, status: ConnectionStatus): ChatsSnapshot {
  const matching = all.filter((conversation) => matches(conversation, filter));
  const first = matching.filter((conversation) => rank(conversation) === 0);
  const pinned = matching.filter((conversation) => rank(conversation) === 1);
  const rest = matching.filter((conversation) => rank(conversation) === 2);
  return {
    filter,
    rows: [...first, ...pinned, ...rest],
    total: all.length,
    loading: all.length === 0 && status === "starting",
    unread: all.filter(isUnread).length,
  };
}

/** Something that wants attention; what is muted only counts when it mentions one. */
export function isUnread(conversation: Conversation): boolean {
  if (conversation.membership === "invite") return true;
  return conversation.highlights > 0 || (conversation.unread > 0 && !conversation.muted);
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
