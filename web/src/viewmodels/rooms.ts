/**
 * One model for each conversation of an account, for as long as the account is open: what somebody was doing there (where
 * they had scrolled to, what they were answering or changing) is still so when they come back to it.
 */
import type { Account } from "../matrix/account.ts";
import type { RoomHandle } from "../matrix/room.ts";
import { ComposerModel } from "./composer.ts";
import { ConversationModel } from "./conversation.ts";

/** Conversations that were not looked at for longest make room beyond this. */
const LIMIT = 100;

/** A conversation or a thread, and what is written in it. */
export interface Room {
  conversation: ConversationModel;
  composer: ComposerModel;
}

const byAccount = new WeakMap<Account, Map<string, Room>>();
const composers = new WeakMap<ConversationModel, ComposerModel>();

/** The model of a conversation that can be read here; that of a thread where its root is named. */
export function modelOf(account: Account, roomId: string, room: RoomHandle, threadId?: string): ConversationModel {
  let rooms = byAccount.get(account);
  if (rooms === undefined) {
    rooms = new Map();
    byAccount.set(account, rooms);
  }
  const key = threadId === undefined ? roomId : `${roomId}/${threadId}`;
  const known = rooms.get(key);
  // One that was left and joined again has another handle.
  const found = known?.conversation.room === room ? known : make(account, roomId, room, threadId);
  // The one used last stands at the end.
  rooms.delete(key);
  rooms.set(key, found);
  for (const oldest of rooms.keys()) {
    if (rooms.size <= LIMIT) break;
    rooms.delete(oldest);
  }
  return found.conversation;
}

/** What is being written in a conversation. */
export function composerOf(conversation: ConversationModel, account: Account): ComposerModel {
  let found = composers.get(conversation);
  if (found === undefined) {
    found = new ComposerModel(conversation, account);
    composers.set(conversation, found);
  }
  return found;
}

function make(account: Account, roomId: string, room: RoomHandle, threadId: string | undefined): Room {
  const unread = () => account.conversations.get(roomId)?.unread ?? 0;
  const conversation = new ConversationModel(roomId, room, account.status, threadId, unread);
  return { conversation, composer: composerOf(conversation, account) };
}
