/**
 * Rooms that one was removed from stay in the list until they are forgotten, so that one learns of it. A sync after a
 * restart does not tell of them; their ids are noted here, so that they are asked for then.
 */
import type { Room } from "matrix-js-sdk/lib/matrix.js";

/** By user id. */
const KEY = "im2.removals:";
const LIMIT = 100;

export class Removals {
  private ids: Set<string>;

  constructor(private readonly userId: string) {
    this.ids = read(userId);
  }

  get all(): readonly string[] {
    return [...this.ids];
  }

  set(roomId: string, removed: boolean): void {
    if (this.ids.has(roomId) === removed) return;
    if (removed) this.ids.add(roomId);
    else this.ids.delete(roomId);
    this.ids = new Set([...this.ids].slice(-LIMIT));
    localStorage.setItem(KEY + this.userId, JSON.stringify([...this.ids]));
  }
}

/** Whether somebody else ended one's membership: removed or banned, not a refused invitation. */
export function wasRemoved(room: Room): boolean {
  const membership = room.getMyMembership();
  if (membership !== "leave" && membership !== "ban") return false;
  const event = room.getMember(room.myUserId)?.events.member;
  if (event === undefined || event.getSender() === room.myUserId) return false;
  const before: unknown = event.getPrevContent().membership;
  return before === "join" || (membership === "ban" && before !== "leave");
}

function read(userId: string): Set<string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY + userId) ?? "[]");
    return new Set(Array.isArray(stored) ? stored.filter((id): id is string => typeof id === "string") : []);
  } catch {
    return new Set();
  }
}
